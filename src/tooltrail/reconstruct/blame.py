"""Whose time it was: a call's time split up, and the critical path through a trace.

Of each call: the tool itself, its children, its start-up and its way out, the wait for the log,
and the gap before it. Start-up and way out are known where the one who started the process
recorded it too (`tooltrail run`, `tooltrail.run`).

The critical path goes from the end of the trace back to its begin, at each moment along the call
that ended last. So each moment of the trace belongs to one thing alone, and the parts make up the
whole; calls that ran beside the path cost nothing.
"""

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .call import Call

OWN, STARTUP, SHUTDOWN, LOG, GAP = "own", "startup", "shutdown", "log", "gap"
KINDS = (OWN, STARTUP, SHUTDOWN, LOG, GAP)
AGENT = "the agent"


class Blame:
    """Where the time of a call went, in ms; None where nobody knows.

    `own_ms` the call itself, `children_ms` while calls that it made ran, `startup_ms` from the
    start of its process until it began, `shutdown_ms` until the process was gone, `log_wait_ms`
    until its end was written down, `gap_ms` before it, in which nothing beside it ran;
    `gap_owner` is the request id of the call in which that was, or `the agent`.
    """

    __slots__ = (
        *("children_ms", "gap_ms", "gap_owner", "log_wait_ms", "own_ms"),
        *("shutdown_ms", "startup_ms"),
    )

    def __init__(self, call: "Call") -> None:
        known = call.duration_ms is not None
        self.own_ms = call.own_ms if known else None
        self.children_ms = (call.duration_ms or 0) - call.own_ms if known else None
        seen = call.wrapper is not None
        self.startup_ms = call.start_ms - call.launched_ms if seen else None
        self.log_wait_ms = call.log_wait_ms
        after = call.gone_ms - call.end_ms - (self.log_wait_ms or 0)
        self.shutdown_ms = max(0, after) if seen and known else None
        self.gap_ms: int | None = None
        self.gap_owner: str | None = None

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object, without what is not known."""
        told = {name: getattr(self, name) for name in sorted(self.__slots__)}
        return {name: value for name, value in told.items() if value is not None}


class Segment:
    """A part of the critical path: of what kind, of which call (None: of none), from when to when.

    Times are in ms after the first call of the trace began.
    """

    __slots__ = ("call", "end_ms", "kind", "start_ms")

    def __init__(self, kind: str, call: "Call | None", start_ms: int, end_ms: int) -> None:
        self.kind = kind
        self.call = call
        self.start_ms = start_ms
        self.end_ms = end_ms

    @property
    def ms(self) -> int:
        """How long it is."""
        return self.end_ms - self.start_ms


def assign(roots: "Sequence[Call]") -> list[Segment]:
    """Set `blame` and `critical` of each call; return the critical path in the order of time."""
    _gaps(roots, None)
    begin = min((call.launched_ms for call in roots), default=0)
    end = max((call.last_ms for call in roots), default=0)
    path = list(_walk(roots, begin, end, None))[::-1]
    for segment in path:
        if segment.call is not None and segment.kind != GAP:
            segment.call.critical = True
    return path


def shares(path: "Iterable[Segment]") -> dict[str, int]:
    """Return how much of the path is of each kind, in ms."""
    found = dict.fromkeys(KINDS, 0)
    for segment in path:
        found[segment.kind] += segment.ms
    return found


def _gaps(calls: "Sequence[Call]", parent: "Call | None") -> None:
    waiting: list[tuple[Sequence[Call], Call | None]] = [(calls, parent)]
    while waiting:
        siblings, above = waiting.pop()
        covered = above.start_ms if above is not None else None
        for call in siblings:
            call.blame = Blame(call)
            if covered is not None:
                call.blame.gap_ms = max(0, call.launched_ms - covered)
                call.blame.gap_owner = AGENT if above is None else above.request_id
            covered = max(covered or 0, call.gone_ms)
            if call.children:
                waiting.append((call.children, call))


def _walk(
    calls: "Sequence[Call]", begin: int, end: int, above: "Call | None"
) -> "Iterator[Segment]":
    """Yield what the time between two moments went by with, backwards."""
    between = GAP if above is None else OWN
    at = end
    for call in sorted(calls, key=lambda call: call.last_ms, reverse=True):
        start = max(call.launched_ms, begin)
        if start >= at:
            continue
        if call.last_ms < at:
            yield Segment(between, above, max(call.last_ms, begin), at)
            at = max(call.last_ms, begin)
            if start >= at:
                continue
        yield from _inside(call, start, at)
        at = start
    if at > begin:
        yield Segment(between, above, begin, at)


def _inside(call: "Call", start: int, end: int) -> "Iterator[Segment]":
    """Yield what a call did between two moments, backwards."""
    if end > call.gone_ms > start:  # what it left behind went on
        yield from _walk(call.children, call.gone_ms, end, None)
        end = call.gone_ms
    ended = end if call.duration_ms is None else min(max(call.end_ms, start), end)
    began = min(max(call.start_ms, start), ended)
    logged = min(ended + (call.log_wait_ms or 0), end)
    for kind, low, high in ((SHUTDOWN, logged, end), (LOG, ended, logged)):
        if high > low:
            yield Segment(kind, call, low, high)
    if call.children:
        yield from _walk(call.children, began, ended, call)
    elif ended > began:
        yield Segment(OWN, call, began, ended)
    if began > start:
        yield Segment(STARTUP, call, start, began)
