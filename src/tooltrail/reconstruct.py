"""Entries to a trace: the tree of calls, in order, with the slow step and the failed ones.

Pure and total: any entries in any order make a trace, and none is dropped. Two
entries tell of one call where a wrapper started a tool that records itself: the
tool's entry is inside the wrapper's and has the pid of the process that the
wrapper started. They become one call, which says what the tool said, and takes
from the wrapper what only a parent sees: the exit of a process that was killed.

A program that made several calls of its own, or ended otherwise than its one call, is no such
pair: the wrapper stays their parent.

A parent that is not among the entries leaves its calls at the top, marked
`parent_missing`. Parents that form a circle are cut at the earliest of them.
What is nested deeper than 100 calls stands at that depth, marked `too_deep`.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._wire import OPEN_OUTCOMES, RECORDER_CALLER, RECORDER_WRAPPER
from .query.search import is_failed
from .query.steps import StepTaken, steps_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Entry = dict[str, Any]


_OUTSIDE = (RECORDER_WRAPPER, RECORDER_CALLER)  # who record a program that they started
MAX_DEPTH = 100  # of nested calls; JSON readers and terminals end soon after


class Call:
    """One call of a trace: its entry, the wrapper's entry where it had one, and its children."""

    def __init__(self, entry: "Entry", wrapper: "Entry | None" = None) -> None:
        self.entry = entry
        self.wrapper = wrapper
        self.children: list[Call] = []
        self.parent_missing = False
        self.too_deep = False
        self.start_ms = 0  # after the first call of the trace began

    @property
    def request_id(self) -> str:
        """The id of the call: the tool's own where it gave one."""
        return str(self.entry.get("request_id", ""))

    @property
    def duration_ms(self) -> int | None:
        """How long it took, in ms; the wrapper's figure where the tool did not live to say."""
        for entry in (self.entry, self.wrapper or {}):
            if isinstance(entry.get("duration_ms"), int):
                return int(entry["duration_ms"])
        return None

    @property
    def retry(self) -> tuple[int, str] | None:
        """Which attempt this is, and the id of the record of the one before; None for the first."""
        entry = self.wrapper or self.entry
        attempt, before = entry.get("attempt"), entry.get("retry_of")
        return (attempt, str(before)) if isinstance(attempt, int) and before else None

    @property
    def own_ms(self) -> int:
        """How long it took while none of its children ran, in ms."""
        whole = self.duration_ms or 0
        end, covered = self.start_ms, 0
        for child in sorted(self.children, key=lambda child: child.start_ms):
            begin = max(end, child.start_ms)
            end = max(end, min(child.start_ms + (child.duration_ms or 0), self.start_ms + whole))
            covered += max(0, end - begin)
        return max(0, whole - covered)

    @property
    def steps(self) -> list[StepTaken]:
        """The named parts of the call, in the order that they began."""
        return steps_of(self.entry, self.duration_ms)

    @property
    def shown(self) -> "Entry":
        """The entry, completed by what the wrapper saw where the call itself has no end."""
        if self.wrapper is None or self.entry.get("outcome") not in OPEN_OUTCOMES:
            return self.entry
        seen = {
            name: self.wrapper.get(name) for name in ("exit_code", "outcome", "signal", "error")
        }
        return {**self.entry, **seen, "duration_ms": self.duration_ms}

    @property
    def seen_below(self) -> "dict[str, Any] | None":
        """What a wrapper with `--instrument` saw of the processes below this call."""
        child = (self.wrapper or self.entry).get("child")
        seen = child.get("instrument") if isinstance(child, dict) else None
        return seen if isinstance(seen, dict) else None

    def as_json(self) -> "dict[str, Any]":
        """Return the call as `data.calls` has it."""
        shown = self.shown
        fields = {
            name: shown.get(name)
            for name in (
                "request_id",
                "trace_id",
                "tool",
                "command",
                "params",
                "timestamp",
                "exit_code",
                "signal",
                "outcome",
                "error",
                "origin",
                "operator",
                "recorder",
            )
        }
        fields |= {"start_ms": self.start_ms, "duration_ms": self.duration_ms}
        for name in ("origin_request_id", "steps", "steps_dropped"):
            if name in shown:
                fields[name] = shown[name]
        if self.retry is not None:
            fields["attempt"], fields["retry_of"] = self.retry
        if self.wrapper is not None:
            fields["wrapper_request_id"] = self.wrapper.get("request_id")
        if self.seen_below is not None:
            fields["instrument"] = self.seen_below
        if self.parent_missing:
            fields["parent_missing"] = True
        if self.too_deep:
            fields["too_deep"] = True
        return {**fields, "children": [child.as_json() for child in self.children]}


class Trace:
    """All calls of one trace, or of a session of traces, as trees in the order they began."""

    def __init__(self, trace_id: str, roots: list[Call]) -> None:
        self.trace_id = trace_id
        self.roots = roots

    def calls(self) -> "list[Call]":
        """Return every call, parents before their children, in the order that they began."""
        found: list[Call] = []
        waiting = self.roots[::-1]
        while waiting:
            call = waiting.pop()
            found.append(call)
            waiting += call.children[::-1]
        return found

    @property
    def duration_ms(self) -> int:
        """From the first begin to the last end, in ms."""
        return max((call.start_ms + (call.duration_ms or 0) for call in self.calls()), default=0)

    @property
    def started(self) -> str | None:
        """When the first call began, as its entry says it."""
        return min((str(call.entry.get("timestamp")) for call in self.calls()), default=None)

    def slowest(self) -> Call | None:
        """Return the call that itself, without its children, took longest."""
        timed = [call for call in self.calls() if call.duration_ms is not None]
        return max(timed, key=lambda call: call.own_ms, default=None)

    def slowest_step(self) -> tuple[Call, StepTaken] | None:
        """Return the step that itself, without the steps in it, took longest; and its call."""
        steps = [(call, step) for call in self.calls() for step in call.steps]
        return max(steps, key=lambda found: found[1].own_ms, default=None)

    def failed(self) -> list[Call]:
        """Return the calls that failed, in the order that they began."""
        return [call for call in self.calls() if is_failed(call.shown)]

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
            "calls": [call.as_json() for call in self.roots],
        }


