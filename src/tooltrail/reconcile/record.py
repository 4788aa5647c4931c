"""One record of a call, on the side of its caller or of its tool."""

from datetime import datetime

from .._typing import TYPE_CHECKING, Any
from .._wire import (
    OPEN_OUTCOMES,
    PURPOSE_AUDIT,
    RECORDER_CALLER,
    RECORDER_HOOK,
    RECORDER_IMPORT,
    RECORDER_WRAPPER,
)

if TYPE_CHECKING:
    Entry = dict[str, Any]

STARTED_IT = (RECORDER_WRAPPER, RECORDER_CALLER)  # and so know its process
TOLD_OF_IT = (RECORDER_HOOK, RECORDER_IMPORT)
_LONGEST_MS = 100 * 366 * 86_400_000  # a hundred years
OUTSIDE = (*STARTED_IT, *TOLD_OF_IT)
_ASKED = (  # of an entry: the others would take most of the memory
    *("request_id", "trace_id", "parent_request_id", "timestamp", "tool", "command", "params"),
    *("exit_code", "outcome", "duration_ms", "signal", "origin", "recorder", "purpose"),
    *("child", "process", "output", "downstream", "erased"),
)
_OF_THE_PROCESS = ("pid", "parent_pid", "argv")


class Record:
    """What joining asks of an entry. Times are seconds since 1970, or None."""

    __slots__ = ("child", "end", "entry", "partner", "pid", "start")

    def __init__(self, entry: "Entry") -> None:
        self.entry = {name: entry[name] for name in _ASKED if name in entry}
        child, process = entry.get("child"), entry.get("process")
        if isinstance(process, dict):
            process = {name: process[name] for name in _OF_THE_PROCESS if name in process}
            self.entry["process"] = process
        self.child: dict[str, Any] = child if isinstance(child, dict) else {}
        self.pid = process.get("pid") if isinstance(process, dict) else None
        self.start = seconds(entry.get("timestamp"))
        took = milliseconds(entry.get("duration_ms"))
        self.end = None if self.start is None or took is None else self.start + took / 1000
        self.partner: Record | None = None

    @property
    def request_id(self) -> str:
        """The record's own id."""
        return str(self.entry.get("request_id", ""))

    @property
    def parent(self) -> str | None:
        """The id of the record that it stands below."""
        parent = self.entry.get("parent_request_id")
        return parent if isinstance(parent, str) else None

    @property
    def tool(self) -> str:
        """The tool that was called."""
        return str(self.entry.get("tool") or "")

    @property
    def outside(self) -> bool:
        """Whether somebody other than the tool wrote it."""
        return self.entry.get("recorder") in OUTSIDE

    @property
    def only_reads(self) -> bool:
        """Whether the call only read the log."""
        return self.entry.get("purpose") == PURPOSE_AUDIT

    @property
    def has_end(self) -> bool:
        """Whether its end was written: a tool's end always has a duration."""
        if self.outside and self.entry.get("outcome") not in OPEN_OUTCOMES:
            return True
        return isinstance(self.entry.get("duration_ms"), int)

    @property
    def argv(self) -> list[Any]:
        """The arguments, with the program's name; empty where they were not kept."""
        params, process = self.entry.get("params"), self.entry.get("process")
        of = params if self.outside else process
        argv = of.get("argv") if isinstance(of, dict) else None
        return argv if isinstance(argv, list) else []

    def holds(self, inner: "Record", slack: float) -> bool:
        """Tell whether the other call ran while this one did, give or take `slack` seconds."""
        if self.start is None or inner.start is None or inner.start < self.start - slack:
            return False
        if self.end is None:
            return False
        return (inner.end if inner.end is not None else inner.start) <= self.end + slack

    def as_json(self) -> dict[str, Any]:
        """Return the record as `data.calls[].caller` and `.tool` have it."""
        names = ("request_id", "recorder", "timestamp", "duration_ms", "exit_code", "outcome")
        return {name: self.entry.get(name) for name in names}


def seconds(text: Any) -> float | None:
    """Return a time of the log in seconds since 1970, or None where it is none."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None


def milliseconds(value: Any) -> int | None:
    """Return a number of milliseconds, or None where it is none, or longer than any call."""
    known = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LONGEST_MS
    return value if known else None
