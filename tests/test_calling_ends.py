"""How a call of `tooltrail.run` ends when somebody ends it: timeouts, Ctrl-C, cancellation."""

import asyncio
import contextlib
import gzip
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, Home

OWN = "tooltrail"


def alive(pid_file: Path) -> list[int]:
    """Return which of the processes that noted their pid in a file still run."""
    found = []
    for text in pid_file.read_text().split():
        try:
            state = Path(f"/proc/{text}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.append(int(text))
    return found


def gone(pid_file: Path) -> bool:
    """Wait until all processes that noted their pid have ended, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while alive(pid_file) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid_file)


def noted(pid_file: Path, count: int) -> bool:
    """Wait until as many processes have noted their pid."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if pid_file.exists() and len(pid_file.read_text().split()) >= count:
            return True
        time.sleep(0.02)
    return False


def tree(pid_file: Path, *, stubborn: bool = False) -> list[str]:
    """Return a command with a child, a daemon in a session of its own, and a grandchild."""
    note = f"echo $$ >> {pid_file}"
    trap = "trap '' TERM;" if stubborn else ""
    line = (
        f"{trap} {note}; (sh -c '{note}; exec sleep 60') &"
        f" setsid sh -c '{trap} {note}; sleep 60; sleep 60' > /dev/null 2>&1 < /dev/null &"
        f" (setsid sh -c '{note}; exec sleep 60' &); sleep 60"
    )
    return ["sh", "-c", line]


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_timeout_ends_all_that_the_call_started(home: Home, stubborn: bool) -> None:
    """Children, daemons in sessions of their own, and those that ignore SIGTERM."""
    pids = home.path / "pids"
    result = tooltrail.run(tree(pids, stubborn=stubborn), timeout=1.5, kill_after=0.5)
    assert result.timed_out
    assert (result.exit_code, result.outcome) == (124, "timed_out")
    assert result.error is not None
    assert result.error["code"] == "TIMEOUT"
    assert ("SIGKILL" in result.error["message"]) == stubborn
    assert len(pids.read_text().split()) == 4
    assert gone(pids)
    assert home.end(OWN)["outcome"] == "timed_out"


def test_a_timeout_spares_what_the_call_did_not_start(home: Home) -> None:
    """A process beside it lives on."""
    beside = subprocess.Popen(["sleep", "30"])
    try:
        assert tooltrail.run(["sleep", "30"], timeout=0.2).timed_out
        assert beside.poll() is None
    finally:
        beside.kill()
        beside.wait()


def test_output_until_the_timeout_is_there(home: Home) -> None:
    """What was printed before is not lost."""
    result = tooltrail.run(["sh", "-c", "echo begun; sleep 30"], timeout=0.5)
    assert result.stdout == "begun\n"


def test_what_a_command_leaves_behind_is_not_waited_for(home: Home, tmp_path: Path) -> None:
    """Its output until then is there, marked as unfinished; and it is not killed by our going."""
    late = tmp_path / "late"
    line = f"(sleep 1.5; echo a; echo b; echo written > {late}) & echo now"
    result = tooltrail.run(["sh", "-c", line])
    assert result.stdout == "now\n"
    assert result.out.unfinished
    assert home.end(OWN)["output"]["stdout"]["unfinished"] is True
    deadline = time.monotonic() + 10
    while not late.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert late.exists()


def test_ctrl_c_ends_the_call_and_its_record(home: Home) -> None:
    """KeyboardInterrupt goes on to the caller; nothing is left running."""
    pids = home.path / "pids"
    code = f"import tooltrail; tooltrail.run({tree(pids)!r})"
    agent = subprocess.Popen([PYTHON, "-c", code], stderr=subprocess.PIPE)
    assert noted(pids, 4)
    agent.send_signal(signal.SIGINT)
    _, stderr = agent.communicate(timeout=30)
    assert b"KeyboardInterrupt" in stderr
    assert gone(pids)
    end = home.end(OWN)
    assert (end["outcome"], end["signal"], end["exit_code"]) == ("interrupted", "SIGINT", 130)


def test_a_killed_agent_leaves_the_begin(home: Home) -> None:
    """SIGKILL of the caller: its call has vanished, and the log says so."""
    code = "import tooltrail; tooltrail.run(['sleep', '3'])"
    agent = subprocess.Popen([PYTHON, "-c", code])
    deadline = time.monotonic() + 20
    while not home.events(OWN, "begin") and time.monotonic() < deadline:
        time.sleep(0.02)
    agent.kill()
    agent.wait()
    assert home.events(OWN, "end") == []
    listing = home.tooltrail("log", "--output", "jsonl").stdout
    assert '"outcome":"vanished"' in listing


def test_calls_run_at_once_on_an_event_loop(home: Home) -> None:
    """Thirty of them, each with its own result."""

    async def main() -> list[str]:
        calls = [tooltrail.arun(["sh", "-c", f"sleep 0.2; echo {n}"]) for n in range(30)]
        return [result.stdout.strip() for result in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == [str(number) for number in range(30)]
    assert len(home.events(OWN, "end")) == 30


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_cancelled_call_leaves_no_process_and_a_finished_entry(
    home: Home, stubborn: bool
) -> None:
    """The record is whole before CancelledError goes on."""
    pids = home.path / "pids"

    async def main() -> str:
        call = asyncio.create_task(tooltrail.arun(tree(pids, stubborn=stubborn), kill_after=0.3))
        while not pids.exists() or len(pids.read_text().split()) < 4:
            await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.sleep(0)
        call.cancel()  # twice, as an impatient caller does
        try:
            await call
        except asyncio.CancelledError:
            return "cancelled"
        return "not cancelled"

    assert asyncio.run(main()) == "cancelled"
    end = home.end(OWN)
    assert (end["outcome"], end["signal"]) == ("terminated", "SIGTERM")
    assert end["error"]["code"] == "CANCELLED"
    assert gone(pids)


def test_wait_for_ends_a_call_like_a_cancellation(home: Home) -> None:
    """asyncio's own timeout works too."""

    async def main() -> None:
        await asyncio.wait_for(tooltrail.arun(["sleep", "30"]), 0.3)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert home.end(OWN)["error"]["code"] == "CANCELLED"


def test_what_a_call_raises_reaches_who_awaits_it(home: Home) -> None:
    """Errors are the same as those of `run`."""

    async def main() -> None:
        await tooltrail.arun(["false"], check=True)

    with pytest.raises(tooltrail.CallFailedError):
        asyncio.run(main())


def test_no_descriptor_is_left_open(home: Home) -> None:
    """Fifty calls of each kind leave the process as it was."""

    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    def once() -> None:
        tooltrail.run(["true"], input="x")
        tooltrail.run(["no-such-command-anywhere"])
        asyncio.run(tooltrail_once())

    async def tooltrail_once() -> None:
        await tooltrail.arun(["true"])

    once()
    before = count()
    for _ in range(20):
        once()
    assert count() == before


INTERRUPTED = """\
import os, sys, tooltrail
def hook(event, _):
    if armed and ("spawn" in event or "fork" in event or event == "subprocess.Popen"):
        armed.clear()
        raise KeyboardInterrupt
armed = []
sys.addaudithook(hook)
before = len(os.listdir("/proc/self/fd"))
armed.append(1)
try:
    tooltrail.run(["true"], input="x")
except KeyboardInterrupt:
    print("interrupted", len(os.listdir("/proc/self/fd")) - before)
"""


def test_a_call_that_is_interrupted_before_its_command_is_there_has_an_end(home: Home) -> None:
    """Ctrl-C just before the process is started: it goes on, and the record is whole."""
    done = home.python(INTERRUPTED)
    assert done.stdout == "interrupted 0\n", done.stderr
    (end,) = home.events("tooltrail", "end")
    assert (end["outcome"], end["exit_code"], end["signal"]) == ("interrupted", 130, "SIGINT")
    assert "child" not in end


def is_there(mark: str) -> bool:
    """Tell whether a process with this argument lives."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "cmdline").read_bytes():
                return True
        except OSError:
            continue
    return False


def test_what_ignores_sigterm_is_ended_though_the_command_has_died(home: Home) -> None:
    """`ended with all that it had started` is true."""
    line = "(trap '' TERM; exec sleep 61.17 >/dev/null 2>&1) & exec sleep 61.18"
    result = tooltrail.run(["bash", "-c", line], timeout=0.4, kill_after=0.5)
    assert result.exit_code == 124
    assert not is_there("61.17")
    assert not is_there("61.18")


def test_a_cancel_after_the_commands_end_signals_nobody(home: Home) -> None:
    """Only its output was waited for; it is recorded as it ended."""

    async def cancelled_late() -> None:
        task = asyncio.create_task(tooltrail.arun(["sh", "-c", "sleep 3.19 & exit 0"]))
        await asyncio.sleep(0.5)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(cancelled_late())
    assert home.end("tooltrail")["outcome"] == "success"
    assert is_there("3.19")


@pytest.mark.parametrize("timeout", [2.2e6, 1e12, float("inf")])
def test_a_long_timeout_is_a_long_timeout(home: Home, timeout: float) -> None:
    """Longer than the system can be asked to wait at once."""
    assert tooltrail.run(["true"], timeout=timeout).exit_code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"timeout": "3"},
        {"timeout": float("nan")},
        {"timeout": -1},
        {"kill_after": "x"},
        {"stdin": subprocess.PIPE},
        {"env": {"PATH": "/bin", "A": 1}},
    ],
    ids=str,
)
def test_what_is_asked_wrongly_starts_nothing(home: Home, wrong: dict[str, Any]) -> None:
    """A usage error, before anything is recorded."""
    with pytest.raises(tooltrail.TooltrailError):
        tooltrail.run(["sleep", "65.23"], **wrong)
    assert not is_there("65.23")
    assert not home.log("tooltrail").exists()


def test_secrets_of_the_commands_own_environment_are_taken_out(home: Home) -> None:
    """Not only those of this process's."""
    secret = "hunter2SECRETvalueQ9x08"
    env = {"PATH": os.environ["PATH"], "MY_API_TOKEN": secret}
    tooltrail.run(["sh", "-c", "echo $MY_API_TOKEN"], capture="full", env=env)
    tooltrail.run(["echo", f"a{secret}b"], env=env)
    tooltrail.Session("s").run(["true"], operation=f"password={secret}")
    for path in home.data.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            assert secret.encode() not in data, path
