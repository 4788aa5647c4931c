"""Append one line to a log, and hand back a receipt for it.

The protocol, which any other writer of this log must follow (docs/format/entry-v1.md):

1. Open the log with `O_APPEND`, no link followed, nothing but a plain file accepted.
2. Take `flock(LOCK_EX)`. Check that the path still names this file; else start again.
3. Read the last line. Its bytes give `prev`, its `seq` gives ours, its `logged_at` is the
   least that ours may be.
4. Write the line in one `write`. Where it came out short (a full disk), cut it off again.
5. Close the file, which releases the lock.

The lock is held from before the last line is read until after the new one is
written: libraries that compute the chain outside of it fork their chain under
eight writers. A writer that died in the middle of step 4 leaves a line without
a newline; the next one closes it off, says so in `healed_bytes`, and goes on.

A line is found to end by its newline alone and `seq` is read from its first
bytes, so that the cost of an append does not grow with the log, and no JSON
parser is imported.
"""

import os
from errno import EINTR, ELOOP, ENOENT, ENOSPC
from fcntl import LOCK_EX, LOCK_NB, flock
from stat import S_ISREG
from time import sleep

from .._encode import encode, sha256
from .._host import clock
from .._wire import ALGORITHM, FORMAT_VERSION, GENESIS
from ..errors import NotRecordedError

LOCK_DEADLINE_S = 2.0  # a writer holds the lock for microseconds; only a stopped one for longer
_TAIL_BYTES = 4096  # the first guess at how long the last line is
_FIRST_LINE_BYTES = 1024  # a `log` line is about 300
_OPEN_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LINE_START = b'{"v":%d,"seq":' % FORMAT_VERSION


class Receipt:
    """Names one line of one log: the log's id, the line's `seq`, and the hash of its bytes."""

    __slots__ = ("hash", "log", "seq")

    def __init__(self, log: str | None, seq: int, line_hash: str) -> None:
        self.log = log
        self.seq = seq
        self.hash = line_hash

    def as_json(self) -> dict[str, str | int | None]:
        """Return it as `meta.receipt` has it."""
        return {"log": self.log, "seq": self.seq, "hash": self.hash}


def append(path: str, tool: str, body: str) -> Receipt:
    """Append the event `body`, a JSON object as text, to the log at `path`; return its receipt.

    Guarantees that the line is in the file, whole, when this returns. Raises
    `NotRecordedError` where it is not, and then nothing of it is.
    """
    try:
        return _append(path, tool, body)
    except OSError as error:
        raise NotRecordedError(path, _reason(error)) from error


def _append(path: str, tool: str, body: str) -> Receipt:
    while True:
        fd = _open(path)
        try:
            _lock(fd, path)
            if not _still_names(path, fd):
                continue  # replaced while we waited: the path names another file now
            return _write(fd, tool, body)
        finally:
            os.close(fd)


def _open(path: str) -> int:
    try:
        fd = os.open(path, _OPEN_FLAGS)
    except FileNotFoundError:
        fd = _create(path)
    if not S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotRecordedError(path, "it is not a plain file")
    return fd


