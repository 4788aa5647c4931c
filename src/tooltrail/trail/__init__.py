"""The append-only log: where it is, and how one line gets into it.

`append` follows a protocol that any other writer of the log must follow
(docs/format/entry-v1.md):

1. Open the log with `O_APPEND`, no link followed, nothing but a plain file accepted.
2. Take `flock(LOCK_EX)`. If that took waiting, or the file was deleted meanwhile, check that
   the path still names this file; else start again.
3. Read the last line. Its bytes give `prev`, its `seq` gives ours, its `logged_at` is the
   least that ours may be.
4. Where the log has grown too large, seal it and begin anew (`rotate`). Where the last line is
   a seal, somebody else did: start again.
5. Write the line in one `write`. Where it came out short (a full disk), cut it off again.
6. Close the file, which releases the lock.

The lock is held from before the last line is read until after the new one is written:
libraries that compute the chain outside of it fork their chain under eight writers. `seq` is
read from the line's first bytes, so that the cost of an append does not grow with the log,
and no JSON parser is imported. What happens seldom is in `recover`: a log that is not there
yet, a lock that is held, a last line that a dying writer left torn.
"""

import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

from .._encode import sha256
from .._host import now
from .._wire import ALGORITHM, FORMAT_VERSION, LOG_NAME
from ..settings import home_of, is_anothers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    # Where the chain of a log stands: `seq` (-1 where there is no line yet), time and hash of its
    # last line; and where that is a torn one, which the next writer closes off, how many bytes it
    # has, and the hash of the last sound line before it.
    Head = tuple[int, str, str, tuple[int, str] | None]

STDERR = 2
_TAIL_BYTES = 4096  # within which a last line is found without searching
FIRST_BYTES = 1024  # a `log` line is about 300
_PLAIN_FILE, _FILE_TYPE = 0o100000, 0o170000  # S_IFREG and S_IFMT of st_mode
_LOCK = LOCK_EX | LOCK_NB
ROTATE_AT = 100_000_000  # bytes
OPEN_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_START = b'{"v":%d,"seq":' % FORMAT_VERSION
_SEQ_AT = len(_START)
_SEAL = b'"event":"seal"'
_SEAL_WITHIN = 80  # characters after `logged_at`: `clamped` and `healed_bytes` may come between
_LOGGED_AT = b'","logged_at":"'
_A_TIME = b'0000-00-00T00:00:00.000Z"'
_TIME_AFTER = len(',"prev":"') + len(ALGORITHM) + 64 + len(_LOGGED_AT)  # seq's comma
_ZEROS = bytes.maketrans(b"123456789", b"000000000")

_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_MAX_NAME_CHARS = 100


class Receipt:
    """Names one line of one log: the log's id, the line's `seq`, and the hash of its bytes.

    `log` is None where it was not asked for, or where the log's first line is damaged.
    """

    __slots__ = ("_line", "log", "seq")

    def __init__(self, log: str | None, seq: int, line: bytes) -> None:
        self.log = log
        self.seq = seq
        self._line = line

    @property
    def hash(self) -> str:
        """The SHA-256 of the line's bytes without the newline, with the algorithm before it."""
        return ALGORITHM + sha256(self._line[:-1]).hexdigest()

    def as_json(self) -> dict[str, str | int | None]:
        """Return it as `meta.receipt` has it."""
        return {"log": self.log, "seq": self.seq, "hash": self.hash}


def append(
    path: str,
    tool: str,
    body: str,
    *,
    with_log_id: bool = False,
    rotate_at: int = ROTATE_AT,
    durable: bool = False,
    durable_name: bool = False,
) -> Receipt:
    """Append the event `body`, a JSON object as text, to the log at `path`; return its receipt.

    Guarantees that the line is in the file, whole, when this returns; with `durable` also that
    it is on the disk, with `durable_name` that the name of a new file is. Raises
    `NotRecordedError` where it is not, and then nothing of it is (but for a disk that failed to
    say whether it wrote). A log of `rotate_at` bytes is sealed, and the line goes into the next
    segment.
    """
    try:
        while True:
            receipt = _append(path, tool, body, with_log_id, rotate_at, durable, durable_name)
            if receipt is not None:
                return receipt
    except OSError as error:
        try:
            from .recover import not_recorded
        except Exception:  # no file can be opened any more: then it is this
            raise error from None
        raise not_recorded(path, error) from error


