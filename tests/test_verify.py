"""Verifying a log: every change is caught, told by its name, and nothing healthy is accused."""

import contextlib
import fcntl
import gzip
import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import time
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import PYTHON, TOOLTRAIL, Home, response_in
from logs import LOG_ID, MadeLog
from tooltrail._encode import encode
from tooltrail.render import progress as progressing
from tooltrail.trail import append
from tooltrail.trail.registry import acknowledge, register
from tooltrail.trust.findings import FAILURES, LogReport
from tooltrail.trust.scope import verify
from tooltrail.trust.verify import verify_log

NOBODY = 65534
FIRST, SECOND, ACTIVE = "audit-000000000000.jsonl", "audit-000000000004.jsonl", "audit.jsonl"

as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="modes are tested by dropping from root to another user"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log's own folder, outside of the home: its lines are not held to the schema."""
    return tmp_path / "logs" / "demo"


@pytest.fixture
def damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines in the home may be what a test made of them."""
    monkeypatch.setattr("conftest._validate", lambda log: None)


def small() -> MadeLog:
    """One segment of six lines."""
    made = MadeLog()
    for number in range(5):
        made.call(number)
    return made


def eventful(*, compress: bool = False) -> MadeLog:
    """Three segments, with torn lines, a clock that went back, and a line that was erased."""
    made = MadeLog()
    made.call(0)
    made.call(1)
    made.seal(compress=compress)
    made.call(2)
    made.call(3, clamped=True)
    made.tear(200)
    made.call(4)
    made.seal(compress=compress)
    made.call(5)
    made.erase(0, 1)
    made.call(6)
    return made


def of(folder: Path, data: "bytes | dict[str, bytes] | MadeLog") -> LogReport:
    """Write a log and verify it."""
    if isinstance(data, MadeLog):
        return verify_log(str(data.write(folder)))
    files = {ACTIVE: data} if isinstance(data, bytes) else data
    return verify_log(str(MadeLog().write(folder, files)))


def said(report: LogReport) -> list[tuple[str, str | None, int | None, int | None]]:
    return [(each.verdict, each.segment, each.line, each.seq) for each in report.findings]


def first(report: LogReport) -> tuple[str, str | None, int | None]:
    """Return the verdict, and where the first bad line is."""
    finding = report.findings[0]
    assert finding.message
    return finding.verdict, finding.segment, finding.line


def noted(report: LogReport) -> list[str]:
    return [note.verdict for note in report.notes]


def values(byte: int) -> set[int]:
    """Return three other values of a byte: nearly the same one, a newline, and no ASCII."""
    return {byte ^ 1, 0x0A, 0xFF} - {byte}


# -- one change of any kind


def test_a_healthy_log_is_intact(folder: Path) -> None:
    """What it holds is counted, and its head is the hash of the last line."""
    made = small()
    report = of(folder, made)
    assert (report.verdict, report.findings, report.notes) == ("intact", [], [])
    assert (report.log, report.tool, report.segments) == (LOG_ID, "demo", 1)
    assert (report.lines, report.first_seq, report.last_seq) == (6, 0, 5)
    assert report.head == f"sha256:{made.digests[-1]}"


def test_any_byte_of_any_line_but_the_last(folder: Path) -> None:
    """An edit of one byte, wherever, is `edited`, and the line is the one that was edited."""
    data = small().files()[ACTIVE]
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]
    for at in range(starts[-2]):
        for value in values(data[at]):
            report = of(folder, data[:at] + bytes([value]) + data[at + 1 :])
            assert first(report) == ("edited", ACTIVE, bisect_right(starts, at)), (at, value)


def test_any_byte_of_the_last_line(folder: Path) -> None:
    """Nobody vouches for it: an edit of its head shows, for the rest somebody needs a receipt."""
    made = small()
    data = made.files()[ACTIVE]
    start = data.rindex(b"\n", 0, -1) + 1
    head = start + data[start:].index(b'","logged_at":"')
    receipts = folder.parent / "receipts"
    receipts.parent.mkdir()
    receipts.write_text(json.dumps(made.receipt(made.segments[0][-1])))
    for at in range(start, len(data)):
        for value in values(data[at]):
            path = made.write(folder, {ACTIVE: data[:at] + bytes([value]) + data[at + 1 :]})
            report = verify_log(str(path))
            assert report.findings or at >= head, (at, value)
            if report.findings:
                assert first(report) == ("edited", ACTIVE, 6), (at, value)
                continue
            assert "that the last line is as it was" in verify([str(path)]).unknowns()[0]
            if at == len(data) - 1 and value != 0x0A:
                continue  # only its newline is gone
            verified = verify([str(path)], [str(receipts)])
            assert verified.exit_code == 1, (at, value)
            assert verified.reports[0].verdict in ("edited", "truncated")


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_any_byte_of_a_log_of_several_segments(folder: Path, compress: bool) -> None:
    """Neither a seam, a seal, a tombstone nor a torn line is a place to hide."""
    made = eventful(compress=compress)
    files = made.files()
    assert of(folder, files).verdict == "intact"
    for name, packed in files.items():
        data = gzip.decompress(packed) if name.endswith(".gz") else packed
        starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]
        for at in range(len(data) if name != ACTIVE else starts[-2]):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            changed = gzip.compress(changed, 1) if name.endswith(".gz") else changed
            report = of(folder, {**files, name: changed})
            where = (name.removesuffix(".gz"), bisect_right(starts, at))
            assert first(report)[1:] == where, (name, at)
            assert first(report)[0] in ("edited", "truncated"), (name, at)


def test_a_line_that_is_gone(folder: Path) -> None:
    """A gap in the middle is `removed`, at the line that stands behind it."""
    lines = small().segments[0]
    for at in range(len(lines) - 1):
        report = of(folder, b"".join(line + b"\n" for line in lines[:at] + lines[at + 1 :]))
        assert said(report) == [("removed", ACTIVE, at + 1, at + 1)]
    report = of(folder, b"".join(line + b"\n" for line in lines[:2] + lines[4:]))
    assert "seq 2 to 3 are gone" in report.findings[0].message


def test_the_last_line_is_gone(folder: Path) -> None:
    """That nobody can see: verify says so instead of vouching for the end."""
    lines = small().segments[0]
    path = small().write(folder, {ACTIVE: b"".join(line + b"\n" for line in lines[:-1])})
    verified = verify([str(path)])
    assert verified.exit_code == 0
    assert "nothing was cut off after the last line" in verified.unknowns()[0]
    assert "(seq 4)" in verified.unknowns()[0]


def test_a_line_that_stands_there_twice(folder: Path) -> None:
    """Next to itself or anywhere else, alone or with others, the copy is `inserted`."""
    lines = small().segments[0]

    def check(changed: list[bytes], line: int, seq: int) -> None:
        report = of(folder, b"".join(each + b"\n" for each in changed))
        assert said(report) == [("inserted", ACTIVE, line, seq)]

    for at in range(len(lines)):
        check([*lines[: at + 1], *lines[at:]], at + 2, at)
    check([*lines[:2], lines[4], *lines[2:]], 3, 4)
    check([*lines[:4], lines[1], *lines[4:]], 5, 1)
    check([*lines[:4], *lines[1:]], 5, 1)


def test_lines_in_another_order(folder: Path) -> None:
    """The first line that stands where it should not is the bad one."""
    lines = small().segments[0]

    def check(changed: list[bytes], line: int, seq: int) -> None:
        report = of(folder, b"".join(each + b"\n" for each in changed))
        assert said(report) == [("reordered", ACTIVE, line, seq)]

    for at in range(len(lines) - 1):
        check([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]], at + 1, at + 1)
    check([*lines[:2], *lines[4:], *lines[2:4]], 3, 4)
    check(lines[::-1], 1, 5)


@pytest.mark.parametrize("line", [b"hello", b"", b'{"event":"note"}', b"\xff" * 40, b"{"])
def test_foreign_lines(folder: Path, line: bytes) -> None:
    """What no writer wrote is `inserted`, whether the chain goes around it or over it."""
    lines = small().segments[0]
    for at in range(1, len(lines) + 1):
        changed = [*lines[:at], line, *lines[at:]]
        if line != b"{" or at < len(lines):  # at the end it may be a torn line
            report = of(folder, b"".join(each + b"\n" for each in changed))
            assert first(report) == ("inserted", ACTIVE, at + 1)
    made = small()
    made.garbage(line)
    made.call(9)
    if line != b"{":
        assert first(of(folder, made)) == ("inserted", ACTIVE, 7)


def test_a_forged_line(folder: Path) -> None:
    """A line that follows none of this log, with the chain around it, was put there."""
    other = MadeLog(log_id="log_" + "0" * 26)
    forged = [other.call(number) for number in range(4)][2]
    lines = small().segments[0]
    report = of(folder, b"".join(each + b"\n" for each in [*lines[:3], forged, *lines[3:]]))
    assert first(report) == ("inserted", ACTIVE, 4)


def test_two_lines_that_follow_the_same_one(folder: Path) -> None:
    """That is a fork: of a writer that does not lock, or of somebody who knows the chain."""
    made = small()
    seq, prev = made.seq, made.prev
    made.call(7)
    made.seq, made.prev = seq, prev
    made.call(8)
    made.call(9)
    report = of(folder, made)
    assert said(report) == [("forked", ACTIVE, 8, None)]
    assert "line 6 of audit.jsonl" in report.findings[0].message


def test_writers_without_a_lock_fork_the_chain(folder: Path) -> None:
    """What libraries do that read the head outside of the lock is told by its name."""
    code = (
        "import sys, time, hashlib\n"
        "path, n = sys.argv[1], sys.argv[2]\n"
        "data = open(path, 'rb').read()\n"
        "print(flush=True); sys.stdin.read()\n"
        "last = data.splitlines()[-1]\n"
        "prev = hashlib.sha256(last).hexdigest()\n"
        'line = \'{"v":1,"seq":6,"prev":"sha256:\' + prev + \'",\'\n'
        'line += \'"logged_at":"2026-11-22T15:00:00.000Z","event":"note","n":\' + n + \'}\\n\'\n'
        "open(path, 'ab').write(line.encode())\n"
    )
    path = small().write(folder)
    writers = [
        subprocess.Popen([PYTHON, "-c", code, path, str(n)], stdin=-1, stdout=-1) for n in range(3)
    ]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.readline()
    for writer in writers:
        writer.communicate()
    assert {verdict for verdict, *_ in said(verify_log(str(path)))} == {"forked"}


def test_every_way_to_cut_the_end_off(folder: Path) -> None:
    """A cut within a line reads as a torn one: only somebody outside can know more."""
    data = small().files()[ACTIVE]
    ends = [at for at, byte in enumerate(data) if byte == 0x0A]
    for at in range(len(data)):
        report = of(folder, data[:at])
        whole = at == 0 or at - 1 in ends
        assert report.findings == [], at
        assert noted(report) == (["empty"] if at == 0 else [] if whole else ["torn"]), at


def test_every_way_to_cut_a_sealed_segment(folder: Path) -> None:
    """The next one goes on behind its seal, so that none of it can be missing."""
    files = eventful().files()
    for name in (FIRST, SECOND):
        for at in range(len(files[name])):
            report = of(folder, {**files, name: files[name][:at]})
            assert first(report)[:2] == ("truncated", name), at


@pytest.mark.parametrize("name", [FIRST, SECOND, ACTIVE])
def test_a_segment_that_is_gone(folder: Path, name: str) -> None:
    """The first and the middle ones were removed, the last is the end that was cut off."""
    files = eventful().files()
    del files[name]
    report = of(folder, files)
    expected = {
        FIRST: ("removed", SECOND, 1),
        SECOND: ("removed", ACTIVE, 1),
        ACTIVE: ("truncated", ACTIVE, None),
    }
    assert first(report) == expected[name]
    if name == SECOND:
        assert SECOND in report.findings[0].message


def test_an_active_segment_that_was_emptied_or_begun_anew(folder: Path) -> None:
    """Sealed segments are the proof that there was more."""
    files = eventful().files()
    assert first(of(folder, {**files, ACTIVE: b""})) == ("truncated", ACTIVE, None)
    path = eventful().write(folder, {**files, ACTIVE: b""})
    append(str(path), "demo", '{"event":"test"}')
    assert first(verify_log(str(path)))[:2] == ("truncated", ACTIVE)
    path.unlink()
    append(str(path), "demo", '{"event":"test"}')  # goes on, and says that it found nothing
    report = verify_log(str(path))
    assert first(report) == ("truncated", ACTIVE, 1)
    assert "lost" in report.findings[0].message


def test_segments_under_each_others_names(folder: Path) -> None:
    """Their lines are in another order then; renamed alone, a seal does not fit its file."""
    files = eventful().files()
    report = of(folder, {**files, FIRST: files[SECOND], SECOND: files[FIRST]})
    assert first(report) == ("reordered", FIRST, 1)
    files["audit-000000000003.jsonl"] = files.pop(SECOND)
    assert first(of(folder, files))[:2] == ("edited", "audit-000000000003.jsonl")


def test_a_segment_of_another_log(folder: Path) -> None:
    """It does not follow, and it says itself whose it is."""
    other = MadeLog(log_id="log_" + "0" * 26)
    other.call(1)
    report = of(folder, {**eventful().files(), ACTIVE: other.files()[ACTIVE]})
    assert first(report) == ("truncated", ACTIVE, 1)


def test_a_damaged_compressed_segment(folder: Path) -> None:
    """Wherever it is cut or broken, the finding names the segment, and it is the only one."""
    files = eventful(compress=True).files()
    packed = files[SECOND + ".gz"]
    for at in (0, 1, 9, 10, 11, len(packed) // 2, len(packed) - 9, len(packed) - 1):
        report = of(folder, {**files, SECOND + ".gz": packed[:at]})
        assert first(report)[1] == SECOND, at
        assert first(report)[0] == ("edited" if at else "truncated"), at
        assert len(report.findings) == (1 if at else 2), said(report)
    for at in (0, 2, 12, len(packed) // 2, len(packed) - 5):
        broken = packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
        report = of(folder, {**files, SECOND + ".gz": broken})
        assert first(report)[:2] == ("edited", SECOND), at


def test_a_log_that_was_reformatted(folder: Path) -> None:
    """All lines were changed: that is said of the first, and takes neither memory nor time."""
    made = MadeLog()
    for number in range(3000):
        made.call(number)
    lines = [json.dumps(json.loads(line)).encode() + b"\n" for line in made.segments[0]]
    assert first(of(folder, b"".join(lines))) == ("edited", ACTIVE, 1)
    odd = [line if at % 2 else lines[at][:-1] for at, line in enumerate(made.segments[0])]
    report = of(folder, b"".join(line + b"\n" for line in odd))
    assert first(report) == ("edited", ACTIVE, 1)
    assert len(report.findings) + report.more_findings > 1000
    assert len(report.findings) <= 101


def test_several_changes_are_told_apart(folder: Path) -> None:
    """One break does not hide another, and each is told by its own name."""
    made = MadeLog()
    lines = [made.call(number) for number in range(30)]
    lines[5] = lines[5].replace(b"req_0", b"req_1", 1)
    changed = [*lines[:10], *lines[12:20], b"hello", *lines[20:25], lines[26], lines[25]]
    changed += lines[27:]
    report = of(folder, b"".join(line + b"\n" for line in [made.segments[0][0], *changed]))
    assert said(report) == [
        ("edited", ACTIVE, 7, 6),
        ("removed", ACTIVE, 12, 13),
        ("inserted", ACTIVE, 20, None),
        ("reordered", ACTIVE, 26, 27),
    ]


# -- what is fine


def test_a_dying_writer_leaves_a_torn_line(folder: Path) -> None:
    """At the end, healed by the next writer, or left twice: noted, and no finding."""
    for size in (1, 8, 20, 60, 120, 160, 10_000):
        made = small()
        made.tear(size)
        report = of(folder, made)
        assert (report.findings, noted(report), report.last_seq) == ([], ["torn"], 5), size
        assert report.head == f"sha256:{made.digests[5]}"
        made.call(7)
        report = of(folder, made)
        assert (report.findings, noted(report), report.last_seq) == ([], ["torn"], 6), size
        made.tear(40)
        made.call(8)
        assert of(folder, made).findings == []


def test_a_torn_line_by_a_real_writer(home: Home) -> None:
    """What `append` heals, whatever the stump holds, verify takes for what it is."""
    for number, stump in enumerate((b"{", b'{"v":1,"seq":9', b"\x00" * 30, b"y", b"{}")):
        log = home.log(f"demo{number}")
        append(str(log), "demo", '{"event":"test"}')
        with log.open("ab") as file:
            file.write(stump)
        assert verify_log(str(log)).findings == [], stump
        append(str(log), "demo", '{"event":"test"}')
        report = verify_log(str(log))
        assert (report.findings, noted(report), report.last_seq) == ([], ["torn"], 2), stump


def test_a_last_line_without_its_newline(folder: Path) -> None:
    """It is whole but for that: it counts, and the next writer gives it its newline."""
    report = of(folder, small().files()[ACTIVE][:-1])
    assert (report.verdict, noted(report), report.last_seq) == ("intact", ["torn"], 5)


def test_a_short_torn_line_vouches_for_nobody(folder: Path) -> None:
    """The line before it can be changed unseen: verify says which one that is."""
    made = small()
    made.tear(20)
    made.call(7)
    path = made.write(folder)
    unknown = verify([str(path)]).unknowns()
    assert any("line 6 of audit.jsonl" in each for each in unknown)
    made = small()
    made.tear(125)
    made.call(7)
    assert not any("line 6" in each for each in verify([str(made.write(folder))]).unknowns())


def test_pruned_segments(folder: Path) -> None:
    """The start may be missing where an event of the log says exactly that."""
    made = eventful()
    made.prune()
    report = of(folder, made)
    assert (report.verdict, report.first_seq) == ("intact", 4)
    assert "pruned" in noted(report)
    made.call(8)
    made.prune()
    assert of(folder, made).first_seq == 9
    made = eventful()
    made.prune(2, delete=False)
    assert of(folder, made).verdict == "intact"  # recorded, and not done yet
    files = made.files()
    del files[FIRST]
    assert of(folder, files).verdict == "intact"  # half done


def test_what_no_prune_event_covers_was_removed(folder: Path) -> None:
    """More is missing than was pruned, or other lines were pruned than these."""
    made = eventful()
    made.prune()
    files = made.files()
    del files[SECOND]
    assert first(of(folder, files)) == ("removed", ACTIVE, 1)
    lines = made.segments[0]
    del lines[0]
    assert first(of(folder, made)) == ("removed", SECOND, 1)
    made = eventful()
    made.segments[0] = [*made.segments[0][:-1], made.segments[0][-1].replace(b"seal", b"SEAL")]
    made.prune()
    assert first(of(folder, made)) == ("edited", SECOND, 1)


def test_erased_lines(folder: Path) -> None:
    """A tombstone is fine where a later event has both its hashes, and nowhere else."""
    made = eventful()
    assert "erased" in noted(of(folder, made))
    unrecorded = eventful()
    unrecorded.erase(1, 1, record=False)
    assert said(of(folder, unrecorded)) == [("edited", SECOND, 2, None)]
    changed = eventful()
    tombstone = changed.segments[0][1]
    changed.segments[0][1] = tombstone.replace(b"a token", b"a tokem")
    assert said(of(folder, changed)) == [("edited", FIRST, 2, None)]
    early = MadeLog()
    line = early.call(1)
    early.erase(0, 1)
    early.call(2)
    assert of(folder, early).verdict == "intact"
    assert f"sha256:{hashlib.sha256(line).hexdigest()}".encode() in early.segments[0][1]


def test_a_rotation_that_was_cut_short(home: Home) -> None:
    """A writer died between its steps: nothing is missing, and the next one goes on."""
    log = home.log("demo")
    for number in range(20):
        append(str(log), "demo", encode({"event": "test", "n": number}), rotate_at=1500)
    sealed = sorted(log.parent.glob("audit-*.jsonl"))
    assert len(sealed) >= 2
    log.rename(str(log) + ".next")
    assert verify_log(str(log)).findings == []
    os.link(sealed[-1], log)
    assert verify_log(str(log)).findings == []
    sealed[-1].unlink()
    assert verify_log(str(log)).findings == []


LEGAL = st.lists(
    st.sampled_from(["call", "call", "clamped", "tear", "short tear", "seal", "prune", "erase"]),
    max_size=25,
)


def play(steps: list[str], data: st.DataObject) -> MadeLog:
    """Make a log in which these things happened."""
    made = MadeLog()
    for number, step in enumerate(steps):
        if step in ("call", "clamped"):
            made.call(number, clamped=step == "clamped", text="x" * (number * 7 % 50))
        elif step == "tear":
            made.tear(data.draw(st.integers(115, 190)))
        elif step == "short tear":
            made.tear(data.draw(st.integers(1, 114)))
        elif step == "seal":
            made.seal(compress=data.draw(st.booleans()))
        elif step == "prune" and made.names:
            made.prune(data.draw(st.integers(1, len(made.names))), delete=data.draw(st.booleans()))
            if len(made.segments) - 1 == len(made.names) and made.gone and made.names:
                break  # one that was not done: a second one would count it twice
        elif step == "erase":
            _erase_any(made, data)
    return made


def _erase_any(made: MadeLog, data: st.DataObject) -> None:
    places = [
        (at, number)
        for at, lines in enumerate(made.segments)
        for number, line in enumerate(lines)
        if b'"event":"note"' in line and b'"erased"' not in line and line.endswith(b"}")
    ]
    if places:
        made.erase(*data.draw(st.sampled_from(places)))


@given(LEGAL, st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
def test_whatever_may_happen_to_a_log_is_no_finding(
    folder: Path, steps: list[str], data: st.DataObject
) -> None:
    """No false alarm, in any order of crashes, clocks, rotations, prunes and erasures."""
    report = of(folder, play(steps, data))
    assert said(report) == []


@given(LEGAL.filter(lambda steps: "short tear" not in steps), st.data())
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
def test_whatever_happened_to_a_log_a_change_is_found(
    folder: Path, steps: list[str], data: st.DataObject
) -> None:
    """One byte of any line but the last, or a whole one: there is a finding of some kind."""
    made = play(steps, data)
    made.call(1)
    at = data.draw(st.integers(0, len(made.segments) - 1))
    lines = made.segments[at]
    last = len(lines) - 1 - (at == len(made.segments) - 1)
    line = data.draw(st.integers(0, max(last, 0)))
    if last < 0 or (at, line) == (len(made.segments) - 1, len(lines) - 1):
        return
    if data.draw(st.booleans()):
        del lines[line]
    else:
        byte = data.draw(st.integers(0, len(lines[line]) - 1))
        changed = bytes([lines[line][byte] ^ data.draw(st.integers(1, 255))])
        lines[line] = lines[line][:byte] + changed + lines[line][byte + 1 :]
    assert of(folder, made).findings


def test_eight_writers_at_once_are_no_finding(home: Home) -> None:
    """Not while they write, nor after: what others report as tampering is our daily work."""
    code = (
        "import sys\nfrom tooltrail.trail import append\n"
        'for n in range(60): append(sys.argv[1], \'demo\', \'{"event":"test","n":%d}\' % n,'
        " rotate_at=20000)\n"
    )
    log = home.log("demo")
    append(str(log), "demo", '{"event":"test"}')
    writers = [subprocess.Popen([PYTHON, "-c", code, log]) for _ in range(8)]
    while any(writer.poll() is None for writer in writers):
        report = verify_log(str(log))
        assert (report.findings, report.unreadable) == ([], None)
    report = verify_log(str(log))
    assert report.findings == []
    assert report.segments > 3
    assert report.last_seq == 8 * 60 + 1 + 2 * (report.segments - 1)


def test_segments_that_are_compressed_and_pruned_meanwhile(folder: Path) -> None:
    """A reading command may work on the log that we read: what changed is read again."""
    made = MadeLog()
    for number in range(40):
        made.call(number, text="x" * 9000)
        if number % 5 == 4:
            made.seal()
    path = made.write(folder)
    done = []

    def meddle(_size: int, name: str) -> None:
        plain = folder / name
        if name == ACTIVE or not plain.exists():
            return
        packed = folder / f"{name}.gz.tmp"
        packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
        packed.rename(folder / f"{name}.gz")
        plain.unlink()
        if name == FIRST and not done:
            done.append(name)
            made.prune()
            (folder / f"{FIRST}.gz").unlink()
            (folder / ACTIVE).write_bytes(made.files()[ACTIVE])

    report = verify_log(str(path), progress=meddle)
    assert report.findings == []
    assert done


# -- which logs there are


def lay(home: Home, tool: str, made: MadeLog | None = None) -> Path:
    """Put a log into the home, registered as `append` would."""
    made = small() if made is None else made
    path = made.write(home.data / tool)
    register(str(path), made.log_id, tool)
    return path


def table(home: Home, *arguments: str, code: int = 0, **options: Any) -> str:
    done = home.tooltrail("verify", *arguments, "--output", "table", **options)
    assert done.returncode == code, (done.stdout, done.stderr)
    return str(done.stdout + done.stderr)


def response(home: Home, *arguments: str, code: int = 0, **options: Any) -> dict[str, Any]:
    done = home.tooltrail("verify", *arguments, **options)
    answer = response_in(done.stdout)
    assert done.returncode == code, answer
    assert (answer["ok"], done.stderr) == (code == 0, "")
    return answer


@pytest.mark.usefixtures("damaged")
def test_without_an_argument_every_log_is_verified(home: Home) -> None:
    """Those with an active segment, those with sealed ones only, and the registry."""
    lay(home, "one")
    lay(home, "two", eventful())
    (home.data / "two" / ACTIVE).unlink()
    home.tooltrail("run", "--", "true")
    answer = response(home, code=1)
    found = {report["path"].split("/")[-2:][0]: report for report in answer["data"]["logs"]}
    assert [report["verdict"] for report in answer["data"]["logs"]] == [
        "intact", "intact", "truncated", "intact",
    ]  # fmt: skip
    assert set(found) == {"one", "two", "tooltrail"}
    assert answer["error"]["code"] == "VERIFICATION_FAILED"
    assert "demo (truncated)" in answer["error"]["message"]
    one = found["one"]
    assert list(one) == [
        "path", "log", "tool", "segments", "lines", "first_seq", "last_seq", "head", "verdict",
        "findings", "more_findings", "notes",
    ]  # fmt: skip
    finding = found["two"]["findings"][0]
    assert list(finding) == ["verdict", "segment", "line", "seq", "message"]


@pytest.mark.usefixtures("damaged")
def test_a_registered_log_that_is_gone(home: Home) -> None:
    """It is missing, until its owner says that it was taken away."""
    path = lay(home, "gone")
    shutil.rmtree(path.parent)
    report = response(home, code=1)["data"]["logs"]
    assert [(each["tool"], each["verdict"]) for each in report if each["findings"]] == [
        ("gone", "missing")
    ]
    assert "missing" in table(home, "gone", code=1)
    assert "missing" in table(home, str(path), code=1)
    acknowledge(str(home.data), LOG_ID, "me", "moved to the archive")
    response(home)
    assert "no log" in table(home, "gone", code=2)


@pytest.mark.usefixtures("damaged")
def test_a_registered_log_that_is_another_one_now(home: Home) -> None:
    """Another log in its place, an empty file, a folder or a pipe: it is not there any more."""
    path = lay(home, "demo")
    MadeLog(log_id="log_" + "0" * 26).write(path.parent)
    assert "another log stands in its place" in table(home, "demo", code=1)
    path.write_bytes(b"")
    assert "truncated" in table(home, "demo", code=1)
    path.unlink()
    path.mkdir()
    assert "no plain file" in table(home, code=1)
    path.rmdir()
    os.mkfifo(path)
    assert "no plain file" in table(home, "demo", code=1, timeout=20)


@pytest.mark.usefixtures("damaged")
def test_a_log_that_moved_with_its_home_is_not_missing(home: Home, tmp_path: Path) -> None:
    """A copy of all logs verifies, though the registry names the old places."""
    lay(home, "demo")
    copy = tmp_path / "copy"
    home.data.rename(copy)
    response(home, env={"XDG_DATA_HOME": str(copy)})


@pytest.mark.usefixtures("damaged")
def test_a_damaged_registry_is_a_finding_of_its_own(home: Home) -> None:
    """A line taken out of it does not hide a log that is gone."""
    for tool in ("one", "two", "three"):
        lay(home, tool, MadeLog(log_id=f"log_{tool:0>26}"))
    registry = home.data / "tooltrail" / "logs.jsonl"
    lines = registry.read_bytes().splitlines(keepends=True)
    registry.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    shutil.rmtree(home.data / "two")
    assert "removed, line 3 of logs.jsonl" in table(home, code=1)
    registry.write_bytes(b"\xff\xfe garbage\n" + b"".join(lines))
    report = response(home, code=1)["data"]["logs"]
    assert {each["verdict"] for each in report} >= {"missing", "inserted"}


# -- checkpoints


def test_a_checkpoint_vouches_for_all_before_it(home: Home, folder: Path) -> None:
    """With one of the last line there is nothing left but completeness, and a cut shows."""
    pytest.importorskip("cryptography")
    made = small()
    made.tear(20)  # not even the line before a short torn one
    made.call(7)
    path = made.write(folder)
    key, note = folder.parent / "key", folder.parent / "note"
    home.tooltrail("checkpoint", "--key", str(key), "--new-key", "me")
    done = home.tooltrail("checkpoint", str(path), "--key", str(key), "--output", str(note))
    assert done.returncode == 0, done.stderr
    options = ("--checkpoint", str(note), "--key", f"{key}.pub")
    answer = response(home, str(path), *options)
    assert len(answer["data"]["unknowns"]) == 1
    assert [each["state"] for each in answer["data"]["checkpoints"]] == ["holds"]
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    answer = response(home, str(path), *options, code=1)
    assert answer["data"]["logs"][0]["verdict"] == "truncated"
    made.call(8)
    made.write(folder)
    text = table(home, str(path), *options)
    assert "after seq 6; it ends at seq 7" in text
    other = MadeLog(log_id="log_" + "0" * 26)
    other.call(1)
    response(home, str(other.write(folder)), *options, code=1)
    assert "needs --key" in table(home, str(path), "--checkpoint", str(note), code=2)


# -- bad input


def test_a_name_that_stands_for_no_log(home: Home) -> None:
    """The answer says which tools have one."""
    assert "these have one: tooltrail" in table(home, "nope", code=2)
    answer = response(home, "nope", code=2)
    assert answer["error"]["code"] == "USAGE_ERROR"


def test_a_path_that_is_no_log(home: Home, tmp_path: Path) -> None:
    """A folder, another file, a pipe, a device, nothing at all: each is told, none hangs."""
    other = tmp_path / "other.jsonl"
    other.write_text("hello\n")
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path, "is a folder"),
        (other, "is no log of tooltrail"),
        (pipe, "is no plain file"),
        (Path("/dev/zero"), "is no plain file"),
        (tmp_path / "nothing.jsonl", "no such file"),
    ):
        assert reason in table(home, str(path), code=2, timeout=20)


def test_an_empty_log_is_intact(home: Home, folder: Path) -> None:
    """There is nothing in it, and that is said."""
    path = MadeLog().write(folder, {ACTIVE: b""})
    assert "the log is empty" in table(home, str(path))
    logs = response(home, str(path))["data"]["logs"]
    assert (logs[0]["lines"], logs[0]["head"], logs[0]["last_seq"]) == (0, None, None)


def test_a_sealed_segment_stands_for_its_log(home: Home, folder: Path) -> None:
    """Naming any of its files verifies the whole log."""
    eventful(compress=True).write(folder)
    for name in (f"{FIRST}.gz", ACTIVE):
        (log,) = response(home, str(folder / name))["data"]["logs"]
        assert log["segments"] == 3
    (log,) = response(home, str(folder / ACTIVE), str(folder / f"{SECOND}.gz"))["data"]["logs"]


@as_root
def test_a_log_that_may_not_be_read_was_not_checked(home: Home, folder: Path) -> None:
    """Nothing wrong was found, but nothing was looked at either: that is exit code 3."""
    path = small().write(folder)
    path.chmod(0o600)
    for parent in path.parents:
        if parent.is_relative_to(home.path.parent.parent.parent):
            parent.chmod(0o755)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            verified = verify([str(path)], home=str(folder))
            os.write(writing, f"{verified.exit_code} {verified.unknowns()[0]}".encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(writing)
    with os.fdopen(reading) as said:
        assert said.read() == f"3 {path} could not be checked: permission denied"


# -- what is printed


def test_the_exit_codes_and_verdicts_are_in_the_help(home: Home) -> None:
    """Whoever calls it from a script finds there what to expect."""
    text = home.tooltrail("verify", "--help").stdout
    assert all(verdict in text for verdict in (*FAILURES, "torn", "pruned", "erased"))
    assert all(f"\n  {code}  " in text for code in range(4))


def test_the_table_says_what_and_where(home: Home, folder: Path) -> None:
    """A finding has its verdict, file, line and number, and a sentence."""
    lines = small().segments[0]
    path = small().write(folder, {ACTIVE: b"\n".join([*lines[:2], *lines[3:], b""])})
    text = table(home, str(path), code=1)
    assert "x demo  removed, line 3 of audit.jsonl (seq 3): before it seq 2 is gone\n" in text
    assert "integrity is not completeness" in text
    assert "cannot vouch" not in text  # there is worse to know


def test_what_is_in_a_log_cannot_reach_the_terminal(home: Home, folder: Path) -> None:
    """Names and events come from whoever can write: control characters are escaped."""
    made = MadeLog(tool="\x1b[31mred\u202e")
    made.call(1)
    made.erase(0, 1)
    text = table(home, str(made.write(folder)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[31mred" in text


def test_output_that_nobody_reads(home: Home, folder: Path) -> None:
    """A closed pipe ends the command, quietly and with 1."""
    path = small().write(folder)
    command = f"{TOOLTRAIL} verify {path} | true; exit ${{PIPESTATUS[0]}}"
    done = home.run("bash", "-c", f"sleep 0.01; {command}")
    assert done.stderr == ""
    assert done.returncode in (0, 1)


@contextlib.contextmanager
def terminal() -> Iterator[tuple[int, Any]]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield ours, stream
    os.close(ours)


def read_all(fd: int) -> str:
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 65536).decode()
    except BlockingIOError:
        return ""


def test_progress_is_one_line_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is rewritten in place, and gone in the end; nothing is shown before half a second."""
    with terminal() as (ours, stream):
        quick = progressing.Progress(stream, "verifying")
        quick("demo", 1, 2)
        quick.clear()
        assert read_all(ours) == ""
        monkeypatch.setattr(progressing, "_SILENT_S", 0)
        monkeypatch.setattr(progressing, "_EVERY_S", 0)
        slow = progressing.Progress(stream, "verifying")
        slow("demo", 1_000_000, 4_000_000)
        slow("demo", 2_000_000, 4_000_000)
        slow.clear()
        text = read_all(ours)
        assert text.startswith("\rverifying demo: 1 of 4 MB\rverifying demo: 2 of 4 MB\r")
        assert text.endswith(" \r")
        assert "\n" not in text


