"""The format, byte by byte: what is written today is what readers of v1 will always meet.

`pytest --update-golden` writes the files anew; a changed file is a changed format.
"""

from pathlib import Path

import pytest

import tooltrail
from conftest import Home
from tooltrail import _host
from tooltrail.entry import Ending

GOLDEN = Path(__file__).parent / "golden" / "entry-v1"

FACTS = {
    "pid": 4711,
    "parent_pid": 4700,
    "start_ticks": 1204300,
    "pid_namespace": "4026531836",
    "boot_id": "5f0f35f5-8a1c-4a5e-9e0b-0d6a3c1f7b42",
    "host": "build-7",
    "uid": 1000,
    "user": "deploy",
    "executable": "/usr/bin/python3",
    "cwd": "/srv/app",
}


@pytest.fixture
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock at known times, and make ids and facts the same on every machine."""
    ticks = iter(range(1_000))
    start = 1_790_000_000_000_000_000
    monkeypatch.setattr(_host, "wall_ns", lambda: start + next(ticks) * 1_000_000)
    monkeypatch.setattr(_host.time, "time_ns", lambda: start + next(ticks) * 1_000_000)
    monkeypatch.setattr(_host, "monotonic_ns", lambda: next(ticks) * 5_000_000)
    monkeypatch.setattr(_host, "randomness", lambda size: bytes(range(size)))
    monkeypatch.setattr(_host, "user_name", lambda uid: "deploy")
    monkeypatch.setattr(
        _host, "process_facts", lambda argv, executable, user: {**FACTS, "argv": list(argv)}
    )
    monkeypatch.setattr("os.uname", lambda: type("uname", (), {"nodename": "build-7"}))


def hold(name: str, written: bytes, update: bool) -> None:
    """Compare what was written with the golden file of that name."""
    file = GOLDEN / name
    if update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written)
    assert written == file.read_bytes()


@pytest.mark.usefixtures("fixed")
def test_the_lines_of_a_call_are_these(
    home: Home, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A call with params, a secret, text that needs escapes, and a failure."""
    monkeypatch.setenv("TOOL_TRACE_ID", "agent-session-42-step-7")
    monkeypatch.setenv("TOOL_OPERATOR", "agent-session-42")
    monkeypatch.setattr("sys.argv", ["deployctl", "deploy", "--token", "s3cr3t", "größe\x1b[31m"])
    params = {
        "env": "staging",
        "token": "s3cr3t",
        "count": 3,
        "force": True,
        "note": "größe\x1b[31m",
    }
    with (
        pytest.raises(tooltrail.CommandError),
        tooltrail.invocation("deployctl", "deploy", params, version="1.2.3"),
    ):
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, retryable=True)
    hold("failure.jsonl", home.log("deployctl").read_bytes(), request.config.option.update_golden)


@pytest.mark.usefixtures("fixed")
def test_the_lines_of_a_wrapped_call_in_an_agents_session_are_these(
    home: Home, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A wrapped call that was killed, with what its caller claims."""
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "0f3a")
    monkeypatch.setenv("AI_AGENT", "claude-code_2.1.0_cli")
    monkeypatch.setenv("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    monkeypatch.setenv("TOOL_PARENT_REQUEST_ID", "req_01M81TKXJ0T2EK26P71RZJ8S22")
    argv = ["git", "push"]
    with tooltrail.Invocation("git", recorder="wrapper", log_tool="tooltrail", argv=argv) as call:
        call.begin("publish", {"argv": argv})
        call.finish(Ending(137, "killed", signal=9), child={"pid": 4712})
    hold("wrapped.jsonl", home.log("tooltrail").read_bytes(), request.config.option.update_golden)
