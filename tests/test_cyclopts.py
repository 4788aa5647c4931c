"""Cyclopts: what is particular to it beside the suite that all frameworks share."""

import asyncio
import json
import os
import signal
import subprocess
from typing import Annotated, Any

import pytest
from cyclopts import App, CycloptsError, Parameter

from conftest import PYTHON, Home, response_in
from tooltrail.integrations.cyclopts import instrument

APP = """
import asyncio, os, sys, time
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Optional
from cyclopts import App, Parameter
from pydantic import SecretStr
import tooltrail

class Color(Enum):
    red = 1
    blue = 2

@dataclass
class User:
    name: str = "joe"
    password: str = "none"

app = App(version="9.9")
db = App(name="db")
app.command(db)

MODE = os.environ.get("INSTRUMENT")
if MODE:
    from tooltrail.integrations.cyclopts import instrument
    instrument(app, tool="app", envelope=MODE == "envelope")

@app.command
def deploy(
    what: str,
    *,
    color: Color = Color.red,
    path: Path = Path("/srv"),
    at: datetime = datetime(2026, 1, 2),
    tags: list[str] = [],
    user: User = User(),
    key: Annotated[Optional[SecretStr], Parameter(alias="-k")] = None,
):
    print("printed", what)
    print("problem", file=sys.stderr)
    if what == "exit": sys.exit(4)
    if what == "number": return 3
    if what == "false": return False
    if what == "nothing": return None
    if what == "crash": raise ValueError("boom")
    if what == "interrupt": raise KeyboardInterrupt
    if what == "error":
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, hint="free some")
    if what == "wait":
        sys.stderr.write("up\\n"); sys.stderr.flush(); time.sleep(60)
    if what == "nest": return app(["db", "migrate"])
    return {"what": what}

@app.command
async def wait(seconds: float = 0):
    await asyncio.sleep(seconds)
    return "waited"

@app.command
def login(user, password): pass

@app.command
def mine(*, output: str = "x"): return {"mine": output}

@app.command(name="exec")
def run(*program: Annotated[str, Parameter(allow_leading_hyphen=True)]): return list(program)

@db.command
def migrate(steps: int = 1):
    print("migrated", steps)
    return "done"

if os.environ.get("META"):
    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        verbose: bool = False,
    ):
        return app(tokens)

main = app.meta if os.environ.get("META") else app
if os.environ.get("ASYNC"):
    asyncio.run(main.run_async())
else:
    main()
"""

WAYS = [
    (["deploy", "ok"], 0, "success"),
    (["deploy", "exit"], 4, "failure"),
    (["deploy", "number"], 3, "failure"),
    (["deploy", "false"], 1, "failure"),
    (["deploy", "nothing"], 0, "success"),
    (["deploy", "crash"], 1, "crashed"),
    (["deploy", "error"], 1, "failure"),
    (["deploy", "interrupt"], 130, "interrupted"),
    (["deploy", "ok", "--color", "green"], 2, "usage_error"),
    (["deploy", "ok", "--nonsense"], 2, "usage_error"),
    (["deploy", "ok", "too", "many"], 2, "usage_error"),
    (["deploy"], 2, "usage_error"),
    (["db", "migrate", "--steps", "3"], 0, "success"),
    (["db", "nonsense"], 2, "usage_error"),
    (["deplo"], 2, "usage_error"),
    ([], 0, "success"),
    (["--help"], 0, "success"),
    (["db", "--help"], 0, "success"),
    (["--version"], 0, "success"),
]


