"""Where a log and its segments begin and end: what the chain itself does not hold together.

The start may have been pruned, and then a `prune` event says so. A sealed segment ends with its
seal. Nobody vouches for the last line, so it is parsed.
"""

import os

from .._typing import TYPE_CHECKING, Any
from ..trail.segments import segment_name
from .findings import EDITED, ERASED, INSERTED, PRUNED, TORN, TRUNCATED, Finding, counted
from .lines import (
    GENESIS,
    NO_JSON,
    NO_LINE,
    event_of,
    is_cut_short,
    is_event,
    is_like_a_line,
    seq_and_prev,
    stubs_in,
)

if TYPE_CHECKING:
    from .findings import LogReport
    from .walk import Part, Run, Walk

    Found = list[tuple[float, Finding]]  # by place; between two where a file is empty

_NEXT = ".next"  # the segment that a writer prepares while it rotates


def prune_of(walk: "Walk", first: "Run") -> dict[str, Any] | None:
    """Return the event that says that all before this run was pruned, or None.

    Where a prune was interrupted, only some of the segments that it names are gone.
    """
    segment = walk.part_of(first.start).name
    for event in reversed(walk.prune_events):
        last, names = event.get("last_seq"), event.get("segments")
        if last == first.first_seq - 1 and event.get("last_hash") == _hash(first.first_prev):
            return event
        if (
            isinstance(last, int)
            and isinstance(names, list)
            and first.first_seq <= last
            and segment in names
            and segment == segment_name(first.first_seq)
        ):
            return event
    return None


def _hash(digits: bytes) -> str:
    return "sha256:" + digits.decode("ascii")


def is_erased(walk: "Walk", place: int, was: bytes, now: bytes) -> bool:
    """Tell whether a later event says that this line was erased, and to what."""
    for at, event in walk.erase_events:
        line = event.get("line")
        if (
            at > place
            and isinstance(line, dict)
            and (line.get("was"), line.get("now")) == (_hash(was), _hash(now))
        ):
            return True
    return False


def check_erasures(walk: "Walk") -> "Found":
    """Find the lines that say that they were erased, where no event of the log does."""
    return [
        (
            place,
            walk.finding(
                place,
                EDITED,
                "it says that it was erased, but no later `erase` event has its two hashes",
            ),
        )
        for place, was, now in walk.erasures
        if not is_erased(walk, place, was, now)
    ]


def check_segments(walk: "Walk", path: str) -> "Found":
    """Find segments that end without a seal, belong to another log, or are gone."""
    found: Found = []
    log_id = None
    for part in walk.parts:
        if part.damage is not None:
            message = f"it cannot be decompressed from here on ({part.damage})"
            found.append((part.end - 0.5, walk.finding_in(part, part.end, EDITED, message)))
        elif part.sealed and part.start == part.end:
            message = "it is empty: all that was logged in it is gone"
            found.append((part.start - 0.5, Finding(TRUNCATED, message, segment=part.name)))
        elif part.sealed and not walk.gave_up:
            found += _check_seal(walk, part)
        elif not part.sealed and part.start == part.end and len(walk.parts) > 1:
            message = "it is empty: the log goes on after a seal, so it had at least one line"
            found.append((part.end, Finding(TRUNCATED, message, segment=part.name)))
        ours = part.opening.get("log")
        if log_id is not None and ours not in (None, log_id):
            message = "its segment says that it belongs to another log than the segment before"
            found.append((part.start, walk.finding(part.start, EDITED, message)))
        log_id = ours or log_id
        if part.opening.get("vanished"):
            message = (
                "the segment that should stand here was gone when this one was begun: what was"
                " logged in it is lost"
            )
            found.append((part.start, walk.finding(part.start, TRUNCATED, message)))
    return found + _check_active(walk, path)


def _check_seal(walk: "Walk", part: "Part") -> "Found":
    seal = event_of(part.last) if is_event(part.last, b"seal") else {}
    last = part.end - 1
    if seal.get("event") != "seal":
        message = "a sealed segment ends here, but not with its seal: its end was cut off"
    elif not part.terminated:
        message = "the seal lacks its newline: the end of the file was cut off"
    elif seal.get("segment") != part.name:
        message = f"its seal was made for {str(seal.get('segment'))[:60]!r}: the file was renamed"
        return [(last, walk.finding_in(part, last, EDITED, message))]
    else:
        return []
    return [(last, walk.finding_in(part, last, TRUNCATED, message))]


