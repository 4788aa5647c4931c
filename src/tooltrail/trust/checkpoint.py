"""Checkpoints: the signed head of a log, to be kept where the log's owner cannot reach.

The chain of a log shows what was changed in its middle. It cannot show that the tail was cut, or
that everything was written anew; a checkpoint from before can. The format is C2SP
tlog-checkpoint (https://c2sp.org/tlog-checkpoint), in a signed note:

    tooltrail/<tool>/<log id>     which log: stays the same where the host is renamed
    <number of lines>
    <base64 of the root>          of the Merkle tree over them, RFC 6962

The leaves are all lines of the log from its very first, the torn and the damaged ones included;
a leaf's data is the SHA-256 of the line without its newline. A tombstone stands for the line
that it replaced, where a later `erase` line vouches for it; the lines that were pruned are in
the tree that the last `prune` line holds. A last line without a newline is not in the tree: its
writer is still at it, or died; the next writer closes it off, and then it is.
"""

import os
import re
from base64 import b64encode
from errno import EAGAIN
from hashlib import sha256

from .._typing import TYPE_CHECKING, Any
from .._wire import ALGORITHM, OWN_TOOL
from ..errors import TooltrailError, UsageError
from ..trail import tool_name
from ..trail.read import parse
from ..trail.segments import first_log_id, lines_of, segments, snapshot
from .merkle import HASH_BYTES, CompactRange
from .notes import NoteError, Verifier, canonical_base64, open_note, read_verifiers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..trail.segments import Segment, Snapshot

HOLDS = "holds"
TRUNCATED = "truncated"  # the log has fewer lines than it had
REWRITTEN = "rewritten"  # it has as many, but others
OTHER_LOG = "other_log"
UNCHECKED = "unchecked"  # what it covers was pruned since, or the log cannot be read
_WRONG = frozenset({TRUNCATED, REWRITTEN, OTHER_LOG})

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SEQ = re.compile(rb'\{"v":1,"seq":(\d{1,18}),')
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD_BYTES = 260
_ATTEMPTS = 5  # to read the log while nobody rotates, erases or prunes


class Checkpoint:
    """The head of a log at one moment: which log, how many lines, and their root."""

    __slots__ = ("extensions", "origin", "root", "size")

    def __init__(
        self, origin: str, size: int, root: bytes, extensions: "Iterable[str]" = ()
    ) -> None:
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = tuple(extensions)

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint's note. Raises `NoteError`."""
        lines = text.split("\n")
        if lines.pop() != "" or len(lines) < 3 or not all(lines):
            raise NoteError("a checkpoint has three lines or more, and none is empty")
        root = canonical_base64(lines[2])
        if not _SIZE.fullmatch(lines[1]):
            raise NoteError("the second line of a checkpoint is the number of lines; this is not")
        if root is None or len(root) != HASH_BYTES:
            raise NoteError("the third line of a checkpoint is a root hash; this is not")
        return cls(lines[0], int(lines[1]), root, lines[3:])

    @property
    def log_id(self) -> str:
        """The id of the log, or nothing where the origin is not one of ours."""
        ours, _, log_id = self.origin.rpartition("/")
        return log_id if ours.startswith(f"{OWN_TOOL}/") else ""

    @property
    def text(self) -> str:
        """The text that is signed."""
        root = b64encode(self.root).decode()
        return "\n".join([self.origin, str(self.size), root, *self.extensions, ""])


def open_checkpoint(note: bytes, verifiers: "Iterable[Verifier]") -> Checkpoint:
    """Return the checkpoint in a note that one of these keys has signed. Raises `NoteError`."""
    return Checkpoint.parse(open_note(note, verifiers))


def checkpoint_of(path: str) -> Checkpoint:
    """Return the head of a log as it is now, unsigned.

    Raises `OSError` where the log cannot be read, `LogNotWholeError` where its start is missing.
    """
    seen = _survey(path)
    return Checkpoint(seen.origin, seen.tree.size, seen.tree.root())


