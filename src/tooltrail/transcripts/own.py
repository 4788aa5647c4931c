"""Lines of another machine's log, or lines that anybody can make of what they have.

The second kind: `timestamp` (ISO 8601), `argv` (a list) or `command` (a shell's line), and where
known `tool`, `exit_code`, `duration_ms`, `session`, `id`, `trace_id`, `operator`, `cwd`, `host`.
"""

from .._encode import sha256
from .._typing import TYPE_CHECKING, Any
from .._wire import (
    CRASHED,
    FAILURE,
    INTERRUPTED,
    KILLED,
    NOT_STARTED,
    REPLACED,
    SUCCESS,
    TERMINATED,
    TIMED_OUT,
    UNKNOWN,
    USAGE_ERROR,
)
from ..agents.event import ended_with, exit_code, milliseconds, text
from ..context import is_request_id
from ..entry import Ending, error_fields
from ..secondhand import request_id_for
from .ran import Ran, nanoseconds, object_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

NAME = "jsonl"
USUAL: tuple[str, ...] = ()
ENDINGS = (".jsonl", ".ndjson")
_CALLS = ("begin", "end")
_OUTCOMES = frozenset(
    (
        *(SUCCESS, FAILURE, USAGE_ERROR, CRASHED, INTERRUPTED, TERMINATED, KILLED, REPLACED),
        *(TIMED_OUT, NOT_STARTED, UNKNOWN),
    )
)
_ULID = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def read(source: "Source", path: str) -> "Iterator[Ran]":
    """Yield the calls: of our own format each at its end, at last those that have none."""
    begun: dict[str, Ran] = {}
    for line in source.read(path):
        fields = source.parse(line)
        if fields is None:
            continue
        event = fields.get("event")
        if event is not None and event not in _CALLS:
            continue  # a log's own lines: seals, registrations
        ran = _plain(fields, line) if event is None else _entry(fields)
        if ran is None:
            source.bad()
        elif event == "begin":
            begun[ran.request_id or ""] = ran
        else:
            begun.pop(ran.request_id or "", None)
            yield ran
    yield from begun.values()


def _plain(fields: dict[str, Any], line: bytes) -> Ran | None:
    started = nanoseconds(fields.get("timestamp"))
    given = fields.get("argv", fields.get("command"))
    if isinstance(given, list):
        given = given if given and all(isinstance(part, str) for part in given) else None
    if started is None or not isinstance(given, (str, list)) or not given:
        return None
    session = text(fields, "session") or ""
    call = fields.get("id") if isinstance(fields.get("id"), str) else None
    ran = Ran(started, NAME, session, call or sha256(line.strip()).hexdigest()[:32], given)
    ran.tool = text(fields, "tool")
    ran.cwd, ran.host = text(fields, "cwd"), text(fields, "host")
    return _completed(ran, fields)


def _entry(fields: dict[str, Any]) -> Ran | None:
    started, called = nanoseconds(fields.get("timestamp")), fields.get("request_id")
    tool = text(fields, "tool")
    if started is None or tool is None or not is_request_id(called):
        return None
    process = object_in(fields, "process")
    argv = process.get("argv")
    line = [part for part in argv if isinstance(part, str)] if isinstance(argv, list) else []
    session = text(object_in(fields, "caller"), "session") or ""
    ran = Ran(started, NAME, session, called, line)
    ran.request_id = called if _is_ours(called) else request_id_for(NAME, "", called)
    ran.tool, ran.command = tool, text(fields, "command")
    ran.params = object_in(fields, "params")
    ran.cwd, ran.host = text(process, "cwd"), text(process, "host")
    parent = fields.get("parent_request_id")
    ran.parent_request_id = parent if is_request_id(parent) else None
    return _completed(ran, fields)


def _error(error: dict[str, Any]) -> dict[str, Any] | None:
    """Return the texts of an error, which can be redacted; what else it holds is left behind."""
    code, message = text(error, "code"), text(error, "message")
    if code is None or message is None:
        return None
    return error_fields(code, message, hint=text(error, "hint"))


def _is_ours(request_id: str) -> bool:
    """Tell an id that tooltrail made: another writer of the format may have others."""
    name = request_id.removeprefix("req_")
    return (
        len(name) == len(request_id) - 4 == 26 and name[0] in "01234567" and _ULID.issuperset(name)
    )


def _completed(ran: Ran, fields: dict[str, Any]) -> Ran:
    ran.trace_id, ran.operator = text(fields, "trace_id"), text(fields, "operator")
    ran.duration_ms = milliseconds(fields, "duration_ms")
    ran.ending = ended_with(exit_code(fields.get("exit_code")))
    outcome = text(fields, "outcome")
    if outcome in _OUTCOMES and fields.get("event") == "end":
        error = _error(object_in(fields, "error")) or ran.ending.error
        ran.ending = Ending(ran.ending.exit_code, outcome, error=error)
    ran.request_id = ran.request_id or request_id_for(ran.agent, ran.session, ran.tool_call)
    return ran
