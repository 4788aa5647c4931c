"""argparse: what is particular to it beside the suite that all frameworks share."""

import argparse
import asyncio
import contextlib
import json
import os
from typing import Any

import pytest

from conftest import PYTHON, Home, response_in
from tooltrail.integrations.argparse import instrument

APP = """
import argparse, os, sys
from enum import Enum
from pathlib import Path
import tooltrail

class Color(Enum):
    red = "red"
    blue = "blue"

def acts(values): return None

def main(argv=None):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--times", type=int, default=2)
    parser = argparse.ArgumentParser(prog="app", fromfile_prefix_chars="@")
    parser.add_argument("--version", action="version", version="app 9.9")
    parser.add_argument("-v", "--verbose", action="count", default=0)
    commands = parser.add_subparsers(dest="chosen")
    deploy = commands.add_parser("deploy", aliases=["d"], parents=[common])
    deploy.add_argument("what")
    deploy.add_argument("--color", type=Color, default=Color.red)
    deploy.add_argument("--path", type=Path, default=Path("/srv"))
    deploy.add_argument("--ratio", type=float, default=0.5)
    deploy.add_argument("--tag", action="append", default=[])
    deploy.add_argument("--dry-run", action=argparse.BooleanOptionalAction, default=False)
    deploy.set_defaults(func=acts)
    db = commands.add_parser("db").add_subparsers()
    migrate = db.add_parser("migrate")
    migrate.add_argument("--steps", type=int, default=1)
    values = parser.parse_args(argv)
    what = getattr(values, "what", None)
    print("printed", sorted(vars(values)))
    print("problem", file=sys.stderr)
    if what == "exit": sys.exit(4)
    if what == "text": sys.exit("a message")
    if what == "parser-exit": parser.exit(7, "gone\\n")
    if what == "parser-error": parser.error("--times and --ratio exclude each other")
    if what == "crash": raise ValueError("boom")
    if what == "interrupt": raise KeyboardInterrupt
    if what == "number": return 3
    if what == "error":
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, hint="free some")
    if os.environ.get("INSTRUMENT") == "envelope":
        return {"what": what}

MODE = os.environ.get("INSTRUMENT")
if MODE:
    from tooltrail.integrations.argparse import instrument
    main = instrument(main, tool="app", envelope=MODE == "envelope")
if __name__ == "__main__":
    sys.exit(main())
"""


def shown(value: Any) -> str | None:
    """Name a case after its arguments."""
    return (" ".join(value) or "nothing") if isinstance(value, list) else None


@pytest.mark.parametrize(
    ("arguments", "code", "outcome", "command"),
    [
        (["deploy", "x"], 0, "success", "deploy"),
        (["d", "x"], 0, "success", "deploy"),
        (["db", "migrate", "--steps", "3"], 0, "success", "db migrate"),
        ([], 0, "success", "app"),
        (["deploy", "number"], 3, "failure", "deploy"),
        (["deploy", "exit"], 4, "failure", "deploy"),
        (["deploy", "text"], 1, "failure", "deploy"),
        (["deploy", "parser-exit"], 7, "failure", "deploy"),
        (["deploy", "parser-error"], 2, "usage_error", "deploy"),
        (["deploy", "crash"], 1, "crashed", "deploy"),
        (["deploy", "error"], 1, "failure", "deploy"),
        (["deploy", "interrupt"], 130, "interrupted", "deploy"),
        (["deploy"], 2, "usage_error", "deploy"),
        (["deploy", "x", "--color", "green"], 2, "usage_error", "deploy"),
        (["deploy", "x", "--nonsense"], 2, "usage_error", "deploy"),
        (["deplo"], 2, "usage_error", "app"),
        (["db", "nonsense"], 2, "usage_error", "db"),
        (["--help"], 0, "success", "app"),
        (["db", "migrate", "--help"], 0, "success", "db migrate"),
        (["--version"], 0, "success", "app"),
    ],
    ids=shown,
)
def test_argparses_own_ways_out_are_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str, command: str
) -> None:
    """Usage, errors and exit codes are those of the bare tool; the entry says how it ended."""
    bare = home.python(APP, *arguments)
    observed = home.python(APP, *arguments, env={"INSTRUMENT": "observe"})
    if outcome == "interrupted":
        code = -2  # by the signal itself
    assert (observed.returncode, observed.stdout) == (bare.returncode, bare.stdout)
    assert observed.stderr == bare.stderr
    assert observed.returncode == code
    end = home.end("app")
    assert (end["outcome"], end["command"]) == (outcome, command)
    assert end["exit_code"] == code % 256 if code >= 0 else end["exit_code"] == 130