class Held:
    """What holding a log to a checkpoint came to; `message` is one sentence on it.

    Where it holds, `path` is the log, and `last_seq` the last line that the checkpoint vouches
    for; None where that line and those before it are damaged.
    """

    __slots__ = ("last_seq", "message", "path", "state")

    def __init__(self, state: str, message: str, path: str, last_seq: int | None = None) -> None:
        self.state = state
        self.message = message
        self.path = path
        self.last_seq = last_seq

    @property
    def wrong(self) -> bool:
        """Whether the log is not what was signed."""
        return self.state in _WRONG


def hold_file(note: str, keys: str, paths: "Sequence[str]") -> Held:
    """Hold the log that a checkpoint is of to it; `paths` are the logs that may be meant.

    `note` is the checkpoint's file, `keys` one with verifier keys. Raises `UsageError` where a file
    cannot be read or holds no key, `NoteError` where none of the keys has signed the checkpoint.
    """
    verifiers = read_verifiers(keys)
    try:
        with open(note, "rb") as file:
            checkpoint = open_checkpoint(file.read(), verifiers)
    except OSError as error:
        raise UsageError(f"{note}: {(error.strerror or str(error)).lower()}") from error
    if len(paths) == 1:
        return hold_to(checkpoint, paths[0])
    for path in paths:
        if any(first_log_id(segment) == checkpoint.log_id for segment in segments(path)):
            return hold_to(checkpoint, path)
    return Held(UNCHECKED, f"{note}: the log that it is of, {checkpoint.origin}, is not here", note)


def hold_to(checkpoint: Checkpoint, path: str) -> Held:
    """Hold a log to a checkpoint whose signature was verified; never raises for what it finds."""
    try:
        seen = _survey(path, checkpoint.size)
    except (OSError, LogNotWholeError) as error:
        reason = error.message if isinstance(error, TooltrailError) else error.strerror or error
        message = f"{path}: it could not be held to the checkpoint: {reason}"
        return Held(UNCHECKED, message, path)
    state, message = _compare(checkpoint, seen)
    return Held(state, f"{path}: {message}", path, seen.seq_then if state == HOLDS else None)


def _compare(checkpoint: Checkpoint, seen: "_Seen") -> tuple[str, str]:
    size = checkpoint.size
    if checkpoint.log_id != seen.log_id:
        return OTHER_LOG, f"it is {seen.log_id}, and the checkpoint is of {checkpoint.origin}"
    if size > seen.tree.size:
        now = seen.tree.size
        return TRUNCATED, f"it had {size} lines when the checkpoint was signed, and has {now} now"
    if seen.root_then is None:
        return UNCHECKED, (
            f"its first {seen.pruned} lines were pruned, and the checkpoint is of {size} of them:"
            " it cannot be told whether they were the same"
        )
    if seen.root_then != checkpoint.root:
        return REWRITTEN, f"its first {size} lines are not those that were signed"
    return HOLDS, f"its first {size} lines are those that were signed"


class LogNotWholeError(TooltrailError):
    """The log cannot be counted from its first line on."""

    code = "LOG_NOT_WHOLE"


class _Seen:
    """What one look at a log found."""

    def __init__(self) -> None:
        self.log_id = ""
        self.tool = ""
        self.pruned = 0  # lines
        self.pruned_to = -1  # seq
        self.pruned_tree: list[str] = []
        self.erased: set[tuple[str, str]] = set()  # (was, now) of the lines that were erased
        self.tree = CompactRange()
        self.root_then: bytes | None = None  # at the size that was asked for
        self.seq_then: int | None = None

    @property
    def origin(self) -> str:
        """The log's name in a checkpoint."""
        return f"{OWN_TOOL}/{tool_name(self.tool)}/{self.log_id}"


def _survey(path: str, size: int | None = None) -> _Seen:
    """Read a whole log in one steady picture: it is looked at anew where a file was replaced."""
    for _ in range(_ATTEMPTS):
        picture = snapshot(path)
        try:
            files = [_inode(segment) for segment, _ in picture]
            seen = _read(picture, path, size)
            if files == [_inode(segment) for segment, _ in picture]:
                return seen
        except FileNotFoundError:
            continue
    raise OSError(EAGAIN, "the log changed each time that it was read")


