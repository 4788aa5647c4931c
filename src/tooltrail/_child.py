"""What a command is started with: the program that its name stands for, and a file for its meta.

On the path of every wrapped call, so `json` is imported only where the C scanner behind it is
not to be had.
"""

import os

from ._host import randomness
from ._wire import ALGORITHM
from .context import is_request_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

SHIMS = "/tooltrail/shims"  # how the folder of our own shims ends
_MAX_META_BYTES = 1_000_000
_MAX_MS = 1e15
_HEX = frozenset("0123456789abcdef")


def find_program(name: str, environment: "Mapping[str, str] | None" = None) -> str | None:
    """Return the program that a shell would run for this name, or None.

    Never one of our own shims: they are what brought us here.
    """
    if "/" in name:
        return name
    found = None
    environment = os.environ if environment is None else environment
    for folder in environment.get("PATH", os.defpath).split(os.pathsep):
        path = f"{folder or '.'}/{name}"
        if os.access(path, os.F_OK) and os.path.isfile(path) and not _is_shim(folder):
            if os.access(path, os.X_OK):
                return path
            found = found or path
    return found


def _is_shim(folder: str) -> bool:
    known = _shim_folders.get(folder)
    if known is None:
        known = os.path.realpath(folder or ".").endswith(SHIMS)
        if folder.startswith("/"):  # another one leads elsewhere from another folder
            _shim_folders[folder] = known
    return known


_shim_folders: dict[str, bool] = {}


def is_machine_code(path: str) -> bool:
    """Tell what a shell must not read as a script: another machine's program, or a broken one.

    The rule is bash's: an ELF header, or a NUL in the first line.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        start = os.read(fd, 128)
        os.close(fd)
    except OSError:
        return False
    return start.startswith(b"\x7fELF") or b"\0" in start.partition(b"\n")[0]


def why_missing(program: str | None) -> str:
    """Say what was not found when a program could not be started: it, or what it needs."""
    if program and os.path.isfile(program):
        return "the interpreter that it names was not found"
    return "command not found"


class MetaFile:
    """The file where a command may leave its `meta`: `TOOL_META_FILE` of one call.

    `path` is None where none could be made; then nothing is left in it.
    """

    def __init__(self, environment: "Mapping[str, str]") -> None:
        folder = environment.get("TMPDIR") or "/tmp"
        self.path: str | None = f"{folder}/tooltrail-{randomness(12).hex()}"
        try:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except (OSError, ValueError):
            self.path = None

    def take(self) -> "list[dict[str, Any]]":
        """Return what was left in it, an object a line, and remove it."""
        if self.path is None:
            return []
        path, self.path = self.path, None
        try:
            text = _read(path) if os.lstat(path).st_size else b""  # mostly nobody knows of it
            os.unlink(path)
        except OSError:
            return []
        if not text:
            return []
        loads = json_parser()
        found = []
        for line in text.split(b"\n"):
            try:
                meta = loads(line.decode("utf-8"))
            except (ValueError, StopIteration, RecursionError):
                continue
            if isinstance(meta, dict):
                found.append(meta)
        return found


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        return os.read(fd, _MAX_META_BYTES)
    finally:
        os.close(fd)


def json_parser() -> "Callable[[str], Any]":
    """Return a parser of JSON text: the C scanner below `json`, where it is to be had."""
    try:
        from _json import make_scanner

        class Options:
            def __init__(self) -> None:
                self.strict = True
                self.object_hook = self.object_pairs_hook = None
                self.parse_float = self.parse_constant = float
                self.parse_int = int
                self.memo: dict[str, str] = {}

        scan: Any = make_scanner(Options())  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):
        from json import loads

        return loads
    return lambda text: scan(text, 0)[0]


def told_by(meta: "Mapping[str, Any]", redacted: "Callable[[str, str], str]") -> "dict[str, Any]":
    """Return what the entry's `child` says of a command that told its own id of the call."""
    given = meta.get("request_id")
    if not is_request_id(given) or redacted(given, "child.request_id") != given:
        return {}
    fields: dict[str, Any] = {"request_id": given}
    receipt = meta.get("receipt")
    if isinstance(receipt, dict) and _is_receipt(**receipt):
        fields["receipt"] = {name: receipt[name] for name in ("log", "seq", "hash")}
    took = milliseconds_in(meta)
    if took is not None:
        fields["duration_ms"] = took
    return fields


def milliseconds_in(meta: "Mapping[str, Any]") -> int | None:
    """Return the duration in a tool's `meta`, in whole ms, or None where there is none."""
    found = meta.get("duration_ms")
    if not isinstance(found, (int, float)) or isinstance(found, bool):
        return None
    return int(found) if 0 <= found < _MAX_MS else None


def _is_receipt(log: object = None, seq: object = None, hash: object = None, **_: object) -> bool:
    return (
        (log is None or (isinstance(log, str) and log.startswith("log_") and log[4:].isalnum()))
        and type(seq) is int
        and seq >= 0
        and isinstance(hash, str)
        and hash.startswith(ALGORITHM)
        and len(hash) == len(ALGORITHM) + 64
        and _HEX.issuperset(hash[len(ALGORITHM) :])
    )
