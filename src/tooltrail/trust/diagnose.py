"""What happened to a log whose chain breaks: with all its runs in view, not just the break.

A run is a stretch of lines that follow each other (`walk`). Where two runs meet, the hash that
the second one follows is looked for in the whole log:

- it is nowhere: the line before was edited, or lines were removed, or the end of a segment was
  cut off, or the run was put there and the chain goes around it;
- it is the end of another run: lines were inserted between the two, or stand in another order;
- it is in the middle of a run: two lines follow the same one, a fork.

Numbers tell the first cases apart: without a gap a line was edited, with one lines are gone.
"""

from bisect import bisect_right

from .._typing import TYPE_CHECKING
from .breaks import Breaks, Chain
from .ends import damaged
from .findings import EDITED, FORKED, INSERTED, REORDERED, Finding
from .lines import blocks, hash_of, original_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..trail.segments import Segment
    from .walk import Run, Walk

    Places = dict[bytes, list[int]]


def look_up(files: "Iterable[tuple[Segment, int | None]]", hashes: set[bytes]) -> "Places":
    """Return where the lines with these hashes stand, by their places among all lines."""
    from zlib import error as ZlibError

    found: Places = {}
    place = 0
    for segment, size in files:
        try:
            for _, lines, _ in blocks(segment, size):
                for line in lines:
                    line_hash = hash_of(line)
                    if line_hash in hashes:
                        found.setdefault(line_hash, []).append(place)
                    was = original_hash(line)
                    if was is not None and was in hashes:
                        found.setdefault(was, []).append(place)
                    place += 1
        except (EOFError, OSError, ZlibError):
            continue  # the walk has said so
    return found


