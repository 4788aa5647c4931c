"""Git's Trace2 events (Documentation/technical/api-trace2.txt), one entry for each git process.

A process is known by its `sid`; that of a process which another git started, or a call of ours,
begins with its parent's and a slash. A target may be a file for all processes, or a folder.
"""

from .._typing import TYPE_CHECKING, Any
from .._wire import KILLED, REPLACED
from ..agents.event import ended_with, exit_code
from ..context import is_request_id
from ..entry import Ending, error_fields
from ..secondhand import request_id_for
from .ran import Ran, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

NAME = "git-trace2"
USUAL: tuple[str, ...] = ()
ENDINGS: tuple[str, ...] = ()
_WANTED = tuple(
    b'"event":"%s"' % name
    for name in (b"version", b"start", b"cmd_name", b"signal", b"exec", b"exec_result", b"atexit")
)
_OURS = "req_"


def read(source: "Source", path: str) -> "Iterator[Ran]":
    """Yield the processes: each at its `atexit`, at the end those that have none."""
    running: dict[str, Ran] = {}
    versions: dict[str, str] = {}
    for line in source.read(path):
        if b'"event"' in line and line.endswith(b"}\n") and not any(w in line for w in _WANTED):
            continue
        fields = source.parse(line)
        sid = fields.get("sid") if fields else None
        if not fields or not isinstance(sid, str) or not isinstance(fields.get("event"), str):
            continue
        event = fields["event"]
        if event == "version":
            versions[sid] = str(fields.get("exe", ""))
        elif event == "start":
            ran = _started(sid, fields, versions.pop(sid, None))
            if ran is not None:
                running[sid] = ran
        elif sid in running:
            ran = running[sid]
            _take(ran, event, fields)
            if event == "atexit":
                yield running.pop(sid)
    yield from running.values()


def _started(sid: str, fields: dict[str, Any], version: str | None) -> Ran | None:
    argv, at = fields.get("argv"), nanoseconds(fields.get("time"))
    if not isinstance(argv, list) or not argv or at is None:
        return None
    passed = _seconds(fields.get("t_abs")) or 0.0
    before, _, _ = sid.rpartition("/")
    own = [part for part in sid.split("/") if not part.startswith(_OURS)]
    ran = Ran(max(0, at - int(passed * 1e9)), NAME, own[0] if own else sid, sid, [*map(str, argv)])
    ran.tool, ran.agent_version = "git", version or None
    ran.request_id = request_id_for(NAME, "", sid)
    last = before.rpartition("/")[2]
    ours = [part for part in before.split("/") if part.startswith(_OURS) and is_request_id(part)]
    ran.under = ours[-1] if ours else None
    if before:
        ran.parent_request_id = last if last.startswith(_OURS) else request_id_for(NAME, "", before)
    return ran


def _take(ran: Ran, event: str, fields: dict[str, Any]) -> None:
    if event == "cmd_name":
        name = fields.get("name")
        if isinstance(name, str) and not name.startswith("_"):
            ran.command = name
    elif event == "exec":
        ran.ending = Ending(None, REPLACED)  # unless more comes
    elif event == "exec_result":
        ran.ending = ended_with(None)
    elif event == "atexit":
        ran.ending = ended_with(exit_code(fields.get("code")))
    elif event == "signal" and exit_code(fields.get("signo")):
        number = exit_code(fields["signo"]) or 0
        details = error_fields("SIGNAL", f"ended by signal {number}")
        ran.ending = Ending(128 + number, KILLED, signal=number, error=details)
    if event in ("atexit", "signal"):
        passed = _seconds(fields.get("t_abs"))
        ran.duration_ms = None if passed is None else int(passed * 1000)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < 1e9 else None
