"""Shims: small scripts that stand first in PATH and record the calls of programs by name.

A shim is named after a program and hands the call to `tooltrail run`, which looks the program
up in PATH without the folder of the shims. Where tooltrail is gone or broken, the shim runs the
program by itself, unrecorded.
"""

import os
import stat
import sys

from .._child import find_program
from .._host import randomness
from .._typing import TYPE_CHECKING
from .._wire import OWN_TOOL
from ..errors import NotFoundError, TooltrailError, UsageError
from ..settings import settings_for
from ..trail import data_home
from .script import is_ours, program_of, script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Row = dict[str, Any]

ON, BROKEN, FOREIGN = "on", "broken", "foreign"
_SHELLS = frozenset(["sh", "dash", "ash", "bash", "zsh", "ksh", "fish", "env"])
_MAX_NAME_CHARS = 100


def folder() -> str:
    """Return the folder of the effective user's shims, which need not exist."""
    return f"{data_home(configured=settings_for(OWN_TOOL).data_home)}/{OWN_TOOL}/shims"


def refuse_name(name: str) -> None:
    """Raise `UsageError` for a name that cannot, or must not, have a shim."""
    if "/" in name:
        raise UsageError(f"{name}: a shim is for a name, not a path", hint="calls by path go past")
    if not name or name[0] in ".-" or not name.isprintable() or len(name) > _MAX_NAME_CHARS:
        raise UsageError(f"{name!a} is not the name of a command")
    if name == OWN_TOOL:
        raise UsageError("tooltrail records its own calls by itself")
    if name in _SHELLS:
        raise UsageError(
            f"{name}: no shim, because nearly every script on the machine starts through it",
            hint="tooltrail hook install bash records what a shell runs",
        )
    if name.startswith(("python", "pypy")):
        raise UsageError(
            f"{name}: no shim, because every Python script would start twice over it",
            hint="tooltrail instrument has Python CLIs record themselves",
        )


def check(name: str, *, force: bool = False) -> None:
    """Raise what `add` would, but for a failure to write: nothing is changed.

    `UsageError` for a name that cannot have a shim, `NotFoundError` for a command that is not in
    PATH (unless forced), `TooltrailError` where a file that is not ours has its place.
    """
    refuse_name(name)
    if not force and find_program(name) is None:
        raise NotFoundError(
            f"{name}: there is no such command in PATH",
            hint="--force makes the shim of one that is yet to come",
        )
    path = f"{folder()}/{name}"
    former = _text_of(path)
    if former is not None and not is_ours(former):
        raise TooltrailError(
            f"{path}: is not a shim of ours, and stays", hint="move it away, then add the shim"
        )


def add(name: str, *, force: bool = False) -> bool:
    """Write the shim of a program; tell whether that changed anything. Raises as `check` does."""
    check(name, force=force)
    path = f"{folder()}/{name}"
    wanted, former = script(name, sys.executable), _text_of(path)
    if former == wanted and os.access(path, os.X_OK):
        return False
    _write(path, wanted)
    return True


def remove(name: str) -> bool:
    """Take the shim of a program away; tell whether there was one.

    Raises `TooltrailError` where the file of that name is not ours, or cannot be removed.
    """
    if "/" in name:
        raise UsageError(f"{name}: a shim is named by a name, not a path")
    path = f"{folder()}/{name}"
    text = _text_of(path)
    if text is None:
        return False
    if not is_ours(text):
        raise TooltrailError(f"{path}: is not a shim of ours, and stays")
    try:
        os.unlink(path)
    except OSError as error:
        raise TooltrailError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    return True


def rows(environment: "Mapping[str, str]") -> "list[Row]":
    """Return what is in the folder: for each file `name`, `path`, `state` and what is behind it.

    `program` is what the shim records (None: not in PATH now), `first` whether a shell finds the
    shim before it, `problem` what is wrong, where something is.
    """
    place = folder()
    try:
        names = sorted(os.listdir(place))
    except OSError:
        return []
    return [_row(place, name, environment) for name in names]


def _row(place: str, name: str, environment: "Mapping[str, str]") -> "Row":
    path = f"{place}/{name}"
    try:
        text = _text_of(path) or b""
    except TooltrailError:
        text = b""
    program = find_program(name, environment)
    row: Row = {"name": name, "path": path, "state": ON, "program": program, "problem": None}
    row["first"] = _first(name, environment) == os.path.realpath(path)
    if not is_ours(text):
        row["state"], row["problem"] = FOREIGN, "not a shim of ours"
    elif not os.access(path, os.X_OK):
        row["state"], row["problem"] = BROKEN, "it cannot be executed"
    elif not _starts(text):
        row["state"] = BROKEN
        row["problem"] = "the tooltrail that made it is gone: calls are not recorded"
    elif program is None:
        row["problem"] = "there is no such command in PATH"
    return row


def _starts(text: bytes) -> bool:
    """Tell whether the tooltrail that a shim names is still there."""
    python, entry = program_of(text)
    return os.access(python, os.X_OK) and os.access(entry, os.R_OK)


def _first(name: str, environment: "Mapping[str, str]") -> str | None:
    for part in environment.get("PATH", os.defpath).split(os.pathsep):
        path = f"{part or '.'}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.realpath(path)
    return None


def place_in_path(environment: "Mapping[str, str]") -> str:
    """Tell where the folder stands in PATH: `first`, `later` or `missing`."""
    place = os.path.realpath(folder())
    folders = environment.get("PATH", "").split(os.pathsep)
    found = [os.path.realpath(part or ".") == place for part in folders]
    if not any(found):
        return "missing"
    return "first" if found[0] else "later"


def _text_of(path: str) -> bytes | None:
    """Return what a file holds, or None where there is none; what is no plain file is not ours."""
    try:
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            return b""
        with open(path, "rb") as file:
            return file.read(65_536)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TooltrailError(f"{path}: {getattr(error, 'strerror', error)}".lower()) from error


def _write(path: str, text: bytes) -> None:
    """Write a shim whole or not at all: a call may arrive at any moment."""
    unfinished = f"{path}.{randomness(4).hex()}"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700)
        try:
            with open(fd, "wb") as file:
                file.write(text)
            os.chmod(unfinished, 0o700)  # whatever the umask
            os.replace(unfinished, path)
        except OSError:
            os.unlink(unfinished)
            raise
    except OSError as error:
        raise TooltrailError(f"{path}: {(error.strerror or str(error)).lower()}") from error