def test_params_are_the_namespace_with_defaults_and_types_but_without_functions(
    home: Home,
) -> None:
    """What `set_defaults(func=...)` carries is no param; a subcommand is the command's name."""
    arguments = ["-vv", "d", "x", "--tag", "a", "--tag", "b", "--ratio", "1.5", "--dry-run"]
    home.python(APP, *arguments, env={"INSTRUMENT": "observe"})
    (begin,) = home.events("app", "begin")
    assert begin["params"] == {
        "verbose": 2,
        "times": 2,
        "what": "x",
        "color": "red",
        "path": "/srv",
        "ratio": 1.5,
        "tag": ["a", "b"],
        "dry_run": True,
    }
    assert begin["process"]["argv"][1:] == arguments


def test_arguments_from_a_file_are_params_like_others(home: Home) -> None:
    """By `fromfile_prefix_chars`: the command line shows the file, the params what is in it."""
    (home.path / "given").write_text("deploy\nx\n--times\n9\n")
    home.python(APP, f"@{home.path}/given", env={"INSTRUMENT": "observe"})
    end = home.end("app")
    assert (end["command"], end["params"]["times"]) == ("deploy", 9)
    assert end["process"]["argv"][1:] == [f"@{home.path}/given"]


# -- several parses, and those that are none of ours


def run(home: Home, function: Any, argv: list[str], **how: Any) -> dict[str, Any]:
    """Run a main function, instrumented, in this process; return its only end line."""
    with contextlib.suppress(SystemExit):
        instrument(function, tool="app", **how)(argv)
    return home.end("app")


def test_a_parser_before_the_parser_is_completed_by_it(home: Home) -> None:
    """The params of the second parse, which knows all options, are what the entry ends with."""

    def main(argv: list[str]) -> None:
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--config")
        _, rest = first.parse_known_args(argv)
        full = argparse.ArgumentParser(parents=[first])
        full.add_argument("--level", type=int)
        full.add_argument("name")
        full.parse_args(rest)

    end = run(home, main, ["--config", "c.toml", "--level", "3", "bob"])
    assert end["params"] == {"config": None, "level": 3, "name": "bob"}
    assert end["process"]["argv"][1:] == ["--config", "c.toml", "--level", "3", "bob"]


