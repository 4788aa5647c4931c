"""Read what was added to a log since a place in it, though it is sealed, compressed or pruned.

A place is the number of a line, `seq`, which is never given again. Where that line is in the files
is kept beside it as a hint, which is looked at before it is believed.
"""

import os

from .._typing import TYPE_CHECKING, Any
from .find import lines_from
from .read import glance, is_whole, parse
from .segments import UNREADABLE, first_log_id, lines_of, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .segments import Segment, Snapshot

_HEAD = b'{"v":1,"seq":'
_HEAD_BYTES = 40
_LINE_BYTES = 65_536  # within which the start of a line is mostly found


class Place:
    """The last line of a log that was read: its `seq` (-1: none), and where the next one begins.

    `log` is the log's id; None where nothing of it was there.
    """

    __slots__ = ("log", "offset", "segment", "seq")

    def __init__(
        self, log: str | None = None, seq: int = -1, segment: int = 0, offset: int = 0
    ) -> None:
        self.log = log
        self.seq = seq
        self.segment = segment  # the `seq` of its first line
        self.offset = offset  # bytes

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object."""
        return {name: getattr(self, name) for name in self.__slots__}


class Tail:
    """The end of one log, from a place on. `gaps` says what was gone before it could be read."""

    def __init__(self, path: str, place: Place) -> None:
        self.path = path
        self.place = place
        self.gaps: list[str] = []
        self._seen: tuple[int, int] | None = None

    def has_grown(self) -> bool:
        """Tell whether the log is another than when this was asked last."""
        try:
            status = os.stat(self.path)
            seen = status.st_ino, status.st_size
        except OSError:
            seen = 0, 0  # its active file is gone: what was sealed is read once
        grown, self._seen = seen != self._seen, seen
        return grown

    def lines(self, picture: "Snapshot | None" = None) -> "Iterator[bytes]":
        """Yield the whole lines behind the place, with their newlines; the place goes along.

        `picture` is how far to read; None is as far as there is now. Raises `OSError` where the
        log cannot be read.
        """
        picture = snapshot(self.path) if picture is None else picture
        self._begin_anew_if_replaced(picture)
        for segment, start, size, read_before in self._left(picture):
            try:
                yield from self._lines_in(segment, start, size, read_before)
            except FileNotFoundError:
                continue  # pruned meanwhile: the next line tells how much is gone
            except UNREADABLE as error:
                if not segment.sealed:
                    raise
                self.gaps.append(f"{self.path}: {segment.name} is damaged: {error}")

    def _left(self, picture: "Snapshot") -> "list[tuple[Segment, int, int | None, int]]":
        """Return the segments that are not read whole: with the start and the size of each.

        The last number is up to which line it was read, or -1. What is left is told by where the
        place is, not by the numbers on the way: damage makes a 2 a 7.
        """
        starts: list[int] = []
        for segment, _ in picture:
            least = starts[-1] + 1 if starts else 0
            starts.append(max(segment.starts_at or 0, least))  # its first line may be damaged
        read, at = self.place.seq, self.place.segment
        if not self.place.offset or at not in starts:  # not known, or pruned meanwhile
            at = max((start for start in starts if start <= read), default=-1)
        return [
            (segment, start, size, read if start == at else -1)
            for (segment, size), start in zip(picture, starts, strict=True)
            if start >= at
        ]

    def _begin_anew_if_replaced(self, picture: "Snapshot") -> None:
        log = first_log_id(picture[-1][0])
        if self.place.log is not None and log not in (None, self.place.log):
            self.gaps.append(f"{self.path}: another log is in the place of the one that was read")
            self.place = Place(log)
        self.place.log = self.place.log or log

    def _lines_in(
        self, segment: "Segment", start: int, size: int | None, read_before: int
    ) -> "Iterator[bytes]":
        place, offset = self.place, 0
        if read_before >= 0 and self._hint_holds(segment, start):
            offset, read_before = place.offset, -1  # all that follows is new
        place.segment, place.offset = start, offset
        for line in lines_from(segment, offset, size):
            if not line.endswith(b"\n"):
                return  # somebody is writing it, or died: the next writer closes it off
            place.offset += len(line)
            seq = seq_of(line) if is_whole(line) else None
            if seq is not None:
                if seq <= read_before:
                    continue
                if seq > place.seq + 1 and (place.seq >= 0 or seq == start > 0):
                    self.gaps.append(
                        f"{self.path}: {seq - place.seq - 1} lines were gone before they were read"
                    )
                place.seq = seq
            yield line

    def _hint_holds(self, segment: "Segment", start: int) -> bool:
        """Tell whether the line that was read last ends where it is said to: some may be erased."""
        place = self.place
        if place.segment != start or not place.offset or place.seq < 0:
            return False
        with segment.open() as file:
            file.seek(max(0, place.offset - _LINE_BYTES))
            before = file.read(place.offset - file.tell())
            head = file.read(_HEAD_BYTES)
        last = before[before.rfind(b"\n", 0, -1) + 1 :]
        if not last.endswith(b"\n"):
            return False
        return seq_of(last) == place.seq or not head or seq_of(head) == place.seq + 1


def end_of(path: str) -> "tuple[Place, dict[str, None]]":
    """Return the place behind a log's last whole line, and the ids of calls that have no end yet.

    Only the last segment is read: its first line names the calls that were open before. Raises
    `OSError` where it cannot be.
    """
    segment, size = snapshot(path)[-1]
    place = Place(first_log_id(segment), segment=segment.starts_at or 0)
    open_calls: dict[str, None] = {}
    for line in lines_of(segment, size):
        if not line.endswith(b"\n"):
            break
        place.offset += len(line)
        seq = seq_of(line) if is_whole(line) else None
        place.seq = place.seq if seq is None else seq
        event, request_id = glance(line)
        if event == b"log":
            still = (parse(line) or {}).get("open")
            open_calls |= dict.fromkeys(map(str, still if isinstance(still, list) else ()))
        elif event == b"begin":
            open_calls[request_id.decode("ascii", "replace")] = None
        elif event == b"end":
            open_calls.pop(request_id.decode("ascii", "replace"), None)
    return place, open_calls


def seq_of(line: bytes) -> int | None:
    """Return the number that a line, or its start, bears; None where it bears none."""
    digits = line[: len(_HEAD) + 20].removeprefix(_HEAD).partition(b",")[0]
    return int(digits) if line.startswith(_HEAD) and digits.isdigit() else None
