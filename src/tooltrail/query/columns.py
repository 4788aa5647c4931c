"""Entries as flat rows for other programs: the columns of `tooltrail export`, in their order."""

from datetime import UTC, datetime

from .._encode import encode
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Entry = dict[str, Any]

TEXT, NUMBER, TIME, OBJECT = "text", "number", "time", "object"
COLUMNS = {  # what each holds, and where an entry has it
    "timestamp": (TIME, ("timestamp",)),
    "logged_at": (TIME, ("logged_at",)),
    "tool": (TEXT, ("tool",)),
    "command": (TEXT, ("command",)),
    "exit_code": (NUMBER, ("exit_code",)),
    "outcome": (TEXT, ("outcome",)),
    "duration_ms": (NUMBER, ("duration_ms",)),
    "signal": (TEXT, ("signal",)),
    "error_code": (TEXT, ("error", "code")),
    "error_message": (TEXT, ("error", "message")),
    "origin": (TEXT, ("origin",)),
    "origin_request_id": (TEXT, ("origin_request_id",)),
    "request_id": (TEXT, ("request_id",)),
    "trace_id": (TEXT, ("trace_id",)),
    "parent_request_id": (TEXT, ("parent_request_id",)),
    "operator": (TEXT, ("operator",)),
    "agent": (TEXT, ("caller", "agent")),
    "session": (TEXT, ("caller", "session")),
    "params": (OBJECT, ("params",)),
    "version": (TEXT, ("version",)),
    "recorder": (TEXT, ("recorder",)),
    "purpose": (TEXT, ("purpose",)),
    "host": (TEXT, ("process", "host")),
    "user": (TEXT, ("process", "user")),
    "pid": (NUMBER, ("process", "pid")),
    "cwd": (TEXT, ("process", "cwd")),
    "executable": (TEXT, ("process", "executable")),
    "argv": (OBJECT, ("process", "argv")),
    "seq": (NUMBER, ("seq",)),
}
_MOST = 1 << 63


def flat(entry: "Entry") -> dict[str, Any]:
    """Return an entry's row: for each column a text, a whole number, or None.

    Times are as the log has them. A text column that holds something else has its JSON; a number
    that is none, or that 64 bits do not hold, is None.
    """
    row = {}
    for name, (kind, path) in COLUMNS.items():
        value: Any = entry
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        row[name] = _number(value) if kind == NUMBER else _text(value, kind)
    return row


def _number(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and -_MOST <= value < _MOST else None


def _text(value: Any, kind: str) -> str | None:
    if value is None or (isinstance(value, str) and kind != OBJECT):
        return value
    return encode(value)


def moment(text: str | None) -> datetime | None:
    """Return a row's time in UTC, or None where it is no time with an offset."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