def test_a_parse_of_something_else_is_no_call_of_the_tool(home: Home) -> None:
    """A tool that reads lines of a file by a parser was still called with what it was called."""

    def main(argv: list[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("file")
        parser.parse_args(argv)
        line = argparse.ArgumentParser()
        line.add_argument("--user")
        for user in ("ann", "bob"):
            line.parse_args(["--user", user])

    end = run(home, main, ["requirements.txt"])
    assert end["params"] == {"file": "requirements.txt"}


@pytest.mark.parametrize("method", ["parse_intermixed_args", "parse_known_intermixed_args"])
def test_intermixed_parses_are_one_parse(home: Home, method: str) -> None:
    """Such a method parses twice by itself; the entry has one begin and all params."""

    def main(argv: list[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("--level", type=int)
        parser.add_argument("names", nargs="*")
        getattr(parser, method)(argv)

    end = run(home, main, ["a", "--level", "3", "b"])
    assert end["params"] == {"level": 3, "names": ["a", "b"]}
    assert len(home.events("app", "begin")) == 1


def test_subclasses_of_parser_and_namespace_are_seen(home: Home) -> None:
    """Own classes, own namespaces that exist already, and own `parse_args` all lead to a begin."""

    class Space(argparse.Namespace):
        pass

    class Parser(argparse.ArgumentParser):
        def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
            values = super().parse_args(args, namespace)
            values.more = 1
            return values

    def main(argv: list[str]) -> None:
        parser = Parser()
        parser.add_argument("name")
        values = parser.parse_args(argv, namespace=Space(kept=5))
        assert (type(values), values.name, values.kept) == (Space, "bob", 5)

    assert run(home, main, ["bob"])["params"] == {"kept": 5, "name": "bob"}


def test_what_is_parsed_outside_of_a_recorded_program_is_left_alone(home: Home) -> None:
    """The class is wrapped once for all; where nobody records, it does what it did."""

    def main(argv: list[str]) -> None:
        pass

    instrument(main, tool="app")
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--level", type=int)
    assert parser.parse_args(["--level", "3"]).level == 3
    with pytest.raises(argparse.ArgumentError):
        parser.parse_args(["--level", "x"])
    assert not home.data.exists()


def test_a_tool_that_reads_its_arguments_by_hand_is_recorded_with_them(home: Home) -> None:
    """It only imports argparse: the end line says what it was called with."""
    code = """
import argparse, sys
from tooltrail.integrations.argparse import instrument
@instrument
def main(): return 3 if sys.argv[1] == "x" else 0
sys.exit(main())
"""
    assert home.python(code, "x").returncode == 3
    end = home.end("tool")
    assert (end["params"], end["exit_code"]) == ({"argv": ["x"]}, 3)


# -- errors


def test_an_error_that_the_author_answers_himself_is_a_usage_error(home: Home) -> None:
    """With `error` overridden, the message is argparse's and the exit code the author's."""

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> Any:
            raise SystemExit(64)

    def main(argv: list[str]) -> None:
        parser = Parser()
        parser.add_argument("--level", type=int)
        parser.parse_args(argv)

    end = run(home, main, ["--level", "x"])
    assert (end["outcome"], end["exit_code"]) == ("usage_error", 64)
    assert end["error"]["message"] == "argument --level: invalid int value: 'x'"


@pytest.mark.parametrize("code", [2, 64])
def test_an_error_that_is_raised_and_answered_is_a_usage_error(home: Home, code: int) -> None:
    """With `exit_on_error=False` the author catches the error, and chooses the exit code."""

    def main(argv: list[str]) -> int:
        parser = argparse.ArgumentParser(exit_on_error=False)
        parser.add_argument("--level", type=int)
        try:
            parser.parse_args(argv)
        except argparse.ArgumentError:
            return code
        return 0

    end = run(home, main, ["--level", "x"])
    assert (end["outcome"], end["exit_code"]) == ("usage_error", code)
    assert end["error"]["message"] == "argument --level: invalid int value: 'x'"


def test_an_error_that_the_author_gets_over_is_no_error(home: Home) -> None:
    """What counts is how the call ends: here a second parse shows the help."""

    def main(argv: list[str]) -> None:
        parser = argparse.ArgumentParser(prog="app")
        try:
            parser.parse_args(argv)
        except SystemExit:
            parser.parse_args(["--help"])

    end = run(home, main, ["--nonsense"])
    assert (end["outcome"], end["exit_code"], end["error"]) == ("success", 0, None)


# -- secrets

SECRETS = """
import argparse, os, sys
from tooltrail.integrations.argparse import instrument

class SecretStr(str): pass
def getpass(text): return int(text)

@instrument(tool="app", envelope=bool(os.environ.get("ENVELOPE")))
def main():
    if os.environ.get("BEFORE"):
        before = argparse.ArgumentParser(add_help=False)
        before.add_argument("--config")
        before.parse_known_args()
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--password")
    parser.add_argument("-k", "--kee", dest="token", type=int)
    parser.add_argument("-x", type=SecretStr)
    parser.add_argument("-y", type=getpass)
    parser.add_argument("--level", type=int, choices=[1])
    commands = parser.add_subparsers()
    login = commands.add_parser("login")
    login.add_argument("password", metavar="WORD", type=int)
    parser.parse_args()
sys.exit(main())
"""
CANARY = "hunter2zz"


@pytest.mark.parametrize("env", [{}, {"BEFORE": "1"}, {"ENVELOPE": "1"}], ids=str)
@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", CANARY],
        [f"-p{CANARY}"],
        ["--passw", CANARY],
        ["-x", CANARY],
        ["-p", CANARY, "--nonsense"],
        [f"-p{CANARY}", "--nonsense"],
        ["--passw", CANARY, "--nonsense"],
        [f"--passw={CANARY}", "--nonsense"],
        ["-x", CANARY, "--nonsense"],
        ["-k", CANARY],
        [f"-k{CANARY}"],
        ["--ke", CANARY],
        ["-y", CANARY],
        ["login", CANARY],
        ["login", CANARY, "--nonsense"],
    ],
    ids=shown,
)
def test_no_secret_gets_to_the_disk_whether_it_was_parsed_or_not(
    home: Home, arguments: list[str], env: dict[str, str]
) -> None:
    """By names, `dest` and types; attached, abbreviated, refused, or before the full parser."""
    home.python(SECRETS, *arguments, env=env)
    assert home.end("app")
    written = [path for path in home.path.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


def test_what_is_no_secret_stays_readable_in_an_error(home: Home) -> None:
    """Only what is secret is taken out: an error says what was wrong."""
    home.python(SECRETS, "-p", CANARY, "--level", "77")
    end = home.end("app")
    assert "argument --level: invalid choice: 77" in end["error"]["message"]
    assert end["process"]["argv"][1:] == ["-p", "[REDACTED]", "--level", "77"]


# -- the forms of the verb


@pytest.mark.parametrize("wrong", [3, "main", ["main"]], ids=str)
def test_what_is_no_function_is_refused(wrong: Any) -> None:
    """The message says what it takes."""
    with pytest.raises(TypeError, match="takes a function"):
        instrument(wrong)


def test_the_verb_is_a_decorator_with_or_without_arguments(home: Home) -> None:
    """Name, docstring and signature stay."""

    @instrument
    def plain(argv: list[str]) -> int:
        """Do it."""
        return len(argv)

    @instrument(tool="named", version="1.2")
    def named(argv: list[str]) -> int:
        return len(argv)

    assert (plain.__name__, plain.__doc__) == ("plain", "Do it.")
    assert (plain(["a"]), named(["a", "b"])) == (1, 2)
    assert home.end("named")["version"] == "1.2"


def test_a_coroutine_function_stays_one(home: Home) -> None:
    """Two calls at once are two entries, each with its own params."""

    @instrument(tool="app")
    async def main(argv: list[str]) -> int:
        parser = argparse.ArgumentParser()
        parser.add_argument("code", type=int)
        code: int = parser.parse_args(argv).code
        await asyncio.sleep(0)
        return code

    async def both() -> list[int]:
        return await asyncio.gather(main(["1"]), main(["2"]))

    assert asyncio.iscoroutinefunction(main)
    assert asyncio.run(both()) == [1, 2]
    ends = home.events("app", "end")
    assert sorted((end["params"]["code"], end["exit_code"]) for end in ends) == [(1, 1), (2, 2)]


def test_a_shell_that_asks_for_completions_makes_no_entry(home: Home) -> None:
    """argcomplete calls the tool with `_ARGCOMPLETE`."""
    home.python(APP, "deploy", "x", env={"INSTRUMENT": "observe", "_ARGCOMPLETE": "1"})
    assert not home.data.exists()


# -- envelope mode


@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy", "x"],
        ["--output", "json", "deploy", "x"],
        ["deploy", "x", "--output", "json"],
        ["deploy", "--output=jsonl", "x"],
    ],
    ids=shown,
)
def test_output_may_stand_before_or_behind_the_subcommand(home: Home, arguments: list[str]) -> None:
    """The answer is one response, and the author's namespace knows nothing of the option."""
    done = home.python(APP, *arguments, env={"INSTRUMENT": "envelope"})
    answer = response_in(done.stdout)
    assert answer["data"] == {"what": "x"}
    (warning,) = answer["warnings"]
    assert "output" not in warning["message"]
    assert "output" not in home.end("app")["params"]


def test_text_is_what_the_tool_printed_and_then_its_data(home: Home) -> None:
    """`--output text` is for people."""
    done = home.python(APP, "deploy", "x", "--output", "text", env={"INSTRUMENT": "envelope"})
    assert done.stdout.endswith("what: x\n")
    assert done.stdout.startswith("printed")


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["deploy", "exit"], 4, "EXIT_CODE"),
        (["deploy", "number"], 3, "EXIT_CODE"),
        (["deploy", "error"], 5, "NO_ROOM"),
        (["deploy", "crash"], 1, "EXCEPTION"),
        (["deploy"], 2, "MISSING_PARAMETER"),
        (["deploy", "x", "--nonsense"], 2, "NO_SUCH_OPTION"),
        (["deploy", "x", "--times", "z"], 2, "BAD_PARAMETER"),
        (["deplo"], 2, "NO_SUCH_COMMAND"),
        (["deploy", "x", "--output", "yaml"], 2, "BAD_PARAMETER"),
    ],
    ids=shown,
)
def test_failures_are_answered(home: Home, arguments: list[str], code: int, error: str) -> None:
    """With the code of the error, and the exit code of the tool."""
    done = home.python(APP, *arguments, env={"INSTRUMENT": "envelope"})
    answer = response_in(done.stdout)
    assert (done.returncode, answer["ok"], answer["error"]["code"]) == (code, False, error)
    assert home.end("app")["exit_code"] == code


