"""Find a call in the last part of a log: the hook after a command asks for what the one before it
wrote.

A log holds the calls of all sessions, so the begin of a long command may stand far back. What is
further back than the limits here is not found: its duration is not known then.
"""

from ..trail.segments import open_plainly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, Any

NEAR = (1 << 18,)  # bytes, for what was written just now
FAR = (1 << 16, 1 << 20, 1 << 23)  # each looked at where the one before does not hold the begin
_HEAD_BYTES = 400  # within which a line says its event and its time


class Told:
    """What a log says of a call: when it began (None: it does not say), and whether it ended."""

    __slots__ = ("began", "ended")

    def __init__(self, began: str | None, ended: bool) -> None:
        self.began = began
        self.ended = ended


def find(path: str, request_id: str, windows: "tuple[int, ...]") -> Told:
    """Return what the last part of the log at `path` says of a call."""
    found = Told(None, False)
    name = b'"request_id":"%s"' % request_id.encode("ascii", "replace")
    for part in _parts(path, windows):
        at = part.rfind(name)
        while at >= 0:
            start = part.rfind(b"\n", 0, at) + 1
            head = part[start : start + _HEAD_BYTES]
            if b'"event":"end"' in head:
                found.ended = True
            elif b'"event":"begin"' in head:
                found.began = found.began or _member(head, b"timestamp")
            at = part.rfind(name, 0, at)
        if found.began or found.ended:
            break
    return found


def newest_open(
    path: str, mark: bytes, is_it: "Callable[[dict[str, Any]], bool]"
) -> "tuple[str, str] | None":
    """Return id and time of the newest call without an end, of those that `is_it` knows.

    `mark` is some bytes that its line holds, so that few lines have to be parsed.
    """
    from .._child import json_parser

    loads = json_parser()
    for part in _parts(path, FAR[1:2]):
        ended: set[str] = set()
        for line in reversed(part.split(b"\n")):
            if mark not in line:
                continue
            try:
                entry = loads(line.decode("ascii"))
            except (ValueError, StopIteration, RecursionError):
                continue
            if not isinstance(entry, dict):
                continue
            request_id = str(entry.get("request_id"))
            if entry.get("event") == "end":
                ended.add(request_id)
            elif entry.get("event") == "begin" and request_id not in ended and is_it(entry):
                return request_id, str(entry.get("timestamp"))
    return None


def _parts(path: str, windows: "tuple[int, ...]") -> "Iterator[bytes]":
    """Give the last bytes of a log, more of them each time, as long as there are more."""
    try:
        with open_plainly(path) as log:
            size = log.seek(0, 2)
            for window in windows:
                yield _last(log, size, window)
                if size <= window:
                    return
    except OSError:
        return


def _last(log: "IO[bytes]", size: int, window: int) -> bytes:
    log.seek(max(0, size - window))
    return log.read(window)


def _member(head: bytes, name: bytes) -> str | None:
    _, found, rest = head.partition(b'"%s":"' % name)
    return rest.partition(b'"')[0].decode("ascii", "replace") if found else None
