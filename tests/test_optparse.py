"""optparse: what is particular to it beside the suite that all frameworks share."""

import contextlib
import optparse
from typing import Any

import pytest

from conftest import Home, response_in
from tooltrail.integrations.optparse import instrument

APP = """
import optparse, os, sys

def main():
    parser = optparse.OptionParser(prog="app", version="app 9.9", usage="%prog [options] NAME")
    parser.add_option("-n", "--times", type="int", default=2)
    parser.add_option("--tag", action="append", default=[])
    parser.add_option("-v", action="count", dest="verbose", default=0)
    group = optparse.OptionGroup(parser, "More")
    group.add_option("-p", "--password")
    group.add_option("-k", dest="token", type="int")
    parser.add_option_group(group)
    values, names = parser.parse_args()
    print("printed", sorted(vars(values)))
    print("problem", file=sys.stderr)
    what = names[0] if names else None
    if what == "exit": sys.exit(4)
    if what == "number": return 3
    if what == "crash": raise ValueError("boom")
    if what == "error": parser.error("too few")
    if os.environ.get("INSTRUMENT") == "envelope":
        return {"what": what}

MODE = os.environ.get("INSTRUMENT")
if MODE:
    from tooltrail.integrations.optparse import instrument
    main = instrument(main, tool="app", envelope=MODE == "envelope")
sys.exit(main())
"""
CANARY = "hunter2zz"


def shown(value: Any) -> str | None:
    """Name a case after its arguments."""
    return (" ".join(value) or "nothing") if isinstance(value, list) else None


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [
        (["x"], 0, "success"),
        ([], 0, "success"),
        (["number"], 3, "failure"),
        (["exit"], 4, "failure"),
        (["crash"], 1, "crashed"),
        (["error"], 2, "usage_error"),
        (["--times", "x"], 2, "usage_error"),
        (["--nonsense"], 2, "usage_error"),
        (["--help"], 0, "success"),
        (["--version"], 0, "success"),
    ],
    ids=shown,
)
def test_optparses_own_ways_out_are_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str
) -> None:
    """Usage, errors and exit codes are those of the bare tool; the entry says how it ended."""
    bare = home.python(APP, *arguments)
    observed = home.python(APP, *arguments, env={"INSTRUMENT": "observe"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert observed.returncode == bare.returncode == code
    end = home.end("app")
    assert (end["outcome"], end["exit_code"]) == (outcome, code)


def test_params_are_the_options_and_the_arguments(home: Home) -> None:
    """By `dest`, with defaults, as the types that the parser made; the rest is `args`."""
    home.python(APP, "-vv", "bob", "--tag", "a", "-n3", "ann", env={"INSTRUMENT": "observe"})
    (begin,) = home.events("app", "begin")
    assert begin["params"] == {
        "times": 3,
        "tag": ["a"],
        "verbose": 2,
        "password": None,
        "token": None,
        "args": ["bob", "ann"],
    }


@pytest.mark.parametrize("mode", ["observe", "envelope"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["-p", CANARY],
        [f"-p{CANARY}"],
        [f"-vp{CANARY}"],
        ["--passw", CANARY],
        ["-p", CANARY, "--nonsense"],
        [f"-p{CANARY}", "--nonsense"],
        [f"-vp{CANARY}", "--nonsense"],
        ["-vp", CANARY, "--nonsense"],
        [f"--pass={CANARY}", "--nonsense"],
        ["-p", f"-{CANARY}", "--nonsense"],
        ["-k", CANARY],
    ],
    ids=shown,
)
def test_no_secret_gets_to_the_disk_whether_it_was_parsed_or_not(
    home: Home, arguments: list[str], mode: str
) -> None:
    """Of an option in a group, too: attached, among other letters, abbreviated, refused."""
    home.python(APP, *arguments, env={"INSTRUMENT": mode})
    assert home.end("app")
    written = [path for path in home.path.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]


def test_the_parser_of_a_command_completes_that_of_the_tool(home: Home) -> None:
    """As pip does it: the first stops at the command, the second is named after it."""

    @instrument(tool="app")
    def main(argv: list[str]) -> None:
        first = optparse.OptionParser(prog="app")
        first.disable_interspersed_args()
        first.add_option("--quiet", action="store_true")
        _, (command, *rest) = first.parse_args(argv)
        second = optparse.OptionParser(prog=f"app {command}")
        second.add_option("-p", "--password")
        second.parse_args(rest)
        line = optparse.OptionParser()
        line.add_option("--hash")
        for text in ([], ["--hash", "sha256"]):  # lines of a file
            line.parse_args(text)

    main(["--quiet", "install", "-p", CANARY, "bob"])
    end = home.end("app")
    assert (end["command"], end["params"]["args"]) == ("install", ["bob"])
    assert end["process"]["argv"][1:] == ["--quiet", "install", "-p", "[REDACTED]", "bob"]
    assert CANARY not in home.log("app").read_text()


def test_an_error_that_the_author_answers_himself_is_a_usage_error(home: Home) -> None:
    """With `error` overridden, the message is optparse's and the exit code the author's."""

    class Parser(optparse.OptionParser):
        def error(self, msg: str) -> Any:
            raise SystemExit(64)

    @instrument(tool="app")
    def main(argv: list[str]) -> None:
        Parser().parse_args(argv)

    with contextlib.suppress(SystemExit):
        main(["--nonsense"])
    end = home.end("app")
    assert (end["outcome"], end["exit_code"]) == ("usage_error", 64)
    assert end["error"]["code"] == "NO_SUCH_OPTION"


def test_output_is_ours_and_the_authors_values_know_nothing_of_it(home: Home) -> None:
    """One response; text where that is asked for; an unknown format is a usage error."""
    env = {"INSTRUMENT": "envelope"}
    answer = response_in(home.python(APP, "x", "--output", "json", env=env).stdout)
    assert answer["data"] == {"what": "x"}
    assert "output" not in answer["warnings"][0]["message"]
    assert "output" not in home.end("app")["params"]
    assert home.python(APP, "x", "--output=text", env=env).stdout.endswith("what: x\n")
    refused = home.python(APP, "x", "--output", "yaml", env=env)
    assert (refused.returncode, response_in(refused.stdout)["error"]["code"]) == (
        2,
        "BAD_PARAMETER",
    )
    assert "--output" in response_in(home.python(APP, "--help", env=env).stdout)["data"]["text"]


def test_an_output_of_the_authors_is_never_replaced(home: Home) -> None:
    """Ours has another name then."""
    code = """
import optparse, sys
from tooltrail.integrations.optparse import instrument
@instrument(tool="app", envelope=True)
def main():
    parser = optparse.OptionParser()
    parser.add_option("-o", "--output")
    return vars(parser.parse_args()[0])
main()
"""
    answer = response_in(home.python(code, "--output", "text").stdout)
    assert answer["data"] == {"output": "text"}
    text = home.python(code, "--output-format", "text", "-o", "x").stdout
    assert text == "output: x\n"


def test_a_parser_that_is_given_a_generator_gets_all_of_it(home: Home) -> None:
    """What is read once only is not read up by us; the parser sees what it was given."""

    class Parser(optparse.OptionParser):
        def _get_args(self, args: Any) -> list[str]:
            assert not isinstance(args, list)
            return list(args)

    @instrument(tool="app")
    def main(argv: list[str]) -> list[str]:
        names = Parser().parse_args(each for each in argv)[1]
        assert Parser().parse_args(each for each in argv)[1] == names
        return names

    assert main(["bob", "ann"]) == ["bob", "ann"]
    assert home.end("app")["params"] == {"args": ["bob", "ann"]}
