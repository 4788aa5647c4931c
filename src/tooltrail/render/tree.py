"""Draw a trace: calls in order, nested under their parents, each on its place in time."""

from .._typing import TYPE_CHECKING
from ..reconstruct.blame import GAP, LOG, OWN, SHUTDOWN, STARTUP
from . import below, steps
from .safe import duration, fit, folded, pad, safe, width
from .words import call_words, ending_words, error_words, exit_words, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..reconstruct import Call, Trace

_MIN_COLUMNS_FOR_BARS = 70
_MIN_BAR = 10
_MIN_CALL = 8
_INDENT = " " * 9  # below the first word of what is said of a trace
_GAP_SHARE, _GAP_MS = 0.05, 100  # of the trace, and at least: a gap that has a row of its own
_RED, _YELLOW, _DIM, _BOLD = "31", "33", "2", "1"
_STYLES = {"x": _RED, "~": _YELLOW, "?": _YELLOW}
_KINDS = {
    OWN: "in the calls themselves",
    GAP: "between them, the agent thinking or waiting",
    STARTUP: "starting them",
    SHUTDOWN: "ending them",
    LOG: "writing the log",
}


class Signs:
    """The characters that the tree is drawn with."""

    def __init__(self, *, unicode: bool) -> None:
        self.branch, self.last, self.pipe = (
            ("├─ ", "└─ ", "│  ") if unicode else ("|- ", "`- ", "|  ")
        )
        self.bar, self.beside, self.startup = ("█", "▓", "░") if unicode else ("#", "%", ":")
        self.step, self.dot = ("▒", "·") if unicode else ("=", ".")
        self.more = "…" if unicode else "~"


def lines(
    trace: "Trace", *, columns: int | None, signs: Signs, colour: bool = False
) -> "Iterator[str]":
    """Yield the trace as lines of text; with bars where `columns` says that there is a terminal.

    First what it cannot show and what was done about clocks, then the calls, then the verdict.
    """
    for line in (_heading(trace), *_caveats(trace), *_time(trace)):
        yield from folded(line, columns, _INDENT)
    yield ""
    yield from _table(trace, columns, signs, colour)
    yield ""
    for line in _verdict(trace):
        yield from folded(line, columns, _INDENT)


def _table(trace: "Trace", columns: int | None, signs: Signs, colour: bool) -> "Iterator[str]":
    slowest = trace.slowest()
    titles = Row(("START", "TOOK", "EXIT", "  CALL"), style=_BOLD)
    rows = [titles, *_rows(trace, signs, slowest)]
    sizes = [max(map(width, {row.cells[at] for row in rows})) for at in range(3)]
    sizes.append(0 if columns is None else max(width(row.cells[3]) for row in rows))
    bar = _bar_columns(columns, sizes)
    sizes[3] = _call_columns(columns, sizes, bar)
    whole = max(trace.duration_ms, 1)
    for row in rows:
        start, took, code, call = row.cells
        if columns is not None:
            call = fit(call, sizes[3])
        code = pad(code, sizes[2], right=True)
        text = f"{start.rjust(sizes[0])}  {took.rjust(sizes[1])}  {code}  {call}"
        if row.sign and bar:
            text = pad(text, sum(sizes) + 6) + "  " + _bar(row, whole, bar, signs)
        text = text.rstrip()
        yield f"\x1b[{row.style}m{text}\x1b[0m" if colour and row.style else text


def _heading(trace: "Trace") -> str:
    count = len(trace.calls())
    return (
        f"trace {safe(trace.trace_id, 300)}: {count} call{'s' if count != 1 else ''},"
        f" {len(trace.failed())} failed, {duration(trace.duration_ms)}, from {safe(trace.started)}"
    )


def _caveats(trace: "Trace") -> "Iterator[str]":
    for _, text in trace.gaps:
        yield f"not seen {safe(text, 400)}"
    for text in trace.corrections:
        yield f"clocks   {safe(text, 400)}"


def _time(trace: "Trace") -> "Iterator[str]":
    """Say what the time went by with, on the critical path: the parts make up the whole."""
    parts = sorted(trace.shares().items(), key=lambda part: -part[1])
    whole = sum(ms for _, ms in parts)
    told = [(kind, ms) for kind, ms in parts if ms and ms >= whole / 200]
    if len(told) > 1:
        words = (
            f"{duration(ms)} {_KINDS[kind]} ({round(100 * ms / whole)} %)" for kind, ms in told
        )
        yield f"time     {', '.join(words)}"


class Row:
    """One line of the tree: its cells, and where it has its place in time, the bar's sign."""

    __slots__ = ("cells", "duration_ms", "sign", "start_ms", "startup_ms", "style")

    def __init__(
        self,
        cells: tuple[str, str, str, str],
        *,
        start_ms: int = 0,
        duration_ms: int | None = None,
        startup_ms: int = 0,
        sign: str = "",
        style: str = "",
    ) -> None:
        self.cells = cells
        self.start_ms = start_ms
        self.duration_ms = duration_ms
        self.startup_ms = startup_ms
        self.sign = sign
        self.style = style


