"""Read gzip by what stands in a file, not by its name: a packed file may have any."""

import zlib
from errno import EIO
from io import BufferedReader, RawIOBase

from .._typing import Any

MAGIC = b"\x1f\x8b"
_PIECE = 1 << 18  # bytes


class Unpacked(RawIOBase):
    """What a gzip file holds, all of its members. What follows them is left out, and told.

    Reading raises `OSError` where it ends in the middle, or is damaged; what stands before that
    has been given.
    """

    def __init__(self, file: "BufferedReader[Any]") -> None:
        self._file = file
        self._left = b""  # that was read and not yet unpacked
        self._member: Any = None  # the unpacking one; None between two members
        self._done = False
        self.garbage = False  # something stands behind the last member, and is no gzip

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes, as far as there are any."""
        room = memoryview(buffer).cast("B")
        while not self._done:
            piece = self._left or self._file.read(_PIECE)
            if self._member is None and not self._begin(piece):
                continue
            if not piece:
                self._done = True
                raise OSError(EIO, "it is packed, and ends in the middle")
            found = self._unpack(self._left or piece, len(room))
            if found:
                room[: len(found)] = found
                return len(found)
        return 0

    def _begin(self, piece: bytes) -> bool:
        """Begin the next member, unless there is none; tell whether it was begun."""
        self._left = piece.lstrip(b"\0")  # with which archives are filled up
        if piece and len(self._left) < len(MAGIC):
            more = self._file.read(_PIECE)
            self._left += more
            if more:
                return False
        if not self._left.startswith(MAGIC):
            self._done = True
            self.garbage = bool(self._left)
            return False
        self._member = zlib.decompressobj(31)
        return True

    def _unpack(self, piece: bytes, size: int) -> bytes:
        try:
            found: bytes = self._member.decompress(piece, size)
        except zlib.error:
            self._done = True
            raise OSError(EIO, "it is packed, and damaged") from None
        self._left = self._member.unconsumed_tail
        if self._member.eof:
            self._left = self._member.unused_data
            self._member = None
        return found


def unpacked(file: "BufferedReader[Any]") -> "tuple[BufferedReader[Any], Unpacked | None]":
    """Return what to read a file's content from, and what unpacks it where it is packed."""
    if not file.peek(len(MAGIC)).startswith(MAGIC):
        return file, None
    raw = Unpacked(file)
    return BufferedReader(raw, _PIECE), raw
