"""Which logs there are, so that one that vanished is noticed.

`<data home>/tooltrail/logs.jsonl` is a small log of its own, with the same chain: one `register`
line for each log that was ever begun, and one `acknowledge` for each that its owner took away.
Whoever deletes the whole folder deletes this too; receipts and checkpoints kept elsewhere do not
go with it.
"""

import os

from .._encode import encode
from .._wire import LOG_NAME, OWN_TOOL
from ..errors import NotRecordedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

REGISTRY_NAME = "logs.jsonl"
_NEVER = 1 << 62  # it is not rotated


class Registered:
    """A log that was begun: its id, its tool, where it was, and why it may be gone."""

    __slots__ = ("acknowledged", "log", "path", "tool")

    def __init__(self, log: str, tool: str, path: str) -> None:
        self.log = log
        self.tool = tool
        self.path = path
        self.acknowledged: str | None = None  # the reason that was given


def registry_path(home: str) -> str:
    """Return the path of the registry of a data home."""
    return f"{home}/{OWN_TOOL}/{REGISTRY_NAME}"


def register(path: str, log_id: str, tool: str) -> None:
    """Note that a log was begun. A registry that cannot be written does not stop the log."""
    folder, name = os.path.split(path)
    if name != LOG_NAME:
        return
    body = {"event": "register", "log": log_id, "tool": tool, "path": path}
    _add(registry_path(os.path.dirname(folder)), body)


def register_found(paths: "Iterable[str]") -> None:
    """Register logs that were met and are not registered: their first writer died too early."""
    from .segments import first_log_id, segments

    known: dict[str, set[str]] = {}
    for path in paths:
        home = os.path.dirname(os.path.dirname(path))
        try:
            if home not in known:
                known[home] = {log.log for log in registered(home)}
            ids = map(first_log_id, reversed(segments(path)))  # the active one may be gone
            log_id = next((found for found in ids if found), None)
        except OSError:
            continue
        if log_id is not None and log_id not in known[home]:
            register(path, log_id, os.path.basename(os.path.dirname(path)))
            known[home].add(log_id)


def acknowledge(home: str, log_id: str, by: str, reason: str) -> None:
    """Note that a log was taken away on purpose. Raises `NotRecordedError`."""
    from . import append

    body = {"event": "acknowledge", "log": log_id, "by": by, "reason": reason}
    append(registry_path(home), OWN_TOOL, encode(body), rotate_at=_NEVER)


def _add(path: str, body: "dict[str, Any]") -> None:
    from . import append

    try:
        append(path, OWN_TOOL, encode(body), rotate_at=_NEVER)
    except NotRecordedError:
        return  # the log itself is what counts


def registered(home: str) -> list[Registered]:
    """Return every log that was ever begun under a data home, in that order.

    Damaged lines are passed over. Raises `OSError` where the registry is there and unreadable.
    """
    found: dict[str, Registered] = {}
    for event in _events(registry_path(home)):
        log_id = str(event.get("log", ""))
        if event.get("event") == "register":
            known = Registered(log_id, str(event.get("tool", "")), str(event.get("path", "")))
            found.setdefault(log_id, known)
        elif event.get("event") == "acknowledge" and log_id in found:
            found[log_id].acknowledged = str(event.get("reason", ""))
    return list(found.values())


def last_registered(path: str) -> str | None:
    """Return the id of the log that was begun at `path` last, where the registry knows one."""
    try:
        known = registered(os.path.dirname(os.path.dirname(path)))
    except OSError:
        return None
    return next((log.log for log in reversed(known) if log.path == path), None)


def _events(path: str) -> "Iterator[dict[str, Any]]":
    from .read import parse
    from .segments import open_plainly

    try:
        with open_plainly(path) as registry:
            for line in registry:
                event = parse(line)
                if event is not None:
                    yield event
    except FileNotFoundError:
        return


def is_forbidden(path: str) -> bool:
    """Tell a log that this user may not even look for from one that is gone."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):  # a NUL in it
        return False
    return False
