"""Entries to a trace: the tree of calls, in order, with blame for the time and the failed ones.

    entries -> join (a wrapper and its tool are one call) -> tree (each under its parent)
      -> clocks (all on one time line) -> blame (whose time it was) and repeats

Pure and total: any entries in any order make a trace, and none is dropped. A parent that is not
among the entries leaves its calls at the top, marked `parent_missing`. Parents that form a circle
are cut at the earliest of them. What is nested deeper than 100 calls stands at that depth, marked
`too_deep`.
"""

from functools import cached_property

from .._typing import TYPE_CHECKING, Any
from ..query.search import is_failed
from . import blame, clocks, repeats
from .blame import Segment
from .call import Call
from .join import join_wrapped
from .tree import MAX_DEPTH, hang

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..query.steps import StepTaken

    Entry = dict[str, Any]

__all__ = ["MAX_DEPTH", "Call", "Segment", "Trace", "rebuild"]


class Trace:
    """All calls of one trace, or of a session of traces, as trees in the order they began.

    `corrections` are sentences: what was done about clocks that cannot be right. `gaps` are what
    it cannot show: a code and a sentence each; who searched for the entries sets them.
    """

    def __init__(self, trace_id: str, roots: list[Call], corrections: list[str]) -> None:
        self.trace_id = trace_id
        self.roots = roots
        self.corrections = corrections
        self.gaps: list[tuple[str, str]] = []
        self._calls = _flat(roots)
        self.path = blame.assign(roots)

    def calls(self) -> "list[Call]":
        """Return every call, parents before their children, in the order that they began."""
        return self._calls

    @cached_property
    def duration_ms(self) -> int:
        """From when the first call was launched until the last was over, in ms."""
        begin = min((call.launched_ms for call in self.calls()), default=0)
        return max((call.last_ms for call in self.roots), default=0) - begin

    @property
    def started(self) -> str | None:
        """When the first call began, as its entry says it."""
        calls = [call for call in self.calls() if call.entry.get("timestamp")]
        first = min(calls, key=lambda call: call.start_ms, default=None)
        return None if first is None else str(first.entry["timestamp"])

    def slowest(self) -> Call | None:
        """Return the call that itself, without its children, took longest."""
        timed = [call for call in self.calls() if call.duration_ms is not None]
        return max(timed, key=lambda call: call.own_ms, default=None)

    def slowest_step(self) -> "tuple[Call, StepTaken] | None":
        """Return the step that itself, without the steps in it, took longest; and its call."""
        with_steps = (call for call in self.calls() if "steps" in call.entry)
        steps = [(call, step) for call in with_steps for step in call.steps]
        return max(steps, key=lambda found: found[1].own_ms, default=None)

    def failed(self) -> list[Call]:
        """Return the calls that failed, in the order that they began."""
        return self._failed

    @cached_property
    def _failed(self) -> list[Call]:
        return [call for call in self.calls() if is_failed(call.shown)]

    def critical_path(self) -> list[Call]:
        """Return the calls without which the trace would have ended sooner, in order of time."""
        on_it = [part.call for part in self.path if part.call is not None and part.call.critical]
        return list({id(call): call for call in on_it}.values())

    def shares(self) -> dict[str, int]:
        """Return how long the critical path was at what, in ms: `own`, `gap`, `startup`, …"""
        return blame.shares(self.path)

    def as_json(self) -> "dict[str, Any]":
        """Return the trace as the `data` of a response."""
        calls = self.calls()
        slowest = self.slowest()
        step = self.slowest_step()
        return {
            "trace_id": self.trace_id,
            "trace_ids": sorted({str(call.entry.get("trace_id")) for call in calls}),
            "started": self.started,
            "duration_ms": self.duration_ms,
            "count": len(calls),
            "slowest": slowest.request_id if slowest else None,
            "slowest_step": step
            and {"request_id": step[0].request_id, "name": step[1].name, "own_ms": step[1].own_ms},
            "failed": [call.request_id for call in self.failed()],
            "critical_path": [call.request_id for call in self.critical_path()],
            "time": {f"{kind}_ms": ms for kind, ms in self.shares().items()},
            "corrections": self.corrections,
            "gaps": [{"code": code, "message": message} for code, message in self.gaps],
            "calls": [call.as_json() for call in self.roots],
        }


def rebuild(trace_id: str, entries: "Iterable[Entry]") -> Trace:
    """Return the trace that these entries make."""
    known: dict[str, Call] = {}
    for entry in sorted(entries, key=_when):
        request_id = str(entry.get("request_id") or f"#{len(known)}")
        known[request_id if request_id not in known else f"{request_id}#{len(known)}"] = Call(entry)
    roots = hang(known, join_wrapped(known))
    corrections = clocks.place(roots, _flat(roots))
    _in_order(roots)
    trace = Trace(trace_id, roots, corrections)
    repeats.mark(trace.calls())
    return trace


def _when(entry: "Entry") -> tuple[str, str]:
    return str(entry.get("timestamp", "")), str(entry.get("logged_at", ""))


def _flat(roots: list[Call]) -> list[Call]:
    found: list[Call] = []
    waiting = roots[::-1]
    while waiting:
        call = waiting.pop()
        found.append(call)
        waiting += call.children[::-1]
    return found


def _in_order(roots: list[Call]) -> None:
    """Sort the calls, and the children of each, by when they began."""
    waiting = [roots]
    while waiting:
        siblings = waiting.pop()
        siblings.sort(key=lambda call: call.start_ms)
        waiting += [call.children for call in siblings if call.children]