def test_help_shows_what_was_added_and_is_the_data(home: Home) -> None:
    """`--output` and `audit-log` stand beside the author's own."""
    done = home.python(APP, "--help", env={"INSTRUMENT": "envelope"})
    text = response_in(done.stdout)["data"]["text"]
    assert "--output {text,json,jsonl}" in text
    assert "audit-log" in text


def test_the_log_is_read_by_a_subcommand_of_which_the_author_knows_nothing(home: Home) -> None:
    """It is answered inside `parse_args`, and ends the program as `--help` does."""
    env = {"INSTRUMENT": "envelope"}
    home.python(APP, "deploy", "x", env=env)
    done = home.python(APP, "audit-log", "--output", "json", env=env)
    entries = response_in(done.stdout)["data"]["entries"]
    assert [entry["command"] for entry in entries] == ["deploy"]
    assert done.returncode == 0
    assert home.python(APP, "audit-log", "--verify", env=env).returncode == 0
    refused = home.python(APP, "audit-log", "--nonsense", env=env)
    assert (refused.returncode, response_in(refused.stdout)["ok"]) == (2, False)


OWN = """
import argparse, sys
from tooltrail.integrations.argparse import instrument
@instrument(tool="app", envelope=True)
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-o", "--output", default="none")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    values = parser.parse_args()
    return vars(values)
sys.exit(main())
"""


