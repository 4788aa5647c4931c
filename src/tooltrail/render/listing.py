"""Print entries as they are found: a table for people, JSON lines or one response for programs."""

from itertools import chain, islice

from .._plain import encode_any, encode_parsed
from .._signals import Terminated
from .._typing import TYPE_CHECKING, Any
from ..query.options import CSV, JSON, JSONL
from .safe import duration, fit, pad, safe, width
from .words import call_words, exit_words, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Entry = dict[str, Any]
    Tail = Callable[[BaseException | None], dict[str, Any]]

STOPS = (KeyboardInterrupt, Terminated)  # what has been listed by then is whole
CSV_FIELDS = (
    *("timestamp", "logged_at", "tool", "command", "outcome", "exit_code", "signal"),
    *("duration_ms", "operator", "trace_id", "request_id", "parent_request_id", "recorder"),
    *("origin", "version", "process.host", "process.user", "process.cwd", "params", "error"),
)
_MAX_CELL_CHARS = 32_000  # a spreadsheet takes 32,767
_LOOKED_AHEAD = 200  # rows whose width decides the columns of the table
_HEADINGS = ("", "TIME (UTC)", "TOOK", "EXIT", "TRACE", "CALL")
_NARROW, _VERY_NARROW = 120, 60  # columns
_LEAST = (1, 23, 8, 8, 26, 0)  # columns, where no row is there yet


def pieces(
    entries: "Iterable[Entry]",
    output: str,
    *,
    columns: int | None,
    tail: "Tail",
    fields: "Sequence[str] | None" = None,
    looked_ahead: int | None = None,
) -> "Iterator[str]":
    """Yield the listing in pieces, as a stream.

    As `json` it is one response, whose other members `tail` gives once all entries are out, or
    once it was stopped, by an exception that it is told. A
    table is cut to `columns`, where that is given. `fields` are names of members, with dots for
    what is inside others; only those are shown. `looked_ahead` is how many rows may be waited for
    to find how wide a table's columns are; None is as many as is usual.
    """
    if output == CSV:
        names = fields or CSV_FIELDS
        return csv_lines((picked(entry, names) for entry in entries), names)
    if fields is not None:
        entries = (picked(entry, fields) for entry in entries)
    if output == JSONL:
        return map(json_line, entries)
    if output == JSON:
        return _response(entries, tail)
    ahead = _LOOKED_AHEAD if looked_ahead is None else looked_ahead
    if fields is not None:
        return _plain_table(entries, fields, columns, ahead)
    return _table(entries, columns, ahead)


class Unknown:
    """The fields that were asked for and that no entry has: misspelt, it may be."""

    def __init__(self, fields: "Iterable[str]") -> None:
        self._left = {field: field.partition(".")[0] for field in fields}
        self.any = False  # there was an entry

    def among(self, entries: "Iterable[Entry]") -> "Iterator[Entry]":
        """Hand the entries on, and look which fields they have."""
        for entry in entries:
            self.any = True
            if self._left:
                left = self._left.items()
                self._left = {field: name for field, name in left if name not in entry}
            yield entry

    def told(self) -> "Iterator[tuple[str, str]]":
        """Yield a code and a sentence for each, where there was an entry."""
        for field in self._left if self.any else ():
            yield "NO_SUCH_FIELD", f"no entry has a field called {safe(field, 80)}"


def picked(entry: "Entry", fields: "Sequence[str]") -> "Entry":
    """Return these fields of an entry, by their names with dots; what it has not is null."""
    found = {}
    for field in fields:
        value: Any = entry
        for part in field.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        found[field] = value
    return found


def json_line(row: "Mapping[str, Any]") -> str:
    """Return an object as one line of JSON."""
    return encode_parsed(row) + "\n"


def csv_lines(rows: "Iterable[Mapping[str, Any]]", names: "Sequence[str]") -> "Iterator[str]":
    """Yield RFC 4180, with the names first.

    A value that a spreadsheet would take for a formula has a quote before it.
    """
    import csv
    from io import StringIO

    out = StringIO()
    writer = csv.writer(out)
    for row in chain([names], ([_cell(row.get(name)) for name in names] for row in rows)):
        writer.writerow(row)
        yield out.getvalue()
        out.seek(0)
        out.truncate()


def _cell(value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return "" if value is None else encode_any(value)
    text = safe(value, _MAX_CELL_CHARS)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _plain_table(
    entries: "Iterable[Entry]", fields: "Sequence[str]", columns: int | None, ahead: int
) -> "Iterator[str]":
    """Yield one column for each field."""
    rows = ([safe(value) for value in entry.values()] for entry in entries)
    yield from _lines(rows, [field.upper() for field in fields], columns, (), ahead)


def _response(entries: "Iterable[Entry]", tail: "Tail") -> "Iterator[str]":
    yield '{"data":{"entries":['
    try:
        for number, entry in enumerate(entries):
            yield (",\n" if number else "\n") + encode_parsed(entry)
    except STOPS as stopped:
        yield "\n]}," + encode_any(tail(stopped))[1:] + "\n"
        raise
    yield "\n]}," + encode_any(tail(None))[1:] + "\n"


def _table(entries: "Iterable[Entry]", columns: int | None, ahead: int) -> "Iterator[str]":
    """Yield the table; where there is little room, times and traces are shortened for the calls."""
    rows = (_row(entry) for entry in entries)
    headings: tuple[str, ...] = _HEADINGS
    if columns is not None and columns < _NARROW:
        rows = (
            (sign, at[5:19], *more, fit(trace, 12), call) for sign, at, *more, trace, call in rows
        )
    if columns is not None and columns < _VERY_NARROW:
        rows = ((row[0], row[1][6:], *row[2:4], row[5]) for row in rows)
        headings = (*_HEADINGS[:4], _HEADINGS[5])
    yield from _lines(rows, headings, columns, (2, 3), ahead)


def _lines(
    rows: "Iterable[Sequence[str]]",
    headings: "Sequence[str]",
    columns: int | None,
    to_the_right: "Sequence[int]",
    ahead: int,
) -> "Iterator[str]":
    rows = iter(rows)
    first = list(islice(rows, ahead))
    if ahead and not first:
        return
    least = dict(zip(headings, _LEAST, strict=False)) if not ahead else {}
    widths = [
        max(least.get(heading, 0), *(width(row[at]) for row in [headings, *first]))
        for at, heading in enumerate(headings)
    ]
    for row in chain([headings], first, rows):
        line = "  ".join(
            pad(cell, size, right=at in to_the_right)
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
