"""The event of any other agent, which its own hook or plugin makes: docs/guides/coding-agents.md.

{"event": "end", "agent": "opencode", "session": "ses_1", "tool_call": "call_7",
 "command": "git push", "cwd": "/srv/app", "exit_code": 1, "duration_ms": 812}
"""

from .event import (
    BEGIN,
    END,
    SESSION,
    STARTED,
    Event,
    command,
    ended_with,
    exit_code,
    failed,
    interrupted,
    text,
    timed_out,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KINDS = frozenset((BEGIN, END, STARTED, SESSION))
_UNNAMED = "agent"


def read(fields: "Mapping[str, Any]") -> Event | None:
    """Return what one event says, or None where it is no event of a command."""
    kind = fields.get("event")
    if not isinstance(kind, str) or kind not in _KINDS:
        return None
    event = Event(kind, text(fields, "agent") or _UNNAMED, fields)
    event.session = text(fields, "session")
    event.tool_call = text(fields, "tool_call")
    event.turn = text(fields, "turn")
    event.intent = text(fields, "intent")
    event.line = command(fields)
    if kind == END:
        for name in ("stdout", "stderr"):
            stream = fields.get(name)
            if isinstance(stream, str):
                event.streams[name] = stream
        code = exit_code(fields.get("exit_code"))
        message = text(fields, "error")
        if fields.get("timed_out") is True:
            event.ending = timed_out(code)
        elif fields.get("interrupted") is True:
            event.ending = interrupted(code)
        elif code is None and message:
            event.ending = failed(message)
        else:
            event.ending = ended_with(code)
    return event
