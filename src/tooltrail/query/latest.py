"""The end of a listing, or all of it the other way round, in bounded memory."""

import json
import tempfile
from array import array
from collections import deque
from typing import TYPE_CHECKING, Any

from .._plain import encode_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .options import Query

    Entry = dict[str, Any]

_IN_MEMORY = 10_000  # entries


def latest(entries: "Iterable[Entry]", query: "Query") -> "Iterator[Entry]":
    """Yield the last `query.tail` entries, or all; the newest first where that is asked for."""
    if query.tail is None:
        yield from _backwards(entries)
        return
    kept: deque[Entry] = deque(entries, maxlen=query.tail)
    yield from reversed(kept) if query.reverse else kept


def _backwards(entries: "Iterable[Entry]") -> "Iterator[Entry]":
    """Yield all entries from the last to the first; many of them wait in a temporary file."""
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
        yield from reversed(waiting)
        for start in reversed(starts):
            file.seek(start)
            yield json.loads(file.readline())
