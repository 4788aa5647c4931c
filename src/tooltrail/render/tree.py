"""Draw a trace: calls in order, nested under their parents, each on its place in time."""

from typing import TYPE_CHECKING

from . import below, steps
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
        self.bar, self.step, self.dot = ("█", "▒", "·") if unicode else ("#", "=", ".")
        self.more = "…" if unicode else "~"


def lines(trace: "Trace", *, columns: int | None, signs: Signs) -> "Iterator[str]":
    """Yield the trace as lines of text; with bars where `columns` says that there is a terminal."""
    calls = trace.calls()
    failed = trace.failed()
    yield _heading(trace, len(calls), len(failed))
    yield ""
    titles = Row(("START", "TOOK", "EXIT", "  CALL"))
    rows = [titles, *_rows(trace.roots, "", signs, top=True)]
    sizes = [max(width(row.cells[at]) for row in rows) for at in range(4)]
    bar = _bar_columns(columns, sizes)
    sizes[3] = _call_columns(columns, sizes, bar)
    for row in rows:
        *left, call = row.cells
        cells = [pad(cell, size, right=True) for cell, size in zip(left, sizes, strict=False)]
        text = "  ".join([*cells, call if columns is None else fit(call, sizes[3])])
        if row.sign and bar:
            text = pad(text, sum(sizes) + 6) + "  " + _bar(row, trace.duration_ms, bar, signs)
        yield text.rstrip()
    yield ""
    yield from (line if columns is None else fit(line, columns) for line in _verdict(trace))


def _heading(trace: "Trace", count: int, failed: int) -> str:
    return (
        f"trace {safe(trace.trace_id, 300)}: {count} call{'s' if count != 1 else ''},"
        f" {failed} failed, {duration(trace.duration_ms)}, from {safe(trace.started)}"
    )


class Row:
    """One line of the tree: its cells, and where it has its place in time, the bar's sign."""

    def __init__(
        self,
        cells: tuple[str, str, str, str],
        start_ms: int = 0,
        duration_ms: int | None = None,
        sign: str = "",
    ) -> None:
        self.cells = cells
        self.start_ms = start_ms
        self.duration_ms = duration_ms
        self.sign = sign


def _rows(calls: "list[Call]", above: str, signs: Signs, *, top: bool = False) -> "Iterator[Row]":
    for number, call in enumerate(calls):
        last = number == len(calls) - 1
        own = "" if top else signs.last if last else signs.branch
        yield _row(call, above + own, signs)
        below = above + ("" if top else "   " if last else signs.pipe)
        yield from _step_rows(call, below + (signs.pipe if call.children else "   "), signs)
        yield from _rows(call.children, below, signs)


def _row(call: "Call", guide: str, signs: Signs) -> Row:
    shown = call.shown
    lost = "  (its parent is not in this trace)" if call.parent_missing else ""
    cells = (
        duration(call.start_ms) if call.start_ms >= 0 else "",
        duration(call.duration_ms),
        exit_words(shown),
        f"{mark(shown)} {guide}{call_words(call.entry)}{lost}",
    )
    return Row(cells, call.start_ms, call.duration_ms, signs.bar)


def _step_rows(call: "Call", guide: str, signs: Signs) -> "Iterator[Row]":
    drawn, left_out = steps.shown(call.steps)
    for step in drawn:
        start = call.start_ms + step.offset_ms
        text = f"{steps.mark(step)} {guide}{steps.words(step, signs.dot)}"
        cells = (duration(start) if start >= 0 else "", duration(step.duration_ms), "", text)
        yield Row(cells, start, step.duration_ms, signs.step)
    dropped = call.entry.get("steps_dropped")
    left_out += dropped if isinstance(dropped, int) else 0
    if left_out > 0:
        yield Row(("", "", "", f"  {guide}{signs.dot} and {left_out} more steps"))


def _bar_columns(columns: int | None, sizes: list[int]) -> int:
    if columns is None or columns < _MIN_COLUMNS_FOR_BARS:
        return 0
    left = columns - sum(sizes[:3]) - 8
    return max(_MIN_BAR, min(left - sizes[3], left // 2, 60))


def _call_columns(columns: int | None, sizes: list[int], bar: int) -> int:
    if columns is None:
        return sizes[3]
    return min(sizes[3], max(_MIN_CALL, columns - sum(sizes[:3]) - 6 - (bar + 2 if bar else 0)))


def _bar(row: Row, whole_ms: int, columns: int, signs: Signs) -> str:
    """Return the place of a call, or of a step, in the time of the whole trace."""
    scale = columns / max(whole_ms, 1)
    begin = min(columns - 1, int(row.start_ms * scale))
    if row.duration_ms is None:
        return signs.dot * begin + signs.more
    size = max(1, min(columns - begin, round(row.duration_ms * scale)))
    return signs.dot * begin + row.sign * size + signs.dot * (columns - begin - size)


def _verdict(trace: "Trace") -> "Iterator[str]":
    slowest = trace.slowest()
    if slowest is not None and slowest.own_ms:
        share = round(100 * slowest.own_ms / max(trace.duration_ms, 1))
        yield (
            f"slowest  {call_words(slowest.entry)}: {duration(slowest.own_ms)} of its own,"
            f" {share} % of the whole  ({safe(slowest.request_id)})"
        )
    step = trace.slowest_step()
    if step is not None and step[1].own_ms:
        share = round(100 * step[1].own_ms / max(step[0].duration_ms or 0, 1))
        yield (
            f"slowest step  {safe(step[1].name, 80)} of {call_words(step[0].entry)}:"
            f" {duration(step[1].own_ms)}, {share} % of the call  ({safe(step[0].request_id)})"
        )
    for call in trace.calls():
        origin = call.entry.get("origin_request_id")
        if origin:
            yield f"replayed {call_words(call.entry)}: the result of {safe(origin)}"
    for call in trace.calls():
        if call.retry is not None:
            attempt, before = call.retry
            words = call_words(call.entry)
            yield f"retried  {words}: attempt {attempt}, after {safe(before)} failed"
    for call in trace.calls():
        if call.seen_below:
            yield from below.lines(call.seen_below)
    for call in trace.failed():
        why = error_words(call.shown)
        yield (
            f"failed   {call_words(call.entry)}: {ending_words(call.shown)}"
            f"{', ' + why if why else ''}  ({safe(call.request_id)})"
        )
