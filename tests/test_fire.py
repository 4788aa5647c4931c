"""Python Fire: what is particular to it beside the suite that all frameworks share."""

import asyncio
from typing import Any

import fire
import pytest
from fire import Fire

from conftest import Home, response_in
from tooltrail.integrations.fire import instrument

APP = """
import asyncio, os, sys
import tooltrail
from fire import Fire

class Db:
    def migrate(self, steps=1, *names, force=False, **more):
        print("migrated")
        return [steps, list(names), force, more]

class Tool:
    def __init__(self, verbose=False):
        self.db = Db()
        self.data = {"a": [1, {"b": 2}]}
    def deploy(self, what, times=2):
        print("printed", what)
        print("problem", file=sys.stderr)
        if what == "exit": sys.exit(4)
        if what == "crash": raise ValueError("boom")
        if what == "error":
            raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, hint="free some")
        return what
    def login(self, password="none", user="joe"): return user
    def enter(self, password): return None
    def opened(self): return self
    def mine(self, output="x"): return output
    def number(self): return 3
    async def wait(self, seconds=0):
        await asyncio.sleep(seconds)
        return "waited"

MODE = os.environ.get("INSTRUMENT")
def main():
    Fire(Tool, name="app")
if MODE:
    from tooltrail.integrations.fire import instrument
    main = instrument(main, tool="app", envelope=MODE == "envelope")
sys.exit(main())
"""
CANARY = "hunter2zz"


def shown(value: Any) -> str | None:
    """Name a case after its arguments."""
    return (" ".join(value) or "nothing") if isinstance(value, list) else None


@pytest.mark.parametrize(
    ("arguments", "code", "outcome", "command"),
    [
        (["deploy", "x"], 0, "success", "deploy"),
        (["db", "migrate", "3", "a", "b", "--force", "--extra=9"], 0, "success", "db migrate"),
        (["opened", "opened", "deploy", "x"], 0, "success", "opened opened deploy"),
        (["deploy", "x", "-", "upper"], 0, "success", "deploy upper"),
        (["data", "a", "1", "b"], 0, "success", "data a 1 b"),
        (["wait", "0"], 0, "success", "wait"),
        (["number"], 0, "success", "number"),
        (["deploy", "exit"], 4, "failure", "deploy"),
        (["deploy", "crash"], 1, "crashed", "deploy"),
        (["deploy", "error"], 1, "failure", "deploy"),
        (["deploy"], 2, "usage_error", "deploy"),
        (["nonsense"], 2, "usage_error", "app"),
        (["deploy", "x", "--nonsense", "1"], 2, "usage_error", "deploy"),
        (["--help"], 0, "success", "app"),
        (["deploy", "--help"], 0, "success", "deploy"),
        (["deploy", "x", "--", "--trace"], 0, "success", "deploy"),
    ],
    ids=shown,
)
def test_fires_own_ways_out_are_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str, command: str
) -> None:
    """Results, errors and help are those of the bare tool; the path of members is the command."""
    bare = home.python(APP, *arguments)
    observed = home.python(APP, *arguments, env={"INSTRUMENT": "observe"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert observed.returncode == bare.returncode == code
    end = home.end("app")
    assert (end["outcome"], end["exit_code"], end["command"]) == (outcome, code, command)


def test_params_are_those_of_all_callables_on_the_way_with_defaults(home: Home) -> None:
    """Of the class that is made and of its method: positional, variable, by keyword only."""
    arguments = ["--verbose=True", "db", "migrate", "3", "a", "b", "--extra=9"]
    home.python(APP, *arguments, env={"INSTRUMENT": "observe"})
    made, called = home.events("app", "begin")
    assert made["params"] == {"verbose": True}
    assert called["params"] == {
        "verbose": True,
        "steps": 3,
        "names": ["a", "b"],
        "force": False,
        "extra": 9,
    }


@pytest.mark.parametrize("mode", ["observe", "envelope"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["login", CANARY],
        ["login", "-p", CANARY],
        ["login", "--password", CANARY],
        ["login", f"--password={CANARY}"],
        ["login", f"-p={CANARY}"],
        ["enter", CANARY, "extra"],
        ["enter", "--nonsense", CANARY],
        ["login", "-p", CANARY, "--nonsense", "1"],
    ],
    ids=shown,
)
def test_no_secret_gets_to_the_disk_whether_it_was_parsed_or_not(
    home: Home, arguments: list[str], mode: str
) -> None:
    """Nor by the begin line of the class, which is made before its method is looked at."""
    home.python(APP, *arguments, env={"INSTRUMENT": mode})
    assert home.end("app")
    written = [path for path in home.path.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


def test_arguments_that_are_no_secret_are_whole_in_the_end_line(home: Home) -> None:
    """Only the first begin line, when it is not known yet whose they are, goes without them."""
    home.python(APP, "deploy", "x", "5", env={"INSTRUMENT": "observe"})
    assert home.end("app")["process"]["argv"][1:] == ["deploy", "x", "5"]


@pytest.mark.parametrize("arguments", ["greet bob", "inner", "outer", "nonsense", ""])
def test_the_variables_of_the_caller_are_the_component_where_none_is_given(
    home: Home, arguments: str
) -> None:
    """`fire.Fire()` looks at who called it, and that is still the author's function."""
    code = """
import os
import fire
outer = 5
def greet(name): return "hi " + name
def main():
    inner = 7
    fire.Fire(name="app")
if os.environ.get("INSTRUMENT"):
    from tooltrail.integrations import fire as recording
    main = recording.instrument(main, tool="app")
    del recording
main()
"""
    bare = home.python(code, *arguments.split())
    done = home.python(code, *arguments.split(), env={"INSTRUMENT": "1"})
    if arguments:
        assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode)
        assert done.stderr == bare.stderr
    assert "_tooltrail" not in done.stdout
    assert home.end("app")["exit_code"] == bare.returncode


def test_a_name_that_was_imported_before_is_the_recorded_one(home: Home) -> None:
    """`from fire import Fire` is what most tools have; what it returns is passed on."""

    @instrument(tool="app")
    def main(command: Any) -> Any:
        return Fire({"add": lambda a, b: a + b}, command=command)

    assert main("add 1 2") == 3
    assert main(["add", "1", "2"]) == 3
    for end in home.events("app", "end"):
        assert (end["command"], end["params"]) == ("add", {"a": 1, "b": 2})
        assert end["process"]["argv"][1:] == ["add", "1", "2"]


def test_what_is_fired_outside_of_a_recorded_program_is_left_alone(home: Home) -> None:
    """Fire is wrapped once for all; where nobody records, it does what it did."""
    instrument(lambda: None, tool="app")
    assert fire.Fire({"add": lambda a, b: a + b}, command="add 1 2") == 3
    with pytest.raises(ValueError, match="must be a string or a sequence"):
        Fire({}, command=5)
    with pytest.raises(SystemExit):
        Fire({}, command="nonsense")
    assert not home.data.exists()


def test_a_coroutine_function_stays_one(home: Home) -> None:
    """The result and the entry are those of a plain function."""

    @instrument(tool="app")
    async def main(command: str) -> Any:
        await asyncio.sleep(0)
        return Fire({"add": lambda a, b: a + b}, command=command)

    assert asyncio.run(main("add 1 2")) == 3
    assert home.end("app")["params"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        (["deploy", "x"], "x"),
        (["--output", "json", "deploy", "x"], "x"),
        (["deploy", "x", "--output=json"], "x"),
        (["number"], 3),
        (["wait"], "waited"),
        (["mine", "--output", "text"], "text"),
        (["mine", "--output", "y", "--output-format", "json"], "y"),
    ],
    ids=shown,
)
def test_the_result_is_the_data_of_one_response(
    home: Home, arguments: list[str], data: Any
) -> None:
    """It is not printed beside it; an `output` of the author's is never replaced."""
    done = home.python(APP, *arguments, env={"INSTRUMENT": "envelope"})
    answer = response_in(done.stdout)
    assert (answer["data"], done.returncode) == (data, 0)
    assert not [one for one in answer["warnings"] if one["message"].strip() == str(data)]


def test_text_is_what_fire_prints(home: Home) -> None:
    """`--output text` is for people, and Fire has its own way to write for them."""
    done = home.python(APP, "db", "migrate", "--output", "text", env={"INSTRUMENT": "envelope"})
    assert done.stdout == home.python(APP, "db", "migrate").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["deploy", "exit"], 4, "EXIT_CODE"),
        (["deploy", "error"], 5, "NO_ROOM"),
        (["deploy", "crash"], 1, "EXCEPTION"),
        (["deploy"], 2, "MISSING_PARAMETER"),
        (["nonsense"], 2, "NO_SUCH_COMMAND"),
        (["deploy", "x", "--nonsense", "1"], 2, "NO_SUCH_OPTION"),
        (["deploy", "x", "--output", "yaml"], 2, "BAD_PARAMETER"),
        (["audit-log", "--nonsense"], 2, "NO_SUCH_OPTION"),
    ],
    ids=shown,
)
def test_failures_are_answered(home: Home, arguments: list[str], code: int, error: str) -> None:
    """With the code of the error, and the exit code of the tool."""
    done = home.python(APP, *arguments, env={"INSTRUMENT": "envelope"})
    answer = response_in(done.stdout)
    assert (done.returncode, answer["ok"], answer["error"]["code"]) == (code, False, error)
    assert home.end("app")["exit_code"] == code


