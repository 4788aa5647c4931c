"""Verify one log: walk it, and where its chain breaks, find out what happened.

What is written meanwhile is past the size that was taken at the start. A reading command may
prune, erase or compress while we read: what then looks wrong is read again.
"""

import os

from .._typing import TYPE_CHECKING
from ..trail.lost import lost
from ..trail.segments import snapshot
from .diagnose import Diagnosis
from .ends import check_erasures, check_last_line, check_segments, notes_of, prune_of
from .findings import TORN, TRUNCATED, Finding, LogReport, counted
from .walk import MOST_RUNS, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..trail.segments import Segment
    from .receipts import Receipts

    Files = Sequence[tuple[Segment, int | None]]
    Found = list[tuple[float, Finding]]

INCOMPLETE = "incomplete"
EMPTY = "empty"
LOST = "lost"
_TRIES = 4
_STUB = "the line after it is torn, and too short to vouch for it"


def verify_log(
    path: str,
    *,
    tool: str | None = None,
    receipts: "Receipts | None" = None,
    progress: "Callable[[int, str], None] | None" = None,
) -> LogReport:
    """Verify the log whose active segment is `path`, with all its segments.

    `progress` is called with the number of bytes that were read, and the segment's name. Never
    raises: a log that cannot be read is reported as such.
    """
    report = LogReport(path, tool)
    for left in reversed(range(_TRIES)):
        try:
            files = snapshot(path)
            picture = _picture(files)
            walk = Walk(progress, None if receipts is None else receipts.opened)
            if receipts is not None:
                receipts.begin(walk)
            walk.read(files)
        except FileNotFoundError:
            if left:
                continue  # a segment was pruned, or the active one sealed
            report.unreadable = "its files changed all the time while it was read"
            return report
        except OSError as error:
            report.unreadable = (error.strerror or str(error)).lower()
            return report
        found = _findings(walk, files, path)
        if not found or not left or _picture(files) == picture:
            break
    _fill(report, walk, found)
    if receipts is not None:
        receipts.judge(report, walk)
    return report


def _picture(files: "Files") -> list[int]:
    """Return which files there are: one that was rewritten is another file of the same name."""
    found = []
    for segment, _ in files:
        try:
            found.append(os.stat(segment.file()).st_ino)
        except OSError:
            found.append(0)
    return found


def _findings(walk: Walk, files: "Files", path: str) -> "Found":
    """Return what is wrong, in the order of the file; one finding for each line."""
    last = check_last_line(walk)
    found: dict[float, Finding] = {}
    for place, finding in [
        *(Diagnosis(walk, files).findings() if _is_broken(walk) else []),
        *walk.findings,
        *last,
        *check_segments(walk, path),
    ]:
        found.setdefault(place, finding)
    # Last: where lines are gone, the `erase` event may be one of them.
    return sorted(found.items()) + [each for each in check_erasures(walk) if each[0] not in found]


def _is_broken(walk: Walk) -> bool:
    if len(walk.runs) != 1:
        return bool(walk.runs)
    (run,) = walk.runs
    if run.debris:
        return True
    if run.first_seq:
        return prune_of(walk, run) is None
    return False


def _fill(report: LogReport, walk: Walk, found: "Found") -> None:
    report.segments = len(walk.parts)
    report.lines = walk.lines
    report.ids = set(walk.ids)
    report.log = walk.ids[0] if walk.ids else None
    for part in walk.parts:
        report.tool = report.tool or part.opening.get("tool")
    if walk.runs:
        report.first_seq = walk.runs[0].first_seq
        last = max(walk.runs, key=lambda run: run.last_seq)
        report.last_seq = last.last_seq
        report.head = "sha256:" + walk.runs[-1].last_hash.decode("ascii")
    for _, finding in found:
        report.add(finding)
    for place, seq in walk.unvouched:
        report.unvouched[seq] = walk.finding(place, TORN, _STUB, seq)
    notes_of(walk, report)
    if walk.gave_up:
        message = f"it breaks more than {MOST_RUNS} times; the rest was not looked at"
        report.note(Finding(INCOMPLETE, message))
    if not walk.lines and not report.findings:
        report.note(Finding(EMPTY, "the log is empty"))
    missed = lost(report.path)
    if missed.count:
        report.note(Finding(LOST, f"{missed}"))


def truncated_to_nothing(report: LogReport, log_id: str) -> Finding:
    """Return the finding about an empty file where a log is known to have been."""
    return Finding(
        TRUNCATED,
        f"the file is empty, and {log_id} was registered here: {counted(1, 'line')} or more are"
        " gone",
        segment=os.path.basename(report.path),
    )
