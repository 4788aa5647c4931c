"""`tooltrail hook install|status|uninstall`: the hooks in the settings of agents and shells."""

import os
import sys
from argparse import RawDescriptionHelpFormatter

from .. import shells
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE
from ..agents import installing
from ..agents.installing import BROKEN, KNOWN
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import TooltrailError, UsageError
from ..query.options import JSON, TABLE
from ..render import deliver
from ..render.safe import pad, safe, width
from ..userfile import Edit, apply
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._block import RecordedBlock

    Row = dict[str, Any]

_INSTALL, _UNINSTALL, _STATUS = "install", "uninstall", "status"
_MORE = f"""\
names:
  {", ".join(KNOWN)}: coding agents, through their own hooks
  {", ".join(shells.NAMES)}: shells

Each change of a file of yours is shown as a diff, and the file as it was is kept beside it. An
agent's hooks call `tooltrail hook handle NAME`, which reads one event on stdin, prints nothing and
ends with 0; `tooltrail hook handle generic` is for any other agent.
"""


def main(arguments: "Sequence[str]") -> int:
    """Install hooks, take them away, or tell how they stand."""
    made = _reading.parser(
        "hook", "Record the commands that a coding agent or an interactive shell runs.", ()
    )
    made.formatter_class = RawDescriptionHelpFormatter
    made.epilog = _MORE
    made.add_argument("action", choices=(_INSTALL, _STATUS, _UNINSTALL), help="what to do")
    made.add_argument("name", nargs="?", help="the agent or the shell; status tells of all")
    where = made.add_mutually_exclusive_group()
    where.add_argument(
        "--user", action="store_true", help="in the user's own settings (as without an option)"
    )
    where.add_argument(
        "--project", action="store_true", help="in the settings of the project that we are in"
    )
    made.add_argument(
        "--dry-run", action="store_true", help="show what would be changed, and change nothing"
    )
    made.add_argument("--output", choices=(TABLE, JSON), help="table on a terminal, json elsewhere")
    return _reading.run("hook", made, arguments, _act)


def _act(call: "RecordedBlock", values: "Row") -> int:
    try:
        if values["action"] == _STATUS:
            rows = list(_statuses(values["name"]))
            return _answer(call, {"hooks": rows}, _status_lines(rows), values["output"], rows)
        data = _change(call, values)
    except TooltrailError as error:
        return deliver.fail(call, error, values["output"])
    return _answer(call, data, _change_lines(data), values["output"])


# -- what is done


def _change(call: "RecordedBlock", values: "Row") -> "Row":
    name, action = values["name"], values["action"]
    module = _module_of(name, needed_by=action)
    edits: list[Edit] = getattr(module, action)(
        name,
        command=_program(),
        home=_home(),
        project=_project() if values["project"] else None,
    )
    files = []
    for edit in edits:
        backup = None if values["dry_run"] else apply(edit)
        files.append(
            {
                "path": edit.path,
                "changed": edit.changed,
                "backup": backup,
                "ours": edit.ours,
                "done": edit.done,
                "diff": _shown(call, edit),
            }
        )
    changed = any(edit.changed for edit in edits)
    note = ""
    if changed and action == _INSTALL:
        note = KNOWN[name].note if name in KNOWN else shells.NOTE
    return {
        "name": name,
        "action": action,
        "dry_run": values["dry_run"],
        "changed": changed and not values["dry_run"],
        "files": files,
        "notes": [note] if note else [],
    }


def _shown(call: "RecordedBlock", edit: Edit) -> list[str]:
    """Return the diff of a file of others', without the keys that it holds."""
    lines = [] if edit.ours else edit.diff()
    return [call.redactor.text(line, "data.diff") for line in lines]


def _statuses(name: str | None) -> "Iterator[Row]":
    names = [name] if name else [*KNOWN, *shells.NAMES]
    project = _project()
    for each in names:
        module = _module_of(each, needed_by=_STATUS)
        for row in module.status(each, command=_program(), home=_home(), project=project):
            yield {"name": each, **row}


def _module_of(name: str | None, needed_by: str) -> Any:
    names = ", ".join((*KNOWN, *shells.NAMES))
    if name is None:
        raise UsageError(f"{needed_by} takes the name of an agent or a shell", hint=names)
    if name in KNOWN:
        return installing
    if name in shells.NAMES:
        return shells
    raise UsageError(
        f"no hooks are known for {name!r}",
        hint=f"these are: {names}; for any other agent, see `tooltrail hook handle generic`",
    )


def _program() -> list[str]:
    """Return how this tooltrail is called, wherever the caller's PATH leads."""
    called = sys.argv[0]
    if os.path.basename(called) == "tooltrail" and os.access(called, os.X_OK):
        return [os.path.abspath(called)]  # not resolved: an installer's link outlives an upgrade
    return [sys.executable, "-m", "tooltrail"]


def _home() -> str:
    home = os.environ.get("HOME")
    if not home or not os.path.isabs(home):
        raise TooltrailError("HOME is not set: the settings cannot be found")
    return home


def _project() -> str:
    """Return the folder of the project that we are in: a repository, or else this folder."""
    try:
        here = folder = os.getcwd()
    except OSError as error:
        raise TooltrailError("the current directory is gone") from error
    while folder != "/":
        if os.path.lexists(os.path.join(folder, ".git")):
            return folder
        folder = os.path.dirname(folder)
    return here


# -- how it is told


def _answer(
    call: "RecordedBlock",
    data: "Row",
    lines: "Iterator[str]",
    output: str,
    rows: "Sequence[Row]" = (),
) -> int:
    """Print `data` as a response, or the lines; return 1 where a row is broken."""
    broken = [row for row in rows if row["state"] == BROKEN]
    error = None
    if broken:
        first = broken[0]
        error = error_fields("BROKEN", f"{first['name']}: {first['path']}: {first['problem']}")
    exit_code = 1 if broken else 0
    call.finish(Ending(exit_code, FAILURE if broken else None, error=error))
    try:
        if output == JSON:
            answer = response(
                exit_code=exit_code,
                data=data,
                error=error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            deliver.write([document(answer, indented=is_terminal())], False)
        else:
            deliver.write((f"{line}\n" for line in lines), True)
    except OSError as failure:
        return deliver.undelivered(call, failure)
    return exit_code


def _change_lines(data: "Row") -> "Iterator[str]":
    for file in data["files"]:
        yield from (safe(line) for line in file["diff"])
        if not file["changed"]:
            yield f"{safe(file['path'])}: as before"
        elif data["dry_run"]:
            yield f"{safe(file['path'])}: would be changed"
        else:
            kept = f"; as it was: {safe(file['backup'])}" if file["backup"] else ""
            yield f"{safe(file['path'])}: {file['done']}{kept}"
    yield from (f"note: {note}" for note in data["notes"])


def _status_lines(rows: "Sequence[Row]") -> "Iterator[str]":
    table = [("NAME", "STATE", "FILE")]
    table += [(row["name"], row["state"], safe(row["path"])) for row in rows]
    sizes = [max(width(line[at]) for line in table) for at in range(2)]
    for line, row in zip(table, [None, *rows], strict=True):
        yield f"{pad(line[0], sizes[0])}  {pad(line[1], sizes[1])}  {line[2]}"
        if row is not None and row.get("problem"):
            yield f"{' ' * (sum(sizes) + 4)}{safe(row['problem'])}"
