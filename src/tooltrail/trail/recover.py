"""What appending to a log seldom needs: a log that is not there, a held lock, a torn last line.

A writer that died in the middle of a `write` leaves a line without a newline. The next one
closes it off and says so in `healed_bytes`; nothing that comes after is lost. A line that is no
line of ours (torn, or somebody's garbage) keeps its place and its hash in the chain, and the
count goes on from the last line that is one.
"""

import os
from errno import EINTR, ELOOP, ENOSPC
from fcntl import F_DUPFD_CLOEXEC, LOCK_EX, LOCK_NB, fcntl, flock
from time import sleep

from .. import _host
from .._encode import encode, sha256
from ..errors import NotRecordedError
from . import OPEN_FLAGS, STDERR, head_of, next_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from . import Head

LOCK_DEADLINE_S = 2.0  # a writer holds the lock for microseconds; only a stopped one for longer
_AGAIN_S = 0.05  # for a lock that was waited for in vain: a call appends twice
_stuck: set[str] = set()
_TAIL_BYTES = 65536  # the first guess at how long an uncommon last line is


def above_stderr(fd: int) -> int:
    """Return the same open file under a number that is not stdin's, stdout's or stderr's."""
    high: int = fcntl(fd, F_DUPFD_CLOEXEC, STDERR + 1)
    os.close(fd)
    return high