def _rows(trace: "Trace", signs: Signs, slowest: "Call | None") -> "Iterator[Row]":
    gap = max(trace.duration_ms * _GAP_SHARE, _GAP_MS)
    # Each call that is to be drawn: with what stands before it, and before what is below it.
    waiting = [(call, "", "") for call in reversed(trace.roots)]
    while waiting:
        call, own, under = waiting.pop()
        if not own and (call.blame.gap_ms or 0) >= gap:
            yield _gap_row(call, signs)
        yield _row(call, own, signs, is_slowest=call is slowest)
        yield from _step_rows(call, under + (signs.pipe if call.children else "   "), signs)
        for number, child in enumerate(reversed(call.children)):
            branch, pipe = (signs.branch, signs.pipe) if number else (signs.last, "   ")
            waiting.append((child, under + branch, under + pipe))


def _gap_row(call: "Call", signs: Signs) -> Row:
    took = call.blame.gap_ms or 0
    start = call.launched_ms - took
    text = f"  {signs.dot} nothing ran"
    return Row((duration(max(start, 0)), duration(took), "", text), style=_DIM)


def _row(call: "Call", guide: str, signs: Signs, *, is_slowest: bool) -> Row:
    shown = call.shown
    notes = "  (its parent is not in this trace)" if call.parent_missing else ""
    notes += "  <- slowest" if is_slowest and call.own_ms else ""
    sign = mark(shown)
    cells = (
        duration(call.start_ms) if call.start_ms >= 0 else "",
        duration(call.duration_ms),
        exit_words(shown),
        f"{sign} {guide}{call_words(call.entry)}{notes}",
    )
    return Row(
        cells,
        start_ms=call.start_ms,
        duration_ms=call.duration_ms,
        startup_ms=call.blame.startup_ms or 0,
        sign=signs.bar if call.critical else signs.beside,
        style=_STYLES.get(sign, _BOLD if is_slowest else ""),
    )


def _step_rows(call: "Call", guide: str, signs: Signs) -> "Iterator[Row]":
    if "steps" not in call.entry and "steps_dropped" not in call.entry:
        return
    drawn, left_out = steps.shown(call.steps)
    for step in drawn:
        start = call.start_ms + step.offset_ms
        text = f"{steps.mark(step)} {guide}{steps.words(step, signs.dot)}"
        cells = (duration(start) if start >= 0 else "", duration(step.duration_ms), "", text)
        yield Row(cells, start_ms=start, duration_ms=step.duration_ms, sign=signs.step)
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
    scale = columns / whole_ms
    begin = max(0, min(columns - 1, int(row.start_ms * scale)))
    startup = min(begin, round(row.startup_ms * scale))
    before = signs.dot * (begin - startup) + signs.startup * startup
    if row.duration_ms is None:
        return before + signs.more
    size = max(1, min(columns - begin, round(row.duration_ms * scale)))
    return before + row.sign * size + signs.dot * (columns - begin - size)


def _verdict(trace: "Trace") -> "Iterator[str]":
    slowest = trace.slowest()
    if slowest is not None and slowest.own_ms:
        share = round(100 * slowest.own_ms / max(trace.duration_ms, 1))
        yield (
            f"slowest  {call_words(slowest.entry)}: {duration(slowest.own_ms)} of its own,"
            f" {share} % of the whole{_whose(slowest)}  ({safe(slowest.request_id)})"
        )
    step = trace.slowest_step()
    if step is not None and step[1].own_ms:
        share = round(100 * step[1].own_ms / max(step[0].duration_ms or 0, 1))
        yield (
            f"slowest step  {safe(step[1].name, 80)} of {call_words(step[0].entry)}:"
            f" {duration(step[1].own_ms)}, {share} % of the call  ({safe(step[0].request_id)})"
        )
    yield from _beside(trace)
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


def _whose(call: "Call") -> str:
    """Say how much more than its own time a call cost, and what with."""
    blame = call.blame
    parts = (
        (blame.children_ms, "in what it called"),
        (blame.startup_ms, "to start"),
        (blame.shutdown_ms, "to end"),
        (blame.log_wait_ms, "for the log"),
    )
    told = [f"{duration(ms)} {words}" for ms, words in parts if ms]
    return f" (and {', '.join(told)})" if told else ""


def _beside(trace: "Trace") -> "Iterator[str]":
    """Name the calls that ran beside others, and cost the trace no time."""
    beside = [call for call in trace.calls() if call.duration_ms and not call.critical]
    if beside:
        count = "1 call" if len(beside) == 1 else f"{len(beside)} calls"
        yield f"beside   {count} not on the critical path: without, it would have taken as long"
