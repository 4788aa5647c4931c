"""Keep a log's sealed segments: compress, index, and where that was configured delete them.

Reading commands start this in the background once their answer is out (`python -m
tooltrail.trust.retain LOG...`); a tool that is being recorded never pays for it. One process at a
time does it to a log. Nothing is deleted unless `retention` was configured, and then a `prune`
line in the log says first what is deleted, and where the chain stood.
"""

import gzip
import hashlib
import os
import shutil
import sys
import zlib
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock

from .. import _host
from .._encode import encode
from .._typing import TYPE_CHECKING
from .._wire import ALGORITHM
from ..errors import NotRecordedError
from ..settings import settings_for
from ..trail import append, index, side
from ..trail.bodies import body_path
from ..trail.packed import PackedWriter
from ..trail.read import parse
from ..trail.segments import COMPRESSED, Segment, lines_of, sealed_segments, segments
from .merkle import CompactRange

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..settings.kinds import Retention

_BLOCK = 1 << 20
_PRUNE = b'"event":"prune"'
_HEAD_BYTES = 260


def is_due(path: str) -> bool:
    """Tell whether there is something to do about the log at `path`; cheap."""
    sealed = sealed_segments(path)
    if not sealed:
        return False
    settings = settings_for(_tool_of(path))
    if not os.access(os.path.dirname(path), os.W_OK):
        return False
    plain = settings.compress and any(os.path.exists(segment.path) for segment in sealed)
    return (
        plain
        or bool(_outlived(sealed, settings.retention))
        or not all(_is_indexed(segment) for segment in sealed)
    )


def start(paths: "Iterable[str]") -> None:
    """Do what is due in a process of its own, which outlives this one and writes nowhere."""
    due = [path for path in paths if is_due(path)]
    if not due:
        return
    from subprocess import DEVNULL, Popen

    # -P: the current folder, which may be anybody's, is no place to import from
    command = [sys.executable, "-P", "-m", "tooltrail.trust.retain", *due]
    try:
        Popen(
            command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, cwd="/", start_new_session=True
        )
    except OSError:
        return  # the next reading command will


def retain(path: str) -> None:
    """Delete, compress and index what is due of the log at `path`, if nobody else is at it.

    Raises `OSError` where a file cannot be read or written; the log is whole then as well.
    """
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flock(folder, LOCK_EX | LOCK_NB)
        settings = settings_for(_tool_of(path))
        prune(path, settings.retention)
        if settings.compress:
            for segment in sealed_segments(path):
                compress(segment)
        for segment in sealed_segments(path):
            if not _is_indexed(segment):
                index.make(segment)
    except BlockingIOError:
        return
    finally:
        os.close(folder)


def _is_indexed(segment: Segment) -> bool:
    """Tell whether nothing is left to be learnt of a segment, or nothing can be."""
    try:
        return index.is_indexed(segment)
    except OSError:
        return True


