"""The counts of a sealed segment, kept beside it: its lines are counted once.

Made by who counts them first (`tally`). A table has one row for each kind of call: how many there
are of each duration. There are two: who called is another question than what, and would make as
many rows as there are sessions.
"""

import os
from array import array
from collections import Counter
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock

from .._typing import TYPE_CHECKING, Any
from ..trail import side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..trail.segments import Segment
    from .tally import Key

    Kept = frozenset[int]  # the places of a key that matter
    Known = tuple[Any, memoryview]

_PLACES = {  # of a key: the last is the duration
    side.COUNTS: frozenset({0, 1, 2, 4, 5, 6}),
    side.OPERATORS: frozenset({3, 4, 5, 6}),
}


def places_of(kept: "Kept") -> "Kept":
    """Return the places of the table in which these are; where they are in none, these."""
    return _PLACES.get(_table_for(kept) or "", kept)


def _table_for(kept: "Kept") -> str | None:
    return next((kind for kind, places in _PLACES.items() if kept <= places), None)


def load(segment: "Segment", kept: "Kept") -> "Known | None":
    """Return the table of a sealed segment in which these places are; None where there is none."""
    table = _table_for(kept)
    if table is not None:
        with suppress(OSError), segment.open_as_it_is() as file:
            return side.load(segment, table, os.fstat(file.fileno()))
    return None


def rows(table: "Known", kept: "Kept") -> "Iterable[tuple[Key, int]]":
    """Yield what a table has: a key, and how many calls there are of it."""
    told, body = table
    numbers = body.cast("Q")
    at = 0
    for names, unknown, size in told["kinds"]:
        kind = tuple(name if place in kept else None for place, name in enumerate(names))
        taken, counts = numbers[at : at + size], numbers[at + size : at + 2 * size]
        at += 2 * size
        for each, count in zip(taken, counts, strict=True):
            yield (*kind, str(each)), count
        if unknown:
            yield (*kind, None), unknown


def save(
    segment: "Segment",
    status: os.stat_result,
    kept: "Kept",
    counts: "Counter[Key]",
    more: dict[str, Any],
) -> None:
    """Keep what a segment's file came to when its status was this, where that is possible.

    `more` is what else there is to say of it, as JSON.
    """
    table = _table_for(kept)
    if table is None:
        return
    kinds: dict[Key, Counter[str | None]] = {}
    for (*kind, taken), count in counts.items():
        kinds.setdefault(tuple(kind), Counter())[taken] = count
    numbers = array("Q")
    told: list[tuple[Key, int, int]] = []
    for names, durations in kinds.items():
        unknown = durations.pop(None, 0)
        if not all(taken is not None and taken.isdecimal() for taken in durations):
            return  # another writer's: it is no number of milliseconds
        numbers.extend(int(taken or 0) for taken in durations)
        numbers.extend(durations.values())
        told.append((names, unknown, len(durations)))
    with suppress(OSError, OverflowError):
        folder = os.open(os.path.dirname(segment.path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            flock(folder, LOCK_EX | LOCK_NB)
            with segment.open_as_it_is() as file:
                if side.identity(os.fstat(file.fileno())) == side.identity(status):
                    whole = {**more, "kinds": told}
                    side.save(segment, table, status, whole, numbers.tobytes())
        finally:
            os.close(folder)
