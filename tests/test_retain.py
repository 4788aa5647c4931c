"""Sealed segments are compressed and pruned off every tool's path, and nothing else is lost."""

import hashlib
import json
import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Home
from tooltrail.settings.kinds import Retention
from tooltrail.trail import append
from tooltrail.trail.packed import PackedWriter
from tooltrail.trail.segments import lines_of, segments, snapshot
from tooltrail.trust.retain import compress, is_due, prune, retain

BODY = '{"event":"later","text":"%s"}' % ("x" * 300)


def grow(path: Path, lines: int, rotate_at: int = 4000) -> None:
    """Append so many lines to a log that is sealed early."""
    for _ in range(lines):
        append(str(path), "t", BODY, rotate_at=rotate_at)


def all_lines(path: Path) -> list[bytes]:
    """Return every line of a log, from all its segments."""
    return [line for segment, size in snapshot(str(path)) for line in lines_of(segment, size)]


def chain_is_whole(lines: list[bytes]) -> bool:
    """Tell whether each line names the one before it."""
    return all(
        json.loads(line)["prev"] == "sha256:" + hashlib.sha256(before[:-1]).hexdigest()
        for before, line in pairwise(lines)
    )


@pytest.fixture
def log(home: Home) -> Path:
    """A log of several sealed segments."""
    path = home.log("t")
    grow(path, 80)
    assert len(segments(str(path))) > 4
    return path


def config(home: Home, text: str) -> None:
    """Write the user's configuration."""
    file = home.path / ".config" / "tooltrail" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_compressing_changes_no_line(log: Path) -> None:
    """A compressed segment reads as it did, and the plain file is gone."""
    before = all_lines(log)
    oldest = segments(str(log))[0]
    mode = os.stat(oldest.path).st_mode
    compress(oldest)
    assert not os.path.exists(oldest.path)
    assert os.stat(oldest.file()).st_mode == mode
    assert all_lines(log) == before
    assert chain_is_whole(before)


def test_a_compressor_that_died_is_taken_over(log: Path) -> None:
    """What it left half written is written anew."""
    before = all_lines(log)
    oldest = segments(str(log))[0]
    Path(oldest.path + ".gz.tmp").write_bytes(b"half")
    retain(str(log))
    assert not list(log.parent.glob("*.tmp"))
    assert len(list(log.parent.glob("audit-*.gz"))) == len(segments(str(log))) - 1
    assert all_lines(log) == before


def test_a_compressed_segment_that_reads_otherwise_does_not_replace_the_plain_one(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain file goes only after the compressed one was read back whole."""
    real = PackedWriter.write
    monkeypatch.setattr(PackedWriter, "write", lambda packed, data: real(packed, data[:-1]))
    oldest = segments(str(log))[0]
    with pytest.raises(OSError, match="read back otherwise"):
        compress(oldest)
    assert os.path.exists(oldest.path)
    assert not list(log.parent.glob("*.gz*"))


def test_nothing_is_pruned_unless_it_was_configured(log: Path) -> None:
    """By default a log is kept whole."""
    before = all_lines(log)
    assert prune(str(log), Retention()) == []
    retain(str(log))
    assert all_lines(log) == before


@pytest.mark.parametrize(
    "retention", [Retention(max_segments=2), Retention(max_bytes=9000), Retention(max_age_s=3600)]
)
def test_the_oldest_segments_go_and_the_log_says_so(log: Path, retention: Retention) -> None:
    """A prune line tells what went, and the chain goes on from the hash that it names."""
    before = all_lines(log)
    *older, _ = segments(str(log))
    for segment in older[:-1]:
        os.utime(segment.path, (time.time() - 7200, time.time() - 7200))
    gone = prune(str(log), retention)
    after = all_lines(log)
    said: dict[str, Any] = json.loads(after[-1])
    assert said["event"] == "prune"
    assert said["segments"] == gone == [segment.name for segment in older[: len(gone)]]
    assert gone
    assert before[said["lines"] :] == after[:-1]
    assert json.loads(after[0])["prev"] == said["last_hash"]
    assert json.loads(after[0])["seq"] == said["last_seq"] + 1
    assert chain_is_whole(after)


def test_a_second_pruning_counts_the_lines_of_the_first(log: Path) -> None:
    """`lines` and `tree` stand for everything that is gone, from the very start."""
    prune(str(log), Retention(max_segments=3))
    grow(log, 30)
    oldest_left = json.loads(all_lines(log)[0])["seq"]
    prune(str(log), Retention(max_segments=1))
    *_, said = (json.loads(line) for line in all_lines(log) if b'"event":"prune"' in line)
    assert said["first_seq"] == oldest_left
    assert said["lines"] == said["last_seq"] + 1 == json.loads(all_lines(log)[0])["seq"]
    assert said["first_seq"] > 0
    assert len(said["tree"]) == said["lines"].bit_count()


def test_a_broken_segment_is_evidence_and_stays(log: Path) -> None:
    """What was tampered with is not deleted by its tidying."""
    oldest = Path(segments(str(log))[0].path)
    oldest.write_bytes(oldest.read_bytes().replace(b"xxx", b"yyy", 1))
    with pytest.raises(ValueError, match="broken"):
        prune(str(log), Retention(max_segments=1))
    assert oldest.exists()
    assert b'"event":"prune"' not in b"".join(all_lines(log))


def test_the_active_segment_is_never_pruned(home: Home) -> None:
    """However small the limit."""
    path = home.log("t")
    grow(path, 5, rotate_at=1 << 30)
    assert prune(str(path), Retention(max_segments=1, max_bytes=1, max_age_s=1)) == []


def test_reading_commands_tidy_up_after_their_answer(home: Home, log: Path) -> None:
    """`tooltrail log` leaves a process behind that compresses what is sealed."""
    config(home, "[retention]\nmax_segments = 3\n")
    before = len(segments(str(log)))
    assert is_due(str(log))
    assert home.tooltrail("log").returncode == 0
    deadline = time.monotonic() + 30
    while is_due(str(log)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_due(str(log))
    assert 2 < len(segments(str(log))) <= 5 < before
    assert len(list(log.parent.glob("audit-*.gz"))) == 3


def test_two_at_once_do_not_disturb_each_other(log: Path) -> None:
    """One of them does it; the other goes."""
    before = all_lines(log)
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                retain(str(log))
            finally:
                os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    retain(str(log))
    assert all_lines(log) == before
    assert not is_due(str(log))


def test_a_tool_that_is_recorded_does_none_of_it(home: Home, log: Path) -> None:
    """Writers rotate, and nothing more."""
    home.python("import tooltrail\nwith tooltrail.invocation('t'): pass\n")
    assert is_due(str(log))
    assert home.run(PYTHON, "-c", "pass").returncode == 0
    assert not list(log.parent.glob("*.gz"))