def _check_active(walk: "Walk", path: str) -> "Found":
    if not walk.parts or not walk.parts[-1].sealed:
        return []
    if os.path.lexists(path) or os.path.lexists(path + _NEXT):
        return []  # a writer is rotating, or died while it did: the next one goes on
    message = "the active segment is gone: what was logged after the last seal is lost"
    return [(walk.lines, Finding(TRUNCATED, message, segment=os.path.basename(path)))]


def check_last_line(walk: "Walk") -> "Found":
    """Find what is wrong with the last lines, which nothing follows; note what is only torn."""
    part = walk.parts[-1] if walk.parts else None
    if part is None or walk.gave_up or part.sealed:
        return []
    if walk.debris:
        return _check_debris(walk, part)
    if not walk.runs:
        return []
    run = walk.runs[-1]
    if run.whole:
        if not part.terminated:
            walk.torn.append((run.end, len(part.last)))
        return []
    if not part.terminated or is_cut_short(part.last):
        _take_back(walk, run)
        return []
    return [(run.end, walk.finding(run.end, EDITED, NO_JSON, run.last_seq))]


def _check_debris(walk: "Walk", part: "Part") -> "Found":
    """Tell torn lines at the end from those that were broken or put there."""
    seq, prev, run = 0, GENESIS, walk.runs[-1] if walk.runs else None
    if run is not None:
        seq, prev = run.last_seq + run.whole, run.last_hash
    stubs = stubs_in(walk.debris, seq, prev)
    last = walk.debris[-1]
    if last not in stubs and last[0] == part.end - 1 and not part.terminated:
        stubs.append(last)  # whatever it is: nothing is lost by it
    if len(stubs) == len(walk.debris) and (run is None or run.whole or run.torn):
        if run is not None and not run.whole:
            _take_back(walk, run)
        walk.torn += [(place, len(line)) for place, line in walk.debris]
        return []
    place, line = walk.debris[0]
    if run is not None and not run.whole:
        return [(run.end, walk.finding(run.end, EDITED, NO_JSON, run.last_seq))]
    if any(is_like_a_line(line) for _, line in walk.debris):
        return [(place, walk.finding(place, EDITED, NO_LINE))]
    return [(place, damaged(walk, place, line))]


def _take_back(walk: "Walk", run: "Run") -> None:
    """Let a run end before its last line, which is torn."""
    walk.torn.append((run.end, len(walk.before)))
    standing = seq_and_prev(walk.before)
    run.last_seq -= 1
    run.last_hash = standing[1] if standing else run.last_hash


def damaged(walk: "Walk", place: int, line: bytes) -> Finding:
    """Return the finding about a damaged line that nothing follows: it tells how it came about."""
    if is_like_a_line(line):
        return walk.finding(place, EDITED, NO_LINE)
    return walk.finding(place, INSERTED, "it is none that a writer of this log wrote")


def notes_of(walk: "Walk", report: "LogReport") -> None:
    """Say what crashes, prunes and erasures have left: all of it is fine."""
    if walk.torn:
        place, size = walk.torn[0]
        where = walk.finding(place, TORN, "")
        where.message = (
            f"{counted(len(walk.torn), 'line')} that a dying writer left unfinished"
            f" ({size} bytes); nothing that was logged after is lost"
            if len(walk.torn) == 1
            else f"{len(walk.torn)} lines that dying writers left unfinished, this is the first;"
            " nothing that was logged after is lost"
        )
        report.note(where)
    erased = [item for item in walk.erasures if is_erased(walk, *item)]
    if erased:
        note = walk.finding(erased[0][0], ERASED, "")
        first = next(event for _, event in walk.erase_events if _was(event) == _hash(erased[0][1]))
        note.message = (
            f"{counted(len(erased), 'line')} erased, as the log itself says"
            f" (by {first.get('by')}: {first.get('reason')})"
        )
        report.note(note)
    first_run = walk.runs[0] if walk.runs else None
    if first_run is not None and first_run.first_seq:
        event = prune_of(walk, first_run)
        if event is not None:
            note = walk.finding(first_run.start, PRUNED, "", first_run.first_seq)
            note.message = (
                f"{counted(first_run.first_seq, 'line')} from the start were pruned, as the log"
                f" itself says (by {event.get('by')}: {event.get('reason')})"
            )
            report.note(note)


def _was(event: dict[str, Any]) -> Any:
    line = event.get("line")
    return line.get("was") if isinstance(line, dict) else None
