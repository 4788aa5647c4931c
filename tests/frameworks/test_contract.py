"""What holds for every framework: each outcome, in both modes, against the bare tool's bytes."""

from typing import Any

import pytest

from conftest import Home
from frameworks.tool import (
    ALL,
    WITH_COMMANDS,
    WITH_OPTIONS,
    answer,
    bare,
    having,
    kept_bytes,
    run,
    seen,
)

CANARY = "canary-5b1f09e7c2"


class Case:
    """A command line, who understands it, and what is to be recorded of it."""

    def __init__(
        self,
        name: str,
        arguments: str,
        frameworks: tuple[str, ...],
        exit_code: int,
        outcome: str,
        command: str | None = None,
        params: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.arguments = arguments.split()
        self.frameworks = frameworks
        self.exit_code = exit_code
        self.outcome = outcome
        self.command = command
        self.params = params


_GIVEN = {"env": "prod", "replicas": 5, "force": True}
_DEFAULTS = {"env": "prod", "replicas": 3, "force": False, "token": None}
_OWN_EXIT = having("own exit", "commands")
_VERSION = having("version")
CASES = [
    Case(
        "success", "deploy prod --replicas 5 --force", WITH_COMMANDS, 0, "success", "deploy", _GIVEN
    ),
    Case("flat", "deploy prod --replicas 5", ("optparse",), 0, "success", None, {"replicas": 5}),
    Case("plain", "deploy prod", ("program",), 0, "success", None, {"argv": ["deploy", "prod"]}),
    Case("defaults", "deploy prod", WITH_COMMANDS, 0, "success", "deploy", _DEFAULTS),
    Case("nested", "db migrate --steps 2", WITH_COMMANDS, 0, "success", "db migrate", {"steps": 2}),
    Case("crash", "crash", ALL, 1, "crashed"),
    Case("exit 0", "leave 0", ALL, 0, "success"),
    Case("exit 7", "leave 7", ALL, 7, "failure"),
    Case("exit None", "leave none", ALL, 0, "success"),
    Case("exit text", "leave text", ALL, 1, "failure"),
    Case("exit 300", "leave big", ALL, 44, "failure"),
    Case("its own exit", "own 5", _OWN_EXIT, 5, "failure", "own", {"code": 5}),
    Case("its own success", "own 0", _OWN_EXIT, 0, "success", "own", {"code": 0}),
    Case("its own exit, flat", "own 5", ("optparse",), 5, "failure"),
    Case("no goodbye", "jump", ALL, 6, "failure"),
    Case("missing", "deploy", WITH_COMMANDS, 2, "usage_error"),
    Case("unknown option", "deploy prod --nope 1", WITH_OPTIONS, 2, "usage_error"),
    Case("unknown command", "nope", WITH_OPTIONS, 2, "usage_error"),
    Case("help", "--help", WITH_OPTIONS, 0, "success", "spec", {}),
    Case("version", "--version", _VERSION, 0, "success", "spec", {}),
    Case("child", "child", ALL, 0, "success"),
]
EACH = [
    pytest.param(framework, case, id=f"{framework}-{case.name}".replace(" ", "-"))
    for case in CASES
    for framework in sorted(case.frameworks)
]


def held_to(case: Case, framework: str, entry: dict[str, Any]) -> None:
    """Hold an end line to what its case says."""
    assert (entry["exit_code"], entry["outcome"]) == (case.exit_code, case.outcome)
    assert (entry["tool"], entry["version"], entry["recorder"]) == ("spec", "9.9", "tool")
    if case.command is not None:
        assert entry["command"] == case.command
    for name, value in (case.params or {}).items():
        assert entry["params"][name] == value
        assert type(entry["params"][name]) is type(value)
    assert (entry["error"] is None) == (case.exit_code == 0)


@pytest.mark.parametrize(("framework", "case"), EACH)
def test_an_observed_tool_is_the_bare_tool(home: Home, framework: str, case: Case) -> None:
    """Same stdout, stderr and exit code, byte for byte; and one entry that says how it was."""
    wanted = bare(framework, *case.arguments)
    done = run(home, framework, "observe", *case.arguments)
    assert seen(done) == seen(wanted)
    assert done.returncode == case.exit_code
    held_to(case, framework, home.end("spec"))
    if case.name == "child":
        said = (home.path / "child").read_text().split()
        assert said == ["parent", home.end("spec")["request_id"]]
    if case.outcome in ("success", "failure", "crashed") and "--" not in case.arguments[0]:
        assert home.events("spec", "begin"), "the begin line comes before the action"


@pytest.mark.parametrize(("framework", "case"), EACH)
def test_an_answering_tool_gives_one_response(home: Home, framework: str, case: Case) -> None:
    """The five members on every way out; the same exit code; the entry that meta names."""
    done = run(home, framework, "envelope", *case.arguments, TOOL_TRACE_ID="test-123")
    assert done.returncode == case.exit_code
    response = answer(done)
    entry = home.end("spec")
    held_to(case, framework, entry)
    assert response["ok"] == (case.exit_code == 0)
    assert response["meta"]["trace_id"] == "test-123"
    assert response["meta"]["request_id"] == entry["request_id"]
    assert response["meta"]["receipt"]["seq"] == entry["seq"]
    if case.exit_code:
        assert response["data"] is None
        assert response["error"]["code"] == entry["error"]["code"]
        assert response["error"]["message"]
    if case.outcome == "usage_error":
        assert response["error"]["hint"]
        if framework != "fire":  # which calls first, and looks at what is left afterwards
            assert not done.stderr
    if case.name == "success":
        assert response["data"] == {"env": "prod", "replicas": 5}
    if case.name in ("help", "version"):
        assert response["data"]["text"].strip()


@pytest.mark.parametrize("framework", ALL)
def test_an_author_fails_with_a_code_of_his_own(home: Home, framework: str) -> None:
    """`CommandError` is the response's error, and its exit code the program's."""
    done = run(home, framework, "envelope", "refuse")
    response = answer(done)
    assert (done.returncode, response["error"]["code"]) == (4, "NO_RELEASE")
    assert response["error"]["hint"] == "see list"
    assert home.end("spec")["exit_code"] == 4


@pytest.mark.parametrize("framework", ALL)
def test_a_code_of_his_own_in_an_observed_tool_is_what_was_seen(home: Home, framework: str) -> None:
    """Nobody turns a `CommandError` into an exit code there: it crashes, and the entry says so."""
    done = run(home, framework, "observe", "refuse")
    assert home.end("spec")["exit_code"] == done.returncode


@pytest.mark.parametrize("mode", ["observe", "envelope"])
@pytest.mark.parametrize("framework", WITH_OPTIONS)
@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy", "prod", "--token", CANARY],
        ["deploy", "prod", f"--token={CANARY}"],
        ["deploy", "prod", "--token", CANARY, "--nope"],
        ["--token", CANARY, "deploy"],
        ["nope", "--token", CANARY],
    ],
    ids=["given", "assigned", "beside-a-mistake", "misplaced", "to-no-command"],
)
def test_no_secret_reaches_the_disk(
    home: Home, framework: str, mode: str, arguments: list[str]
) -> None:
    """Whether the command line is understood or not."""
    run(home, framework, mode, *arguments)
    assert home.events("spec", "end")
    assert CANARY.encode() not in kept_bytes(home)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("framework", WITH_OPTIONS)
