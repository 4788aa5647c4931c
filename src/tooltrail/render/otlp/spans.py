"""The calls of a trace as spans, by OpenTelemetry's conventions for command-line programs.

What a program recorded of itself is an INTERNAL span; what the one who started it recorded is a
CLIENT span around it, and alone where the program recorded nothing. Steps are INTERNAL spans in
it, HTTP requests CLIENT spans.
"""

from posixpath import basename

from ..._typing import TYPE_CHECKING, Any
from ..._wire import OWN_TOOL, RECORDER_TOOL, RECORDER_WRAPPER
from ...query.search import is_failed
from ..epoch import has_end
from ..parts import call_name, failure_words, inner, requests_of, steps_of, text, whole
from .values import attributes, cut, prefixed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...reconstruct import Call
    from ..epoch import Epoch
    from .ids import SpanIds, TraceIds

    Entry = dict[str, Any]
    Span = dict[str, Any]

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"  # of the attributes' names
_INTERNAL, _CLIENT, _ERROR = 1, 3, 2  # as opentelemetry.proto numbers them
_SAMPLED = 1
_OTHER = "_OTHER"
_MAX_NAME_CHARS = 256


def resource(entry: "Entry", *, outside: bool) -> "Span":
    """Return what the spans of a recorder come from: the program itself, or who started it."""
    process, caller = inner(entry, "process"), inner(entry, "caller")
    if outside:
        agent = text(caller.get("agent")) if entry.get("recorder") != RECORDER_WRAPPER else None
        told = {"service.name": agent or OWN_TOOL, "host.name": text(process.get("host"))}
        return {"attributes": attributes(told)}
    return {
        "attributes": attributes(
            {
                "service.name": text(entry.get("tool")) or "unknown_service",
                "service.version": text(entry.get("version")),
                "host.name": text(process.get("host")),
                "process.pid": whole(process.get("pid")),
                "process.parent_pid": whole(process.get("parent_pid")),
                "process.executable.path": text(process.get("executable")),
                "process.owner": text(process.get("user")),
                "process.working_directory": text(process.get("cwd")),
            }
        )
    }


def is_outside(entry: "Entry") -> bool:
    """Tell what somebody else recorded from what a tool recorded of itself."""
    return bool(entry.get("recorder", RECORDER_TOOL) != RECORDER_TOOL)


def spans(call: "Call", ids: "TraceIds", epoch: "Epoch") -> "Iterator[tuple[Entry, Span]]":
    """Yield the spans of a call, each with the entry of who recorded it."""
    mine = ids.of(call)
    if call.wrapper is not None and mine.outer is not None:
        yield call.wrapper, _outer(call, call.wrapper, mine, epoch)
    yield call.entry, _own(call, mine, ids, epoch)
    for span in _steps(call, mine, ids, epoch):
        yield call.entry, span
    for span in _requests(call, mine, ids, epoch):
        yield call.entry, span


def _outer(call: "Call", wrapper: "Entry", mine: "SpanIds", epoch: "Epoch") -> "Span":
    """Return the span of who started a call that recorded itself too."""
    assert mine.outer is not None
    told = _program(wrapper) | _ending(wrapper) | {"tooltrail.tool_request_id": call.request_id}
    times = epoch.ns(call.launched_ms), epoch.ns(max(call.gone_ms, epoch.end_ms(call)))
    span = _span(mine, mine.outer, mine.parent, call_name(wrapper), _CLIENT, times, told)
    if mine.elsewhere is not None:
        span["links"] = [_link(mine.elsewhere.trace_id, mine.elsewhere.span_id, "caller")]
    if is_failed(wrapper):
        span["status"] = _status(f"{call_name(wrapper)} failed")
    return span


def _own(call: "Call", mine: "SpanIds", ids: "TraceIds", epoch: "Epoch") -> "Span":
    shown = call.shown
    told = _program(call.entry) | _ending(shown) | _placed(call)
    times = epoch.ns(call.start_ms), epoch.ns(epoch.end_ms(call))
    kind = _CLIENT if is_outside(call.entry) else _INTERNAL
    parent = mine.outer or mine.parent
    span = _span(mine, mine.own, parent, call_name(call.entry), kind, times, told)
    links = list(_links(call, mine, ids))
    if links:
        span["links"] = links
    if is_failed(shown):
        span["status"] = _status(failure_words(call))
    return span


def _span(
    mine: "SpanIds",
    own: str,
    parent: str | None,
    name: str,
    kind: int,
    times: tuple[int, int],
    told: "dict[str, Any]",
) -> "Span":
    span: Span = {"traceId": mine.trace, "spanId": own}
    if parent is not None:
        span["parentSpanId"] = parent
    return {
        **span,
        "flags": _SAMPLED,
        "name": cut(name, _MAX_NAME_CHARS),
        "kind": kind,
        "startTimeUnixNano": str(times[0]),
        "endTimeUnixNano": str(max(times)),
        "attributes": attributes(told),
    }


