"""Programs without a framework: the frame that argparse, optparse and Fire share."""

import asyncio
import inspect
from importlib import import_module
from typing import Any

import pytest

from conftest import Home, response_in
from tooltrail.integrations.program import instrument

APP = """
import os, sys
import tooltrail

def main():
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    print("printed", what)
    print("problem", file=sys.stderr)
    if what == "exit": sys.exit(4)
    if what == "text": sys.exit("a message")
    if what == "large": sys.exit(300)
    if what == "crash": raise ValueError("boom")
    if what == "error":
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, hint="free some")
    if what == "number": return 3
    if what == "zero": return 0
    if what == "true": return True
    if os.environ.get("INSTRUMENT") == "envelope": return {"what": what}

MODE = os.environ.get("INSTRUMENT")
if MODE:
    from tooltrail.integrations.program import instrument
    main = instrument(main, tool="app", envelope=MODE == "envelope")
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("what", "code", "outcome"),
    [
        ("x", 0, "success"),
        ("zero", 0, "success"),
        ("number", 3, "failure"),
        ("exit", 4, "failure"),
        ("text", 1, "failure"),
        ("large", 44, "failure"),
        ("crash", 1, "crashed"),
        ("error", 1, "failure"),
    ],
)
def test_every_way_out_is_recorded_and_no_byte_is_changed(
    home: Home, what: str, code: int, outcome: str
) -> None:
    """The exit code is the one by which the process really ended."""
    bare = home.python(APP, what)
    observed = home.python(APP, what, env={"INSTRUMENT": "observe"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert observed.returncode == bare.returncode == code
    end = home.end("app")
    assert (end["outcome"], end["exit_code"], end["params"]) == (outcome, code, {"argv": [what]})


def test_it_begins_before_the_function_runs(home: Home) -> None:
    """What is killed was begun: the line is there while the function runs."""

    @instrument(tool="app")
    def main() -> int:
        return len(home.events("app", "begin"))

    assert main() == 1


@pytest.mark.parametrize(
    ("what", "code", "data", "error"),
    [
        ("x", 0, {"what": "x"}, None),
        ("true", 0, True, None),
        ("number", 3, None, "EXIT_CODE"),
        ("exit", 4, None, "EXIT_CODE"),
        ("error", 5, None, "NO_ROOM"),
        ("crash", 1, None, "EXCEPTION"),
    ],
)
def test_what_it_returns_is_the_data_or_the_exit_code(
    home: Home, what: str, code: int, data: Any, error: str | None
) -> None:
    """A number is the exit code, as `sys.exit(main())` has it; a bool is data."""
    done = home.python(APP, what, env={"INSTRUMENT": "envelope"})
    answer = response_in(done.stdout)
    assert (done.returncode, answer["data"]) == (code, data)
    assert (answer["error"] or {}).get("code") == error


@pytest.mark.parametrize("kind", ["program", "argparse"])
def test_flags_that_are_secret_by_the_programs_name_are_so_in_its_params(
    home: Home, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """`-a` means nothing but in the command line of some programs."""
    monkeypatch.setattr("sys.argv", ["http", "GET", "-a", "user:hunter2zz"])
    verb = import_module(f"tooltrail.integrations.{kind}").instrument
    verb(lambda: None)()
    end = home.end("http")
    assert end["params"] == {"argv": ["GET", "-a", "user:[REDACTED]"]}
    assert {each["where"] for each in end["redactions"]} == {"params.argv[2]", "process.argv[3]"}
    assert "hunter2zz" not in home.log("http").read_text()


def test_an_authors_error_is_told_to_people_as_well(home: Home) -> None:
    """Where the output is text, its message and its hint are on stderr."""
    done = home.python(APP, "error", "--output", "text", env={"INSTRUMENT": "envelope"})
    assert done.returncode == 5
    assert done.stderr == "problem\nerror: no room\nhint: free some\n"


def test_it_is_a_decorator_with_or_without_arguments(home: Home) -> None:
    """Name, docstring and signature stay those of the function."""

    @instrument
    def plain(first: int, second: int = 2) -> int:
        """Do it."""
        return 0

    @instrument(tool="named", version="1.2")
    def named() -> None:
        pass

    assert (plain.__name__, plain.__doc__) == ("plain", "Do it.")
    assert list(inspect.signature(plain).parameters) == ["first", "second"]
    assert plain(1, second=3) == 0
    named()
    assert home.end("named")["version"] == "1.2"


@pytest.mark.parametrize("wrong", [3, "main", ["main"]], ids=str)
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    """The message says what it takes, and what it was given."""
    with pytest.raises(TypeError, match=f"takes a function, not {type(wrong).__name__}"):
        instrument(wrong)


def test_coroutine_functions_run_beside_each_other(home: Home) -> None:
    """Each is a call of its own, and stays a coroutine function."""

    @instrument(tool="app")
    async def main(code: int) -> int:
        await asyncio.sleep(0)
        return code

    async def both() -> list[int]:
        return await asyncio.gather(main(1), main(2))

    assert inspect.iscoroutinefunction(main)
    assert asyncio.run(both()) == [1, 2]
    assert sorted(end["exit_code"] for end in home.events("app", "end")) == [1, 2]


def test_a_coroutine_function_answers_once(home: Home) -> None:
    """In envelope mode it is run once, and ends the program."""
    code = """
import asyncio
from tooltrail.integrations.program import instrument
@instrument(tool="app", envelope=True)
async def main():
    print("run")
    return [1]
asyncio.run(main())
"""
    answer = response_in(home.python(code).stdout)
    assert (answer["data"], answer["warnings"][0]["message"]) == ([1], "run\n")
