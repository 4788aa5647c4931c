"""How far somebody has read: the place in each log, and the calls that had not ended by then."""

import json
import os
from contextlib import suppress

from .._typing import TYPE_CHECKING, Any
from ..errors import CommandError, UsageError
from ..trail.tail import Place, end_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = 1
_MAX_BYTES = 64_000_000


class Cursor:
    """Places by the path of the log; one that is not known is at the beginning."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._open: dict[str, dict[str, None]] = {}

    def place(self, path: str) -> Place:
        """Return how far a log has been read."""
        return self._places.setdefault(path, Place())

    def open_in(self, path: str) -> dict[str, None]:
        """Return the ids of the calls of a log that are still to be told; to be changed."""
        return self._open.setdefault(path, {})

    def put(self, path: str, place: Place) -> None:
        """Note that a log has been read up to there."""
        self._places[path] = place

    def reach(self, path: str, seq: Any) -> None:
        """Note that a log has been read up to the line with this number."""
        place = self.place(path)
        if isinstance(seq, int) and seq > place.seq:
            self._places[path] = Place(place.log, seq)

    def to_the_end(self, paths: "Iterable[str]") -> None:
        """Go behind what the logs hold now; one that cannot be read is read from its beginning."""
        for path in paths:
            with suppress(OSError):
                self._places[path], self._open[path] = end_of(path)

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object."""
        logs = {
            path: {**place.as_json(), "open": list(self.open_in(path))}
            for path, place in self._places.items()
        }
        return {"tooltrail_cursor": _VERSION, "logs": logs}


def load(path: str) -> Cursor | None:
    """Read a cursor file; None where there is none yet.

    Raises `UsageError` where the file is something else, or cannot be read.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"--cursor-file: {path}: {reason}") from None
    if not text:
        return None
    try:
        return _from_json(json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(
            f"--cursor-file: {path} is no cursor file of this version, and is left as it is",
            hint="name a file that is not there yet",
        ) from None


def _from_json(told: Any) -> Cursor:
    if told["tooltrail_cursor"] != _VERSION:
        raise ValueError(told["tooltrail_cursor"])
    cursor = Cursor()
    for path, log in told["logs"].items():
        numbers = [log[name] for name in ("seq", "segment", "offset")]
        if not all(isinstance(number, int) for number in numbers):
            raise TypeError(path)
        cursor.put(path, Place(log["log"], *numbers))
        cursor.open_in(path).update((str(request_id), None) for request_id in log["open"])
    return cursor


def save(cursor: Cursor, path: str, *, unless: str | None = None) -> str:
    """Write a cursor file, whole or not at all; return its text. Raises `CommandError`.

    Where that would be `unless`, it is there already.
    """
    text = json.dumps(cursor.as_json())
    if text == unless:
        return text
    target = os.path.realpath(path)
    waiting = f"{target}.{os.getpid()}.new"
    try:
        with open(waiting, "x", encoding="ascii", opener=_private) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(waiting, target)
    except OSError as error:
        if os.path.exists(waiting):
            os.unlink(waiting)
        reason = (error.strerror or str(error)).lower()
        raise CommandError(
            f"--cursor-file: {path}: {reason}: what was listed will be listed again"
        ) from None
    return text


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
