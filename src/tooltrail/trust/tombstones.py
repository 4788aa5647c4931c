"""What an erased line becomes, and how a secret is found in one. Pure.

A tombstone keeps the line's place in the log and in the chain, and what says that there was a
call: which, when, and how it ended. Nothing of its content is left.
"""

import json
import re
from urllib.parse import quote, quote_plus

from .._encode import encode, printable, sha256
from .._typing import TYPE_CHECKING, Any
from .._wire import ALGORITHM
from ..trail import head_of
from ..trail.read import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_SECRET_CHARS = 6  # what is shorter stands in hashes and times by chance

_HEAD = ("v", "seq", "prev", "logged_at", "clamped", "healed_bytes", "event", "supersedes")
_KEPT = (
    "trace_id",
    "parent_request_id",
    "timestamp",
    "tool",
    "recorder",
    "exit_code",
    "outcome",
    "duration_ms",
)
_CALL_EVENTS = frozenset({"begin", "end", "undelivered"})
_HASHES = re.compile(rb"(?:sha256:)?[0-9a-f]{64}")
_SHORT = 32  # a secret of fewer characters may stand in a hash by chance


class Secret:
    """A text that must be nowhere; it is never printed, not even by `repr`."""

    __slots__ = ("_bytes", "_forms", "_length")

    def __init__(self, text: str) -> None:
        plain = {text, printable(text), quote(text, safe="", errors="replace")}
        plain.add(quote_plus(text, errors="replace"))
        once = {form for form in plain for form in _escaped(form)}
        twice = {form for form in once for form in _escaped(form)}
        self._length = len(text)
        self._forms = tuple(plain | once | twice)
        self._bytes = tuple(form.encode("utf-8", "surrogateescape") for form in self._forms)

    def is_in_bytes(self, data: bytes) -> bool:
        """Tell whether some bytes hold it, as it is or escaped."""
        return any(form in data for form in self._bytes)

    def is_in_line(self, line: bytes) -> bool:
        """Tell whether a line of a log holds it, however the writer escaped it.

        The hashes of the chain are not looked at, unless the secret is as long as one.
        """
        at = line.find(b'"event":', 0, 260)
        rest = line[max(at, 0) :]
        if self._length < _SHORT:
            rest = _HASHES.sub(b"", rest)
        return self.is_in_bytes(rest) or (b"\\" in rest and self.is_in_value(parse(line)))

    def is_in_value(self, value: Any) -> bool:
        """Tell whether a JSON value holds it, in a name or in a text."""
        return any(form in text for text in _texts(value) for form in self._forms)


def _escaped(text: str) -> tuple[str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _texts(value: Any) -> "Iterator[str]":
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif value is not None:
            yield str(value)


class CallLine:
    """A sound line of a call: its event, its place, and its hash as the chain has it."""

    __slots__ = ("body", "hash", "own_hash", "request_id", "seq")

    def __init__(self, body: dict[str, Any], seq: int, own_hash: str) -> None:
        self.body = body
        self.seq = seq
        self.own_hash = own_hash
        erased = body.get("erased")
        self.hash = str(erased.get("hash")) if isinstance(erased, dict) else own_hash
        self.request_id = str(body["request_id"])

    @property
    def is_tombstone(self) -> bool:
        """Whether it was erased before."""
        return "erased" in self.body


def call_line(line: bytes) -> CallLine | None:
    """Read a line with its newline, or return None where it is no sound line of a call."""
    body = parse(line)
    if body is None or body.get("event") not in _CALL_EVENTS or "request_id" not in body:
        return None
    head = head_of(line, whole=True)
    return None if head is None else CallLine(body, head[0], ALGORITHM + head[2])


def tombstone(
    line: CallLine, at: str, by: str, reason: str, *, secret: Secret | None = None
) -> bytes:
    """Return what replaces a line, with its newline. What is kept goes too if it has the secret."""
    body = {name: line.body[name] for name in _HEAD if name in line.body}
    body["request_id"] = line.request_id
    for name in _KEPT:
        value = line.body.get(name)
        if name in line.body and not (secret is not None and secret.is_in_value(value)):
            body[name] = value
    body["erased"] = {"hash": line.hash, "at": at, "by": by, "reason": reason}
    return encode(body).encode("ascii") + b"\n"


def hash_of(line: bytes) -> str:
    """Return the hash of a line that has its newline."""
    return ALGORITHM + sha256(line[:-1]).hexdigest()
