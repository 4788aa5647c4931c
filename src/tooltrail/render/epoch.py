"""A trace's times as other programs want them: since 1970, in their units, within their range.

And until when a call is drawn that has no end in the record.
"""

from .._typing import TYPE_CHECKING
from .._wire import RUNNING
from ..reconstruct.call import moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..reconstruct import Call, Trace

_MAX_MS = (1 << 63) // 1_000_000 - 1  # in ns, what a signed 64-bit number holds: the year 2262


class Epoch:
    """Where the time line of a trace lies, and where its calls end on it, in ms after its begin."""

    def __init__(self, trace: "Trace") -> None:
        calls = trace.calls()
        self._first_ms = _first_ms(calls)
        self._last_ms = max((_told_end(call) for call in calls), default=0)
        self._ends: dict[int, int] = {}
        for call in reversed(calls):  # children before their parents
            self._ends[id(call)] = self._end(call)

    def ms(self, after_ms: int) -> int:
        """Return a time of the trace in ms since 1970; what no clock can say, the nearest."""
        return min(max(self._first_ms + after_ms, 0), _MAX_MS)

    def after(self, ms: int) -> int:
        """Return a time in ms since 1970 as one of the trace."""
        return ms - self._first_ms

    def us(self, after_ms: int) -> int:
        """Return a time of the trace in microseconds since 1970."""
        return self.ms(after_ms) * 1_000

    def ns(self, after_ms: int) -> int:
        """Return a time of the trace in nanoseconds since 1970."""
        return self.ms(after_ms) * 1_000_000

    def end_ms(self, call: "Call") -> int:
        """Return when a call ended, after the trace began.

        One that still runs goes on to the end of the trace. Of one whose end nobody saw, it is
        when it was last heard of: the end of its last step, request or child.
        """
        return self._ends[id(call)]

    def _end(self, call: "Call") -> int:
        if call.duration_ms is not None:
            return _told_end(call)
        below = max((self._ends[id(child)] for child in call.children), default=0)
        if call.shown.get("outcome") == RUNNING:
            return max(self._last_ms, below, _told_end(call))
        return max(below, _told_end(call))


def has_end(call: "Call") -> bool:
    """Tell a call whose end is in the record."""
    return call.duration_ms is not None


def _first_ms(calls: "Iterable[Call]") -> int:
    """Return when the trace began, in ms since 1970; 0 where no entry says when it was."""
    for call in calls:
        told = moment(call.entry.get("timestamp"))
        if told is not None:
            return told + call.moved_ms - call.start_ms
    return 0


def _told_end(call: "Call") -> int:
    """Return the latest that a call's own entry tells of."""
    if call.duration_ms is not None:
        return call.start_ms + max(0, call.duration_ms)
    steps = (step.offset_ms + (step.duration_ms or 0) for step in call.steps)
    return call.start_ms + max(steps, default=0)