def test_no_progress_where_nobody_looks(home: Home, folder: Path) -> None:
    """stderr that is no terminal stays empty."""
    path = small().write(folder)
    assert home.tooltrail("verify", str(path)).stderr == ""
    with (folder / "err").open("w") as stream:
        assert not progressing.Progress(stream, "verifying").shown
    assert not progressing.Progress(None, "verifying").shown


def test_ctrl_c_ends_it_cleanly(home: Home, folder: Path) -> None:
    """It dies by the signal, without a traceback, and its own record says so."""
    path = small().write(folder)
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    command = [TOOLTRAIL, "verify", str(path), "--receipts", str(pipe)]
    process = subprocess.Popen(
        command, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with pipe.open("wb"):  # returns when the other end is open: it is reading now
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert (out, err) == ("", "")
    assert home.end("tooltrail")["outcome"] == "interrupted"


def test_verifying_waits_for_no_lock(folder: Path) -> None:
    """A stopped writer that holds the lock does not stop us."""
    path = small().write(folder)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert verify_log(str(path)).verdict == "intact"


def test_calls_that_were_not_recorded_are_mentioned(home: Home) -> None:
    """What the log did not take was counted beside it, and verify passes that on."""
    from tooltrail.trail.lost import note

    append(str(home.log("demo")), "demo", '{"event":"test"}')
    note(str(home.log("demo")), "demo", "req_" + "0" * 26, "no space left on device")
    assert "could not be recorded whole" in table(home, "demo")
