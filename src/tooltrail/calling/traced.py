"""The two functions of the document that asked for tooltrail, on top of `tooltrail.run`.

Source: CLI Agent Spec, challenge 33, "Agent Workaround".
"""

import json
from functools import cache

from .._typing import TYPE_CHECKING
from ..errors import TooltrailError
from .run import run
from .session import Session

if TYPE_CHECKING:
    from typing import Any


_ALL = 1 << 40  # bytes: more than any log


class NoJSONError(TooltrailError, RuntimeError):
    """A command that was to answer in JSON did not; `result` is what the call came to."""

    code = "NO_JSON"


def traced_run(cmd: list[str], operation: str) -> "dict[str, Any]":
    """Run a command that answers in JSON, and return its response.

    The calls of one process are one session, each a trace of its own that continues it. Prints
    one line, `[TRACE] op=... trace=... request_id=... agent_ms=... tool_ms=...`; what the tool
    does not say is `unknown`. Raises `NoJSONError`, a `RuntimeError`, where there is no JSON.
    """
    result = run(cmd, operation=operation, session=_own_session())
    if result.json is None:
        error = NoJSONError(f"No JSON from {operation}")
        error.result = result  # type: ignore[attr-defined]
        raise error
    tool_ms = "unknown" if result.tool_ms is None else result.tool_ms
    request_id = _plain(result.meta.get("request_id", "unknown"))
    print(
        f"[TRACE] op={_plain(operation)} trace={result.trace_id} request_id={request_id}"
        f" agent_ms={result.agent_ms} tool_ms={tool_ms}"
    )
    response: dict[str, Any] = result.json
    return response


def _plain(value: object) -> str:
    """Return what a tool says of itself as part of one line, which a terminal does not act on."""
    text = str(value)[:300]
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


@cache
def _own_session() -> Session:
    return Session()


def get_audit_log(tool: str, since: str = "1h") -> "list[dict[str, Any]]":
    """Return the entries of a tool's own audit log since then, as the tool itself tells them.

    Runs `TOOL audit-log --since SINCE --output jsonl`; that call is not among what is returned.
    Lines that are no JSON object are left out. Raises `AuditLogError` where the tool does not
    know the command, or did not end well: what it had printed by then is `error.result.stdout`.
    """
    command = [tool, "audit-log", "--since", since, "--output", "jsonl"]
    result = run(command, operation="audit-log", max_output=_ALL)
    entries = []
    for line in result.stdout.split("\n"):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and entry.get("request_id") != result.meta.get("request_id", 0):
            entries.append(entry)
    if not result.ok:
        raise AuditLogError(tool, result)
    return entries


class AuditLogError(TooltrailError):
    """A tool's `audit-log` failed; `result` is what the call came to."""

    code = "NO_AUDIT_LOG"

    def __init__(self, tool: str, result: "Any") -> None:
        last = result.stderr.strip().rpartition("\n")[2][:300]
        ended = (
            f"ended with exit code {result.exit_code}: {last}" if last else result.error["message"]
        )
        super().__init__(
            f"{tool} audit-log: {ended}",
            hint=f"tooltrail log --tool {tool} lists what was recorded of it",
        )
        self.result = result
