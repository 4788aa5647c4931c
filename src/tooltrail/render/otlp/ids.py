"""The W3C ids of a trace's spans: those that the calls told their children, wherever they did.

A call has the trace id that came to it in `TRACEPARENT`, else the one that is derived from its own
trace id; its span id is derived from its request id. Both are what `context.child_traceparent`
passed on, so that spans of programs with an OpenTelemetry SDK of their own fit below.
"""

from ..._claims import parse_traceparent
from ..._typing import TYPE_CHECKING, Any
from ...context import w3c_span_id, w3c_trace_id
from ..parts import inner, text

if TYPE_CHECKING:
    from ..._claims import Traceparent
    from ...reconstruct import Call, Trace

    Entry = dict[str, Any]


class SpanIds:
    """The ids of one call: its trace, its own span, its caller's span where it has one, its parent.

    `outer` is the span of who started it and recorded that too; None where nobody did.
    """

    __slots__ = ("elsewhere", "outer", "own", "parent", "trace")

    def __init__(self, trace: str, own: str, outer: str | None, parent: str | None) -> None:
        self.trace = trace
        self.own = own
        self.outer = outer
        self.parent = parent
        self.elsewhere: Traceparent | None = None  # another trace that it says it is a part of


class TraceIds:
    """The ids of all calls of a trace. No two spans share one."""

    def __init__(self, trace: "Trace") -> None:
        self._used: set[str] = set()
        self._of: dict[int, SpanIds] = {}
        self._records: dict[str, tuple[str, str]] = {}
        waiting: list[tuple[Call, SpanIds | None]] = [(call, None) for call in trace.roots[::-1]]
        while waiting:
            call, above = waiting.pop()
            ids = self._of[id(call)] = self._make(call, above)
            waiting += [(child, ids) for child in call.children[::-1]]

    def of(self, call: "Call") -> SpanIds:
        """Return the ids of a call."""
        return self._of[id(call)]

    def of_record(self, request_id: str) -> tuple[str, str] | None:
        """Return trace and span id of the call with this request id, where it is in the trace."""
        return self._records.get(request_id)

    def inside(self, call: "Call", part: str) -> str:
        """Return the span id of a part of a call, `step/3`."""
        return self._unused(f"{call.request_id}/{part}")

    def _make(self, call: "Call", above: SpanIds | None) -> SpanIds:
        outermost = call.wrapper or call.entry
        claimed = _traceparent(outermost)
        trace = _trace_id(outermost, claimed) if above is None else above.trace
        outer = self._span(call.wrapper, trace) if call.wrapper is not None else None
        own = self._span(call.entry, trace)
        parent = above.own if above is not None else _parent_elsewhere(outermost, claimed)
        ids = SpanIds(trace, own, outer, parent)
        if claimed is not None and claimed.trace_id != trace:
            ids.elsewhere = claimed
        return ids

    def _span(self, entry: "Entry", trace: str) -> str:
        request_id = str(entry.get("request_id", ""))
        span = self._unused(request_id)
        self._records.setdefault(request_id, (trace, span))
        return span

    def _unused(self, seed: str) -> str:
        span = w3c_span_id(seed)
        while span in self._used or not span.strip("0"):
            seed += "'"
            span = w3c_span_id(seed)
        self._used.add(span)
        return span


def _traceparent(entry: "Entry") -> "Traceparent | None":
    claimed = text(inner(entry, "caller").get("traceparent"))
    return parse_traceparent(claimed) if claimed is not None else None


def _trace_id(entry: "Entry", claimed: "Traceparent | None") -> str:
    if claimed is not None:
        return claimed.trace_id
    return w3c_trace_id(str(entry.get("trace_id") or ""))


def _parent_elsewhere(entry: "Entry", claimed: "Traceparent | None") -> str | None:
    """Return the span of what made a call that stands at the top: it is not in this trace."""
    if claimed is not None:
        return claimed.span_id
    parent = text(entry.get("parent_request_id"))
    return w3c_span_id(parent) if parent is not None else None
