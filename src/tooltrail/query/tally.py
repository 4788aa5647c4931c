"""Count the calls of logs without making entries of them, where their lines are as ours are.

The few fields that statistics need stand early in a line, so that one regular expression over a
block of lines takes them out, in as many processes as there are cores. Whatever line does not fit
it, and each call whose end was corrected or never came, is looked at in the slow way: the counts
are those of `query.search`, always. (But for one thing: of a line that was damaged behind those
fields, and still ends as one does, the fields count. `tooltrail verify` finds such lines.)
"""

import os
import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from .._wire import PURPOSE_AUDIT, VANISHED
from ..trail.find import file_is_compressed, lines_with
from ..trail.read import glance, is_whole, parse, supersedes
from ..trail.segments import snapshot
from . import counts
from .fold import LogEntries
from .killed import SeenKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence, Set
    from typing import IO

    from ..trail.segments import Segment
    from .counts import Known
    from .options import Query

    Entry = dict[str, Any]
    # day, tool, command, operator, exit code, outcome, duration in ms; as the line has them
    Key = tuple[str | None, ...]
    Part = tuple[Segment, int, int, frozenset[int]]  # from where to where, and what is kept

_BLOCK = 1_048_576  # bytes that are looked at together: they stay in the cache
_PART = 67_108_864  # bytes that one process counts at a time
_ALONE = 50_000_000  # bytes: fewer are counted before a second process has started
_MANY = 300  # calls that are looked up one by one
_TEXT = r'[^"\\\n]*'
_LINE = re.compile(
    r'^\{"v":1,"seq":\d+,"prev":"TEXT","logged_at":"([^"\\\n]{24})"(?:,"clamped":true)?,'
    r'"event":"(?:begin","request_id":"(TEXT)"|end","request_id":"(TEXT)",'
    r'"trace_id":"TEXT","parent_request_id":(?:null|"TEXT"),'
    r'"timestamp":"([^"\\\n]{24})","tool":"(TEXT)","command":(null|"TEXT"),'
    r'"exit_code":(\d+|null),"outcome":"(\w+)","duration_ms":(\d+|null),'
    r'"signal":(?:null|"\w+"),"error":(?:null|\{"code":"TEXT","message":"TEXT"[^{}\n]*\}),'
    r'"origin":"\w+",(?:"(?:output|child)":\{[^{}\n]*\},)*"operator":(null|"TEXT"),'
    r")[^\n]*\}$".replace("TEXT", _TEXT).encode("ascii"),
    re.MULTILINE,
)
_GROUPS = (3, 4, 5, 9, 6, 7, 8)  # of the expression, in the order of a key
_ALWAYS = (4, 5, 6)  # of a key: exit code, outcome, duration
_PURPOSE = b'"purpose":'


