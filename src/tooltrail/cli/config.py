"""`tooltrail config`: what holds on this machine, for this user, and who said so."""

import os
import sys

from .. import _host
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE, OWN_TOOL
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import TooltrailError
from ..query.options import JSON, TABLE, Option
from ..render import deliver
from ..render.safe import fit, pad, safe, width
from ..settings import settings_for
from ..settings.kinds import Propagation, RedactionRules, Retention, Rule
from ..settings.merge import configuration, settings_of
from ..trail import data_home, tool_name
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .._block import RecordedBlock
    from ..settings import Settings
    from ..settings.files import Configuration

    Row = dict[str, Any]

_DEFAULT = "default"
_MAX_PROBLEM_CHARS = 1000
_TOOL = Option("--tool", "NAME", "what holds for the calls of this tool")
_UNITS = {
    "rotate_at": (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1)),
    "retention.max_size": (("GB", 10**9), ("MB", 10**6), ("kB", 10**3), ("B", 1)),
    "retention.max_age": (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)),
}

EXAMPLE = """\
# The configuration of tooltrail, as TOML. As it stands it changes nothing: take the '#' from the
# start of a line to set it. A setting shows its default; what has none shows an example, and
# says so.
#
# /etc/tooltrail/config.toml binds every user; then come the TOOLTRAIL_* variables; then
# ~/.config/tooltrail/config.toml. `tooltrail config` shows what holds, and who said so.

# A call that cannot be recorded: "open" runs it all the same, "closed" refuses to run it.
#policy = "open"

# What is synced to the disk before a call goes on: "none", the "end" line, or "always" both.
#durability = "none"

# What is kept of a call: "none", "metadata" (no arguments), "params", "full".
#level = "params"

# A log of this size is sealed, and the next segment begins.
#rotate_at = "100 MB"

# Whether reading commands compress sealed segments.
#compress = true

# Where the logs go: <data_home>/<tool>/audit.jsonl. `{user}` stands for the user's name.
#data_home = "~/.local/share"

# Which sealed segments a reading command may delete. Without a limit, none: these are examples.
#[retention]
#max_size = "5 GB"
#max_segments = 50
#max_age = "365d"

# What is a secret here, beside what is always taken for one.
#[redact]
# Take every name for a secret that contains "token", "key", "secret" and the like.
#strict = false
# Names of params, flags and variables that hold a secret; an example.
#names = ["customer_ref"]
# Names that sound like a secret and hold none; an example.
#spare = ["sort_key"]
# What keys begin with; an example.
#prefixes = ["acme_"]

# Which hosts learn of a call from its HTTP requests. Without a list, none: these are examples.
#[propagate]
#to = ["api.example.com", "*.corp.example"]
# Whether they get X-Request-ID beside traceparent.
#request_id = false

# For one tool: policy, durability, level, rotate_at, compress; an example.
#[tool.deployctl]
#level = "full"

# For some calls: the first rule that matches counts, before any level above. A command stands
# for its subcommands too, and * for anything; an example.
#[[rule]]
#tool = "vault"
#command = "kv *"
#operator = "ci-*"
#level = "metadata"
"""


