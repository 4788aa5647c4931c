"""A trace in few lines: what ran, failed first, was slow, was repeated, or is not known.

For a person in a hurry, at most 25 lines; for a model, at most 300 tokens, which is about 1,200
characters of such text.
"""

from collections import Counter

from .._typing import TYPE_CHECKING
from .._wire import OPEN_OUTCOMES
from .safe import duration, fit, safe, width
from .words import call_words, ending_words, error_words, mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..reconstruct import Call, Trace

MAX_LINES, MAX_CHARS = 25, 1200
_COLUMNS = 110
_WITH_A_NAME = len("failed first:  [req_01M83HVA3SRQWREXQB0P7PJS1R]: ")
_LEAST_NAMED = 20  # columns of a call's words, where its end takes the others
_MOST_NAMED = 4  # failures, repeats, open calls


def lines(trace: "Trace", problems: "Sequence[str]", *, chars: int | None = None) -> list[str]:
    """Return the story of a trace; with `chars`, as much of it as fits into so many characters."""
    story = [_head(trace), *_failures(trace), *_slow(trace), *_repeats(trace), *_open(trace)]
    story += [f"not seen: {safe(problem, 200)}" for problem in problems[:_MOST_NAMED]]
    story = [fit(line, _COLUMNS) for line in story]
    sequence = [fit(_step(call), _COLUMNS) for call in trace.calls()]
    kept = _fitting(story, sequence, chars)
    left = len(sequence) - kept
    story += ["in order:", *sequence[:kept]] if kept else []
    if left:
        story.append(f"and {left} more calls: tooltrail trace {safe(trace.trace_id, 80)}")
    return story


def _fitting(story: "Sequence[str]", sequence: "Sequence[str]", chars: int | None) -> int:
    """Return how many lines of the sequence there is room for, one left for what there is not."""
    room = MAX_LINES - len(story) - 2
    if chars is None:
        return max(0, min(room, len(sequence)))
    left = chars - sum(len(line) + 1 for line in story) - 100
    kept = 0
    for line in sequence[: max(0, room)]:
        left -= len(line) + 1
        if left < 0:
            break
        kept += 1
    return kept


def _head(trace: "Trace") -> str:
    calls = trace.calls()
    operators = sorted({str(call.entry.get("operator")) for call in calls})
    by = safe(operators[0], 60) if len(operators) == 1 else f"{len(operators)} operators"
    failed = len(trace.failed())
    count = "1 call" if len(calls) == 1 else f"{len(calls)} calls"
    return (
        f"{safe(trace.trace_id, 80)}: {count} by {by}, {failed or 'none'} failed,"
        f" {duration(trace.duration_ms)} from {safe(trace.started)}"
    )


def _failures(trace: "Trace") -> list[str]:
    found = []
    for number, call in enumerate(trace.failed()[:_MOST_NAMED]):
        why = error_words(call.shown)
        how = f"{ending_words(call.shown)}{', ' + why if why else ''}"
        room = _COLUMNS - _WITH_A_NAME - width(how)
        named = _named(call, min(max(room, _LEAST_NAMED), 60))
        found.append(f"{'failed' if number else 'failed first'}: {named}: {how}")
    return found


def _slow(trace: "Trace") -> list[str]:
    slowest = trace.slowest()
    if slowest is None or not slowest.own_ms:
        return []
    share = round(100 * slowest.own_ms / max(trace.duration_ms, 1))
    found = [f"slowest: {_named(slowest)}: {duration(slowest.own_ms)} of its own, {share} %"]
    step = trace.slowest_step()
    if step is not None and step[1].own_ms:
        found.append(
            f"slowest step: {safe(step[1].name, 60)} of {_named(step[0])}:"
            f" {duration(step[1].own_ms)}"
        )
    return found


def _repeats(trace: "Trace") -> list[str]:
    """Name what was called more than once, the same tool with the same params."""
    first: dict[str, Call] = {}
    counted: Counter[str] = Counter()
    chain: dict[str, str] = {}  # of a repeated call's id, the id of the first
    for call in trace.calls():
        own = call.request_id
        chain[own] = chain.get(call.repeats, own) if call.repeats else own
        first.setdefault(chain[own], call)
        counted[chain[own]] += 1
    often = [(own, count) for own, count in counted.most_common(_MOST_NAMED) if count > 1]
    return [f"repeated: {call_words(first[own].entry)} ({count} times)" for own, count in often]


def _open(trace: "Trace") -> list[str]:
    open_calls = [call for call in trace.calls() if call.shown.get("outcome") in OPEN_OUTCOMES]
    return [
        f"{'still running' if call.shown['outcome'] == 'running' else 'end unknown'}:"
        f" {_named(call)}: {ending_words(call.shown)}"
        for call in open_calls[:_MOST_NAMED]
    ]


def _step(call: "Call") -> str:
    took = duration(call.duration_ms)
    return f"{mark(call.shown)} {call_words(call.entry)}" + (f" ({took})" if took else "")


def _named(call: "Call", room: int = 60) -> str:
    return f"{fit(call_words(call.entry), room)} [{safe(call.request_id, 40)}]"
