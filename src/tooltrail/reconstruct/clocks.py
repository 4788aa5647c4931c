"""Put the calls of a trace on one time line, though clocks jump and differ between hosts.

What holds whatever a clock says: a call begins after the one that made it; a log's lines stand in
the order that they were written, and a line whose writer's clock was behind says so (`clamped`);
all processes of one boot of a machine have the same clock. Each time is believed as far as these
allow, and moved no further than they demand; what was moved is said.
"""

from .._typing import TYPE_CHECKING, Any
from .._wire import RECORDER_HOOK, RECORDER_IMPORT, RECORDER_TOOL
from .call import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .call import Call

    Entry = dict[str, Any]

_WORTH_TELLING_MS = 100  # less may be how times are rounded, and how long a line takes to write
_WRITING_MS = 2_500  # a line is written at most so long after its call ended, or not at all


def place(roots: "Sequence[Call]", calls: "Sequence[Call]") -> list[str]:
    """Set when each call began, in ms after the first; return what was corrected, in sentences.

    `calls` are all of them, parents before their children.
    """
    clocks = _Clocks(calls)
    said = clocks.align_hosts(calls) + clocks.undo_jumps(calls)
    early = [call for root in roots for call in _bound(root, clocks)]
    far = max((call.moved_ms - clocks.shift(call.entry) for call in early), default=0)
    if far >= _WORTH_TELLING_MS:
        many = f"{len(early)} calls" if len(early) > 1 else "1 call"
        said.append(
            f"{many} began before what made {'them' if len(early) > 1 else 'it'}, by the clock,"
            f" by up to {_span(far)}: put at its begin"
        )
    first = min((call.start_ms for call in calls if call.began is not None), default=0)
    for call in calls:
        if call.began is None:
            call.put(max(0, call.start_ms - first), max(0, call.start_ms - first))
        else:
            call.put(call.start_ms - first, call.launched_ms - first)
    for call in reversed(calls):
        if call.children:
            call.last_ms = max(call.gone_ms, *(child.last_ms for child in call.children))
        if call.duration_ms is None:  # it went on at least as long as what it made
            call.gone_ms = call.last_ms
    return said


def _bound(root: "Call", clocks: "_Clocks") -> "list[Call]":
    """Place a call and all below it; return those whose clock put them before their parent."""
    early = []
    waiting: list[tuple[Call, int | None, int, int]] = [(root, None, 0, 0)]
    while waiting:
        call, least, parent_end, inherited = waiting.pop()
        told = clocks.began(call.entry)
        start = told if told is not None else least or 0
        moved = 0
        if told is not None and least is not None:
            if inherited and not least <= start <= parent_end:
                moved = inherited  # its clock is its parent's
            if start + moved < least:
                moved = least - start
                early.append(call)
        call.start_ms = start + moved
        call.moved_ms = moved + (clocks.shift(call.entry) if told is not None else 0)
        launched = clocks.began(call.wrapper) if call.wrapper else None
        call.launched_ms = call.start_ms if launched is None else min(launched, call.start_ms)
        if least is not None:
            call.launched_ms = max(call.launched_ms, least)
        waiting += [(child, call.start_ms, call.end_ms, moved) for child in call.children]
    return early


