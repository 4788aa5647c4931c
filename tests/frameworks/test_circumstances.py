"""What holds for every framework when things go on around the tool: signals, pipes, runners."""

import contextlib
import os
import pty
import signal
import subprocess
from typing import Any

import pytest

from conftest import PYTHON, Home
from frameworks.tool import ALL, APPS, answer, bare, command_line, environment, run

_COMPLETION = {
    "click": {"_SPEC_COMPLETE": "bash_source"},
    "rich_click": {"_SPEC_COMPLETE": "bash_source"},
    "typer": {"_SPEC_COMPLETE": "source_bash"},
    "argparse": {"_ARGCOMPLETE": "1"},
}


def started(home: Home, framework: str, mode: str) -> "subprocess.Popen[bytes]":
    """Start the slow command, and wait until it runs."""
    process = subprocess.Popen(
        command_line(framework, "slow"),
        env=environment(home, framework, mode, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    if mode == "envelope":  # its stdout is kept until the end: the log tells
        while not home.events("spec", "begin"):
            assert process.poll() is None
        import time

        time.sleep(0.3)  # the begin line comes a moment before the command
    else:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
@pytest.mark.parametrize("framework", ALL)
def test_signals_end_an_observed_tool_as_the_bare_one(
    home: Home, framework: str, number: signal.Signals
) -> None:
    """Ctrl-C is seen and told; SIGTERM is not handled, and the begin line is the evidence."""
    ends: list[tuple[int, int]] = []
    for mode in ("bare", "observe"):
        process = started(home, framework, mode)
        process.send_signal(number)
        out, _ = process.communicate(timeout=30)
        ends.append((process.returncode, len(out)))
    assert ends[0] == ends[1]
    assert len({line["request_id"] for line in home.events("spec", "begin")}) == 1
    if number == signal.SIGTERM:
        assert not home.events("spec", "end")
    else:
        end = home.end("spec")
        assert end["outcome"] == "interrupted"
        assert end["exit_code"] == (ends[1][0] if ends[1][0] >= 0 else 128 + number)


@pytest.mark.parametrize("framework", ALL)
def test_an_answering_tool_answers_sigterm(home: Home, framework: str) -> None:
    """One response, and then death by the signal."""
    process = started(home, framework, "envelope")
    process.terminate()
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
    response = answer(subprocess.CompletedProcess([], 0, out, err))
    assert response["error"]["code"] == "TERMINATED"
    assert home.end("spec")["outcome"] == "terminated"


@pytest.mark.parametrize("framework", ALL)
def test_a_closed_pipe_ends_the_tool_as_ever(home: Home, framework: str) -> None:
    """`spec flood | head -1`."""
    codes = []
    for mode in ("bare", "observe"):
        process = subprocess.Popen(
            command_line(framework, "flood"),
            env=environment(home, framework, mode),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.read(100)
        process.stdout.close()
        process.stdout = None
        process.communicate(timeout=30)
        codes.append(process.returncode)
    assert codes[0] == codes[1]
    assert home.end("spec")["exit_code"] == codes[1] != 0


@pytest.mark.parametrize("framework", ALL)
def test_a_terminal_shows_the_same(home: Home, framework: str) -> None:
    """What is printed on a terminal is the bare tool's, escape codes and all."""
    shown = []
    for mode in ("bare", "observe"):
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            command_line(framework, "deploy", "prod"),
            env=environment(home, framework, mode),
            stdin=follower,
            stdout=follower,
            stderr=follower,
        )
        os.close(follower)
        text = b""
        with contextlib.suppress(OSError):  # the last one hung up
            while chunk := os.read(leader, 4096):
                text += chunk
        os.close(leader)
        assert process.wait(30) == 0
        shown.append(text)
    assert shown[0] == shown[1]
    assert home.end("spec")["outcome"] == "success"


@pytest.mark.parametrize("framework", sorted(_COMPLETION))
def test_completion_is_no_call(home: Home, framework: str) -> None:
    """What a shell asks while somebody types leaves nothing, and gets its answer."""
    variables = _COMPLETION[framework]
    done = run(home, framework, "observe", **variables)
    wanted = bare(framework, **variables)
    assert (done.stdout, done.returncode) == (wanted.stdout, wanted.returncode)
    assert not home.lines("spec")


@pytest.mark.parametrize(
    ("framework", "variables", "arguments", "command"),
    [
        ("click", {"SPEC_CHAIN": "1"}, ["own", "0"], "own"),
        ("click", {"SPEC_CHAIN": "1"}, ["deploy", "prod", "child"], "deploy,child"),
        ("argparse", {"SPEC_ASYNC": "1"}, ["deploy", "prod"], "deploy"),
        ("cyclopts", {}, ["wait", "5"], "wait"),
        ("fire", {}, ["wait", "5"], "wait"),
    ],
    ids=["chain-of-one", "chain", "async-main", "async-command", "async-member"],
)
@pytest.mark.parametrize("mode", ["observe", "envelope"])
def test_chained_and_asynchronous_commands(
    home: Home, mode: str, framework: str, variables: Any, arguments: list[str], command: str
) -> None:
    """Where the framework has them, they are commands like others."""
    done = run(home, framework, mode, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    end = home.end("spec")
    assert (end["command"], end["outcome"]) == (command, "success")
    if mode == "observe":
        assert done.stdout == bare(framework, *arguments, **variables).stdout
    else:
        assert answer(done)["ok"]


@pytest.mark.parametrize("framework", ALL)
def test_stdout_may_be_closed(home: Home, framework: str) -> None:
    """The tool ends as it would, and the entry says with which code."""
    codes = [
        subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *command_line(framework, "leave", "7")],
            env=environment(home, framework, mode),
            stderr=subprocess.DEVNULL,
            check=False,
        ).returncode
        for mode in ("bare", "observe")
    ]
    assert codes == [7, 7]
    assert home.end("spec")["exit_code"] == 7


_RUNNERS = {
    "click": """
        from click.testing import CliRunner
        def once(): return CliRunner().invoke(app.cli, ["deploy", "prod"]).output""",
    "typer": """
        from typer.testing import CliRunner
        def once(): return CliRunner().invoke(app.app, ["deploy", "prod"]).output""",
    "cyclopts": """
        def once():
            with capture() as out: app.app(["deploy", "prod"], result_action="return_value")
            return out.getvalue()""",
    "argparse": """
        def once():
            with capture() as out: app.main(["deploy", "prod"])
            return out.getvalue()""",
    "optparse": """
        def once():
            with capture() as out: app.main(["deploy", "prod"])
            return out.getvalue()""",
    "fire": """
        def once():
            with capture() as out: app.main("deploy prod")
            return out.getvalue()""",
    "program": """
        import sys
        def once():
            sys.argv[1:] = ["deploy", "prod"]
            with capture() as out: app.main()
            return out.getvalue()""",
}


@pytest.mark.parametrize("framework", sorted(_RUNNERS))
def test_a_hundred_calls_in_one_process(home: Home, framework: str) -> None:
    """By the framework's own test runner: output as ever, an entry each, nothing left behind."""
    import textwrap

    script = f"""
import contextlib, io, os, sys
import {framework}_app as app
@contextlib.contextmanager
def capture():
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()): yield out
{textwrap.dedent(_RUNNERS[framework])}
before = dict(os.environ), os._exit, os.execv, sys.exit
first = once()
assert "deploying to prod" in first, first
assert all(once() == first for _ in range(99))
assert (dict(os.environ), os._exit, os.execv, sys.exit) == before
assert len(os.listdir("/proc/self/fd")) < 20
print("done")
"""
    done = subprocess.run(
        [PYTHON, "-c", script],
        env=environment(home, framework, "observe", PYTHONPATH=str(APPS)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr
    ends = home.events("spec", "end")
    assert len(ends) == len({end["request_id"] for end in ends}) == 100
    assert {end["outcome"] for end in ends} == {"success"}
