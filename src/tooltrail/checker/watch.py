"""See which processes a command starts, and which trace id each was given.

Linux: /proc, looked at again and again while the command runs. What lives for less than the
pause between two looks is missed, and nobody else can see it from outside.
"""

import os
import threading
from collections import Counter
from contextlib import suppress

from .._wire import TOOL_TRACE_ID

_EVERY = 0.002  # seconds
_MOST = 1000  # children that are remembered
_SURELY = 4  # looks, after which a process without variables has none


class Watch:
    """Looks at what runs below a process, in a thread of its own, until it is stopped."""

    def __init__(self, pid: int, trace_id: str) -> None:
        self._pid = pid
        self._trace_id = trace_id
        self._given: dict[int, str | None] = {}
        self._names: set[str] = set()
        self._bare: Counter[int] = Counter()  # how often one was seen without any variable
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def stop(self) -> tuple[dict[int, str | None], set[str]]:
        """Return the trace id that each child was last seen with, and the children's names."""
        self._over.set()
        self._thread.join(5)
        return dict(self._given), set(self._names)

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY):
            with suppress(OSError):
                self._look()

    def _look(self) -> None:
        waiting = _children_of(self._pid)
        while waiting and len(self._given) < _MOST:
            pid = waiting.pop()
            waiting += _children_of(pid)
            with suppress(OSError):
                environment = _read(pid, "environ").split(b"\0")
                if environment == [b""]:  # just being replaced, or gone; else it was given none
                    self._bare[pid] += 1
                    if self._bare[pid] < _SURELY or not _read(pid, "cmdline"):
                        continue
                name = _read(pid, "comm").decode("utf-8", "replace").strip()
                self._given[pid] = _trace_id_in(environment)
                self._names.add(name)


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += map(int, _read(pid, f"task/{task}/children").split())
    return found


def _read(pid: int, name: str) -> bytes:
    with open(f"/proc/{pid}/{name}", "rb", 0) as file:
        return file.read()


def _trace_id_in(environment: list[bytes]) -> str | None:
    start = TOOL_TRACE_ID.encode() + b"="
    for each in environment:
        if each.startswith(start):
            return each[len(start) :].decode("utf-8", "surrogateescape")
    return None
