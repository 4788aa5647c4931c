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
from contextlib import suppress
from functools import lru_cache

from .._typing import TYPE_CHECKING, Any
from .._wire import PURPOSE_AUDIT, VANISHED
from ..trail.find import file_is_compressed, lines_with
from ..trail.read import glance, is_whole, parse, supersedes
from ..trail.scan import holds
from ..trail.segments import UNREADABLE, snapshot
from . import counts
from .fold import LogEntries
from .killed import SeenKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Set
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
_EVENT_FROM, _EVENT_TO = 100, 260  # within which a line of ours says its event
_END, _BEGIN = b'"event":"end","request_id":"', b'"event":"begin","request_id":"'
_BRACE = 0x7D  # }
_TOOL, _PURPOSE = b',"tool":"', b'"purpose":'
_STAMP = b'"timestamp":"0000-00-00T00:00:00.000Z"'  # what stands before the tool
_STAMPED, _DAY_CHARS = len(_STAMP), len(b'"timestamp":"0000-00-00')
_RESULT_END, _OPERATOR_END = b',"signal":', b',"params":'
_TEXT = r'[^"\\\n]*'
_FIELDS = re.compile(
    r'(?:"timestamp":"([^"\\\n]{10}))?,"tool":("TEXT"),"command":(null|"TEXT"),'
    r'"exit_code":(\d+|null),"outcome":("\w+"),"duration_ms":(\d+|null)'
    r'(?:,"signal":(?:null|"\w+"),'
    r'"error":(?:null|\{"code":"TEXT","message":"TEXT"[^{}\n]*\}),'
    r'"origin":"\w+"(?:,"(?:output|child)":\{[^{}\n]*\})*,"operator":(null|"TEXT"))?'.replace(
        "TEXT", _TEXT
    ).encode("ascii")
)
_DAY, _OPERATOR = 0, 3  # places of a key that are asked for seldom
_ALWAYS = (4, 5, 6)  # of a key: exit code, outcome, duration


class Tally:
    """How many calls there were of each key, and what is to be looked up still."""

    def __init__(self) -> None:
        self.counts: Counter[Key] = Counter()
        self.begun: set[str] = set()  # ids of calls whose end has not been met
        self.ended: set[str] = set()  # ids of calls whose begin has not been met
        self.again: set[str] = set()  # ids of calls whose end was corrected
        self.bad_lines = 0
        self.unread: list[str] = []  # what could not be read, and why

    def add(self, later: "Tally") -> None:
        """Add what was counted in the lines after these."""
        self.counts.update(later.counts)
        self.begun = (self.begun - later.ended) | later.begun
        self.ended |= later.ended - self.begun
        self.again |= later.again
        self.bad_lines += later.bad_lines
        self.unread += later.unread

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
        self._status: os.stat_result | None = None
        if self._known is None:
            with suppress(FileNotFoundError):  # pruned meanwhile
                with segment.open_as_it_is() if segment.sealed else segment.open() as file:
                    self._status = os.fstat(file.fileno())
                self.parts = [(*part, self._places) for part in _parts(segment, size)]

    def result(self, kept: "frozenset[int]") -> Tally:
        """Return what the segment comes to; what had to be counted is kept for the next time."""
        if not self._segment.sealed:
            return self.counted
        if self._known is not None:
            return _told(self._known, kept)
        status, counted = self._status, self.counted
        if status is not None and not counted.unread:
            counts.save(self._segment, status, kept, counted.counts, counted.as_json())
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
    try:
        with segment.open() as file:
            for block in _blocks(file, start, stop):
                found.add(_in_block(block, kept))
    except FileNotFoundError:
        return found  # pruned meanwhile
    except UNREADABLE as error:
        found.unread.append(f"{segment.name}: it is damaged: {error}")
    return found


def _blocks(file: "IO[bytes]", start: int, stop: int) -> "Iterator[bytes]":
    """Yield the lines that begin between two places, in blocks of whole lines."""
    packed = file_is_compressed(file)
    if start:
        file.seek(start - 1)
        start += len(file.readline()) - 1  # a line that began before
    while packed or start < stop:
        block = file.read(_BLOCK if packed else min(_BLOCK, stop - start))
        if not block:
            return
        if not block.endswith(b"\n"):
            block += file.readline()
        start += len(block)
        yield block


