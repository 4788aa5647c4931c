"""Draw a trace: calls in order, nested under their parents, each on its place in time."""

from typing import TYPE_CHECKING

from .safe import duration, fit, pad, safe, width
from .words import call_words, ending_words, error_words, exit_words, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reconstruct import Call, Trace

_MIN_COLUMNS_FOR_BARS = 70
_MIN_BAR = 10
_MIN_CALL = 8


class Signs:
    """The characters that the tree is drawn with."""

    def __init__(self, *, unicode: bool) -> None:
        self.branch, self.last, self.pipe = (
            ("├─ ", "└─ ", "│  ") if unicode else ("|- ", "`- ", "|  ")
        )
        self.bar, self.dot = ("█", "·") if unicode else ("#", ".")
        self.more = "…" if unicode else "~"


def lines(trace: "Trace", *, columns: int | None, signs: Signs) -> "Iterator[str]":
    """Yield the trace as lines of text; with bars where `columns` says that there is a terminal."""
    calls = trace.calls()
    failed = trace.failed()
    yield _heading(trace, len(calls), len(failed))
    yield ""
    rows = [_row(call, guide) for guide, call in _guided(trace.roots, "", signs, top=True)]
    titles = ("START", "TOOK", "EXIT", "  CALL")
    sizes = [max(width(row[at]) for row in [titles, *rows]) for at in range(4)]
    bar = _bar_columns(columns, sizes)
    sizes[3] = _call_columns(columns, sizes, bar)
    for row, call in [(titles, None), *zip(rows, calls, strict=True)]:
        cells = [pad(cell, size, right=True) for cell, size in zip(row[:3], sizes, strict=False)]
        text = "  ".join([*cells, row[3] if columns is None else fit(row[3], sizes[3])])
        if call is not None and bar:
            text = pad(text, sum(sizes) + 6) + "  " + _bar(call, trace.duration_ms, bar, signs)
        yield text.rstrip()
    yield ""
    yield from (line if columns is None else fit(line, columns) for line in _verdict(trace))


def _heading(trace: "Trace", count: int, failed: int) -> str:
    return (
        f"trace {safe(trace.trace_id, 300)}: {count} call{'s' if count != 1 else ''},"
        f" {failed} failed, {duration(trace.duration_ms)}, from {safe(trace.started)}"
    )


def _guided(
    calls: "list[Call]", above: str, signs: Signs, *, top: bool = False
) -> "Iterator[tuple[str, Call]]":
    for number, call in enumerate(calls):
        last = number == len(calls) - 1
        own = "" if top else signs.last if last else signs.branch
        yield above + own, call
        below = "" if top else "   " if last else signs.pipe
        yield from _guided(call.children, above + below, signs)


def _row(call: "Call", guide: str) -> tuple[str, str, str, str]:
    shown = call.shown
    lost = "  (its parent is not in this trace)" if call.parent_missing else ""
    return (
        duration(call.start_ms) if call.start_ms >= 0 else "",
        duration(call.duration_ms),
        exit_words(shown),
        f"{mark(shown)} {guide}{call_words(call.entry)}{lost}",
    )


def _bar_columns(columns: int | None, sizes: list[int]) -> int:
    if columns is None or columns < _MIN_COLUMNS_FOR_BARS:
        return 0
    left = columns - sum(sizes[:3]) - 8
    return max(_MIN_BAR, min(left - sizes[3], left // 2, 60))


def _call_columns(columns: int | None, sizes: list[int], bar: int) -> int:
    if columns is None:
        return sizes[3]
    return min(sizes[3], max(_MIN_CALL, columns - sum(sizes[:3]) - 6 - (bar + 2 if bar else 0)))


def _bar(call: "Call", whole_ms: int, columns: int, signs: Signs) -> str:
    """Return the call's place in the time of the whole trace."""
    scale = columns / max(whole_ms, 1)
    begin = min(columns - 1, int(call.start_ms * scale))
    if call.duration_ms is None:
        return signs.dot * begin + signs.more
    size = max(1, min(columns - begin, round(call.duration_ms * scale)))
    return signs.dot * begin + signs.bar * size + signs.dot * (columns - begin - size)


def _verdict(trace: "Trace") -> "Iterator[str]":
    slowest = trace.slowest()
    if slowest is not None and slowest.own_ms:
        share = round(100 * slowest.own_ms / max(trace.duration_ms, 1))
        yield (
            f"slowest  {call_words(slowest.entry)}: {duration(slowest.own_ms)} of its own,"
            f" {share} % of the whole  ({safe(slowest.request_id)})"
        )
    for call in trace.failed():
        why = error_words(call.shown)
        yield (
            f"failed   {call_words(call.entry)}: {ending_words(call.shown)}"
            f"{', ' + why if why else ''}  ({safe(call.request_id)})"
        )
