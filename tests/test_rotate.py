"""A log that has grown is sealed and goes on: nothing is lost, doubled or forked on the way."""

import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, TOOLTRAIL, Home
from tooltrail._encode import encode
from tooltrail.errors import NotRecordedError
from tooltrail.trail import Receipt, append
from tooltrail.trail.segments import lines_of, snapshot

NEVER = 1 << 40
SMALL = 2000  # bytes: a segment of a few lines
NOW = 450  # bytes: any segment that has more in it than its first line
NOBODY = 65534
GENESIS = "sha256:" + "0" * 64
FIRST = "audit-000000000000.jsonl"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for two users")


@pytest.fixture
def log(home: Home) -> Path:
    return home.log("demo")


def write(log: Path, n: int, *, rotate_at: int = SMALL, pad: int = 200, **more: Any) -> Receipt:
    body = {"event": "later", "n": n, "pad": "x" * pad}
    return append(str(log), "demo", encode(body), rotate_at=rotate_at, with_log_id=True, **more)


def digest(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line.removesuffix(b"\n")).hexdigest()


def files_of(log: Path) -> list[Path]:
    """Return the segments' files in order, the active one last; by their names alone."""
    sealed = sorted(log.parent.glob("audit-*.jsonl*"), key=lambda path: path.name[:18])
    return [*sealed, *([log] if log.exists() else [])]


def content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def all_lines(log: Path) -> list[bytes]:
    return [line for file in files_of(log) for line in content(file).splitlines(keepends=True)]


def as_read(log: Path) -> list[bytes]:
    """Return the lines as our own readers see them."""
    return [line for segment, size in snapshot(str(log)) for line in lines_of(segment, size)]


def check_log(log: Path) -> list[dict[str, Any]]:
    """Hold a log and all its segments to the law of the chain; return its events."""
    raw = all_lines(log)
    assert all(line.endswith(b"\n") for line in raw)
    events = [json.loads(line) for line in raw]
    assert events[0]["prev"] == GENESIS
    for before, event in zip(raw, events[1:], strict=False):
        assert event["prev"] == digest(before)
    assert [event["seq"] for event in events] == list(range(len(events)))
    times = [event["logged_at"] for event in events]
    assert times == sorted(times)
    assert len({event["log"] for event in events if event["event"] == "log"}) == 1
    for file in files_of(log):
        check_segment(file, sealed=file != log)
    assert as_read(log) == raw
    return events


def check_segment(file: Path, *, sealed: bool) -> None:
    """A segment opens with its `log` line; a sealed one is named by it and ends in a `seal`."""
    events = [json.loads(line) for line in content(file).splitlines()]
    assert events[0]["event"] == "log"
    seals = [event for event in events if event["event"] == "seal"]
    assert seals == ([events[-1]] if sealed else [])
    if sealed:
        name = f"audit-{events[0]['seq']:012d}.jsonl"
        assert file.name.removesuffix(".gz") == seals[0]["segment"] == name


def numbers(events: list[dict[str, Any]]) -> list[int]:
    return [event["n"] for event in events if event["event"] == "later"]


def sealed_log(log: Path, segments: int = 2) -> list[int]:
    """Write a log of so many sealed segments and an active one; return what is in it."""
    written = []
    while len(files_of(log)) <= segments:
        write(log, len(written))
        written.append(len(written))
    return written


# -- what a rotation leaves


def test_the_chain_runs_on_from_segment_to_segment(log: Path) -> None:
    """Sealed files end in a seal, the next begins with the same log's id, no line is lost."""
    for n in range(40):
        write(log, n)
    events = check_log(log)
    assert numbers(events) == list(range(40))
    files = files_of(log)
    assert len(files) > 4
    assert files[0].name == FIRST
    assert all(SMALL <= file.stat().st_size < 2 * SMALL for file in files[:-1])
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [path.name for path in log.parent.iterdir() if path.suffix == ".next"] == []


