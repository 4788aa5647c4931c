"""The end of a listing, or all of it the other way round, in bounded memory."""

import json
import tempfile
from array import array
from collections import deque

from .._plain import encode_any
from .._typing import TYPE_CHECKING, Any
from ..errors import TooltrailError
from ..trail.find import last_time
from .window import earlier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .options import Query
    from .search import Search

    Entry = dict[str, Any]

_IN_MEMORY = 10_000  # entries
_LATELY = (1, 24, 24 * 30)  # hours


def since_when(search: "Search") -> str | None:
    """Return a time since which at least `query.tail` of the calls are that are asked for.

    The end of a long log is found by looking at the last hour, the last day, the last month.
    None where that does not do, and all of the log has to be read.
    """
    from .search import is_imported

    query = search.query
    plain = query.since is None and query.until is None and query.trace_id is None
    if query.tail is None or not plain or query.request_id is not None:
        return None
    times = [last_time(path) for path in search.paths if not is_imported(path)]
    if len(times) < len(search.paths):
        return None
    newest = max((time for time in times if time is not None), default=None)
    for hours in _LATELY if newest is not None else ():
        try:
            since = earlier(str(newest), hours=hours)
        except (ValueError, OverflowError):
            return None  # that is no time
        recent = query.but(since=since, reverse=False, tail=None, limit=query.tail)
        if sum(1 for _ in type(search)(recent, search.paths)) == query.tail:
            return recent.since
    return None


def latest(entries: "Iterable[Entry]", query: "Query") -> "Iterator[Entry]":
    """Yield the last `query.tail` entries, or all; the newest first where that is asked for.

    Raises `TooltrailError` where the temporary folder has no room for those that memory has not.
    """
    if query.tail is None or query.tail > _IN_MEMORY:
        try:
            yield from _put_down(entries, query)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TooltrailError(
                f"the temporary folder {tempfile.gettempdir()}: {reason}",
                hint="TMPDIR names another; --since asks for less",
            ) from error
        return
    kept: deque[Entry] = deque(entries, maxlen=query.tail)
    yield from reversed(kept) if query.reverse else kept


def _put_down(entries: "Iterable[Entry]", query: "Query") -> "Iterator[Entry]":
    """Do the same for more entries than memory has room for: they wait in a temporary file."""
    waiting: list[Entry] = []
    starts = array("Q")
    with tempfile.TemporaryFile() as file:
        for entry in entries:
            waiting.append(entry)
            if len(waiting) == _IN_MEMORY:
                for each in waiting:
                    starts.append(file.tell())
                    file.write(encode_any(each).encode("ascii") + b"\n")
                waiting.clear()
        in_file = len(starts)
        count = in_file + len(waiting)
        wanted = range(0 if query.tail is None else max(0, count - query.tail), count)
        for number in reversed(wanted) if query.reverse else wanted:
            if number < in_file:
                file.seek(starts[number])
            yield json.loads(file.readline()) if number < in_file else waiting[number - in_file]
