"""Search a file for a text as fast as its bytes come from memory, in a thread for each core.

libc has two functions for that. `memmem` takes bytes as they are. `strstr` is twice as fast on
processors with wide registers (23 GB/s against 12, with AVX-512), but it ends at a NUL. So the
text itself, and a NUL, are put at the end of each piece, in memory that is ours alone: where
`strstr` finds it there, it has seen the whole piece; where it finds nothing, there was a NUL
before, and `memmem` does that piece. The first pieces show which of them is the faster one here.
"""

import mmap
import os
from functools import cache

from .._host import monotonic_ns
from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, Self

    Find = Callable[[int, int], int]  # where the text first begins between two places, or -1
    Way = Callable[[int, int], list[int]]  # where the text begins in a piece: once a line is enough

_THREADED = 50_000_000  # bytes: a smaller file is searched before a thread has started
_FIRST = 4_194_304  # bytes that a thread searches at a time, to begin with; whole pages
_PIECE = 33_554_432  # and at most
_MANY = 1_000  # places in a piece: memory is for what is made of them, so pieces are small again
_AT_ONCE = 67_108_864  # bytes that all threads search at a time: so much memory they take
_HELD = 4_194_304  # bytes of lines that were yielded and still are in memory
_MOST_THREADS = 8
_AHEAD = 2  # pieces, beside one for each thread, that are searched before they are wanted


def lines_in(file: "IO[bytes]", size: int, literal: bytes) -> "Iterator[bytes]":
    """Yield the lines among the first `size` bytes of a file that hold a text, in order."""
    if not size:
        return
    with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped:
        if size <= _THREADED or _of_libc("memmem") is None:
            yield from lines_in_block(mapped, literal)
            return
        last_end = let_go = 0
        with _mapped(file, size) as ours, _Threads(ours, size, literal) as threads:
            for at in threads.places():
                if at < last_end:
                    continue
                start = mapped.rfind(b"\n", 0, at) + 1
                last_end = mapped.find(b"\n", at) + 1 or size
                yield mapped[start:last_end]
                if last_end - let_go >= _HELD:
                    _let_go(mapped, let_go, last_end)
                    let_go = last_end - last_end % mmap.PAGESIZE


def lines_in_block(block: "bytes | mmap.mmap", literal: bytes) -> "Iterator[bytes]":
    """Yield the lines of a block that hold a text, in order."""
    at = block.find(literal)
    while at >= 0:
        start = block.rfind(b"\n", 0, at) + 1
        end = block.find(b"\n", at) + 1 or len(block)
        yield block[start:end]
        at = block.find(literal, end)


def is_in(file: "IO[bytes]", start: int, size: int, *literals: bytes) -> bool:
    """Tell whether one of some texts is in a file, from an offset up to a size."""
    if start >= size:
        return False
    if _of_libc("memmem") is None:
        return True  # it may be
    with _mapped(file, size) as ours:
        ways = [_ways(ours, literal)[-1] for literal in literals]
        for at in range(start - start % mmap.PAGESIZE, size, _PIECE):
            upto = min(at + _PIECE, size)
            if any(way(max(at, start), upto) for way in ways):
                return True
            _let_go(ours, at, upto)
    return False


def holds(block: bytes, literal: bytes) -> bool:
    """Tell whether a text is in a large block: three times as fast as Python does."""
    memmem = _of_libc("memmem")
    if memmem is None:
        return literal in block
    return memmem(block, len(block), literal, len(literal)) is not None


