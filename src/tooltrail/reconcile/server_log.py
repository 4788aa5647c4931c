"""Read the access log of a server as a stream."""

import re
from itertools import chain

from .._typing import TYPE_CHECKING
from ..errors import UsageError
from .formats import EXPECTED, reader_of
from .log_file import LogFile
from .times import Moment, OtherMonthError, read_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .formats import Fields, Reader

_SNIFFED = 50  # lines that tell the format, where half of them are requests
_MOST_SNIFFED = 2_000  # else it is looked for in this many, as far as
_MOST_CHARS = 4_000_000
_BARE = 0.001  # what a line that has a time and nothing of a request says for a format
_TRIED = ("combined", "json", "common", "logfmt")
_SHOWN = 160
_STATUS = re.compile(r"([1-9]\d\d)(?:\.0{1,9})?", re.ASCII)  # some write every number as 200.0


class Line:
    """One line that was understood. `at` is in seconds since 1970, on the server's clock."""

    __slots__ = ("at", "fineness", "host", "method", "named", "number", "path", "status")

    def __init__(self, number: int, fields: "Fields", moment: Moment) -> None:
        self.number = number
        self.at = moment.at
        self.fineness = moment.fineness
        method, status = fields.get("method"), _STATUS.fullmatch(fields.get("status", ""))
        self.method = method.upper() if method else None
        self.status = int(status[1]) if status else None
        self.path = _path(fields.get("path"))
        self.host = _host(fields.get("host"))
        self.named: set[int] = set()  # requests of which an id stands in it

    @property
    def bare(self) -> bool:
        """Whether it says nothing of a request: a host alone may be the machine that wrote it."""
        return self.method is None and self.path is None and self.status is None


class ServerLog:
    """A server's log that is read once; what was met on the way is told afterwards."""

    def __init__(self, path: str, format_name: str, around: float) -> None:
        self.path = path
        self.format = format_name
        self._around = around
        self.lines = 0  # that were understood
        self.no_requests = 0  # of them, that say nothing of a request
        self.unread = 0
        self.first_unread: int | None = None
        self.cut_short = False  # the last line has no end, and was not understood
        self.garbage = False  # bytes behind what was packed were left out
        self.no_zone = self.no_year = self.no_line = False
        self.first: float | None = None
        self.last: float | None = None
        self.backwards = 0.0  # by how many seconds a line stands before an earlier one, at most

    @property
    def described(self) -> bool:
        """Whether somebody said by a pattern which lines are requests."""
        return self.format.startswith("regex=")

    def read(self) -> "Iterator[tuple[Line, str]]":
        """Yield each line that is understood, with its text.

        Raises `UsageError` where this is no such log, and says what was expected.
        """
        with LogFile(self.path) as file:
            numbered = enumerate(file.lines(), 1)
            told = ((number, text) for number, text in numbered if _says_anything(text))
            reader, head = self._sniff(told)
            if reader is None:
                self.no_line = True
            else:
                for number, text in chain(head, told):
                    line = self._line(number, text, reader)
                    if line is not None:
                        yield line, text
            self.garbage = file.garbage

    def _line(self, number: int, text: str, reader: "Reader") -> Line | None:
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
        line = Line(number, fields, moment)
        self.lines += 1
        self.no_zone |= moment.no_zone
        self.no_year |= moment.no_year
        if self.last is not None and moment.at < self.last:
            self.backwards = max(self.backwards, self.last - moment.at)
        self.first = moment.at if self.first is None else min(self.first, moment.at)
        self.last = moment.at if self.last is None else max(self.last, moment.at)
        return line

    def _sniff(
        self, told: "Iterator[tuple[int, str]]"
    ) -> "tuple[Reader | None, list[tuple[int, str]]]":
        """Return what reads this log, and the lines that were read to find it.

        A server may say much before its first request: as long as few lines are one, it goes on.
        """
        names = _TRIED if self.format == "auto" else (self.format,)
        readers = {name: reader_of(name) for name in names}
        scores = dict.fromkeys(names, 0.0)
        head: list[tuple[int, str]] = []
        chars = 0
        for number, text in told:
            head.append((number, text))
            chars += len(text)
            for name, reader in readers.items():
                scores[name] += self._fits(reader, text)
            if len(head) >= _SNIFFED and max(scores.values()) >= _SNIFFED / 2:
                break
            if len(head) >= _MOST_SNIFFED or chars >= _MOST_CHARS:
                break
        best = max(names, key=lambda name: scores[name])
        if not scores[best]:
            if head:
                self._refuse(head)
            return None, head
        self.format = best
        return readers[best], head

    def _fits(self, reader: "Reader", text: str) -> float:
        """Return 1 for a line that is read as a request, a trifle for one that has a time."""
        fields = reader(text)
        if not fields or "time" not in fields:
            return 0.0
        try:
            moment = read_time(fields["time"], self._around)
        except OtherMonthError as error:
            raise UsageError(f"{self.path}: {error.message}", hint=error.hint) from None
        if moment is None:
            return 0.0
        return _BARE if Line(0, fields, moment).bare else 1.0

    def _refuse(self, head: list[tuple[int, str]]) -> None:
        number, text = head[0]
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
        if self.garbage:
            said.append(f"{self.path}: what follows the end of the packed log was left out")
        if self.no_requests:
            said.append(f"lines that say nothing of a request, left out: {self.no_requests}")
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


def _says_anything(text: str) -> bool:
    return bool(text.strip()) and not text.startswith("#")


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