def test_the_log_is_read_by_a_command_of_which_the_author_knows_nothing(home: Home) -> None:
    """It is answered before Fire looks at the component."""
    env = {"INSTRUMENT": "envelope"}
    home.python(APP, "deploy", "x", env=env)
    done = home.python(APP, "audit-log", "--output", "json", env=env)
    entries = response_in(done.stdout)["data"]["entries"]
    assert [entry["command"] for entry in entries] == ["deploy"]


@pytest.mark.parametrize(
    "component",
    ["lambda text: text", "{'audit-log': 'audit-log'}"],
    ids=["function", "member"],
)
def test_an_audit_log_of_the_authors_is_never_replaced(home: Home, component: str) -> None:
    """A function takes it as its argument, and a component may have a member of that name."""
    code = f"""
import fire
from tooltrail.integrations.fire import instrument
instrument(lambda: fire.Fire({component}), tool="app", envelope=True)()
"""
    assert response_in(home.python(code, "audit-log").stdout)["data"] == "audit-log"


def test_a_fire_of_another_make_is_recorded_by_its_arguments(home: Home) -> None:
    """Before 0.5 it took other arguments: the tool works, and its params are its `argv`."""
    code = """
import fire, fire.core
bare = fire.core.Fire
def Fire(component=None, command=None, name=None):
    return bare(component, command, name)
fire.Fire = fire.core.Fire = Fire
from tooltrail.integrations.fire import instrument
instrument(lambda: fire.Fire({"add": lambda a, b: a + b}), tool="app")()
"""
    done = home.python(code, "add", "1", "2")
    assert (done.stdout, done.stderr) == ("3\n", "")
    assert home.end("app")["params"] == {"argv": ["add", "1", "2"]}