def test_the_output_can_be_chosen(home: Home, framework: str, before: bool) -> None:
    """`--output` stands where the framework has options, before or after the command."""
    asked, command = ["--output", "text"], ["deploy", "prod"]
    done = run(home, framework, "envelope", *(asked + command if before else command + asked))
    assert done.returncode == 0, done.stderr
    if framework in ("cyclopts", "fire"):  # which print what a command returned, each in its way
        assert done.stdout == bare(framework, *command).stdout
    else:
        printed = b"deploying to prod: 3, False, False\n"
        assert done.stdout == printed + b"env: prod\nreplicas: 3\n"


@pytest.mark.parametrize("framework", WITH_COMMANDS)
def test_a_tool_with_commands_reads_its_own_log(home: Home, framework: str) -> None:
    """`audit-log` with its filters; the bare tool has none."""
    for arguments in (["deploy", "prod"], ["leave", "7"]):
        run(home, framework, "envelope", *arguments)
    listed = run(home, framework, "envelope", "audit-log", "--failed", "--output", "jsonl")
    assert listed.returncode == 0, listed.stderr
    (entry,) = [line for line in listed.stdout.splitlines() if line]
    assert b'"exit_code":7' in entry
    verified = run(home, framework, "envelope", "audit-log", "--verify", "--output", "json")
    assert verified.returncode == 0
    assert bare(framework, "audit-log").returncode != 0
    refused = run(home, framework, "observe", "audit-log")
    assert refused.returncode == bare(framework, "audit-log").returncode


@pytest.mark.parametrize("framework", WITH_COMMANDS)
def test_audit_log_refuses_what_it_does_not_understand(home: Home, framework: str) -> None:
    """A wrong time is a usage error with a hint, in the response."""
    done = run(home, framework, "envelope", "audit-log", "--since", "yesterdayish")
    assert done.returncode == 2
    assert b"yesterdayish" in done.stdout + done.stderr
