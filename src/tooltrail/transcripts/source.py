"""Read the lines of transcripts: of files and folders, without waiting, in bounded memory."""

import json
import os
from io import BufferedReader, FileIO

from .._typing import TYPE_CHECKING, Any
from ..trail.segments import open_plainly
from .packed import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

MAX_LINE = 64 << 20  # bytes; a longer one is not a command, and is passed over piece by piece
_PIECE = 1 << 20
_TICK = 0xFF  # lines


class Source:
    """The files to read, and what was met in them: counted, never fatal."""

    def __init__(self, paths: "Sequence[str]", endings: "tuple[str, ...]") -> None:
        self.paths = paths
        self.endings = endings
        self.files = self.lines = self.bytes = self.bad_lines = 0
        self.first_bad: str | None = None
        self.unreadable: list[str] = []
        self.tick: Callable[[], object] = int  # called now and then while a file is read

    def each(self) -> "Iterator[str]":
        """Yield the files, each once, however often it is named or linked to."""
        seen: set[tuple[int, int]] = set()
        for path in self.paths:
            for name in self._below(path):
                try:
                    status = os.stat(name)
                except OSError as error:
                    self.refuse(name, error)
                    continue
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    yield name

    def read(self, path: str) -> "Iterator[bytes]":
        """Yield a file's lines; one that is too long, or holds NUL bytes, is counted as bad."""
        number = 0
        packed = None
        try:
            with (
                open_plainly(path) as plain,
                BufferedReader(FileIO(plain.fileno(), closefd=False), _PIECE) as whole,
            ):
                file, packed = unpacked(whole)
                self.files += 1
                while line := file.readline(MAX_LINE):
                    number += 1
                    self.lines += 1
                    self.bytes += len(line)
                    self.at = path, number
                    if not number & _TICK:
                        self.tick()
                    if len(line) == MAX_LINE and not line.endswith(b"\n"):
                        self.bad()
                        self._pass_over(file)
                    else:
                        yield line
        except OSError as error:
            self.refuse(path, error)
        if packed is not None and packed.garbage:
            self.unreadable.append(f"{path}: what follows the end of what is packed is no gzip")

    def _pass_over(self, file: "IO[bytes]") -> None:
        while piece := file.readline(_PIECE):
            self.bytes += len(piece)
            self.tick()
            if piece.endswith(b"\n"):
                return

    def parse(self, line: bytes) -> dict[str, Any] | None:
        """Return a line's object; None where it has none, which is counted."""
        try:
            value = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
        if line.strip():
            self.bad()
        return None

    def bad(self) -> None:
        """Count the line that was read last as one that could not be understood."""
        self.bad_lines += 1
        self.first_bad = self.first_bad or "{}:{}".format(*self.at)

    def refuse(self, path: str, error: OSError) -> None:
        """Note a file that could not be read."""
        self.unreadable.append(f"{path}: {(error.strerror or str(error)).lower()}")

    def _below(self, path: str) -> "Iterator[str]":
        if not os.path.isdir(path):
            yield path
            return
        for folder, folders, names in os.walk(  # which follows no links to folders
            path, onerror=lambda error: self.refuse(str(error.filename), error)
        ):
            folders.sort()
            for name in sorted(names):
                whole = os.path.join(folder, name)
                if (not self.endings or name.endswith(self.endings)) and os.path.isfile(whole):
                    yield whole
