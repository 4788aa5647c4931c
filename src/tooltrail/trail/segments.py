"""The files of one log: sealed segments, in order, and the active one that is written to.

    audit-000000000000.jsonl.gz   sealed, and compressed by a reading command
    audit-000000184301.jsonl      sealed: its last line is a `seal`
    audit.jsonl                   active

The digits are the `seq` of a segment's first line, so that names sort in order.
"""

import os
import zlib
from contextlib import suppress
from errno import EBADMSG, EINVAL
from fcntl import LOCK_NB, LOCK_SH, flock
from stat import S_ISREG
from time import sleep

from .._wire import LOG_NAME
from . import FIRST_BYTES, log_id_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

_STEM, _SUFFIX = LOG_NAME.removesuffix(".jsonl") + "-", ".jsonl"
COMPRESSED = ".gz"
_DIGITS = 12
UNREADABLE = (OSError, EOFError, zlib.error)  # what reading a segment that is damaged raises


class Segment:
    """One file of a log; it may be sealed and compressed while it is looked at."""

    __slots__ = ("_inode", "_later", "first_seq", "path", "rewritten")

    def __init__(self, path: str, first_seq: int | None = None) -> None:
        self.path = path  # without `.gz`
        self.first_seq = first_seq  # None: the active one
        self.rewritten = False  # lines of it were erased since, and its size is another
        self._inode: int | None = None
        self._later: Segment | None = None  # what the active one is when it has been sealed

    @property
    def name(self) -> str:
        """The file's name, without `.gz`."""
        return os.path.basename(self.path)

    @property
    def sealed(self) -> bool:
        """Whether nothing is written to it any more."""
        return self.first_seq is not None

    @property
    def starts_at(self) -> int | None:
        """The `seq` of its first line; None where an active one does not tell."""
        return self.first_seq if self._later is None else self._later.first_seq

    def file(self) -> str:
        """Return the path of the file as it is now, compressed or not."""
        compressed = self.path + COMPRESSED
        return self.path if os.path.exists(self.path) else compressed if self.sealed else self.path

    def open(self) -> "IO[bytes]":
        """Open it for reading, uncompressed. Raises `FileNotFoundError` where it was pruned."""
        try:
            file = open_plainly(self.path)
        except FileNotFoundError:
            if self._later is not None:
                return self._later.open()
            if not self.sealed:
                raise
        else:
            if self._later is None or self._is_still(file):
                return file
            file.close()
            try:
                return self._later.open()
            except FileNotFoundError:  # it was not sealed: lines of it were erased
                self.rewritten = True
                return open_plainly(self.path)
        from gzip import GzipFile

        open_plainly(self.path + COMPRESSED).close()
        return GzipFile(self.path + COMPRESSED, "rb")  # type: ignore[return-value]

    def open_as_it_is(self) -> "IO[bytes]":
        """Open a sealed one for reading, packed where it is packed. Raises as `open` does."""
        try:
            return open_plainly(self.path)
        except FileNotFoundError:
            return open_plainly(self.path + COMPRESSED)

    def remember(self, file: "IO[bytes]") -> None:
        """Note which file the active segment is: it will be sealed under another name."""
        self._inode = os.fstat(file.fileno()).st_ino
        first_seq = _first_seq(file)
        if first_seq is not None:
            folder = os.path.dirname(self.path)
            self._later = Segment(os.path.join(folder, segment_name(first_seq)), first_seq)

    def _is_still(self, file: "IO[bytes]") -> bool:
        """Tell the file that was remembered; an inode alone may have been given to another."""
        same = os.fstat(file.fileno()).st_ino == self._inode
        return same and self._later is not None and _first_seq(file) == self._later.first_seq

    def is_also(self, sealed: "Segment") -> bool:
        """Whether this is what a sealed one is: sealed, and not yet replaced."""
        if self._later is None or self._later.first_seq != sealed.first_seq:
            return False
        with self.open() as ours, sealed.open() as theirs:
            return ours.read(FIRST_BYTES) == theirs.read(FIRST_BYTES)


def first_seq_of(segment: Segment) -> int | None:
    """Return the `seq` of a segment's first line; None where it does not tell."""
    if segment.sealed:
        return segment.first_seq
    with suppress(OSError), segment.open() as file:
        return _first_seq(file)
    return None


