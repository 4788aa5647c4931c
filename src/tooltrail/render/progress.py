"""How far a long reading is, on a terminal."""

import time

from .._typing import TYPE_CHECKING
from .safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, TextIO

_SILENT_S = 0.7  # what is faster shows no progress
_EVERY_S = 0.1


class Progress:
    """One line on a terminal's stderr, written anew as the work goes on."""

    def __init__(self, stream: "TextIO | None", doing: str) -> None:
        self._stream = stream
        self._doing = doing
        self._next = time.monotonic() + _SILENT_S
        self._width = 0
        try:
            self.shown = stream is not None and stream.isatty()
        except ValueError:
            self.shown = False

    def __call__(self, name: str, done: int, total: int) -> None:
        """Say how far the work is, unless that was said a moment ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY_S
        share = f" of {total / 1e6:,.0f}" if done <= total else ""
        self._rewrite(f"{self._doing} {safe(name, 40)}: {done / 1e6:,.0f}{share} MB")

    def clear(self) -> None:
        """Take the line away."""
        if self._width:
            self._rewrite("")

    def _rewrite(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
            self._stream.flush()
        except (OSError, ValueError):
            self.shown = False
        self._width = len(text)

    def before(self, entries: "Iterable[Any]") -> "Iterator[Any]":
        """Yield what was found; the line is taken away before the first."""
        for entry in entries:
            self.clear()
            yield entry