class Tally:
    """How many calls there were of each key, and what is to be looked up still."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.begun: set[str] = set()  # ids of calls whose end has not been met
        self.ended: set[str] = set()  # ids of calls whose begin has not been met
        self.again: set[str] = set()  # ids of calls whose end was corrected
        self.bad_lines = 0

    def add(self, later: "Tally") -> None:
        """Add what was counted in the lines after these."""
        self.counts.update(later.counts)
        self.begun = (self.begun - later.ended) | later.begun
        self.ended |= later.ended - self.begun
        self.again |= later.again
        self.bad_lines += later.bad_lines

    def narrowed(self, kept: "frozenset[int]") -> "Tally":
        """Return the same without the places of its keys that are not kept."""
        every, self.counts = self.counts, Counter()
        for key, count in every.items():
            told = (each if place in kept else None for place, each in enumerate(key))
            self.counts[tuple(told)] += count
        return self

    def as_json(self) -> dict[str, Any]:
        """Return what else there is beside the counts."""
        return {
            "begun": sorted(self.begun),
            "ended": sorted(self.ended),
            "again": sorted(self.again),
            "bad_lines": self.bad_lines,
        }


def _told(table: "Known", kept: "frozenset[int]") -> Tally:
    """Return the counts that are beside a segment."""
    found = Tally()
    for key, count in counts.rows(table, kept):
        found.counts[key] += count
    told = table[0]
    found.begun, found.ended = set(told["begun"]), set(told["ended"])
    found.again, found.bad_lines = set(told["again"]), told["bad_lines"]
    return found


def key_of(entry: "Entry") -> "Key":
    """Return under what a call is counted."""
    return (
        str(entry.get("timestamp"))[:10],
        _text(entry.get("tool")),
        _text(entry.get("command")),
        _text(entry.get("operator")),
        _text(entry.get("exit_code")),
        _text(entry.get("outcome")),
        _text(entry.get("duration_ms")),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def can_be_counted(query: "Query") -> bool:
    """Tell a question for which no entries have to be made."""
    asked = (
        *(query.trace_id, query.request_id, query.operator, query.exit_code, query.mine),
        *(query.param, query.text, query.limit, query.tail, query.carries, query.slower_than),
        *(query.outcome, query.origin, query.since, query.until, query.command, query.tool),
    )
    return not any(each is not None for each in asked) and not (query.failed or query.all)


def tally(
    path: str, places: "Iterable[int]", progress: "Callable[[int, int], None] | None" = None
) -> Tally:
    """Count the calls of one log, but for those that only read logs.

    `places` are those of a key that matter; the others are None, or there were as many keys as
    calls. `progress` is told how many bytes are done, and all of them. Raises `OSError` where the
    log cannot be read.
    """
    kept = frozenset((*places, *_ALWAYS))
    plan = [_Plan(segment, size, kept) for segment, size in snapshot(path)]
    parts = [part for each in plan for part in each.parts]
    whole = sum(stop - start for _, start, stop, _ in parts)
    found = Tally()
    done = 0
    counting = _counted(parts, alone=whole < _ALONE)
    for each in plan:
        for _, start, stop, _ in each.parts:
            each.counted.add(next(counting))
            done += stop - start
            if progress is not None:
                progress(done, whole)
        found.add(each.result(kept))
    _settle(found, path, kept)
    return found


class _Plan:
    """What is to be done about a segment: its `parts` are counted; none where that was done."""

    def __init__(self, segment: "Segment", size: int | None, kept: "frozenset[int]") -> None:
        self.counted = Tally()
        self.parts: list[Part] = []
        self._segment = segment
        self._known = counts.load(segment, kept) if segment.sealed else None
        self._places = counts.places_of(kept) if segment.sealed else kept
        if self._known is None:
            with segment.open_as_it_is() if segment.sealed else segment.open() as file:
                self._status = os.fstat(file.fileno())
            self.parts = [(*part, self._places) for part in _parts(segment, size)]

    def result(self, kept: "frozenset[int]") -> Tally:
        """Return what the segment comes to; what had to be counted is kept for the next time."""
        if not self._segment.sealed:
            return self.counted
        if self._known is not None:
            return _told(self._known, kept)
        counts.save(self._segment, self._status, kept, self.counted.counts, self.counted.as_json())
        return self.counted.narrowed(kept)


def _parts(segment: "Segment", size: int | None) -> "Iterator[tuple[Segment, int, int]]":
    with segment.open() as file:
        if file_is_compressed(file):
            yield segment, 0, os.fstat(file.fileno()).st_size * 7
            return
        known = size if size is not None and not segment.rewritten else _size_of(file)
    for start in range(0, known, _PART):
        yield segment, start, min(start + _PART, known)


def _size_of(file: "IO[bytes]") -> int:
    return os.fstat(file.fileno()).st_size


def _counted(parts: "list[Part]", *, alone: bool) -> "Iterator[Tally]":
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if alone or cores < 2 or not hasattr(os, "fork"):
        yield from map(_count, parts)
        return
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(min(cores, len(parts))) as pool:
        yield from pool.imap(_count, parts)


def _count(part: "Part") -> Tally:
    """Count the lines that begin in a part of a segment."""
    segment, start, stop, kept = part
    found = Tally()
    with segment.open() as file:
        for block in _blocks(file, start, stop):
            found.add(_in_block(block, kept))
    return found


def _blocks(file: "IO[bytes]", start: int, stop: int) -> "Iterator[bytes]":
    """Yield the lines that begin between two places, in blocks of whole lines."""
    packed = file_is_compressed(file)
    if start:
        file.seek(start - 1)
        file.readline()  # it began before
        start = file.tell()
    rest = b""
    while packed or start < stop:
        block = file.read(_BLOCK if packed else min(_BLOCK, stop - start))
        if not block:
            break
        start += len(block)
        block = rest + block
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if cut:
            yield block[:cut]
    if rest and not packed:
        rest += file.readline()
    if rest:
        yield rest


def _in_block(block: bytes, kept: "frozenset[int]") -> Tally:
    found = Tally()
    fields = _LINE.findall(block)
    if _PURPOSE in block or len(fields) != block.count(b"\n") or not block.endswith(b"\n"):
        fields = list(_fitting(block, found, kept))
    begun = {each[1]: at for at, each in enumerate(fields) if each[1]}
    ended = {each[2]: at for at, each in enumerate(fields) if each[2]}
    found.begun |= {_id(each) for each, at in begun.items() if ended.get(each, -1) < at}
    found.ended |= {_id(each) for each, at in ended.items() if begun.get(each, at) >= at}
    taken = _taker(kept)
    for key, count in Counter(taken(each) for each in fields if each[2]).items():
        found.counts[_decoded(key, kept)] += count
    return found


def _id(text: bytes) -> str:
    return text.decode("ascii", "replace")


def _taker(kept: "frozenset[int]") -> "Callable[[Sequence[bytes]], tuple[bytes, ...]]":
    """Return what takes from the fields of a line those that matter, in the order of a key."""
    return itemgetter(*(_GROUPS[place] for place in sorted(kept)))


def _decoded(key: "tuple[bytes, ...]", kept: "frozenset[int]") -> "Key":
    told: list[str | None] = [None] * len(_GROUPS)
    for place, each in zip(sorted(kept), key, strict=True):
        text = each.decode("utf-8", "replace")
        told[place] = text[:10] if not place else None if text == "null" else text.strip('"')
    return tuple(told)


def _fitting(block: bytes, found: Tally, kept: "frozenset[int]") -> "Iterator[tuple[bytes, ...]]":
    """Yield the fields of the lines that fit; count the others one by one."""
    lines = block.splitlines(keepends=True) if b"\r" not in block else _lines(block)
    for line in lines:
        match = None if _PURPOSE in line else _LINE.match(line)
        if match is not None and is_whole(line):
            yield tuple(each or b"" for each in match.groups())
        else:
            _by_hand(line, found, kept)


def _lines(block: bytes) -> list[bytes]:
    return [line + b"\n" for line in block.split(b"\n")[:-1]]


def _by_hand(line: bytes, found: Tally, kept: "frozenset[int]") -> None:
    if not is_whole(line):
        found.bad_lines += 1
        return
    event, request_id = glance(line)
    own = request_id.decode("ascii", "replace")
    if event == b"begin":
        found.begun.add(own)
    elif event == b"undelivered":
        found.again.add(own)
    elif event == b"end":
        if own in found.begun:
            found.begun.discard(own)
        else:
            found.ended.add(own)
        if supersedes(line):
            found.again.add(own)
        body = parse(line)
        if body is not None:
            _add(found, LogEntries("").entry(body, event, request_id), kept, 1)
    elif event not in (b"log", b"seal"):
        body = parse(line)
        found.bad_lines += body is None or "event" not in body


def _add(found: Tally, entry: "Entry", kept: "frozenset[int]", count: int) -> None:
    if entry.get("purpose") != PURPOSE_AUDIT:
        key = (each if at in kept else None for at, each in enumerate(key_of(entry)))
        found.counts[tuple(key)] += count


def _entries_of(wanted: "Set[str]", path: str) -> "list[Entry]":
    """Return all entries of some calls, made in the slow way."""
    log = LogEntries(path)
    if len(wanted) > _MANY:
        found: Iterable[Entry] = log.read(lambda _: True)
    else:
        found = (
            entry
            for each in wanted
            for entry in LogEntries(path).read(lambda _: True, literal=each.encode())
            if entry.get("request_id") == each
        )
    return [entry for entry in found if entry.get("request_id") in wanted]


def _settle(found: Tally, path: str, kept: "frozenset[int]") -> None:
    """Count the calls whose line alone does not tell what became of them."""
    unsettled = found.begun | found.again
    truth = _entries_of(unsettled, path)
    for wanted in found.again:
        for line in lines_with(snapshot(path), wanted.encode(), is_id=True):
            event, own = glance(line)
            if event == b"end" and own == wanted.encode() and (body := parse(line)) is not None:
                _add(found, LogEntries("").entry(body, event, own), kept, -1)
    killed = SeenKilled(path)
    for entry in truth:
        is_open = entry.get("origin") is None and entry.get("duration_ms") is None
        if not is_open and entry.get("request_id") not in found.again:
            continue  # its end line has been counted
        if entry["outcome"] == VANISHED:
            killed.complete(entry)
        _add(found, entry, kept, 1)
    found.counts = +found.counts
