"""What the log keeps of a call: the bodies of its `begin`, `end` and `undelivered` lines.

Pure. Nothing gets here that has not been through `redact`.
Fields that are often asked for stand first, which makes a scan faster.
"""

from ._wire import FAILURE, NOT_KEPT, ORIGIN_EXECUTED, SUCCESS
from .settings import PARAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .context import Context

    Fields = dict[str, Any]


class Subject:
    """Everything about a call that is known before it ends: both lines of it say this."""

    __slots__ = (
        "command",
        "context",
        "level",
        "params",
        "process",
        "purpose",
        "recorder",
        "redactions",
        "request_id",
        "timestamp",
        "tool",
        "version",
        "warnings",
    )

    def __init__(
        self,
        context: "Context",
        request_id: str,
        timestamp: str,
        tool: str,
        recorder: str,
        version: str | None,
    ) -> None:
        self.context = context
        self.request_id = request_id
        self.timestamp = timestamp
        self.tool = tool
        self.recorder = recorder
        self.version = version
        self.command: str | None = None
        self.level = PARAMS
        self.params: Fields = {}
        self.process: Fields = {}
        self.purpose: str | None = None
        self.redactions: Sequence[Mapping[str, str]] = ()
        self.warnings: Sequence[Mapping[str, str]] = ()


class Ending:
    """How a call ended. `exit_code` is None where another program has taken the process over."""

    __slots__ = ("error", "exit_code", "outcome", "signal")

    def __init__(
        self,
        exit_code: int | None,
        outcome: str | None = None,
        *,
        signal: int | None = None,
        error: "dict[str, Any] | None" = None,
    ) -> None:
        self.exit_code = None if exit_code is None else exit_code & 0xFF
        self.outcome = outcome or (FAILURE if exit_code else SUCCESS)
        self.signal = signal
        self.error = error


def error_fields(
    code: str,
    message: str,
    *,
    retryable: bool | None = None,
    hint: str | None = None,
    **more: "Any",
) -> "dict[str, Any]":
    """Return the `error` of an entry and of its response; what is not known is left out."""
    known = {"retryable": retryable, "hint": hint, **more}
    return {
        "code": code,
        "message": message,
        **{name: value for name, value in known.items() if value is not None},
    }


def begin(subject: Subject) -> "Fields":
    """Return the body of the line that is written before the action."""
    return {"event": "begin", **_identity(subject), **_circumstances(subject)}


def end(subject: Subject, result: "Mapping[str, Any]", *, supersedes: bool = False) -> "Fields":
    """Return the body of the line after the action: all that begin said, and how it ended."""
    head: Fields = {"event": "end"}
    if supersedes:
        head["supersedes"] = True
    return {**head, **_identity(subject), **result, **_circumstances(subject)}


def undelivered(subject: Subject, exit_code: int, message: str) -> "Fields":
    """Return the body of the line that corrects an end: its response never reached the caller."""
    fields: Fields = {
        "event": "undelivered",
        "request_id": subject.request_id,
        "trace_id": subject.context.trace_id,
        "exit_code": exit_code,
        "error": {"code": "UNDELIVERED", "message": message},
    }
    session = subject.context.caller().get("session")
    if session is not None:
        fields["caller"] = {"session": session}
    return fields


def result(
    *,
    exit_code: int | None,
    outcome: str,
    duration_ms: int | None,
    signal: str | None = None,
    error: "Mapping[str, Any] | None" = None,
    origin: str = ORIGIN_EXECUTED,
    origin_request_id: str | None = None,
    output: "Mapping[str, Any] | None" = None,
    child: "Mapping[str, Any] | None" = None,
    observed: "Mapping[str, Any] | None" = None,
) -> "Fields":
    """Return what an end line says beyond its begin line."""
    fields: Fields = {
        "exit_code": exit_code,
        "outcome": outcome,
        "duration_ms": duration_ms,
        "signal": signal,
        "error": dict(error) if error else None,
        "origin": origin,
    }
    if origin_request_id:
        fields["origin_request_id"] = origin_request_id
    if output:
        fields["output"] = dict(output)
    if child:
        fields["child"] = dict(child)
    if observed:
        fields.update(observed)
    return fields


def without_details(
    error: "Mapping[str, Any] | None", observed: "Mapping[str, Any]"
) -> "tuple[Fields | None, Fields]":
    """Return a call's error and what was observed in it as level `metadata` keeps them."""
    kept = None if error is None else _bare_error(error)
    fields = dict(observed)
    if "steps" in fields:
        fields["steps"] = [
            {
                name: _bare_error(value) if name == "error" else value
                for name, value in step.items()
                if name != "fields"
            }
            for step in fields["steps"]
        ]
    return kept, fields


def _bare_error(error: "Mapping[str, Any]") -> "Fields":
    kept = {name: error[name] for name in ("code", "type", "retryable") if name in error}
    return {"message": NOT_KEPT, **kept}


def _identity(subject: Subject) -> "Fields":
    context = subject.context
    return {
        "request_id": subject.request_id,
        "trace_id": context.trace_id,
        "parent_request_id": context.parent_request_id,
        "timestamp": subject.timestamp,
        "tool": subject.tool,
        "command": subject.command,
    }


def _circumstances(subject: Subject) -> "Fields":
    context = subject.context
    fields: Fields = {
        "operator": context.operator,
        "params": subject.params,
        "version": subject.version,
        "recorder": subject.recorder,
        "trace_source": context.trace_source,
        "operator_source": context.operator_source,
    }
    if subject.purpose:
        fields["purpose"] = subject.purpose
    if subject.level != PARAMS:
        fields["level"] = subject.level
    fields["caller"] = context.caller()
    fields["process"] = subject.process
    if subject.redactions:
        fields["redactions"] = list(subject.redactions)
    if subject.warnings:
        fields["warnings"] = list(subject.warnings)
    return fields
