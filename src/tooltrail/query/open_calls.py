"""A call with a begin and no end: is it running, or what became of it?

A pid alone says nothing, because pids are used again. With the process's start
time, its pid namespace, its host and the boot of that host it is unmistakable.
"""

from functools import cache
from os import uname

from .._host import boot_id, pid_namespace, start_ticks
from .._typing import Any
from .._wire import HOST_REBOOTED, RUNNING, UNKNOWN, VANISHED


def outcome(process: Any) -> str:
    """Return how an open call stands, from what its begin line says of its process.

    `running`; `vanished` (the process is gone and nobody saw how); `host_rebooted`; or `unknown`
    where this machine or container cannot see the process.
    """
    if not isinstance(process, dict):
        return UNKNOWN
    host, boot, namespace = _here()
    if process.get("host") != host or process.get("boot_id") is None or boot is None:
        return UNKNOWN
    if process["boot_id"] != boot:
        return HOST_REBOOTED
    if process.get("pid_namespace") != namespace:
        return UNKNOWN
    pid = process.get("pid")
    started = process.get("start_ticks")
    if not isinstance(pid, int) or started is None:
        return UNKNOWN
    return RUNNING if start_ticks(pid) == started else VANISHED


@cache
def _here() -> tuple[str, str | None, str | None]:
    return uname().nodename, boot_id(), pid_namespace()