def _first_seq(file: "IO[bytes]") -> int | None:
    digits = os.pread(file.fileno(), 64, 0).removeprefix(b'{"v":1,"seq":').partition(b",")[0]
    return int(digits) if digits.isdigit() else None


def open_plainly(path: str) -> "IO[bytes]":
    """Open a plain file for reading; a pipe in its place must not make anybody wait.

    Raises `OSError`, also for what is no plain file.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - the caller's to close
    if not S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(EINVAL, "it is not a plain file", path)
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def first_log_id(segment: Segment) -> str | None:
    """Return the id of the log that a segment belongs to; None where its start does not tell."""
    try:
        with segment.open() as file:
            start = file.read(FIRST_BYTES)
    except (OSError, EOFError, zlib.error):
        return None
    return log_id_in(start)


def segment_name(first_seq: int) -> str:
    """Return the name of the sealed segment whose first line has this `seq`."""
    return f"{_STEM}{first_seq:0{_DIGITS}d}{_SUFFIX}"


def segments(path: str) -> list[Segment]:
    """Return the files of the log whose active segment is `path`, in order; that one is last."""
    return [*sealed_segments(path), Segment(path)]


def sealed_segments(path: str) -> list[Segment]:
    """Return the sealed segments of a log, in order. A log of another name has none."""
    folder, base = os.path.split(path)
    if base != LOG_NAME:
        return []
    try:
        names = {name.removesuffix(COMPRESSED) for name in os.listdir(folder or ".")}
    except OSError:
        return []
    found = []
    for name in sorted(names):
        digits = name.removeprefix(_STEM).removesuffix(_SUFFIX)
        if name == f"{_STEM}{digits}{_SUFFIX}" and digits.isdecimal() and len(digits) >= _DIGITS:
            found.append(Segment(os.path.join(folder, name), int(digits)))
    return sorted(found, key=lambda segment: segment.first_seq or 0)


class Unread:
    """The segments of a log that could not be read to their end; told once the others were."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def add(self, segment: Segment, error: Exception) -> None:
        """Note what was wrong with one of them: an error of `UNREADABLE`."""
        told = error.strerror if isinstance(error, OSError) else None
        self._said.append(f"{segment.name} {told.lower() if told else f'is damaged: {error}'}")

    def tell(self) -> None:
        """Raise `OSError` where there was any."""
        if self._said:
            raise OSError(EBADMSG, "; ".join(self._said))


if TYPE_CHECKING:
    Snapshot = list[tuple[Segment, int | None]]


def snapshot(path: str) -> "Snapshot":
    """Return the files of a log, with the active one's size in bytes when nobody was writing.

    Reading no further gives a steady picture. Raises `OSError` where the active segment cannot
    be read, and no sealed one is there.
    """
    while True:
        try:
            with open_plainly(path) as log:
                size = _size_when_still(log)
                if os.stat(path).st_ino != os.fstat(log.fileno()).st_ino:
                    continue  # sealed while we waited
                sealed = sealed_segments(path)  # none is added while the lock is held
                active = Segment(path)
                active.remember(log)
                if sealed and active.is_also(sealed[-1]):  # a writer died while it rotated
                    return [(segment, None) for segment in sealed]
                return [*((segment, None) for segment in sealed), (active, size)]
        except FileNotFoundError:
            sealed = sealed_segments(path)
            if not sealed:
                raise
            return [(segment, None) for segment in sealed]


def _size_when_still(log: "IO[bytes]") -> int:
    """Return a log's size, with a shared lock held where that can be had."""
    for _ in range(200):
        try:
            flock(log, LOCK_SH | LOCK_NB)
        except BlockingIOError:
            sleep(0.002)
            continue
        except OSError:
            break  # a filesystem without locks
        break
    return os.fstat(log.fileno()).st_size


def lines_of(segment: Segment, size: int | None) -> "Iterator[bytes]":
    """Yield the lines of a segment with their newlines; the last may lack it.

    `size` bounds the bytes that are read; None reads all. Raises `OSError`, and `EOFError` or
    `zlib.error` where a compressed segment is damaged.
    """
    with segment.open() as file:
        if size is None or segment.rewritten:
            yield from file
            return
        left = size
        for read in file:
            line = read[:left]
            left -= len(line)
            yield line
            if left <= 0:
                return
