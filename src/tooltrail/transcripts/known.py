"""The calls that the logs have already, and which of them nobody saw the end of.

A log is read once, when it is first asked for. Of each call a few words are kept: that it is
there and ended, or the line to which an end is still to come.
"""

import os

from .._host import timestamp, wall_ns
from .._typing import TYPE_CHECKING, Any
from .._wire import LOG_NAME
from ..errors import CommandError
from ..trail import data_home, log_path
from ..trail.find import lines_with
from ..trail.read import glance, lines, lines_since, logs_in, parse
from ..trail.segments import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_KNOWN = b',"exit_code":null,"outcome":"unknown"'  # which no text within a line can hold
_TOOL_CALL = b'"tool_call":"'
_KEPT_BYTES = 33_554_432  # of a log's open lines that are not looked up a second time
_MIN_UNIQUE_CHARS = 20
_LEEWAY_NS = 60_000_000_000  # by which the clocks of two writers, and a call and its line, differ


class KnownLogs:
    """The logs that an import asks, each read when it is asked first."""

    def __init__(self) -> None:
        self._logs: dict[tuple[str, str | None], KnownCalls] = {}
        self._traces: dict[tuple[str, str | None], tuple[str, str | None] | None] = {}

    def of(self, tool: str, home: str | None) -> "KnownCalls":
        """Return the calls of a tool's log in a data home; None is the usual one."""
        found = self._logs.get((tool, home))
        if found is None:
            found = self._logs[tool, home] = KnownCalls(log_path(tool, home))
        return found

    def trace_of(self, request_id: str, home: str | None) -> tuple[str, str | None] | None:
        """Return trace id and operator of a call that any log has; None where none has it."""
        key = request_id, home
        if key not in self._traces:
            self._traces[key] = _trace_of(request_id, data_home(configured=home))
        return self._traces[key]


class KnownCalls:
    """The calls of one log, by their ids; one that is not there yet has none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._ended: set[bytes] = set()
        self._open: dict[bytes, bytes | None] = {}  # None: the line has to be looked up
        self._by_tool_call: dict[bytes, bytes] = {}
        self._kept = 0
        self._read_ns = 0
        self._state: tuple[int, int] | None = None
        self._read(since=None)

    def find(self, request_id: str, tool_call: str, started_ns: int) -> str | None:
        """Return the id under which the log has a call: its own, or that of another session.

        An agent that resumes or forks a session may write what it repeats under the new one's id.
        For a call that began after the log was read, what was written meanwhile is read: its hook
        may have been there first.
        """
        own = request_id.encode("ascii", "replace")
        if started_ns >= self._read_ns - _LEEWAY_NS and _state(self.path) != self._state:
            self._read(since=timestamp(self._read_ns))
        if own in self._ended or own in self._open:
            return request_id
        other = self._by_tool_call.get(tool_call.encode("ascii", "replace"))
        return None if other is None else other.decode("ascii")

    def is_open(self, request_id: str) -> bool:
        """Tell a call of which nobody said how it ended."""
        return request_id.encode("ascii") in self._open

    def line(self, request_id: str) -> dict[str, Any] | None:
        """Return the last line of an open call; None where it cannot be had."""
        own = request_id.encode("ascii")
        line = self._open[own]
        if line is None:
            for line in _lines_of(self.path, own):
                if glance(line)[1] == own:
                    self._open[own] = line
            line = self._open[own]
        return None if line is None else parse(line)

    def add(self, request_id: str, tool_call: str, *, ended: bool) -> None:
        """Note a call that was written just now."""
        own = request_id.encode("ascii", "replace")
        self._note(own, None, ended=ended)
        self._name(own, tool_call.encode("ascii", "replace"))

    def _read(self, *, since: str | None) -> None:
        self._read_ns, self._state = wall_ns(), _state(self.path)
        try:
            picture = snapshot(self.path)
            for line, _ in lines(picture) if since is None else lines_since(picture, since):
                self._take(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise CommandError(
                f"{self.path}: {(error.strerror or str(error)).lower()}",
                code="LOG_NOT_READ_WHOLE",
                hint="what it holds would be added again; see tooltrail verify",
            ) from error

    def _take(self, line: bytes) -> None:
        event, request_id = glance(line)
        if event not in (b"begin", b"end"):
            return
        self._note(request_id, line, ended=event == b"end" and _NOT_KNOWN not in line)
        at = line.find(_TOOL_CALL) + len(_TOOL_CALL)
        if at >= len(_TOOL_CALL):
            self._name(request_id, line[at : line.find(b'"', at)])

    def _note(self, request_id: bytes, line: bytes | None, *, ended: bool) -> None:
        if ended:
            self._open.pop(request_id, None)
            self._ended.add(request_id)
        elif request_id not in self._ended:
            self._kept += len(line or b"")
            self._open[request_id] = line if self._kept <= _KEPT_BYTES else None

    def _name(self, request_id: bytes, tool_call: bytes) -> None:
        if _is_unique(tool_call):
            self._by_tool_call[tool_call] = request_id


def _is_unique(tool_call: bytes) -> bool:
    """Tell an id that a model's maker drew by lot from a number that each session begins anew."""
    last = tool_call.rpartition(b"_")[2]
    return len(last) >= _MIN_UNIQUE_CHARS and last.isalnum()


def _trace_of(request_id: str, home: str) -> tuple[str, str | None] | None:
    own = request_id.encode("ascii", "replace")
    for path in logs_in(home, LOG_NAME):
        for line in _lines_of(path, own):
            entry = parse(line) if glance(line)[1] == own else None
            if entry is not None and isinstance(entry.get("trace_id"), str):
                operator = entry.get("operator")
                return entry["trace_id"], operator if isinstance(operator, str) else None
    return None


def _lines_of(path: str, own: bytes) -> "Iterator[bytes]":
    """Yield the lines of a log that hold an id, as far as it can be read."""
    try:
        yield from lines_with(snapshot(path), own, is_id=True)
    except OSError:
        return


def _state(path: str) -> tuple[int, int] | None:
    """Return what of a log's file changes with each line; None where it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_size