def _create(path: str) -> int:
    folder = os.path.dirname(path)
    _make_folder(folder)
    try:
        fd = os.open(path, _OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another writer was first
        return os.open(path, _OPEN_FLAGS)
    os.fchmod(fd, 0o600)  # whatever the umask says
    return fd


def _make_folder(folder: str) -> None:
    """Make the folder and those above it, 0700 as XDG asks; what exists is left as it is."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        _make_folder(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    os.chmod(folder, 0o700)


def _lock(fd: int, path: str) -> None:
    """Take the lock, or give up after `LOCK_DEADLINE_S`: auditing may not hang the tool."""
    pause = 0.00005
    waited = 0.0
    while True:
        try:
            flock(fd, LOCK_EX | LOCK_NB)
            return
        except BlockingIOError:
            if waited >= LOCK_DEADLINE_S:
                raise NotRecordedError(
                    path, f"another process has held its lock for {LOCK_DEADLINE_S:g} s"
                ) from None
        except OSError as error:
            if error.errno != EINTR:
                raise
        sleep(pause)
        waited += pause
        pause = min(pause * 2, 0.005)


def _still_names(path: str, fd: int) -> bool:
    ours = os.fstat(fd)
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (ours.st_ino, ours.st_dev)


def _write(fd: int, tool: str, body: str) -> Receipt:
    size = os.fstat(fd).st_size
    head = _Head(fd, size)
    lines = b"" if head.whole else b"\n"
    if head.seq < 0:  # a new log: it opens by saying which log it is
        line = head.line(_log_body(tool))
        head.advance(line)
        lines += line
    line = head.line(body)
    lines += line
    _write_whole(fd, size, lines)
    head.advance(line)
    return Receipt(head.log_id(), head.seq, head.hash)


def _write_whole(fd: int, size: int, lines: bytes) -> None:
    """Write all of `lines` in one `write`, or leave the file at `size`."""
    try:
        written = os.write(fd, lines)
    except OSError:
        os.ftruncate(fd, size)
        raise
    if written < len(lines):
        os.ftruncate(fd, size)
        raise OSError(ENOSPC, os.strerror(ENOSPC))


def _log_body(tool: str) -> str:
    return encode(
        {
            "event": "log",
            "log": "log_" + clock.ulid(clock.wall_ns()),
            "tool": tool,
            "host": os.uname().nodename,
            "open": [],
        }
    )


class _Head:
    """Where the chain of a log stands: the last line's `seq`, time and hash."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self.seq = -1
        self.logged_at = ""
        self.hash = GENESIS
        self.whole = True
        self.healed = 0
        self.first_line: bytes | None = None
        if size:
            self._read(size)

    def _read(self, size: int) -> None:
        last = _line_before(self.fd, size)
        self.whole = last.endswith(b"\n")
        self.healed = 0 if self.whole else len(last)
        self.hash = _hash(last.removesuffix(b"\n"))
        line, end = last, size
        found = parse_head(line) if self.whole else _parse_damaged(line)
        while found is None:  # damaged: it keeps its place, and the count goes on from before it
            end -= len(line)
            if end <= 0:
                return
            line = _line_before(self.fd, end)
            found = _parse_damaged(line)
        self.seq, self.logged_at = found

    def line(self, body: str) -> bytes:
        """Return the next line of the log, with its newline."""
        now = clock.timestamp(clock.wall_ns())
        extra = ""
        if now < self.logged_at:  # the clock went back: the order of the log does not
            now, extra = self.logged_at, ',"clamped":true'
        if self.healed:
            extra += f',"healed_bytes":{self.healed}'
        return (
            f'{{"v":{FORMAT_VERSION},"seq":{self.seq + 1},"prev":"{self.hash}"'
            f',"logged_at":"{now}"{extra},{body[1:]}\n'
        ).encode("ascii")

    def advance(self, line: bytes) -> None:
        """Move on: `line` is now the last of the log."""
        if self.seq < 0:
            self.first_line = line
        self.seq += 1
        self.hash = _hash(line[:-1])
        self.healed = 0
        found = parse_head(line)
        self.logged_at = found[1] if found else self.logged_at

    def log_id(self) -> str | None:
        """Return the id that the log's first line gives it, or None where that line is damaged."""
        first = self.first_line or os.pread(self.fd, _FIRST_LINE_BYTES, 0)
        _, _, rest = first.partition(b'"event":"log","log":"')
        log_id, quote, _ = rest.partition(b'"')
        sound = quote and log_id.startswith(b"log_") and log_id[4:].isalnum()
        return log_id.decode("ascii") if sound else None


def _hash(line: bytes) -> str:
    return ALGORITHM + sha256(line).hexdigest()


def _line_before(fd: int, end: int) -> bytes:
    """Return the line that ends at offset `end`, with its newline where it has one."""
    want = _TAIL_BYTES
    while True:
        start = max(0, end - want)
        block = os.pread(fd, end - start, start)
        newline = block.rfind(b"\n", 0, len(block) - 1)
        if newline >= 0:
            return block[newline + 1 :]
        if start == 0:
            return block
        want *= 4


def parse_head(line: bytes) -> tuple[int, str] | None:
    """Read `seq` and `logged_at` from the start of a line, or return None: it is not one of ours.

    The order of a line's first four members is part of the format, so no JSON is parsed.
    """
    if not line.startswith(_LINE_START) or line.rstrip(b"\n")[-1:] != b"}":
        return None
    digits, comma, rest = line[len(_LINE_START) : len(_LINE_START) + 200].partition(b",")
    _, found, rest = rest.partition(b'"logged_at":"')
    logged_at, quote, _ = rest.partition(b'"')
    if not (comma and found and quote and digits.isdigit()):
        return None
    return int(digits), logged_at.decode("ascii", "replace")


def _parse_damaged(line: bytes) -> tuple[int, str] | None:
    """Read the head of a line that may be the torn start of one: only whole JSON counts."""
    from json import loads

    try:
        loads(line)
    except ValueError:
        return None
    return parse_head(line)


def _reason(error: OSError) -> str:
    if error.errno == ELOOP:
        return "it is a symbolic link, which is not followed"
    if error.errno == ENOENT:
        return "it was removed again and again"
    return (error.strerror or str(error)).lower()
