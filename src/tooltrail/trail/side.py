"""Side files of sealed segments: what was learnt of one once, so that it is not read again.

    audit-000000184301.index       which ids are where in it (`index`)
    audit-000000184301.counts      how many calls of each kind, how long they took (query.counts)
    audit-000000184301.operators   the same of each operator

Of the log that is written to there is none. A side file belongs to one file, which its first line
names by inode, size and time, with checksums of all that it says. Where it is another's, damaged
or missing, the segment itself is read, and it is made anew. Each may be deleted at any time.
"""

import json
import os
import sys
import zlib
from contextlib import contextmanager, suppress

from .._typing import TYPE_CHECKING, Any
from .segments import open_plainly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from .segments import Segment

INDEX, COUNTS, OPERATORS = ".index", ".counts", ".operators"
_VERSION = 1
_UNFINISHED = ".tmp"


def side_of(segment: "Segment", kind: str) -> str:
    """Return the path of a side file."""
    return segment.path.removesuffix(".jsonl") + kind


def load(segment: "Segment", kind: str, status: os.stat_result) -> "tuple[Any, memoryview] | None":
    """Return what is known of a segment's file: some JSON, and bytes; None where nothing is."""
    with _opened(segment, kind) as file:
        told = _told(file, status)
        body = b"" if told is None or file is None else file.read()
        if told is None or zlib.crc32(body) != told["check"]:
            if told is not None:  # damaged: once it is gone, it is made anew
                remove(segment, kind)
            return None
    return told["told"], memoryview(body)


def load_told(segment: "Segment", kind: str, status: os.stat_result) -> Any:
    """Return the JSON alone, or None; the bytes are counted, and not read."""
    with _opened(segment, kind) as file:
        told = _told(file, status)
    return None if told is None else told["told"]


@contextmanager
def _opened(segment: "Segment", kind: str) -> "Iterator[IO[bytes] | None]":
    try:
        file = open_plainly(side_of(segment, kind))
    except OSError:
        yield None
        return
    with file:
        yield file


def _told(file: "IO[bytes] | None", status: os.stat_result) -> "dict[str, Any] | None":
    """Return the first line, if it is that of a side file of this very file, and all is there."""
    if file is None:
        return None
    try:
        head = json.loads(file.readline())
        kept: dict[str, Any] = head["kept"]
        whole = os.fstat(file.fileno()).st_size - file.tell() == kept["size"]
        its_own = kept["of"] == identity(status) and kept["order"] == sys.byteorder
        if head["v"] == _VERSION and head["check"] == zlib.crc32(_written(kept)):
            return kept if whole and its_own else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return None


def save(segment: "Segment", kind: str, status: os.stat_result, told: Any, body: bytes) -> None:
    """Keep what was learnt of a segment's file. Raises `OSError`.

    The caller has the lock of the log's folder, as who compresses, prunes and erases has.
    """
    path = side_of(segment, kind)
    kept = {
        "of": identity(status),
        "order": sys.byteorder,
        "size": len(body),
        "check": zlib.crc32(body),
        "told": told,
    }
    head = {"v": _VERSION, "check": zlib.crc32(_written(kept)), "kept": kept}
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


def remove_all(segment: "Segment") -> None:
    """Delete what is known of a segment: its file is about to go, or to be another.

    Raises `OSError`.
    """
    for kind in (INDEX, COUNTS, OPERATORS):
        with suppress(FileNotFoundError):
            os.unlink(side_of(segment, kind))


def remove(segment: "Segment", kind: str) -> None:
    """Delete a side file that is of no use, where that is allowed."""
    with suppress(OSError):
        os.unlink(side_of(segment, kind))


def identity(status: os.stat_result) -> list[int]:
    """Return what tells a segment's file from any other that was in its place."""
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
