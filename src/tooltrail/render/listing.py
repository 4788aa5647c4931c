"""Print entries as they are found: a table for people, JSON lines or one response for programs."""

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from .._plain import encode_any
from ..query.options import JSON, JSONL
from .safe import duration, fit, pad, safe, width
from .words import call_words, exit_words, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Entry = dict[str, Any]

_LOOKED_AHEAD = 200  # rows whose width decides the columns of the table
_HEADINGS = ("", "TIME (UTC)", "TOOK", "EXIT", "TRACE", "CALL")


def pieces(
    entries: "Iterable[Entry]",
    output: str,
    *,
    columns: int | None,
    tail: "Callable[[], dict[str, Any]]",
) -> "Iterator[str]":
    """Yield the listing in pieces, as a stream.

    As `json` it is one response, whose other members `tail` gives once all entries are out. A
    table is cut to `columns`, where that is given.
    """
    if output == JSONL:
        return (encode_any(entry) + "\n" for entry in entries)
    if output == JSON:
        return _response(entries, tail)
    return _table(entries, columns)


def _response(entries: "Iterable[Entry]", tail: "Callable[[], dict[str, Any]]") -> "Iterator[str]":
    yield '{"data":{"entries":['
    for number, entry in enumerate(entries):
        yield (",\n" if number else "\n") + encode_any(entry)
    yield "\n]}," + encode_any(tail())[1:] + "\n"


def _table(entries: "Iterable[Entry]", columns: int | None) -> "Iterator[str]":
    rows = (_row(entry) for entry in entries)
    first = list(islice(rows, _LOOKED_AHEAD))
    if not first:
        return
    widths = [max(width(row[at]) for row in [_HEADINGS, *first]) for at in range(len(_HEADINGS))]
    for row in chain([_HEADINGS], first, rows):
        line = "  ".join(
            pad(cell, size, right=at in (2, 3))
            for at, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        yield (line if columns is None else fit(line, columns)) + "\n"


def _row(entry: "Entry") -> tuple[str, ...]:
    started = safe(entry.get("timestamp"))
    return (
        mark(entry),
        started.replace("T", " ").removesuffix("Z"),
        duration(_number(entry.get("duration_ms"))),
        exit_words(entry),
        safe(entry.get("trace_id"), 60),
        call_words(entry),
    )


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
