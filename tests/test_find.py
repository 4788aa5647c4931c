"""Finding lines without reading all of a log comes to the same as reading all of it."""

import gzip
import json
import threading
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import PYTHON, Home
from logs import compact
from tooltrail.query import fold as folding
from tooltrail.query.fold import LogEntries
from tooltrail.query.options import query_from
from tooltrail.query.search import Search
from tooltrail.trail import find, scan
from tooltrail.trail.read import lines, lines_since
from tooltrail.trail.segments import segment_name, snapshot

TEXTS = st.text(st.sampled_from("ab\n{}é\0"), max_size=40)


def stamp(second: int) -> str:
    """Return a time as the log writes it."""
    return f"2026-11-22T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"


def line(seq: int, second: int, **fields: object) -> bytes:
    """Return a line as the log has it."""
    head = {"v": 1, "seq": seq, "prev": "sha256:" + "0" * 64, "logged_at": stamp(second)}
    return compact({**head, **fields}) + b"\n"


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_lines_that_hold_a_text_are_found(
    tmp_path_factory: pytest.TempPathFactory, threaded: bool, compressed: bool, data: st.DataObject
) -> None:
    """All of them, once, in order: at the borders of chunks, in the last line, anywhere."""
    content = data.draw(st.lists(TEXTS, max_size=60).map("\n".join)).encode()
    literal = data.draw(st.sampled_from([b"a", b"ab", b"{a", b"aab", b"b}b"]))
    folder = tmp_path_factory.mktemp("found")
    active = folder / "audit.jsonl"
    sealed = folder / segment_name(0)
    active.write_bytes(b"last ab\n")
    if compressed:
        Path(f"{sealed}.gz").write_bytes(gzip.compress(content))
    else:
        sealed.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        if threaded:
            patch.setattr(scan, "_THREADED", 0)
            patch.setattr(scan, "_PIECE", 4096)
        patch.setattr(find, "_BLOCK", 7)
        found = list(find.lines_with(snapshot(str(active)), literal))
    wanted = [each for each in content.split(b"\n") if literal in each]
    assert [each.rstrip(b"\n") for each in found] == [
        *wanted,
        *([b"last ab"] if literal in b"last ab" else []),
    ]


def test_a_text_across_the_border_of_two_chunks_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every place around it."""
    monkeypatch.setattr(scan, "_THREADED", 0)
    monkeypatch.setattr(scan, "_PIECE", 4096)
    for at in range(4080, 4100):
        log = tmp_path / "audit.jsonl"
        log.write_bytes(b"x" * at + b"needle" + b"x" * 5000 + b"\nneedle\n")
        found = list(find.lines_with(snapshot(str(log)), b"needle"))
        assert [len(each) for each in found] == [at + 6 + 5000 + 1, 7]


@pytest.mark.parametrize("way", [0, 1])
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(1, 30_000),
    literal=st.text("ab", min_size=1, max_size=9).map(str.encode),
    nuls=st.sampled_from([0, 0.001, 0.1]),
    largest=st.sampled_from([4096, 16_384]),
)
def test_each_way_to_search_a_piece_finds_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory,
    way: int,
    seed: int,
    size: int,
    literal: bytes,
    nuls: float,
    largest: int,
) -> None:
    """Also behind a NUL, at the border of pieces, where the text repeats itself; and only reads."""
    content = bytes(Random(seed).choices(b"ab\n\0", (0.8, 0.15, 0.05, nuls), k=size))
    log = tmp_path_factory.mktemp("ways") / "audit.jsonl"
    log.write_bytes(content)
    real = scan._ways
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_THREADED", 0)
        patch.setattr(scan, "_FIRST", 4096)
        patch.setattr(scan, "_PIECE", largest)
        patch.setattr(scan, "_MANY", 50)
        patch.setattr(scan, "_ways", lambda ours, text: [real(ours, text)[way]])
        with log.open("rb") as file:
            found = list(scan.lines_in(file, size, literal))
    assert found == [each for each in content.splitlines(keepends=True) if literal in each]
    assert log.read_bytes() == content


def test_a_search_that_is_given_up_leaves_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a map that a thread would still read."""
    monkeypatch.setattr(scan, "_THREADED", 0)
    monkeypatch.setattr(scan, "_PIECE", 4096)
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"needle\n" * 500_000)
    before = threading.active_count()
    with log.open("rb") as file:
        lines_found = scan.lines_in(file, log.stat().st_size, b"needle")
        assert next(lines_found) == b"needle\n"
        lines_found.close()
    assert threading.active_count() == before


