"""Search one log or many: entries in the order of the logs, as a stream."""

import heapq
import os
from datetime import UTC, datetime, timedelta
from itertools import islice

from .._encode import encode
from .._plain import encode_parsed
from .._typing import TYPE_CHECKING, Any
from .._wire import (
    GOOD_OUTCOMES,
    IMPORT_TOOL,
    LOG_NAME,
    OPEN_OUTCOMES,
    OWN_TOOL,
    PURPOSE_AUDIT,
    RECORDER_HOOK,
    RECORDER_IMPORT,
    RUNNING,
    UNKNOWN,
    VANISHED,
)
from ..settings import settings_for
from ..trail import data_home
from ..trail.read import logs_in
from ..trail.segments import segments
from .fold import LogEntries
from .gaps import gaps
from .killed import SeenKilled
from .mine import continues
from .window import earlier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .gaps import Gap
    from .options import Query

    Entry = dict[str, Any]


_LOGGED_AT, _BEGAN, _TIME_CHARS = b'"logged_at":"', b'"timestamp":"', 24
_HEAD_BYTES = 200  # within which a line says when it was written
_CONDITIONS = ("command", "exit_code", "failed", "outcome", "origin", "slower_than", "param")


class Search:
    """A running search; once it is read to its end, `problems` tells what it could not see."""

    def __init__(
        self,
        query: "Query",
        paths: "Iterable[str] | None" = None,
        *,
        progress: "Callable[[str, int, int], None] | None" = None,
    ) -> None:
        """`progress` is told whose log is read, how many of its bytes are done, and all of them."""
        self.query = query
        self._progress = progress
        home = data_home(configured=settings_for(OWN_TOOL).data_home)
        self._homes = [home] if paths is None else []
        self.paths = list(logs_in(home, LOG_NAME) if paths is None else paths)
        self._logs = self._all_logs()
        self.until: dict[str, int] = {}  # how far to read a log: the `seq` of the last line
        self.ended_only = False  # leave out what has not ended
        self.indexed = True  # believe the indexes of sealed segments, which may be anybody's
        self._unreadable: list[str] = []
        self._literal = _literal_of(query)
        self._texts = _spellings(query)

    def __iter__(self) -> "Iterator[Entry]":
        streams = [self._matches(log) for log in self._logs]
        merged: Iterator[Entry] = heapq.merge(*streams, key=_logged_at)
        if self.query.tail is not None or self.query.reverse:
            from .latest import latest, since_when

            since = since_when(self)
            if since is not None:
                self._logs = self._all_logs()
                self.query.since = since
                return iter(self)
            merged = latest(merged, self.query)
        return islice(merged, self.query.limit)

    def _all_logs(self) -> list[LogEntries]:
        return [LogEntries(path, self._progress_of(path)) for path in self.paths]

    def _progress_of(self, path: str) -> "Callable[[int], None] | None":
        tell = self._progress
        if tell is None:
            return None
        files = (segment.file() for segment in segments(path))
        whole = sum(os.path.getsize(file) for file in files if os.path.exists(file))
        tool = os.path.basename(os.path.dirname(path))
        return lambda done: tell(tool, done, whole)

    def count_read(self) -> int:
        """Return how many logs could be read; once the search was read to its end."""
        return len(self.paths) - len(self._unreadable)

    def problems(self) -> "list[Gap]":
        """Say what the search could not see: a code and a sentence each."""
        bad = [
            f"{log.path}: {log.bad_lines} line{'s' if log.bad_lines > 1 else ''} could not be read"
            f" and {'were' if log.bad_lines > 1 else 'was'} skipped"
            + (f", the first of them line {log.first_bad_line}" if log.first_bad_line else "")
            for log in self._logs
            if log.bad_lines
        ]
        unread = [("LOG_NOT_READ_WHOLE", problem) for problem in self._unreadable + bad]
        return unread + list(gaps(self.paths, self._homes, self.query.since))

    def _matches(self, log: LogEntries) -> "Iterator[Entry]":
        seen_killed = SeenKilled(log.path)
        try:
            for entry in log.read(
                self.may_match,
                literal=self._literal,
                since=self._written_since(log),
                indexed=self.indexed,
            ):
                if entry["outcome"] == VANISHED:
                    seen_killed.complete(entry)
                if matches(self.query, entry) and not self._is_left_out(log, entry):
                    yield entry
        except FileNotFoundError:
            return  # no call was recorded yet
        except OSError as error:
            self._unreadable.append(f"{log.path}: {(error.strerror or str(error)).lower()}")

    def _is_left_out(self, log: LogEntries, entry: "Entry") -> bool:
        last, seq = self.until.get(log.path), entry.get("seq")
        later = last is not None and isinstance(seq, int) and seq > last
        return later or (self.ended_only and not has_end(entry))

    def _written_since(self, log: LogEntries) -> str | None:
        """Return from when on the lines of a log have to be looked at; None is all of them.

        A call is written down when it ends or later, but for those that were imported, and but
        for a clock that was put back meanwhile, for which there is a little time.
        """
        if self.query.since is None or is_imported(log.path):
            return None
        try:
            return earlier(self.query.since)
        except OverflowError:
            return None  # since ever

    def may_match(self, line: bytes) -> bool:
        """Reject by the bytes what cannot match, before any JSON is parsed."""
        if self._literal is not None and self._literal not in line:
            return False
        if self._texts and not any(text in line for text in self._texts):
            return False
        if self.query.carries is not None and not self.query.carries(line):
            return False
        return self.query.since is None or _may_be_since(line, self.query.since)


