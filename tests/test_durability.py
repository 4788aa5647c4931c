"""Which lines are on the disk when the call goes on: none, the ends, or all of them."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from conftest import PYTHON, TOOLTRAIL, Home, needs, response_in
from tooltrail.trail.lost import lost

# Wraps the system call itself: notes the event of the last line at the moment of the sync, and
# whether another writer could have the lock meanwhile.
SPY = """
import fcntl, json, os, sys

def fdatasync(fd, real=os.fdatasync):
    path = os.readlink(f"/proc/self/fd/{fd}")
    with open(path, "rb") as log:
        event = json.loads(log.read().splitlines()[-1])["event"]
        if event != "seal":  # a rotation is done under the lock
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with open(os.environ["SYNCED"], "a") as synced:
        synced.write(f"{os.path.basename(path)} {event}\\n")
    if os.environ.get("FAILS") in ("always", event):
        raise OSError(5, "Input/output error")
    real(fd)

os.fdatasync = fdatasync
"""

BLOCK = (
    SPY
    + """
import tooltrail
with tooltrail.invocation("job", envelope="envelope" in sys.argv) as call:
    open("acted", "w").close()
    call.data = 1
    if "exec" in sys.argv: os.execv("/bin/true", ["true"])
    if "os exit" in sys.argv: os._exit(3)
    if "fork" in sys.argv:
        if os.fork() == 0: os._exit(0)
        os.wait()
    if "kill" in sys.argv: os.kill(os.getpid(), 9)
    if "inner" in sys.argv:
        with tooltrail.invocation("job"): pass
sys.exit(3)
"""
)


@pytest.fixture(autouse=True)
def synced(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = home.path / "synced"
    path.touch()
    monkeypatch.setenv("SYNCED", str(path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.path))
    return path


def events(synced: Path) -> list[str]:
    lines = [line.split() for line in synced.read_text().splitlines()]
    assert all(name == "audit.jsonl" for name, _ in lines)
    return [event for _, event in lines]


def job(home: Home, durability: str | None, *arguments: str, **env: str) -> int:
    """Run the block, and return its exit code."""
    level = {"TOOLTRAIL_DURABILITY": durability} if durability else {}
    return home.python(BLOCK, *arguments, cwd=home.path, env=env | level).returncode


@pytest.mark.parametrize(
    ("durability", "expected"),
    [(None, []), ("none", []), ("end", ["end"]), ("always", ["begin", "end"])],
)
@pytest.mark.parametrize("envelope", [False, True], ids=["observe", "envelope"])
def test_what_is_synced_is_what_was_asked_for(
    home: Home, synced: Path, durability: str | None, expected: list[str], envelope: bool
) -> None:
    """By default nothing is; with `end` what a receipt names; with `always` the begin as well."""
    assert job(home, durability, *["envelope"] * envelope) == 3
    assert events(synced) == expected
    assert [line["event"] for line in home.lines("job")] == ["log", "begin", "end"]


@pytest.mark.parametrize(
    ("what", "code", "expected"),
    [
        ("exec", 0, ["end"]),
        ("os exit", 3, ["end"]),
        ("fork", 3, ["end"]),
        ("kill", -9, []),
        ("inner", 3, ["end", "end"]),
    ],
)
def test_every_way_out_syncs_its_end(
    home: Home, synced: Path, what: str, code: int, expected: list[str]
) -> None:
    """A program that takes over, `os._exit`, a forked child: each end line once, or none."""
    assert job(home, "end", what) == code
    assert events(synced) == expected


def test_a_correction_is_synced_like_an_end(home: Home, synced: Path) -> None:
    """The line that says that a response was not delivered is what counts then."""
    script = home.path / "tool.py"
    script.write_text(BLOCK)
    done = home.run(
        "sh",
        "-c",
        f"exec {PYTHON} {script} envelope > /dev/full",
        env={"TOOLTRAIL_DURABILITY": "end"},
        cwd=home.path,
    )
    assert done.returncode == 1
    assert events(synced) == ["end", "undelivered"]


@needs("strace")
@pytest.mark.parametrize(
    ("durability", "synced"), [("none", 0), ("end", 1), ("always", 2)], ids=lambda value: str(value)
)
def test_a_wrapped_commands_lines_are_synced_by_the_kernel(
    home: Home, durability: str, synced: int
) -> None:
    """As strace sees it: fdatasync(2) after the lock was given back; a new log's folder too."""
    trace = home.path / "trace"
    home.run(
        "strace",
        *("-f", "-y", "-e", "trace=fdatasync,fsync,sync,flock", "-o", trace),
        *(TOOLTRAIL, "run", "--", "true"),
        env={"TOOLTRAIL_DURABILITY": durability},
    ).check_returncode()
    calls = re.findall(r"\b(flock|\w*sync)\(\d+<([^>]*)>(?:, (LOCK_\S+))?\)", trace.read_text())
    ours = [(name, how) for name, path, how in calls if path == str(home.log("tooltrail"))]
    assert [name for name, _ in ours].count("fdatasync") == synced
    others = {(name, path) for name, path, _ in calls if name in ("fsync", "sync")}
    assert others <= {("fsync", str(home.log("tooltrail").parent))}
    assert synced or not others
    for before, after in pairwise(ours):
        if after[0] == "fdatasync":
            assert before == ("flock", "LOCK_UN")


