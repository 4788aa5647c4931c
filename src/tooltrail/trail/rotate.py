"""Seal a log that has grown too large, and begin its next segment; the chain runs on.

All of it under the lock of the segment that is sealed, in an order that a crash cannot spoil:

1. `audit.jsonl.next` is written: the `log` line that will follow the seal.
2. The `seal` line is appended. From here on nobody appends: whoever finds a seal as the last
   line finishes what is left.
3. The segment gets its other name, `audit-<seq of its first line>.jsonl`.
4. `audit.jsonl.next` is renamed to `audit.jsonl`, which until then named the sealed segment: the
   path always names a log.

No line is ever rewritten. Whoever waited for the lock, or opened the segment before and locked
it after, finds the seal and starts again.
"""

import json
import os
import re
import zlib
from errno import EBADMSG
from mmap import ACCESS_READ, mmap

from .._encode import encode
from .._wire import LOG_NAME
from . import OPEN_FLAGS, head_of, next_line
from .recover import cut_off, log_body, still_names, sync_folder
from .registry import last_registered
from .segments import COMPRESSED, open_plainly, segment_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    from . import Head

_NEXT = ".next"
_FIRST_BYTES = 65536  # within which a segment's first sound line is looked for
_CALL_EVENT = re.compile(
    rb'\n\{"v":1,"seq":\d+,"prev":"sha256:[0-9a-f]{64}","logged_at":"[^"\n]{24}"(?:,"clamped":true)?'
    rb'(?:,"healed_bytes":\d+)?,"event":"(begin|end)"(?:,"supersedes":true)?,"request_id":"([^"\n]+)"'
)
_too_hard: set[str] = set()  # logs that could not be rotated: they grow on


def rotate(fd: int, path: str, head: "Head", before: bytes, durable: bool) -> bool:
    """Seal the locked log and begin its next segment; tell whether that could be done.

    `before` is what has to be written before the next line. Where it cannot be done (a folder
    that may not be written to, a full disk), the log is as it was, and grows on. Raises `OSError`
    where it was sealed and its next segment could not be put into place.

    With `durable` the seal is on the disk before the next segment can be written to: else, after
    a power cut, the old file might come back without its seal, and be gone on with.
    """
    if os.path.basename(path) != LOG_NAME or path in _too_hard:
        return False
    size = os.fstat(fd).st_size
    try:
        if not still_names(path, fd):
            return False  # moved aside just now: it is not ours to seal any more
        segment = _mapped(fd)
        if segment.find(b"\n") >= size - 1:
            return False  # nothing but its first line, however long that is
        name = segment_name(_first_seq(segment, head))
        sealed = os.path.join(os.path.dirname(path), name)
        if os.path.lexists(sealed) or os.path.lexists(sealed + COMPRESSED):
            raise FileExistsError
        seal = next_line(head, encode({"event": "seal", "segment": name}))
        _write_next(segment, path, seal, os.fstat(fd))
        lines = before + seal
        if os.write(fd, lines) != len(lines):
            raise cut_off(fd, size)
    except OSError:
        _too_hard.add(path)
        return False
    if durable:
        os.fsync(fd)
    _rename(path, name)
    if durable:
        sync_folder(os.path.dirname(path))
    return True


def finish(fd: int, path: str, seal: bytes) -> None:
    """Do what a writer that died after sealing left undone. Raises `OSError` where that fails."""
    head = head_of(seal, whole=True)
    assert head is not None
    name = (json.loads(seal).get("segment") or "").rpartition("/")[2]
    if not _follows(path + _NEXT, seal):
        _write_next(_mapped(fd), path, seal, os.fstat(fd))
    os.fsync(fd)
    _rename(path, name or segment_name(_first_seq(_mapped(fd), head)))


