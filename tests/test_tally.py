"""Statistics: counted from the lines, or from the entries, they are the same."""

import csv
import io
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import PYTHON, Home
from logs import MadeLog
from tooltrail.query import tally as counting
from tooltrail.query.fold import LogEntries
from tooltrail.query.search import is_failed
from tooltrail.query.stats import BY, Group, _is_failed
from tooltrail.query.tally import key_of, tally

ALL = range(7)
APP = """\
import sys, tooltrail
for word in sys.argv[1:]:
    with tooltrail.invocation("app", word, {"n": 1}) as call:
        call.exit_code = 3 if word == "bad" else 0
"""
TEXTS = st.sampled_from(
    ["deploy", "db migrate", "größe", 'a"b', "back\\slash", "null", "\x1b[31m", "", '"event":"end"']
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ["end", "end", "end", "begin", "both", "audit", "odd", "undelivered", "supersedes"]
            ),
            "tool": TEXTS,
            "command": st.one_of(st.none(), TEXTS),
            "operator": st.one_of(st.none(), TEXTS),
            "exit_code": st.one_of(st.none(), st.integers(0, 3)),
            "duration_ms": st.one_of(st.none(), st.integers(0, 3)),
            "error": st.sampled_from(
                [None, {"code": "X", "message": 'said "no" {to} it'}, {"code": "Y", "message": "m"}]
            ),
            "torn": st.booleans(),
            "clamped": st.booleans(),
            "sealed": st.sampled_from(["", "", "plain", "packed"]),
        }
    ),
    max_size=12,
)


def write(path: Path, calls: list[dict[str, Any]]) -> None:
    """Write a log of such calls, as our writer orders the members of a line."""
    log = MadeLog("demo")
    for number, call in enumerate(calls):
        kind = call["kind"]
        own = f"req_{number:026d}"
        who = {
            "request_id": own,
            "trace_id": "t",
            "parent_request_id": None,
            "timestamp": f"2026-11-{1 + number:02d}T14:00:00.000Z",
            "tool": call["tool"],
            "command": call["command"],
        }
        ended = {
            "exit_code": call["exit_code"],
            "outcome": "failure" if call["exit_code"] else "success",
            "duration_ms": call["duration_ms"],
            "signal": None,
            "error": call["error"],
            "origin": "executed",
        }
        rest = {"operator": call["operator"], "params": {"x": {"purpose": "audit"}}, "process": {}}
        if call["torn"]:
            log.tear(60 + number)
        if kind in ("begin", "both"):
            log.add("begin", clamped=call["clamped"], **who, **rest)
        if kind == "odd":
            log.garbage(b'{"v":1,"seq":7,"event":"end"')
        elif kind != "begin":
            audit = {"purpose": "audit"} if kind == "audit" else {}
            log.add("end", **who, **ended, **rest, **audit)
        if kind == "undelivered":
            failed = {"exit_code": 1, "error": {"code": "UNDELIVERED", "message": "m"}}
            log.add("undelivered", request_id=own, **failed)
        if kind == "supersedes":
            line = json.loads(log.add("end", **who, **{**ended, "exit_code": 9}, **rest))
            log.segments[-1].pop()
            log.digests.pop()
            log.seq, log.prev = log.seq - 1, log.digests[-1]
            head = {name: line.pop(name) for name in ("v", "seq", "prev", "logged_at", "event")}
            log.garbage(
                json.dumps({**head, "supersedes": True, **line}, separators=(",", ":")).encode()
            )
            log.seq += 1
        if call.get("sealed"):
            log.seal(compress=call["sealed"] == "packed")
    log.write(path.parent)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS, st.sampled_from([64, 700, 1 << 20]))
def test_the_counts_are_those_of_the_entries(
    tmp_path: Path, calls: list[dict[str, Any]], block: int
) -> None:
    """Whatever stands in the lines, and wherever a block ends."""
    path = tmp_path / "demo" / "audit.jsonl"
    write(path, calls)
    slow = LogEntries(str(path))
    wanted = Counter(
        key_of(entry) for entry in slow.read(lambda _: True) if entry.get("purpose") != "audit"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_BLOCK", block)
        patch.setattr(counting, "_PART", 3 * block)
        found = tally(str(path), ALL)
        assert found.counts == wanted
        assert found.bad_lines == slow.bad_lines
        for place in (0, 2, 3):
            for _ in range(2):  # the second time by what the first has left beside the segments
                some = tally(str(path), [place])
                kept = {place, 4, 5, 6}
                narrow: Counter[Any] = Counter()
                for key, count in wanted.items():
                    narrow[tuple(key[at] if at in kept else None for at in ALL)] += count
                assert some.counts == narrow
                assert some.bad_lines == slow.bad_lines


def test_several_processes_count_as_one_does(tmp_path: Path, monkeypatch: Any) -> None:
    """Parts of a log, cut wherever it falls."""
    chance = random.Random(3)
    path = tmp_path / "demo" / "audit.jsonl"
    kinds = ["end", "both", "begin", "undelivered"]
    calls = [
        {
            "kind": chance.choice(kinds),
            "tool": "demo",
            "command": chance.choice("abc"),
            "operator": "me",
            "exit_code": chance.choice([0, 0, 3]),
            "duration_ms": chance.randrange(50),
            "error": None,
            "torn": False,
            "clamped": False,
        }
        for _ in range(28)
    ]
    write(path, calls)
    wanted = tally(str(path), ALL).counts
    monkeypatch.setattr(counting, "_PART", 1000)
    monkeypatch.setattr(counting, "_ALONE", 0)
    assert tally(str(path), ALL).counts == wanted
    by_command = tally(str(path), (1, 2)).counts
    assert sum(by_command.values()) == sum(wanted.values())


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.sampled_from([50, 95, 99]))
def test_quantiles_are_by_the_nearest_rank(taken: list[int], percent: int) -> None:
    """As many as that did not take longer; and it is a duration that there was."""
    group = Group(("x",))
    for ms in taken:
        group.add((None, "t", "c", None, "0", "success", str(ms)), 1)
    quantile = group.quantile(percent)
    assert quantile in taken
    assert sum(ms <= quantile for ms in taken) * 100 >= percent * len(taken)
    assert sum(ms < quantile for ms in taken) * 100 < percent * len(taken)


