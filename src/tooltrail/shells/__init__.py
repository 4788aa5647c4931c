"""Shells: a hook that has an interactive shell, or an agent's `bash -c`, tell of each command.

Installing writes two things: the hook, a script in our data folder, and a marked block in the
shell's start-up file that reads it. Through `BASH_ENV` the same script serves shells that are
not interactive.
"""

import os
import shlex
import sys

from .. import userfile
from .._typing import TYPE_CHECKING, Any
from .._wire import OWN_TOOL
from ..errors import UsageError
from ..settings import settings_for
from ..trail import data_home
from ..userfile import Edit

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

NAMES = ("bash", "zsh")
NOTE = "shells that start from now on are recorded; tooltrail log lists what they ran"
_START, _END = "# >>> tooltrail hook >>>\n", "# <<< tooltrail hook <<<\n"
_MARK = "# A hook of tooltrail, version "
# What reads a hook; by `\builtin`, for a user who has a function or an alias of that name.
_READ = {
    # What `.` reads does not see a DEBUG trap that is there: so that is looked up before.
    "bash": "_tooltrail_theirs=$(\\builtin trap -p DEBUG); {}",
    "zsh": "\\builtin emulate -R zsh -o no_aliases -o local_traps -o no_debug_before_cmd -c {}",
}


def hook_path(name: str) -> str:
    """Return where the hook of a shell is: what `BASH_ENV` names for an agent's bash."""
    return f"{_folder()}/shells/hook.{name}"


def install(
    name: str,
    *,
    command: "Sequence[str]",  # noqa: ARG001 - the recorder starts by the interpreter
    home: str,
    project: str | None,
) -> "list[Edit]":
    """Return the changes that have a shell tell of its commands."""
    _refuse(name, project)
    script = _script_edit(name, _script(name))
    path, before = _startup(name, home)
    quoted = shlex.quote(hook_path(name))
    read = f"\\builtin . {quoted}"
    read = _READ[name].format(shlex.quote(read) if name == "zsh" else read)
    block = f"{_START}\\builtin test ! -r {quoted} || {{ {read}; }}\n{_END}"
    text = _without_block(before or "", path)
    if text and not text.endswith("\n"):
        text += "\n"
    former = _block(before or "")
    after = before if former == block else text + block
    return [script, Edit(path, before, after)]


def uninstall(
    name: str,
    *,
    command: "Sequence[str]",  # noqa: ARG001
    home: str,
    project: str | None,
) -> "list[Edit]":
    """Return the changes that take away what `install` wrote, and only that."""
    _refuse(name, project)
    path, before = _startup(name, home)
    after = None if before is None else _without_block(before, path)
    # Of a file that was changed there is a backup: without one, there was no such file.
    alone = bool(before) and not after and next(userfile.backups(path), None) is None
    return [Edit(path, before, None if alone else after, ours=alone), _script_edit(name, None)]


def status(
    name: str,
    *,
    command: "Sequence[str]",  # noqa: ARG001
    home: str,
    project: str | None,  # noqa: ARG001
) -> "list[Row]":
    """Return how a shell's hook stands."""
    path, text = _startup(name, home)
    row: Row = {"path": path, "state": "off", "command": None, "hook": hook_path(name)}
    if _block(text or ""):
        row["state"], row["command"] = "on", hook_path(name)
        script = userfile.read(hook_path(name))
        if script is None:
            row["state"], row["problem"] = "broken", f"{hook_path(name)} is gone"
        elif script != _script(name):
            row["state"] = "broken"
            row["problem"] = "the hook is of another tooltrail, or was changed: install it again"
    return [row]


def _refuse(name: str, project: str | None) -> None:
    if project is not None:
        raise UsageError(f"{name}: a shell reads its own user's files, not a project's")


def _folder() -> str:
    return f"{data_home(configured=settings_for(OWN_TOOL).data_home)}/{OWN_TOOL}"


def _script(name: str) -> str:
    with open(f"{os.path.dirname(__file__)}/hook.{name}", encoding="utf-8") as file:
        text = file.read()
    text = text.replace("@PYTHON@", shlex.quote(sys.executable))
    return text.replace("@SPOOL@", shlex.quote(f"{_folder()}/spool"))


def _script_edit(name: str, after: str | None) -> Edit:
    path = hook_path(name)
    before = userfile.read(path)
    if before is not None and not before.startswith(_MARK):
        raise UsageError(f"{path}: is not a hook of ours, and stays", hint="move it away")
    return Edit(path, before, after, ours=True)


def _startup(name: str, home: str) -> "tuple[str, str | None]":
    """Return a shell's start-up file, and what it holds."""
    folder = home
    if name == "zsh" and os.environ.get("ZDOTDIR", "").startswith("/"):
        folder = os.environ["ZDOTDIR"]
    path = f"{folder}/.{name}rc"
    return path, userfile.read(path)


def _block(text: str) -> str:
    """Return our block as it stands in a text, or nothing."""
    _, start, rest = text.partition(_START)
    inner, end, _after = rest.partition(_END)
    return f"{start}{inner}{end}" if start and end else ""


def _without_block(text: str, path: str) -> str:
    block = _block(text)
    if not block and _START in text:
        raise UsageError(
            f"{path}: the block of tooltrail has lost its end", hint=f"its last line is: {_END}"
        )
    return text.replace(block, "", 1) if block else text