def _may_be_since(line: bytes, since: str) -> bool:
    """Tell whether a call may have begun or ended since a moment, by its line."""
    at = line.find(_LOGGED_AT, 0, _HEAD_BYTES) + len(_LOGGED_AT)
    if at < len(_LOGGED_AT) or b'"recorder":"import"' in line:  # logged long after it ended
        return True
    if line[at : at + _TIME_CHARS].decode("ascii", "replace") >= since:
        return True
    at = line.find(_BEGAN, at) + len(_BEGAN)
    return at < len(_BEGAN) or line[at : at + _TIME_CHARS].decode("ascii", "replace") >= since


def _logged_at(entry: "Entry") -> str:
    return str(entry.get("logged_at", ""))


def is_imported(path: str) -> bool:
    """Tell the log of what was imported: the times of its calls are not in its order."""
    return path.endswith(f"/{IMPORT_TOOL}/{LOG_NAME}")


def _literal_of(query: "Query") -> bytes | None:
    """Return the id that every matching line must hold as it stands, where there is one."""
    wanted = query.request_id or query.trace_id
    if wanted is None or not wanted.isascii() or "/" in wanted:
        return None  # another writer may have written it otherwise
    return encode(wanted)[1:-1].encode("ascii")


def matches(query: "Query", entry: "Entry") -> bool:
    """Tell whether an entry is what the query asks for."""
    return (
        matches_identity(query, entry)
        and (query.tool is None or entry.get("tool") == query.tool)
        and _meets_conditions(query, entry)
        and matches_window(query, entry)
        and is_listed(query, entry)
    )


def _meets_conditions(query: "Query", entry: "Entry") -> bool:
    for name in _CONDITIONS:
        wanted = getattr(query, name)
        if wanted is not None and wanted is not False and not satisfies(query, entry, name):
            return False
    return True


def holds_text(query: "Query", entry: "Entry") -> bool:
    """Tell whether the text that is asked for stands in an entry, as it is written."""
    written = encode_parsed(entry).encode("ascii") if query.text is not None else b""
    return query.text is None or any(text in written for text in _spellings(query))


def _spellings(query: "Query") -> set[bytes]:
    """Return how the text that is asked for may stand in a line: in a string, or as JSON."""
    if query.text is None:
        return set()
    inside = encode(query.text)[1:-1].encode("ascii")
    return {inside, query.text.encode("utf-8", "surrogateescape")}


def matches_identity(query: "Query", entry: "Entry") -> bool:
    """Tell whether a call is of the trace, session or operator that is asked for."""
    return (
        (query.request_id is None or entry.get("request_id") == query.request_id)
        and (query.trace_id is None or _has_trace(query, entry))
        and (
            query.operator is None or _is_or_continues(query, entry.get("operator"), query.operator)
        )
        and (query.mine is None or query.mine.holds(entry))
    )


