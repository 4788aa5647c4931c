"""What an entry tells of the inside of a call, for other programs: its steps and HTTP requests.

Tolerant of whatever stands there.
"""

from .._typing import TYPE_CHECKING, Any
from .words import call_words, ending_words, error_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..query.steps import StepTaken
    from ..reconstruct import Call

_MAX_NAME_CHARS = 80


class Request:
    """One HTTP request that a call made: times in ms, the begin after that of the call."""

    __slots__ = ("duration_ms", "error", "host", "ids", "method", "offset_ms", "path", "status")

    def __init__(self, item: "Mapping[str, Any]") -> None:
        self.method = text(item.get("method")) or "_OTHER"
        self.host = text(item.get("host"))
        self.path = text(item.get("path_sha256"))
        self.status = whole(item.get("status"))
        self.error = text(item.get("error"))
        self.offset_ms = max(0, whole(item.get("offset_ms")) or 0)
        self.duration_ms = max(0, whole(item.get("duration_ms")) or 0)
        ids = inner(item, "request_ids")
        self.ids = {str(name): value for name, value in ids.items() if isinstance(value, str)}

    @property
    def failed(self) -> bool:
        """Whether no response came, or one that says that it failed."""
        return self.error is not None or (self.status is not None and self.status >= 400)

    def told(self) -> "dict[str, Any]":
        """Return what is known of it, but for its times."""
        known: dict[str, Any] = {"method": self.method, "host": self.host}
        known |= {"path_sha256": self.path, "status": self.status, "error": self.error}
        known |= {"request_ids": self.ids or None}
        return {name: value for name, value in known.items() if value is not None}


def requests_of(call: "Call") -> list[Request]:
    """Return the HTTP requests of a call, in the order that they began."""
    items = call.entry.get("downstream")
    found = [
        Request(item) for item in (items if isinstance(items, list) else ()) if type(item) is dict
    ]
    return sorted(found, key=lambda request: request.offset_ms)


def steps_of(call: "Call") -> "Iterator[tuple[StepTaken, dict[str, Any]]]":
    """Yield the steps of a call, each with what its entry tells of it."""
    items = call.entry.get("steps")
    told = [item for item in (items if isinstance(items, list) else ()) if isinstance(item, dict)]
    yield from zip(call.steps, told, strict=False)


def call_name(entry: "Mapping[str, Any]") -> str:
    """Return what was called, in few words that many calls share: tool and command."""
    tool, command = text(entry.get("tool")) or "?", text(entry.get("command"))
    return tool if not command or command == tool else f"{tool} {command}"[:_MAX_NAME_CHARS]


def told_name(entry: "Mapping[str, Any]") -> str:
    """Return what was called as a person wants to see it: a command that is not known, whole."""
    if text(entry.get("command")):
        return call_name(entry)
    return call_words(entry)[:_MAX_NAME_CHARS]


def failure_words(call: "Call") -> str:
    """Return how a call ended and why, in a sentence."""
    why = error_words(call.shown)
    return f"{ending_words(call.shown)}: {why}" if why else ending_words(call.shown)


def inner(entry: "Mapping[str, Any]", name: str) -> "dict[str, Any]":
    """Return an object of an entry; an empty one where there is none."""
    value = entry.get(name)
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return a text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def whole(value: Any) -> int | None:
    """Return a whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
