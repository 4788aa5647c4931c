"""`tooltrail shim add|remove|list`: record calls by name, whatever program makes them."""

import os
import shlex

from .. import shims
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from ..entry import Ending
from ..envelope import document, response
from ..errors import TooltrailError, UsageError
from ..query.options import JSON, TABLE
from ..render import deliver
from ..render.safe import pad, safe, width
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._block import RecordedBlock

    Row = dict[str, Any]

_ADD, _REMOVE, _LIST = "add", "remove", "list"
_FIRST = "first"


def main(arguments: "Sequence[str]") -> int:
    """Make shims, take them away, or tell which there are."""
    made = _reading.parser(
        "shim",
        "Have calls by name recorded in whatever program makes them (cron, make, an IDE, an"
        " agent), through small scripts in a folder that stands first in PATH.",
        [],
    )
    made.add_argument("action", choices=(_ADD, _REMOVE, _LIST), help="what to do")
    made.add_argument("names", metavar="NAME", nargs="*", help="the commands")
    made.add_argument("--force", action="store_true", help="also for a command yet to come")
    made.add_argument("--output", choices=(TABLE, JSON), help="table on a terminal, json elsewhere")
    return _reading.run("shim", made, arguments, _act)


def _act(call: "RecordedBlock", values: "Row") -> int:
    try:
        changed = _change(values["action"], values["names"], force=values["force"])
    except TooltrailError as error:
        return deliver.fail(call, error, values["output"])
    data = {
        "folder": shims.folder(),
        "path": shims.place_in_path(os.environ),
        "changed": changed,
        "shims": shims.rows(os.environ),
    }
    return _answer(call, data, values)


def _change(action: str, names: "Sequence[str]", *, force: bool) -> list[str]:
    """Do what was asked for; return the names for which that changed anything."""
    if action == _LIST:
        if names:
            raise UsageError("list takes no names")
        return []
    if not names:
        raise UsageError(f"{action} whose shim?", hint=f"tooltrail shim {action} NAME...")
    if action == _REMOVE:
        return [name for name in names if shims.remove(name)]
    for name in names:  # all or none of what can be told beforehand
        shims.check(name, force=force)
    return [name for name in names if shims.add(name, force=force)]


def _answer(call: "RecordedBlock", data: "Row", values: "Row") -> int:
    call.finish(Ending(0))
    try:
        if values["output"] == JSON:
            answer = response(
                exit_code=0, data=data, error=None, warnings=call.warnings, meta=call.meta()
            )
            deliver.write([document(answer, indented=is_terminal())], False)
        else:
            deliver.write((f"{line}\n" for line in _lines(data, values)), True)
    except OSError as failure:
        return deliver.undelivered(call, failure)
    return 0


def _lines(data: "Row", values: "Row") -> "Iterator[str]":
    for name in values["names"]:
        done = "added" if values["action"] == _ADD else "removed"
        as_before = "" if name in data["changed"] else ": as before"
        yield f"{done} {safe(name)}{as_before}"
    if values["action"] == _LIST:
        yield from _table(data["shims"])
    if data["path"] == _FIRST or (values["action"] == _REMOVE or not data["shims"]):
        return
    yield from _advice(data["folder"], data["path"])


def _table(rows: "list[Row]") -> "Iterator[str]":
    if not rows:
        yield "no shims"
        return
    cells = [("NAME", "STATE", "RECORDS")]
    for row in rows:
        behind = row["problem"] or row["program"]
        if row["state"] == shims.ON and not row["first"]:
            behind += " (but a call by this name does not reach the shim)"
        cells.append((safe(row["name"]), row["state"], safe(behind)))
    sizes = [max(width(each[at]) for each in cells) for at in range(2)]
    for a, b, c in cells:
        yield f"{pad(a, sizes[0])}  {pad(b, sizes[1])}  {c}"


def _advice(folder: str, place: str) -> "Iterator[str]":
    standing = "is not in PATH" if place == "missing" else "is in PATH, but not first"
    yield ""
    yield f"{safe(folder)} {standing}. To put it there:"
    if os.pathsep in folder:
        yield "  not possible: a folder with a colon in its path cannot be in PATH"
        return
    yield f'  bash, zsh:  export PATH={safe(shlex.quote(folder))}:"$PATH"'
    for_fish = folder.replace("\\", "\\\\").replace("'", "\\'")
    yield f"  fish:       set -gx PATH '{safe(for_fish)}' $PATH"
