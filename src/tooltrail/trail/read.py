"""Read the lines of a log, tolerantly: what is damaged is handed over as such, never fatal.

A line that a dying writer left torn is recognised by what follows it: the next
writer closes it off and says so (`healed_bytes`). At the end of the log it is
the line without a newline.
"""

import json
import os

from .._typing import TYPE_CHECKING, Any
from .find import beginnings, from_time, lines_from
from .segments import UNREADABLE, Unread, sealed_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .find import Place
    from .segments import Snapshot

_SPACE = " \t\r\n"
_decode = json.JSONDecoder().raw_decode
_LOOKED_AT_BYTES = 4096
_MARK = b'"prev":"'
_HEAD_BYTES = 260  # within which a line says all that is needed to fold it


def logs_in(home: str, name: str) -> list[str]:
    """Return the paths of all logs below a data home: `<home>/<tool>/<name>`, sorted."""
    try:
        tools = sorted(os.listdir(home))
    except OSError:
        return []
    paths = (f"{home}/{tool}/{name}" for tool in tools)
    return [path for path in paths if _is_log(path, home)]


def _is_log(path: str, home: str) -> bool:
    if os.path.isfile(path):
        return _looks_like_log(path) or _is_registered(path, home)
    return not os.path.lexists(path) and bool(sealed_segments(path))  # the active one was removed


def _looks_like_log(path: str) -> bool:
    """Tell our log from another program's file of that name; what cannot be read may be ours."""
    try:
        with open(path, "rb") as log:
            start = log.read(_LOOKED_AT_BYTES)
            if not start or _MARK in start:
                return True
            log.seek(-min(os.fstat(log.fileno()).st_size, _LOOKED_AT_BYTES), os.SEEK_END)
            return _MARK in log.read()  # its start is damaged
    except OSError:
        return True


def _is_registered(path: str, home: str) -> bool:
    from .registry import registered

    try:
        return any(log.path == path and log.acknowledged is None for log in registered(home))
    except OSError:
        return True  # nobody can say; as a log, what is wrong with it is told


def lines(picture: "Snapshot") -> "Iterator[tuple[bytes, bool]]":
    """Yield each line of a log, of all its segments in order, and whether it is whole.

    Raises `OSError` where a segment cannot be read, after the lines of the others; one that was
    pruned meanwhile is passed over.
    """
    return lines_at(beginnings(picture))


def lines_since(picture: "Snapshot", moment: str) -> "Iterator[tuple[bytes, bool]]":
    """Yield the lines that were written since `moment`, and a few before them, as `lines` does."""
    return lines_at(from_time(picture, moment))


def lines_at(places: "Iterable[Place]") -> "Iterator[tuple[bytes, bool]]":
    """Yield the lines of segments from some places on, as `lines` does."""
    unread = Unread()
    for segment, offset, size in places:
        try:
            for line in lines_from(segment, offset, size):
                yield line, is_whole(line)
        except FileNotFoundError:
            continue
        except UNREADABLE as error:
            unread.add(segment, error)
    unread.tell()


def is_whole(line: bytes) -> bool:
    """Tell a line from the stump of one, without parsing it where that can be seen."""
    if line.endswith(b"}\n") and line.count(b"{") == line.count(b"}"):
        return True
    return parse(line) is not None


def parse(line: bytes) -> "dict[str, Any] | None":
    """Return the event that a line holds, or None where it holds none."""
    try:
        text = line.decode()
        event, end = _decode(text)
        if text[end:].strip(_SPACE):
            return None
    except (ValueError, RecursionError):
        return _parse_anyhow(line)
    return event if isinstance(event, dict) else None


def _parse_anyhow(line: bytes) -> "dict[str, Any] | None":
    """Do the same for a line that no writer of ours writes: with space or a mark before it."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def glance(line: bytes) -> tuple[bytes, bytes]:
    """Return a line's event and request id without parsing it, by the format's order of members."""
    head = line[:_HEAD_BYTES]
    _, _, rest = head.partition(b'"event":"')
    event, _, rest = rest.partition(b'"')
    _, _, rest = rest.partition(b'"request_id":"')
    request_id, quote, _ = rest.partition(b'"')
    if event and (quote or event == b"log"):
        return event, request_id
    return _glance_slowly(line)


def _glance_slowly(line: bytes) -> tuple[bytes, bytes]:
    event = parse(line) or {}
    return str(event.get("event", "")).encode(), str(event.get("request_id", "")).encode()


def supersedes(line: bytes) -> bool:
    """Tell an end line that takes the place of an earlier one of the same call."""
    return b'"supersedes":true' in line[:_HEAD_BYTES]
