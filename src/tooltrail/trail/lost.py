"""What could not be recorded, counted: a line for each call that its log did not take.

It is kept beside the log, or where that cannot be written either, in the user's runtime folder
or in one of ours below `/tmp`: on a full disk, those are often another one. No chain and no
promise, but `log`, `audit-log` and `verify` say how many there were, and why.
"""

import os
from stat import S_ISDIR, S_ISREG

from .. import _host
from .._encode import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

LOST_NAME = "lost.jsonl"
_ENOUGH = 1_000_000  # bytes: a log that stays broken must not fill a disk with complaints
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Lost:
    """How many calls a log did not take, when the last one was, and why."""

    __slots__ = ("at", "count", "files", "reason")

    def __init__(self) -> None:
        self.count = 0
        self.at = ""
        self.reason = ""
        self.files: list[str] = []  # where that is written

    def __str__(self) -> str:
        calls = "1 call" if self.count == 1 else f"{self.count} calls"
        return f"{calls} could not be recorded whole, the last at {self.at}: {self.reason}"


def note(path: str, tool: str, request_id: str, reason: str) -> bool:
    """Note a call that the log at `path` did not take; tell whether that could be written."""
    fields = {"at": _host.now(), "log": path, "tool": tool, "request_id": request_id}
    line = (encode({**fields, "reason": reason}) + "\n").encode("ascii")
    return any(_add(place, line) for place in _places(path))


def lost(path: str, since: str = "") -> Lost:
    """Return what the log at `path` did not take since then (ISO 8601 UTC)."""
    from .read import parse
    from .segments import open_plainly

    found = Lost()
    for place in _places(path):
        try:
            with open_plainly(place) as notes:
                lines = notes.read(2 * _ENOUGH).splitlines()
        except OSError:
            continue
        same: dict[bytes, bool] = {}  # a log's name in the file: whether it is this one
        for line in lines:
            name = line.partition(b'"log":"')[2].partition(b'"')[0]
            if name and b"\\" not in name:  # it needs no parser, and other logs may have many
                if name not in same:
                    same[name] = _is_same(os.fsdecode(name), path)
                if not same[name]:
                    continue
            event = parse(line) or {}
            if _is_same(event.get("log"), path) and str(event.get("at", "")) >= since:
                found.count += 1
                if str(event["at"]) >= found.at:
                    found.at, found.reason = str(event["at"]), str(event.get("reason", ""))
                if place not in found.files:
                    found.files.append(place)
    return found


def _is_same(noted: "Any", path: str) -> bool:
    """Tell a log whatever its home was called when that was noted."""
    if noted == path or not isinstance(noted, str):
        return bool(noted == path)
    try:
        return bool(os.path.samefile(noted, path))
    except (OSError, ValueError):
        return False


def lost_below(home: str) -> tuple[set[str], bool]:
    """Return the logs below a data home that did not take calls, and whether more were lost.

    More than is noted: the notes are cut off once there are a million bytes of them.
    """
    from .read import parse
    from .segments import open_plainly

    root = os.path.realpath(home)
    logs: set[str] = set()
    full = False
    try:
        tools = os.listdir(home)
    except OSError:
        tools = []
    own = (os.path.join(home, tool, LOST_NAME) for tool in tools)
    for place in dict.fromkeys((*own, *_places(os.path.join(home, "any", "log")))):
        try:
            with open_plainly(place) as notes:
                text = notes.read(2 * _ENOUGH)
        except OSError:
            continue
        told = {str((parse(line) or {}).get("log")) for line in text.splitlines()}
        found = {log for log in told if os.path.realpath(log).startswith(f"{root}/")}
        logs |= found
        full = full or (bool(found) and len(text) >= _ENOUGH)
    return logs, full


def _places(path: str) -> "Iterator[str]":
    yield os.path.join(os.path.dirname(path), LOST_NAME)
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        yield f"{runtime}/tooltrail-{LOST_NAME}"
    yield f"/tmp/tooltrail-{os.geteuid()}/{LOST_NAME}"


def _add(place: str, line: bytes) -> bool:
    folder = os.path.dirname(place)
    try:
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
        if folder.startswith("/tmp/") and not _is_ours(folder):
            return False
        fd = os.open(place, _FLAGS, 0o600)
    except OSError:
        return False
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return False
        if not status.st_size:
            os.fchmod(fd, 0o600)
        if status.st_size >= _ENOUGH:
            return True
        if status.st_size and os.pread(fd, 1, status.st_size - 1) != b"\n":
            line = b"\n" + line  # a full disk took only the start of the note before
        return os.write(fd, line) == len(line)
    except OSError:
        return False
    finally:
        os.close(fd)


def _is_ours(folder: str) -> bool:
    """Tell a folder that nobody else can have prepared for us: `/tmp` is everybody's."""
    status = os.lstat(folder)
    return S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022
