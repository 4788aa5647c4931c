"""The file of a server's log: opened without waiting, unpacked, line for line."""

import os
import stat
import sys
from io import BufferedReader

from .._typing import TYPE_CHECKING
from ..errors import UsageError
from ..transcripts.packed import MAGIC, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..transcripts.packed import Unpacked

_MAX_LINE = 65_536  # what is longer is no access log's line
_PACKED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"PK": "zip"}


class LogFile:
    """A log that is open, plain or gzip, a file or stdin. Raises `UsageError` for what is none."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = _opened(path)
        self._content, self._packed = _content(self._file, path)

    def __enter__(self) -> "LogFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._content is not self._file:
            self._content.close()
        if self.path != "-":
            self._file.close()

    @property
    def garbage(self) -> bool:
        """Whether something that is no log stands behind what was packed, and was left out."""
        return self._packed is not None and self._packed.garbage

    def lines(self) -> "Iterator[str]":
        """Yield the lines as text; the rest of one that is too long is passed over."""
        file = self._content
        try:
            while line := file.readline(_MAX_LINE):
                while len(line) == _MAX_LINE and not line.endswith(b"\n"):
                    more = file.readline(_MAX_LINE)
                    if not more or more.endswith(b"\n"):
                        break
                yield line.decode("utf-8", "replace")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(
                f"--server-log {self.path}: it cannot be read to its end: {reason}"
            ) from None


def _opened(path: str) -> BufferedReader:
    if path == "-":
        if sys.stdin is None:
            raise UsageError("--server-log -: stdin is closed")
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"--server-log {path}: {reason}") from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UsageError(
            f"--server-log {path}: it is not a plain file",
            hint="to read from a pipe, pipe it in, and give - for the file",
        )
    return os.fdopen(fd, "rb")


def _content(file: BufferedReader, path: str) -> "tuple[BufferedReader, Unpacked | None]":
    try:
        start = file.peek(4096)
        for magic, name in _PACKED.items():
            if start.startswith(magic):
                raise UsageError(f"--server-log {path}: it is packed with {name}", hint="unpack it")
        if b"\0" in start and not start.startswith(MAGIC):
            raise UsageError(f"--server-log {path}: it is not text")
        return unpacked(file)
    except UsageError:
        file.close()
        raise
    except OSError as error:
        file.close()
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"--server-log {path}: {reason}") from None