def _program(entry: "Entry") -> "dict[str, Any]":
    """Return what was called, by whom: what holds of a call before it ends."""
    process, caller = inner(entry, "process"), inner(entry, "caller")
    params = inner(entry, "params")
    path = text(process.get("executable"))
    argv = process.get("argv") or params.get("argv")
    pid = inner(entry, "child").get("pid") if is_outside(entry) else process.get("pid")
    named = params if "argv" not in params else {}
    return {
        "process.executable.name": basename(path or "") or text(entry.get("tool")) or "?",
        "process.executable.path": path,
        "process.pid": whole(pid),
        "process.command_args": argv if isinstance(argv, list) and argv else None,
        "session.id": text(caller.get("session")),
        "gen_ai.tool.call.id": text(caller.get("tool_call")),
        **{
            f"tooltrail.{name}": text(entry.get(name))
            for name in ("request_id", "trace_id", "command", "operator", "recorder", "purpose")
        },
        "tooltrail.agent": text(caller.get("agent")),
        **prefixed("tooltrail.param", named),
        "tooltrail.redacted": _redacted(entry),
    }


def _redacted(entry: "Entry") -> list[str] | None:
    items = entry.get("redactions")
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [str(item.get("where")) for item in items] or None


def _ending(shown: "Entry") -> "dict[str, Any]":
    """Return how a call ended."""
    return {
        "process.exit.code": whole(shown.get("exit_code")),
        "error.type": error_type(shown) if is_failed(shown) else None,
        **{
            f"tooltrail.{name}": text(shown.get(name))
            for name in ("outcome", "signal", "origin", "origin_request_id")
        },
    }


def _placed(call: "Call") -> "dict[str, Any]":
    """Return what the whole trace tells of a call."""
    told = {f"tooltrail.time.{name}": ms for name, ms in call.blame.as_json().items()}
    retry = call.retry
    return told | {
        "tooltrail.critical": call.critical or None,
        "tooltrail.end_unknown": None if has_end(call) else True,
        "tooltrail.repeats": call.repeats,
        "tooltrail.moved_ms": call.moved_ms or None,
        "tooltrail.attempt": retry and retry[0],
        "tooltrail.retry_of": retry and retry[1],
        "tooltrail.parent_missing": call.parent_missing or None,
    }


def error_type(shown: "Entry") -> str:
    """Return the kind of a failure: an exception's class, a code, a signal, or how it ended."""
    error = inner(shown, "error")
    code = text(error.get("code"))
    if code in ("EXIT_CODE", "SIGNAL"):
        code = None  # these say no more than the signal or the exit code
    found = text(error.get("type")) or code or text(shown.get("signal"))
    if found is not None:
        return found
    ended = whole(shown.get("exit_code"))
    return str(ended) if ended is not None else text(shown.get("outcome")) or _OTHER


def _links(call: "Call", mine: "SpanIds", ids: "TraceIds") -> "Iterator[Span]":
    """Yield links to the attempt before, to the call that made the result, to another trace."""
    wanted = {"origin": text(call.shown.get("origin_request_id")), "repeats": call.repeats}
    if call.retry is not None:
        wanted["retry_of"] = call.retry[1]
    for what, request_id in wanted.items():
        found = ids.of_record(request_id) if request_id is not None else None
        if found is not None and found[1] != mine.own:
            yield _link(*found, what)
    if mine.elsewhere is not None and mine.outer is None:
        yield _link(mine.elsewhere.trace_id, mine.elsewhere.span_id, "caller")


def _link(trace: str, span: str, what: str) -> "Span":
    return {"traceId": trace, "spanId": span, "attributes": attributes({"tooltrail.link": what})}


def _steps(call: "Call", mine: "SpanIds", ids: "TraceIds", epoch: "Epoch") -> "Iterator[Span]":
    made: dict[int, str] = {}
    for number, (step, item) in enumerate(steps_of(call)):
        own = made[id(step)] = ids.inside(call, f"step/{number}")
        parent = made.get(id(step.parent), mine.own)
        error = inner(item, "error")
        start = call.start_ms + step.offset_ms
        times = epoch.ns(start), epoch.ns(start + (step.duration_ms or 0))
        told = {"tooltrail.step.outcome": step.outcome}
        told |= prefixed("tooltrail.step.field", inner(item, "fields"))
        if error:
            told["error.type"] = text(error.get("type")) or text(error.get("code")) or _OTHER
        span = _span(mine, own, parent, step.name or "step", _INTERNAL, times, told)
        if error:
            span["status"] = _status(text(error.get("message")) or step.outcome)
        yield span


def _requests(call: "Call", mine: "SpanIds", ids: "TraceIds", epoch: "Epoch") -> "Iterator[Span]":
    for number, request in enumerate(requests_of(call)):
        start = call.start_ms + request.offset_ms
        times = epoch.ns(start), epoch.ns(start + request.duration_ms)
        told: dict[str, Any] = {
            "http.request.method": request.method,
            "server.address": request.host,
            "http.response.status_code": request.status,
            "error.type": (request.error or str(request.status)) if request.failed else None,
            "tooltrail.http.path_sha256": request.path,
        }
        headers = {name: [value] for name, value in request.ids.items()}
        told |= prefixed("http.response.header", headers)
        name = "HTTP" if request.method == _OTHER else request.method
        own = ids.inside(call, f"request/{number}")
        span = _span(mine, own, mine.own, name, _CLIENT, times, told)
        if request.failed:
            span["status"] = _status(request.error or f"status {request.status}")
        yield span


def _status(message: str) -> "Span":
    return {"code": _ERROR, "message": cut(message)}