def test_an_output_of_the_authors_is_never_replaced(home: Home) -> None:
    """Ours has another name then, and what is given to his is his."""
    answer = response_in(home.python(OWN, "--output", "text").stdout)
    assert answer["data"] == {"output": "text", "rest": []}
    shown = home.python(OWN, "--output-format", "text", "--output", "x").stdout
    assert shown.splitlines() == ["output: x", "rest: []"]


def test_what_is_meant_for_another_program_is_not_read_as_ours(home: Home) -> None:
    """The remainder of a command line may hold an option of the same name."""
    answer = response_in(home.python(OWN, "exec", "--output-format", "text").stdout)
    assert answer["data"]["rest"] == ["exec", "--output-format", "text"]


def test_a_subcommand_audit_log_of_the_authors_is_never_replaced(home: Home) -> None:
    """It does what its author says."""
    code = """
import argparse, sys
from tooltrail.integrations.argparse import instrument
@instrument(tool="app", envelope=True)
def main():
    parser = argparse.ArgumentParser()
    parser.add_subparsers(dest="c").add_parser("audit-log").add_argument("--mine")
    return vars(parser.parse_args())
sys.exit(main())
"""
    answer = response_in(home.python(code, "audit-log", "--mine", "1").stdout)
    assert answer["data"] == {"c": "audit-log", "mine": "1"}


