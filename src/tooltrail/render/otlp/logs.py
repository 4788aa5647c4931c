"""What a trace tells as log records: how each call ended, its warnings, and what is not seen."""

from ..._typing import TYPE_CHECKING, Any
from ...query.search import is_failed
from ...reconstruct.call import moment
from ..parts import inner, text, whole
from ..words import call_words, ending_words, error_words
from .spans import error_type
from .values import any_value, attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...reconstruct import Call, Trace
    from ..epoch import Epoch
    from .ids import SpanIds, TraceIds

    Record = dict[str, Any]

_INFO, _WARN, _ERROR = (9, "INFO"), (13, "WARN"), (17, "ERROR")
_SAMPLED = 1


def records(call: "Call", ids: "TraceIds", epoch: "Epoch") -> "Iterator[Record]":
    """Yield the records of a call: its end, and each warning that the recorder gave."""
    mine, shown = ids.of(call), call.shown
    failed = is_failed(shown)
    at = epoch.ns(epoch.end_ms(call))
    seen = moment(call.entry.get("logged_at"))
    observed = at if seen is None else epoch.ns(epoch.after(seen))
    why = error_words(shown)
    body = f"{call_words(shown)}: {ending_words(shown)}" + (f": {why}" if why else "")
    told = {
        "tooltrail.request_id": call.request_id,
        "tooltrail.outcome": text(shown.get("outcome")),
        "process.exit.code": whole(shown.get("exit_code")),
        "error.type": error_type(shown) if failed else None,
        "exception.type": text(inner(shown, "error").get("type")),
        "exception.message": text(inner(shown, "error").get("message")),
    }
    severity = _ERROR if failed else _INFO
    yield _record("cli.invocation", severity, body, (at, observed), told, mine)
    warnings = call.entry.get("warnings")
    for warning in warnings if isinstance(warnings, list) else ():
        if isinstance(warning, dict):
            body = text(warning.get("message")) or ""
            told = {"tooltrail.request_id": call.request_id}
            told["tooltrail.warning"] = text(warning.get("code"))
            yield _record("tooltrail.warning", _WARN, body, (at, observed), told, mine)


def records_of_trace(trace: "Trace", ids: "TraceIds", epoch: "Epoch") -> "Iterator[Record]":
    """Yield what the trace as a whole cannot show, and what was corrected in it."""
    mine = ids.of(trace.roots[0]) if trace.roots else None
    now = epoch.ns(trace.duration_ms)
    told = {"tooltrail.trace_id": trace.trace_id}
    for code, sentence in trace.gaps:
        gap = {**told, "tooltrail.gap": str(code)}
        yield _record("tooltrail.gap", _WARN, sentence, (now, now), gap, mine)
    for sentence in trace.corrections:
        yield _record("tooltrail.correction", _INFO, sentence, (now, now), told, mine)


def _record(
    event: str,
    severity: tuple[int, str],
    body: str,
    times: tuple[int, int],
    told: "dict[str, Any]",
    mine: "SpanIds | None",
) -> "Record":
    known: Record = {
        "timeUnixNano": str(times[0]),
        "observedTimeUnixNano": str(times[1]),
        "severityNumber": severity[0],
        "severityText": severity[1],
        "eventName": event,
        "body": any_value(body),
        "attributes": attributes(told),
    }
    if mine is not None:
        known |= {"flags": _SAMPLED, "traceId": mine.trace, "spanId": mine.own}
    return known
