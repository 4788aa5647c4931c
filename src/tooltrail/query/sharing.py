"""Entries of which many are held at once: each text that they have in common is in memory once.

What is parsed of a line is the line's own: its names, its host, its folder. They are most of an
entry, and the same in all of a trace.
"""

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Entry = dict[str, Any]


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
