"""`tooltrail instrument enable|disable|status`: have every CLI of an environment record itself."""

import os

from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE
from ..auto import environments
from ..auto.clis import clis_of
from ..auto.environments import BROKEN, OFF, ON
from ..entry import Ending, error_fields
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

_ENABLE, _DISABLE, _STATUS = "enable", "disable", "status"
_WORDS = {ON: "its CLIs record themselves", OFF: "its CLIs do not record themselves"}


def main(arguments: "Sequence[str]") -> int:
    """Write an environment's start-up files, take them away, or tell how it stands."""
    made = _reading.parser(
        "instrument",
        "Have every CLI of a virtual environment record itself whenever it is called, through"
        " start-up files among its packages. The tools stay as they are.",
        [],
    )
    made.add_argument("action", choices=(_ENABLE, _DISABLE, _STATUS), help="what to do")
    made.add_argument(
        "--venv",
        metavar="PATH",
        help="the environment; else the active one (VIRTUAL_ENV, CONDA_PREFIX)",
    )
    made.add_argument("--output", choices=(TABLE, JSON), help="table on a terminal, json elsewhere")
    return _reading.run("instrument", made, arguments, _act)


def _act(call: "RecordedBlock", values: "Row") -> int:
    output = values["output"]
    try:
        row = _ACTIONS[values["action"]](_chosen(values["venv"]))
    except TooltrailError as error:
        return deliver.fail(call, error, output)
    broken = row["state"] == BROKEN
    return _answer(call, row, output, 1 if broken else 0)


def _chosen(given: str | None) -> str:
    """Return the environment that is meant. Never our own by default: what is changed is named."""
    if given is not None:
        return given
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    if active:
        return active
    raise UsageError("no environment is active", hint="name one with --venv PATH")


def _enable(path: str) -> "Row":
    environment = environments.environment_at(path)
    changed = environments.enable(environment)
    return {**_described(environment), "changed": changed}


def _disable(path: str) -> "Row":
    folder = environments.folder_of(path)
    changed = environments.disable(folder)
    return {"venv": folder, "state": OFF, "changed": changed}


def _status(path: str) -> "Row":
    environment = environments.environment_at(path)
    return {**_described(environment), "clis": clis_of(environment)}


def _described(environment: environments.Environment) -> "Row":
    state = environments.state_of(environment)
    return {"venv": environment.path, "python": environment.version_text, **state}


_ACTIONS = {_ENABLE: _enable, _DISABLE: _disable, _STATUS: _status}


def _answer(call: "RecordedBlock", row: "Row", output: str, exit_code: int) -> int:
    error = None
    if exit_code:
        error = error_fields(
            "BROKEN",
            f"{row['venv']}: {row['problem']}",
            hint="enable it again, or disable it",
        )
    call.finish(Ending(exit_code, FAILURE if exit_code else None, error=error))
    try:
        if output == JSON:
            answer = response(
                exit_code=exit_code,
                data=row,
                error=error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            deliver.write([document(answer, indented=is_terminal())], False)
        else:
            deliver.write((f"{line}\n" for line in _lines(row)), True)
    except OSError as failure:
        return deliver.undelivered(call, failure)
    return exit_code


def _lines(row: "Row") -> "Iterator[str]":
    words = safe(row["problem"]) if row["state"] == BROKEN else _WORDS[row["state"]]
    again = "" if row.get("changed", True) else ", as before"
    python = f" (Python {safe(row['python'])})" if "python" in row else ""
    yield f"{row['state']:<7} {safe(row['venv'])}{python}: {words}{again}"
    if "tooltrail" in row:
        yield f"        by tooltrail {safe(row['version'])} in {safe(row['tooltrail'])}"
    if not row.get("clis"):
        return
    yield ""
    rows = [("CLI", "FRAMEWORK", "STARTS")]
    for cli in row["clis"]:
        rows.append((safe(cli["name"]), cli["framework"] or "-", safe(cli["starts"])))
    sizes = [max(width(each[at]) for each in rows) for at in range(2)]
    for a, b, c in rows:
        yield f"{pad(a, sizes[0])}  {pad(b, sizes[1])}  {c}"
