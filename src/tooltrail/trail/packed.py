"""Compressed segments in pieces: one gzip member for each megabyte of whole lines.

Every gzip reads them as one file. Who knows where a member begins need not unpack those before it.
"""

import zlib

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

MEMBER = 1_048_576  # bytes of lines, at least, but for the last
_LEVEL = 6
_PIECE = 65_536  # bytes of what is packed that are read at once
_GZIP = 31  # what zlib calls the format (the module gzip costs a millisecond to import)


class PackedWriter:
    """Packs what is written to it into `file`, which stays the caller's to close."""

    def __init__(self, file: "IO[bytes]") -> None:
        self._file = file
        self._waiting = bytearray()
        self._begun = False

    def write(self, data: bytes) -> None:
        """Take more; a member ends with the line that fills it."""
        self._waiting += data
        while end := self._waiting.find(b"\n", MEMBER - 1) + 1:
            self._pack(end)

    def close(self) -> None:
        """Write what is left; a file of nothing is one empty member."""
        if self._waiting or not self._begun:
            self._pack(len(self._waiting))

    def _pack(self, size: int) -> None:
        self._begun = True
        packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._file.write(packer.compress(self._waiting[:size]) + packer.flush())
        del self._waiting[:size]


def unpacked(file: "IO[bytes]") -> "Iterator[tuple[int | None, bytes]]":
    """Yield what is packed in a file, in pieces: (where its member begins, bytes).

    Where a piece goes on with a member, the first is None. Raises `OSError`, `EOFError` or
    `zlib.error` where the file cannot be read, is cut off or damaged.
    """
    read, data = 0, b""
    while data := data or file.read(_PIECE):
        begins: int | None = read
        unpacker = zlib.decompressobj(_GZIP)
        while not unpacker.eof:
            data = data or file.read(_PIECE)
            if not data:
                raise EOFError("it ends within a member")
            piece = unpacker.decompress(data)
            read, data = read + len(data) - len(unpacker.unused_data), unpacker.unused_data
            if piece:
                yield begins, piece
                begins = None
