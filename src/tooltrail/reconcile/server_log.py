"""Read the access log of a server as a stream: plain or gzip, a file or stdin."""

import gzip
import os
import stat
import sys
import zlib
from itertools import chain, islice
from typing import IO, TYPE_CHECKING

from ..errors import UsageError
from .formats import EXPECTED, reader_of
from .times import Moment, OtherMonthError, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .formats import Fields, Reader

_MAX_LINE = 65_536  # what is longer is no access log's line
_SNIFFED = 50  # lines that tell the format
_TRIED = ("combined", "json", "common", "logfmt")
_SHOWN = 160
_PACKED = {b"\x1f\x8b": "", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"(\xb5/\xfd": "zstd", b"PK": "zip"}


class Line:
    """One line that was understood. `at` is in seconds since 1970, on the server's clock."""

    __slots__ = ("at", "fineness", "host", "method", "named", "number", "path", "status")

    def __init__(self, number: int, fields: "Fields", moment: Moment) -> None:
        self.number = number
        self.at = moment.at
        self.fineness = moment.fineness
        method, status = fields.get("method"), fields.get("status", "")
        self.method = method.upper() if method else None
        self.status = int(status) if status.isascii() and status.isdigit() else None
        self.path = _path(fields.get("path"))
        self.host = _host(fields.get("host"))
        self.named: set[int] = set()  # requests of which an id stands in it


class ServerLog:
    """A server's log that is read once; what was met on the way is told afterwards."""

    def __init__(self, path: str, format_name: str, around: float) -> None:
        self.path = path
        self.format = format_name
        self._around = around
        self.lines = 0  # that were understood
        self.unread = 0
        self.first_unread: int | None = None
        self.cut_short = False  # the last line has no end, and was not understood
        self.no_zone = self.no_year = self.no_line = False
        self.first: float | None = None
        self.last: float | None = None
        self.backwards = 0.0  # by how many seconds a line stands before an earlier one, at most

    def read(self) -> "Iterator[tuple[Line, str]]":
        """Yield each line that is understood, with its text.

        Raises `UsageError` where this is no such log, and says what was expected.
        """
        with _opened(self.path) as file:
            numbered = enumerate(_lines(file, self.path), 1)
            head = list(islice(numbered, _SNIFFED))
            if not head:
                self.no_line = True
                return
            reader = self._reader([text for _, text in head])
            for number, text in chain(head, numbered):
                line = self._line(number, text, reader)
                if line is not None:
                    yield line, text

    def _line(self, number: int, text: str, reader: "Reader") -> Line | None:
        if not text.strip() or text.startswith("#"):
            return None
        fields = reader(text)
        try:
            moment = read_time(fields["time"], self._around) if fields else None
        except (KeyError, OtherMonthError):
            moment = None
        if fields is None or moment is None:
            self.unread += 1
            self.first_unread = self.first_unread or number
            self.cut_short = not text.endswith("\n")
            return None
        self.lines += 1
        self.no_zone |= moment.no_zone
        self.no_year |= moment.no_year
        if self.last is not None and moment.at < self.last:
            self.backwards = max(self.backwards, self.last - moment.at)
        self.first = moment.at if self.first is None else min(self.first, moment.at)
        self.last = moment.at if self.last is None else max(self.last, moment.at)
        return Line(number, fields, moment)

    def _reader(self, head: list[str]) -> "Reader":
        """Return what reads this log, found by trying where it was not named."""
        names = _TRIED if self.format == "auto" else (self.format,)
        best, fitting = names[0], 0
        for name in names:
            count = sum(self._fits(reader_of(name), text) for text in head)
            if count > fitting:
                best, fitting = name, count
        if not fitting:
            self._refuse(head)
        self.format = best
        return reader_of(best)

    def _fits(self, reader: "Reader", text: str) -> bool:
        fields = reader(text)
        if not fields or "time" not in fields:
            return False
        try:
            return read_time(fields["time"], self._around) is not None
        except OtherMonthError as error:
            raise UsageError(f"{self.path}: {error.message}", hint=error.hint) from None

    def _refuse(self, head: list[str]) -> None:
        number, text = next(
            ((number, text) for number, text in enumerate(head, 1) if text.strip()), (1, "")
        )
        if self.format == "auto":
            expected = f"it is none of {', '.join(_TRIED)}"
            hint = "name it with --format, or describe a line: --format 'regex=(?P<time>...)...'"
        elif self.format.startswith("regex="):
            expected = "the pattern does not match, or its time cannot be read"
            hint = "times are read as ISO 8601, as 22/Nov/2026:14:30:00 +0000, or as a number"
        else:
            expected = f"a line of {self.format} is: {EXPECTED[self.format]}"
            hint = "--format auto tries the known ones"
        shown = text.strip()[:_SHOWN]
        raise UsageError(
            f"{self.path}: line {number} does not fit: {shown!a}; {expected}", hint=hint
        )

    def notes(self) -> list[str]:
        """Say what should be known of how the log was read, a sentence each."""
        said = []
        if self.no_line:
            said.append(f"{self.path} holds no line")
        if self.unread:
            cut = ", and the last line is cut" if self.cut_short else ""
            said.append(
                f"{self.path}: lines that could not be read as {_named(self.format)}:"
                f" {self.unread}, the first of them line {self.first_unread}{cut}"
            )
        if self.no_year:
            said.append("its times have no year: that of the calls was taken")
        elif self.no_zone:
            said.append("its times have no zone: they were taken for UTC")
        return said


def _named(format_name: str) -> str:
    return "the pattern" if format_name.startswith("regex=") else format_name


def _opened(path: str) -> IO[bytes] | gzip.GzipFile:
    """Open a log, plain or gzip. Raises `UsageError` for what is no log."""
    if path == "-":
        if sys.stdin is None:
            raise UsageError("--server-log -: stdin is closed")
        return sys.stdin.buffer
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
    start = os.pread(fd, 4096, 0)
    for magic, name in _PACKED.items():
        if start.startswith(magic) and name:
            os.close(fd)
            raise UsageError(f"--server-log {path}: it is packed with {name}", hint="unpack it")
    file = os.fdopen(fd, "rb")
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(file)
    if b"\0" in start:
        file.close()
        raise UsageError(f"--server-log {path}: it is not text")
    return file


def _lines(file: IO[bytes] | gzip.GzipFile, path: str) -> "Iterable[str]":
    """Yield the lines as text; the rest of one that is too long is passed over."""
    try:
        while line := file.readline(_MAX_LINE):
            while len(line) == _MAX_LINE and not line.endswith(b"\n"):
                more = file.readline(_MAX_LINE)
                if not more or more.endswith(b"\n"):
                    break
            yield line.decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise UsageError(f"--server-log {path}: it cannot be read to its end: {reason}") from None


def _path(text: str | None) -> str | None:
    """Return the path of a request alone: a query may hold anything."""
    if text is None:
        return None
    if "://" in text[:12]:
        text = "/" + text.partition("://")[2].partition("/")[2]
    return text.partition("?")[0].partition("#")[0]


def _host(text: str | None) -> str | None:
    if text is None:
        return None
    name = text.lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return (name.partition(":")[0] if name.count(":") == 1 else name).removesuffix(".")
