"""Side files of sealed segments: what was learnt of one once, so that it is not read again.

    audit-000000184301.index       which ids are where in it (`index`)
    audit-000000184301.counts      how many calls of each kind, how long they took (query.counts)
    audit-000000184301.operators   the same of each operator

Of the log that is written to there is none. A side file belongs to one file, which its first line
names by inode, size and time, with checksums; where it is another's, damaged or
missing, the segment itself is read, and it is made anew. Each may be deleted at any time.
"""

import json
import os
import sys
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .segments import open_plainly

if TYPE_CHECKING:
    from .segments import Segment

INDEX, COUNTS, OPERATORS = ".index", ".counts", ".operators"
_VERSION = 1
_UNFINISHED = ".tmp"
_ORDER = sys.byteorder


def side_of(segment: "Segment", kind: str) -> str:
    """Return the path of a side file."""
    return segment.path.removesuffix(".jsonl") + kind


def load(segment: "Segment", kind: str, status: os.stat_result) -> "tuple[Any, memoryview] | None":
    """Return what is known of a segment's file: some JSON, and bytes; None where nothing is."""
    found = _read(segment, kind, status, -1)
    return None if found is None else (found[0], memoryview(found[1]))


def load_told(segment: "Segment", kind: str, status: os.stat_result) -> Any:
    """Return the JSON alone, or None; the bytes are not read."""
    found = _read(segment, kind, status, 0)
    return None if found is None else found[0]


def _read(
    segment: "Segment", kind: str, status: os.stat_result, size: int
) -> tuple[Any, bytes] | None:
    try:
        with open_plainly(side_of(segment, kind)) as file:
            head = json.loads(file.readline())
            body = file.read(size)
        is_its_own = head["v"] == _VERSION and head["of"] == identity(status)
        checks = [zlib.crc32(_written(head["told"])), *([] if not size else [zlib.crc32(body)])]
        if is_its_own and head["checks"][: len(checks)] == checks and head["order"] == _ORDER:
            return head["told"], body
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def save(segment: "Segment", kind: str, status: os.stat_result, told: Any, body: bytes) -> None:
    """Keep what was learnt of a segment's file. Raises `OSError`.

    The caller has the lock of the log's folder, as who compresses, prunes and erases has.
    """
    path = side_of(segment, kind)
    head = {
        "v": _VERSION,
        "of": identity(status),
        "order": _ORDER,
        "checks": [zlib.crc32(_written(told)), zlib.crc32(body)],
        "told": told,
    }
    unfinished = path + _UNFINISHED
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        os.unlink(unfinished)  # of who died while it was written
    fd = os.open(unfinished, flags, status.st_mode & 0o777)
    try:
        with open(fd, "wb") as file:
            if status.st_uid != os.geteuid():
                os.fchown(fd, status.st_uid, status.st_gid)
            file.write(_written(head) + b"\n" + body)
        os.rename(unfinished, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise


def remove(segment: "Segment") -> None:
    """Delete what is known of a segment: its file is about to go, or to be another."""
    for kind in (INDEX, COUNTS, OPERATORS):
        with suppress(FileNotFoundError):
            os.unlink(side_of(segment, kind))


def identity(status: os.stat_result) -> list[int]:
    """Return what tells a segment's file from any other that was in its place."""
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