class _Threads:
    """The pieces of a map that is ours alone, searched in threads while this is entered."""

    def __init__(self, ours: mmap.mmap, size: int, literal: bytes) -> None:
        import threading

        self._ours = ours
        self._size = size
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        threads = min(cores, -(-size // _PIECE), _MOST_THREADS)
        self._most = min(_PIECE, _AT_ONCE // threads // mmap.PAGESIZE * mmap.PAGESIZE)
        self._piece = min(_FIRST, self._most)
        self._next = 0  # where the next piece begins
        self._taken = 0  # how many pieces were begun
        self._given = 0  # of how many the places were yielded
        self._found: dict[int, list[int] | Exception] = {}
        self._changed = threading.Condition()
        self._untried = _ways(ours, literal)
        self._pace: dict[Way, float] = {}  # of those that were tried: nanoseconds for a byte
        self._threads = [
            threading.Thread(target=self._work, name="tooltrail-scan", daemon=True)
            for _ in range(threads)
        ]
        self._ahead = len(self._threads) + _AHEAD

    def __enter__(self) -> "Self":
        for number, thread in enumerate(self._threads):
            try:
                thread.start()
            except RuntimeError:  # the system has no more of them
                del self._threads[number:]
                break
        if not self._threads:
            self._ahead = self._size
            self._work()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._next = self._size  # nobody wants what is left
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def places(self) -> "Iterator[int]":
        """Yield where the text begins, in order; of several in a line perhaps only the first."""
        while True:
            with self._changed:
                while self._given not in self._found:
                    if self._given == self._taken and self._next >= self._size:
                        return
                    self._changed.wait()
                found = self._found.pop(self._given)
                self._given += 1
                self._changed.notify_all()
            if isinstance(found, Exception):
                raise found
            yield from found

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            number, start, stop = taken
            found: list[int] | Exception
            try:
                found = self._search(start, stop)
                _let_go(self._ours, start, stop)
            except Exception as error:
                found = error
            many = isinstance(found, list) and len(found) > _MANY
            with self._changed:
                self._piece = min(_FIRST if many else 4 * self._piece, self._most)
                self._found[number] = found
                self._changed.notify_all()

    def _take(self) -> tuple[int, int, int] | None:
        """Return a piece that nobody has begun: its number, and from where to where it goes."""
        with self._changed:
            while self._taken - self._given >= self._ahead and self._next < self._size:
                self._changed.wait()
            if self._next >= self._size:
                return None
            start, self._next = self._next, min(self._next + self._piece, self._size)
            self._taken += 1
            return self._taken - 1, start, self._next

    def _search(self, start: int, stop: int) -> list[int]:
        with self._changed:
            known = not self._untried
            way = min(self._pace, key=self._pace.__getitem__) if known else self._untried.pop()
            self._pace.setdefault(way, 0.0)  # until it is known: others may look meanwhile
        began = monotonic_ns()
        found = way(start, stop)
        self._pace[way] = (monotonic_ns() - began) / (stop - start)
        return found


def _ways(ours: mmap.mmap, literal: bytes) -> "list[Way]":
    """Return the ways to search a piece of a map; the last is mostly the faster one."""
    find, strstr = _memmem_in(ours, literal), _of_libc("strstr")
    assert find is not None
    base, length = _address(ours), len(literal)

    def plainly(start: int, stop: int) -> list[int]:
        found = []
        at = find(start, stop)
        while at >= 0:
            found.append(at)
            end = ours.find(b"\n", at, stop)
            at = find(end, stop) if end >= 0 else -1
        return found

    def with_sentinel(start: int, stop: int) -> list[int]:
        end = stop - length - 1  # where the sentinel is
        tail = end - length  # what begins from here on may be part of it, or be hidden by it
        if strstr is None or b"\0" in literal or tail <= start:
            return plainly(start, stop)
        found = []
        kept = ours[end:stop]
        ours[end:stop] = literal + b"\0"
        try:
            at = strstr(base + start, literal)
            while at is not None and at - base < tail:
                found.append(at - base)
                line_end = ours.find(b"\n", at - base, tail)
                at = strstr(base + (line_end if line_end >= 0 else tail), literal)
        finally:
            ours[end:stop] = kept
        return plainly(start, stop) if at is None else found + plainly(tail, stop)

    return [plainly, with_sentinel]


def _mapped(file: "IO[bytes]", size: int) -> mmap.mmap:
    """Map a file so that what is written to the map stays in it: the file is as it was."""
    protection = mmap.PROT_READ | mmap.PROT_WRITE
    return mmap.mmap(file.fileno(), size, flags=mmap.MAP_PRIVATE, prot=protection)


def _let_go(mapped: mmap.mmap, start: int, stop: int) -> None:
    """Let the system have the memory of what was looked at: else all of it would count as ours."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED, start, stop - start)


def _address(ours: mmap.mmap) -> int:
    import ctypes

    return ctypes.addressof(ctypes.c_char.from_buffer(ours))


def _memmem_in(ours: mmap.mmap, literal: bytes) -> "Find | None":
    """Return a search of a map that lets other threads run, or None where libc has none."""
    memmem = _of_libc("memmem")
    if memmem is None:
        return None
    base, size, more = _address(ours), len(ours), len(literal) - 1

    def find(start: int, stop: int) -> int:
        """Return where the literal first begins between two places, or -1."""
        length = min(stop + more, size) - start
        found = memmem(base + start, length, literal, len(literal)) if length > 0 else None
        return -1 if found is None else found - base

    return find


@cache
def _of_libc(name: str) -> "Callable[..., int | None] | None":
    """Return a search function of libc, or None where it has none of this name."""
    try:
        import ctypes

        found = getattr(ctypes.CDLL(None), name)
    except (ImportError, OSError, AttributeError):
        return None
    place, count, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    found.restype = place
    found.argtypes = (place, count, text, count) if name == "memmem" else (place, text)
    function: Callable[..., int | None] = found
    return function