def test_a_receipt_names_its_line_in_whatever_segment_it_is(log: Path) -> None:
    """Log, seq and hash lead to one line, before and after its segment was sealed."""
    receipts = [write(log, n) for n in range(25)]
    lines = all_lines(log)
    log_id = json.loads(lines[0])["log"]
    for n, receipt in enumerate(receipts):
        assert json.loads(lines[receipt.seq])["n"] == n
        assert receipt.as_json() == {
            "log": log_id,
            "seq": receipt.seq,
            "hash": digest(lines[receipt.seq]),
        }


def test_a_long_line_may_be_longer_than_a_segment(log: Path) -> None:
    """Each such line gets a segment of its own; none is refused."""
    for n in range(4):
        write(log, n, pad=10 * SMALL)
    assert numbers(check_log(log)) == [0, 1, 2, 3]
    assert len(files_of(log)) == 4


def test_the_clock_may_go_back_across_a_seal(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seal and the line after it are clamped like any other."""
    noon = 1_800_000_000_000_000_000
    for n in range(12):
        monkeypatch.setattr("time.time_ns", lambda n=n: noon - n * 10**9)
        write(log, n)
    events = check_log(log)
    assert {event["logged_at"] for event in events} == {"2027-01-15T08:00:00.000Z"}
    assert any(event["event"] == "seal" and event["clamped"] for event in events)


def test_a_torn_line_is_closed_off_by_the_seal(log: Path) -> None:
    """A segment whose last writer died is sealed with `healed_bytes`, in one chain."""
    write(log, 0)
    write(log, 1)
    with log.open("ab") as file:
        file.write(b'{"v":1,"seq":3,"pre')
    write(log, 2, rotate_at=NOW)
    raw = all_lines(log)
    seal = json.loads(raw[4])
    assert (seal["event"], seal["seq"], seal["healed_bytes"]) == ("seal", 3, 19)
    assert seal["prev"] == digest(raw[3])
    assert json.loads(raw[5])["prev"] == digest(raw[4])
    assert json.loads(raw[6])["n"] == 2


def test_a_segment_with_a_damaged_first_line_keeps_its_log(log: Path) -> None:
    """The log's id and tool go on in the next segment, whatever became of the first line."""
    written = sealed_log(log)
    log_id = json.loads(all_lines(log)[0])["log"]
    data = log.read_bytes()
    log.write_bytes(b"X" + data[1:])
    write(log, len(written), rotate_at=NOW)
    following = json.loads(log.read_bytes().splitlines()[0])
    assert (following["event"], following["tool"]) == ("log", "demo")
    assert following["log"] == log_id


# -- the calls that are open when a segment is sealed


@pytest.fixture
def segments_of_64_kb(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least that a user can configure."""
    monkeypatch.setenv("TOOLTRAIL_ROTATE_AT", "64000")


LONG = {"pad": "x" * 65_000}


@pytest.mark.usefixtures("segments_of_64_kb")
def test_the_next_segment_names_the_calls_that_are_still_open(home: Home) -> None:
    """Those that began in the sealed one and have no end in it, and no others."""
    with tooltrail.invocation("job", "ended"):
        pass
    with (
        tooltrail.invocation("job", "outer") as outer,
        tooltrail.invocation("job", "inner") as inner,
    ):
        write(home.log("job"), 0, pad=65_000, rotate_at=NEVER)
    first, second = files_of(home.log("job"))
    commands = [json.loads(line).get("command") for line in first.read_bytes().splitlines()]
    assert commands == [None, "ended", "ended", "outer", "inner", None, None]
    lines = [json.loads(line) for line in second.read_bytes().splitlines()]
    assert lines[0]["open"] == [outer.request_id, inner.request_id]
    assert [line.get("command") for line in lines[1:]] == ["inner", "outer"]


@pytest.mark.usefixtures("segments_of_64_kb")
def test_an_end_that_supersedes_and_a_begin_that_is_repeated_count_once(home: Home) -> None:
    """A call that failed to exec has ended; one whose begin came twice is open once."""
    with tooltrail.invocation("job", "exec") as call:
        call.replaced_by("/no/such/program")
        call.not_replaced()
    with tooltrail.invocation("job", "twice") as twice:
        twice.begin("twice again", {})
        write(home.log("job"), 0, pad=65_000, rotate_at=NEVER)
    second = home.log("job").read_bytes().splitlines()
    assert json.loads(second[0])["open"] == [twice.request_id]


APP = """
import sys, click
from tooltrail.integrations.click import instrument
@click.group()
def cli(): pass
@cli.command()
@click.option("--pad", default=1)
def go(pad): sys.exit(3)
instrument(cli, tool="job", audit_log=True)
cli(prog_name="job")
"""


@pytest.mark.usefixtures("segments_of_64_kb")
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_reading_commands_see_one_log(
    home: Home, compressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that began in one segment and ended in the next is one entry; so is every other."""
    monkeypatch.setenv("TOOLTRAIL_COMPRESS", "false")  # done here, and not behind our back
    monkeypatch.setenv("TOOL_TRACE_ID", "t")
    for number in range(3):
        with tooltrail.invocation("job", f"call {number}", LONG):
            pass
    home.python(APP, "go")
    log = home.log("job")
    assert len(files_of(log)) > 4
    if compressed:
        for file in files_of(log)[:-1]:
            gzipped(file)
    commands = ["call 0", "call 1", "call 2", "go"]
    listed = home.tooltrail("log", "--output", "jsonl")
    shown = home.python(APP, "audit-log", "--output", "jsonl")
    for done in (listed, shown):
        entries = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.stderr == ""
        assert [entry["command"] for entry in entries] == commands
        assert [entry["exit_code"] for entry in entries] == [0, 0, 0, 3]
    trace = json.loads(home.tooltrail("trace", "t", "--output", "json").stdout)
    text = json.dumps(trace["data"])
    assert [text.count(f'"{command}"') for command in commands] == [1, 1, 1, 1]


def gzipped(file: Path) -> Path:
    packed = file.with_name(file.name + ".gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    packed.chmod(stat.S_IMODE(file.stat().st_mode))
    file.unlink()
    return packed


# -- several at once


def start(home: Home, code: str, *arguments: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [PYTHON, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=home.environment(),
    )


WRITER = """
import sys
from tooltrail.trail import append
who, path, size, count = sys.argv[1:]
print("up", flush=True)
sys.stdin.readline()
for n in range(int(count)):
    body = '{"event":"later","n":%d,"who":%s,"pad":"%s"}' % (n, who, "x" * (n * 37 % 500))
    print(append(path, "demo", body, rotate_at=int(size)).hash)
"""


def go(writers: "list[subprocess.Popen[str]]") -> None:
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()


def up(writers: "list[subprocess.Popen[str]]") -> None:
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "up\n"


def test_eight_writers_rotate_while_a_reader_reads_and_a_compressor_compresses(
    home: Home, log: Path
) -> None:
    """Each acknowledged line is there once, in one chain; a reader sees a steady part of it."""
    writers = [start(home, WRITER, who, log, 3000, 30) for who in range(8)]
    up(writers)
    go(writers)
    seen: list[bytes] = []
    rounds = 0
    while any(writer.poll() is None for writer in writers):
        seen = read_more(log, seen)
        rounds += 1
        if rounds % 3 == 0:
            for file in files_of(log)[:-1]:
                if file.suffix != ".gz":
                    compress_like_ours(file)
    hashes = [hash_ for writer in writers for hash_ in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0] * 8
    assert rounds > 1
    events = check_log(log)
    assert len(files_of(log)) > 10
    there = [digest(line) for line in all_lines(log) if b'"later"' in line]
    assert sorted(hashes) == sorted(there)
    for who in range(8):
        assert numbers([e for e in events if e.get("who") == who]) == list(range(30))
    assert len(read_more(log, seen)) == len(events)


def read_more(log: Path, before: list[bytes]) -> list[bytes]:
    """Read a log that grows: what was there is there, and nothing is doubled or left out."""
    try:
        lines = as_read(log)
    except FileNotFoundError:
        return before
    assert lines[: len(before)] == before
    assert [json.loads(line)["seq"] for line in lines] == list(range(len(lines)))
    assert all(json.loads(line)["prev"] == digest(last) for last, line in pairwise(lines))
    return lines


def compress_like_ours(file: Path) -> None:
    unfinished = file.with_name(file.name + ".gz.tmp")
    unfinished.write_bytes(gzip.compress(file.read_bytes(), 1))
    unfinished.rename(file.with_name(file.name + ".gz"))
    file.unlink()


STOPPED_BETWEEN = """
import os, sys
from tooltrail.trail import append
path, real = sys.argv[1], os.open
def open_and_wait(name, *more):
    fd = real(name, *more)
    if name == path:
        os.open = real
        print("up", flush=True)
        sys.stdin.readline()
    return fd
os.open = open_and_wait
receipt = append(path, "demo", '{"event":"later","n":99}', with_log_id=True)
print(receipt.seq, receipt.hash, receipt.log)
"""


@pytest.mark.parametrize("meanwhile", ["rotated", "rotated twice", "compressed", "pruned"])
def test_a_writer_that_holds_the_old_file_open_loses_nothing(
    home: Home, log: Path, meanwhile: str
) -> None:
    """It opened the log before it was sealed and locks it after: its line goes to the new one."""
    write(log, 0)
    writer = start(home, STOPPED_BETWEEN, log)
    up([writer])
    write(log, 1, rotate_at=NOW)
    if meanwhile == "rotated twice":
        write(log, 2, rotate_at=NOW)
    elif meanwhile == "compressed":
        gzipped(log.parent / FIRST)
    elif meanwhile == "pruned":
        (log.parent / FIRST).unlink()
    seq, hash_, log_id = writer.communicate("go\n", timeout=60)[0].split()
    last = all_lines(log)[-1]
    assert json.loads(last)["n"] == 99
    assert (json.loads(last)["seq"], digest(last)) == (int(seq), hash_)
    assert json.loads(log.read_bytes().splitlines()[0])["log"] == log_id
    if meanwhile != "pruned":
        assert numbers(check_log(log))[-1] == 99


def test_writers_that_wait_while_a_segment_is_sealed_go_on_in_the_next(
    home: Home, log: Path
) -> None:
    """All of them find the log full when their turn comes; one seals it, nobody's line is lost."""
    for n in range(8):
        write(log, n, rotate_at=NEVER)
    writers = [start(home, WRITER, who, log, SMALL, 1) for who in range(3)]
    up(writers)
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        go(writers)
        while not all(has_open(writer.pid, log) for writer in writers):
            pass
    hashes = [writer.communicate(timeout=60)[0].strip() for writer in writers]
    events = check_log(log)
    assert len(files_of(log)) == 2
    assert sorted(hashes) == sorted(digest(line) for line in log.read_bytes().splitlines()[1:])
    assert sorted(event["who"] for event in events[-3:]) == [0, 1, 2]


def has_open(pid: int, path: Path) -> bool:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(fd) == str(path):
                return True
        except OSError:
            continue
    return False


# -- a writer that died on the way


class Remains:
    """The pieces of a log that was sealed once, to be laid out as a dead writer left them."""

    def __init__(self, log: Path) -> None:
        for n in range(3):
            write(log, n, rotate_at=NEVER)
        self.unsealed = log.read_bytes()
        write(log, 3, rotate_at=NOW)
        self.sealed = (log.parent / FIRST).read_bytes()
        self.next = log.read_bytes().splitlines(keepends=True)[0]
        self.log = log
        self.following = log.with_name("audit.jsonl.next")
        self.first = log.with_name(FIRST)
        for file in (log, self.first):
            file.unlink()

    def lay(
        self,
        active: bytes | None,
        following: bytes | None = None,
        first: bytes | None = None,
        linked: bool = False,
    ) -> None:
        for path, data in (
            (self.log, active),
            (self.following, following),
            (self.first, first),
        ):
            if data is not None:
                path.write_bytes(data)
                path.chmod(0o600)
        if linked:
            os.link(self.log, self.first)


Layout = Callable[[Remains], None]
DIED: dict[str, Layout] = {
    "prepared": lambda r: r.lay(r.unsealed, r.next),
    "prepared in part": lambda r: r.lay(r.unsealed, r.next[:50]),
    "prepared, empty": lambda r: r.lay(r.unsealed, b""),
    "sealed": lambda r: r.lay(r.sealed, r.next),
    "sealed, next is another's": lambda r: r.lay(r.sealed, r.unsealed.splitlines(True)[0]),
    "sealed, next in part": lambda r: r.lay(r.sealed, r.next[:50]),
    "sealed, next cut in its last byte": lambda r: r.lay(r.sealed, r.next[:-1]),
    "sealed, no next": lambda r: r.lay(r.sealed),
    "sealed but for the newline": lambda r: r.lay(r.sealed[:-1], r.next),
    "linked": lambda r: r.lay(r.sealed, r.next, linked=True),
    "linked, no next": lambda r: r.lay(r.sealed, linked=True),
    "renamed": lambda r: r.lay(None, r.next, r.sealed),
}
each_death = pytest.mark.parametrize("layout", DIED.values(), ids=list(DIED))


@each_death
@pytest.mark.parametrize("rotate_at", [NOW, NEVER], ids=["full", "not full"])
def test_the_next_writer_finishes_what_a_dead_one_began(
    log: Path, layout: Layout, rotate_at: int
) -> None:
    """At every step: no line is lost, none is doubled, and the log rotates again."""
    layout(Remains(log))
    write(log, 10, rotate_at=rotate_at)
    write(log, 11, rotate_at=NEVER)
    assert numbers(check_log(log)) == [0, 1, 2, 10, 11]
    write(log, 12, rotate_at=NOW)
    events = check_log(log)
    assert numbers(events) == [0, 1, 2, 10, 11, 12]
    assert not [event for event in events if event.get("vanished")]
    assert not log.with_name("audit.jsonl.next").exists()


@each_death
def test_a_reader_sees_each_line_once_wherever_a_writer_died(log: Path, layout: Layout) -> None:
    """A sealed segment under two names is read once; what was only prepared is not read."""
    remains = Remains(log)
    layout(remains)
    lines = [line.removesuffix(b"\n") for line in as_read(log)]
    sealed = remains.sealed.splitlines()
    assert lines in (sealed, remains.unsealed.splitlines())


def test_a_seal_that_is_torn_is_a_torn_line(log: Path) -> None:
    """Half a seal seals nothing: the log goes on in the same file, and is sealed later."""
    remains = Remains(log)
    remains.lay(remains.sealed[:-20], remains.next)
    write(log, 10, rotate_at=NEVER)
    assert files_of(log) == [log]
    healer = json.loads(log.read_bytes().splitlines()[-1])
    assert healer["healed_bytes"] == len(remains.sealed.splitlines()[-1]) - 19
    write(log, 11, rotate_at=NOW)
    assert [file.name for file in files_of(log)] == [FIRST, "audit.jsonl"]
    raw = all_lines(log)
    assert all(json.loads(b)["prev"] == digest(a) for a, b in pairwise(raw) if b[-2:] == b"}\n")


def test_a_segment_that_is_compressed_before_its_sealing_is_finished_reads_once(log: Path) -> None:
    """A writer died between link and rename, then a reading command tidied up."""
    remains = Remains(log)
    remains.lay(remains.sealed, remains.next, linked=True)
    gzipped(remains.first)
    assert as_read(log) == remains.sealed.splitlines(keepends=True)
    write(log, 10)
    assert [json.loads(line).get("n") for line in as_read(log)] == [None, 0, 1, 2, None, None, 10]


# -- what stands in the way


def test_without_hard_links_the_log_rotates_all_the_same(home: Home, log: Path) -> None:
    """On a filesystem that has none (FAT, some network shares) a segment is renamed."""
    code = """
import os, sys
def link(*arguments, **options): raise PermissionError(1, "Operation not permitted")
os.link = link
from tooltrail.trail import append
for n in range(20):
    append(sys.argv[1], "demo", '{"event":"later","n":%d,"pad":"%s"}' % (n, "x" * 200),
           rotate_at=2000)
"""
    home.run(PYTHON, "-c", code, log).check_returncode()
    assert numbers(check_log(log)) == list(range(20))
    assert len(files_of(log)) > 2


@pytest.mark.parametrize("name", [FIRST, FIRST + ".gz"], ids=["plain", "gzip"])
def test_a_segments_name_that_is_taken_is_not_overwritten(log: Path, name: str) -> None:
    """What has the name stays as it is; the log is not sealed, and grows on."""
    write(log, 0)
    taken = log.with_name(name)
    taken.write_bytes(b"somebody's")
    for n in range(1, 20):
        write(log, n)
    assert taken.read_bytes() == b"somebody's"
    assert not log.with_name("audit.jsonl.next").exists()
    assert sorted(log.parent.iterdir()) == sorted([log, taken])
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    assert numbers(lines) == list(range(20))


def test_sealed_segments_outlive_a_log_that_begins_anew(log: Path) -> None:
    """An active file that was overwritten counts from 0 again, and spares the old segments."""
    sealed_log(log)
    for file in files_of(log)[:-1]:
        gzipped(file)
    before = [content(file) for file in files_of(log)[:-1]]
    log.write_bytes(b"overwritten\n")
    for n in range(30):
        write(log, n)
    assert [content(file) for file in files_of(log)[: len(before)]] == before
    assert as_read(log)[: b"".join(before).count(b"\n")] == b"".join(before).splitlines(True)


def as_nobody(home: Home, code: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run code as another user, who has loaded all of it before."""
    prelude = (
        "import json, os, sys, errno, mmap, socket\n"
        "from tooltrail.errors import NotRecordedError\n"
        "from tooltrail.trail import append, lost, recover, registry, rotate, segments\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    )
    return home.run(PYTHON, "-c", prelude + code, *map(str, arguments))


@pytest.fixture
def theirs(log: Path) -> Iterator[Path]:
    """A log that is another user's, in folders that they can pass through."""
    write(log, 0)
    opened = [path for path in log.parents if path.stat().st_uid == os.geteuid()]
    before = {path: path.stat().st_mode for path in opened}
    for path in opened:
        path.chmod(before[path] | 0o011)
    os.chown(log, NOBODY, NOBODY)
    log.chmod(0o640)
    yield log
    for path, mode in before.items():
        path.chmod(mode)


@as_root
def test_in_a_folder_that_may_not_be_written_the_log_grows_on(home: Home, theirs: Path) -> None:
    """Who may write to the log but not beside it goes on in the same file."""
    theirs.parent.chmod(0o755)
    code = """
for n in range(1, 20):
    append(sys.argv[1], "demo", '{"event":"later","n":%d,"pad":"%s"}' % (n, "x" * 200),
           rotate_at=2000)
"""
    done = as_nobody(home, code, theirs)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path for path in theirs.parent.iterdir() if path != theirs] == []
    assert numbers(check_log(theirs)) == list(range(20))


@as_root
@pytest.mark.parametrize("meanwhile", ["", "the active segment is deleted"])
def test_a_log_that_root_rotates_stays_its_owners(theirs: Path, meanwhile: str) -> None:
    """The new segment has the owner and the mode of the one before."""
    os.chown(theirs.parent, NOBODY, NOBODY)
    write(theirs, 1, rotate_at=NOW)
    if meanwhile:
        theirs.unlink()
        write(theirs, 2)
    for file in files_of(theirs):
        status = file.stat()
        assert (status.st_uid, status.st_gid) == (NOBODY, NOBODY), file.name
        assert stat.S_IMODE(status.st_mode) == 0o640


def test_a_full_disk_leaves_the_log_as_it_was_or_rotates_it(home: Home, log: Path) -> None:
    """Where the seal does not fit, none is left, and the chain goes on when there is room."""
    write(log, 0)
    size = log.stat().st_size
    code = """
import resource, sys
from tooltrail.errors import NotRecordedError
from tooltrail.trail import append
import tooltrail.trail.rotate  # or a stump of its bytecode is all that fits
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try: append(sys.argv[1], "demo", '{"event":"later","n":1}', rotate_at=450)
except NotRecordedError: sys.exit(1)
"""
    for room in (0, 5, 100, 250, 300):
        copy = log.parent.with_name(f"copy{room}") / "audit.jsonl"
        shutil.copytree(log.parent, copy.parent)
        done = home.run(PYTHON, "-c", code, copy, str(size + room))
        assert done.stderr == ""
        written = numbers(check_log(copy))
        assert written == ([0, 1] if done.returncode == 0 else [0])
        write(copy, 2)
        assert numbers(check_log(copy)) == [*written, 2]


# -- the active segment is gone


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_log_whose_active_segment_was_deleted_goes_on_and_says_so(
    log: Path, packed: bool
) -> None:
    """The chain continues after the last seal, under the same id; the gap in `n` is marked."""
    written = sealed_log(log)
    lost = numbers([json.loads(line) for line in log.read_bytes().splitlines()])
    log.unlink()
    if packed:
        gzipped(files_of(log)[-1])
    receipt = write(log, 100)
    events = check_log(log)
    assert numbers(events) == [*written[: -len(lost)], 100]
    assert [event["seq"] for event in events if event.get("vanished")] == [receipt.seq - 1]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    write(log, 101)
    assert numbers(check_log(log))[-2:] == [100, 101]


def test_everything_deleted_is_a_new_log(log: Path) -> None:
    """Without any segment there is nothing to go on from: another id, from 0."""
    sealed_log(log)
    log_id = json.loads(all_lines(log)[0])["log"]
    shutil.rmtree(log.parent)
    receipt = write(log, 0)
    assert receipt.seq == 1
    assert receipt.log != log_id
    check_log(log)


@pytest.mark.parametrize("how", ["cut", "spoilt", "no gzip"])
def test_a_damaged_last_segment_is_an_error_of_ours_and_no_other(log: Path, how: str) -> None:
    """Where nobody can tell how the chain went on, the line is refused, as such."""
    sealed_log(log)
    log.unlink()
    packed = gzipped(files_of(log)[-1])
    data = packed.read_bytes()
    spoilt = {"cut": data[:-20], "spoilt": data[:30] + b"\0\xff" + data[32:], "no gzip": b"x"}
    packed.write_bytes(spoilt[how])
    with pytest.raises((EOFError, zlib.error, OSError)):
        gzip.decompress(packed.read_bytes())
    with pytest.raises(NotRecordedError):
        write(log, 100)
    assert packed.read_bytes() == spoilt[how]


def test_a_lock_on_the_last_sealed_segment_hangs_nobody(home: Home, log: Path) -> None:
    """Going on from a sealed segment waits no longer than for any other lock."""
    sealed_log(log)
    log.unlink()
    with files_of(log)[-1].open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = "import sys, tooltrail\nwith tooltrail.invocation('demo'): print('ran')"
        done = home.run(PYTHON, "-c", code, timeout=8)
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert re.fullmatch(r"tooltrail: this call is not recorded: .*lock.*\n", done.stderr)


# -- the whole, as a user has it


@pytest.mark.usefixtures("segments_of_64_kb")
def test_a_wrapped_command_rotates_the_log_of_all_wrapped_commands(home: Home) -> None:
    """`tooltrail run` seals at the configured size, and its receipts name the right lines."""
    meta = home.path / "meta"
    meta.touch()
    for _ in range(3):
        home.run(
            TOOLTRAIL, "run", "--", "true", "x" * 30_000, env={"TOOL_META_FILE": str(meta)}
        ).check_returncode()
    log = home.log("tooltrail")
    check_log(log)
    assert len(files_of(log)) >= 2
    lines = all_lines(log)
    for meta_line in meta.read_text().splitlines():
        receipt = json.loads(meta_line)["receipt"]
        line = lines[receipt["seq"]]
        assert digest(line) == receipt["hash"]
        assert json.loads(line)["event"] == "end"
