"""Deliver what is written to the logs after a cursor: once, or as long as somebody reads."""

import os
import select
import sys

from .._host import say
from .._typing import TYPE_CHECKING, Any
from ..entry import Ending
from ..errors import CommandError, TooltrailError, UsageError
from ..query import cursor as cursors
from ..query.follow import Follower
from ..query.options import JSON, JSONL, query_from
from ..query.search import Search
from . import listing
from .deliver import (
    fail,
    fields_from,
    note_problems,
    response_tail,
    terminal_columns,
    undelivered,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._invocation import Invocation
    from ..query.cursor import Cursor
    from ..query.options import Query

    Entry = dict[str, Any]

_LEAVE_OUT = "leave one of them out"
_BACKLOG = 10  # calls before now that are shown where nothing says how many


def deliver_following(
    call: "Invocation",
    values: "Mapping[str, Any]",
    output: str,
    paths: "list[str] | None" = None,
) -> int:
    """Print the entries after the cursor, and with `follow` those that come; return the exit code.

    The cursor file is written once what it stands for has been delivered.
    """
    try:
        reader = _Reader(values, paths)
        fields = fields_from(values.get("fields"))
        if output == JSON and values.get("follow"):
            output = JSONL  # one response would never end
    except TooltrailError as error:
        return fail(call, error, output)
    pieces = listing.pieces(
        reader.entries(),
        output,
        columns=terminal_columns(),
        tail=lambda stopped: response_tail(call, reader.problems(), stopped),
        fields=fields,
        looked_ahead=0 if values.get("follow") else None,
    )
    try:
        write(pieces, output != JSON)
        reader.save()
    except TooltrailError as error:
        return fail(call, error, output)
    except OSError as error:
        return undelivered(call, error)
    except listing.STOPS:
        reader.save_if_possible()
        raise
    note_problems(call, reader.problems())
    call.finish(Ending(0))
    return 0


class _Reader:
    """Reads on from where a cursor file says, or from now."""

    def __init__(self, values: "Mapping[str, Any]", paths: "list[str] | None") -> None:
        self.follow = bool(values.get("follow"))
        if self.follow or values.get("cursor_file"):
            _refuse_what_does_not_fit(values)
        self._file: str | None = values.get("cursor_file")
        query = query_from(values)
        self._limit, self._backlog = query.limit, query.tail
        query.limit = query.tail = None
        self._query = query
        self._paths = paths
        self._cursor = cursors.load(self._file) if self._file else None
        self._saved: str | None = None
        self._before: Search | None = None
        if self._cursor is None:
            self._cursor = cursors.Cursor()
            if self.follow:
                self._before = self._begin_now(self._cursor)
        self._follower = Follower(query, self._cursor, paths)

    def entries(self) -> "Iterator[Entry]":
        """Yield the entries, in the order of the logs, as many as are asked for."""
        left = self._limit
        for entry in self._all():
            if entry is None:
                self._pause()
                continue
            yield entry
            self._follower.reached()
            left = None if left is None else left - 1
            if left == 0:
                return

    def _all(self) -> "Iterator[Entry | None]":
        if self._before is not None:
            yield from self._before
        if self.follow:
            yield from self._follower.forever()
        else:
            yield from self._follower.new()
            yield from self._follower.ended_unseen(surely=True)

    def save(self) -> None:
        """Write the cursor file, where there is to be one. Raises `CommandError`."""
        if self._file and self._cursor is not None:
            self._saved = cursors.save(self._cursor, self._file, unless=self._saved)

    def save_if_possible(self) -> None:
        """Do the same; say so where it cannot be done."""
        try:
            sys.stdout.flush()
            self.save()
        except (CommandError, OSError, ValueError) as error:
            say(f"tooltrail: {error}\n")

    def problems(self) -> "list[tuple[str, str]]":
        """Return what could not be read."""
        return [("LOG_NOT_READ_WHOLE", text) for text in self._follower.problems()]

    def _begin_now(self, cursor: "Cursor") -> Search | None:
        """Put the cursor behind what is there; return the search for what is shown of that."""
        search = Search(self._query, self._paths)
        cursor.to_the_end(search.paths)
        past = _with_tail(self._query, self._backlog)
        seen = Search(past, self._paths)
        seen.until = {path: cursor.place(path).seq for path in search.paths}
        seen.ended_only = True
        return seen

    def _pause(self) -> None:
        """Hand over what was printed, and note that; stop where nobody reads any more."""
        sys.stdout.flush()
        for _, problem in self.problems():
            say(f"tooltrail: {problem}\n")
        self.save()
        poll = select.poll()
        poll.register(sys.stdout.fileno(), select.POLLERR)
        if any(event & (select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0)):
            raise BrokenPipeError(32, os.strerror(32))


def _with_tail(query: "Query", tail: int | None) -> "Query":
    """Return the query for what is shown before following: the last few, unless it says since."""
    return query.but(tail=tail or (None if query.since else _BACKLOG))


def _refuse_what_does_not_fit(values: "Mapping[str, Any]") -> None:
    for name in ("reverse", "prove_none", *(("until",) if values.get("follow") else ())):
        if values.get(name):
            option = "--follow" if values.get("follow") else "--cursor-file"
            wrong = f"{option} does not go with --{name.replace('_', '-')}"
            raise UsageError(wrong, hint=_LEAVE_OUT)
    if values.get("tail") and not values.get("follow"):
        raise UsageError("--cursor-file does not go with --tail", hint=_LEAVE_OUT)
