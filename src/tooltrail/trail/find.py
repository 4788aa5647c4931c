"""Find lines in a log without reading all of it: by a text that they hold, or by their time.

The log that is written to is not indexed, so nothing can be wrong about it. A text is found by
libc's `memmem` over the mapped file, in as many threads as there are cores: at the speed of grep.
A time is found by bisection: `logged_at` never goes back within a log. Of a sealed segment with an
index, an id is searched for in the blocks that may hold it.
"""

import mmap
import os
from errno import EBADMSG
from functools import cache, partial
from typing import TYPE_CHECKING

from .index import places_of
from .packed import unpacked
from .segments import COMPRESSED, UNREADABLE, Unread, lines_of, open_plainly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import IO

    from .segments import Segment, Snapshot

    Place = tuple[Segment, int, int | None]  # where to begin in it, and its size if that is known

_THREADED = 50_000_000  # bytes: a smaller file is searched before a thread has started
_CHUNK = 33_554_432  # bytes that one thread searches at a time
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
    if not size:
        return
    if size > _size_of(file):
        raise OSError(EBADMSG, "it was cut short while it was read", file.name)
    with _mapped(file, size) as mapped:
        hits = _hits_in_threads if size > _THREADED else _hits
        for start, end in hits(mapped, size, literal):
            yield mapped[start:end]


def _mapped(file: "IO[bytes]", size: int) -> mmap.mmap:
    # Private and writable: ctypes takes the address of such a map alone. Nothing is written.
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    return mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE, prot=protection)


def _let_go(mapped: mmap.mmap, start: int, size: int) -> None:
    """Let the system have the memory of what was looked at: else all of it would count as ours."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED, start, size)


def _hits(mapped: mmap.mmap, size: int, literal: bytes) -> "Iterator[tuple[int, int]]":
    """Yield where each line begins and ends that holds the literal."""
    at = mapped.find(literal)
    while at >= 0:
        start = mapped.rfind(b"\n", 0, at) + 1
        end = mapped.find(b"\n", at)
        end = size if end < 0 else end + 1
        yield start, end
        at = mapped.find(literal, end)


def _hits_in_threads(mapped: mmap.mmap, size: int, literal: bytes) -> "Iterator[tuple[int, int]]":
    find = _memmem(mapped, literal)
    if find is None:
        yield from _hits(mapped, size, literal)
        return
    import threading

    workers = min(len(os.sched_getaffinity(0)), 8) if hasattr(os, "sched_getaffinity") else 2
    chunks = list(range(0, size, _CHUNK))
    last_end = 0
    for wave in range(0, len(chunks), workers):
        found: list[list[tuple[int, int]]] = [[] for _ in chunks[wave : wave + workers]]
        threads = [
            threading.Thread(
                target=_search_chunk,
                args=(mapped, size, chunk, min(chunk + _CHUNK, size), find, found[number]),
            )
            for number, chunk in enumerate(chunks[wave : wave + workers])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for hits in found:
            for start, end in hits:
                if start >= last_end:  # a line on the border is found from both sides
                    yield start, end
                    last_end = end
        _let_go(mapped, chunks[wave], min(workers * _CHUNK, size - chunks[wave]))


def _search_chunk(
    mapped: mmap.mmap,
    size: int,
    start: int,
    stop: int,
    find: "Callable[[int, int], int]",
    found: "list[tuple[int, int]]",
) -> None:
    """Note the lines whose literal begins between `start` and `stop`."""
    at = find(start, stop)
    while at >= 0:
        begin = mapped.rfind(b"\n", 0, at) + 1
        end = mapped.find(b"\n", at)
        end = size if end < 0 else end + 1
        found.append((begin, end))
        if end >= stop:
            return
        at = find(end, stop)


def _memmem(mapped: mmap.mmap, literal: bytes) -> "Callable[[int, int], int] | None":
    """Return a search that lets other threads run, or None where libc has none."""
    memmem = _libc_memmem()
    if memmem is None:
        return None
    import ctypes

    anchor = ctypes.c_char.from_buffer(mapped)
    base, size, more = ctypes.addressof(anchor), len(mapped), len(literal) - 1
    del anchor  # it would keep the map from being closed

    def find(start: int, stop: int) -> int:
        """Return where the literal first begins between two places, or -1."""
        length = min(stop + more, size) - start
        found = memmem(base + start, length, literal, len(literal)) if length > 0 else None
        return -1 if found is None else found - base

    return find


def holds(block: bytes, literal: bytes) -> bool:
    """Tell whether a text is in a large block: three times as fast as Python does."""
    memmem = _libc_memmem()
    if memmem is None:
        return literal in block
    return memmem(block, len(block), literal, len(literal)) is not None


@cache
def _libc_memmem() -> "Callable[..., int | None] | None":
    try:
        import ctypes

        memmem = ctypes.CDLL(None).memmem
    except (ImportError, OSError, AttributeError):
        return None
    memmem.restype = ctypes.c_void_p
    memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    found: Callable[..., int | None] = memmem
    return found


def _in_pieces(pieces: "Iterator[bytes]", literal: bytes) -> "Iterator[bytes]":
    """Search the lines of a segment piece by piece, each piece cut at the end of a line."""
    rest = b""
    for piece in pieces:
        block = rest + piece
        cut = block.rfind(b"\n") + 1
        rest, block = block[cut:], block[:cut]
        yield from _in_bytes(block, literal)
    yield from _in_bytes(rest, literal)


def _in_bytes(block: bytes, literal: bytes) -> "Iterator[bytes]":
    at = block.find(literal)
    while at >= 0:
        start = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at)
        end = len(block) if end < 0 else end + 1
        yield block[start:end]
        at = block.find(literal, end)


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
        if start >= whole:
            return False
        with _mapped(file, whole) as mapped:
            finds = [_memmem(mapped, literal) for literal in literals]
            for at in range(start - start % mmap.PAGESIZE, whole, _CHUNK):
                upto = min(at + _CHUNK, whole)
                if any(find is None or find(max(at, start), upto) >= 0 for find in finds):
                    return True
                _let_go(mapped, at, upto - at)
    return False


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
