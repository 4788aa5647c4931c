"""A command's audit log, from outside: by the tool's own `audit-log`, and as the file it is."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from .._typing import TYPE_CHECKING, Any
from .growth import piece_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .runner import Run

# What an entry must have: the seed's six, and the two ids that tie it to its response. A list:
# whichever of the names is there.
FIELDS = (
    ("timestamp",),
    ("command",),
    ("params", "args", "parameters"),
    ("exit_code",),
    ("duration_ms",),
    ("operator",),
    ("trace_id",),
    ("request_id",),
)
_MAY_BE_NULL = frozenset({"operator", "command"})
_LARGEST = 268_435_456  # bytes: of a larger file only so much is held against itself
_PIECE = 1_048_576
_DATABASE = b"SQLite format 3\0"  # its pages are written anew, whatever happens to its rows
_NOT_KEPT = "what it wrote at first is not what is there at its end: it wrote over it"
_NAMES = (".jsonl", ".ndjson", ".log", ".json")
_MOST_FILES = 200


@dataclass
class Listing:
    """What `audit-log` printed: its entries, and what was wrong with its form, if anything."""

    run: "Run"
    entries: list[dict[str, Any]] = field(default_factory=list)
    fault: str | None = None


def listing_of(run: "Run") -> Listing:
    """Read the output of an `audit-log --output jsonl`: one JSON object a line."""
    found = Listing(run)
    if not run.finished:
        found.fault = f"{run.how.replace('_', ' ')}: {run.reason}"
        return found
    bad = 0
    for line in run.stdout.content.splitlines():
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict):
            found.entries.append(entry)
        else:
            bad += 1
    if run.exit_code:
        found.fault = f"it ended with exit code {run.exit_code}"
        found.entries = []
    elif bad and not run.stdout.cut:
        found.fault = f"{bad} of its lines are no JSON object"
    elif len(found.entries) == 1 and isinstance(found.entries[0].get("data"), (dict, list)):
        found.fault = "it printed one document, not one entry a line"
    return found


def entry_of(entries: "Sequence[dict[str, Any]]", run: "Run", request_id: str | None) -> Any:
    """Return the entries that are of a run: by its request id, else by its trace id and time."""
    if request_id is not None:
        return [each for each in entries if each.get("request_id") == request_id]
    return [
        each
        for each in entries
        if each.get("trace_id") == run.trace_id and not _before(each.get("timestamp"), run.started)
    ]


def absent_fields(entry: dict[str, Any]) -> list[str]:
    """Return the fields that an entry lacks; null is as good as absent where it says nothing."""
    return [
        names[0]
        for names in FIELDS
        if not any(
            name in entry and (entry[name] is not None or name in _MAY_BE_NULL) for name in names
        )
    ]


def moment(text: Any) -> float | None:
    """Return an ISO 8601 time with its zone as seconds since 1970, or None where it is none."""
    if not isinstance(text, str) or "T" not in text.replace(" ", "T"):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if found.tzinfo is None else found.timestamp()


def _before(text: Any, started: float) -> bool:
    found = moment(text)
    return found is not None and found < started - 2


class LogFile:
    """The file of a log, and how it stood when it was last looked at."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self._digest = ""
        self.lines = 0
        self.is_database = _starts_with(path, _DATABASE)
        self.note()

    def note(self) -> None:
        """Remember the file as it is now."""
        self.size, self._digest, self.lines = _digest_of(self.path, None)

    def changed(self, added: bytes = b"") -> str | None:
        """Say what became of what was there, or None: it is as it was, with something after it.

        `added`: what was seen behind it since.
        """
        if not self.size and not added:
            return None
        for path in (self.path, *_sealed(self.path)):
            size, digest, _ = _digest_of(path, self.size)
            if size == self.size and digest == self._digest:
                return None if _has(path, size, added) else _NOT_KEPT
        try:
            size = os.path.getsize(self.path)
        except OSError:
            return "the file is gone"
        if size < self.size:
            return f"the file had {self.size} bytes and now has {size}"
        return f"the first {self.size} bytes of the file are not what they were"


def _starts_with(path: str, start: bytes) -> bool:
    try:
        return piece_of(path, 0, len(start)) == start
    except OSError:
        return False


def _has(path: str, start: int, piece: bytes) -> bool:
    try:
        return piece_of(path, start, len(piece)) == piece
    except OSError:
        return False


def _sealed(path: str) -> "Iterator[str]":
    """Yield the files beside a log that were written last: it may have been rotated."""
    folder, name = os.path.split(path)
    stem = name.partition(".")[0]
    with suppress(OSError):
        for other in sorted(os.listdir(folder), reverse=True)[:_MOST_FILES]:
            if other != name and other.startswith(stem):
                yield os.path.join(folder, other)


def _digest_of(path: str, length: int | None) -> tuple[int, str, int]:
    """Return how much was read of a file, its digest, and its lines."""
    digest, left, size, lines = hashlib.sha256(), min(length or _LARGEST, _LARGEST), 0, 0
    try:
        with open(path, "rb", 0) as file:
            while left and (piece := file.read(min(left, _PIECE))):
                digest.update(piece)
                size, left, lines = size + len(piece), left - len(piece), lines + piece.count(b"\n")
    except OSError:
        return 0, "", 0
    return size, digest.hexdigest(), lines


def files_below(folder: str, *, depth: int = 4, names: "Sequence[str]" = _NAMES) -> "Iterator[str]":
    """Yield the files below a folder that may be logs, by how their names end; () is any."""
    found = 0
    base = folder.rstrip("/").count("/")
    for at, folders, there in os.walk(folder):
        if at.count("/") - base >= depth:
            folders.clear()
        for name in there:
            if (not names or name.endswith(tuple(names))) and found < _MOST_FILES:
                found += 1
                yield os.path.join(at, name)


def holds(path: str, text: str, since: float) -> bool:
    """Tell whether a file that was written to since then has a text near its end."""
    try:
        status = os.stat(path)
        if status.st_mtime < since - 1 or not status.st_size or not os.path.isfile(path):
            return False
        with open(path, "rb") as file:
            file.seek(max(0, status.st_size - 4 * _PIECE))
            return text.encode("utf-8", "surrogateescape") in file.read()
    except (OSError, ValueError):  # a NUL in its path, a lone surrogate in the text
        return False


def tells_of(path: str, run: "Run", request_id: str | None) -> bool:
    """Tell whether a file has a line of this run among its last ones."""
    wanted = request_id or run.trace_id
    return holds(path, wanted, run.started) and bool(entry_of(lines_in(path), run, request_id))


def lines_in(path: str) -> list[dict[str, Any]]:
    """Return the lines near the end of a log's file that are JSON objects."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4 * _PIECE))
            lines = file.read(4 * _PIECE + 1).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def entries_in(path: str) -> list[dict[str, Any]]:
    """Return what the lines near the end of a log's file tell of calls that have ended."""
    return [line for line in lines_in(path) if _is_end(line)]


def _is_end(line: dict[str, Any]) -> bool:
    """Tell whether a line is of a call that has ended: it says so, or has an exit code."""
    if "event" in line:
        return bool(line["event"] == "end")
    return line.get("exit_code", 0) is not None