def rebuild(trace_id: str, entries: "Iterable[Entry]") -> Trace:
    """Return the trace that these entries make."""
    known: dict[str, Call] = {}
    for entry in sorted(entries, key=_when):
        request_id = str(entry.get("request_id") or f"#{len(known)}")
        known[request_id if request_id not in known else f"{request_id}#{len(known)}"] = Call(entry)
    parents = _join_wrapped(known)
    roots = _hang(known, parents)
    started = {key: _started_ms(call.entry) for key, call in known.items()}
    first = min((ms for ms in started.values() if ms is not None), default=0)
    for key, call in known.items():
        call.start_ms = (started[key] or first) - first
    return Trace(trace_id, roots)


def _when(entry: "Entry") -> tuple[str, str]:
    return str(entry.get("timestamp", "")), str(entry.get("logged_at", ""))


def _join_wrapped(known: dict[str, Call]) -> dict[str, str]:
    """Make one call of a wrapper and the tool that it started; return where each id now lives."""
    inside: dict[str, list[str]] = {}
    for key, call in known.items():
        outer_key = str(call.entry.get("parent_request_id"))
        outer = known.get(outer_key)
        if outer is not None and outer is not call and _is_wrapper_of(outer.entry, call.entry):
            inside.setdefault(outer_key, []).append(key)
    moved: dict[str, str] = {}
    for outer_key, keys in inside.items():
        if len(keys) == 1 and _ended_alike(known[outer_key].entry, known[keys[0]].entry):
            known[keys[0]].wrapper = known.pop(outer_key).entry
            moved[outer_key] = keys[0]
    return moved


def _ended_alike(outer: "Entry", inner: "Entry") -> bool:
    """Tell a process that was this one call from one that did more: a script with two calls."""
    if inner.get("outcome") in OPEN_OUTCOMES or outer.get("outcome") in OPEN_OUTCOMES:
        return True
    return inner.get("exit_code") in (None, outer.get("exit_code"))


def _is_wrapper_of(outer: "Entry", inner: "Entry") -> bool:
    if outer.get("recorder") not in _OUTSIDE or inner.get("recorder") in _OUTSIDE:
        return False
    process, child = inner.get("process"), outer.get("child")
    if isinstance(child, dict) and "request_id" in child:
        return bool(child["request_id"] == inner.get("request_id"))
    if not isinstance(process, dict):
        return False
    if isinstance(child, dict) and "pid" in child:
        return bool(child["pid"] == process.get("pid"))
    outer_process = outer.get("process")  # the wrapper was killed before it could name its child
    return (
        isinstance(outer_process, dict)
        and outer_process.get("pid") == process.get("parent_pid")
        and outer.get("tool") == inner.get("tool")
    )


def _hang(known: dict[str, Call], moved: dict[str, str]) -> list[Call]:
    """Put each call under its parent; return those that stand at the top."""
    parents: dict[str, str] = {}
    for key, call in known.items():
        named = (call.wrapper or call.entry).get("parent_request_id")
        parent = moved.get(str(named), str(named)) if named else None
        if parent is None:
            continue
        if parent in known:
            parents[key] = parent
        else:
            call.parent_missing = True
    for key in _cut_circles(known, parents):
        known[key].parent_missing = True
    _limit_depth(known, parents)
    for key, parent in parents.items():
        known[parent].children.append(known[key])
    return [call for key, call in known.items() if key not in parents]


def _cut_circles(known: "Iterable[str]", parents: dict[str, str]) -> list[str]:
    """Take the earliest call of each circle out of `parents`; return those taken out."""
    cut: list[str] = []
    order = {key: number for number, key in enumerate(known)}
    done: set[str] = set()
    for key in order:
        path: list[str] = []
        step: str | None = key
        while step is not None and step not in done:
            done.add(step)
            path.append(step)
            step = parents.get(step)
        if step in path:
            earliest = min(path[path.index(step) :], key=order.__getitem__)
            del parents[earliest]
            cut.append(earliest)
    return cut


def _limit_depth(known: "Mapping[str, Call]", parents: dict[str, str]) -> None:
    """Hang what is nested deeper than `MAX_DEPTH` under its ancestor at that depth."""
    depth: dict[str, int] = {}
    for key in known:
        path: list[str] = []
        step: str | None = key
        while step is not None and step not in depth:
            path.append(step)
            step = parents.get(step)
        for below in reversed(path):
            parent = parents.get(below)
            if parent is None:
                depth[below] = 0
                continue
            if depth[parent] == MAX_DEPTH:
                parents[below] = parents[parent]
                known[below].too_deep = True
            depth[below] = min(depth[parent] + 1, MAX_DEPTH)


def _started_ms(entry: "Entry") -> int | None:
    """Return when the call began, in ms since 1970, or None where it does not say."""
    try:
        return int(datetime.fromisoformat(str(entry.get("timestamp"))).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
