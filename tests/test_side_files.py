"""Side files of sealed segments: what they say is what reading the segments says, or nothing."""

import gzip
import io
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Home
from logs import MadeLog, compact, ended_call
from tooltrail.query.options import Query
from tooltrail.query.search import Search
from tooltrail.query.tally import tally
from tooltrail.settings.kinds import Retention
from tooltrail.trail import index, packed, side
from tooltrail.trail.find import lines_with
from tooltrail.trail.packed import PackedWriter, unpacked
from tooltrail.trail.segments import sealed_segments, snapshot
from tooltrail.trust.retain import is_due, prune, retain

# How an id may stand in a line: as our writer writes it, and as others might.
IDS = st.sampled_from(
    ["a", "a-b", "a-b-c", "ab", "a/b", "a:b-c", "s", "s-1", "s-1-2", 'q"x', "q", "é", "é-1", "z"]
)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "trace": IDS,
            "session": st.one_of(st.none(), IDS),
            "as": st.sampled_from(
                ["ours", "ours", "ours", "spaced", "escaped", "named", "garbage"]
            ),
        }
    ),
    max_size=40,
)


def written(number: int, line: dict[str, Any]) -> bytes:
    """Return a line of a log, as somebody writes it."""
    caller = {} if line["session"] is None else {"session": line["session"]}
    event = {
        "v": 1, "seq": number, "prev": "sha256:" + "0" * 64,
        "logged_at": f"2026-11-22T10:00:00.{number:03d}Z", "event": "end",
        "request_id": f"req_{number}", "trace_id": line["trace"], "parent_request_id": None,
        "timestamp": "2026-11-22T10:00:00.000Z", "tool": "t", "command": None, "exit_code": 0,
        "outcome": "success", "duration_ms": 1, "caller": caller,
    }  # fmt: skip
    match line["as"]:
        case "spaced":
            return json.dumps(event).encode() + b"\n"
        case "escaped":
            text = json.dumps(event["trace_id"])[1:-1].replace("-", "\\u002d")
            return compact(event).replace(compact(event["trace_id"]), f'"{text}"'.encode()) + b"\n"
        case "named":
            return compact(event).replace(b'"trace_id"', b'"trace\\u005fid"') + b"\n"
        case "garbage":
            return compact(event)[: 60 + number] + b"\n"
    return compact(event) + b"\n"


def found(path: Path, wanted: str, *, indexed: bool) -> list[str]:
    """Return the calls of a trace or session."""
    search = Search(Query(trace_id=wanted), [str(path)])
    search.indexed = indexed
    return [entry["request_id"] for entry in search]


