"""A trace as OTLP/JSON lines: what OpenTelemetry's own types make of it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from conftest import Home
from otlp_readers import Told, attributes
from tooltrail.context import w3c_span_id, w3c_trace_id
from tooltrail.reconstruct import rebuild
from tooltrail.render import otlp
from trace_world import JUNK, NOON, entry, fixed, recorded, still_running

GOLDEN = Path(__file__).parent / "golden" / "export" / "trace.otlp.jsonl"
INTERNAL, CLIENT, ERROR = 1, 3, 2
INBOUND = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def told(entries: list[dict[str, Any]]) -> Told:
    return Told("".join(otlp.pieces(rebuild("t", entries))))


# -- traces that real programs made


def test_a_tool_under_a_wrapper_is_two_spans_by_the_conventions(home: Home) -> None:
    """CLIENT is who started it, INTERNAL is itself, inside; exit code, pid and error on both."""
    trace = recorded(home)
    read = Told("".join(otlp.pieces(trace)))
    inner, outer = read.span("job build"), read.span("job")
    assert (inner.kind, outer.kind) == (INTERNAL, CLIENT)
    assert inner.parent_span_id == outer.span_id
    assert outer.parent_span_id == b""
    assert outer.start_time_unix_nano <= inner.start_time_unix_nano
    assert inner.end_time_unix_nano <= outer.end_time_unix_nano
    for span in (inner, outer):
        seen = attributes(span)
        assert seen["process.exit.code"] == 3
        assert seen["process.pid"] == home.end("job")["process"]["pid"]
        assert seen["error.type"] == "3"
        assert "build" in seen.get("tooltrail.command", "build")
        assert (span.status.code, bool(span.status.message)) == (ERROR, True)
    resource = read.resources[inner.span_id]
    assert resource["service.name"] == "job"
    assert resource["process.pid"] == home.end("job")["process"]["pid"]
    assert resource["host.name"] == home.end("job")["process"]["host"]
    assert read.resources[outer.span_id]["service.name"] == "tooltrail"


def test_steps_and_calls_hang_where_they_were_made(home: Home) -> None:
    """A step in its step; a command that recorded nothing itself is one CLIENT span."""
    read = Told("".join(otlp.pieces(recorded(home))))
    job = read.span("job build")
    fetch, unpack, check = (read.span(name) for name in ("fetch", "unpack", "check"))
    assert fetch.parent_span_id == check.parent_span_id == job.span_id
    assert unpack.parent_span_id == fetch.span_id
    assert attributes(fetch)["tooltrail.step.field.attempts"] == 2
    assert attributes(check)["error.type"] == "OSError"
    assert (check.status.code, check.status.message) == (ERROR, "no such thing")
    assert fetch.status.code == 0
    killed = next(span for span in read.named("sh") if span.status.code)
    assert killed.kind == CLIENT
    assert killed.parent_span_id == job.span_id
    assert attributes(killed)["error.type"] == "SIGKILL"
    assert attributes(killed)["process.exit.code"] == 137
    assert attributes(killed)["process.command_args"] == ["sh", "-c", "kill -9 $$"]
    assert attributes(killed)["tooltrail.time.own_ms"] >= 0


def test_the_ids_are_those_that_the_calls_passed_on(home: Home) -> None:
    """So what an OpenTelemetry SDK recorded below a call fits below its span."""
    script = home.path / "show"
    script.write_text('#!/bin/sh\nprintf %s "$TRACEPARENT" > "$1"\n')
    script.chmod(0o755)
    seen = home.path / "seen"
    home.tooltrail("run", "--", str(script), str(seen), env={"TOOL_TRACE_ID": "agent-9"})
    from trace_world import trace_of

    (span,) = Told("".join(otlp.pieces(trace_of("agent-9")))).spans
    assert seen.read_text() == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"


def test_a_traceparent_that_came_in_is_gone_on_with(home: Home) -> None:
    """Its trace id is that of all spans, its span the parent of the first."""
    read = Told("".join(otlp.pieces(recorded(home, TRACEPARENT=INBOUND))))
    assert {span.trace_id.hex() for span in read.spans} == {INBOUND[3:35]}
    assert read.span("job").parent_span_id.hex() == INBOUND[36:52]
    assert {record.trace_id.hex() for record in read.records} == {INBOUND[3:35]}


def test_log_records_belong_to_spans(home: Home) -> None:
    """One for the end of each call, an error where it failed."""
    trace = recorded(home)
    read = Told("".join(otlp.pieces(trace)))
    spans = {(span.trace_id, span.span_id) for span in read.spans}
    ends = [record for record in read.records if record.event_name == "cli.invocation"]
    assert len(ends) == len(trace.calls())
    assert {(record.trace_id, record.span_id) for record in ends} <= spans
    failed = [record for record in ends if record.severity_number == 17]
    assert len(failed) == len(trace.failed()) == 2
    assert any("exit code 3" in record.body.string_value for record in failed)


def test_a_call_that_still_runs_has_a_span_that_says_so(home: Home) -> None:
    """It has no exit code, and has not failed."""
    trace, process = still_running(home)
    try:
        (span,) = Told("".join(otlp.pieces(trace))).spans
    finally:
        process.terminate()
        process.communicate()
    seen = attributes(span)
    assert seen["tooltrail.outcome"] == "running"
    assert seen["tooltrail.end_unknown"] is True
    assert "process.exit.code" not in seen
    assert span.status.code == 0
    assert span.end_time_unix_nano >= span.start_time_unix_nano


def test_what_was_taken_out_of_the_record_is_not_in_the_spans(home: Home) -> None:
    """Where something was taken out is there, as a place."""
    text = "".join(otlp.pieces(recorded(home)))
    assert "s3cr3t-t0ken" not in text
    seen = attributes(Told(text).span("job build"))
    assert seen["tooltrail.param.token"] == "[REDACTED]"
    assert "params.token" in seen["tooltrail.redacted"]


# -- the fixed trace


def test_times_are_on_one_time_line() -> None:
    """A host whose clock was 90 s behind is put where it must have been; the moved time is told."""
    read = Told("".join(otlp.pieces(fixed())))
    far = read.span("far go")
    assert far.start_time_unix_nano < (NOON + 2_100) * 1_000_000
    assert attributes(far)["tooltrail.moved_ms"] > 80_000
    assert read.span("job go").start_time_unix_nano == (NOON + 50) * 1_000_000
    assert read.span("job go").end_time_unix_nano == (NOON + 2_050) * 1_000_000


def test_an_attempt_links_to_the_one_before() -> None:
    """By a span link that says why."""
    read = Told("".join(otlp.pieces(fixed())))
    first, second = sorted(read.named("first go"), key=lambda span: span.start_time_unix_nano)
    (link,) = second.links
    assert (link.trace_id, link.span_id) == (first.trace_id, first.span_id)
    assert attributes(link) == {"tooltrail.link": "retry_of"}
    assert not first.links


def test_an_http_request_is_a_client_span() -> None:
    """By the HTTP conventions, as far as the record goes."""
    read = Told("".join(otlp.pieces(fixed())))
    request = read.span("GET")
    assert request.kind == CLIENT
    assert request.parent_span_id == read.span("job go").span_id
    assert attributes(request) == {
        "http.request.method": "GET",
        "server.address": "api.test",
        "http.response.status_code": 503,
        "error.type": "503",
        "http.response.header.x-request-id": ["abc"],
    }
    assert request.status.code == ERROR


def test_a_parent_that_is_not_in_the_trace_is_named_all_the_same() -> None:
    """By the span id that it told its children."""
    left = Told("".join(otlp.pieces(fixed()))).span("left go")
    assert left.parent_span_id.hex() == w3c_span_id("gone1")
    assert left.trace_id.hex() == w3c_trace_id("fixed")


def test_blind_spots_and_warnings_are_log_records() -> None:
    """A reader of the spans alone would take them for the whole."""
    read = Told("".join(otlp.pieces(fixed())))
    warned = {record.event_name for record in read.records if record.severity_number == 13}
    assert warned == {"tooltrail.gap", "tooltrail.warning"}
    assert any(record.event_name == "tooltrail.correction" for record in read.records)


# -- laws


@given(JUNK)
def test_any_trace_is_written_and_read(entries: list[dict[str, Any]]) -> None:
    """Each span has an id of its own, and a parent among the others, or none that is here."""
    trace = rebuild("t", entries)
    read = Told("".join(otlp.pieces(trace)))
    ids = [span.span_id for span in read.spans]
    assert len(set(ids)) == len(ids) >= len(trace.calls())
    traces = {span.span_id: span.trace_id for span in read.spans}
    for span in read.spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano < 1 << 63
        assert span.name
        assert traces.get(span.parent_span_id, span.trace_id) == span.trace_id


def test_two_entries_with_one_id_are_two_spans() -> None:
    """The first has the id that its children were told."""
    read = told([entry("a", 0, 10), entry("a", 20, 10), entry("b", 5, 1, parent_request_id="a")])
    first = read.named("a go")[0]
    assert first.span_id.hex() == w3c_span_id("a")
    assert read.span("b go").parent_span_id == first.span_id


def test_no_line_is_longer_than_readers_take() -> None:
    """The collector's file receiver takes lines of 1 MiB; long texts are cut, and say so."""
    steps = [
        {
            "name": "s",
            "offset_ms": 1,
            "duration_ms": 1,
            "outcome": "success",
            "fields": {"x": "y" * 250},
        }
    ] * 1_000
    many = [
        entry(f"a{number}", number, 5, params={"text": "x" * 100_000}, steps=steps)
        for number in range(8)
    ]
    text = "".join(otlp.pieces(rebuild("t", many)))
    assert max(map(len, text.splitlines())) < 1 << 20
    read = Told(text)
    assert len(read.spans) == 8 * 1_001
    kept = attributes(read.named("a go")[0])["tooltrail.param.text"]
    assert kept.endswith("…[92000 more characters]")


def test_an_empty_trace_is_no_line() -> None:
    """There is nothing to send."""
    assert "".join(otlp.pieces(rebuild("t", []))) == ""


def test_the_fixed_trace_is_written_so(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Byte by byte; `--update-golden` writes it anew."""
    monkeypatch.setattr(otlp, "__version__", "1.0.0")
    text = "".join(otlp.pieces(fixed()))
    if request.config.getoption("--update-golden"):
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()
