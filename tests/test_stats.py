"""Statistics of calls: the fast count is that of the entries, whatever the log looks like."""

import gzip
import json
from collections import Counter
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Home, response_in
from logs import MadeLog, ended_call
from tooltrail._encode import encode
from tooltrail.query import tally as counting
from tooltrail.query.options import Query
from tooltrail.query.search import Search
from tooltrail.query.tally import key_of, tally
from tooltrail.trail.segments import segment_name

NAMES = st.sampled_from(["deploy", "db migrate", 'a"b', "c\\d", "übergabe", "", None, "null", "{"])
IDS = st.integers(0, 8).map(lambda number: f"req_{number:026d}")
TIMES = st.sampled_from(["2026-11-22T14:00:00.000Z", "2026-11-21T23:59:59.999Z", "1970-01-01"])


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Return the body of a line: a begin, an end of some kind, or a correction."""
    event = draw(st.sampled_from(["begin", "end", "end", "end", "undelivered", "later"]))
    body: dict[str, Any] = {"event": event}
    if event == "undelivered":
        error = {"code": "UNDELIVERED", "message": "stdout"}
        own = {"request_id": draw(IDS), "trace_id": "t", "exit_code": 1}
        return {**body, **own, "error": error}
    if event == "end" and draw(st.booleans()):
        body["supersedes"] = True
    body |= {
        "request_id": draw(IDS),
        "trace_id": draw(st.sampled_from(["t", 't"', "é"])),
        "parent_request_id": draw(st.none() | IDS),
        "timestamp": draw(TIMES),
        "tool": draw(st.sampled_from(["deployctl", "dbctl", 't"l', "null"])),
        "command": draw(NAMES),
    }
    if event == "end":
        body |= {
            "exit_code": draw(st.none() | st.integers(0, 3)),
            "outcome": draw(st.sampled_from(["success", "failure", "killed"])),
            "duration_ms": draw(st.none() | st.integers(0, 5000)),
            "signal": draw(st.sampled_from([None, "SIGTERM"])),
            "error": draw(st.sampled_from([None, {"code": "X", "message": 'no "x" {}\n'}])),
            "origin": "executed",
        }
        if draw(st.booleans()):
            body["child"] = {"pid": 7}
    body["operator"] = draw(NAMES)
    body["params"] = draw(st.sampled_from([{}, {"q": '"event":"end"'}, {"q": "é\n{"}, {"args": 1}]))
    if draw(st.integers(0, 5)) == 0:
        body["purpose"] = "audit"
    if draw(st.integers(0, 5)) == 0:
        body["erased"] = {"hash": "sha256:" + "0" * 64}
    return body


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Return the lines of a log, some of them torn, garbage, or written by another hand."""
    made = []
    for seq, body in enumerate(draw(st.lists(bodies(), max_size=14))):
        head = {"v": 1, "seq": seq, "prev": "sha256:" + "0" * 64, "logged_at": draw(TIMES)}
        line = encode({**head, **body}).encode()
        how = draw(st.integers(0, 14))
        if how == 0:
            line = line[: draw(st.integers(0, len(line)))]
        elif how == 1:
            line = draw(st.sampled_from([b"", b"{}", b"nonsense", b"[1]", b"\xff\xfe", b"{{}}"]))
        elif how == 2:
            line = json.dumps({**head, **body}).encode()
        made.append(line)
    return b"\n".join(made) + (b"\n" if draw(st.booleans()) else b"")


def counted_slowly(path: Path) -> Counter[Any]:
    """Return how many entries there are of each key, by making all of them."""
    return Counter(key_of(entry) for entry in Search(Query(), [str(path)]))


@pytest.mark.parametrize("compressed", [None, False, True])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_fast_count_is_that_of_the_entries(
    tmp_path_factory: pytest.TempPathFactory, compressed: bool | None, data: st.DataObject
) -> None:
    """In one file, and over sealed segments, plain and compressed; at any size of block."""
    folder = tmp_path_factory.mktemp("counted") / "demo"
    folder.mkdir()
    active = folder / "audit.jsonl"
    lines = data.draw(contents()).splitlines(keepends=True)
    cut = 0 if compressed is None else data.draw(st.integers(0, len(lines)))
    active.write_bytes(b"".join(lines[cut:]))
    if compressed is not None:
        content = b"".join(lines[:cut])
        sealed = folder / segment_name(0)
        if compressed:
            Path(f"{sealed}.gz").write_bytes(gzip.compress(content))
        else:
            sealed.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_BLOCK", data.draw(st.sampled_from([600, 2000, 1 << 20])))
        patch.setattr(counting, "_PART", data.draw(st.sampled_from([700, 1 << 20])))
        found = tally(str(active), range(7))
    assert found.counts == counted_slowly(active)


CALLS = """
import tooltrail
for number in range(20):
    name = "slow" if number % 4 == 0 else "fast"
    with tooltrail.invocation("deployctl", name, {"n": number}) as call:
        call.exit_code = 3 if number == 7 else 0
"""


@pytest.mark.parametrize("by", ["command", "tool", "operator", "day", "outcome"])
def test_groups_have_counts_and_exact_quantiles(home: Home, by: str) -> None:
    """Calls, failures and the nearest rank of the durations are those of the entries."""
    home.python(CALLS)
    listed = [
        json.loads(line) for line in home.tooltrail("log", "--output", "jsonl").stdout.splitlines()
    ]
    data = response_in(home.tooltrail("stats", "--by", by, "--output", "json").stdout)["data"]
    assert data["total"]["calls"] == 20
    assert data["total"]["failures"] == 1
    for group in data["groups"]:
        of_it = [
            entry
            for entry in listed
            if (entry["timestamp"][:10] if by == "day" else entry[by]) == group[by]
        ]
        taken = sorted(entry["duration_ms"] for entry in of_it)
        assert group["calls"] == len(of_it)
        assert group["failures"] == sum(entry["exit_code"] != 0 for entry in of_it)
        assert group["p95_ms"] == taken[ceil(len(taken) * 0.95) - 1]
        assert (group["max_ms"], group["total_ms"]) == (taken[-1], sum(taken))


def test_with_since_each_group_has_the_window_before(home: Home) -> None:
    """Nothing was called before, and the window is as long as the one that was asked for."""
    home.python(CALLS)
    done = home.tooltrail("stats", "--since", "1h", "--output", "json")
    data = response_in(done.stdout)["data"]
    assert len(data["window_before"]) == 2
    assert {group["before"]["calls"] for group in data["groups"]} == {0}
    assert "new" in home.tooltrail("stats", "--since", "1h", "--output", "table").stdout


def test_a_trend_is_against_the_same_command_before(home: Home) -> None:
    """Each group has the calls, failures and durations of the window before, not another's."""
    made = MadeLog("demo")
    for number, (minute, command, took) in enumerate(
        [(10, "deploy", 100), (11, "deploy", 300), (12, "gone", 7), (40, "deploy", 900)]
    ):
        made._clock = minute * 60
        told = {"timestamp": f"2026-11-22T14:{minute}:00.000Z", "duration_ms": took}
        made.add("end", **{**ended_call(number, f"t-{number}"), **told, "command": command})
    made.write(home.log("demo").parent)
    window = ("--since", "2026-11-22T14:30:00Z", "--until", "2026-11-22T15:00:00Z")
    data = response_in(home.tooltrail("stats", *window, "--output", "json").stdout)["data"]
    assert [(group["command"], group["calls"]) for group in data["groups"]] == [("deploy", 1)]
    before = {"calls": 2, "failures": 1, "p50_ms": 100, "p95_ms": 300}
    assert data["groups"][0]["before"] == before
