"""A command that a transcript tells of, in one form for all formats."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from .._typing import TYPE_CHECKING, Any
from .._wire import UNKNOWN
from ..entry import Ending

if TYPE_CHECKING:
    from collections.abc import Mapping

_ISO_CHARS = 40  # no time is longer


def _unknown() -> Ending:
    return Ending(None, UNKNOWN)


@dataclass(slots=True)
class Ran:
    """One command: when, of which session, what, and how it ended as far as that is told.

    `started_ns` is since 1970; `line` is a line for a shell, or the argv of a program; `tool` is
    given where `line` does not tell it, and `under` is the id of the call of ours that it ran
    under, to whose trace it belongs.
    """

    started_ns: int
    agent: str
    session: str
    tool_call: str
    line: str | list[str]
    tool: str | None = None
    command: str | None = None
    params: dict[str, Any] | None = None
    operator: str | None = None
    request_id: str | None = None
    parent_request_id: str | None = None
    under: str | None = None
    trace_id: str | None = None
    agent_version: str | None = None
    cwd: str | None = None
    host: str | None = None
    ending: Ending = field(default_factory=_unknown)
    duration_ms: int | None = None
    streams: dict[str, str] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)

    @property
    def is_ended(self) -> bool:
        """Whether it is told how the command ended, be it without an exit code."""
        return self.ending.exit_code is not None or self.ending.outcome != UNKNOWN


def nanoseconds(value: object) -> int | None:
    """Return an ISO 8601 time in ns since 1970, or None where it is none."""
    if not isinstance(value, str) or not 10 <= len(value) <= _ISO_CHARS:
        return None
    try:
        at = datetime.fromisoformat(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        since = at - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    return ns if ns >= 0 else None


def object_in(fields: "Mapping[str, Any]", name: str) -> dict[str, Any]:
    """Return a field that is an object, or an empty one."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}