def _in_block(block: bytes, kept: "frozenset[int]") -> Tally:
    found = Tally()
    begun: set[bytes] = set()
    ended: set[bytes] = set()
    pieces: list[bytes] = []  # of end lines: the fields that matter, as they stand there
    of_line: list[bytes] = []  # the line of each of those
    odd: list[bytes] = []
    any_purpose = holds(block, _PURPOSE)
    until = _OPERATOR_END if _OPERATOR in kept else _RESULT_END
    by_day = _DAY in kept
    for line in _lines(block):
        at = line.find(b'"event":"', _EVENT_FROM, _EVENT_TO)
        if at < 0 or line[-1] != _BRACE or (any_purpose and _PURPOSE in line):
            odd.append(line)
        elif line.startswith(_END, at):
            own = at + len(_END)
            stop = line.find(b'"', own)
            tool = line.find(_TOOL, stop)
            if line.find(b"{", 1, tool) >= 0:  # in something else, or none
                odd.append(line)
                continue
            request_id = line[own:stop]
            if request_id in begun:
                begun.remove(request_id)
            else:
                ended.add(request_id)
            piece = line[tool : line.find(until, tool)]
            if by_day:
                piece = line[tool - _STAMPED : tool - _STAMPED + _DAY_CHARS] + piece
            pieces.append(piece)
            of_line.append(line)
        elif line.startswith(_BEGIN, at) and line.find(b"{", 1, at) < 0:
            own = at + len(_BEGIN)
            begun.add(line[own : line.find(b'"', own)])
        else:
            odd.append(line)
    for piece, count in Counter(pieces).items():
        key = _key(piece, kept)
        if key is not None:
            found.counts[key] += count
        else:
            odd += [line for each, line in zip(pieces, of_line, strict=True) if each == piece]
    for line in odd:
        _by_hand(line + b"\n", found, kept)
    found.begun |= set(map(_id, begun))
    found.ended |= set(map(_id, ended))
    return found


def _id(text: bytes) -> str:
    return text.decode("ascii", "replace")


@lru_cache(16_384)
def _key(fields: bytes, kept: "frozenset[int]") -> "Key | None":
    """Return what a line is counted under; None where its fields are not as ours are."""
    match = _FIELDS.fullmatch(fields)
    if match is None or (_DAY in kept and match[1] is None):
        return None
    day, tool, command, exit_code, outcome, duration, operator = match.groups(b"null")
    told = (day, tool, command, operator, exit_code, outcome, duration)
    return tuple(_value(each) if place in kept else None for place, each in enumerate(told))


def _value(field: bytes) -> str | None:
    text = field.decode("utf-8", "replace")
    return None if text == "null" else text.strip('"')


def _lines(block: bytes) -> list[bytes]:
    lines = block.split(b"\n")
    return lines if lines[-1] else lines[:-1]


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
    found: list[Entry] = []
    for each in [None] if len(wanted) > _MANY else wanted:
        literal = None if each is None else each.encode()
        entries = LogEntries(path).read(lambda _: True, literal=literal)
        with suppress(OSError):  # what is damaged has been said
            for entry in entries:
                own = entry.get("request_id")
                if own == each or (each is None and own in wanted):
                    found.append(entry)
    return found


def _ends_of(wanted: str, path: str) -> "Iterator[Entry]":
    """Yield an entry for each end line of a call."""
    with suppress(OSError):
        for line in lines_with(snapshot(path), wanted.encode(), is_id=True):
            event, own = glance(line)
            if event == b"end" and own == wanted.encode() and (body := parse(line)) is not None:
                yield LogEntries("").entry(body, event, own)


def _settle(found: Tally, path: str, kept: "frozenset[int]") -> None:
    """Count the calls whose line alone does not tell what became of them."""
    unsettled = found.begun | found.again
    truth = _entries_of(unsettled, path)
    for wanted in found.again:
        for body in _ends_of(wanted, path):
            _add(found, body, kept, -1)
    killed = SeenKilled(path)
    for entry in truth:
        is_open = entry.get("origin") is None and entry.get("duration_ms") is None
        if not is_open and entry.get("request_id") not in found.again:
            continue  # its end line has been counted
        if entry["outcome"] == VANISHED:
            killed.complete(entry)
        _add(found, entry, kept, 1)
    found.counts = +found.counts
