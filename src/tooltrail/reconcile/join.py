"""Pair the caller's record of a call with the tool's.

By id first: the tool's id that its caller was told, or the caller's id that the tool was given,
with the process that the caller started. What a hook or a transcript told has no ids in common
with a tool: there the session, the tool, the arguments and the time decide, and where two calls
fit alike, that is said.
"""

from collections import defaultdict

from .._typing import TYPE_CHECKING
from .differences import same_arguments
from .record import STARTED_IT, TOLD_OF_IT, Record

if TYPE_CHECKING:
    from collections.abc import Iterable

_SLACK_S = 1.0  # a hook's clock reads before and after the process that it tells of


class Joined:
    """What became of the records: pairs, those left alone, and those inside a recorded call."""

    def __init__(self, records: "Iterable[Record]") -> None:
        every = list(records)
        self.known = {record.request_id: record for record in every}
        self.outer = [record for record in every if record.outside]
        self.inner = [record for record in every if not record.outside]
        self.inside: dict[str, Record] = {}  # tool's id -> the caller's record that it ran in
        self.ambiguous: dict[str, list[Record]] = {}  # caller's id -> the records that fit alike
        self._by_id()
        self._by_session()
        self._settle_inside()

    def _by_id(self) -> None:
        below: dict[str, list[Record]] = defaultdict(list)
        for record in self.inner:
            if record.parent is not None:
                below[record.parent].append(record)
        for outer in self.outer:
            started = [
                inner
                for inner in below.get(outer.request_id, ())
                if inner.partner is None and _is_process_of(outer, inner)
            ]
            if len(started) == 1:
                _pair(outer, started[0])
        for outer in self.outer:
            told = self.known.get(str(outer.child.get("request_id", "")))
            if outer.partner is None and told is not None and not told.outside:
                _pair(outer, told)  # which a wrapper in between may have recorded as well

    def _by_session(self) -> None:
        told = [one for one in self.outer if one.partner is None and _is_told(one)]
        if not told:
            return
        in_trace: dict[str, list[Record]] = defaultdict(list)
        for inner in self.inner:  # those that a shim recorded in between as well
            in_trace[str(inner.entry.get("trace_id"))].append(inner)
        fitting: dict[str, list[Record]] = {}
        rivals: dict[str, int] = defaultdict(int)
        for outer in told:
            fitting[outer.request_id] = [
                inner
                for inner in in_trace.get(str(outer.entry.get("trace_id")), ())
                if inner.tool == outer.tool
                and outer.holds(inner, _SLACK_S)
                and same_arguments(outer, inner) is not False
            ]
            for inner in fitting[outer.request_id]:
                rivals[inner.request_id] += 1
        for outer in told:
            found = fitting[outer.request_id]
            if len(found) == 1 and rivals[found[0].request_id] == 1:
                _pair(outer, found[0])
            elif found:
                self.ambiguous[outer.request_id] = found

    def _settle_inside(self) -> None:
        """Find the recorded call that a tool's unpaired record ran in: no blind spot, then."""
        told: dict[str, list[Record]] = defaultdict(list)
        for outer in self.outer:
            if _is_told(outer):
                told[str(outer.entry.get("trace_id"))].append(outer)
        for inner in self.inner:
            if inner.partner is None:
                around = self._ancestor(inner) or next(
                    (
                        outer
                        for outer in told.get(str(inner.entry.get("trace_id")), ())
                        if outer.holds(inner, _SLACK_S)
                    ),
                    None,
                )
                if around is not None:
                    self.inside[inner.request_id] = around

    def _ancestor(self, record: Record) -> Record | None:
        seen: set[str] = set()
        step: Record | None = record
        while step is not None and step.parent is not None and step.parent not in seen:
            seen.add(step.parent)
            step = self.known.get(step.parent)
            if step is not None and (step.outside or step.partner is not None):
                return step if step.outside else step.partner
        return None


def _is_told(outer: Record) -> bool:
    return outer.entry.get("recorder") in TOLD_OF_IT


def _is_process_of(outer: Record, inner: Record) -> bool:
    """Tell whether the inner record is of the very process that the caller started."""
    if outer.entry.get("recorder") not in STARTED_IT or inner.pid is None:
        return False
    if "pid" in outer.child:
        return bool(outer.child["pid"] == inner.pid)
    process = inner.entry.get("process")  # the wrapper was killed before it could name its child
    parent = process.get("parent_pid") if isinstance(process, dict) else None
    if outer.pid is None or outer.pid != parent:
        return False
    return outer.tool == inner.tool or same_arguments(outer, inner) is True


def _pair(outer: Record, inner: Record) -> None:
    outer.partner = inner
    inner.partner = inner.partner or outer
