"""What holds for every framework when things go on around the tool: signals, pipes, terminals."""

import contextlib
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import Home
from frameworks.tool import (
    ALL,
    WITH_OPTIONS,
    answer,
    command_line,
    environment,
    finished,
    seen,
)

_HANDED = ["sh", "-c", 'exec "$@" >&-', "sh"]  # runs a command with its stdout closed


def started(home: Home, framework: str, mode: str, name: str) -> "subprocess.Popen[bytes]":
    """Start the slow command, and wait until it runs."""
    said = home.path / name
    process = subprocess.Popen(
        command_line(framework, "slow"),
        env={**environment(home, framework, mode), "CHILD_SAID": str(said)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    while not said.exists() or not said.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    return process


def after(process: "subprocess.Popen[bytes]", number: signal.Signals) -> "tuple[bytes, bytes, int]":
    """Send a signal, and return all that a caller sees."""
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    return out, err, process.returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "term"])
@pytest.mark.parametrize("framework", ALL)
def test_signals_end_an_observed_tool_as_the_bare_one(
    home: Home, framework: str, number: signal.Signals
) -> None:
    """Ctrl-C is seen and told; SIGTERM is not handled, and the begin line is the evidence."""
    processes = [started(home, framework, mode, mode) for mode in ("bare", "observe")]
    wanted, done = [after(process, number) for process in processes]
    assert done == wanted, "the traceback of Ctrl-C, too"
    assert len({begin["request_id"] for begin in home.events("spec", "begin")}) == 1
    if number == signal.SIGTERM:
        assert done[2] == -signal.SIGTERM
        assert not home.events("spec", "end")
    else:
        end = home.end("spec")
        assert end["outcome"] == "interrupted"
        assert end["exit_code"] == (done[2] if done[2] >= 0 else 128 + number)


@pytest.mark.parametrize("framework", ALL)
def test_an_answering_tool_answers_sigterm(home: Home, framework: str) -> None:
    """One response, and then death by the signal."""
    out, err, code = after(started(home, framework, "envelope", "said"), signal.SIGTERM)
    assert code == -signal.SIGTERM
    response = answer(subprocess.CompletedProcess([], code, out, err))
    assert response["error"]["code"] == "TERMINATED"
    assert home.end("spec")["outcome"] == "terminated"


@pytest.mark.parametrize("framework", ALL)
def test_an_answering_tool_answers_ctrl_c(home: Home, framework: str) -> None:
    """One response; the exit code is the one that the framework gives it."""
    out, err, code = after(started(home, framework, "envelope", "said"), signal.SIGINT)
    response = answer(subprocess.CompletedProcess([], code, out, err))
    assert response["error"]["code"] == "INTERRUPTED"
    assert home.end("spec")["outcome"] == "interrupted"
    assert home.end("spec")["exit_code"] == (code if code >= 0 else 128 - code)


@pytest.mark.parametrize("framework", ALL)
def test_a_closed_pipe_ends_the_tool_as_ever(home: Home, framework: str) -> None:
    """`spec flood | head -1`."""
    ends = []
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
        _, err = process.communicate(timeout=30)
        ends.append((process.returncode, err))
    assert ends[0] == ends[1]
    assert home.end("spec")["exit_code"] == ends[1][0] != 0


@pytest.mark.parametrize("framework", ALL)
def test_a_response_that_nobody_reads_is_no_success(home: Home, framework: str) -> None:
    """The reader is gone before the answer: the exit code says so, and a line in the log."""
    reader, writer = os.pipe()
    os.close(reader)
    env = environment(home, framework, "envelope")
    done = finished(
        command_line(framework, "deploy", "prod"), env, stdout=writer, stderr=subprocess.DEVNULL
    )
    os.close(writer)
    (undelivered,) = home.events("spec", "undelivered")
    assert undelivered["request_id"] == home.end("spec")["request_id"]
    assert undelivered["exit_code"] == done.returncode != 0


def on_terminal(home: Home, framework: str, mode: str, *arguments: str) -> bytes:
    """Run the tool with a terminal for all three streams, and return what it shows."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        command_line(framework, *arguments),
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
    assert process.wait(30) == 0, text
    return text


@pytest.mark.parametrize("framework", ALL)
def test_a_terminal_shows_the_same(home: Home, framework: str) -> None:
    """What is printed on a terminal is the bare tool's, escape codes and all."""
    wanted, shown = [
        on_terminal(home, framework, mode, "deploy", "prod") for mode in ("bare", "observe")
    ]
    assert shown == wanted
    assert home.end("spec")["outcome"] == "success"


@pytest.mark.parametrize("framework", WITH_OPTIONS)
def test_people_get_text_and_json_where_they_ask_for_it(home: Home, framework: str) -> None:
    """On a terminal the answer is text, unless `--output json` says otherwise."""
    text = on_terminal(home, framework, "envelope", "deploy", "prod")
    assert b"deploying to prod" in text
    assert b'"ok"' not in text
    asked = on_terminal(home, framework, "envelope", "deploy", "prod", "--output", "json")
    response = answer(subprocess.CompletedProcess([], 0, asked.replace(b"a warning\r\n", b""), b""))
    assert response["data"] == {"env": "prod", "replicas": 3}


@pytest.mark.parametrize("framework", ALL)
def test_stdout_may_be_closed(home: Home, framework: str) -> None:
    """The tool ends as it would, and the entry says with which code."""
    command = [*_HANDED, *command_line(framework, "leave", "7")]
    for mode in ("bare", "observe"):
        assert finished(command, environment(home, framework, mode)).returncode == 7
    assert home.end("spec")["exit_code"] == 7


@pytest.mark.parametrize("framework", ALL)
def test_python_m_is_as_good(home: Home, framework: str, tmp_path: Path) -> None:
    """`python -m`: the same bytes, the same entry."""
    python, script, *arguments = command_line(framework, "deploy", "prod")
    folder, name = os.path.split(script)
    command = [python, "-m", name.removesuffix(".py"), *arguments]
    wanted, done = [
        finished(command, environment(home, framework, mode, PYTHONPATH=folder))
        for mode in ("bare", "observe")
    ]
    assert seen(done) == seen(wanted)
    assert (home.end("spec")["exit_code"], home.end("spec")["tool"]) == (0, "spec")
