"""Replace lines of a log by others, while tools go on writing to it; for `erase` alone.

A line of a log is never changed otherwise. In this order:

1. The lock of the folder: nothing is compressed or pruned meanwhile.
2. Each file that has such a line is written anew beside itself, and synced: sealed segments, and
   the active one as far as it goes by then.
3. The lock of the active segment, as for an append. What was appended since is copied too.
4. The lines that vouch for the replacements are appended, all in one `write`, and synced.
5. The new files are renamed over the old ones, and the folder is synced.

Up to step 4 nothing has changed, and a full disk leaves nothing behind. After a crash between 4
and 5 the log says what was meant to be replaced, and is still whole. A writer that waited for
the lock finds that the path names another file, and starts again.
"""

import gzip
import os
import zlib
from contextlib import ExitStack, contextmanager, suppress
from errno import EAGAIN, EBADMSG, EMLINK
from fcntl import LOCK_EX, LOCK_NB, flock
from time import sleep

from .._typing import IO, TYPE_CHECKING, cast
from ..trail import OPEN_FLAGS, head_of, next_line, side
from ..trail.packed import PackedWriter
from ..trail.recover import create, cut_off, find_head, not_a_plain_file, wait_for_lock
from ..trail.segments import COMPRESSED, Segment, sealed_segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..trail import Head

    # A line to what replaces it, and the event that vouches for it; None where it stays.
    Replacing = Callable[[bytes], tuple[bytes, str | None] | None]

_ATTEMPTS = 20
_FOLDER_DEADLINE_S = 60.0  # compressing a segment takes seconds
_AGAIN_S = 0.05
_UNFINISHED = ".erasing"
_PLAIN_FILE, _FILE_TYPE = 0o100000, 0o170000
_BLOCK = 1 << 20


class Again(Exception):
    """The log has become another one meanwhile: begin anew."""


class NotFinishedError(OSError):
    """The replacements are vouched for, and not all of them are in place."""


def rewrite(path: str, replacing: "Replacing") -> None:
    """Replace the lines of a log for which `replacing` gives another.

    It is asked for each line in order, more than once where it raises `Again`. Raises `OSError`,
    or `NotRecordedError` where the log stays locked; then no line was replaced, and nothing is
    left behind, but for `NotFinishedError`.
    """
    with _folder_locked(os.path.dirname(path)) as folder:
        _remove_leftovers(os.path.dirname(path))
        for _ in range(_ATTEMPTS):
            try:
                with ExitStack() as undo:
                    _Rewriting(path, replacing, undo).run(folder)
                return
            except Again:
                continue
    raise OSError(EAGAIN, "the log changed each time that it was read")