class Diagnosis:
    """The findings about the runs of one log."""

    def __init__(self, walk: "Walk", files: "Sequence[tuple[Segment, int | None]]") -> None:
        self.walk = walk
        self.runs = list(walk.runs)
        self.found: dict[int, Finding] = {}
        self._starts = [run.start for run in self.runs]
        hashes = {run.first_prev for run in self.runs} | {run.last_hash for run in self.runs}
        hashes |= {run.first_hash for run in self.runs}
        self._places = look_up(files, hashes) if len(self.runs) > 1 else {}
        self._parent: dict[int, int] = {}  # start of a run -> place of the line that it follows
        self._next: dict[int, list[Run]] = {}  # end of a run -> runs that follow it

    def findings(self) -> "list[tuple[int, Finding]]":
        """Return what happened, each with the place of the first line that is wrong."""
        if not self.runs:
            return self._all_debris()
        self._drop_doubled()
        self._tie_together()
        self._order()
        chains = [
            Chain(run, self._tip(run), foreign=self._is_foreign(run))
            for run in self.runs
            if run.start not in self._parent
        ]
        if chains:
            Breaks(self.walk, self._say, self._where).join(chains)
        return sorted(self.found.items())

    def _say(self, place: int, verdict: str, message: str, seq: int | None = None) -> None:
        if place not in self.found:
            self.found[place] = self.walk.finding(place, verdict, message, seq)

    def _all_debris(self) -> "list[tuple[int, Finding]]":
        return [(place, damaged(self.walk, place, line)) for place, line in self.walk.debris[:1]]

    def _run_at(self, place: int) -> "Run":
        return self.walk.runs[bisect_right(self._starts, place) - 1]

    def _drop_doubled(self) -> None:
        """Take out lines that stand there a second time."""
        for run in list(self.runs):
            others = [at for at in self._places.get(run.first_hash, ()) if at != run.start]
            first = next((at for at in others if self._is_original(at, run)), None)
            if first is None:
                continue
            original = self._run_at(first)
            ends = self._places.get(original.last_hash, ())
            inside = next((at for at in ends if run.start <= at <= run.end), None)
            if inside is not None:
                lines = inside - run.start + 1
            elif any(
                original.start <= at <= original.end for at in self._places.get(run.last_hash, ())
            ):
                lines = run.end - run.start + 1
            else:
                lines = 1
            self._say(
                run.start,
                INSERTED,
                f"{_ALSO[lines > 1].format(lines)} {self._where(first)}",
                run.first_seq,
            )
            self.runs.remove(run)
            if run.start + lines <= run.end:
                self._parent[self._rest_of(run, lines).start] = first + lines - 1

    def _is_original(self, place: int, run: "Run") -> bool:
        other = self._run_at(place)
        return (
            other is not run
            and other in self.runs
            and (place != other.start or other.start < run.start)
        )

    def _rest_of(self, run: "Run", lines: int) -> "Run":
        """Put in what is left of a run after its first lines were taken out."""
        from .walk import Run

        rest = Run(run.start + lines, run.seq_at(run.start + lines), b"", b"")
        rest.end, rest.last_seq, rest.last_hash = run.end, run.last_seq, run.last_hash
        rest.whole, rest.torn = run.whole, run.torn
        rest.skips = [skip for skip in run.skips if skip >= rest.start]
        self.runs.append(rest)
        self.runs.sort(key=lambda each: each.start)
        return rest

    def _tie_together(self) -> None:
        """Find the line that each run follows."""
        for run in self.runs:
            parent = self._parent.get(run.start)
            if parent is None:
                parent = self._parent_of(run)
            if parent is not None:
                self._parent[run.start] = parent
                self._tie(run, parent)

    def _parent_of(self, run: "Run") -> int | None:
        """Return the place of the line that a run follows; where that was torn, of the one before.

        None where there is no such line.
        """
        found = None
        for at in self._places.get(run.first_prev, ()):
            other = self._run_at(at)
            if other is run and at >= run.start:
                if at in self.walk.foreign:
                    return self._parent_by_number(run, at)
            elif at in self.walk.foreign:
                return self._parent_by_number(run, at)
            elif at == other.end:
                return at
            elif at < other.end:
                found = at
            elif other.last_seq == run.first_seq - 1 or run.start == run.end:
                return other.end
        return found

    def _parent_by_number(self, run: "Run", stub: int) -> int | None:
        """Return the line before a torn one that stands in another place than it was left in."""
        first = min(run.start, stub)
        message = f"it and {self._where(max(run.start, stub))} {_ORDER}"
        self._say(first, REORDERED, message)
        ends = [each.end for each in self.runs if each.last_seq == run.first_seq - 1]
        return ends[0] if ends else None

    def _tie(self, run: "Run", parent: int) -> None:
        before = self._run_at(parent)
        due = before.seq_at(parent) + 1
        if parent == before.end and not before.whole:
            due -= 1  # it follows a torn line, which has no number
        if parent == before.end:
            followers = self._next.setdefault(parent, [])
            followers.append(run)
            if len(followers) > 1:
                self._fork(parent, run.start)
        else:
            self._fork(parent, max(run.start, parent + 1), min(run.start, parent + 1))
        if run.first_seq != due and run.first_prev:
            self._say(run.start, EDITED, f"its number is {run.first_seq}, {due} was due", due)
            if run.start == run.end:
                run.last_seq = due

    def _fork(self, parent: int, place: int, other: int | None = None) -> None:
        self._say(
            place,
            FORKED,
            f"it follows {self._where(parent)}, and so does"
            f" {self._where(self._next[parent][0].start if other is None else other)}: two were"
            " written at once by writers that do not lock the log, or one was put there later",
        )

    def _order(self) -> None:
        """Compare the order of the chain with the order of the file."""
        for run in self.runs:
            if run.start in self._parent:
                continue
            chain = [run]
            while chain[-1].end in self._next:
                chain.append(max(self._next[chain[-1].end], key=lambda each: each.last_seq))
                if len(chain) > len(self.walk.runs):
                    break
            for one, other in zip(chain, sorted(chain, key=lambda each: each.start), strict=True):
                if one is not other:
                    self._say(
                        other.start,
                        REORDERED,
                        f"it follows {self._where(self._parent.get(other.start, other.start))},"
                        f" but does not stand behind it: lines {_ORDER}",
                        other.first_seq,
                    )
                    break

    def _tip(self, run: "Run") -> "Run":
        """Return the last run of the chain that begins with this one."""
        for _ in self.walk.runs:
            if run.end not in self._next:
                break
            run = max(self._next[run.end], key=lambda each: each.last_seq)
        return run

    def _is_foreign(self, run: "Run") -> bool:
        """Tell a run that the chain goes around: what stands before it goes on behind it."""
        return any(
            end < run.start and any(after.start > run.end for after in followers)
            for end, followers in self._next.items()
        )

    def _where(self, place: int) -> str:
        part = self.walk.part_of(place)
        return f"line {place - part.start + 1} of {part.name}"


_ALSO = (
    "it stands a second time: it is also",
    "from here on {} lines stand a second time: they are also at",
)
_ORDER = "were put in another order"
