"""A trace as OTLP/JSON lines, in the form of OpenTelemetry's file exporter.

Each line is one `{"resourceSpans":…}` or one `{"resourceLogs":…}`, and short enough for readers
that take a megabyte a line at most.
"""

from ... import __version__
from ..._encode import encode
from ..._typing import TYPE_CHECKING, Any
from ..epoch import Epoch
from . import logs, spans
from .ids import TraceIds
from .values import attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...reconstruct import Trace

_MAX_LINE_CHARS = 400_000  # after which a new line is begun
_OURS = encode({"attributes": attributes({"service.name": "tooltrail"})})


def pieces(trace: "Trace") -> "Iterator[str]":
    """Return the trace as lines. Ids are hexadecimal, 64-bit numbers texts, enumerations numbers.

    Where they may be had, the ids are those that the calls passed on in `TRACEPARENT`.
    """
    epoch, ids = Epoch(trace), TraceIds(trace)
    lines = _Lines("Spans"), _Lines("Logs")
    for call in trace.calls():
        for entry, span in spans.spans(call, ids, epoch):
            yield from lines[0].add(_resource(entry), encode(span))
        for record in logs.records(call, ids, epoch):
            yield from lines[1].add(_resource(call.entry), encode(record))
    for record in logs.records_of_trace(trace, ids, epoch):
        yield from lines[1].add(_OURS, encode(record))
    for each in lines:
        yield from each.rest()


def _resource(entry: "dict[str, Any]") -> str:
    return encode(spans.resource(entry, outside=spans.is_outside(entry)))


class _Lines:
    """Spans or log records that wait for their line, by the resource that they come from."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._waiting: dict[str, list[str]] = {}
        self._chars = 0

    def add(self, resource: str, item: str) -> "Iterator[str]":
        """Take one more; yield the line that is full."""
        if self._chars and self._chars + len(item) > _MAX_LINE_CHARS:
            yield from self.rest()
        self._waiting.setdefault(resource, []).append(item)
        self._chars += len(item) + len(resource)

    def rest(self) -> "Iterator[str]":
        """Yield the last line, unless nothing waits."""
        if not self._waiting:
            return
        items = "spans" if self._kind == "Spans" else "logRecords"
        scope = f'{{"name":"tooltrail","version":"{__version__}"}}'
        schema = f'"schemaUrl":"{spans.SCHEMA}"'
        made = (
            f'{{"resource":{resource},"scope{self._kind}":[{{"scope":{scope},'
            f'"{items}":[{",".join(waiting)}],{schema}}}],{schema}}}'
            for resource, waiting in self._waiting.items()
        )
        yield f'{{"resource{self._kind}":[{",".join(made)}]}}\n'
        self._waiting, self._chars = {}, 0