@contextmanager
def _folder_locked(folder: str) -> "Iterator[int]":
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        waited = 0.0
        while True:
            try:
                flock(fd, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                if waited >= _FOLDER_DEADLINE_S:
                    raise OSError(EAGAIN, "another process is at the segments of the log") from None
            sleep(_AGAIN_S)
            waited += _AGAIN_S
        yield fd
    finally:
        os.close(fd)


def _remove_leftovers(folder: str) -> None:
    """Remove the files that a crash left unfinished."""
    for name in os.listdir(folder):
        if name.endswith(_UNFINISHED):
            os.unlink(os.path.join(folder, name))


class _Rewriting:
    """One attempt."""

    def __init__(self, path: str, replacing: "Replacing", undo: ExitStack) -> None:
        self.path = path
        self._replacing = replacing
        self._undo = undo
        self._events: list[str] = []

    def run(self, folder: int) -> None:
        """Do all five steps. What was written beside the log is removed where one fails."""
        with ExitStack() as settled:  # finishes what a writer that died left undone
            _lock_active(self.path, settled)
        sealed = sealed_segments(self.path)
        copies = [self._copy_sealed(segment) for segment in sealed]
        active, seen = self._copy_active()
        log, head, before = _lock_active(self.path, self._undo)
        inodes = [os.stat(segment.file()).st_ino for segment in sealed_segments(self.path)]
        if inodes != [copy.inode for copy in copies] or os.fstat(log).st_ino != active.inode:
            raise Again
        size = os.fstat(log).st_size
        self._feed(active, seen, size)
        added = self._vouching(head, before)
        active.append(added)
        for copy in (*copies, active):
            copy.check_alone()
        active.finish()
        if added and os.write(log, added) != len(added):
            raise cut_off(log, size)
        os.fsync(log)
        self._put_into_place([*copies, active], folder)

    def _put_into_place(self, copies: "list[_Copy]", folder: int) -> None:
        try:
            for copy in copies:
                copy.put_into_place()
            os.fsync(folder)
        except OSError as error:
            raise NotFinishedError(error.errno, error.strerror, error.filename) from error

    def _copy_sealed(self, segment: Segment) -> "_Copy":
        copy = _Copy(segment.file(), self._undo, segment)
        with _opened(copy.file) as lines:
            try:
                for line in lines:
                    copy.feed(line, self._replaced(line))
            except (EOFError, zlib.error) as error:
                raise OSError(EBADMSG, f"{segment.name} is damaged") from error
        copy.finish(keep_age=True)
        return copy

    def _copy_active(self) -> "tuple[_Copy, int]":
        """Copy the active segment's whole lines so far; return how many bytes these were."""
        copy = _Copy(self.path, self._undo)
        seen = self._feed(copy, 0, None)
        copy.sync()  # most of it, now: writers wait while the rest is synced
        return copy, seen

    def _feed(self, copy: "_Copy", start: int, end: int | None) -> int:
        """Copy lines from `start` on: up to `end`, else the whole ones."""
        at = start
        with open(self.path, "rb") as log:
            log.seek(start)
            for line in log:
                if not line.endswith(b"\n") and end is None:
                    break
                copy.feed(line, self._replaced(line))
                at += len(line)
        return at

    def _replaced(self, line: bytes) -> bytes | None:
        found = self._replacing(line)
        if found is None:
            return None
        new, event = found
        if event is not None:
            self._events.append(event)
        return new

    def _vouching(self, head: "Head", before: bytes) -> bytes:
        if not self._events:
            return b""
        added = [before]
        for event in self._events:
            line = next_line(head, event)
            added.append(line)
            head = cast("Head", head_of(line, whole=True))
        return b"".join(added)


class _Copy:
    """A file of a log as it will be, written beside it; only where it differs."""

    def __init__(self, file: str, undo: ExitStack, segment: Segment | None = None) -> None:
        self.file = file
        self._segment = segment  # None: the active one
        self._unfinished = file + _UNFINISHED
        self._undo = undo
        self._status = os.stat(file)
        self.inode = self._status.st_ino
        self._same = 0  # bytes from its start that are as they were
        self._out: IO[bytes] | PackedWriter | None = None
        self._plain: IO[bytes] | None = None  # the same, or what is beneath a compressed one

    def feed(self, line: bytes, replaced: bytes | None) -> None:
        """Take the next line, and what is to stand in its place."""
        if replaced is not None and self._out is None:
            self._begin()
        if self._out is not None:
            self._out.write(line if replaced is None else replaced)
        else:
            self._same += len(line)

    def _begin(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._unfinished, flags, 0o600)
        self._plain = open(fd, "wb", _BLOCK)  # noqa: SIM115 - `_close` closes it
        packed = self.file.endswith(COMPRESSED)
        self._out = out = PackedWriter(self._plain) if packed else self._plain
        self._undo.callback(self._close)
        left = self._same
        with _opened(self.file) as source:
            while left:
                block = source.read(min(left, _BLOCK))
                if not block:
                    raise Again
                out.write(block)
                left -= len(block)

    def append(self, lines: bytes) -> None:
        """Write what else belongs at the end."""
        if self._out is not None:
            self._out.write(lines)

    def sync(self) -> None:
        """Bring to the disk what there is of it."""
        if self._plain is not None:
            self._plain.flush()
            os.fsync(self._plain.fileno())

    def finish(self, *, keep_age: bool = False) -> None:
        """Complete it; it is on the disk when this returns.

        `keep_age` gives it the old file's time: a sealed segment is as old as its last line.
        """
        if self._out is None or self._plain is None:
            return
        if self._out is not self._plain:
            self._out.close()
        self._plain.flush()
        fd, status = self._plain.fileno(), self._status
        os.fchmod(fd, status.st_mode & 0o777)
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, status.st_uid, status.st_gid)
        if keep_age:
            os.utime(fd, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(fd)

    def check_alone(self) -> None:
        """See that what it replaces has no other name. Raises `OSError`."""
        if self._out is not None and os.stat(self.file).st_nlink > 1:
            reason = "it has a second name (a hard link), under which it would stay as it is"
            raise OSError(EMLINK, reason, self.file)

    def put_into_place(self) -> None:
        """Rename it over the old one, of which nothing that was learnt remains."""
        if self._out is not None:
            if self._segment is not None:
                side.remove_all(self._segment)
            os.rename(self._unfinished, self.file)

    def _close(self) -> None:
        """Close it, and remove it where it did not come into its place."""
        for file in (self._out, self._plain):
            with suppress(OSError):  # a full disk, for the second time
                if file is not None:
                    file.close()
        if os.path.lexists(self._unfinished):
            os.unlink(self._unfinished)


def _opened(file: str) -> IO[bytes]:
    if file.endswith(COMPRESSED):
        return cast("IO[bytes]", gzip.open(file, "rb"))
    return open(file, "rb")


def _open_active(path: str, undo: ExitStack) -> int:
    try:
        fd = os.open(path, OPEN_FLAGS)
    except FileNotFoundError:
        fd = create(path)
    undo.callback(os.close, fd)
    return fd


def _lock_active(path: str, undo: ExitStack) -> "tuple[int, Head, bytes]":
    """Lock the active segment, as for an append; return it and where its chain stands."""
    fd = _open_active(path, undo)
    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        wait_for_lock(fd, path)
    status = os.fstat(fd)
    if status.st_mode & _FILE_TYPE != _PLAIN_FILE:
        raise not_a_plain_file(path)
    try:
        if os.stat(path, follow_symlinks=False).st_ino != status.st_ino:
            raise Again
    except FileNotFoundError:
        raise Again from None
    found = find_head(fd, status.st_size, path, os.path.basename(os.path.dirname(path)))
    if found is None:
        raise Again
    return fd, *found