@pytest.mark.parametrize("form", ["plain", "packed", "one member", "cut anywhere"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=LINES, wanted=IDS, member=st.sampled_from([1, 300, 2000]))
def test_with_an_index_the_same_calls_are_found(
    tmp_path: Path, form: str, told: list[dict[str, Any]], wanted: str, member: int
) -> None:
    """Whoever wrote the lines, and however they are packed."""
    folder = tmp_path / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "audit.jsonl"
    path.write_bytes(b"")
    content = b"".join(written(number, line) for number, line in enumerate(told))
    sealed = folder / "audit-000000000000.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "MEMBER", member)
        patch.setattr(index, "MEMBER", member)
        if form == "plain":
            sealed.write_bytes(content)
        else:
            pieces = [content]
            if form == "cut anywhere":
                pieces = [content[at : at + member] for at in range(0, len(content), member)]
            out = io.BytesIO()
            if form == "packed":
                writer = PackedWriter(out)
                for at in range(0, len(content), 77):
                    writer.write(content[at : at + 77])
                writer.close()
            else:
                out.writelines(gzip.compress(piece) for piece in pieces)
            Path(f"{sealed}.gz").write_bytes(out.getvalue())
            assert b"".join(piece for _, piece in unpacked(io.BytesIO(out.getvalue()))) == content
        segment = sealed_segments(str(path))[0]
        index.make(segment)
        assert index.is_indexed(segment)
        assert found(path, wanted, indexed=True) == found(path, wanted, indexed=False)


def many_traces(folder: Path, count: int = 400) -> Path:
    """Write a log of two sealed segments, with many traces in each."""
    log = MadeLog("demo")
    for number in range(count):
        log.add("end", **ended_call(number, f"trace-{number // 4}"))
        if number in (count // 3, count // 2):
            log.seal()
    return log.write(folder)


@pytest.fixture
def log(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Such a log, compressed and indexed in small blocks."""
    monkeypatch.setattr(packed, "MEMBER", 2000)
    folder = home.log("demo").parent
    many_traces(folder)
    retain(str(home.log("demo")))
    return home.log("demo")


def sides(log: Path) -> list[Path]:
    """Return the side files of a log."""
    kinds = (side.INDEX, side.COUNTS, side.OPERATORS)
    return sorted(path for kind in kinds for path in log.parent.glob(f"audit-*{kind}"))


def test_blocks_without_the_id_are_not_even_read(log: Path) -> None:
    """Of the others nothing is unpacked: here they are damaged, and nobody notices."""
    segment = sealed_segments(str(log))[0]
    wanted = found(log, "trace-3", indexed=True)
    assert len(wanted) == 4
    with segment.open_as_it_is() as file:
        places = index.places_of(segment, file, b"trace-3")
        status = os.fstat(file.fileno())
    assert places is not None
    assert len(places) < 4
    with open(segment.file(), "r+b") as file:
        file.seek(-200, os.SEEK_END)
        file.write(b"\0" * 150)
    os.utime(segment.file(), ns=(status.st_atime_ns, status.st_mtime_ns))
    assert found(log, "trace-3", indexed=True) == wanted
    with pytest.raises(OSError, match=r"damaged|CRC"):
        list(lines_with(snapshot(str(log)), b"trace-3"))


def test_an_id_that_is_nowhere_is_looked_for_in_no_block(log: Path) -> None:
    """Nor is one that only begins as others do, without a mark between."""
    for own in (b"none", b"trace-3999", b"req_99999999999999999999999999"):
        for segment in sealed_segments(str(log)):
            with segment.open_as_it_is() as file:
                assert index.places_of(segment, file, own) == []


@pytest.mark.parametrize("harm", ["cut", "changed", "empty", "old", "pipe", "json", "order"])
def test_a_side_file_that_is_wrong_is_not_believed(log: Path, harm: str) -> None:
    """The segment is read instead, and the next reading command makes it anew."""
    wanted = found(log, "trace-3", indexed=False)
    for path in sides(log):
        content = path.read_bytes()
        if harm == "cut":
            path.write_bytes(content[:-4])
        elif harm == "changed":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        elif harm == "empty":
            path.write_bytes(b"")
        elif harm == "json":
            path.write_bytes(b"[1]\n")
        elif harm == "order":
            path.write_bytes(content.replace(b'"order":"little"', b'"order":"big"'))
        elif harm == "pipe":
            path.unlink()
            os.mkfifo(path)
        else:
            later = Path(sealed_segments(str(log))[0].file())
            os.utime(later, ns=(1, 1))
    assert found(log, "trace-3", indexed=True) == wanted
    assert is_due(str(log))
    retain(str(log))
    assert not is_due(str(log))
    assert found(log, "trace-3", indexed=True) == wanted


def counted(log: Path) -> list[Any]:
    """Return what `stats` counts, by command and by operator, but for what it took from where."""
    tallies = [tally(str(log), places) for places in ((1, 2), (3,), (0,))]
    return [(each.counts, each.bad_lines) for each in tallies]


@pytest.mark.parametrize("harm", ["none", "cut", "changed", "empty", "pipe"])
def test_counts_beside_a_segment_are_those_of_its_lines(log: Path, harm: str) -> None:
    """They are made by the first who counts, used by the next, and not believed where wrong."""
    wanted = counted(log)
    made = [path for path in sides(log) if path.suffix != ".index"]
    assert len(made) == 4
    for path in made:
        content = path.read_bytes()
        if harm == "cut":
            path.write_bytes(content[:-8])
        elif harm == "changed":
            path.write_bytes(content[:-16] + bytes(8) + content[-8:])
        elif harm == "empty":
            path.write_bytes(b"")
        elif harm == "pipe":
            path.unlink()
            os.mkfifo(path)
    assert counted(log) == wanted
    assert counted(log) == wanted


def test_counts_are_read_instead_of_the_lines(log: Path) -> None:
    """Once they are there, the segment itself is not opened: here it is damaged."""
    wanted = counted(log)
    for segment in sealed_segments(str(log)):
        status = os.stat(segment.file())
        Path(segment.file()).write_bytes(b"\0" * status.st_size)
        os.utime(segment.file(), ns=(status.st_atime_ns, status.st_mtime_ns))
    assert counted(log) == wanted


def test_a_damaged_segment_is_looked_at_once(log: Path) -> None:
    """Its index says that nobody knows; it is not tried again with each command."""
    segment = sealed_segments(str(log))[0]
    with open(segment.file(), "r+b") as file:
        file.truncate(os.path.getsize(segment.file()) - 100)
    assert is_due(str(log))
    retain(str(log))
    assert not is_due(str(log))
    search = Search(Query(trace_id="trace-3"), [str(log)])
    list(search)
    assert any("damaged" in text for _, text in search.problems())


def test_what_is_pruned_leaves_no_side_file(log: Path) -> None:
    """Both go."""
    assert len(sides(log)) == 2
    prune(str(log), Retention(max_segments=1, max_bytes=None, max_age_s=None))
    assert [path.name.partition(".")[0] for path in sides(log)] == [
        segment.name.removesuffix(".jsonl") for segment in sealed_segments(str(log))
    ]


def test_what_is_erased_is_in_no_side_file(home: Home, log: Path) -> None:
    """The segment is another one now; the index of the others stays."""
    counted = home.tooltrail("stats")
    assert counted.returncode == 0
    done = home.tooltrail("erase", f"req_{5:026d}", "--reason", "asked")
    assert done.returncode == 0, done.stderr
    first, second = sealed_segments(str(log))
    assert not os.path.exists(side.side_of(first, side.COUNTS))
    assert os.path.exists(side.side_of(second, side.INDEX))
    assert found(log, "trace-1", indexed=True) == found(log, "trace-1", indexed=False)


def test_a_proof_believes_no_side_file(home: Home, log: Path) -> None:
    """Whoever can write there might say that a call is nowhere."""
    for segment in sealed_segments(str(log)):
        with segment.open_as_it_is() as file:
            status = os.fstat(file.fileno())
        told = {"blocks": [], "always": []}
        side.save(segment, side.INDEX, status, told, b"")
    assert found(log, "trace-3", indexed=True) == []
    done = home.tooltrail("log", "--trace-id", "trace-3", "--prove-none")
    assert done.returncode == 1, done.stdout + done.stderr


def test_where_nothing_can_be_written_nothing_is_tried() -> None:
    """A folder that may only be read: no process is started again and again."""
    with tempfile.TemporaryDirectory() as place:  # where another user can go, too
        folder = Path(place, "demo")
        path = str(many_traces(folder))
        assert is_due(path)
        for each in (Path(place), folder, *folder.iterdir()):
            each.chmod(0o755 if each.is_dir() else 0o644)
        folder.chmod(0o555)
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setuid(65534)
            os._exit(int(is_due(path)))
        assert os.waitpid(child, 0)[1] == 0
        folder.chmod(0o755)


def test_more_blocks_than_the_index_can_number_are_joined(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then one of them is several members."""
    monkeypatch.setattr(packed, "MEMBER", 1)
    folder = home.log("demo").parent
    many_traces(folder, 1200)
    retain(str(home.log("demo")))
    segment = sealed_segments(str(home.log("demo")))[0]
    for number in (0, 7, 99):
        own = f"trace-{number}"
        with segment.open_as_it_is() as file:
            places = index.places_of(segment, file, own.encode())
        assert places
        assert len(places) <= 6
        assert len(found(home.log("demo"), own, indexed=True)) == 4


def test_compressed_in_members_any_gzip_reads_it(home: Home, log: Path) -> None:
    """gzip itself, and Python."""
    segment = sealed_segments(str(log))[0]
    done = home.run("gzip", "-dc", segment.file())
    with segment.open() as file:
        assert file.read() == done.stdout.encode()


def test_random_ids_are_found_where_they_are(home: Home) -> None:
    """Many calls with ids as tools make them."""
    chance = random.Random(7)
    made = MadeLog("demo")
    ids = [f"{chance.getrandbits(128):032x}" for _ in range(300)]
    for number, own in enumerate(ids):
        made.add("end", **ended_call(number, own))
        if number == 200:
            made.seal()
    made.write(home.log("demo").parent)
    retain(str(home.log("demo")))
    for number, own in enumerate(ids):
        assert found(home.log("demo"), own, indexed=True) == [f"req_{number:026d}"]
