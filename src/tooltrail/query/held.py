"""Entries of which many are held at once: each text that they have in common is in memory once.

What is parsed of a line is the line's own: its names, its host, its folder. They are most of an
entry, and the same in all of a trace.
"""

from itertools import islice

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .gaps import Gap

    Entry = dict[str, Any]

MAX_CALLS = 10_000  # of one trace


def sharing(entries: "Iterable[Entry]") -> "Iterator[Entry]":
    """Yield equal entries, whose texts, and those of the objects in them, are shared."""
    known: dict[str, str] = {}
    once = known.setdefault

    def shared(fields: "Entry") -> "Entry":
        return {
            once(name, name): once(value, value) if type(value) is str else value
            for name, value in fields.items()
        }

    for entry in entries:
        for name, value in entry.items():
            if type(value) is dict:
                entry[name] = shared(value)
        yield shared(entry)


def calls_of(entries: "Iterable[Entry]") -> "tuple[list[Entry], list[Gap]]":
    """Return the calls of a trace, and what is to be said where not all of them have room.

    Then they are the first ones, with those that made them, which end later.
    """
    entries = iter(entries)
    kept = list(sharing(islice(entries, MAX_CALLS)))
    left_out = _add_parents(kept, entries)
    if not left_out:
        return kept, []
    message = f"the first {MAX_CALLS} of its calls are here, {left_out} more are not"
    return kept, [("TOO_MANY_CALLS", message)]


def _add_parents(kept: "list[Entry]", others: "Iterable[Entry]") -> int:
    """Add the calls that made those that are kept: they end later. Return how many are left out."""
    there = {entry.get("request_id") for entry in kept}
    missing = {entry.get("parent_request_id") for entry in kept} - there
    left_out = 0
    for entry in others:
        if entry.get("request_id") in missing:
            kept.append(entry)
        else:
            left_out += 1
    return left_out
