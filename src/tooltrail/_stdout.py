"""The edge to stdout: divert it, flush it, write to it, and know when that failed.

While a command runs in envelope mode, file descriptor 1 leads to memory, so
that prints of libraries, of C code and of child processes cannot break the
JSON; what was printed comes back in `warnings`. Where `sys.stdout` is not file
descriptor 1 (a test runner has replaced it), the object is replaced instead.

The tool may meanwhile do with its stdout and its descriptors what it likes: close all of them,
say, and open files of its own under the same numbers. So a descriptor of ours is used only while
it is the file that it was, and what the tool put in the place of stdout stays there.
"""

import os
import sys
from _io import BufferedWriter, BytesIO, FileIO, TextIOWrapper
from fcntl import F_DUPFD_CLOEXEC, fcntl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_KEPT_BYTES = 1 << 20  # of diverted output: the longest help, and no more
_STDOUT = 1
_FIRST_OWN_FD = 10  # a tool that closed its stdin expects to open 0, 1 and 2 itself
_EFBIG = 27


class _Place:
    """A descriptor of ours, and which file it was when we opened it."""

    def __init__(self) -> None:
        self.fd = -1
        self._file: tuple[int, int] | None = None

    def hold(self, fd: int) -> None:
        """Keep another descriptor of what `fd` is, with a number that no tool expects."""
        try:
            self.fd = fcntl(fd, F_DUPFD_CLOEXEC, _FIRST_OWN_FD)
        except OSError:  # the tool may have fewer than ten
            self.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)
        self._file = _file_at(self.fd)

    def is_there(self) -> bool:
        """Tell whether the descriptor is still ours."""
        return self._file is not None and _file_at(self.fd) == self._file

    def is_at(self, fd: int) -> bool:
        """Tell whether `fd` leads to the same file."""
        return self._file is not None and _file_at(fd) == self._file

    def close(self) -> None:
        """Close the descriptor, unless the tool did, and has another file there now."""
        if self.is_there():
            os.close(self.fd)
        self._file = None


