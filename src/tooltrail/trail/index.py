"""The index of a sealed segment: which of its blocks may hold an id. The others are skipped.

Made by reading commands in the background (`trust.retain`), once a segment is sealed. It only ever
says where not to look: an id that it names is searched for in the lines of the block, and a block
with a line that no writer of ours wrote is always searched.
"""

import os
import re
import zlib
from array import array
from bisect import bisect_left
from contextlib import suppress

from .._typing import TYPE_CHECKING, Any
from .._wire import CONTINUES
from . import side
from .packed import MEMBER, unpacked
from .segments import COMPRESSED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from .segments import Segment

    Place = tuple[int, int]  # where a block begins in the file as it is, and its bytes unpacked

_MOST = 256  # blocks: the last byte of a number in the index
_HASH = ~(_MOST - 1) & 0xFFFFFFFF  # the other three, of an id's CRC: a wrong hit costs one block
_TAIL_BYTES = 65_536  # within which the last line begins: a seal
_OURS = b'{"v":1,"seq":'  # how a line of ours begins
_ID = re.compile(rb'"(?:request_id|trace_id|parent_request_id|session)"\s*:\s*"([^"\\\n]*)')
_END = re.compile(b"[" + re.escape("".join(CONTINUES)).encode("ascii") + b"]")
_ESCAPED = re.compile(rb"\\u00[2-7]")  # ASCII, which nobody need escape: a name could hide in it


def places_of(segment: "Segment", file: "IO[bytes]", own: bytes) -> "list[Place] | None":
    """Return the blocks of a segment's open file that may hold an id, or None: nobody knows.

    The id may also be the start of one, up to where another that continues it goes on.
    """
    if b"\\" in own:
        return None
    found = side.load(segment, side.INDEX, os.fstat(file.fileno()))
    if found is None:
        return None
    told, body = found
    if "blocks" not in told:  # the segment is damaged
        return None
    numbers = body.cast("I")
    wanted = zlib.crc32(own) & _HASH
    at = bisect_left(numbers, wanted)
    blocks = set(told["always"])
    while at < len(numbers) and numbers[at] & _HASH == wanted:
        blocks.add(numbers[at] & ~_HASH)
        at += 1
    return [tuple(told["blocks"][block]) for block in sorted(blocks)]


def is_indexed(segment: "Segment") -> bool:
    """Tell whether a segment has an index that is its own. Raises `OSError`."""
    with segment.open_as_it_is() as file:
        return side.load_told(segment, side.INDEX, os.fstat(file.fileno())) is not None


def last_seq(segment: "Segment") -> int | None:
    """Return the `seq` of a sealed segment's last line; None where that is not known."""
    with suppress(OSError), segment.open_as_it_is() as file:
        if file.name.endswith(COMPRESSED):
            told = side.load_told(segment, side.INDEX, os.fstat(file.fileno()))
            found: int | None = None if told is None else told.get("last_seq")
            return found
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
        return _seq_of(file.read().removesuffix(b"\n").rpartition(b"\n")[2])
    return None


def _seq_of(line: bytes) -> int | None:
    digits = line.removeprefix(_OURS).partition(b",")[0]
    return int(digits) if line.startswith(_OURS) and digits.isdigit() else None


def make(segment: "Segment") -> None:
    """Make the index of a sealed segment; of a damaged one it says that nobody knows.

    The caller has the lock of the log's folder. Raises `OSError`.
    """
    with segment.open_as_it_is() as file:
        packed = file.name.endswith(COMPRESSED)
        told: dict[str, Any] = {}
        numbers = array("I")
        with suppress(EOFError, zlib.error):
            blocks = _gathered(unpacked(file) if packed else _pieces(file))
            told = {
                "last_seq": blocks[-1].last_seq if blocks else None,
                "blocks": [(block.start, block.size) for block in blocks],
                "always": [number for number, block in enumerate(blocks) if block.odd],
            }
            every = {own | number for number, block in enumerate(blocks) for own in block.ids}
            numbers = array("I", sorted(every))
        side.save(segment, side.INDEX, os.fstat(file.fileno()), told, numbers.tobytes())


class _Block:
    """Some lines that stand one after the other: `size` bytes, from `start` in the file on."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.size = 0
        self.odd = False
        self.last_seq: int | None = None
        self.ids: set[int] = set()

    def add(self, lines: bytes) -> None:
        """Learn which ids stand in more of its lines."""
        if not lines:
            return
        self.size += len(lines)
        self.last_seq = _seq_of(lines.removesuffix(b"\n").rpartition(b"\n")[2])
        ours = lines.count(b"\n" + _OURS) + lines.startswith(_OURS)
        whole = lines.count(b"\n") + (not lines.endswith(b"\n"))
        self.odd = self.odd or ours != whole or _ESCAPED.search(lines) is not None
        for own in set(_ID.findall(lines)):
            self.ids.add(zlib.crc32(own) & _HASH)
            for end in _END.finditer(own):
                self.ids.add(zlib.crc32(own[: end.start()]) & _HASH)

    def join(self, later: "_Block") -> None:
        """Take the lines of the next block as well."""
        self.size += later.size
        self.odd = self.odd or later.odd
        self.last_seq = later.last_seq
        self.ids |= later.ids


def _gathered(pieces: "Iterator[tuple[int | None, bytes]]") -> list[_Block]:
    """Return the blocks of a segment: each begins where a piece does, and with a line."""
    blocks: list[_Block] = []
    rest = b""  # the start of a line
    for start, piece in pieces:
        if start is not None and not rest:
            blocks.append(_Block(start))
        lines = rest + piece
        cut = lines.rfind(b"\n") + 1
        rest = lines[cut:]
        blocks[-1].add(lines[:cut])
    if rest:
        blocks[-1].add(rest)
    together = -(-len(blocks) // _MOST)
    for first in range(0, len(blocks), max(together, 1)):
        for later in blocks[first + 1 : first + together]:
            blocks[first].join(later)
    return blocks[:: max(together, 1)]


def _pieces(file: "IO[bytes]") -> "Iterator[tuple[int | None, bytes]]":
    """Yield the lines of a plain segment in pieces, each with where it begins."""
    at = 0
    while piece := file.read(MEMBER) + file.readline():
        yield at, piece
        at += len(piece)