def _inode(segment: "Segment") -> int:
    with segment.open() as file:
        return os.fstat(file.fileno()).st_ino


def _read(picture: "Snapshot", path: str, size: int | None) -> _Seen:
    seen = _Seen()
    for line in _lines(picture):
        _note(seen, line)
    if not seen.log_id:
        raise LogNotWholeError(f"{path}: no line of it says which log it is")
    left = [held for held in picture if not _is_pruned(held[0], seen)]
    _check_start(left, seen, path)
    try:
        seen.tree = CompactRange.from_peaks(seen.pruned, seen.pruned_tree)
    except ValueError as error:
        raise LogNotWholeError(f"{path}: its last prune line is damaged: {error}") from None
    if size == 0:
        seen.root_then = CompactRange().root()
    elif size == seen.tree.size:
        seen.root_then, seen.seq_then = seen.tree.root(), seen.pruned_to
    last_seq = seen.pruned_to if seen.pruned else None
    for line in _lines(left):
        seen.tree.append(_digest(line, seen.erased))
        found = _SEQ.match(line)
        last_seq = int(found[1]) if found else last_seq
        if seen.tree.size == size:
            seen.root_then, seen.seq_then = seen.tree.root(), last_seq
    return seen


def _check_start(left: "Snapshot", seen: _Seen, path: str) -> None:
    """See that no line is missing before the first that is here and after the last pruned one."""
    found = _SEQ.match(next(_lines(left), b""))
    if found and int(found[1]) > seen.pruned_to + 1:
        raise LogNotWholeError(
            f"{path}: its first line has seq {int(found[1])}: those before it are gone, and no"
            " prune line says why",
            hint="tooltrail verify tells more",
        )


def _lines(picture: "Snapshot") -> "Iterator[bytes]":
    """Yield the lines of a picture without newlines, but for one at its end that lacks it."""
    held = b""
    for segment, size in picture:
        for line in lines_of(segment, size):
            if held:
                yield held.removesuffix(b"\n")
            held = line
    if held.endswith(b"\n"):
        yield held[:-1]


def _note(seen: _Seen, line: bytes) -> None:
    """Note what a line says of the log itself."""
    _, _, rest = line[:_HEAD_BYTES].partition(b'"event":"')
    event = rest.partition(b'"')[0]
    if event not in (b"log", b"prune", b"erase"):
        return
    body = parse(line)
    if body is None:
        return
    if event == b"log" and not seen.log_id:
        seen.log_id, seen.tool = str(body.get("log", "")), str(body.get("tool", ""))
    elif event == b"prune":
        seen.pruned, seen.pruned_to = _number(body, "lines"), _number(body, "last_seq")
        tree = body.get("tree")
        seen.pruned_tree = [str(peak) for peak in tree] if isinstance(tree, list) else []
    elif event == b"erase" and isinstance(body.get("line"), dict):
        seen.erased.add((str(body["line"].get("was")), str(body["line"].get("now"))))


def _number(body: dict[str, Any], name: str) -> int:
    return body[name] if isinstance(body.get(name), int) else -1


def _is_pruned(segment: "Segment", seen: _Seen) -> bool:
    """Tell a segment that a prune line has accounted for, though it is still here."""
    return segment.first_seq is not None and segment.first_seq <= seen.pruned_to


def _digest(line: bytes, erased: "set[tuple[str, str]]") -> bytes:
    """Return a line's leaf data; of a tombstone, that of the line which it replaced."""
    digest = sha256(line)
    if erased and b'"erased":{' in line:
        tombstone = (parse(line) or {}).get("erased")
        was = tombstone.get("hash") if isinstance(tombstone, dict) else None
        if (was, ALGORITHM + digest.hexdigest()) in erased and _HASH.fullmatch(str(was)):
            return bytes.fromhex(str(was).removeprefix(ALGORITHM))
    return digest.digest()
