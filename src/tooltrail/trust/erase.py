"""Take what must not be kept out of a log that is made to keep everything.

Each line of an erased call is replaced by a tombstone, which counts in the chain with the hash
of the line that it replaced; an `erase` line in the same log vouches for it, and says who did it
and why. Where a crash left `erase` lines whose lines are still whole, erasing again goes on with
them. The bodies that only erased calls gave back are deleted.
"""

import gzip
import os
import re
import zlib
from errno import EBADMSG

from .. import _host
from .._encode import encode
from .._typing import TYPE_CHECKING, Any
from .._wire import ALGORITHM
from ..trail.bodies import BODIES_NAME, body_path
from ..trail.read import parse
from ..trail.segments import lines_of, snapshot
from .rewrite import Again, rewrite
from .tombstones import CallLine, Secret, call_line, hash_of, tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator

_BODY = re.compile(rb'"body":"(sha256:[0-9a-f]{64})"')
_REQUEST_ID = re.compile(rb"req_[0-7][0-9A-HJKMNP-TV-Z]{25}")
_ID_WITHIN = 400  # bytes of a line: its head is 260, where a clock and a torn line made it long
_ERASE = b'"event":"erase"'


class Order:
    """What is to be erased, by whom and why; `ids` grows where the secret is found."""

    def __init__(self, ids: set[str], by: str, reason: str, secret: Secret | None = None) -> None:
        self.ids = ids
        self.by = by
        self.reason = reason
        self.secret = secret

    def holds_secret(self, line: bytes) -> bool:
        """Tell whether a line holds the secret that is looked for."""
        return self.secret is not None and self.secret.is_in_line(line)


class Found:
    """The calls of a log that are to be erased, and what is known of earlier erasures."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.calls: dict[str, dict[str, Any]] = {}
        self.ids: set[str] = set()  # of those asked for, the ones that this log knows
        self.erasures: dict[str, list[dict[str, Any]]] = {}  # hash of a line -> `erase` events
        self.bodies: dict[str, set[str]] = {}  # digest -> the calls that gave it back
        self.with_secret: set[str] = set()  # digests of bodies

    def vouches_for(self, line: CallLine) -> bool:
        """Tell a tombstone for which the log has an `erase` event from one that was made up."""
        events = self.erasures.get(line.hash, ())
        return any(event["line"].get("now") == line.own_hash for event in events)


def find(path: str, order: Order) -> Found:
    """Look for what is to be erased, and change nothing.

    The calls that hold the secret, in a line or in a body, are added to `order.ids`. Raises
    `OSError`.
    """
    found = Found(path)
    if order.secret is not None:
        found.with_secret = set(_bodies_with(order.secret, os.path.dirname(path)))
    for _, line in _lines(path):
        _learn(found, order, line)
    for _, line in _lines(path):
        called = _target(found, order, line)
        if called is not None:
            _count(found, called)
    return found


def _learn(found: Found, order: Order, line: bytes) -> None:
    """Note what a line says of erasures and bodies, and whether the secret is in it."""
    if _ERASE in line[:260]:
        event = parse(line) or {}
        if isinstance(event.get("line"), dict):
            found.erasures.setdefault(str(event["line"].get("was")), []).append(event)
        return
    bodies = {digest.decode() for digest in _BODY.findall(line)}
    with_secret = bool(bodies & found.with_secret) or order.holds_secret(line)
    called = call_line(line) if bodies or with_secret else None
    for digest in bodies:
        found.bodies.setdefault(digest, set()).add(called.request_id if called else "")
    if called is not None and with_secret and _REQUEST_ID.fullmatch(called.request_id.encode()):
        order.ids.add(called.request_id)


def _target(found: Found, order: Order, line: bytes) -> CallLine | None:
    """Return a line that is to be replaced, or None."""
    ids = {name.decode() for name in _REQUEST_ID.findall(line[:_ID_WITHIN])} & order.ids
    called = call_line(line) if ids else None
    if called is None or called.request_id not in order.ids:
        return None
    found.ids.add(called.request_id)
    if called.is_tombstone and not (order.holds_secret(line) and found.vouches_for(called)):
        return None
    return called


def _count(found: Found, called: CallLine) -> None:
    call = found.calls.setdefault(
        called.request_id, {"request_id": called.request_id, "log": found.path, "lines": 0}
    )
    call["lines"] += 1
    call["open"] = called.body["event"] == "begin"


def erase(found: Found, order: Order) -> int:
    """Replace the lines of the calls that `find` found; return how many bodies were deleted.

    Raises what `rewrite` does.
    """

    def replacing(line: bytes) -> tuple[bytes, str | None] | None:
        if _ERASE in line[:260]:
            _learn(found, order, line)
        called = _target(found, order, line)
        if called is not None:
            return _replacement(found, order, called)
        if order.holds_secret(line):
            _grow(found, order, line)
        return None

    rewrite(found.path, replacing)
    return _delete_bodies(found, order)


def _grow(found: Found, order: Order, line: bytes) -> None:
    """Begin anew where a call that has just been recorded holds the secret too."""
    called = call_line(line)
    if called is None or called.is_tombstone or called.request_id in order.ids:
        return
    if _REQUEST_ID.fullmatch(called.request_id.encode()):
        order.ids.add(called.request_id)
        _count(found, called)
        raise Again


def _replacement(found: Found, order: Order, called: CallLine) -> tuple[bytes, str | None]:
    """Return a line's tombstone and its `erase` event; none where that is in the log already."""
    for event in found.erasures.get(called.hash, ()):
        texts = [str(event.get(name, "")) for name in ("at", "by", "reason")]
        made = tombstone(called, *texts, secret=order.secret)
        if hash_of(made) == event["line"].get("now"):
            return made, None
    at = _host.now()
    made = tombstone(called, at, order.by, order.reason, secret=order.secret)
    event = {
        "event": "erase",
        "request_id": called.request_id,
        "line": {"seq": called.seq, "was": called.hash, "now": hash_of(made)},
        "at": at,
        "by": order.by,
        "reason": order.reason,
    }
    return made, encode(event)


