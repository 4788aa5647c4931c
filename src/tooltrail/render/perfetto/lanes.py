"""Slices of time on tracks: on each, one lies in another or beside it, and none overlaps.

A slice is on the track of what it is a part of, where it nests there and what it would lie in is
no stranger to it. Else it is on the lowest track of its host that is free.
"""

from heapq import heappop, heappush

from ..._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...reconstruct import Call

CALL, STEP, HTTP, STARTUP = "call", "step", "http", "startup"
_ROUNDING_MS = 3  # by how much a part may seem to outlive the whole, as each time is cut to ms


class Slice:
    """What is drawn as one bar: a call, its start-up, a step, or a request.

    `within` is the slice of which it is a part; `owner` the call's to which it belongs. Times are
    in ms after the trace began. `lane` is there once it has been placed.
    """

    __slots__ = (
        *("args", "call", "end", "host", "kind", "lane", "name", "owner", "start", "within"),
    )

    host: str
    lane: "Lane"

    def __init__(
        self,
        kind: str,
        name: str,
        times: tuple[int, int],
        within: "Slice | None",
        *,
        host: str | None = None,
        call: "Call | None" = None,
        args: "dict[str, Any]",
    ) -> None:
        self.kind = kind
        self.name = name
        self.start, self.end = times[0], max(times)
        self.within = within
        self.owner: Slice = self if within is None or call is not None else within.owner
        self.host = host or ("" if within is None else within.host)
        self.call = call
        self.args = args


class Lane:
    """One track: its number on its host, and which slices are open on it, the outermost first."""

    __slots__ = ("host", "number", "opened")

    def __init__(self, host: "Host", number: int) -> None:
        self.host = host
        self.number = number
        self.opened: list[Slice] = []

    def top(self, at: int) -> Slice | None:
        """Return the innermost slice that is still open then."""
        while self.opened and self.opened[-1].end <= at:
            self.opened.pop()
        return self.opened[-1] if self.opened else None


class Host:
    """The tracks of one host; `number` is its place among the hosts."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.lanes: list[Lane] = []
        self._busy: list[tuple[int, int]] = []  # until when, and which
        self._free: list[int] = []

    def take(self, at: int, until: int) -> Lane:
        """Return the lowest track on which nothing is open then; a new one where there is none."""
        while self._busy and self._busy[0][0] <= at:
            heappush(self._free, heappop(self._busy)[1])
        if self._free:
            lane = self.lanes[heappop(self._free)]
            lane.opened.clear()
        else:
            lane = Lane(self, len(self.lanes))
            self.lanes.append(lane)
        heappush(self._busy, (until, lane.number))
        return lane


class Lanes:
    """The tracks of all hosts. Slices have to come in the order that they begin."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}

    def place(self, part: Slice) -> None:
        """Set the track of a slice; cut it where it outlives what it lies in by a rounding."""
        host = self.hosts.setdefault(part.host, Host(part.host, len(self.hosts)))
        above = part.within
        top = above.lane.top(part.start) if above is not None else None
        if top is not None and top.lane.host is host and _may_lie_in(part, top):
            part.lane = top.lane
            part.end = min(part.end, top.end)
        else:
            part.lane = host.take(part.start, part.end)
        part.lane.opened.append(part)


def _may_lie_in(part: Slice, top: Slice) -> bool:
    """Tell whether the innermost slice of a track is one in which a part may have been made.

    A call or a request may have been made in any step of its call; a step in no other than its own.
    """
    above = part.within
    if above is None or part.end > top.end + _ROUNDING_MS:
        return False
    if part.kind == STEP:
        return top is above
    return top.owner is above.owner and top.kind in (CALL, STEP)
