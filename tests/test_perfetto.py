"""A trace as Chrome trace events: what Perfetto's own reader makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from conftest import Home, needs
from tooltrail.reconstruct import rebuild
from tooltrail.render import perfetto
from trace_world import JUNK, NOON, entry, fixed, recorded, still_running

GOLDEN = Path(__file__).parent / "golden" / "export" / "trace.perfetto.json"


def written(entries: list[dict[str, Any]]) -> str:
    return "".join(perfetto.pieces(rebuild("t", entries)))


def bars(text: str) -> list[dict[str, Any]]:
    """Return the complete events of a document."""
    return [event for event in json.loads(text)["traceEvents"] if event["ph"] == "X"]


def seen(text: str) -> Any:
    """Return what Perfetto shows of a document; it must not complain of anything."""
    from perfetto_engine import Seen

    found = Seen(text)
    assert found.complaints == []
    return found


# -- by Perfetto's own reader


@needs("node")
def test_perfetto_shows_a_real_trace_as_a_flame_chart(home: Home) -> None:
    """Steps lie in their call and in their step; a call lies in the step that made it."""
    trace = recorded(home)
    shown = seen("".join(perfetto.pieces(trace)))
    assert shown.above("job build") is None
    assert shown.above("fetch") == "job build"
    assert shown.above("unpack") == "fetch"
    assert shown.above("sh -c 'exit 0'") == "fetch"
    assert shown.above("check") == "job build"
    assert shown.above("start of job build") is None
    (job,) = [call for call in trace.calls() if call.entry["tool"] == "job"]
    bar = shown.bar("job build")
    assert bar["dur"] == job.duration_ms * 1_000_000
    assert bar["category"] == "call,failed"
    assert shown.told("job build")["args.exit_code"] == "3"
    assert shown.told("job build")["args.request_id"] == job.request_id
    assert shown.told("job build")["args.params.token"] == "[REDACTED]"
    assert shown.told("job build")["args.blame.own_ms"] == str(job.blame.own_ms)
    assert shown.told("fetch")["args.fields.attempts"] == "2"


@needs("node")
def test_calls_that_overlap_are_on_tracks_of_their_own_with_an_arrow(home: Home) -> None:
    """Two that a call made at once; the one that fits stays under it."""
    shown = seen("".join(perfetto.pieces(recorded(home))))
    one, two = shown.bar("sleep 0.6"), shown.bar("sleep 0.7")
    assert {one["track"], two["track"]} == {"calls", "beside (2)"}
    other = one if one["track"] != "calls" else two
    assert shown.arrows == [("job build", other["name"])]


@needs("node")
def test_a_failure_has_a_mark_where_it_happened(home: Home) -> None:
    """The killed command and the tool that gave up, each at its end."""
    shown = seen("".join(perfetto.pieces(recorded(home))))
    killed, mark = shown.bar("sh -c 'kill -9 $$'"), shown.bar("SIGKILL")
    assert (mark["ts"], mark["dur"]) == (killed["ts"] + killed["dur"], 0)
    assert mark["category"] == "failure"
    assert len(shown.named("exit code 3")) == 1


@needs("node")
def test_a_call_that_still_runs_goes_on_to_the_end(home: Home) -> None:
    """Its bar says that no end was recorded."""
    trace, process = still_running(home)
    try:
        shown = seen("".join(perfetto.pieces(trace)))
    finally:
        process.terminate()
        process.communicate()
    (bar,) = shown.bars.values()
    assert shown.told(bar["name"])["args.outcome"] == "running"
    assert "not recorded" in shown.told(bar["name"])["args.end"]


@needs("node")
def test_perfetto_shows_the_fixed_trace_whole() -> None:
    """Another host, a lost call, a retry, requests, and a clock that was 90 s ahead."""
    shown = seen("".join(perfetto.pieces(fixed())))
    assert {bar["host"] for bar in shown.bars.values()} == {"here", "there"}
    assert shown.bar("far go")["host"] == "there"
    assert shown.bar("far go")["ts"] < (NOON + 2_100) * 1_000_000
    assert shown.bar("GET api.test")["category"] == "http"
    assert shown.above("check") == "fetch"
    assert shown.told("GET api.test")["args.status"] == "503"
    assert sorted(shown.arrows) == [
        ("first go", "first go"),
        ("job go", "beside go"),
        ("job go", "far go"),
    ]
    assert len(shown.named("vanished")) == 1


@needs("node")
def test_perfetto_takes_hundreds_of_calls_at_once() -> None:
    """Each has a track while it needs one, and tracks are used again."""
    entries = [entry("root", 0, 10_000)]
    entries += [
        entry(f"part{number}", 10 * number, 200, parent_request_id="root") for number in range(900)
    ]
    shown = seen(written(entries))
    assert len(shown.named("part go")) == 900
    assert len({bar["track"] for bar in shown.bars.values()}) == 20
    assert len(shown.arrows) == 900 - sum(bar["track"] == "calls" for bar in shown.named("part go"))


# -- laws


@given(JUNK)
def test_any_trace_is_written_and_bars_of_a_track_nest(entries: list[dict[str, Any]]) -> None:
    """Whatever the entries hold; and each arrow has its two ends."""
    document = json.loads(written(entries))
    tracks: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for event in document["traceEvents"]:
        assert event["pid"] > 0
        assert event["tid"] > 0
        if event["ph"] == "X":
            assert 0 <= event["ts"] <= event["ts"] + event["dur"] < 1 << 63
            place = event["ts"], event["ts"] + event["dur"]
            tracks.setdefault((event["pid"], event["tid"]), []).append(place)
    for places in tracks.values():
        around: list[int] = []
        for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
            while around and around[-1] <= start:
                around.pop()
            assert not around or end <= around[-1]
            around.append(end)
    ends = [event["id"] for event in document["traceEvents"] if event["ph"] in "sf"]
    assert sorted(ends) == sorted([*range(1, len(ends) // 2 + 1)] * 2)
    assert len(bars(json.dumps(document))) >= len(rebuild("t", entries).calls())


def test_a_part_that_outlives_the_whole_by_a_rounding_is_under_it() -> None:
    """Times are cut to ms one by one, so a child may seem to end after its parent."""
    steps = [{"name": "make", "offset_ms": 100, "duration_ms": 198, "outcome": "success"}]
    text = written(
        [entry("a1", 0, 1000, steps=steps), entry("b1", 100, 200, parent_request_id="a1")]
    )
    assert len({(bar["pid"], bar["tid"]) for bar in bars(text)}) == 1
    assert {bar["name"]: bar["dur"] for bar in bars(text)}["b go"] == 198_000


def test_a_call_that_outlives_what_made_it_has_its_whole_length() -> None:
    """On a track of its own, with an arrow."""
    text = written([entry("a1", 0, 100), entry("b1", 50, 200, parent_request_id="a1")])
    first, second = bars(text)
    assert (first["name"], first["dur"]) == ("a go", 100_000)
    assert (second["name"], second["dur"]) == ("b go", 200_000)
    assert first["tid"] != second["tid"]
    assert [event["ph"] for event in json.loads(text)["traceEvents"]].count("s") == 1


def test_steps_of_two_threads_are_not_in_each_other() -> None:
    """Nor is a step in a call that ran meanwhile, though it would fit."""
    times = {"outcome": "success", "offset_ms": 100, "duration_ms": 500}
    inner = {"outcome": "success", "offset_ms": 200, "duration_ms": 100}
    for beside in ({"steps": [{"name": "x", **times}, {"name": "y", **inner}]}, {}):
        more = beside or {"steps": [{"name": "y", **inner}]}
        entries = [entry("a1", 0, 1000, **more)]
        entries += [] if beside else [entry("x1", 100, 500, command=None, parent_request_id="a1")]
        tracks = {bar["name"].split()[0]: bar["tid"] for bar in bars(written(entries))}
        assert tracks["x"] == tracks["a"] != tracks["y"]


def test_the_time_line_is_that_of_calls_whose_clock_was_right() -> None:
    """Though the first call is one of whose clock was put back by an hour before it was logged."""
    hour = 3_600_000
    right = entry("a1", 10_000, 100, seq=1)
    wrong = entry("b1", -hour - 45_000, 60_000, seq=2, clamped=True)
    text = written([right, {**wrong, "logged_at": right["logged_at"], "tool": "a"}])
    first, second = bars(text)
    assert first["args"]["request_id"] == "b1"
    assert first["args"]["moved_ms"] > hour - 60_000
    assert second["ts"] == (NOON + 10_000) * 1_000


def test_what_has_no_end_is_drawn_until_it_was_last_heard_of() -> None:
    """A running call goes on to the end of the trace; a lost one to the end of its last child."""
    open_call: dict[str, Any] = {"exit_code": None}
    text = written(
        [
            entry("run1", 0, None, outcome="running", **open_call),
            entry("lost1", 100, None, outcome="vanished", **open_call),
            entry("made1", 200, 50, parent_request_id="lost1"),
            entry("last1", 500, 400),
        ]
    )
    lengths = {bar["name"]: bar["dur"] for bar in bars(text)}
    assert (lengths["run go"], lengths["lost go"]) == (900_000, 150_000)


def test_the_trace_comes_in_pieces() -> None:
    """One for each event, so that it need not be in memory as a whole."""
    pieces = list(perfetto.pieces(fixed()))
    assert len(pieces) == len(json.loads("".join(pieces))["traceEvents"]) + 2


def test_an_empty_trace_is_a_document_too() -> None:
    """With no event."""
    assert json.loads(written([]))["traceEvents"] == []


def test_the_fixed_trace_is_written_so(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Byte by byte; `--update-golden` writes it anew."""
    monkeypatch.setattr(perfetto, "__version__", "1.0.0")
    text = "".join(perfetto.pieces(fixed()))
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
