"""A call that is killed: SIGKILL, which nobody can answer. What is left of it?"""

import os
import signal
import time
from contextlib import suppress

from ..._typing import TYPE_CHECKING
from ..audit import entry_of, holds, lines_in, listing_of
from ..report import FAILED, PASSED, UNKNOWN, Finding
from ..rubric import PROBE
from ..runner import KILLED, SIGNALLED
from .response import WHOLE, quickest_ms, worked_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..examination import Examination
    from ..runner import Run

_TRIES = 5
_PAUSE = 0.0002  # seconds
_SLOW_MS = 250  # of work, in the midst of which a call can be killed


def look(exam: "Examination") -> "Iterator[Finding]":
    """Kill a call as soon as it has written something, else in the midst of its work."""
    if not exam.options.probe:
        yield Finding("log.killed", UNKNOWN, "none was killed", needs=PROBE)
        return
    worked = worked_ms(exam)
    if worked >= _SLOW_MS:
        patience = (quickest_ms(exam, WHOLE) - worked / 2) / 1000
        run = _killed(exam, "killed in the midst of its work", patience)
        if run is not None:
            yield _left(exam, run)
            return
    for number in range(_TRIES if exam.log is not None else 0):
        run = _killed(exam, f"killed {number + 1}", exam.runner.deadline, at_growth=True)
        if run is not None and exam.log is not None and _is_open(exam.log.path, run):
            message = f"killed after {run.wall_ms} ms, it is in the log"
            yield Finding("log.killed", PASSED, message, exam.log.path, [run])
            return
    yield Finding("log.killed", UNKNOWN, "it is too quick to be killed in the midst of it")


def _killed(
    exam: "Examination", label: str, patience: float, *, at_growth: bool = False
) -> "Run | None":
    """Kill a call when its time is up, or its log has grown; None where it ended before."""
    path = exam.log.path if at_growth and exam.log is not None else None
    before = _size(path)
    until = time.monotonic() + patience

    def kill(pid: int) -> None:
        while time.monotonic() < until and _size(path) == before and not _has_ended(pid):
            time.sleep(_PAUSE)
        if not _has_ended(pid):  # it is ours and not waited for: the pid is no other's
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    run = exam.runner.run(label, exam.argv, exam.trace_id(label.replace(" ", "-")), watch=kill)
    if run.how == SIGNALLED and run.exit_code == 128 + signal.SIGKILL:
        run.how = KILLED
        return run
    return None


def _is_in(path: str, run: "Run") -> bool:
    return holds(path, run.trace_id, run.started)


def _is_open(path: str, run: "Run") -> bool:
    """Tell whether a log tells of a call, and not of its end: so it was killed before that."""
    told = [line for line in lines_in(path) if line.get("trace_id") == run.trace_id]
    return bool(told) and all(line.get("exit_code") is None for line in told)


def _left(exam: "Examination", run: "Run") -> Finding:
    if exam.log is not None and _is_in(exam.log.path, run):
        message = f"killed after {run.wall_ms} ms, it is in the log"
        return Finding("log.killed", PASSED, message, exam.log.path, [run])
    command = exam.audit_command()
    if command is not None:
        listing = listing_of(exam.runner.run("audit-log", command, exam.trace_id("audit-log")))
        if entry_of(listing.entries, run, None):
            return Finding("log.killed", PASSED, f"killed after {run.wall_ms} ms, it is listed")
    message = f"killed after {run.wall_ms} ms, it left nothing"
    return Finding("log.killed", FAILED, message, runs=[run])


def _size(path: str | None) -> int:
    try:
        return -1 if path is None else os.stat(path).st_size
    except OSError:
        return -1


def _has_ended(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except OSError:
        return True
