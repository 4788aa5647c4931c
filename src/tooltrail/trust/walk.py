"""Walk a log once, from its first line to its last, and see where its chain breaks.

Nearly every line takes one SHA-256 and one comparison: it has to start with exactly the bytes
that follow from the line before it. What does not is looked at closely. It may be the trace of a
crash (a torn line) or an erasure, and then the chain goes on; or a new *run* begins there. A
healthy log is one run, and `diagnose` has nothing to do.

A line is not parsed where its successor vouches for it: whoever wrote the successor judged the
line by its form and counted it, and it has not changed since. Only the last line of a run has
nobody to vouch for it, and is parsed.
"""

from binascii import hexlify
from bisect import bisect_left, bisect_right
from hashlib import sha256

from .._typing import TYPE_CHECKING, Any
from .findings import EDITED, ERASED, INSERTED, TORN, Finding, counted
from .lines import (
    FULL_HEAD_BYTES,
    GENESIS,
    HEAD,
    NO_JSON,
    blocks,
    contradicts,
    event_of,
    hash_of,
    healed_bytes,
    healed_prev,
    is_cut_short,
    is_event,
    is_whole,
    original_hash,
    seq_and_prev,
    stubs_in,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..trail.segments import Segment
    from .lines import Line

    State = tuple[int, bytes, str | None]  # the number and `prev` that are due, and what that means
    Watch = Callable[[int, Sequence[bytes], int], None]  # first seq, lines, place of the first

MOST_RUNS = 2000  # a log that breaks more often is not taken apart further
_OPENING_LINES = 8  # among which a segment says which log it belongs to


class Run:
    """Lines that stand together and follow each other without a break."""

    __slots__ = ("debris", "end", "first_hash", "first_prev", "first_seq", "healed",
                 "last_hash", "last_seq", "skips", "start", "torn", "was", "whole")  # fmt: skip

    def __init__(self, start: int, seq: int, prev: bytes, first_hash: bytes) -> None:
        self.start = start  # places among all lines of the log
        self.end = start
        self.first_seq = seq
        self.first_prev = prev
        self.first_hash = first_hash
        self.last_seq = seq
        self.last_hash = first_hash
        self.whole = True  # whether the last line is sound in itself
        self.was: bytes | None = None  # the hash that it had, where it is a tombstone
        self.torn = False  # or is the start of one
        self.healed = 0  # how long a torn line before it was, by what the first line says
        self.skips: list[int] = []  # places of torn lines, which have no number
        self.debris: list[Line] = []  # damaged lines that stand before it

    def seq_at(self, place: int) -> int:
        """Return the number of the line at a place in this run."""
        return self.first_seq + place - self.start - bisect_left(self.skips, place)


class Part:
    """One file of the log, as it was read."""

    def __init__(self, segment: "Segment", start: int) -> None:
        self.name = segment.name
        self.sealed = segment.sealed
        self.start = start  # place of its first line
        self.end = start  # place after its last line
        self.last = b""
        self.terminated = True  # whether the last line has its newline
        self.opening: dict[str, Any] = {}
        self.damage: str | None = None  # why it could not be decompressed


class Walk:
    """A walk over the files of one log, in order, and what came of it."""

    def __init__(
        self,
        progress: "Callable[[int, str], None] | None" = None,
        opened: "Callable[[str], Watch | None] | None" = None,
    ) -> None:
        self.parts: list[Part] = []
        self.runs: list[Run] = []
        self.findings: list[tuple[int, Finding]] = []
        self.torn: list[tuple[int, int]] = []  # place, bytes
        self.erasures: list[tuple[int, bytes, bytes]] = []  # place, hash it had, hash it has
        self.erase_events: list[tuple[int, dict[str, Any]]] = []
        self.prune_events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.debris: list[Line] = []  # damaged lines that nothing has followed yet
        self.foreign: set[int] = set()  # places of damaged lines that the chain goes around
        self.unvouched: list[tuple[int, int]] = []  # place and number: a stub follows, too short
        self.gave_up = False
        self._progress = progress
        self._opened = opened
        self._watches: list[Watch] = []
        self._tombstones = False  # whether there were any: then `erase` events count
        self._seq = 0  # the number that is due
        self._prev = GENESIS  # the hash that is due
        self.before = b""  # the last line that was taken
        self._before_at = -1  # its place
        self._counted = False  # whether it has a number
        self._run: Run | None = None
        self.lines = 0  # as far as we are

    def watch(self, watch: "Watch") -> None:
        """Let somebody see all lines as they are taken."""
        self._watches.append(watch)

    def read(self, files: "Iterable[tuple[Segment, int | None]]") -> None:
        """Read the files. Raises `OSError` where one cannot be read.

        A compressed segment that is damaged ends where the damage is.
        """
        from gzip import BadGzipFile
        from zlib import error as ZlibError

        for segment, size in files:
            part = Part(segment, self.lines)
            self.parts.append(part)
            try:
                self._read_part(part, segment, size)
            except (EOFError, ZlibError, BadGzipFile) as error:
                part.damage = str(error).lower()
            part.end = self.lines
            if self.gave_up:
                break
        self._close()

    def _read_part(self, part: Part, segment: "Segment", size: int | None) -> None:
        for data, lines, terminated in blocks(segment, size):
            if self.lines == part.start:
                self._open(part, lines)
            at = 0
            while at < len(lines) and not self.gave_up:
                if not self.debris:
                    at = self._follow(lines, at)
                if at < len(lines):
                    self._look(lines[at], self.lines + at)
                    at += 1
            if self._tombstones or (self.runs and self.runs[0].first_seq):
                self._collect(data, lines)
            part.last, part.terminated = lines[-1], terminated
            if self.gave_up:
                return
            self.lines += len(lines)
            if self._progress is not None:
                self._progress(len(data) + 1, segment.name)

    def _open(self, part: Part, lines: "Sequence[bytes]") -> None:
        """Learn which log this is, before its lines are walked."""
        for line in lines[:_OPENING_LINES]:
            event = event_of(line) if is_event(line, b"log") else {}
            if event:  # and no stump of one
                part.opening = event if line is lines[0] else {}
                self._note_id(event)
                return

    def _note_id(self, event: dict[str, Any]) -> None:
        log_id = event.get("log")
        if isinstance(log_id, str) and log_id not in self.ids:
            self.ids.append(log_id)
            watch = self._opened(log_id) if self._opened is not None else None
            if watch is not None:
                self._watches.append(watch)

    def _follow(self, lines: "Sequence[bytes]", at: int) -> int:
        """Take the lines that follow as they must; return where that ends."""
        first = seq = self._seq
        due = prev = self._prev
        for line in lines[at:] if at else lines:
            if not line.startswith(
                b'{"v":1,"seq":%d,"prev":"sha256:%b","logged_at":"' % (seq, prev)
            ):
                break
            prev = hexlify(sha256(line).digest())
            seq += 1
        taken = seq - first
        if taken:
            if self._run is None:
                self._begin(self.lines + at, first, due, hash_of(lines[at]))
            self._seq, self._prev = seq, prev
            self.before, self._before_at = lines[at + taken - 1], self.lines + at + taken - 1
            self._counted = True
            for watch in self._watches:
                watch(first, lines[at : at + taken] if at else lines[:taken], self.lines + at)
        return at + taken

    def _look(self, line: bytes, place: int) -> None:
        """Take a line that is not the one that was due, or stands behind a damaged one."""
        states = self._states()
        if self.debris and self._over_debris(line, place, states):
            return
        for seq, prev, meaning in states:
            if line.startswith(HEAD % (seq, prev)):
                if self.debris:
                    around = [item[0] for item in self.debris]
                    self.foreign.update(around)
                    if self._run is not None:
                        self._run.skips += around
                    self._foreign(self.debris, "the chain goes around")
                self._accept(line, place, seq, meaning, healed=not self.debris)
                self.debris = []
                return
        found = seq_and_prev(line)
        if found is None:
            self.debris.append((place, line))
            return
        self._close()
        self._begin(place, *found, hash_of(line))
        self.runs[-1].healed = healed_bytes(line)
        if is_event(line, b"log"):
            self._note_id(event_of(line))
        self._take(line, place, found[0])

    def _states(self) -> "list[State]":
        """Return what may be due, and what the line before is then."""
        states: list[State] = [(self._seq, self._prev, None)]
        was = self._original_hash()
        if was is not None:
            states.append((self._seq, was, ERASED))
        if self._counted and not is_whole(self.before):
            states.append((self._seq - 1, self._prev, TORN))
        return states

    def _original_hash(self) -> bytes | None:
        """Return the hash that the last line had, where it is a tombstone now."""
        was = original_hash(self.before)
        self._tombstones = self._tombstones or was is not None
        return was

    def _over_debris(self, line: bytes, place: int, states: "list[State]") -> bool:
        """Take a line whose writer found a damaged line before it, and chained to that."""
        last = self.debris[-1][1]
        last_hash = hash_of(last)
        for seq, due, meaning in states:
            if not line.startswith(HEAD % (seq, last_hash)):
                continue
            prev = due
            if not stubs_in(self.debris[:1], seq, due):
                prev = self._original_hash() or due
            stubs = stubs_in(self.debris, seq, prev)
            if last and healed_bytes(line) == len(last) and self.debris[-1] not in stubs:
                stubs.append(self.debris[-1])
            for stub in stubs:
                self._is_torn(stub[0], stub[1])
            if meaning is None:
                self._check_before_stub(line, seq, prev)
            self._foreign(
                [item for item in self.debris if item not in stubs], "a writer went on after"
            )
            if self._run is not None:
                self._run.skips += [item[0] for item in self.debris]
            self.debris = []
            self._accept(line, place, seq, meaning, healed=False)
            return True
        return False

    def _check_before_stub(self, healer: bytes, seq: int, prev: bytes) -> None:
        """Look at the line before a torn one, which may have been too short to vouch for it.

        `healer` is the line that closed the torn one off, and says which line it found before.
        """
        _, stub = self.debris[0]
        if self._before_at < 0 or not self._counted:
            return
        if not is_whole(self.before):
            self._add(self._before_at, EDITED, NO_JSON)
        elif contradicts(stub, seq, prev):
            message = "the torn line after it was begun after another one"
            self._add(self._before_at, EDITED, message)
        elif (said := healed_prev(healer)) is not None:
            if said != prev:
                message = "the writer that closed off the torn line after it found another one"
                self._add(self._before_at, EDITED, message)
        elif len(stub) < FULL_HEAD_BYTES:
            self.unvouched.append((self._before_at, seq - 1))
            was = self._original_hash()
            if was is not None:
                self.erasures.append((self._before_at, was, hash_of(self.before)))

    def _accept(
        self, line: bytes, place: int, seq: int, meaning: str | None, *, healed: bool
    ) -> None:
        """Take a line after one that was not what it seemed."""
        before = self._before_at
        if meaning == ERASED:
            was = self._original_hash()
            assert was is not None
            self.erasures.append((before, was, hash_of(self.before)))
        elif meaning == TORN:
            if (healed and healed_bytes(line) == len(self.before)) or is_cut_short(self.before):
                self._is_torn(before, self.before)
            else:
                self._add(before, EDITED, f"{NO_JSON}, and a writer went on after it")
            if self._run is not None:
                self._run.skips.append(before)
        if self._run is None:
            self._begin(place, seq, GENESIS, hash_of(line))
        self._take(line, place, seq)

    def _take(self, line: bytes, place: int, seq: int) -> None:
        self._seq, self._prev = seq + 1, hash_of(line)
        self.before, self._before_at, self._counted = line, place, True
        for watch in self._watches:
            watch(seq, [line], place)

    def _begin(self, place: int, seq: int, prev: bytes, first_hash: bytes) -> None:
        self._run = Run(place, seq, prev, first_hash)
        self._run.debris, self.debris = self.debris, []
        self.runs.append(self._run)
        self.gave_up = len(self.runs) > MOST_RUNS

    def _close(self) -> None:
        run = self._run
        if run is None:
            return
        run.end = self._before_at
        run.last_seq, run.last_hash = self._seq - 1, self._prev
        run.whole = is_whole(self.before)
        run.was = self._original_hash()
        run.torn = not run.whole and is_cut_short(self.before)
        self._run = None

    def _is_torn(self, place: int, line: bytes) -> None:
        self.torn.append((place, len(line)))

    def _foreign(self, debris: "Sequence[Line]", what: str) -> None:
        if debris:
            lines = counted(len(debris), "line")
            self._add(debris[0][0], INSERTED, f"{lines} from here on {_IS_NONE}, and {what} that")

    def _add(self, place: int, verdict: str, message: str) -> None:
        self.findings.append((place, self.finding(place, verdict, message)))

    def _collect(self, data: bytes, lines: "Sequence[bytes]") -> None:
        """Keep the events that say what was erased or pruned."""
        for name in (b"erase", b"prune"):
            if b'"event":"%b"' % name not in data:
                continue
            for at, line in enumerate(lines):
                if is_event(line, name):
                    event = event_of(line)
                    if name == b"erase":
                        self.erase_events.append((self.lines + at, event))
                    else:
                        self.prune_events.append(event)

    def part_of(self, place: int) -> Part:
        """Return the file in which a line stands."""
        starts = [part.start for part in self.parts]
        at = bisect_right(starts, place) - 1
        return self.parts[max(at, 0)]

    def finding(self, place: int, verdict: str, message: str, seq: int | None = None) -> Finding:
        """Return a finding about the line at a place."""
        return self.finding_in(self.part_of(place), place, verdict, message, seq)

    def finding_in(
        self, part: Part, place: int, verdict: str, message: str, seq: int | None = None
    ) -> Finding:
        """Return a finding about a line of this file, or about where its next one would be."""
        line = place - part.start + 1
        return Finding(verdict, message, segment=part.name, line=line, seq=seq)


_IS_NONE = "is none that a writer of this log wrote"