def satisfies(query: "Query", entry: "Entry", name: str) -> bool:
    """Tell whether a call meets one condition of a query; one that is not asked for is met."""
    wanted = getattr(query, name)
    if wanted is None or wanted is False:
        return True
    match name:
        case "command":
            return _is_command(entry.get("command"), str(wanted))
        case "failed":
            return is_failed(entry)
        case "slower_than":
            return bool(_took(entry) > wanted)
        case "param":
            return _has_param(entry, *wanted)
    return bool(entry.get(name) == wanted)


def _took(entry: "Entry") -> int:
    took = entry.get("duration_ms")
    return took if isinstance(took, int) else -1


def _has_param(entry: "Entry", name: str, value: str) -> bool:
    """Tell a call with this param; of a wrapped one, with this option among its arguments."""
    params = entry.get("params")
    if not isinstance(params, dict):
        return False
    for spelt in (name, name.replace("-", "_"), name.replace("_", "-")):
        if spelt in params:
            given = params[spelt]
            told = given if isinstance(given, str) else encode(given)
            if isinstance(given, bool):
                value = value.lower()
            return value == told or (isinstance(given, list) and value in given)
    argv = params.get("argv")
    if not isinstance(argv, list):
        return False
    flags = (f"--{name}", f"-{name}")
    return any(
        word in (f"{name}={value}", *(f"{flag}={value}" for flag in flags))
        or (word in flags and argv[at + 1 : at + 2] == [value])
        for at, word in enumerate(argv)
        if isinstance(word, str)
    )


def is_failed(entry: "Entry") -> bool:
    """Tell a call that failed, was killed or vanished; one that still runs has not failed."""
    if entry.get("exit_code") is not None:
        return bool(entry["exit_code"] != 0)
    return entry.get("outcome") not in (RUNNING, UNKNOWN, *GOOD_OUTCOMES)


def _has_trace(query: "Query", entry: "Entry") -> bool:
    assert query.trace_id is not None
    if _is_or_continues(query, entry.get("trace_id"), query.trace_id):
        return True
    caller = entry.get("caller")
    session = caller.get("session") if isinstance(caller, dict) else None
    return not query.exact and bool(session == query.trace_id)


def _is_or_continues(query: "Query", value: Any, wanted: str) -> bool:
    return value == wanted or (not query.exact and continues(value, wanted))


def _is_command(value: Any, wanted: str) -> bool:
    if not isinstance(value, str):
        return False
    return any(part == wanted or part.startswith(wanted + " ") for part in value.split(","))


def matches_window(query: "Query", entry: "Entry") -> bool:
    """Tell whether the call began or ended in the window."""
    if query.since is None and query.until is None:
        return True
    moments = [str(entry.get("timestamp", ""))]
    if has_end(entry):
        moments.append(_ended_at(entry))
    return any(
        (query.since is None or moment >= query.since)
        and (query.until is None or moment <= query.until)
        for moment in moments
    )


def has_end(entry: "Entry") -> bool:
    """Tell a call that somebody said the end of, known or not, from one that has but a begin."""
    known = (entry.get("duration_ms"), entry.get("exit_code"), entry.get("origin"))
    return entry.get("outcome") not in OPEN_OUTCOMES or any(each is not None for each in known)


def _ended_at(entry: "Entry") -> str:
    """Return when a call ended; what others tell of it may be logged long after."""
    if entry.get("recorder") not in (RECORDER_IMPORT, RECORDER_HOOK):
        return str(entry.get("logged_at", ""))
    began, duration = str(entry.get("timestamp", "")), entry.get("duration_ms")
    try:
        ended = datetime.fromisoformat(began) + timedelta(milliseconds=duration or 0)
        return ended.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, TypeError, OverflowError):
        return began


def is_listed(query: "Query", entry: "Entry") -> bool:
    """Tell a call that did something from one that only read the log, unless those are wanted."""
    if entry.get("purpose") != PURPOSE_AUDIT or query.all or query.request_id:
        return True
    return query.command is not None or query.tool == OWN_TOOL