def main(arguments: "Sequence[str]") -> int:
    """Show the configuration, or an example of one, or begin a new key for fingerprints."""
    made = _reading.parser(
        "config", "Show each setting, its value, and which file or variable said so.", [_TOOL]
    )
    made.add_argument("--output", choices=(JSON, TABLE), help="table on a terminal, json elsewhere")
    instead = made.add_mutually_exclusive_group()
    instead.add_argument(
        "--example", action="store_true", help="print a file to start from, every line a comment"
    )
    instead.add_argument(
        "--rotate-key", action="store_true", help="make fingerprints with a new key from now on"
    )
    return _reading.run("config", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    if values["example"]:
        return _answer(call, None, EXAMPLE.splitlines())
    if values["rotate_key"]:
        return _rotate_key(call, values["output"])
    found = configuration(os.environ)
    tool = tool_name(values["tool"]) if values["tool"] else None
    data = {
        "settings": list(_rows(found, tool)),
        "files": [
            {"path": place.name, "exists": place.exists, "used": place.used}
            for place in found.places
            if place.name.startswith("/")
        ],
        "problems": list(found.problems),
    }
    if not (values["output"] == TABLE and is_terminal() and _stderr_is_terminal()):
        for problem in found.problems:  # on a terminal the table shows them in the same place
            _host.say(f"tooltrail: {problem}\n")
    return _answer(call, data if values["output"] == JSON else None, _lines(data), found.problems)


def _answer(
    call: "RecordedBlock",
    data: "dict[str, Any] | None",
    lines: "Iterable[str]",
    problems: "Sequence[str]" = (),
) -> int:
    """Print `data` as a response, or else the lines; return 1 where there are problems."""
    exit_code, error = 0, None
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        exit_code, error = 1, error_fields("CONFIGURATION", f"the configuration has {count}")
    try:
        if data is None:
            deliver.write((line + "\n" for line in lines), True)
        call.finish(Ending(exit_code, FAILURE if problems else None, error=error))
        if data is not None:
            answer = response(
                exit_code=exit_code,
                data=data,
                error=error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            deliver.write([document(answer, indented=is_terminal())], False)
    except OSError as failure:
        return deliver.undelivered(call, failure)
    return exit_code


def _rotate_key(call: "RecordedBlock", output: str) -> int:
    from .._fingerprints import rotate

    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    folder = f"{home}/{OWN_TOOL}"
    try:
        key_id = rotate(folder)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return deliver.fail(call, TooltrailError(f"no new key in {folder}: {reason}"), output)
    except TooltrailError as error:
        return deliver.fail(call, error, output)
    said = f"from now on, fingerprints are made with the new key {key_id}, in {safe(folder)}"
    data = {"key_id": key_id, "folder": folder}
    return _answer(call, data if output == JSON else None, [said])


# -- what holds


def _rows(found: "Configuration", tool: str | None) -> "Iterator[Row]":
    settings = settings_of(found, tool, os.environ)
    values = found.values_for(tool)
    for name, value in _values(settings).items():
        said = values.get(name)
        if said is not None:
            yield _row(name, value, said.source, said.binding)
        else:
            settled = found.settled_by(name)
            yield _row(name, value, settled or _source_of_default(name), settled is not None)
    for rule in found.rules_for(tool):
        if tool is None or Rule("", rule.value.get("tool")).matches(tool, None, None):
            yield _row("rule", rule.value, rule.source, rule.binding)
    for other in found.tools if tool is None else ():
        for name, said in found.values_for(other).items():
            general = values.get(name)
            if general is None or (said.value, said.source) != (general.value, general.source):
                yield _row(f"tool.{other}.{name}", said.value, said.source, said.binding)


def _row(name: str, value: Any, source: str, binding: bool) -> "Row":
    return {"name": name, "value": value, "source": source, "binding": binding}


def _values(settings: "Settings") -> dict[str, Any]:
    redact = settings.redact or RedactionRules()
    retention = settings.retention or Retention()
    propagate = settings.propagate or Propagation(())
    return {
        "policy": settings.policy,
        "durability": settings.durability,
        "level": settings.level,
        "rotate_at": settings.rotate_at,
        "data_home": data_home(configured=settings.data_home),
        "compress": settings.compress,
        "retention.max_size": retention.max_bytes,
        "retention.max_segments": retention.max_segments,
        "retention.max_age": retention.max_age_s,
        "redact.strict": redact.strict,
        "redact.names": list(redact.names),
        "redact.spare": list(redact.spare),
        "redact.prefixes": list(redact.prefixes),
        "propagate.to": list(propagate.to),
        "propagate.request_id": propagate.request_id,
    }


def _source_of_default(name: str) -> str:
    by_xdg = name == "data_home" and data_home() == os.environ.get("XDG_DATA_HOME")
    return "XDG_DATA_HOME" if by_xdg else _DEFAULT


# -- as a table


def _lines(data: dict[str, Any]) -> "Iterator[str]":
    rows = [("SETTING", "VALUE", "SAID BY")]
    for row in data["settings"]:
        said_by = row["source"] + (", binding" if row["binding"] else "")
        rows.append((safe(row["name"]), _words(row["name"], row["value"]), safe(said_by)))
    sizes = [max(width(row[at]) for row in rows) for at in range(2)]
    lines = [f"{pad(a, sizes[0])}  {pad(b, sizes[1])}  {c}" for a, b, c in rows]
    lines.append("")
    for file in data["files"]:
        state = "ignored" if file["exists"] else "not there"
        lines.append(f"{safe(file['path'])}: {'read' if file['used'] else state}")
    columns = deliver.terminal_columns()
    yield from (line if columns is None else fit(line, columns) for line in lines)
    yield from (f"problem: {safe(problem, _MAX_PROBLEM_CHARS)}" for problem in data["problems"])


def _words(name: str, value: Any) -> str:
    """Write a value as a person would."""
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        matched = [f"{key}={safe(value[key])}" for key in value if key != "level"]
        return f"{value['level']} for {' '.join(matched) or 'every call'}"
    if isinstance(value, list):
        return ", ".join(safe(item) for item in value) or "none"
    units = _UNITS.get(name, _UNITS.get(name.rpartition(".")[2]))
    if units and isinstance(value, int):
        unit, size = next(known for known in units if value % known[1] == 0)
        return f"{value // size}{'' if unit in 'dhms' else ' '}{unit}"
    return safe(value)


def _stderr_is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (ValueError, AttributeError):
        return False