def compress(segment: Segment) -> None:
    """Replace a sealed segment by its compressed form, once that has been read back whole."""
    compressed = segment.path + COMPRESSED
    unfinished = compressed + ".tmp"
    try:
        status = os.stat(segment.path)
    except FileNotFoundError:
        return
    if status.st_nlink > 1:
        return  # its writer has not put the next segment into place yet
    with open(segment.path, "rb") as plain, open(unfinished, "wb") as file:
        os.fchmod(file.fileno(), status.st_mode & 0o777)
        if status.st_uid != os.geteuid():
            os.fchown(file.fileno(), status.st_uid, status.st_gid)
        packed = PackedWriter(file)
        shutil.copyfileobj(plain, packed, _BLOCK)
        packed.close()
        file.flush()
        os.fsync(file.fileno())
        plain.seek(0)
        digest = hashlib.file_digest(plain, "sha256").digest()
    with gzip.open(unfinished, "rb") as packed_again:
        if hashlib.file_digest(packed_again, "sha256").digest() != digest:
            os.unlink(unfinished)
            raise OSError(f"{segment.name} was not compressed: it read back otherwise")
    os.utime(unfinished, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.rename(unfinished, compressed)
    os.unlink(segment.path)


def prune(path: str, retention: "Retention | None") -> list[str]:
    """Delete the oldest segments of a log that are past what is kept; return their names.

    The `prune` line is written, and on the disk, before the first of them goes.
    """
    outlived = _outlived(sealed_segments(path), retention)
    if not outlived:
        return []
    victims = [segment for segment, _ in outlived]
    gone = _Gone(_pruned_before(path))
    for segment in victims:
        for line in lines_of(segment, None):
            gone.add(line)
    body = {
        "event": "prune",
        "segments": [segment.name for segment in victims],
        "first_seq": victims[0].first_seq,
        "last_seq": gone.last_seq,
        "last_hash": ALGORITHM + gone.last.hex(),
        "lines": gone.tree.size,
        "tree": gone.tree.peaks,
        "by": _host.user_name(os.geteuid()),
        "reason": ", ".join(sorted({why for _, why in outlived})),
    }
    append(path, _tool_of(path), encode(body), durable=True)
    for segment in victims:
        for file in (segment.path, segment.path + COMPRESSED):
            if os.path.exists(file):
                os.unlink(file)
        side.remove_all(segment)
    _prune_bodies(os.path.dirname(path), gone.bodies, gone.last_logged_at)
    return [segment.name for segment in victims]


class _Gone:
    """What has to be known of lines before they are deleted."""

    def __init__(self, tree: CompactRange) -> None:
        self.tree = tree
        self.last = b""  # the digest of the last line
        self.last_seq = 0
        self.last_logged_at = ""
        self.bodies: set[str] = set()

    def add(self, line: bytes) -> None:
        """Take the next line. Raises `ValueError` where the chain breaks: that is evidence."""
        event = parse(line) or {}
        prev = str(event.get("prev", ""))
        if self.last and prev and prev != ALGORITHM + self.last.hex():
            raise ValueError("the chain is broken here, and what is broken is not deleted")
        digest = hashlib.sha256(line.removesuffix(b"\n")).digest()
        erased = event.get("erased")
        if isinstance(erased, dict):
            digest = bytes.fromhex(str(erased.get("hash", "")).removeprefix(ALGORITHM))
        self.tree.append(digest)
        self.last = digest
        self.last_seq = int(event.get("seq", self.last_seq))
        self.last_logged_at = str(event.get("logged_at", self.last_logged_at))
        output = event.get("output")
        if isinstance(output, dict) and isinstance(output.get("body"), str):
            self.bodies.add(output["body"])


def _outlived(sealed: list[Segment], retention: "Retention | None") -> list[tuple[Segment, str]]:
    """Return the segments that are past what is kept, the oldest first, each with the reason."""
    if retention is None:
        return []
    found: list[tuple[Segment, str]] = []
    now = _host.wall_ns() / 1e9
    kept = [(segment, _status(segment)) for segment in sealed]
    while kept:
        segment, status = kept[0]
        size = sum(status.st_size for _, status in kept)
        if retention.max_segments is not None and len(kept) > retention.max_segments:
            reason = f"max_segments {retention.max_segments}"
        elif retention.max_bytes is not None and size > retention.max_bytes:
            reason = f"max_size {retention.max_bytes} bytes"
        elif retention.max_age_s is not None and now - status.st_mtime > retention.max_age_s:
            reason = f"max_age {retention.max_age_s} s"
        else:
            break
        found.append((segment, reason))
        del kept[0]
    return found


def _status(segment: Segment) -> os.stat_result:
    return os.stat(segment.file())


def _pruned_before(path: str) -> CompactRange:
    """Return the tree over the lines that were pruned before."""
    latest = None
    for segment in segments(path):
        for line in lines_of(segment, None):
            if _PRUNE in line[:_HEAD_BYTES]:
                latest = parse(line) or latest
    if latest is None:
        return CompactRange()
    return CompactRange.from_peaks(int(latest["lines"]), latest["tree"])


def _prune_bodies(folder: str, bodies: set[str], logged_at: str) -> None:
    """Delete the bodies of pruned calls, but for those that a later call gave back again."""
    if not bodies:
        return
    last = datetime.fromisoformat(logged_at).astimezone(UTC).timestamp()
    for digest in bodies:
        file = body_path(folder, digest)
        try:
            if os.stat(file).st_mtime <= last:
                os.unlink(file)
        except FileNotFoundError:
            continue


def _tool_of(path: str) -> str:
    return os.path.basename(os.path.dirname(path))


def main(paths: "Iterable[str]") -> None:
    """Do what is due of each log; what fails is left for the next time."""
    os.nice(19)
    for path in paths:
        try:
            retain(path)
        except (OSError, EOFError, zlib.error, ValueError, NotRecordedError):
            continue


if __name__ == "__main__":
    main(sys.argv[1:])
