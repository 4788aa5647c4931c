"""Entries as they are written: what comes after a cursor, once or for ever.

A call is told once, when it ends; one that never ends, once its process is gone. So the calls that
still run are remembered: with the place in each log they are the cursor.
"""

import heapq
from collections import deque
from copy import copy
from time import monotonic, sleep

from .._typing import TYPE_CHECKING, Any
from .._wire import RUNNING, UNKNOWN
from ..trail.find import lines_with
from ..trail.read import glance, is_whole, parse
from ..trail.segments import snapshot
from ..trail.tail import Tail
from . import open_calls
from .fold import LogEntries
from .killed import SeenKilled
from .search import Search, has_end, matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cursor import Cursor
    from .options import Query

    Entry = dict[str, Any]

_POLL_S = 0.2
_LOOK_ROUND_S = 1.0  # for processes that are gone
_REMEMBERED = 1000  # calls that were told


class Follower:
    """What is written to the logs after the cursor, in the order that it is written.

    `paths` are the logs; None is all there are, with those that come. Reading moves the cursor:
    past an entry when that is said to be `reached`.
    """

    def __init__(self, query: "Query", cursor: "Cursor", paths: "list[str] | None" = None) -> None:
        self.query = query
        self.cursor = cursor
        self._fixed = paths is not None
        self._search = Search(query, paths)
        self._tails: dict[str, Tail] = {}
        self._begun: dict[str, Entry] = {}  # of open calls, where it was looked up
        self._gone: set[str] = set()  # open calls whose process was gone at the last look
        self._told: deque[str] = deque(maxlen=_REMEMBERED)
        self._last: tuple[str, Any] | None = None
        self._problems: list[str] = []

    @property
    def paths(self) -> list[str]:
        """The logs that there are now."""
        return self._search.paths

    def new(self) -> "Iterator[Entry]":
        """Yield the entries of what has been written since the cursor."""
        grown = [path for path in self.paths if self._tail(path).has_grown()]
        streams = [self._new_in(path) for path in grown]
        for path, entry in heapq.merge(*streams, key=lambda each: str(each[1].get("logged_at"))):
            self._told.append(str(entry.get("request_id")))
            self._last = path, entry.get("seq")
            yield entry
            self.reached()
        for path in grown:
            self.cursor.put(path, self._tail(path).place)

    def reached(self) -> None:
        """Move the cursor past the entry that was yielded last."""
        if self._last is not None:
            self.cursor.reach(*self._last)
            self._last = None

    def ended_unseen(self, *, surely: bool = False) -> "Iterator[Entry]":
        """Yield the calls whose process is gone, and which nobody said the end of.

        Each is told at the second look: who started it may have its end to write. With `surely`,
        at the first.
        """
        gone: set[str] = set()
        for path in self.paths:
            for request_id in list(self.cursor.open_in(path)):
                entry = self._open_entry(path, request_id)
                if entry is None or entry["outcome"] in (RUNNING, UNKNOWN):
                    continue
                gone.add(request_id)
                if not surely and request_id not in self._gone:
                    continue
                self._forget(path, request_id)
                if _begin_of(path, request_id) is not None:
                    SeenKilled(path).complete(entry)
                    if matches(self.query, entry):
                        yield entry
        self._gone = gone

    def forever(self) -> "Iterator[Entry | None]":
        """Yield entries as they come, and None when there is none to wait for."""
        looked = monotonic()
        while True:
            yield from self.new()
            if monotonic() - looked > _LOOK_ROUND_S:
                looked = monotonic()
                yield from self.ended_unseen()
            yield None
            if not self._fixed:  # there may be new logs
                self._search = Search(self.query)
            sleep(_POLL_S)

    def problems(self) -> list[str]:
        """Return what could not be told since this was asked last, in sentences."""
        found, self._problems = self._problems, []
        for tail in self._tails.values():
            found += tail.gaps
            tail.gaps = []
        return found

    def _tail(self, path: str) -> Tail:
        if path not in self._tails:
            self._tails[path] = Tail(path, self.cursor.place(path))
        return self._tails[path]

    def _new_in(self, path: str) -> "Iterator[tuple[str, Entry]]":
        tail = self._tail(path)
        before, log = tail.place, LogEntries(path)
        try:
            picture = snapshot(path)
        except FileNotFoundError:
            return  # not begun yet
        except OSError as error:
            self._problems.append(_unread(path, error))
            return

        def look() -> "Iterator[tuple[bytes, bool]]":
            tail.place = copy(before)
            for line in tail.lines(picture):
                event, request_id = glance(line)
                if event == b"undelivered" and request_id.decode("ascii", "replace") in self._told:
                    name = request_id.decode("ascii", "replace")
                    self._problems.append(f"{name}: its response was not delivered after all")
                yield line, is_whole(line)

        try:
            for entry in log.fold(look, self._search.may_match):
                request_id = str(entry.get("request_id"))
                if not has_end(entry):
                    if entry["outcome"] != UNKNOWN:  # or nobody here sees its process go
                        self.cursor.open_in(path)[request_id] = None
                        self._begun[request_id] = entry
                    continue
                self._forget(path, request_id)
                if matches(self.query, entry):
                    yield path, entry
        except OSError as error:
            self._problems.append(_unread(path, error))
        if log.bad_lines:
            self._problems.append(f"{path}: {log.bad_lines} damaged lines were passed over")

    def _open_entry(self, path: str, request_id: str) -> "Entry | None":
        entry = self._begun.get(request_id)
        if entry is None:
            begin = _begin_of(path, request_id)
            if begin is None:
                self._forget(path, request_id)
                return None
            entry = self._begun[request_id] = LogEntries(path).entry(
                begin, b"begin", request_id.encode()
            )
        entry["outcome"] = open_calls.outcome(entry.get("process"))
        return entry

    def _forget(self, path: str, request_id: str) -> None:
        self.cursor.open_in(path).pop(request_id, None)
        self._begun.pop(request_id, None)


def _unread(path: str, error: OSError) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"


def _begin_of(path: str, request_id: str) -> "Entry | None":
    """Return the latest begin line of a call; None where there is none, or the call has ended."""
    found: Entry | None = None
    wanted = request_id.encode("ascii", "replace")
    try:
        for line in lines_with(snapshot(path), wanted, is_id=True):
            event, own = glance(line)
            if own == wanted and event == b"end":
                return None
            if own == wanted and event == b"begin":
                found = parse(line)
    except OSError:
        return None
    return found
