"""Appending to a log: each line whole, chained, in order, and there once it is acknowledged."""

import datetime
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import PYTHON, Home
from strategies import python_values
from tooltrail._encode import encode
from tooltrail.errors import NotRecordedError
from tooltrail.trail import Receipt, append
from tooltrail.trail import recover as module

GENESIS = "sha256:" + "0" * 64
NOBODY = 65534

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="modes are tested by dropping from root to another user"
)


@pytest.fixture
def log(home: Home) -> Path:
    return home.log("demo")


def write(log: Path, **members: Any) -> Receipt:
    return append(str(log), "demo", encode({"event": "test", **members}), with_log_id=True)


def stamp(ns: int) -> str:
    at = datetime.datetime.fromtimestamp(ns // 1_000_000 / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def digest(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line).hexdigest()


def parsed(line: bytes) -> "dict[str, Any] | None":
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "seq" in found else None


def check_chain(log: Path, *, first: int = 0) -> list[dict[str, Any]]:
    """Hold a log to the law of the chain; return its whole lines."""
    data = log.read_bytes()
    assert data.endswith(b"\n")
    raw = data[:-1].split(b"\n")
    events = []
    for number, line in enumerate(raw):
        event = parsed(line)
        if event is None:
            continue  # damaged: it keeps its place, and the next line chains to its bytes
        events.append(event)
        assert event["prev"] == (digest(raw[number - 1]) if number else GENESIS)
    assert [event["seq"] for event in events] == list(range(first, first + len(events)))
    times = [event["logged_at"] for event in events]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", at) for at in times)
    return events


def test_the_first_line_says_which_log_it_is(log: Path) -> None:
    """A new log opens with its own id, the tool and the host, at seq 0, chained to zeros."""
    write(log)
    first, second = check_chain(log)
    assert first["event"] == "log"
    assert re.fullmatch(r"log_[0-9A-HJKMNP-TV-Z]{26}", first["log"])
    assert (first["v"], first["seq"], first["prev"]) == (1, 0, GENESIS)
    assert (first["tool"], first["host"], first["open"]) == ("demo", os.uname().nodename, [])
    assert (second["event"], second["seq"]) == ("test", 1)


def test_a_line_starts_with_what_the_chain_needs(log: Path) -> None:
    """`v`, `seq`, `prev`, `logged_at` come first and in this order: the format says so."""
    write(log, n=1)
    for line in log.read_bytes().splitlines():
        assert list(json.loads(line))[:5] == ["v", "seq", "prev", "logged_at", "event"]
        assert line.isascii()


def test_a_receipt_names_its_line(log: Path) -> None:
    """Log, seq and hash of a receipt lead to one line and no other."""
    receipts = [write(log, n=n) for n in range(5)]
    lines = log.read_bytes().splitlines()
    log_id = json.loads(lines[0])["log"]
    for n, receipt in enumerate(receipts):
        line = lines[receipt.seq]
        assert json.loads(line)["n"] == n
        assert receipt.as_json() == {"log": log_id, "seq": n + 1, "hash": digest(line)}


@given(python_values)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_event_makes_one_line(home: Home, value: Any) -> None:
    """Whatever an event holds, it is one line of the chain and can be read back."""
    log = home.log("any")
    receipt = write(log, value=value)
    assert check_chain(log)[-1]["seq"] == receipt.seq


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_modes_do_not_depend_on_the_umask(home: Home, log: Path, umask: int) -> None:
    """Files that we make are 0600 and folders 0700, whatever the umask is."""
    code = (
        f"import os; os.umask({umask})\n"
        "from tooltrail.trail import append\n"
        f"""append({str(log)!r}, "demo", '{{"event":"test"}}')"""
    )
    home.run(PYTHON, "-c", code).check_returncode()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    for folder in (log.parent, home.data, home.data.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_exists_keeps_its_mode(log: Path) -> None:
    """Folders and logs that somebody else set up are not re-moded."""
    log.parent.mkdir(parents=True)
    log.parent.chmod(0o755)
    log.parent.parent.chmod(0o751)
    log.touch()
    log.chmod(0o640)
    write(log)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (log, log.parent, log.parent.parent)]
    assert modes == [0o640, 0o755, 0o751]


def test_a_clock_that_goes_back_does_not_take_the_log_with_it(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logged_at` never falls: while the clock is behind, lines bear the last time and say so."""
    noon = 1_800_000_000_000_000_000
    for ns in (noon, noon - 3_600 * 10**9, noon - 1_000_000, noon, noon + 1_000_000):
        monkeypatch.setattr(time, "time_ns", lambda ns=ns: ns)
        write(log)
    lines = check_chain(log)[1:]
    at = [stamp(ns) for ns in (noon, noon, noon, noon, noon + 1_000_000)]
    assert [line["logged_at"] for line in lines] == at
    assert [line.get("clamped") for line in lines] == [None, True, True, None, None]


def test_eight_writers_lose_tear_and_fork_nothing(home: Home, log: Path) -> None:
    """Every acknowledged line of concurrent processes is there, once, whole, and in the chain."""
    code = (
        "import sys\n"
        "from tooltrail.trail import append\n"
        "who, path = sys.argv[1:]\n"
        "sys.stdin.readline()\n"
        "for n in range(50):\n"
        """    body = '{"event":"test","who":%s,"n":%d,"pad":"%s"}' % (who, n, "x" * (n * 97))\n"""
        "    print(append(path, 'demo', body).hash)\n"
    )
    writers = [
        subprocess.Popen(
            [PYTHON, "-c", code, str(who), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=home.environment(),
        )
        for who in range(8)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    receipts = [writer.communicate(timeout=120)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8
    lines = log.read_bytes().splitlines()
    events = check_chain(log)
    assert len(lines) == len(events) == 1 + 8 * 50
    assert sorted(hash_ for made in receipts for hash_ in made) == sorted(map(digest, lines[1:]))
    for who in range(8):
        assert [event["n"] for event in events[1:] if event["who"] == who] == list(range(50))


def a_log(home: Home, *bodies: dict[str, Any]) -> bytes:
    """Return the bytes of a log that was written with these events."""
    log = home.log("sample")
    for body in bodies:
        write(log, **body)
    data = log.read_bytes()
    shutil.rmtree(log.parent)
    return data


def test_whatever_a_crash_leaves_of_a_line_is_closed_off(home: Home, log: Path) -> None:
    """At each cut: the stump stays as it is, is counted, and what follows is whole and gapless."""
    nested = {"event": "test", "params": {"a": {"b": [1, {"c": "}"}]}}, "text": "é\n\x1b"}
    data = a_log(home, {"n": 1}, nested)
    start = data[:-1].rindex(b"\n") + 1
    log.parent.mkdir(parents=True)
    for cut in range(start + 1, len(data)):
        log.write_bytes(data[:cut])
        receipt = write(log, n=2)
        write(log, n=3)
        assert log.read_bytes().startswith(data[:cut] + b"\n")
        events = check_chain(log)
        healer = next(event for event in events if event.get("n") == 2)
        assert healer["healed_bytes"] == cut - start
        assert receipt.seq == healer["seq"]
        assert [event["n"] for event in events[-2:]] == [2, 3]
        assert "healed_bytes" not in events[-1]


def test_a_crash_in_the_first_line_of_all_is_closed_off(home: Home, log: Path) -> None:
    """A log that never got to say which one it is says so on its second try."""
    data = a_log(home, {"n": 1})
    log.parent.mkdir(parents=True)
    for cut in range(1, data.index(b"\n")):
        log.write_bytes(data[:cut])
        write(log, n=2)
        write(log, n=3)
        assert log.read_bytes().startswith(data[:cut] + b"\n")
        events = check_chain(log)
        assert [event["event"] for event in events] == ["log", "test", "test"]
        assert events[0]["healed_bytes"] == cut


def test_a_crash_while_healing_is_healed(home: Home, log: Path) -> None:
    """The line that closes off a stump may be torn in its turn, at any point."""
    data = a_log(home, {"n": 1}, {"params": {"a": {"b": 1}}, "more": "text"})
    stump = data[: data.rindex(b"}}") + 1]  # ends in a brace, as a whole line does
    log.parent.mkdir(parents=True)
    log.write_bytes(stump)
    write(log, n=2)
    healed = log.read_bytes()
    for cut in range(len(stump) + 1, len(healed)):
        log.write_bytes(healed[:cut])
        write(log, n=3)
        write(log, n=4)
        events = check_chain(log)
        assert [event["n"] for event in events[-2:]] == [3, 4], cut


GARBAGE = [
    b"garbage\n",
    b"\n",
    b"\n\n\n",
    b"{}\n",
    b"[1, 2]\n",
    b'{"v":1,"seq":"x"}\n',
    b'{"v":1,"seq":7\n',
    b'{"v":1,"seq":7}\n',
    b'{"v":2,"seq":7,"prev":"x","logged_at":"y"}\n',
    b"\x00" * 5000 + b"\n",
    b"\xff\xfe\n",
    b"{" * 50_000 + b"\n",
    b"[" * 100_000 + b"\n" + b"[" * 100_000 + b"\n",
    b"no newline",
    b"x" * 1_000_000 + b"\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: repr(text[:24])[2:-1])
def test_garbage_after_the_last_line_keeps_its_place(tmp_path: Path, garbage: bytes) -> None:
    """What somebody else wrote into the log stays, and the count goes on from before it."""
    log = tmp_path / "demo" / "audit.jsonl"
    write(log, n=1)
    before = log.read_bytes() + garbage
    log.write_bytes(before)
    assert write(log, n=2).seq == 2
    write(log, n=3)
    assert log.read_bytes().startswith(before)
    raw = log.read_bytes().splitlines()
    assert [json.loads(line)["n"] for line in raw[-2:]] == [2, 3]
    assert json.loads(raw[-2])["prev"] == digest(before.removesuffix(b"\n").rpartition(b"\n")[2])


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: repr(text[:24])[2:-1])
def test_a_file_of_garbage_becomes_a_log(tmp_path: Path, garbage: bytes) -> None:
    """A file in which no line is ours is kept, and the log opens after it."""
    log = tmp_path / "demo" / "audit.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes(garbage)
    write(log, n=1)
    write(log, n=2)
    assert log.read_bytes().startswith(garbage)
    lines = [json.loads(line) for line in log.read_bytes().splitlines()[-3:]]
    assert [line["event"] for line in lines] == ["log", "test", "test"]
    assert [line["seq"] for line in lines] == [0, 1, 2]


def test_an_empty_file_becomes_a_log(log: Path) -> None:
    """A file that was touched is as good as none."""
    log.parent.mkdir(parents=True)
    log.touch()
    write(log)
    assert [line["event"] for line in check_chain(log)] == ["log", "test"]


def test_one_damaged_byte_does_not_spoil_what_is_written_after_it(log: Path) -> None:
    """Whichever byte of the last line is changed, all later lines are whole, dated and in order."""
    write(log, n=1)
    data = log.read_bytes()
    start = data[:-1].rindex(b"\n") + 1
    for place in range(start, len(data) - 1):
        for byte in (0xFF, 0x5C, 0x22, 0x7B, 0x7E):
            log.write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            write(log, n=2)
            write(log, n=3)
            second, third = map(json.loads, log.read_bytes().splitlines()[-2:])
            assert (second["n"], third["n"]) == (2, 3), (place, byte)
            assert third["seq"] == second["seq"] + 1
            for line in (second, third):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["logged_at"])


@pytest.mark.parametrize("size", [4000, 4096, 5000, 20_000, 1_000_000])
def test_a_long_last_line_is_found_whole(log: Path, size: int) -> None:
    """The chain goes on from the whole of the last line, however long that is."""
    write(log, pad="x" * size)
    write(log, n=1)
    write(log, pad="y" * size)
    write(log, n=2)
    assert [event["seq"] for event in check_chain(log)] == [0, 1, 2, 3, 4]


def refused(log: Path) -> str:
    with pytest.raises(NotRecordedError) as caught:
        write(log)
    assert caught.value.path == str(log)
    assert str(caught.value) == f"{log}: {caught.value.reason}"
    return caught.value.reason


def test_a_folder_in_the_logs_place_is_refused(log: Path) -> None:
    """A directory is not written to, and the reason says what it is."""
    log.mkdir(parents=True)
    assert refused(log) == "is a directory"


@pytest.mark.parametrize("dangling", [False, True])
def test_a_symbolic_link_is_not_followed(home: Home, log: Path, dangling: bool) -> None:
    """Nobody can make us write into a file of their choosing."""
    target = home.path / "target"
    if not dangling:
        target.write_text("mine\n")
    log.parent.mkdir(parents=True)
    log.symlink_to(target)
    assert refused(log) == "it is a symbolic link, which is not followed"
    assert not target.exists() if dangling else target.read_text() == "mine\n"


def test_a_pipe_in_the_logs_place_is_refused_at_once(log: Path) -> None:
    """A FIFO without a reader does not hang the tool."""
    log.parent.mkdir(parents=True)
    os.mkfifo(log)
    assert refused(log) == "it is not a plain file"
    assert stat.S_ISFIFO(log.stat().st_mode)


def test_a_file_in_the_folders_place_is_refused(home: Home, log: Path) -> None:
    """Where no folder can be, no log can."""
    home.data.mkdir(parents=True)
    log.parent.write_text("a file")
    assert refused(log) == "not a directory"
    assert log.parent.read_text() == "a file"


def as_nobody(log: Path) -> "tuple[int, str]":
    """Append as another user, in a process of its own; return its exit code and the reason."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            try:
                write(log)
                os._exit(0)
            except NotRecordedError as error:
                os.write(writing, error.reason.encode())
                os._exit(1)
        finally:
            os._exit(2)
    os.close(writing)
    with os.fdopen(reading) as said:
        reason = said.read()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), reason


@pytest.fixture
def theirs(log: Path) -> Iterator[Path]:
    """A log whose folders another user may enter."""
    write(log, n=1)
    opened = [path for path in log.parents if path.stat().st_uid == os.geteuid()]
    before = {path: path.stat().st_mode for path in opened}
    for path in opened:
        path.chmod(before[path] | 0o011)
    yield log
    for path, mode in before.items():
        path.chmod(mode)


@as_root
def test_a_log_that_may_not_be_written_is_refused(theirs: Path) -> None:
    """A read-only log stays as it is, and the reason is the system's."""
    theirs.chmod(0o644)
    before = theirs.read_bytes()
    assert as_nobody(theirs) == (1, "permission denied")
    assert theirs.read_bytes() == before


@as_root
def test_a_folder_that_may_not_be_written_is_refused(theirs: Path) -> None:
    """Where no log can be made, none is, and nothing is left behind."""
    new = theirs.parent / "new" / "audit.jsonl"
    assert as_nobody(new) == (1, "permission denied")
    assert not new.parent.exists()


def on_full_disk(home: Home, log: Path, free: int) -> "tuple[int, str]":
    """Append with room for `free` more bytes, in a process of its own."""
    code = (
        "import resource, signal, sys\n"
        "sys.dont_write_bytecode = True  # or what is compiled now is cut to the limit\n"
        "from tooltrail.errors import NotRecordedError\n"
        "from tooltrail.trail import append\n"
        "path, limit = sys.argv[1], int(sys.argv[2])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "try:\n"
        '    append(path, \'demo\', \'{"event":"test","n":2}\')\n'
        "except NotRecordedError as error:\n"
        "    print(error.reason)\n"
        "    sys.exit(1)\n"
    )
    size = log.stat().st_size if log.exists() else 0
    done = home.run(PYTHON, "-c", code, log, str(size + free))
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("free", [0, 1, 10, 100])
def test_without_room_for_the_line_nothing_of_it_is_left(home: Home, log: Path, free: int) -> None:
    """A write that came out short is undone: the log ends as it did, and goes on later."""
    write(log, n=1)
    before = log.read_bytes()
    code, reason = on_full_disk(home, log, free)
    assert code == 1
    assert reason in ("no space left on device", "file too large")
    assert log.read_bytes() == before
    write(log, n=3)
    assert [event["seq"] for event in check_chain(log)] == [0, 1, 2]


def test_a_stump_is_left_alone_where_there_is_no_room(home: Home, log: Path) -> None:
    """Healing that does not succeed changes nothing either."""
    write(log, n=1)
    before = log.read_bytes()[:-10]
    log.write_bytes(before)
    assert on_full_disk(home, log, 20)[0] == 1
    assert log.read_bytes() == before


def test_with_just_enough_room_the_line_is_written(home: Home, log: Path) -> None:
    """The limit is the limit: one byte less and the line would not fit."""
    write(log, n=1)
    length = len(log.read_bytes().splitlines()[-1]) + 1
    assert on_full_disk(home, log, length - 1)[0] == 1
    assert on_full_disk(home, log, length) == (0, "")
    assert len(check_chain(log)) == 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real filesystem of 64 KB, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run([mount, *options], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    """Until the disk is full each line is there; then none is, and with room it goes on."""
    log = small_disk / "demo" / "audit.jsonl"
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 16_000)
    written = 0
    while "the disk has room":
        try:
            write(log, n=written, pad="x" * 3_000)
        except NotRecordedError as error:
            reason = error.reason
            break
        written += 1
    assert reason == "no space left on device"
    assert len(check_chain(log)) == written + 1
    filler.unlink()
    write(log, n=written, pad="x" * 3_000)
    assert [event["n"] for event in check_chain(log)[1:]] == list(range(written + 1))


def test_a_lock_that_is_not_released_is_given_up_on(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped process that holds the lock costs the deadline, and the log is as it was."""
    write(log, n=1)
    before = log.read_bytes()
    monkeypatch.setattr(module, "LOCK_DEADLINE_S", 0.05)
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert refused(log) == "another process has held its lock for 0.05 s"
    assert log.read_bytes() == before
    write(log, n=2)
    assert len(check_chain(log)) == 3


def test_a_log_that_is_replaced_while_we_wait_gets_nothing(log: Path) -> None:
    """A line goes to the file that the path names once the lock is ours, not to the old one."""
    write(log, n=1)
    old = log.with_name("old.jsonl")
    before = log.read_bytes()
    made: list[Receipt] = []
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=lambda: made.append(write(log, n=2)))
        waiting.start()
        while not waits_for(log):
            pass
        time.sleep(0.2)  # it has opened the file; now it has met the lock as well
        log.rename(old)
    waiting.join(timeout=60)
    assert old.read_bytes() == before
    assert [event["event"] for event in check_chain(log)] == ["log", "test"]
    assert made[0].seq == 1


def waits_for(log: Path) -> bool:
    """Tell whether this process has the log open a second time."""
    open_files = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            open_files.append(os.readlink(fd))
        except OSError:
            continue
    return open_files.count(str(log)) >= 2


def test_no_descriptor_is_left_open(log: Path) -> None:
    """Neither success nor failure leaves the log open, nor a lock held."""
    before = len(os.listdir("/proc/self/fd"))
    write(log)
    log.unlink()
    log.mkdir()
    refused(log)
    log.rmdir()
    os.mkfifo(log)
    refused(log)
    assert len(os.listdir("/proc/self/fd")) == before


@given(st.lists(st.sampled_from(["append", "tear", "garbage", "back"]), max_size=12), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_acknowledged_line_survives_what_comes_after_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, steps: list[str], data: st.DataObject
) -> None:
    """Whatever the order of appends, crashes, garbage and clocks set back, no line is lost."""
    log = home.log("any")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    hashes = []
    now = 1_800_000_000 * 10**9
    for number, step in enumerate([*steps, "append"]):
        if step == "append":
            monkeypatch.setattr(time, "time_ns", lambda now=now: now)
            hashes.append(write(log, n=number, more={"a": {"b": number}}).hash)
            now += 10**9
        elif step == "back":
            now -= 10**10
        elif step == "garbage" and log.exists():
            with log.open("ab") as file:
                file.write(data.draw(st.sampled_from([b"x\n", b"{\n", b"\n", b"{}", b"y"])))
        elif log.exists():
            torn = encode({"v": 1, "seq": 9, "prev": GENESIS, "event": "test", "a": {"b": {}}})
            with log.open("ab") as file:
                file.write(torn[: data.draw(st.integers(1, len(torn) - 1))].encode())
    check_chain(log)
    there = {digest(line) for line in log.read_bytes().split(b"\n")}
    assert set(hashes) <= there
