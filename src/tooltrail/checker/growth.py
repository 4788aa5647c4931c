"""See what a command adds to its log while it runs: at its end that must still be there.

Between two calls a log that is written in place looks as if it had grown; in the midst of one it
does not. The file is looked at again and again: what is there for less than the pause between two
looks is missed.
"""

import os
import threading
from contextlib import suppress

_EVERY = 0.001  # seconds
_MOST = 1_048_576  # bytes that are kept of what was added


class Growth:
    """Looks at a file, from a place in it on, in a thread of its own, until it is stopped.

    `added` is what was seen behind that place when the file had grown last.
    """

    def __init__(self, path: str, start: int) -> None:
        self.added = b""
        self._path = path
        self._start = start
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def stop(self) -> bytes:
        """Return what was seen to be added."""
        self._over.set()
        self._thread.join(5)
        return self.added

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY) and len(self.added) < _MOST:
            with suppress(OSError):
                if os.stat(self._path).st_size > self._start + len(self.added):
                    self.added = piece_of(self._path, self._start, _MOST) or self.added


def piece_of(path: str, start: int, size: int) -> bytes:
    """Return so many bytes of a file from a place on, or as many as there are."""
    with open(path, "rb", 0) as file:
        file.seek(start)
        return file.read(size)