class _Clocks:
    """What has to be added to the times of each clock, and of each line behind a jump."""

    def __init__(self, calls: "Sequence[Call]") -> None:
        self._of_host: dict[str, int] = {}
        self._of_line: dict[int, int] = {}
        self._times = {id(call.entry): call.began for call in calls}
        for wrapper in (call.wrapper for call in calls if call.wrapper is not None):
            self._times[id(wrapper)] = moment(wrapper.get("timestamp"))

    def shift(self, entry: "Entry") -> int:
        """Return what is added to an entry's time, in ms."""
        if not self._of_host and not self._of_line:
            return 0
        return self._of_host.get(_clock(entry), 0) + self._of_line.get(id(entry), 0)

    def began(self, entry: "Entry") -> int | None:
        """Return when an entry's call began, as far as clocks can be put right, in ms."""
        told = self._times[id(entry)]
        return None if told is None else told + self.shift(entry)

    def align_hosts(self, calls: "Sequence[Call]") -> list[str]:
        """Find by how much hosts differ: what was made there ran while its maker here did."""
        bounds: dict[tuple[str, str], list[tuple[int, int | None]]] = {}
        for outer, inner in _made(calls):
            pair = _clock(outer), _clock(inner)
            began, made = self._times[id(outer)], self._times[id(inner)]
            if pair[0] == pair[1] or not all(pair) or began is None or made is None:
                continue
            took, inside = outer.get("duration_ms"), inner.get("duration_ms")
            known = isinstance(took, int) and isinstance(inside, int) and inside <= took
            spare = took - inside if known else None  # type: ignore[operator]
            earliest = began - made
            bounds.setdefault(pair, []).append(
                (earliest, None if spare is None else earliest + spare)
            )
        if not bounds:
            return []
        said = []
        names = {_clock(entry): _host(entry) for call in calls for entry in _entries(call)}
        for pair in _outwards(bounds, _clock(calls[0].entry) if calls else ""):
            low = max(low for low, _ in bounds[pair])
            highs = [high for _, high in bounds[pair] if high is not None]
            high = min(highs, default=None)
            if high is not None and high < low:
                high = None  # something outlived what made it: the begins alone are certain
            waited = len(highs) > 1  # one call alone may have been made to run later
            shift = low if low > 0 else high if high is not None and high < 0 and waited else 0
            if abs(shift) >= _WORTH_TELLING_MS:
                self._of_host[pair[1]] = self._of_host.get(pair[0], 0) + shift
                way = "behind" if shift > 0 else "ahead of"
                said.append(
                    f"the clock of {names[pair[1]]} is taken to be {_span(abs(shift))} {way}"
                    f" that of {names[pair[0]]}: its calls were moved"
                )
        return said

    def undo_jumps(self, calls: "Iterable[Call]") -> list[str]:
        """Find where a clock was put back between two lines of a log; move what came after."""
        logs: dict[tuple[str, str], list[Entry]] = {}
        if not any(entry.get("clamped") for call in calls for entry in _entries(call)):
            return []
        for call in calls:
            for entry in _entries(call):
                timed = self._times[id(entry)] is not None and "duration_ms" in entry
                if timed and entry.get("recorder") not in (RECORDER_IMPORT, RECORDER_HOOK):
                    logs.setdefault(_log(entry), []).append(entry)
        said = []
        for entries in logs.values():
            if any(entry.get("clamped") for entry in entries):
                said += list(self._jumps(sorted(entries, key=_place)))
        return said

    def _jumps(self, entries: "Sequence[Entry]") -> "Iterator[str]":
        last, shift = None, 0
        for entry in entries:
            took = entry.get("duration_ms")
            ended = (self._times[id(entry)] or 0) + (took if isinstance(took, int) else 0)
            if last is not None and ended + shift < last - _WRITING_MS and entry.get("clamped"):
                more = last - (ended + shift)
                yield (
                    f"the clock of {_host(entry)} was put back by about {_span(more)}"
                    f" before {entry.get('timestamp')}: what came after was moved"
                )
                shift += more
            if shift and not entry.get("clamped") and (last is None or ended >= last):
                shift = 0  # it has been put right, or has come as far again
            if shift:
                self._of_line[id(entry)] = shift
            last = max(last or 0, ended + shift)


def _entries(call: "Call") -> "Iterator[Entry]":
    yield call.entry
    if call.wrapper is not None:
        yield call.wrapper


def _made(calls: "Iterable[Call]") -> "Iterator[tuple[Entry, Entry]]":
    """Yield the entries of which one is of what made the other."""
    for call in calls:
        if call.wrapper is not None:
            yield call.wrapper, call.entry
        for child in call.children:
            yield call.entry, child.wrapper or child.entry


def _outwards(pairs: "Iterable[tuple[str, str]]", first: str) -> "Iterator[tuple[str, str]]":
    """Yield the pairs of clocks from the first one outwards, each clock reached once."""
    left, reached = list(pairs), {first}
    while left:
        step = next((pair for pair in left if pair[0] in reached), left[0])
        left.remove(step)
        if step[1] not in reached:
            reached |= set(step)
            yield step


def _process(entry: "Entry") -> "dict[str, Any]":
    process = entry.get("process")
    return process if isinstance(process, dict) else {}


def _clock(entry: "Entry") -> str:
    """Return which clock an entry was timed by: containers of one boot of a host share it."""
    process = _process(entry)
    return str(process.get("boot_id") or process.get("host") or "")


def _host(entry: "Entry") -> str:
    return str(_process(entry).get("host") or "a host without a name")


def _log(entry: "Entry") -> tuple[str, str]:
    """Return what tells the logs apart: a tool's own from that in which others tell of it."""
    own = entry.get("recorder", RECORDER_TOOL) == RECORDER_TOOL
    return _clock(entry), str(entry.get("tool")) if own else ""


def _place(entry: "Entry") -> tuple[str, int]:
    seq = entry.get("seq")
    return str(entry.get("logged_at", "")), seq if isinstance(seq, int) else 0


def _span(ms: int) -> str:
    """Write a time in words: 1 d 02 h, 3 h 05 min, 4 min 10 s, 1.25 s."""
    seconds = ms // 1000
    for size, word, part, small in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            return f"{seconds // size} {word} {seconds % size // part:02d} {small}"
    return f"{ms / 1000:.2f} s"
