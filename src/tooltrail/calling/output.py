"""What a command prints, read as it comes: counted and digested whole, kept within bounds."""

import os
import select
from collections import deque

from .._encode import sha256
from .._wire import ALGORITHM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import _Hash as HASH
    from typing import Any

MAX_KEPT = 16_777_216  # bytes of one stream that are kept in memory
_OF_NOTHING = ALGORITHM + sha256(b"").hexdigest()
_LARGEST_READ = 1_048_576
_HASHED_AT_ONCE = 262_144  # small pieces are gathered: each call of the hash has its price


class Output:
    """All that came out of one stream: `size` in bytes, its digest, and as much as is kept.

    What is longer than `limit` keeps its first and its last half; `cut` says how many bytes
    are missing between them.
    """

    def __init__(self, limit: int = MAX_KEPT, *, digested: bool = True) -> None:
        self.size = 0
        self.unfinished = False
        self.lost: str | None = None  # why it could not be passed on
        self._limit = max(limit, 0)
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._digested = digested
        self._hash: HASH | None = None
        self._to_hash: list[bytes] = []
        self._unhashed = 0

    def take(self, piece: bytes) -> None:
        """Add what was read."""
        self.size += len(piece)
        if self._digested:
            self._to_hash.append(piece)
            self._unhashed += len(piece)
            if self._unhashed >= _HASHED_AT_ONCE:
                self._catch_up()
        room = self._limit - len(self._head)
        if not self._tail and len(piece) <= room:
            self._head += piece
            return
        if not self._tail:  # from now on only the ends are kept
            half = self._limit // 2
            together = bytes(self._head) + piece
            self._head = bytearray(together[:half])
            piece = together[half:]
        self._keep_end(piece)

    def _keep_end(self, piece: bytes) -> None:
        room = self._limit - len(self._head)
        self._tail.append(piece[-room:] if room else b"")
        self._tail_size += len(self._tail[-1])
        while self._tail_size - len(self._tail[0]) >= room and len(self._tail) > 1:
            self._tail_size -= len(self._tail.popleft())

    def _catch_up(self) -> "HASH":
        """Digest what was read meanwhile; the hash of a large output is worth loading OpenSSL."""
        if self._hash is None:
            if self._unhashed < _HASHED_AT_ONCE:
                self._hash = sha256(b"")
            else:
                from hashlib import sha256 as fast

                self._hash = fast()
        for piece in self._to_hash:
            self._hash.update(piece)
        self._to_hash.clear()
        self._unhashed = 0
        return self._hash

    @property
    def cut(self) -> int:
        """How many bytes are missing in the middle of `content`."""
        return self.size - len(self.content)

    @property
    def content(self) -> bytes:
        """What is kept: all of it, or its first and last part."""
        if not self._tail:
            return bytes(self._head)
        room = self._limit - len(self._head)
        return bytes(self._head) + b"".join(self._tail)[-room:] if room else bytes(self._head)

    @property
    def sha256(self) -> str | None:
        """The digest of the whole, or None where none was asked for."""
        if not self._digested:
            return None
        return ALGORITHM + self._catch_up().hexdigest() if self.size else _OF_NOTHING

    @property
    def text(self) -> str:
        """What is kept, as text; bytes that are not UTF-8 are shown as U+FFFD."""
        if not self.cut:
            return self.content.decode("utf-8", "replace")
        half = len(self._head)
        content = self.content
        first, last = (part.decode("utf-8", "replace") for part in (content[:half], content[half:]))
        return f"{first}\n[... {self.cut} bytes left out ...]\n{last}"

    def as_json(self) -> "dict[str, Any]":
        """Return what the entry says of it."""
        fields: dict[str, Any] = {"bytes": self.size, "sha256": self.sha256}
        if self.unfinished:
            fields["unfinished"] = True
        return fields


class Stream:
    """One of a command's output streams: read from `fd`, and passed on to `forward` if given.

    Who reads there may be slow. `read` waits for them, unless `waits` is false: then what was read
    is `pending` until `write` is called often enough, each time that `forward` is ready.
    """

    def __init__(self, fd: int, output: Output, forward: int | None = None) -> None:
        self.fd = fd
        self.output = output
        self.forward = forward
        self.waits = True
        self._left = memoryview(b"")

    @property
    def pending(self) -> bool:
        """Whether something was read that is not passed on."""
        return bool(self._left)

    def read(self) -> bool:
        """Take what has come; return False at the end of the stream, which is then closed."""
        try:
            piece = os.read(self.fd, _LARGEST_READ)
        except OSError:  # a terminal's end reads as an error (EIO)
            piece = b""
        if piece:
            self.output.take(piece)
            if self.forward is None:
                return True
            self._left = memoryview(piece)
            return not self.waits or self.pass_on()
        self.close()
        return False

    def pass_on(self) -> bool:
        """Pass on all that was read; return False where nobody takes it: the stream is closed."""
        while self._left:
            if not self._write(len(self._left)):
                return False
        return True

    def write(self) -> bool:
        """Pass on as much as `forward`, which is ready, takes without our waiting; as `pass_on`."""
        return self._write(select.PIPE_BUF)

    def _write(self, size: int) -> bool:
        assert self.forward is not None
        try:
            self._left = self._left[os.write(self.forward, self._left[:size]) :]
        except BlockingIOError:  # somebody else who holds the file made it so
            if self.waits:
                select.select((), (self.forward,), ())
        except BrokenPipeError:  # nobody reads any more: the command learns it as without us
            self.close()
        except OSError as error:  # a full disk: the command cannot learn that it was this
            self.output.lost = (error.strerror or str(error)).lower()
            self.close()
        return self.fd >= 0

    def close(self) -> None:
        """Give the stream up; who still writes to it gets SIGPIPE."""
        self._left = memoryview(b"")
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Feed:
    """What a command reads on its stdin, written as it takes it."""

    def __init__(self, fd: int, content: bytes) -> None:
        self.fd = fd
        self._left = memoryview(content)
        os.set_blocking(fd, False)

    def write(self) -> bool:
        """Write what fits; return False when all is written or nobody reads, and close."""
        try:
            self._left = self._left[os.write(self.fd, self._left[:_LARGEST_READ]) :]
        except BlockingIOError:
            return True
        except OSError:  # the command closed its stdin, which it may
            self._left = self._left[:0]
        if self._left:
            return True
        self.close()
        return False

    def close(self) -> None:
        """Let the command see the end of its input."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
