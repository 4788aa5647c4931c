"""Find lines in a log without reading all of it: by a text that they hold, or by their time.

The log that is written to is not indexed, so nothing can be wrong about it: a text is searched
for in all of it (`scan`).
A time is found by bisection: `logged_at` never goes back within a log. Of a sealed segment with an
index, an id is searched for in the blocks that may hold it.
"""

import os
from errno import EBADMSG
from functools import partial

from .._typing import TYPE_CHECKING
from . import scan
from .index import places_of
from .packed import unpacked
from .segments import COMPRESSED, UNREADABLE, Unread, lines_of, open_plainly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

    from .segments import Segment, Snapshot

    Place = tuple[Segment, int, int | None]  # where to begin in it, and its size if that is known

_BLOCK = 4_194_304  # bytes of a compressed segment that are searched at once
_NEAR = 65_536  # bytes: a bisection ends there, and the rest is read
_HEAD_BYTES = 240  # within which a line says its `logged_at`
_LOGGED_AT = b'"logged_at":"'
_TIME_CHARS = 24


def lines_with(picture: "Snapshot", literal: bytes, *, is_id: bool = False) -> "Iterator[bytes]":
    """Yield the lines of a log that hold `literal`, in order, with their newlines.

    With `is_id`, those in which it is the id of a call, a trace or a session, or one of those
    continues it; there may be others among them. Raises `OSError` where a segment cannot be read,
    after the lines of the others; one that was pruned meanwhile is passed over.
    """
    if not literal:
        raise ValueError("an empty text is in every line")
    unread = Unread()
    for segment, size in picture:
        try:
            if not is_id or not segment.sealed:
                yield from _in_segment(segment, size, literal)
            else:
                yield from _in_sealed(segment, literal)
        except FileNotFoundError:
            continue
        except UNREADABLE as error:
            unread.add(segment, error)
    unread.tell()


def _in_segment(segment: "Segment", size: int | None, literal: bytes) -> "Iterator[bytes]":
    with segment.open() as file:
        if file_is_compressed(file):
            yield from _in_pieces(iter(partial(file.read, _BLOCK), b""), literal)
        else:
            known = size if not segment.rewritten else None
            yield from _in_file(file, _size_of(file) if known is None else known, literal)


def _in_sealed(segment: "Segment", own: bytes) -> "Iterator[bytes]":
    """Search for an id, in the blocks that may hold it where the segment has an index."""
    with segment.open_as_it_is() as file:
        places = places_of(segment, file, own)
        for start, size in places or ():
            file.seek(start)
            yield from _in_pieces(_block_of(file, size), own)
    if places is None:
        yield from _in_segment(segment, None, own)


def _block_of(file: "IO[bytes]", left: int) -> "Iterator[bytes]":
    """Yield so many bytes of what a file holds from here on, unpacked, and look no further."""
    if not file_is_compressed(file):
        yield file.read(left)
        return
    for _, piece in unpacked(file):
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def file_is_compressed(file: "IO[bytes]") -> bool:
    """Tell a segment that has to be unpacked from one that can be mapped."""
    return str(getattr(file, "name", "")).endswith(COMPRESSED)


def _size_of(file: "IO[bytes]") -> int:
    return os.fstat(file.fileno()).st_size


def _in_file(file: "IO[bytes]", size: int, literal: bytes) -> "Iterator[bytes]":
    if size > _size_of(file):
        raise OSError(EBADMSG, "it was cut short while it was read", file.name)
    yield from scan.lines_in(file, size, literal)


def _in_pieces(pieces: "Iterator[bytes]", literal: bytes) -> "Iterator[bytes]":
    """Search the lines of a segment piece by piece, each piece cut at the end of a line."""
    rest = b""
    for piece in pieces:
        block = rest + piece
        cut = block.rfind(b"\n") + 1
        rest, block = block[cut:], block[:cut]
        yield from scan.lines_in_block(block, literal)
    yield from scan.lines_in_block(rest, literal)


