"""What the caller gets back: `ok`, `data`, `error`, `warnings`, `meta`, always all five.

Pure: values in, values out. `_answer` takes them to stdout.
"""

from ._plain import encode_any, settle
from ._wire import SCHEMA_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ._invocation import Invocation


def response(
    *,
    exit_code: int,
    data: "Any",
    error: "Mapping[str, Any] | None",
    warnings: "Sequence[Mapping[str, Any]]",
    meta: "Mapping[str, Any]",
) -> "dict[str, Any]":
    """Return the response of one call; `ok` follows from the exit code."""
    return {
        "ok": exit_code == 0,
        "data": data,
        "error": dict(error) if error else None,
        "warnings": list(warnings),
        "meta": dict(meta),
    }


def document(
    answer: "Mapping[str, Any]", *, indented: bool = False, data: str | None = None
) -> str:
    """Write a response as JSON text with its newline: one line, or laid out for a reader.

    `data` is that member where it is written as JSON already: it may be large.
    """
    if data is None:
        data = encode_any(answer["data"])
    members = [
        f'"{name}":{data if name == "data" else encode_any(value)}'
        for name, value in answer.items()
    ]
    text = "{" + ",".join(members) + "}"
    if indented:
        import json

        text = json.dumps(json.loads(text), indent=2)
    return text + "\n"


def data_as_text(data: "Any") -> str:
    """Lay out a command's data for a person: `name: value` lines, list items with a dash."""
    return _laid_out(settle(data)[0], "")


def _laid_out(data: "Any", indent: str) -> str:
    if isinstance(data, dict):
        return "".join(_member(f"{indent}{name}:", value, indent) for name, value in data.items())
    if isinstance(data, list):
        return "".join(_member(f"{indent}-", value, indent) for value in data)
    if data is None:
        return ""
    return f"{indent}{_scalar(data)}\n"


def _member(label: str, value: "Any", indent: str) -> str:
    if isinstance(value, (dict, list)) and value:
        return f"{label}\n{_laid_out(value, indent + '  ')}"
    return f"{label} {_scalar(value)}\n"


def _scalar(value: "Any") -> str:
    if isinstance(value, str):
        return value
    return encode_any(value)


def meta_of(call: "Invocation") -> "dict[str, Any]":
    """Return `meta` of a call's response: the same keys on every outcome."""
    fields: dict[str, Any] = {
        "request_id": call.request_id,
        "trace_id": call.trace_id,
        "duration_ms": call.duration_ms,
        "timestamp": call.timestamp,
        "command": call.command or call.tool,
        "version": call.version,
        "schema_version": SCHEMA_VERSION,
        "receipt": call.receipt.as_json() if call.receipt else None,
        "origin": call.origin,
    }
    if call.origin_request_id:
        fields["origin_request_id"] = call.origin_request_id
    return fields
