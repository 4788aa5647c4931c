"""Find and end everything that a call has started, at any depth, and nothing else.

The children of its process and theirs; and those that left that tree (a daemon, a new session)
but carry the call's id in the environment that they inherited. Linux: /proc. Elsewhere it is
the command's own process alone.
"""

import os
import signal
import time

from .._host import start_ticks

_AGAIN = 20  # times that we look for those that were forked while we looked
_PAUSE = 0.005  # seconds


def end_all(pid: int | None, call_id: str, number: int) -> int:
    """Send a signal to the process `pid` and all that it started; return to how many.

    None is a process that has been reaped: its pid may be another's by now. Looks again until it
    finds none that is new: a process may have forked meanwhile.
    """
    reached: set[tuple[int, int]] = set()
    for _ in range(_AGAIN):
        fresh = {
            found
            for found in started_by(pid, call_id)
            if found not in reached and _send(found, number)
        }
        if not fresh:
            break
        reached |= fresh
        if number == signal.SIGKILL:
            time.sleep(_PAUSE)  # until they are gone, and what they were about to start is there
    return len(reached)


def started_by(pid: int | None, call_id: str) -> "set[tuple[int, int]]":
    """Return the processes that a call has started and that live: (pid, start in clock ticks).

    `pid` is the command's own; `call_id` is the request id in the environment of the others.
    """
    table = _table()
    if not table:
        return set() if pid is None else {(pid, 0)}
    spared = _ancestors(os.getpid(), table)
    mark = call_id.encode("ascii")
    found = {pid} if pid is not None and pid in table else set()
    for other in table:
        if other not in spared and _carries(other, mark):
            found.add(other)
    below: dict[int, list[int]] = {}
    for other, (parent, _) in table.items():
        below.setdefault(parent, []).append(other)
    waiting = list(found)
    while waiting:
        for child in below.get(waiting.pop(), ()):
            if child not in found and child not in spared:
                found.add(child)
                waiting.append(child)
    return {(other, table[other][1]) for other in found if other in table}


def _send(process: tuple[int, int], number: int) -> bool:
    """Signal a process, and never another one that has got its pid meanwhile."""
    pid, ticks = process
    try:
        if not ticks or not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return True
        handle = os.pidfd_open(pid)
        try:
            if start_ticks(pid) != ticks:
                return False
            signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
    except OSError:  # gone by itself, or another user's: not ours to end
        return False
    return True


def _table() -> dict[int, tuple[int, int]]:
    """Return the parent and the start of every process that lives."""
    table = {}
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", 0) as stat:
                fields = stat.read(4096).rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] not in (b"Z", b"X"):
            table[int(name)] = int(fields[1]), int(fields[19])
    return table


def _ancestors(pid: int, table: dict[int, tuple[int, int]]) -> set[int]:
    found = {0, 1}
    while pid not in found:
        found.add(pid)
        pid = table.get(pid, (0, 0))[0]
    return found


def _carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb", 0) as environ:
            return mark in environ.read()
    except OSError:
        return False