def beginnings(picture: "Snapshot") -> "list[Place]":
    """Return where all of a log's lines begin."""
    return [(segment, 0, size) for segment, size in picture]


def mention(places: "list[Place]", literals: "Iterable[bytes]") -> bool:
    """Tell whether any of these texts is behind some places of a log; that it may, if unsure."""
    try:
        return any(_mentions(place, literals) for place in places)
    except OSError:
        return True


def _mentions(place: "Place", literals: "Iterable[bytes]") -> bool:
    segment, start, size = place
    with segment.open() as file:
        if file_is_compressed(file):
            return True
        whole = _size_of(file) if size is None or segment.rewritten else size
        return scan.is_in(file, start, whole, *literals)


def from_time(picture: "Snapshot", moment: str) -> "Iterator[Place]":
    """Yield the segments that may hold lines written since `moment`, each with where to begin.

    The offset is that of a line's first byte, at most some lines too early; 0 in a segment that
    cannot be told. `moment` is a time as the log writes it.
    """
    starts = [first_time(segment) for segment, _ in picture]
    for number, (segment, size) in enumerate(picture):
        following = starts[number + 1] if number + 1 < len(picture) else None
        if following is not None and following < moment:
            continue  # all of its lines are older than the first of the next
        yield segment, _offset_of(segment, size, moment), size


def last_time(path: str) -> str | None:
    """Return when the last line of an active log was written, or None where it does not tell."""
    try:
        with open_plainly(path) as file:
            size = _size_of(file)
            file.seek(max(0, size - _NEAR))
            lines = file.read(_NEAR).split(b"\n")
    except OSError:
        return None
    times = (_time_in(line[:_HEAD_BYTES]) for line in reversed(lines))
    return next((time for time in times if time is not None), None)


def first_time(segment: "Segment") -> str | None:
    """Return when the first line of a segment was written, or None where it does not tell."""
    try:
        with segment.open() as file:
            return _time_in(file.read(_HEAD_BYTES))
    except UNREADABLE:
        return None


def _offset_of(segment: "Segment", size: int | None, moment: str) -> int:
    try:
        with segment.open() as file:
            if file_is_compressed(file):
                return 0
            return _bisect(file, _size_of(file) if size is None else size, moment)
    except OSError:
        return 0


def _bisect(file: "IO[bytes]", size: int, moment: str) -> int:
    """Return the offset of a line older than `moment`, near to the first that is not; or 0."""
    low, high = 0, size
    while high - low > _NEAR:
        middle = (low + high) // 2
        found = _line_after(file, middle, high)
        if found is None:  # one line reaches from here to the end, or nothing here tells its time
            high = middle
            continue
        at, time = found
        if time < moment:
            low = at
        else:
            high = middle
    return low


def _line_after(file: "IO[bytes]", offset: int, limit: int) -> "tuple[int, str] | None":
    """Return the first line after `offset` that says its time: where it begins, and the time."""
    file.seek(offset)
    file.readline()
    at = file.tell()
    while at < limit:
        line = file.readline()
        time = _time_in(line[:_HEAD_BYTES])
        if time is not None:
            return at, time
        if not line:
            return None
        at += len(line)
    return None


def _time_in(head: bytes) -> str | None:
    _, found, rest = head.partition(_LOGGED_AT)
    text = rest[:_TIME_CHARS]
    if not found or len(text) < _TIME_CHARS or not text.endswith(b"Z") or not text.isascii():
        return None
    return text.decode("ascii")


def lines_from(segment: "Segment", offset: int, size: int | None) -> "Iterator[bytes]":
    """Yield the lines of a segment from an offset on, as `lines_of` does."""
    if not offset:
        yield from lines_of(segment, size)
        return
    with segment.open() as file:
        file.seek(offset)
        left = None if size is None or segment.rewritten else size - offset
        for read in file:
            line = read if left is None else read[:left]
            yield line
            if left is not None:
                left -= len(line)
                if left <= 0:
                    return