@pytest.mark.parametrize("way", ["", "META", "ASYNC"], ids=["app", "meta", "async"])
@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    WAYS,
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_cyclopts_own_ways_out_are_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str, way: str
) -> None:
    """Panels, suggestions and results are those of the bare app: called, as meta app, async."""
    env = {way or "PLAIN": "1"}
    bare = home.python(APP, *arguments, env=env)
    observed = home.python(APP, *arguments, env={**env, "INSTRUMENT": "observe"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert observed.returncode == bare.returncode == code
    end = home.end("app")
    assert (end["exit_code"], end["outcome"], end["version"]) == (code, outcome, "9.9")


def test_usage_errors_have_the_codes_that_all_frameworks_share(home: Home) -> None:
    """What Click calls so has the same code here."""
    lines = {
        "NO_SUCH_COMMAND": ["db", "nonsense"],
        "NO_SUCH_OPTION": ["deploy", "ok", "--nonsense"],
        "MISSING_PARAMETER": ["deploy"],
        "BAD_PARAMETER": ["deploy", "ok", "--color", "green"],
        "USAGE_ERROR": ["deploy", "ok", "too", "many"],
    }
    for arguments in lines.values():
        home.python(APP, *arguments, env={"INSTRUMENT": "1"})
    ends = home.events("app", "end")
    assert [line["error"]["code"] for line in ends] == list(lines)
    assert [line["command"] for line in ends] == ["db", "deploy", "deploy", "deploy", "deploy"]
    assert ends[1]["error"]["hint"].endswith("deploy --help shows how it is called")
    assert home.events("app", "begin") == []


def test_params_are_the_parsed_values_of_each_type(home: Home) -> None:
    """Enums, paths, times and dataclasses are written as JSON can hold them, with defaults."""
    home.python(APP, "deploy", "ok", "--user.name", "ann", "--tags", "a", env={"INSTRUMENT": "1"})
    (begin,) = home.events("app", "begin")
    assert begin["params"] == {
        "what": "ok",
        "color": 1,
        "path": "/srv",
        "at": "2026-01-02T00:00:00",
        "tags": ["a"],
        "user": {"name": "ann", "password": "[REDACTED]"},
        "key": None,
    }


def test_secrets_by_type_and_by_name_reach_no_line(home: Home) -> None:
    """SecretStr, secret fields, and arguments whose name says it, understood or not."""
    secret = "sw0rdf1sh"
    for arguments in (
        ["deploy", "ok", "--key", secret],
        ["deploy", "ok", "-k", secret, "--nonsense"],
        ["deploy", "ok", "--user.password", secret],
        ["deploy", "ok", "-k", secret, "--color", secret],
        ["login", "joe", secret],
        ["login", "joe", secret, "--nonsense"],
        ["login", "joe", secret, "more"],
    ):
        for way in ("PLAIN", "META"):
            home.python(APP, *arguments, env={"INSTRUMENT": "1", way: "1"})
    assert len(home.events("app", "end")) == 14
    assert secret not in home.log("app").read_text()


def test_a_meta_app_and_its_app_are_one_call(home: Home) -> None:
    """The meta app's params stand beside the command's; what it hands on is not told twice."""
    home.python(
        APP, "--verbose", "db", "migrate", "--steps", "2", env={"INSTRUMENT": "1", "META": "1"}
    )
    end = home.end("app")
    assert end["command"] == "db migrate"
    assert end["params"] == {"verbose": True, "steps": 2}
    assert {line["request_id"] for line in home.events("app", "begin")} == {end["request_id"]}


def test_commands_that_a_meta_app_chains_are_one_call(home: Home) -> None:
    """One entry names each link of the chain, with its own params."""
    app = App(name="chain")

    @app.command
    def build(size: int = 1) -> None:
        pass

    @app.command
    def ship(to: str = "x") -> None:
        pass

    @app.meta.default
    def launch(*tokens: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
        for link in " ".join(tokens).split(" then "):
            app(link)

    instrument(app)
    app.meta("build --size 3 then ship then build", result_action="return_value")
    end = home.end("chain")
    assert end["command"] == "build,ship,build"
    assert end["params"] == {"build": {"size": 3}, "ship": {"to": "x"}, "build#2": {"size": 1}}


def test_secrets_of_chained_commands_are_hidden_from_each_begin(home: Home) -> None:
    """The lines before the first links are written when the last one is not parsed yet."""
    app = App(name="chain")
    app.command(lambda size=1: None, name="build")

    @app.command
    def login(user: str, password: str) -> None:
        pass

    @app.meta.default
    def launch(*tokens: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> None:
        for link in " ".join(tokens).split(" then "):
            app(link)

    instrument(app)
    app.meta("build then login joe sw0rdf1sh then build", result_action="return_value")
    assert home.end("chain")["params"]["login"] == {"user": "joe", "password": "[REDACTED]"}
    assert "sw0rdf1sh" not in home.log("chain").read_text()


def test_a_call_inside_a_command_has_it_as_parent(home: Home) -> None:
    """An app that a command calls is a call of its own, and its value goes to the command."""
    done = home.python(APP, "deploy", "nest", env={"INSTRUMENT": "1"})
    inner, outer = home.events("app", "end")
    assert done.stdout == "printed nest\nmigrated 1\ndone\n"
    assert (inner["command"], outer["command"]) == ("db migrate", "deploy")
    assert inner["parent_request_id"] == outer["request_id"]
    response = response_in(
        home.python(APP, "deploy", "nest", env={"INSTRUMENT": "envelope"}).stdout
    )
    assert response["data"] == "done"


def test_a_completion_is_no_call(home: Home) -> None:
    """A shell that asks for completions gets them, and no entry is made."""
    bare = home.python(APP, "__complete", "dep")
    observed = home.python(APP, "__complete", "dep", env={"INSTRUMENT": "envelope"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert home.lines("app") == []


def test_ctrl_c_ends_with_cyclopts_exit_code(home: Home) -> None:
    """Cyclopts ends with 130; the response and the log say that it was an interrupt."""
    home.python(APP, "__complete")
    process = subprocess.Popen(
        [PYTHON, str(home.path / "tool.py"), "deploy", "wait"],
        env=home.environment(INSTRUMENT="envelope"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while process.stderr.readline() != "up\n":
        pass
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert response_in(output)["error"]["code"] == "INTERRUPTED"
    end = home.end("app")
    assert (end["exit_code"], end["outcome"], end["signal"]) == (130, "interrupted", "SIGINT")


def test_an_app_without_a_name_and_a_version_is_not_taken_for_us(home: Home) -> None:
    """Cyclopts looks at who called it: it finds the tool, as it does without us."""
    code = """
import os
from cyclopts import App
app = App()
app.command(lambda: None, name="leaf")
if os.environ.get("INSTRUMENT"):
    from tooltrail.integrations.cyclopts import instrument
    instrument(app, tool="app")
app()
"""
    folder = home.path / "program"
    folder.mkdir()
    (folder / "__main__.py").write_text(code)
    for argument in ("--version", "--help"):
        bare = home.run(PYTHON, folder, argument)
        observed = home.run(PYTHON, folder, argument, env={"INSTRUMENT": "1"})
        assert observed.stdout == bare.stdout
        assert "tooltrail" not in observed.stdout


def test_an_interactive_shell_records_each_line(home: Home) -> None:
    """Each line that is typed is a call, with what it was given and how it ended."""
    code = """
import os
from cyclopts import App
app = App()
@app.command
def hello(name: str = "you"): return name
@app.command
async def fail(): raise ValueError("no")
if os.environ.get("INSTRUMENT"):
    from tooltrail.integrations.cyclopts import instrument
    instrument(app, tool="shell")
app.interactive_shell()
"""
    typed = "hello joe\nhello --nonsense\nfail\nhello 'a b'\nquit\n"
    bare = home.python(code, input=typed)
    observed = home.python(code, input=typed, env={"INSTRUMENT": "1"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    ends = home.events("shell", "end")
    assert [line["outcome"] for line in ends] == ["success", "usage_error", "crashed", "success"]
    assert [line["params"] for line in ends] == [{"name": "joe"}, {}, {}, {"name": "a b"}]


# -- envelope


@pytest.mark.parametrize("way", ["", "META", "ASYNC"], ids=["app", "meta", "async"])
@pytest.mark.parametrize(
    ("arguments", "code", "error", "data"),
    [
        (["deploy", "ok"], 0, None, {"what": "ok"}),
        (["deploy", "nothing"], 0, None, None),
        (["deploy", "number"], 3, "EXIT_CODE", None),
        (["deploy", "false"], 1, "EXIT_CODE", None),
        (["deploy", "exit"], 4, "EXIT_CODE", None),
        (["deploy", "crash"], 1, "EXCEPTION", None),
        (["deploy", "error"], 5, "NO_ROOM", None),
        (["deploy", "interrupt"], 130, "INTERRUPTED", None),
        (["wait"], 0, None, "waited"),
        (["deploy", "ok", "--nonsense"], 2, "NO_SUCH_OPTION", None),
        (["nonsense"], 2, "NO_SUCH_COMMAND", None),
        (["--version"], 0, None, {"text": "9.9\n"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_every_outcome_is_one_response(
    home: Home, arguments: list[str], code: int, error: str | None, data: Any, way: str
) -> None:
    """What a command returns is the data, and is printed once; numbers stay exit codes."""
    done = home.python(APP, *arguments, env={"INSTRUMENT": "envelope", way or "PLAIN": "1"})
    response = response_in(done.stdout)
    assert (done.returncode, response["data"]) == (code, data)
    assert (response["error"] or {}).get("code") == error
    assert home.end("app")["exit_code"] == code
    assert "╭" not in done.stderr


def test_output_is_read_wherever_it_stands_and_never_the_authors(home: Home) -> None:
    """Before the command, behind it, assigned; not where the command has it or passes it on."""

    def data(*arguments: str) -> Any:
        return response_in(home.python(APP, *arguments, env=env).stdout)["data"]

    env = {"INSTRUMENT": "envelope"}
    text = "printed ok\n{'what': 'ok'}\n"
    for arguments in (
        ["deploy", "ok", "--output", "text"],
        ["--output", "text", "deploy", "ok"],
        ["deploy", "--output=text", "ok"],
    ):
        assert home.python(APP, *arguments, env=env).stdout == text
    assert data("mine", "--output", "text") == {"mine": "text"}
    assert data("mine", "--output", "y", "--output-format", "json") == {"mine": "y"}
    assert data("exec", "tool", "--output", "text") == ["tool", "--output", "text"]
    assert data("--output", "json", "exec", "tool", "--output", "x") == ["tool", "--output", "x"]


def test_output_is_an_option_of_cyclopts_own(home: Home) -> None:
    """It is in the help page of each command, and its values are checked by Cyclopts."""
    env = {"INSTRUMENT": "envelope"}
    shown = home.python(APP, "deploy", "--output", "text", "--help", env=env).stdout
    assert "--output" in shown
    assert "[choices: text, json, jsonl]" in shown
    wrong = home.python(APP, "deploy", "ok", "--output", "xml", env=env)
    assert wrong.returncode == 2
    assert response_in(wrong.stdout)["error"]["code"] == "BAD_PARAMETER"
    assert wrong.stderr == ""


def test_an_error_of_the_author_is_shown_as_cyclopts_shows_errors(home: Home) -> None:
    """As text it is in Cyclopts' panel, with its hint, and the exit code is its own."""
    for way in ("PLAIN", "ASYNC"):
        env = {"INSTRUMENT": "envelope", way: "1"}
        done = home.python(APP, "deploy", "error", "--output=text", env=env)
        assert done.returncode == 5
        assert "╭─ Error ─" in done.stderr
        assert "hint: free some" in done.stderr
    assert [line["error"]["code"] for line in home.events("app", "end")] == ["NO_ROOM", "NO_ROOM"]


def test_the_log_is_a_command_of_cyclopts_own(home: Home) -> None:
    """`audit-log` is listed by the help page and answers with this tool's entries."""
    env = {"INSTRUMENT": "envelope"}
    home.python(APP, "deploy", "ok", env=env)
    assert "audit-log" in home.python(APP, "--help", "--output", "text", env=env).stdout
    done = home.python(APP, "audit-log", "--command", "deploy", "--output", "jsonl", env=env)
    (entry,) = map(json.loads, done.stdout.splitlines())
    assert entry["params"]["what"] == "ok"
    assert home.python(APP, "audit-log", "--verify", env=env).returncode == 0
    assert "--trace-id" in home.python(APP, "audit-log", "--help", env=env).stdout


def test_the_result_action_of_the_author_says_what_a_value_is(home: Home) -> None:
    """Its functions are called; with one that makes no exit code of it, a number is data."""
    code = """
import os, sys
from cyclopts import App
from tooltrail.integrations.cyclopts import instrument
actions = {"calls": [lambda value: value + 1, "print_non_int_sys_exit"],
           "returns": ["return_value"], "zero": ["print_return_zero"]}
app = App(result_action=actions[sys.argv.pop(1)])
app.command(lambda: 6, name="six")
instrument(app, tool="app", envelope=True)
app()
"""
    done = {name: home.python(code, name, "six") for name in ("calls", "returns", "zero")}
    assert done["calls"].returncode == 7
    assert response_in(done["returns"].stdout)["data"] == 6
    assert done["zero"].returncode == 0


# -- in one process


def make_app(**how: Any) -> App:
    app = App(name="small", **how)

    @app.command
    def leaf(size: int = 1) -> int:
        return size

    return app


def test_a_caller_that_wants_the_value_gets_it(home: Home) -> None:
    """Tests call an app with a `result_action`; each call is recorded, and is a success."""
    app = instrument(make_app(), envelope=True)
    for size in range(100):
        assert app(["leaf", str(size)], result_action="return_value") == size
    with pytest.raises(CycloptsError):
        app("nonsense", result_action="return_value", exit_on_error=False, print_error=False)
    assert asyncio.run(app.run_async("leaf 4", result_action="return_value")) == 4
    ends = home.events("small", "end")
    assert [line["outcome"] for line in ends] == ["success"] * 100 + ["usage_error", "success"]
    assert ends[7]["params"] == {"size": 7}
    assert "TOOL_TRACE_ID" not in os.environ


def test_a_number_that_the_app_returns_for_sys_exit_is_its_exit_code(home: Home) -> None:
    """Where the result action says so, the value goes to `sys.exit(app())`."""
    app = instrument(make_app(result_action="return_int_as_exit_code_else_zero"))
    assert app(["leaf", "3"]) == 3
    assert home.end("small")["exit_code"] == 3


def test_calls_side_by_side_are_kept_apart(home: Home) -> None:
    """Two calls on one loop are two entries with their own params, neither the other's parent."""
    app = App(name="small")

    @app.command
    async def pause(tag: str) -> str:
        await asyncio.sleep(0.05)
        return tag

    instrument(app)

    async def both() -> list[str]:
        calls = [app.run_async(["pause", tag], result_action="return_value") for tag in "ab"]
        return await asyncio.gather(*calls)

    assert asyncio.run(both()) == ["a", "b"]
    ends = home.events("small", "end")
    assert {line["params"]["tag"] for line in ends} == {"a", "b"}
    assert [line["parent_request_id"] for line in ends] == [None, None]


def test_classes_of_the_author_are_kept(home: Home) -> None:
    """An app stays an instance of its class, and the apps below it count as of its kind."""

    class Own(App):
        def __call__(self, *args: Any, **how: Any) -> Any:
            return ["called", super().__call__(*args, **how)]

    app = Own(name="own")
    app.command(lambda: 3, name="leaf")
    assert instrument(app) is app
    assert isinstance(app, Own)
    assert type(app).__name__ == "Own"
    assert isinstance(Own(name="other"), type(app))
    assert app("leaf", result_action="return_value") == ["called", 3]
    assert home.end("own")["command"] == "leaf"


def test_instrumenting_again_changes_the_settings(home: Home) -> None:
    """The last settings count, and each call is recorded once."""
    app = instrument(instrument(make_app(), tool="one"), tool="two")
    app("leaf", result_action="return_value")
    assert home.lines("one") == []
    assert home.end("two")["exit_code"] == 0


@pytest.mark.parametrize("given", [42, lambda: None, "app"], ids=["number", "function", "text"])
def test_anything_else_is_refused_with_words(given: Any) -> None:
    """The error names what was given."""
    with pytest.raises(TypeError, match="takes a Cyclopts app, not"):
        instrument(given)


def test_a_watched_program_is_recorded_without_a_word_in_it(home: Home) -> None:
    """Apps, meta apps and async calls: only the outermost one, and its bytes are unchanged."""
    watched = "from tooltrail.integrations.cyclopts import watch\nimport cyclopts\nwatch()\n"
    runs = [(["deploy", "nest"], "PLAIN"), (["db", "migrate"], "META"), (["wait"], "ASYNC")]
    for arguments, way in [*runs, (["nonsense"], "PLAIN"), (["--help"], "META")]:
        bare = home.python(APP, *arguments, env={way: "1"})
        seen = home.python(watched + APP, *arguments, env={way: "1"})
        assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr)
        assert seen.returncode == bare.returncode
    ends = home.events("tool", "end")
    assert [line["command"] for line in ends] == ["deploy", "db migrate", "wait", "tool", "tool"]
    assert [line["exit_code"] for line in ends] == [0, 0, 0, 2, 0]
    assert ends[1]["params"] == {"verbose": False, "steps": 1}


def test_an_author_who_instruments_is_not_recorded_twice_by_a_watch(home: Home) -> None:
    """The author's own settings win over the watching that came first."""
    watched = "from tooltrail.integrations.cyclopts import watch\nimport cyclopts\nwatch()\n"
    home.python(watched + APP, "deploy", "ok", env={"INSTRUMENT": "1"})
    assert home.end("app")["command"] == "deploy"
    assert [path.parent.name for path in home.data.glob("*/audit.jsonl")] == ["app"]


def test_the_rest_of_cyclopts_is_not_loaded_by_us(home: Home) -> None:
    """For an observed call nothing is imported but the core, and of Cyclopts nothing more."""
    code = """
from cyclopts import App
app = App(name="lean")
@app.command
def leaf(): pass
if "bare" not in sys.argv:
    from tooltrail.integrations.cyclopts import instrument
    instrument(app, tool="lean")
app(["leaf"], result_action="return_value")
print(*sorted(sys.modules))
"""
    bare = set(home.python(code, "bare").stdout.split())
    loaded = set(home.python(code).stdout.split()) - bare
    ours = {name for name in loaded if name.startswith("tooltrail")}
    expensive = {"json", "logging", "datetime", "subprocess", "hashlib", "uuid", "argparse"}
    assert not (loaded - ours) & expensive
    assert not {name for name in ours if name.startswith(("tooltrail.query", "tooltrail.render"))}
    assert not {name for name in loaded if name.partition(".")[0] in ("rich", "cyclopts")}
