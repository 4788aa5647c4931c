"""What an agent's hook tells, in one form for all agents.

Everything in an event is the agent's claim, and any of it may be missing or of another type than
documented: the readers of the agents (`claude_code`, `codex`, ...) take what they can use.
"""

from .._wire import FAILURE, INTERRUPTED, NOT_STARTED, SUCCESS, TIMED_OUT, UNKNOWN
from ..entry import Ending, error_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BEGIN = "begin"  # a command is about to run
END = "end"  # it has ended
STARTED = "started"  # it was put into the background: when it ends, nobody tells
SESSION = "session"  # the agent's session begins

BOTH = "stdout+stderr"  # a stream in which an agent gives one after or within the other

_MAX_MS = 1 << 53


class Event:
    """One event: which call of which session, and of an end, how it ended."""

    __slots__ = (
        "agent",
        "at",
        "cwd",
        "duration_ms",
        "ending",
        "intent",
        "kind",
        "line",
        "session",
        "streams",
        "tool_call",
        "tool_name",
        "turn",
    )

    def __init__(self, kind: str, agent: str, fields: "Mapping[str, Any]") -> None:
        self.kind = kind
        self.agent = agent
        self.session = text(fields, "session_id")
        self.tool_call = text(fields, "tool_use_id")
        self.tool_name = text(fields, "tool_name")
        self.cwd = text(fields, "cwd")
        self.at = text(fields, "timestamp")
        self.duration_ms = milliseconds(fields, "duration_ms")
        self.turn: str | None = None
        self.intent: str | None = None
        self.line: str | list[str] = ""  # a line for a shell, or the argv of a program
        self.ending: Ending | None = None
        self.streams: dict[str, str] = {}  # what came out of the command, as far as it is told


def text(fields: "Mapping[str, Any]", name: str) -> str | None:
    """Return a field that is text and not empty, or None."""
    value = fields.get(name)
    return value if isinstance(value, str) and value else None


def mapping(fields: "Mapping[str, Any]", name: str) -> "Mapping[str, Any]":
    """Return a field that is an object, or an empty one."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def milliseconds(fields: "Mapping[str, Any]", name: str) -> int | None:
    """Return a field that is a duration, as whole ms, or None."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if 0 <= value < _MAX_MS else None


def command(fields: "Mapping[str, Any]", name: str = "command") -> str | list[str]:
    """Return a field that is a command line or an argv; empty where it is neither."""
    value = fields.get(name)
    if isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        return value if value[0] else ""
    return value if isinstance(value, str) and value.strip() else ""


def exit_code(value: object) -> int | None:
    """Return an exit code as a shell sees it, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 31) <= value < 1 << 32:
        return None
    return value & 0xFF


def ended_with(code: int | None) -> Ending:
    """Return the ending of a command whose exit code is told; None is one that is not known.

    By 128 + n a shell says that signal n ended a command. But a command may choose such a code
    itself: git does for a wrong option (129), `docker run` for its container (137). Who has
    nothing but the number cannot tell: so no signal is claimed. `shells` does the same.
    """
    if code is None:
        return Ending(None, UNKNOWN)
    if code == 0:
        return Ending(0, SUCCESS)
    return Ending(code, FAILURE, error=error_fields("EXIT_CODE", f"exit code {code}"))


def interrupted(code: int | None = None) -> Ending:
    """Return the ending of a command that its user broke off."""
    return Ending(code, INTERRUPTED, error=error_fields("INTERRUPTED", "interrupted by the user"))


def timed_out(code: int | None = None) -> Ending:
    """Return the ending of a command that the agent did not wait for any longer."""
    return Ending(code, TIMED_OUT, error=error_fields("TIMED_OUT", "ended at its time limit"))


def not_allowed(message: str) -> Ending:
    """Return the ending of a command that the user, or a rule, did not let run."""
    return Ending(None, NOT_STARTED, error=error_fields("NOT_ALLOWED", message))


def failed(message: str) -> Ending:
    """Return the ending of a command of which only an error message is told."""
    return Ending(None, FAILURE, error=error_fields("AGENT", message))