@given(st.sampled_from(["success", "killed", "vanished", "unknown", "running", "replaced", "x"]))
def test_what_failed_is_what_the_listing_says_failed(outcome: str) -> None:
    """With and without an exit code."""
    for code in (None, 0, 3):
        told = is_failed({"exit_code": code, "outcome": outcome})
        assert _is_failed(None if code is None else str(code), outcome) == told


# -- the command


def rows(home: Home, *arguments: str) -> list[dict[str, Any]]:
    """Return the groups."""
    done = home.tooltrail("stats", *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    groups: list[dict[str, Any]] = json.loads(done.stdout)["data"]["groups"]
    return groups


def test_only_calls_without_an_end_are_looked_up_one_by_one(home: Home) -> None:
    """That costs a search of the log each: a call that ended is settled by its lines."""
    home.run(PYTHON, "-c", APP, "a", "b")
    whole = home.log("app").read_bytes()
    found = counting._in_block(whole, frozenset(ALL))
    assert (found.counts.total(), found.begun, found.ended) == (2, set(), set())
    first, begin, end, *_ = whole.splitlines(keepends=True)
    own = json.loads(begin)["request_id"]
    assert counting._in_block(first + begin, frozenset(ALL)).begun == {own}
    assert counting._in_block(first + end, frozenset(ALL)).ended == {own}
    assert counting._in_block(end + begin, frozenset(ALL)).begun == {own}


def test_calls_are_counted_by_command(home: Home) -> None:
    """How many, how many failed, and how long they took; reading the log is not counted."""
    home.python(APP, "good", "good", "bad")
    home.tooltrail("run", "--", "true")
    home.tooltrail("log")
    found = {(row["tool"], row["command"]): row for row in rows(home)}
    assert set(found) == {("app", "good"), ("app", "bad"), ("true", None)}
    assert (found["app", "good"]["calls"], found["app", "good"]["failures"]) == (2, 0)
    bad = found["app", "bad"]
    assert (bad["failures"], bad["outcomes"]) == (1, {"failure": 1})
    assert bad["p50_ms"] == bad["p99_ms"] == bad["max_ms"] == bad["total_ms"]


@pytest.mark.parametrize("by", BY)
def test_whatever_it_is_counted_by_all_calls_are_in_it(home: Home, by: str) -> None:
    """And the same with a filter, which takes the other way."""
    home.python(APP, "good", "good", "bad")
    home.tooltrail("run", "--", "true")
    assert sum(row["calls"] for row in rows(home, "--by", by)) == 4
    windowed = rows(home, "--by", by, "--since", "1h")
    for row in windowed:
        del row["before"]
    assert rows(home, "--by", by) == windowed


def test_a_window_is_held_against_the_one_before(home: Home) -> None:
    """What is new has nothing before it."""
    home.python(APP, "good")
    (row,) = rows(home, "--since", "1h")
    assert row["before"] == {"calls": 0, "failures": 0, "p50_ms": None, "p95_ms": None}
    table = home.tooltrail("stats", "--since", "1h", "--output", "table").stdout
    assert "TREND" in table
    assert "new" in table


def test_the_forms_of_an_answer(home: Home) -> None:
    """A table, rows as JSON lines, and CSV with the names first."""
    home.python(APP, "good", "bad")
    table = home.tooltrail("stats", "--output", "table").stdout.splitlines()
    assert table[0].split() == [
        *("COMMAND", "CALLS", "FAILED", "P50", "P95", "P99", "MAX", "TOTAL"),
    ]
    assert table[-1].startswith("2 calls, 1 failed, ")
    lines = home.tooltrail("stats", "--output", "jsonl").stdout.splitlines()
    assert {json.loads(line)["command"] for line in lines} == {"good", "bad"}
    text = home.tooltrail("stats", "--output", "csv").stdout
    assert {row["command"] for row in csv.DictReader(io.StringIO(text))} == {"good", "bad"}
    assert home.tooltrail("stats", "--tool", "none", "--output", "table").stdout == (
        "no call was found\n"
    )
