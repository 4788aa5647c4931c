"""A trace as Chrome trace events, which Perfetto and speedscope load.

A process is a host, so that what ran elsewhere stands apart. On a track of it, calls lie under the
call that made them, as in a flame chart; steps and HTTP requests likewise. Slices of a track must
nest, so what ran beside something has a track of its own, and an arrow leads to it.
"""

from heapq import heappop, heappush
from itertools import count

from ... import __version__
from ..._encode import encode
from ..._typing import TYPE_CHECKING, Any
from ...query.search import is_failed
from ..epoch import Epoch, has_end
from ..parts import call_name, failure_words, inner, requests_of, steps_of, text, told_name
from ..words import call_words
from .lanes import CALL, HTTP, STARTUP, STEP, Lanes, Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...reconstruct import Call, Trace

    Event = dict[str, Any]

_TOLD = (
    *("request_id", "outcome", "exit_code", "signal", "operator", "params", "error", "origin"),
    *("origin_request_id", "version", "recorder", "purpose", "trace_id", "timestamp"),
)
_PROCESS = ("host", "pid", "cwd")
_FAILED = ",failed"


def pieces(trace: "Trace") -> "Iterator[str]":
    """Return the trace as one JSON document, in pieces: an event each. Times are since 1970."""
    yield '{"traceEvents":['
    comma = ""
    for event in _events(trace):
        yield f"{comma}\n{encode(event)}"
        comma = ","
    about = {
        "trace_id": trace.trace_id,
        "recorded_by": f"tooltrail {__version__}",
        "not_seen": [sentence for _, sentence in trace.gaps],
        "corrections": trace.corrections,
    }
    yield f'\n],"displayTimeUnit":"ms","otherData":{encode(about)}}}\n'


def _events(trace: "Trace") -> "Iterator[Event]":
    epoch, lanes = Epoch(trace), Lanes()
    drawn = []
    for part in _slices(trace, epoch):
        lanes.place(part)
        drawn.append(part)
    ids = _Ids(lanes)
    yield from ids.names()
    arrows = _Arrows(drawn)
    for part in drawn:
        where = ids.where(part)
        start = epoch.us(part.start)
        failed = part.call is not None and is_failed(part.call.shown)
        yield {
            **{"ph": "X", "name": part.name, "cat": part.kind + (_FAILED if failed else "")},
            **{**where, "ts": start, "dur": epoch.us(part.end) - start, "args": part.args},
        }
        for arrow in arrows.of(part):
            yield {**arrow, **where, "ts": start}
        if failed and part.call is not None:
            yield {**_failure(part.call), **where, "ts": epoch.us(part.end)}


class _Ids:
    """The numbers by which Perfetto knows hosts and tracks: each is used once in a trace."""

    def __init__(self, lanes: Lanes) -> None:
        self._hosts = list(lanes.hosts.values())
        numbers = count(1)
        self._of = {
            (host.number, lane.number): next(numbers) for host in self._hosts for lane in host.lanes
        }

    def where(self, part: Slice) -> "Event":
        """Return the members that say on which track an event is."""
        return self._where(part.lane.host.number, part.lane.number)

    def names(self) -> "Iterator[Event]":
        """Yield what the hosts and their tracks are called, and their order."""
        for host in self._hosts:
            first = self._where(host.number, 0)
            yield _called("process", first, host.name or "host not recorded")
            for lane in host.lanes:
                title = f"beside ({lane.number + 1})" if lane.number else "calls"
                yield _called("thread", self._where(host.number, lane.number), title)
                yield _ordered("thread", self._where(host.number, lane.number), lane.number)
            yield _ordered("process", first, host.number)

    def _where(self, host: int, lane: int) -> "Event":
        return {"pid": self._of[host, 0], "tid": self._of[host, lane]}


class _Arrows:
    """The arrows from each slice to what it made on other tracks, and to its next attempt.

    An arrow is two events; each belongs to the innermost slice of its track at that time. So both
    stand at the begin of a slice, right behind it. A slice of no length cannot have one.
    """

    def __init__(self, drawn: "Sequence[Slice]") -> None:
        self._of: dict[int, list[Event]] = {}
        self._numbers = count(1)
        records: dict[str, Slice] = {}
        for part in drawn:
            above = part.within
            if above is not None and above.lane is not part.lane and part.kind != STARTUP:
                self._draw("made", above, part)
            if part.call is None:
                continue
            retry = part.call.retry
            before = records.get(retry[1]) if retry is not None else None
            if before is not None:
                self._draw("tried again", before, part)
            for entry in (part.call.entry, part.call.wrapper or {}):
                records.setdefault(str(entry.get("request_id")), part)

    def of(self, part: Slice) -> "Sequence[Event]":
        """Return the ends of arrows at a slice, without track and time."""
        return self._of.get(id(part), ())

    def _draw(self, name: str, source: Slice, target: Slice) -> None:
        if source.end > source.start and target.end > target.start:
            arrow = {"name": name, "cat": "arrow", "id": next(self._numbers)}
            self._of.setdefault(id(source), []).append({"ph": "s", **arrow})
            self._of.setdefault(id(target), []).append({"ph": "f", "bp": "e", **arrow})


