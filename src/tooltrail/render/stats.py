"""Deliver statistics: a table for people, rows for programs."""

import sys

from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from ..envelope import document
from ..query.options import CSV, JSON, JSONL, query_from
from ..query.stats import COMMAND, QUANTILES, Stats, summed
from .deliver import deliver, note_problems, response_tail, terminal_columns, tidy, write
from .listing import csv_lines, json_line
from .progress import Progress
from .safe import duration, fit, pad, safe, width

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._invocation import Invocation
    from ..query.stats import Group

_SIGNIFICANT = 0.1  # of a quantile, or of the failures: less is no trend
_MOST_OF_A_NAME = 48  # columns


def deliver_stats(call: "Invocation", values: "Mapping[str, Any]", output: str) -> int:
    """Print statistics of the calls that match; finish `call`; return the exit code."""

    def print_it() -> None:
        progress = Progress(sys.stderr, "reading")
        shown = progress if progress.shown else None
        try:
            stats = Stats(query_from(values), values.get("by") or COMMAND, shown)
        finally:
            progress.clear()
        problems = stats.problems()
        rows = [group.as_json(stats.by) for group in stats.groups]
        if output == JSON:
            data = {
                "by": stats.by,
                "total": summed(stats.groups),
                "window_before": stats.window_before,
                "groups": rows,
            }
            answer = {"data": data, **response_tail(call, problems)}
            write([document(answer, indented=is_terminal())], False)
            return
        note_problems(call, problems)
        if output == JSONL:
            write(map(json_line, rows), True)
        elif output == CSV:
            flat = [_flat(row) for row in rows]
            write(csv_lines(flat, list(dict.fromkeys(name for row in flat for name in row))), True)
        else:
            columns = terminal_columns()
            drawn = (line if columns is None else fit(line, columns) for line in lines(stats))
            write((line + "\n" for line in drawn), True)
        tidy([])

    return deliver(call, output, print_it)


def _flat(row: "dict[str, Any]") -> "dict[str, Any]":
    """Return a row without objects in it: the members of `before` bear its name."""
    before = row.pop("before", None) or {}
    return {**row, **{f"before_{name}": value for name, value in before.items()}}


def lines(stats: Stats) -> "Iterator[str]":
    """Yield a table: a line for each group, the most time-consuming first."""
    if not stats.groups:
        yield "no call was found"
        return
    trend = any(group.before is not None for group in stats.groups)
    titles = ["CALLS", "FAILED", *(f"P{percent}" for percent in QUANTILES), "MAX", "TOTAL"]
    rows = [[stats.by.upper(), *titles, *(["TREND"] if trend else [])]]
    for group in stats.groups:
        rows.append([_name(group), *_numbers(group), *([_trend(group)] if trend else [])])
    sizes = [max(width(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        numbers = range(1, len(titles) + 1)
        padded = [pad(cell, sizes[at], right=at in numbers) for at, cell in enumerate(row)]
        yield "  ".join(padded).rstrip()
    total = summed(stats.groups)
    yield ""
    whole = duration(total["total_ms"])
    calls = "1 call" if total["calls"] == 1 else f"{total['calls']:,} calls"
    yield f"{calls}, {total['failures']:,} failed, {whole} in all"
    if stats.window_before is not None:
        since, until = stats.window_before
        yield f"trend: against {safe(since)} to {safe(until)}"


def _numbers(group: "Group") -> list[str]:
    share = 100 * group.failures / max(group.calls, 1)
    failed = f"{group.failures:,} ({share:.0f} %)" if group.failures else "0"
    times = [duration(group.quantile(percent)) for percent in QUANTILES]
    return [f"{group.calls:,}", failed, *times, duration(group.max_ms), duration(group.total_ms)]


def _trend(group: "Group") -> str:
    """Say what is otherwise than in the window before."""
    before = group.before
    if before is None or not before.calls:
        return "new"
    said = [f"{100 * (group.calls - before.calls) / before.calls:+.0f} % calls"]
    now, then = group.failures / group.calls, before.failures / before.calls
    if abs(now - then) >= _SIGNIFICANT / 10:
        said.append(f"failed {100 * then:.0f} -> {100 * now:.0f} %")
    median, earlier = group.quantile(50), before.quantile(50)
    if median and earlier and abs(median - earlier) > _SIGNIFICANT * earlier:
        said.append(f"p50 {duration(earlier)} -> {duration(median)}")
    return ", ".join(said)


def _name(group: "Group") -> str:
    words = dict.fromkeys(safe(part) for part in group.name if part is not None)
    return fit(" ".join(words) or "(none)", _MOST_OF_A_NAME)