def create(path: str) -> int:
    """Open a log that was not there: mode 0600 in folders of 0700, whatever the umask says.

    Where sealed segments of it are there, it goes on from the last of them.
    """
    folder = os.path.dirname(path)
    make_folder(folder)
    if _go_on_from_sealed(path):
        return os.open(path, OPEN_FLAGS)
    try:
        fd = os.open(path, OPEN_FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another writer was first
        return os.open(path, OPEN_FLAGS)
    os.fchmod(fd, 0o600)
    return fd


def _go_on_from_sealed(path: str) -> bool:
    """Begin the active segment after the last sealed one; False where there is none."""
    from .segments import sealed_segments

    sealed = sealed_segments(path)
    if not sealed:
        return False
    from .rotate import begin_after

    with sealed[-1].open() as segment:
        _lock_in_time(segment.fileno(), path)  # whoever is between sealing and renaming holds it
        if not os.path.lexists(path):
            begin_after(segment, path)
    return True


def make_folder(folder: str) -> None:
    """Make the folder and those above it, 0700 as XDG asks; what exists is left as it is."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != folder:
        make_folder(parent)
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        return
    os.chmod(folder, 0o700)


def wait_for_lock(fd: int, path: str) -> bool:
    """Wait for the lock, and tell whether the path still names the file that it is on.

    Raises `NotRecordedError` where that takes too long.
    """
    _lock_in_time(fd, path)
    return still_names(path, fd)


def _lock_in_time(fd: int, path: str) -> None:
    """Wait for the lock, but not for ever: auditing may not hang the tool."""
    pause = 0.00005
    waited = 0.0
    deadline = _AGAIN_S if path in _stuck else LOCK_DEADLINE_S
    while True:
        sleep(pause)
        waited += pause
        pause = min(pause * 2, 0.001)
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if waited >= deadline:
                _stuck.add(path)
                reason = f"another process has held its lock for {deadline:g} s"
                raise NotRecordedError(path, reason) from None
        except OSError as error:
            if error.errno != EINTR:
                raise
        else:
            _stuck.discard(path)
            return


def still_names(path: str, fd: int) -> bool:
    """Tell whether a path names the file that is open as `fd`."""
    ours = os.fstat(fd)
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (ours.st_ino, ours.st_dev)


def find_head(fd: int, size: int, path: str, tool: str) -> "tuple[Head, bytes] | None":
    """Return where the chain of a new, damaged or uncommon log stands, and what to write first.

    That is a newline after a torn line, and the log's first line where there is none. None
    where the log was sealed: its next segment has been begun.
    """
    last = _line_before(fd, size)
    if is_seal(last):
        from .rotate import finish

        if not last.endswith(b"\n"):
            os.write(fd, b"\n")
        if still_names(path, fd):
            finish(fd, path, last.removesuffix(b"\n") + b"\n")
        return None
    torn = 0 if last.endswith(b"\n") else len(last)
    sound = _last_sound(fd, size, last)
    seq, logged_at, sound_hash, _ = sound or (-1, "", "", None)
    line_hash = sha256(last.removesuffix(b"\n")).hexdigest() if size else "0" * 64
    head: Head = seq, logged_at, line_hash, (torn, sound_hash) if torn else None
    before = b"\n" if torn else b""
    if seq < 0:
        opening = next_line(head, log_body(tool))
        before += opening
        after = head_of(opening)
        assert after is not None
        head = after
    return head, before


def _last_sound(fd: int, size: int, last: bytes) -> "Head | None":
    """Return where the chain stood after the last line that is one; None where there is none."""
    line, end = last, size
    while line:
        head = _head_of_whole(line.removesuffix(b"\n") + b"\n")
        if head is not None:
            return head
        end -= len(line)
        line = _line_before(fd, end)
    return None


def _head_of_whole(line: bytes) -> "Head | None":
    """Read a line that may be the torn start of one: only whole JSON counts."""
    from json import loads

    try:
        loads(line)
    except (ValueError, RecursionError):
        return None
    return head_of(line, whole=True)


def _line_before(fd: int, end: int) -> bytes:
    """Return the line that ends at offset `end`, with its newline where it has one."""
    want = _TAIL_BYTES
    while True:
        start = max(0, end - want)
        block = os.pread(fd, end - start, start)
        newline = block.rfind(b"\n", 0, max(0, len(block) - 1))
        if newline >= 0:
            return block[newline + 1 :]
        if start == 0:
            return block
        want *= 4


def is_seal(line: bytes) -> bool:
    """Tell the last line of a sealed segment."""
    sealed = b'"event":"seal"' in line[:260]
    return sealed and _head_of_whole(line.removesuffix(b"\n") + b"\n") is not None


def note_opening(path: str, before: bytes, tool: str, durable: bool) -> None:
    """Register the log whose first line was just written, if `before` holds that line.

    With `durable`, the file's name is then on the disk as well.
    """
    _, _, rest = before.partition(b'"event":"log","log":"')
    if rest:
        from .registry import register

        register(path, rest.partition(b'"')[0].decode("ascii"), tool)
    if rest and durable:
        sync_folder(os.path.dirname(path))


def sync_folder(folder: str) -> None:
    """Have the names of a folder's files on the disk. Raises `OSError`."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def log_body(
    tool: str,
    *,
    log_id: str | None = None,
    open_calls: "Sequence[str]" = (),
    vanished: bool = False,
) -> str:
    """Return the first line of a log, or of a further segment of the log with this id."""
    body: dict[str, Any] = {
        "event": "log",
        "log": log_id or "log_" + _host.ulid(_host.wall_ns()),
        "tool": tool,
        "host": os.uname().nodename,
        "open": list(open_calls),
    }
    if vanished:
        body["vanished"] = True
    return encode(body)


def not_recorded(path: str, error: OSError) -> NotRecordedError:
    """Return the error that says why a log could not be written."""
    if error.errno == ELOOP:
        return NotRecordedError(path, "it is a symbolic link, which is not followed")
    return NotRecordedError(path, (error.strerror or str(error)).lower())


def not_a_plain_file(path: str) -> NotRecordedError:
    """Return the error for a log that is a pipe, a device or a socket."""
    return NotRecordedError(path, "it is not a plain file")


def cut_off(fd: int, size: int) -> OSError:
    """Cut off again what a full disk took of a line; return the error that says so."""
    os.ftruncate(fd, size)
    return OSError(ENOSPC, os.strerror(ENOSPC))