def test_a_parser_that_is_used_again_is_extended_once(home: Home) -> None:
    """A hundred calls in one process are a hundred entries, and leave no trace of themselves."""
    parser = argparse.ArgumentParser()
    parser.add_subparsers(dest="c").add_parser("go").add_argument("n", type=int)
    before = (dict(os.environ), os._exit, json.dumps(parser.format_help()))

    @instrument(tool="app", envelope=True)
    def main(argv: list[str]) -> Any:
        return parser.parse_args(argv).n + 100

    for number in range(100):
        with pytest.raises(SystemExit):
            main(["go", str(number)])
    ends = home.events("app", "end")
    assert [end["params"]["n"] for end in ends] == list(range(100))
    assert (dict(os.environ), os._exit) == before[:2]
    assert parser.format_help().count("--output") <= 2


def test_a_parser_that_is_given_a_generator_gets_all_of_it(home: Home) -> None:
    """What is read once only is not read up by us, in a first parse or in a later one."""

    def main(argv: list[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("names", nargs="*")
        for _ in range(2):
            assert parser.parse_args(each for each in argv).names == ["a", "b"]  # type: ignore[arg-type]
        assert parser.parse_args(each for each in "xyz").names == ["x", "y", "z"]  # type: ignore[arg-type]

    assert run(home, main, ["a", "b"])["params"] == {"names": ["a", "b"]}


def test_a_remainder_may_hold_the_secrets_of_another_parser(home: Home) -> None:
    """As twine does it: the begin line before that parser ran goes without it, the end has all."""

    def main(argv: list[str]) -> None:
        first = argparse.ArgumentParser(prog="app")
        first.add_argument("command")
        first.add_argument("args", nargs=argparse.REMAINDER)
        given = first.parse_args(argv)
        second = argparse.ArgumentParser(prog=f"app {given.command}")
        second.add_argument("-p", "--password")
        second.add_argument("name")
        second.parse_args(given.args)

    end = run(home, main, ["upload", "-p", CANARY, "bob"])
    assert (end["command"], end["params"]["name"]) == ("upload", "bob")
    assert end["process"]["argv"][1:] == ["upload", "-p", "[REDACTED]", "bob"]
    assert CANARY not in home.log("app").read_text()


def test_a_remainder_that_nobody_parses_is_whole_in_the_end_line(home: Home) -> None:
    """What a tool runs for its caller is what it was called with."""

    def main(argv: list[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("program", nargs=argparse.REMAINDER)
        parser.parse_args(argv)

    end = run(home, main, ["ls", "-l", "here"])
    assert end["params"] == {"program": ["ls", "-l", "here"]}
    assert end["process"]["argv"][1:] == ["ls", "-l", "here"]


@pytest.mark.parametrize("library", ["argparse", "optparse"])
@pytest.mark.parametrize(
    "namespace",
    [
        "class N: __slots__ = ('x', 'y', 'ensure_value', '__dict__x')",
        "class N:\n    @property\n    def __dict__(self): raise RuntimeError('no')",
    ],
    ids=["slots", "property"],
)
def test_a_namespace_that_cannot_be_looked_into_is_no_matter(
    home: Home, library: str, namespace: str
) -> None:
    """The tool goes on, and what can be read of it is recorded."""
    code = f"""
import argparse, optparse
{namespace}
def main():
    if {library!r} == "argparse":
        parser = argparse.ArgumentParser(); parser.add_argument("--x"); parser.add_argument("--y")
        space = N(); space = parser.parse_args(None, space)
    else:
        parser = optparse.OptionParser(); parser.add_option("--x"); parser.add_option("--y")
        space = N(); space.x = space.y = None; space, _ = parser.parse_args(None, space)
    print(space.x, space.y)
main()
"""
    script = home.path / "job.py"
    script.write_text(code)
    bare = home.run(PYTHON, script, "--x", "1")
    done = home.tooltrail("run", "--instrument", "--", PYTHON, str(script), "--x", "1")
    assert (done.stdout, done.stderr, done.returncode) == (bare.stdout, bare.stderr, 0)
    assert done.stdout == "1 None\n"
    assert home.end("job")["params"]["x"] == "1"