def test_a_disk_that_fails_to_sync_is_told(home: Home, synced: Path) -> None:
    """The call is as good as unrecorded: no receipt, one line on stderr; its exit code is its own.

    The line itself may well be there: the disk did not say.
    """
    done = home.python(
        BLOCK,
        "envelope",
        cwd=home.path,
        env={"TOOLTRAIL_DURABILITY": "end", "FAILS": "end"},
    )
    assert done.returncode == 3
    log = home.log("job")
    assert done.stderr == f"tooltrail: this call is not recorded: {log}: input/output error\n"
    response = response_in(done.stdout)
    assert (response["ok"], response["data"]) == (True, 1)
    assert [warning["code"] for warning in response["warnings"]] == ["NOT_RECORDED"]
    assert response["meta"]["receipt"] is None
    assert lost(str(log)).count == 1
    assert [line["event"] for line in home.lines("job")] == ["log", "begin", "end"]


@pytest.mark.parametrize("durability", ["end", "always"])
def test_closed_runs_nothing_whose_begin_is_not_on_the_disk(home: Home, durability: str) -> None:
    """Where `always` was asked for, a begin that could not be synced is none."""
    code = job(home, durability, TOOLTRAIL_POLICY="closed", FAILS="begin")
    always = durability == "always"
    assert (code, (home.path / "acted").exists()) == ((125, False) if always else (3, True))


def test_a_failed_sync_does_not_hurt_the_next_call(home: Home) -> None:
    """The chain goes on, and what was written is there."""
    assert job(home, "always", FAILS="always") == 3
    assert job(home, "always") == 3
    assert [line["seq"] for line in home.lines("job")] == [0, 1, 2, 3, 4]


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder on a filesystem that has no disk to sync to."""
    if not os.path.ismount("/dev/shm"):
        pytest.skip("no filesystem in memory is mounted at /dev/shm")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def test_a_filesystem_in_memory_syncs_without_complaint(
    home: Home, synced: Path, memory: Path
) -> None:
    """There is nothing to do there, and that is no failure."""
    done = home.python(
        BLOCK, cwd=home.path, env={"TOOLTRAIL_DURABILITY": "always", "XDG_DATA_HOME": str(memory)}
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert events(synced) == ["begin", "end"]
    lines = (memory / "job" / "audit.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["log", "begin", "end"]


ROTATES = (
    SPY
    + """
from tooltrail.trail import append
for n in range(12):
    append(sys.argv[1], "job", '{"event":"later","n":%d,"pad":"%s"}' % (n, "x" * 200),
           rotate_at=2000, durable=True)
"""
)


def test_a_line_that_went_into_a_new_segment_is_synced_there(home: Home, synced: Path) -> None:
    """Each line is synced in the file that it is in, under the name of the active segment."""
    home.python(ROTATES, str(home.log("job"))).check_returncode()
    assert [event for event in events(synced) if event != "seal"] == ["later"] * 12
    assert len(list(home.log("job").parent.glob("audit-*.jsonl"))) == 2


@needs("strace")
def test_a_segment_is_on_the_disk_before_its_name_changes(home: Home, synced: Path) -> None:
    """After a power cut, a log whose next segment holds durable lines ends in its seal.

    Otherwise the old file could come back without its seal, and the next writer would go on in
    it, past what was acknowledged in the new one.
    """
    trace = home.path / "trace"
    script = home.path / "tool.py"
    script.write_text(ROTATES)
    home.run(
        "strace",
        *("-y", "-e", "trace=fdatasync,fsync,rename,renameat,renameat2,link,linkat,write"),
        *("-s", "1000", "-o", trace, PYTHON, script, home.log("job")),
    ).check_returncode()
    calls = trace.read_text().splitlines()
    renames = [n for n, call in enumerate(calls) if "rename" in call and "audit.jsonl.next" in call]
    assert len(renames) == 2
    for at in renames:
        seal = max(n for n in range(at) if '\\"event\\":\\"seal\\"' in calls[n])
        assert [call for call in calls[seal:at] if re.match(r"f(data)?sync\(\d+<.*/audit", call)]