def _slices(trace: "Trace", epoch: Epoch) -> "Iterator[Slice]":
    """Yield all slices in the order that they begin, what is around others before them."""
    numbers = count()
    heap: list[tuple[int, bool, int, Slice]] = []

    def add(parts: "Iterable[Slice]") -> None:
        for part in parts:  # of those that begin at once, a step may be around the others
            heappush(heap, (part.start, part.kind != STEP, next(numbers), part))

    for call in trace.roots:
        add(_of_call(call, None, epoch))
    while heap:
        part = heappop(heap)[3]
        yield part
        if part.call is not None:
            add(_parts(part, part.call, epoch))


def _of_call(call: "Call", within: Slice | None, epoch: Epoch) -> "Iterator[Slice]":
    host = text(inner(call.entry, "process").get("host"))
    if call.launched_ms < call.start_ms:
        outside = text(inner(call.wrapper or {}, "process").get("host")) or host
        name, times = f"start of {call_name(call.entry)}", (call.launched_ms, call.start_ms)
        yield Slice(STARTUP, name, times, within, host=outside, args=_ids(call))
    times = (call.start_ms, epoch.end_ms(call))
    name = told_name(call.entry)
    yield Slice(CALL, name, times, within, host=host, call=call, args=_told(call))


def _parts(part: Slice, call: "Call", epoch: Epoch) -> "Iterator[Slice]":
    """Yield what is directly in a call: its steps, its requests, the calls that it made."""
    made: dict[int, Slice] = {}
    for step, told in steps_of(call):
        within = made.get(id(step.parent), part)
        start = max(call.start_ms + step.offset_ms, within.start)
        args = {"outcome": step.outcome, **_ids(call)}
        args |= {name: told[name] for name in ("fields", "error") if name in told}
        times = (start, start + (step.duration_ms or 0))
        made[id(step)] = Slice(STEP, step.name or "step", times, within, args=args)
        yield made[id(step)]
    for request in requests_of(call):
        start = call.start_ms + request.offset_ms
        name = f"{request.method} {request.host or ''}".strip()
        times = (start, start + request.duration_ms)
        yield Slice(HTTP, name, times, part, args=request.told() | _ids(call))
    for child in call.children:
        yield from _of_call(child, part, epoch)


def _ids(call: "Call") -> "Event":
    return {"request_id": call.request_id}


def _told(call: "Call") -> "Event":
    """Return what is shown of a call when somebody clicks on it."""
    shown, process = call.shown, inner(call.entry, "process")
    args: Event = {"called": call_words(shown)}
    args |= {name: shown[name] for name in _TOLD if shown.get(name) not in (None, "", {})}
    args |= {name: process[name] for name in _PROCESS if process.get(name) not in (None, "")}
    args |= {"blame": call.blame.as_json(), "critical": call.critical}
    if not has_end(call):
        args["end"] = "not recorded: it is drawn until it was last heard of"
    if call.repeats is not None:
        args["repeats"] = call.repeats
    if call.moved_ms:
        args["moved_ms"] = call.moved_ms
    if call.retry is not None:
        args["attempt"], args["retry_of"] = call.retry
    if call.wrapper is not None:
        args["wrapper_request_id"] = str(call.wrapper.get("request_id"))
    args |= {name: True for name in ("parent_missing", "too_deep") if getattr(call, name)}
    return args


def _failure(call: "Call") -> "Event":
    """Return the mark at the end of a call that failed, without track and time."""
    error = inner(call.shown, "error")
    args = {**_ids(call), **({"error": error} if error else {})}
    return {"ph": "i", "s": "t", "name": failure_words(call), "cat": "failure", "args": args}


def _called(what: str, where: "Event", name: str) -> "Event":
    return {"ph": "M", "name": f"{what}_name", **where, "args": {"name": name}}


def _ordered(what: str, where: "Event", place: int) -> "Event":
    return {"ph": "M", "name": f"{what}_sort_index", **where, "args": {"sort_index": place}}