def _append(
    path: str,
    tool: str,
    body: str,
    with_log_id: bool,
    rotate_at: int,
    durable: bool,
    durable_name: bool,
) -> Receipt | None:
    """Append once; return None where the path has come to name another file."""
    try:
        fd = os.open(path, OPEN_FLAGS)
    except FileNotFoundError:
        from .recover import create

        fd = create(path)
    if fd <= STDERR:  # the tool has closed one of the three: what it prints must not land here
        from .recover import above_stderr

        fd = above_stderr(fd)
    try:
        try:
            flock(fd, _LOCK)
        except BlockingIOError:
            from .recover import wait_for_lock

            if not wait_for_lock(fd, path):
                return None
        status = os.fstat(fd)
        if status.st_mode & _FILE_TYPE != _PLAIN_FILE:
            from .recover import not_a_plain_file

            raise not_a_plain_file(path)
        if not status.st_nlink:
            return None
        size = status.st_size
        tail = os.pread(fd, _TAIL_BYTES, size - _TAIL_BYTES if size > _TAIL_BYTES else 0)
        start = tail.rfind(b"\n", 0, -1) + 1
        head = head_of(tail[start:]) if start or size <= _TAIL_BYTES else None
        before = b""
        if head is None:
            from .recover import find_head

            found = find_head(fd, size, path, tool)
            if found is None:
                return None
            head, before = found
        if size >= rotate_at:
            from .rotate import rotate

            if rotate(fd, path, head, before, durable or durable_name):
                return None
        line = next_line(head, body)
        lines = before + line
        if os.write(fd, lines) != len(lines):
            from .recover import cut_off

            raise cut_off(fd, size)
        if before:
            from .recover import note_opening

            flock(fd, LOCK_UN)  # the registry may be slow
            note_opening(path, before, tool, durable or durable_name)
        if durable:
            flock(fd, LOCK_UN)  # others may write while the disk does; all of it is synced
            os.fdatasync(fd)
        return Receipt(
            log_id_in(os.pread(fd, FIRST_BYTES, 0)) if with_log_id else None, head[0] + 1, line
        )
    finally:
        flock(fd, LOCK_UN)  # a child that was forked just now holds the file open as well
        os.close(fd)


def head_of(line: bytes, *, whole: bool = False) -> "Head | None":
    """Return where the chain stands after a line, or None where that takes a second look.

    The order of a line's first four members is part of the format, so no JSON is parsed. Braces
    that do not match may mean the stump of a line, which another writer closed off, and nothing
    follows a seal; `whole` says that the line was parsed, and is no stump.
    """
    comma = line.find(b",", _SEQ_AT)
    at = comma + _TIME_AFTER
    if not (
        line.startswith(_START)
        and line.endswith(b"}\n")
        and line.startswith(_LOGGED_AT, at - len(_LOGGED_AT))
        and line[at : at + 25].translate(_ZEROS) == _A_TIME
        and (
            whole
            or (
                line.count(b"{") == line.count(b"}") and line.find(_SEAL, at, at + _SEAL_WITHIN) < 0
            )
        )
    ):
        return None
    try:
        seq = int(line[_SEQ_AT:comma])
    except ValueError:
        return None
    return seq, line[at : at + 24].decode("ascii"), sha256(line[:-1]).hexdigest(), None


def next_line(head: "Head", body: str) -> bytes:
    """Return the line that follows `head`, with its newline."""
    seq, least, prev, healing = head
    logged_at = now()
    extra = ""
    if logged_at < least:  # the clock went back: the order of the log does not
        logged_at, extra = least, ',"clamped":true'
    if healing is not None:
        torn, sound = healing
        extra += f',"healed_bytes":{torn}'
        if sound:  # a stub may be too short to vouch for the line before it
            body = f'{body[:-1]},"healed_prev":"{ALGORITHM}{sound}"}}'
    return (
        f'{{"v":{FORMAT_VERSION},"seq":{seq + 1},"prev":"{ALGORITHM}{prev}"'
        f',"logged_at":"{logged_at}"{extra},{body[1:]}\n'
    ).encode("ascii")


def log_id_in(start: bytes) -> str | None:
    """Return the id of a log by its first bytes: that of its first `log` line that is whole."""
    lines = start.split(b"\n")
    for line in lines:
        _, _, rest = line.partition(b'"event":"log","log":"')
        log_id, quote, _ = rest.partition(b'"')
        whole = line.endswith(b"}") or line is lines[-1]  # one with many open calls is longer
        if quote and whole and log_id.startswith(b"log_") and log_id[4:].isalnum():
            return log_id.decode("ascii")
    return None


def tool_name(raw: str) -> str:
    """Bring a tool's name to `[a-z0-9._-]`, without a leading dot or dash, so that it is a folder.

    `/usr/bin/Python3` gives `python3`; a name of which nothing is left gives `unnamed`.
    """
    base = raw.rstrip("/").rpartition("/")[2].lower()
    name = "".join([char if char in _NAME_CHARS else "-" for char in base])
    return name.lstrip(".-")[:_MAX_NAME_CHARS] or "unnamed"


def data_home(
    environment: "Mapping[str, str] | None" = None, *, configured: str | None = None
) -> str:
    """Return the folder that holds all logs of the effective user: the one that was configured.

    Otherwise `XDG_DATA_HOME` counts where it is absolute and not another user's. `HOME` likewise:
    under sudo it may still be the caller's, and then the user database says where home is. Never
    taken from the current directory or a repository: a control plane that a checkout can move
    is one that an attacker can.
    """
    if configured is not None:
        return configured
    environment = os.environ if environment is None else environment
    given = environment.get("XDG_DATA_HOME", "")
    if given.startswith("/") and not is_anothers(given):
        return given
    return f"{home_of(environment)}/.local/share"


def log_path(tool: str, configured: str | None = None) -> str:
    """Return the path of the log that `tool` writes, in the folder that was configured, if any."""
    return f"{data_home(configured=configured)}/{tool_name(tool)}/{LOG_NAME}"