def test_without_threads_and_without_libc_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system gives no thread, or has no such function."""
    monkeypatch.setattr(scan, "_THREADED", 0)
    monkeypatch.setattr(scan, "_PIECE", 4096)
    log = tmp_path / "audit.jsonl"
    log.write_bytes(b"x" * 9000 + b"needle\nother\n" + b"needle" * 900 + b"\n")
    wanted = [each for each in log.read_bytes().splitlines(keepends=True) if b"needle" in each]

    def search() -> list[bytes]:
        with log.open("rb") as file:
            return list(scan.lines_in(file, log.stat().st_size, b"needle"))

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert search() == wanted
    monkeypatch.setattr(scan, "_of_libc", lambda name: None)
    assert search() == wanted


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(st.sampled_from([0, 0, 1, 5, 60]), min_size=1, max_size=400),
    asked=st.integers(0, 5000),
    garbage=st.sets(st.integers(0, 399), max_size=20),
)
def test_bisection_misses_no_line_that_was_written_since(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], asked: int, garbage: set[int]
) -> None:
    """With equal times, and with lines that tell none."""
    log = tmp_path_factory.mktemp("bisect") / "audit.jsonl"
    second, written = 0, []
    for seq, step in enumerate(steps):
        second += step
        text = b"garbage " * 9 + b"\n" if seq in garbage else line(seq, second, event="x")
        written.append((second, text))
    log.write_bytes(b"".join(text for _, text in written))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(find, "_NEAR", 200)
        found = [text for text, _ in lines_since(snapshot(str(log)), stamp(asked))]
    wanted = [text for second, text in written if second >= asked]
    assert found[len(found) - len(wanted) :] == wanted


def test_a_window_at_the_end_reads_little(home: Home) -> None:
    """The lines before it are not looked at: what is damaged there is not even noticed."""
    log = home.log("app")
    log.parent.mkdir(parents=True)
    before = [line(seq, seq, event="x", fill="y" * 500) for seq in range(2000)]
    after = [line(seq, 80_000 + seq, event="z") for seq in range(2000, 2010)]
    log.write_bytes(b"".join([before[0], b"garbage\n", *before[1:], *after]))
    read = LogEntries(str(log))
    assert list(read.read(lambda _: True, since=stamp(80_000))) == []
    assert read.bad_lines == 0
    read = LogEntries(str(log))
    list(read.read(lambda _: True))
    assert read.bad_lines == 1


def test_sealed_segments_that_are_too_old_are_not_opened(home: Home) -> None:
    """Nor is anything said of what is wrong with them."""
    folder = home.log("app").parent
    folder.mkdir(parents=True)
    (folder / segment_name(0)).write_bytes(line(0, 10, event="x"))
    Path(f"{folder / segment_name(1)}.gz").write_bytes(gzip.compress(line(1, 500, event="x")))
    home.log("app").write_bytes(line(2, 40_000, event="x") + line(3, 40_001, event="x"))
    picture = snapshot(str(home.log("app")))
    assert len(list(lines(picture))) == 4
    assert len(list(lines_since(picture, stamp(39_000)))) == 3  # the one before it may reach there
    assert len(list(lines_since(picture, stamp(400)))) == 4


def test_a_query_is_answered_as_by_reading_everything(home: Home) -> None:
    """Ids and windows, over real calls: the fast way and the slow way agree."""
    for number in range(12):
        env = {"TOOL_TRACE_ID": f"s-{number % 3}"}
        home.tooltrail("run", "--", "sh", "-c", f"exit {number % 2}", env=env)
    path = str(home.log("tooltrail"))
    entries = list(LogEntries(path).read(lambda _: True))
    assert len(entries) == 12
    middle = entries[6]["timestamp"]
    for asked, keep in (
        ({"trace_id": "s-1"}, lambda entry: entry["trace_id"] == "s-1"),
        ({"trace_id": "s"}, lambda entry: True),
        ({"request_id": entries[4]["request_id"]}, lambda entry: entry is entries[4]),
        ({"since": middle}, lambda entry: entry["logged_at"] >= middle),
        ({"until": middle}, lambda entry: entry["timestamp"] <= middle),
        ({"trace_id": "nobody"}, lambda entry: False),
    ):
        found = [entry["request_id"] for entry in Search(query_from({**asked, "all": True}))]
        assert found == [entry["request_id"] for entry in entries if keep(entry)], asked


def test_a_corrected_end_is_found_with_its_trace(home: Home) -> None:
    """The line that says that a response was not delivered bears the trace as well."""
    code = """
