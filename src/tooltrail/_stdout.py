"""The edge to stdout: divert it, flush it, write to it, and know when that failed.

While a command runs in envelope mode, file descriptor 1 leads to memory, so
that prints of libraries, of C code and of child processes cannot break the
JSON; what was printed comes back in `warnings`. Where `sys.stdout` is not file
descriptor 1 (a test runner has replaced it), the object is replaced instead.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_KEPT_BYTES = 65536  # of diverted output: more than is shown, so that no secret is cut in two
_STDOUT = 1


class Capture:
    """Diverts stdout between `start` and `stop`; `text` is then what would have been printed."""

    def __init__(self) -> None:
        self.text = ""
        self._stdout: TextIO | None = None
        self._saved_fd = -1
        self._memory_fd = -1
        self._replacement: Any = None
        self._on = False

    def start(self) -> None:
        """Divert stdout from here on."""
        self._on = True
        self._stdout = sys.stdout
        if _is_fd_1(sys.stdout):
            _flush(sys.stdout)
            self._saved_fd = os.dup(_STDOUT)
            self._memory_fd = _memory_file()
            os.dup2(self._memory_fd, _STDOUT)
        else:
            from io import BytesIO, TextIOWrapper

            self._replacement = TextIOWrapper(BytesIO(), "utf-8", "backslashreplace")
            sys.stdout = self._replacement

    def stop(self) -> None:
        """Give stdout back, and keep the first 64 KiB of what was printed."""
        if not self._on:
            return
        self._on = False
        if self._replacement is not None:
            self._replacement.flush()
            printed = self._replacement.buffer.getvalue()
            sys.stdout = self._stdout
            self._keep(printed[:_KEPT_BYTES])
            return
        _flush(sys.stdout)
        os.dup2(self._saved_fd, _STDOUT)
        self._keep(os.pread(self._memory_fd, _KEPT_BYTES, 0))
        os.close(self._saved_fd)
        os.close(self._memory_fd)

    def _keep(self, printed: bytes) -> None:
        self.text += printed.decode("utf-8", "backslashreplace")


def _is_fd_1(stream: "TextIO | None") -> bool:
    try:
        return stream is not None and stream.fileno() == _STDOUT
    except (OSError, ValueError, AttributeError):
        return False


def _memory_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tooltrail-stdout", os.MFD_CLOEXEC)
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        return os.dup(file.fileno())


def _flush(stream: "TextIO | None") -> None:
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        return


def is_terminal() -> bool:
    """Tell whether stdout is a terminal: people read there, programs elsewhere."""
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except (ValueError, AttributeError):
        return False


def deliver(text: str) -> str | None:
    """Print a whole response to stdout; return why it could not be delivered, or None."""
    try:
        if _is_fd_1(sys.stdout):
            sys.stdout.flush()
            write_all(_STDOUT, text.encode("ascii"))
        else:
            sys.stdout.write(text)
            sys.stdout.flush()
    except (OSError, ValueError, AttributeError) as error:
        return str(getattr(error, "strerror", None) or error).lower()
    return None


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, however many writes that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