def begin_after(segment: "IO[bytes]", path: str) -> None:
    """Begin the active segment anew, after the last sealed one.

    Where the next segment was prepared, a writer died before it had its name. Where it was not,
    the active segment is gone, and the new one says so: `vanished`. Raises `OSError`.
    """
    try:
        data = segment.read()
    except (EOFError, zlib.error) as error:
        raise OSError(EBADMSG, f"{os.path.basename(segment.name)} is damaged") from error
    last = data[data.rfind(b"\n", 0, -1) + 1 :]
    if head_of(last, whole=True) is None:
        raise OSError(EBADMSG, f"the last line of {os.path.basename(segment.name)} is damaged")
    if not _follows(path + _NEXT, last):
        _write_next(data, path, last, os.fstat(segment.fileno()), vanished=True)
    os.rename(path + _NEXT, path)


def _mapped(fd: int) -> mmap:
    return mmap(fd, 0, access=ACCESS_READ)


def _rename(path: str, name: str) -> None:
    sealed = os.path.join(os.path.dirname(path), name)
    try:
        os.link(path, sealed)
    except FileExistsError:
        if not os.path.samefile(path, sealed):
            raise
    except OSError:  # a filesystem without hard links
        os.rename(path, sealed)
    os.rename(path + _NEXT, path)


def _write_next(
    segment: "bytes | mmap",
    path: str,
    seal: bytes,
    status: os.stat_result,
    *,
    vanished: bool = False,
) -> None:
    """Write the file that will follow a segment with this content, whose last line is `seal`.

    It gets the mode and the owner that the segment has: root may rotate a user's log.
    """
    head = head_of(seal, whole=True)
    assert head is not None
    first = _first_line(segment)
    body = log_body(
        str(first.get("tool") or os.path.basename(os.path.dirname(path))),
        log_id=first.get("log") or last_registered(path),
        open_calls=_open_calls(segment),
        vanished=vanished,
    )
    following = path + _NEXT
    if os.path.lexists(following):  # of a writer that died before it sealed
        os.unlink(following)
    written = os.open(following, OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.fchmod(written, status.st_mode & 0o777)
        if status.st_uid != os.geteuid():
            os.fchown(written, status.st_uid, status.st_gid)
        line = next_line(head, body)
        if os.write(written, line) != len(line):
            raise cut_off(written, 0)
        os.fsync(written)
    finally:
        os.close(written)


def _follows(path: str, seal: bytes) -> bool:
    """Tell whether a file that was prepared is the one that follows this seal."""
    head = head_of(seal, whole=True)
    try:
        with open_plainly(path) as file:
            line = file.readline()
    except OSError:
        return False
    prev = f'"prev":"sha256:{head[2]}"'.encode() if head else b"\n"
    return prev in line[:200] and line.endswith(b"\n")  # else who wrote it died


def _first_line(segment: "bytes | mmap") -> "dict[str, Any]":
    """Return the `log` line that a segment begins with, after what may be torn before it."""
    start = 0
    while start < _FIRST_BYTES:
        end = segment.find(b"\n", start)
        if end < 0:
            break
        try:
            event = json.loads(segment[start:end])
        except ValueError:
            event = None
        if isinstance(event, dict) and event.get("event") == "log":
            return event
        start = end + 1
    return {}


def _first_seq(segment: "bytes | mmap", head: "Head") -> int:
    """Return the `seq` of a segment's first line, or of the first that is sound."""
    for line in segment[:_FIRST_BYTES].split(b"\n"):
        first = head_of(line + b"\n", whole=True)
        if first is not None:
            return first[0]
    return head[0]


def _open_calls(segment: "bytes | mmap") -> list[str]:
    """Return the ids of the calls that began in this segment and have not ended in it."""
    waiting: dict[bytes, None] = {}
    for found in _CALL_EVENT.finditer(segment):
        if not _is_whole(segment, found.start() + 1):
            continue
        if found[1] == b"begin":
            waiting[found[2]] = None
        else:
            waiting.pop(found[2], None)
    return [request_id.decode("ascii", "replace") for request_id in waiting]


def _is_whole(segment: "bytes | mmap", start: int) -> bool:
    """Tell a line from the stump of one that was closed off, also by who died in doing so."""
    end = segment.find(b"\n", start)
    line = segment[start:] if end < 0 else segment[start:end]
    if line.endswith(b"}") and line.count(b"{") == line.count(b"}"):
        return True
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
