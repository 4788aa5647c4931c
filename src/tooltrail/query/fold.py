"""Make entries of a log's lines: one for each call, whatever became of it.

Two passes over the same bytes, so that memory does not grow with the log. The
first learns which calls have no end, and which ends were corrected later; the
second yields each call where it ended, or where it began if it did not. What is
written meanwhile is past the size that was taken at the start.
"""

from typing import TYPE_CHECKING, Any

from ..trail.read import glance, lines, parse, size_when_still, supersedes
from . import open_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Entry = dict[str, Any]

_OF_THE_LINE = ("v", "prev", "event", "supersedes", "clamped", "healed_bytes")
_ALIASES = (("params", "args"), ("params", "parameters"), ("version", "tool_version"))


class LogEntries:
    """The entries of one log, in its order; `bad_lines` counts what could not be read."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.bad_lines = 0
        self.first_bad_line: int | None = None
        self._open: dict[bytes, int] = {}  # request id -> number of its latest begin line
        self._superseded: set[bytes] = set()
        self._corrections: dict[bytes, Entry] = {}

    def read(self, may_match: "Callable[[bytes], bool]") -> "Iterator[Entry]":
        """Yield the entries whose line passes `may_match`, a test on the raw line.

        Raises `OSError` where the log cannot be read.
        """
        size = size_when_still(self.path)
        self._survey(size)
        for number, (line, whole) in enumerate(lines(self.path, size), 1):
            if not whole:
                self._bad(number)
                continue
            event, request_id = glance(line)
            if not self._stands_for_its_call(event, request_id, number, line):
                continue
            if not may_match(line):
                continue
            body = parse(line)
            if body is None:
                self._bad(number)
            elif event in (b"begin", b"end"):
                yield self._entry(body, event, request_id)

    def _survey(self, size: int) -> None:
        for number, (line, whole) in enumerate(lines(self.path, size), 1):
            if not whole:
                continue
            event, request_id = glance(line)
            if event == b"begin":
                self._open[request_id] = number
            elif event == b"end":
                self._open.pop(request_id, None)
                if supersedes(line):
                    self._superseded.add(request_id)
            elif event == b"undelivered":
                self._corrections[request_id] = parse(line) or {}

    def _stands_for_its_call(
        self, event: bytes, request_id: bytes, number: int, line: bytes
    ) -> bool:
        """Tell the one line at whose place the call is yielded (or a line to be counted as bad)."""
        if event == b"begin":
            return self._open.get(request_id) == number
        if event == b"end":
            return request_id not in self._superseded or supersedes(line)
        return event not in (b"log", b"undelivered") and not self._is_unknown_event(line)

    def _is_unknown_event(self, line: bytes) -> bool:
        """Tell a line of a later version of the format, which is passed over, from garbage."""
        body = parse(line)
        return body is not None and "event" in body

    def _entry(self, body: "Entry", event: bytes, request_id: bytes) -> "Entry":
        for name in _OF_THE_LINE:
            body.pop(name, None)
        for ours, theirs in _ALIASES:
            if ours not in body and theirs in body:
                body[ours] = body[theirs]
        if event == b"begin":
            body |= {"exit_code": None, "duration_ms": None}
            body["outcome"] = open_calls.outcome(body.get("process"))
        correction = self._corrections.get(request_id)
        if correction:
            body |= {
                name: correction[name] for name in ("exit_code", "error") if name in correction
            }
            body["outcome"] = "failure"
        return body

    def _bad(self, number: int) -> None:
        self.bad_lines += 1
        if self.first_bad_line is None:
            self.first_bad_line = number
