"""What a line of a log says to the chain, and what a piece of a line may have been."""

import json
import re
from binascii import hexlify
from hashlib import sha256

from .._typing import TYPE_CHECKING, Any
from ..trail import head_of
from ..trail.read import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..trail.segments import Segment

    Line = tuple[int, bytes]  # its place among all lines of the log, from 0, and its bytes

GENESIS = b"0" * 64
NO_JSON = "it is no JSON object any more"
NO_LINE = "it does not start as a line of this log does"
FULL_HEAD_BYTES = 120  # a stub of this length holds the whole hash of the line before it
_FEW_DIGITS = 8  # of a hash that are enough to tell another one
HEAD = b'{"v":1,"seq":%d,"prev":"sha256:%b","logged_at":"'
_HEAD = re.compile(rb'\{"v":1,"seq":(0|[1-9]\d{0,17}),"prev":"sha256:([0-9a-f]{64})","logged_at":"')
_WITHIN = 260  # bytes in which a line says all that is needed to place it
_HEALED = re.compile(rb'"healed_bytes":([1-9]\d{0,15})[,}]')
_HEALED_PREV = b'"healed_prev":"sha256:'
_ERASED = b'"erased":{"hash":"sha256:'
_BLOCK_BYTES = 1 << 18  # as much as the processor's cache holds, with the lines made of it
_LITERALS = ("true", "false", "null", "-")


def hash_of(line: bytes) -> bytes:
    """Return the SHA-256 of a line without its newline, as hex digits."""
    return hexlify(sha256(line).digest())


def seq_and_prev(line: bytes) -> tuple[int, bytes] | None:
    """Return a line's number and the hash that it follows, or None where it is damaged."""
    found = _HEAD.match(line)
    return None if found is None else (int(found[1]), found[2])


def event_of(line: bytes) -> dict[str, Any]:
    """Return the event that a line holds; an empty one where it holds none."""
    return parse(line) or {}


def is_event(line: bytes, name: bytes) -> bool:
    """Tell by a line's first bytes whether it may be an event of this name."""
    return b'"event":"%b"' % name in line[:_WITHIN]


def is_whole(line: bytes) -> bool:
    """Tell a line that a writer counts: a JSON object that starts as the format says."""
    return head_of(line + b"\n", whole=True) is not None and parse(line) is not None


def healed_bytes(line: bytes) -> int:
    """Return how long the torn line before was, by what this one says; 0 where it says nothing."""
    found = _HEALED.search(line, 0, _WITHIN)
    return int(found[1]) if found else 0


def healed_prev(line: bytes) -> bytes | None:
    """Return the hash of the last sound line that a line's writer found before torn ones."""
    said = event_of(line).get("healed_prev") if _HEALED_PREV in line else None
    if not isinstance(said, str) or not re.fullmatch("sha256:[0-9a-f]{64}", said):
        return None
    return said.removeprefix("sha256:").encode()


def original_hash(line: bytes) -> bytes | None:
    """Return the hash of the line that a tombstone stands for, or None where it is none."""
    if _ERASED not in line:
        return None
    erased = event_of(line).get("erased")
    was = erased.get("hash") if isinstance(erased, dict) else None
    if not isinstance(was, str) or not re.fullmatch("sha256:[0-9a-f]{64}", was):
        return None
    return was.removeprefix("sha256:").encode()


def is_start_of(line: bytes, seq: int, prev: bytes) -> bool:
    """Tell whether bytes may be all that was written of the line with this number.

    A disk that lost its power may have kept the length, and zero bytes for the content.
    """
    return bool(line) and (HEAD % (seq, prev)).startswith(line.rstrip(b"\0"))


def stubs_in(debris: "Iterable[Line]", seq: int, prev: bytes) -> "list[Line]":
    """Return the damaged lines that are stubs: each may follow the one before it."""
    found = []
    for item in debris:
        if is_start_of(item[1], seq, prev):
            found.append(item)
        prev = hash_of(item[1])
    return found


def contradicts(stub: bytes, seq: int, prev: bytes) -> bool:
    """Tell whether a torn line with the number that is due was begun after another line."""
    start, hash_at, _ = (HEAD % (seq, prev)).partition(prev)
    if not hash_at or not stub.startswith(start):
        return False
    digits = stub[len(start) : len(start) + len(prev)].rstrip(b"\0")
    return len(digits) >= _FEW_DIGITS and not prev.startswith(digits)


def is_like_a_line(line: bytes) -> bool:
    """Tell a damaged line, or a piece of one, from what was never a line of a log."""
    like = b'{"v":1,"seq":0,"prev":"sha256:'
    return resemble(line[: len(like)], like) or any(
        part in line[:_WITHIN] for part in (b'"sha256:', b'"logged_at"')
    )


def is_cut_short(line: bytes) -> bool:
    """Tell the start of a JSON text from one that is broken otherwise."""
    text = line.rstrip(b"\0").decode("ascii", "replace")
    if text.endswith("}"):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        rest = text[error.pos :]
        return (
            not rest
            or error.msg.startswith(("Unterminated string", "Invalid \\u"))
            or any(literal.startswith(rest) for literal in _LITERALS)
        )
    except (ValueError, RecursionError):
        return False
    return False


def resemble(one: bytes, other: bytes) -> bool:
    """Tell two texts of which one was made of the other by changing a few characters."""
    alike = sum(a == b for a, b in zip(one, other, strict=False))
    return alike * 2 > max(len(one), len(other))


def blocks(segment: "Segment", size: int | None) -> "Iterator[tuple[bytes, list[bytes], bool]]":
    """Yield the bytes of a segment in blocks of whole lines, and those lines without newlines.

    The third value is False for the last block where its last line lacks the newline. `size`
    bounds the bytes that are read.
    """
    held: list[bytes] = []
    left = -1 if size is None else size
    with segment.open() as file:
        while left:
            read = file.read(_BLOCK_BYTES if left < 0 else min(left, _BLOCK_BYTES))
            if not read:
                break
            left -= len(read) if left > 0 else 0
            cut = read.rfind(b"\n")
            if cut < 0:
                held.append(read)
                continue
            data = b"".join([*held, read[:cut]])
            held = [read[cut + 1 :]] if cut + 1 < len(read) else []
            yield data, data.split(b"\n"), True
    if held:
        data = b"".join(held)
        yield data, [data], False