def _delete_bodies(found: Found, order: Order) -> int:
    deleted = 0
    unused = {digest for digest, ids in found.bodies.items() if ids <= order.ids}
    for digest in unused | found.with_secret:
        try:
            os.unlink(body_path(os.path.dirname(found.path), digest))
            deleted += 1
        except FileNotFoundError:
            continue
    return deleted


def places_of(secret: Secret, path: str) -> list[str]:
    """Return where in a log's folder the secret stands: lines, bodies, and other files."""
    folder = os.path.dirname(path)
    found = [place for place, line in _lines(path) if secret.is_in_line(line)]
    found += [body_path(folder, digest) for digest in _bodies_with(secret, folder)]
    segments = {file for segment, _ in snapshot(path) for file in (path, segment.file())}
    for entry in os.scandir(folder):
        if entry.is_file(follow_symlinks=False) and entry.path not in segments:
            with open(entry.path, "rb") as file:
                if any(secret.is_in_line(line) for line in file):
                    found.append(entry.path)
    return found


def _lines(path: str) -> "Iterator[tuple[str, bytes]]":
    """Yield each line of a log with its newline, and where it is: file and number."""
    for segment, size in snapshot(path):
        try:
            for number, line in enumerate(lines_of(segment, size), 1):
                yield f"{segment.file()}:{number}", line
        except (EOFError, zlib.error) as error:
            raise OSError(EBADMSG, f"{segment.name} is damaged: {error}") from error


def _bodies_with(secret: Secret, folder: str) -> "Iterator[str]":
    """Yield the digests of the bodies that hold the secret."""
    for holder, _, names in os.walk(os.path.join(folder, BODIES_NAME)):
        for name in names:
            if secret.is_in_bytes(_content(os.path.join(holder, name))):
                yield ALGORITHM + name.removesuffix(".gz")


def _content(body: str) -> bytes:
    """Return a body, or the bytes of a file that is none."""
    try:
        with gzip.open(body, "rb") as file:
            return file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        with open(body, "rb") as file:
            return file.read()
