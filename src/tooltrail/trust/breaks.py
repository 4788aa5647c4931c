"""What happened where one chain of a log ends, and the next one follows nothing that is there.

The numbers tell. Without a gap between the two, the line before was edited, or the `prev` of the
line after. With one, lines are gone: at the end of a sealed segment it was cut off, elsewhere they
were taken out. Where damaged lines stand in the gap, they are what has become of those lines.
"""

from .._typing import TYPE_CHECKING
from ..trail.segments import segment_name
from .ends import is_erased, prune_of
from .findings import EDITED, INSERTED, REMOVED, TRUNCATED, counted
from .lines import (
    GENESIS,
    NO_JSON,
    NO_LINE,
    hash_of,
    is_event,
    is_start_of,
    resemble,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from .lines import Line
    from .walk import Run, Walk

    Say = Callable[[int, str, str, int | None], None]  # place, verdict, message, seq


class Chain:
    """Runs that follow each other, from the first, which follows nothing, to the last."""

    __slots__ = ("first", "foreign", "last")

    def __init__(self, first: "Run", last: "Run", *, foreign: bool) -> None:
        self.first = first
        self.last = last
        self.foreign = foreign  # another chain goes around it


class Breaks:
    """The breaks between the chains of one log."""

    def __init__(self, walk: "Walk", say: "Say", where: "Callable[[int], str]") -> None:
        self._walk = walk
        self._parts = walk.parts
        self._say = say
        self._where = where

    def join(self, chains: "list[Chain]") -> None:
        """Say what is between the chains, in the order of their numbers."""
        chains.sort(key=lambda each: (not self._begins(each.first), each.first.first_seq))
        chain = chains[0]
        first_seq = self._check_beginning(chain.first)
        tip, last_seq = chain.last, chain.last.last_seq
        if tip is chain.first and tip.start == tip.end:
            last_seq = first_seq
        for chain in chains[1:]:
            run = chain.first
            if chain.foreign:
                message = "it follows no line of this log, and the chain goes around it"
                self._say(run.start, INSERTED, message, None)
            elif run.first_seq == 0 and run.first_prev == GENESIS:
                self._begun_anew(run)
            elif run.first_seq < last_seq or (run.first_seq == last_seq and tip.whole):
                message = "it follows no line of this log, and its number was given before"
                self._say(run.start, INSERTED, message, run.first_seq)
            else:
                self._break(tip, last_seq, run)
                tip, last_seq = chain.last, chain.last.last_seq

    def _begins(self, run: "Run") -> bool:
        """Tell the run that the log begins with by the hash that it follows."""
        due = self._due_first(run)
        return due is not None and (run is self._walk.runs[0] or run.first_seq == due)

    def _due_first(self, run: "Run") -> int | None:
        """Return the number that the first line has to have, by the hash that it follows."""
        if run.first_prev == GENESIS:
            return 0
        follows = "sha256:" + run.first_prev.decode("ascii")
        for event in self._walk.prune_events:
            if event.get("last_hash") == follows and isinstance(event.get("last_seq"), int):
                return int(event["last_seq"]) + 1
        return None

    def _check_beginning(self, first: "Run") -> int:
        """Say what is wrong with the log's first line; return the number that it should have."""
        due, seq = self._due_first(first), first.first_seq
        if due is not None and self._begins(first):
            if seq != due:
                self._say(first.start, EDITED, f"its number is {seq}, {due} was due", due)
            return due
        if first.debris and seq:
            self._damage(first)
        elif seq == 0 or any(event.get("last_seq") == seq - 1 for event in self._walk.prune_events):
            message = "it is the first line here, but follows another than the one that was due"
            self._say(first.start, EDITED, message, seq)
        elif prune_of(self._walk, first) is None:
            verb = "is" if seq == 1 else "are"
            which = "seq 0" if seq == 1 else f"seq 0 to {seq - 1}"
            message = (
                f"{counted(seq, 'line')} before it ({which}) {verb} gone, and no `prune` event"
                " says so"
            )
            self._say(first.start, REMOVED, message, seq)
        return seq

    def _begun_anew(self, run: "Run") -> None:
        part = self._walk.part_of(run.start)
        if run.start == part.start and part is not self._walk.parts[0]:
            message = "the log was begun anew here: what this segment held before is lost"
            self._say(run.start, TRUNCATED, message, 0)
        else:
            self._say(run.start, INSERTED, "lines of another log begin here", 0)

    def _break(self, tip: "Run", last_seq: int, run: "Run") -> None:
        """Say what happened between a chain and the next one by number, which does not follow."""
        before, after = self._walk.part_of(tip.end), self._walk.part_of(run.start)
        at_seam = before is not after and run.start == after.start
        read = self._parts[self._parts.index(before) : self._parts.index(after)]
        if any(part.damage is not None for part in read):
            return  # said of the segment
        if at_seam and (not before.terminated or ((tip.whole or tip.torn) and not run.debris)):
            self._seam(tip, last_seq, run)
        elif not tip.whole and not (tip.torn and _heals(run.debris)):
            self._broken(tip, last_seq, run)
        elif run.debris:
            self._debris(tip, last_seq, run)
        elif run.first_seq > last_seq + 1:
            self._removed(run, self._gone(last_seq, run))
        elif run.healed:
            self._removed(run, f"a torn line of {counted(run.healed, 'byte')} is gone")
        else:
            self._changed(tip, last_seq, run)

    def _seam(self, tip: "Run", last_seq: int, run: "Run") -> None:
        """Look at two segments, of which the second does not follow the first."""
        before, after = self._walk.part_of(tip.end), self._walk.part_of(run.start)
        gap = run.first_seq - last_seq - 1
        if not before.terminated or (gap > 0 and not is_event(before.last, b"seal")):
            gone = f", and {self._gone(last_seq, run)}" if gap > 0 else ""
            message = f"a sealed segment ends here{gone}: its end was cut off"
            self._say(before.end - 1, TRUNCATED, message, None)
        elif not tip.whole:
            self._broken(tip, last_seq, run)
        elif gap <= 0:
            self._changed(tip, last_seq, run)
        elif after.opening.get("event") == "log":
            missing = f"a segment is missing, {segment_name(last_seq + 1)}: "
            self._removed(run, missing + self._gone(last_seq, run))
        else:
            self._removed(run, self._gone(last_seq, run))

    def _broken(self, tip: "Run", last_seq: int, run: "Run") -> None:
        if resemble(run.first_prev, tip.last_hash):
            self._say(run.start, EDITED, _PREV, last_seq)
        else:
            self._say(tip.end, EDITED, NO_JSON, last_seq)

    def _changed(self, tip: "Run", last_seq: int, run: "Run") -> None:
        due = tip.last_hash
        if tip.was is not None and is_erased(self._walk, tip.end, tip.was, tip.last_hash):
            due = tip.was
        if resemble(run.first_prev, due):
            self._say(run.start, EDITED, _PREV, run.first_seq)
        else:
            after = f"the line after it, {self._where(run.start)}, was written after another one"
            self._say(tip.end, EDITED, after, last_seq)

    def _debris(self, tip: "Run", last_seq: int, run: "Run") -> None:
        """Look at damaged lines in a break: were they lines, or the torn ones of a crash?"""
        last = run.debris[-1][1]
        due, prev = last_seq + 1, tip.last_hash
        if hash_of(last) == run.first_prev and len(run.debris) == 1:
            if run.first_seq > due:  # a torn line, and what was before it is gone
                self._removed(run, self._gone(last_seq, run), run.debris[0][0])
        elif hash_of(last) != run.first_prev and resemble(hash_of(last), run.first_prev):
            self._say(run.start, EDITED, _PREV, run.first_seq)
        elif run.first_seq == due and not run.healed and tip.whole:
            self._changed(tip, last_seq, run)
        elif all(is_start_of(line, due, prev) for _, line in run.debris) and run.first_seq > due:
            self._removed(run, self._gone(last_seq, run))
        else:
            self._damage(run)

    def _damage(self, run: "Run") -> None:
        place = run.debris[0][0]
        if _heals(run.debris[1:], len(run.debris[0][1])):
            place = run.debris[1][0]  # the first is the torn line of a crash
        part = self._walk.part_of(place)
        if part.sealed and not part.terminated and run.debris[-1][0] == part.end - 1:
            message = "a sealed segment ends here: its end was cut off"
            self._say(place, TRUNCATED, message, None)
        else:
            self._say(place, EDITED, NO_LINE, None)

    def _removed(self, run: "Run", what: str, place: int | None = None) -> None:
        at = run.start if place is None else place
        self._say(at, REMOVED, f"before it {what}", run.first_seq if place is None else None)

    def _gone(self, last_seq: int, run: "Run") -> str:
        first, last = last_seq + 1, run.first_seq - 1
        return f"seq {first} is gone" if first == last else f"seq {first} to {last} are gone"


def _heals(debris: "list[Line]", size: int | None = None) -> bool:
    """Tell whether damaged lines say that the line before them was torn (and of this length)."""
    member = b'"healed_bytes":' if size is None else b'"healed_bytes":%d,' % size
    return any(member in line for _, line in debris)


_PREV = "its `prev` was changed"
