"""Two readers of OTLP/JSON that are not ours: OpenTelemetry's protobuf types, and its JSON types.

Protobuf's JSON has bytes in base64, OTLP's has ids in hexadecimal: they are turned before, and only
they. Protobuf's reader refuses members that it does not know.
"""

import base64
import json
import re
from typing import Any

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto_json.collector.logs.v1 import logs_service
from opentelemetry.proto_json.collector.trace.v1 import trace_service

_IDS = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
_TEXTS = (
    "intValue",
    "timeUnixNano",
    "observedTimeUnixNano",
    "startTimeUnixNano",
    "endTimeUnixNano",
)
_NUMBERS = ("kind", "code", "severityNumber", "flags")


class Told:
    """What both readers found in a file: spans and log records, each with its resource."""

    def __init__(self, text: str) -> None:
        self.spans: list[Any] = []
        self.records: list[Any] = []
        self.resources: dict[bytes, dict[str, Any]] = {}
        for line in text.splitlines(keepends=True):
            assert line.endswith("\n")
            self._read(line)

    def span(self, name: str) -> Any:
        """Return the only span with this name."""
        (found,) = self.named(name)
        return found

    def named(self, name: str) -> list[Any]:
        """Return the spans with this name."""
        return [span for span in self.spans if span.name == name]

    def _read(self, line: str) -> None:
        data = json.loads(line)
        (signal,) = data
        _check(data)
        if signal == "resourceSpans":
            read: Any = Parse(json.dumps(_base64_ids(data)), ExportTraceServiceRequest())
            again: Any = trace_service.ExportTraceServiceRequest.from_json(line)
            for group in read.resource_spans:
                for scope in group.scope_spans:
                    for span in scope.spans:
                        self.spans.append(span)
                        self.resources[span.span_id] = attributes(group.resource)
            others = [
                span
                for group in again.resource_spans
                for scope in group.scope_spans
                for span in scope.spans
            ]
            ours = self.spans[-len(others) :]
            assert [(one.trace_id, one.span_id, one.end_time_unix_nano) for one in others] == [
                (one.trace_id, one.span_id, one.end_time_unix_nano) for one in ours
            ]
        else:
            read = Parse(json.dumps(_base64_ids(data)), ExportLogsServiceRequest())
            logs_service.ExportLogsServiceRequest.from_json(line)
            for group in read.resource_logs:
                for scope in group.scope_logs:
                    self.records += scope.log_records


def attributes(item: Any) -> dict[str, Any]:
    """Return the attributes of a span, a record, a link or a resource."""
    found = {pair.key: _value(pair.value) for pair in item.attributes}
    assert len(found) == len(item.attributes), "a key is there twice"
    return found


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind)


def _check(value: Any) -> None:
    """Hold what OTLP/JSON demands and protobuf's reader does not: the forms of ids and numbers."""
    if isinstance(value, list):
        for item in value:
            _check(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name in _IDS:
            assert re.fullmatch(f"[0-9a-f]{{{_IDS[name]}}}", item)
            assert item.strip("0")
        elif name in _TEXTS:
            assert isinstance(item, str)
        elif name in _NUMBERS:
            assert isinstance(item, int)
        _check(item)


def _base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode() if name in _IDS else _base64_ids(item)
        for name, item in value.items()
    }