def _file_at(fd: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


class _Bounded(FileIO):
    """The bytes below `sys.stdout` while it is diverted: 1 MiB is kept, the rest counted."""

    def __init__(self, memory: _Place) -> None:
        super().__init__(_STDOUT, "w", closefd=False)
        self.name = "<stdout>"
        self.dropped = 0
        self._memory: _Place | None = memory
        self._left = _KEPT_BYTES

    def write(self, data: "Any", /) -> int:
        """Write what is kept, and take the rest as written."""
        if self._memory is None:
            return super().write(data)
        view = memoryview(data).cast("B")
        if len(view) <= self._left:
            return self._put(view)
        if not self._memory.is_at(_STDOUT):  # the tool has led stdout somewhere else
            self.pass_through()
            return super().write(data)
        fits = self._left
        self._put(view[:fits])
        self.dropped += len(view) - fits
        return len(view)

    def _put(self, view: memoryview) -> int:
        """Write all of it: an unbuffered stream does not ask how much of it was written."""
        size = len(view)
        try:
            while view:
                written = super().write(view)
                if written is None:  # the tool has a pipe there that is full
                    break
                self._left -= written
                view = view[written:]
        except OSError as error:
            if error.errno != _EFBIG or self._memory is None or not self._memory.is_at(_STDOUT):
                raise
            self._left = 0  # a limit that the tool set: for files, and stdout would be none
            self.dropped += len(view)
            return size
        return size - len(view)

    def pass_through(self) -> None:
        """Keep nothing back any more."""
        self._memory = None


class _Sink(BytesIO):
    """Stands in for a stdout that is no descriptor: 1 MiB is kept, the rest counted."""

    dropped = 0

    def write(self, data: "Any", /) -> int:
        """Keep what fits, and take the rest as written."""
        size = memoryview(data).nbytes
        kept = super().write(memoryview(data).cast("B")[: max(0, _KEPT_BYTES - self.tell())])
        self.dropped += size - kept
        return size


class Capture:
    """Diverts stdout between `start` and `stop`; `text` is then what would have been printed.

    `size` is how many bytes that was, of which `text` holds the first 1 MiB. Nothing here raises:
    where the descriptor cannot be diverted, `sys.stdout` alone is.
    """

    def __init__(self) -> None:
        self.text = ""
        self.size = 0
        self._kept = 0  # bytes of it
        self._before: TextIO | None = None  # what `sys.stdout` was
        self._ours: Any = None  # what stands in its place
        self._bytes: Any = None  # below that
        self._real = _Place()
        self._memory = _Place()
        self._on = self._taken = False
        self._pid = os.getpid()

    def start(self) -> None:
        """Divert stdout from here on."""
        self._on = True
        self._before, self._ours = sys.stdout, None
        _flush(sys.stdout)
        if is_fd_1(sys.stdout) and self._divert():
            _diverted.append(self)
            if type(sys.stdout) is TextIOWrapper:
                self._bytes = _Bounded(self._memory)
                self._ours = _like(sys.stdout, self._bytes)
        else:
            self._bytes = _Sink()
            self._ours = TextIOWrapper(self._bytes, "utf-8", "backslashreplace", newline="\n")
        if self._ours is not None:
            sys.stdout = self._ours

    def _divert(self) -> bool:
        try:
            self._real.hold(_STDOUT)
            fd = _memory_file()
            self._memory.hold(fd)
            os.close(fd)
            os.dup2(self._memory.fd, _STDOUT)
        except OSError:  # no descriptor is left
            self._real.close()
            self._memory.close()
            return False
        return True

    def stop(self) -> None:
        """Give stdout back, and keep what was printed; in a forked child, do nothing."""
        if not self._on or self._pid != os.getpid():
            return
        self._on = False
        self._flush_all()
        if self._ours is not None and sys.stdout is self._ours:
            sys.stdout = self._before
        if self in _diverted:
            _diverted.remove(self)
            self._take_back()
        elif not self._bytes.closed:
            self._add(self._bytes.getvalue(), "utf-8")
        if self._bytes is not None:
            self.size += self._bytes.dropped
            self._bytes.dropped = 0

    def _flush_all(self) -> None:
        """Flush what Python still holds, even where the tool has closed the descriptor below."""
        closed = self._memory.is_there() and _file_at(_STDOUT) is None
        if closed:
            os.dup2(self._memory.fd, _STDOUT)
        for stream in (self._ours, self._before, sys.stdout):
            _flush(stream)
        if closed:
            os.close(_STDOUT)

    def _take_back(self) -> None:
        try:
            if self._memory.is_there():
                printed = os.pread(self._memory.fd, _KEPT_BYTES, 0)
                self._add(printed, getattr(self._ours, "encoding", None) or "utf-8")
                self.size += os.fstat(self._memory.fd).st_size - len(printed)
            if self._memory.is_at(_STDOUT) and self._real.is_there():
                os.dup2(self._real.fd, _STDOUT)
        except OSError:
            return  # `deliver` will tell
        finally:
            self._memory.close()
            if isinstance(self._bytes, _Bounded):
                self._bytes.pass_through()
            self._taken = not self._real.is_at(_STDOUT)
            if not self._taken:
                self._real.close()

    def _add(self, printed: bytes, encoding: str) -> None:
        self.size += len(printed)
        self._kept += len(printed)
        try:
            self.text += printed.decode(encoding, "backslashreplace")
        except (LookupError, UnicodeError):
            self.text += printed.decode("utf-8", "backslashreplace")

    @property
    def is_cut(self) -> bool:
        """Whether more was printed than `text` holds."""
        return self.size > self._kept

    def is_terminal(self) -> bool:
        """Tell whether the response goes to a terminal."""
        return is_terminal(self._before)

    def forget(self) -> str:
        """Return what was printed, and start to collect anew."""
        printed, self.text = self.text, ""
        if self.is_cut:
            printed += f"\n[cut off: {self.size:,} bytes in all]\n"
        self.size = self._kept = 0
        return printed

    def deliver(self, text: str) -> str | None:
        """Print a whole response to where stdout led before; return why that failed, or None."""
        try:
            if self._taken:  # the tool has closed its stdout, or led it elsewhere
                if not self._real.is_there():
                    return "closed by the tool, with all other descriptors"
                write_all(self._real.fd, text.encode("ascii"))
            elif is_fd_1(self._before):
                write_all(_STDOUT, text.encode("ascii"))
            else:
                self._before.write(text)  # type: ignore[union-attr]
                self._before.flush()  # type: ignore[union-attr]
        except (OSError, ValueError, AttributeError) as error:
            return _reason(error)
        finally:
            self._real.close()
        return None


_diverted: list[Capture] = []


def _after_fork() -> None:
    """Close a forked child's copy of the real stdout.

    A daemon that closes its own stdout would otherwise keep open a pipe that somebody reads.
    """
    for capture in _diverted:
        capture._real.close()
    _diverted.clear()


os.register_at_fork(after_in_child=_after_fork)


def _like(stream: TextIOWrapper, raw: _Bounded) -> "Any":
    """Return a stream that writes as another does, to other bytes."""
    unbuffered = isinstance(stream.buffer, FileIO)
    made: Any = TextIOWrapper(
        raw if unbuffered else BufferedWriter(raw),
        stream.encoding,
        stream.errors,
        newline="\n",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    made.mode = "w"
    return made


def is_fd_1(stream: "Any") -> bool:
    """Tell whether a stream writes to file descriptor 1."""
    try:
        return bool(stream is not None and stream.fileno() == _STDOUT)
    except Exception:  # of an object that the tool put there
        return False


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tooltrail-stdout", os.MFD_CLOEXEC)
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        return os.dup(file.fileno())


def _flush(stream: "Any") -> None:
    try:
        if stream is not None:
            stream.flush()
    except Exception:  # closed, or an object of the tool's
        return


def is_terminal(stream: "Any" = None) -> bool:
    """Tell whether stdout is a terminal: people read there, programs elsewhere."""
    stream = stream or sys.stdout
    try:
        return bool(stream is not None and stream.isatty())
    except Exception:  # closed, or an object of the tool's
        return False


def print_text(text: str) -> str | None:
    """Print text to `sys.stdout`, whatever its encoding; return why that failed, or None."""
    stream = sys.stdout
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    except Exception as error:  # closed, gone, or an object of the tool's
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).lower()


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, however many writes that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
