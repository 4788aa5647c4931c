"""A secret that is asked about: it comes on stdin, and goes nowhere."""

import os
import sys

from .._block import filter_lines
from .._encode import printable
from .._typing import TYPE_CHECKING, Any
from .._wire import (
    AGENT_VARIABLES,
    GIT_TRACE2_PARENT_SID,
    OWN_TOOL,
    REDACTED,
    TOOL_OPERATOR,
    TOOL_PARENT_REQUEST_ID,
    TOOL_TRACE_ID,
    TRACEPARENT,
)
from ..context import environment_name
from ..errors import UsageError
from ..trust.tombstones import MIN_SECRET_CHARS

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_SECRET_BYTES = 65_536
_FIXED = ("code", "type", "source")  # members whose values are names of the format's own
# What a caller claims of itself. No other variable is dropped: HOME, PATH, XDG_* and TOOLTRAIL_*
# say where things are, and without them another home would be read and written.
_CLAIMS = (
    environment_name(OWN_TOOL) + "_TRACE_ID",
    TOOL_TRACE_ID,
    TOOL_OPERATOR,
    TOOL_PARENT_REQUEST_ID,
    TRACEPARENT,
    GIT_TRACE2_PARENT_SID,
    *AGENT_VARIABLES,
)
# The members of a line that hold free text: in any other one, a secret is there by chance.
_FREE_TEXT = (
    *("trace_id", "operator", "caller", "params", "process", "error", "warnings", "child"),
    *("command", "steps", "downstream", "message"),
)


def read_secret() -> str:
    """Read a secret from stdin, one line, and keep it out of what this process records.

    Raises `UsageError` where there is none, where it is too short to be looked for, or where it
    stands in an argument as well.
    """
    text = _line_of_stdin()
    if text:
        _keep_out(text)
    if text and any(text in argument for argument in sys.argv[1:]):
        del sys.argv[1:]
        raise UsageError(
            "the secret stands in an argument too, where every process can read it",
            hint="give it on stdin alone; the shell's history may hold it now",
        )
    if len(text) < MIN_SECRET_CHARS:
        raise UsageError(
            f"a secret of fewer than {MIN_SECRET_CHARS} characters would be found everywhere",
            hint="look for the calls by their request ids",
        )
    return text


def _keep_out(text: str) -> None:
    """Drop the claims that hold the secret; elsewhere (the home, the cwd) it is not written."""
    for name in _CLAIMS:
        if text in os.environ.get(name, ""):
            del os.environ[name]
    filter_lines(lambda line: _line_without(line, text))
    filter_lines(lambda line: _line_without(line, printable(text)))


def _line_without(line: "Mapping[str, Any]", text: str) -> dict[str, Any]:
    """Return the members of a line without the secret, and say in `redactions` where it was."""
    took: list[str] = []
    clean = {
        name: _without(value, text, name, took) if name in _FREE_TEXT else value
        for name, value in line.items()
    }
    if took:
        places = [{"where": where, "rule": "value"} for where in took]
        clean["redactions"] = [*clean.get("redactions", ()), *places]
    return clean


def _without(value: Any, text: str, where: str, took: list[str]) -> Any:
    if isinstance(value, str) and text in value and text not in REDACTED:
        took.append(where)
        return value.replace(text, REDACTED)
    if isinstance(value, dict):
        return {
            name: item if name in _FIXED else _without(item, text, f"{where}.{name}", took)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without(item, text, f"{where}[{at}]", took) for at, item in enumerate(value)]
    return value


def _line_of_stdin() -> str:
    if sys.stdin is None:
        raise UsageError("--secret-stdin: stdin is closed")
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("secret: ", sys.stderr)
    data = sys.stdin.buffer.read(_MAX_SECRET_BYTES + 1)
    line = data.removesuffix(b"\n").removesuffix(b"\r")
    if len(data) > _MAX_SECRET_BYTES or b"\n" in line:
        raise UsageError("--secret-stdin takes one line of at most 65,536 bytes")
    return line.decode("utf-8", "surrogateescape")