import sys, tooltrail
with tooltrail.invocation("app", "x", envelope=True, output="json") as call:
    call.data = "y" * 100
"""
    script = home.path / "tool.py"
    script.write_text(code)
    home.run("sh", "-c", f"{PYTHON} {script} > /dev/full", env={"TOOL_TRACE_ID": "t-1"})
    (undelivered,) = home.events("app", "undelivered")
    assert undelivered["trace_id"] == "t-1"
    shown = json.loads(home.tooltrail("log", "--trace-id", "t-1", "--output", "jsonl").stdout)
    assert shown["outcome"] == "failure"
    assert shown["error"]["code"] == "UNDELIVERED"


def test_who_waits_is_told_how_far_the_reading_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bytes, growing, once through the log."""
    monkeypatch.setattr(folding, "_TOLD_LINES", 10)
    monkeypatch.setattr(folding, "_TOGETHER", 5)
    monkeypatch.setattr(folding, "_STAGES", ())
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(line(seq, seq, event="x") for seq in range(100)))
    told: list[int] = []
    list(LogEntries(str(path), told.append).read(lambda _: True))
    assert len(told) == 10
    assert told == sorted(told)
    assert path.stat().st_size * 0.8 < told[-1] <= path.stat().st_size


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "end", "end", "undelivered", "supersedes", "torn", "later"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(events=EVENTS, stages=st.sampled_from([(), (1,), (3, 9)]), asked=st.integers(0, 40))
def test_told_by_and_by_the_entries_are_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[str, int]],
    stages: tuple[int, ...],
    asked: int,
) -> None:
    """Calls that end late or never, that are corrected, and lines that are none."""
    path = tmp_path_factory.mktemp("stages") / "audit.jsonl"
    written = []
    for seq, (event, own) in enumerate(events):
        more: dict[str, object] = {"request_id": f"req_{own}", "exit_code": 0, "n": seq}
        if event == "supersedes":
            text = line(seq, seq, event="end", supersedes=True, **more)
        else:
            text = line(seq, seq, event="end" if event == "torn" else event, **more)
        written.append(text[:-9] + b"\n" if event == "torn" else text)
    path.write_bytes(b"".join(written))

    def read() -> tuple[list[dict[str, object]], int]:
        log = LogEntries(str(path))
        found = list(log.read(lambda _: True, since=stamp(asked)))
        return found, log.bad_lines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "_STAGES", ())
        wanted = read()
        patch.setattr(folding, "_STAGES", stages)
        assert read() == wanted


def test_the_first_of_many_calls_are_told_before_the_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a line corrects another: then all of them have to be known."""
    path = tmp_path / "audit.jsonl"
    calls = [
        line(2 * n + at, n, event=event, request_id=f"req_{n}", exit_code=0)
        for n in range(2000)
        for at, event in enumerate(("begin", "end"))
    ]
    looked: list[int] = []
    real = folding.glance
    monkeypatch.setattr(folding, "glance", lambda text: looked.append(1) or real(text))
    for more, least, most in ((b"", 10, 1000), (line(9999, 9, event="undelivered"), 4000, 9000)):
        path.write_bytes(b"".join(calls) + more)
        looked.clear()
        entries = LogEntries(str(path)).read(lambda _: True)
        assert next(entries)["request_id"] == "req_0"
        assert least < len(looked) < most
