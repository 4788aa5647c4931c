"""Write what an event tells: the begin of a call, or its end.

The hook before a command and the one after it are two processes, and where the hook is installed
twice, four. The id of the call follows from the agent's own ids, and who writes looks first
whether it is written already; a lock on the log's folder keeps two from looking at once.
"""

import os
import time
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock

from .. import _host
from .._claims import Agent, clean_id
from .._encode import printable, sha256
from .._wire import (
    ALGORITHM,
    OWN_TOOL,
    RECORDER_HOOK,
    TOOL_OPERATOR,
    TOOL_PARENT_REQUEST_ID,
    TOOL_TRACE_ID,
    UNKNOWN,
)
from ..context import Context, is_request_id
from ..entry import Ending
from ..secondhand import Told, request_id_for
from ..settings import settings_for
from ..trail import log_path, tool_name
from . import _tail
from .command_line import called
from .event import BEGIN, BOTH, END

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .event import Event

_SOURCE = "hook"
_MAX_INTENT_CHARS = 2000  # it is a sentence; what redaction puts in must fit as well
_MAX_ARGV_LINE = 131_072  # characters of a line that is looked into for the program that it calls
_LOCK_TRIES, _LOCK_WAIT_S = 40, 0.05


def record(event: "Event") -> None:
    """Write an event's line, unless it is there already. Raises `NotRecordedError`."""
    tool, argv = _called(event.line)
    if not argv:
        return
    path = log_path(OWN_TOOL, settings_for(tool_name(tool)).data_home)
    with _alone(os.path.dirname(path)):
        call = _Call(event, tool, argv, path)
        if event.kind == END:
            call.end()
        elif not call.found.began and not call.found.ended:
            call.told().write_begin()


class _Call:
    """The call that an event is of: its id, and what the log says of it already."""

    def __init__(self, event: "Event", tool: str, argv: list[str], path: str) -> None:
        self.event = event
        self.tool = tool
        self.params = {"argv": argv}
        self.path = path
        self.found = _tail.Told(None, False)
        if event.tool_call is not None:
            self.request_id = self._id_of(event.tool_call)
            windows = _tail.FAR if event.kind == END else _tail.NEAR
            self.found = _tail.find(path, self.request_id, windows)
        else:
            self._find_by_what_it_runs()

    def told(self) -> Told:
        """Return the call as it is told, described."""
        event = self.event
        context = _context(event)
        told = Told(
            self.tool,
            recorder=RECORDER_HOOK,
            request_id=self.request_id,
            timestamp=self.found.began or self._began(),
            context=context,
        )
        _redact_ids(context, told)
        told.describe(None, self.params, process={"cwd": event.cwd, "argv": self.params["argv"]})
        return told

    def end(self) -> None:
        """Write the end, and how long the call took, where that can be told."""
        if self.found.ended:
            return
        event = self.event
        duration = event.duration_ms
        if duration is None and self.found.began:
            duration = max(0, (_host.wall_ns() - _ns_of(self.found.began)) // 1_000_000)
        self.told().write_end(
            event.ending or Ending(None, UNKNOWN),
            duration_ms=duration,
            output=_output(event),
        )

    def _find_by_what_it_runs(self) -> None:
        """Find the call of an agent that has no ids for tool calls."""
        event = self.event
        # Two commands of one moment differ; the id must not be a digest of a command, though,
        # from which a secret in it could be guessed.
        like = f"{self.tool} {len(event.line)}"
        self.request_id = self._id_of("", event.kind, event.at or str(_host.wall_ns()), like)
        if event.kind == BEGIN:
            self.found = _tail.find(self.path, self.request_id, _tail.NEAR)
            return
        context = _context(event)
        probe = Told(
            self.tool,
            recorder=RECORDER_HOOK,
            request_id=self.request_id,
            timestamp=_host.now(),
            context=context,
        )
        _redact_ids(context, probe)
        params, claims = probe.redactor.params(self.params), context.caller()

        def is_it(entry: "dict[str, Any]") -> bool:
            caller = entry.get("caller")
            return (
                isinstance(caller, dict)
                and entry.get("recorder") == RECORDER_HOOK
                and entry.get("tool") == probe.tool
                and entry.get("params") in (params, {})
                and all(caller.get(name) == claims.get(name) for name in ("agent", "session"))
            )

        open_call = _tail.newest_open(self.path, b'"recorder":"hook"', is_it)
        if open_call is not None:
            self.request_id, self.found.began = open_call

    def _id_of(self, *names: str) -> str:
        return request_id_for(self.event.agent, self.event.session or "", *names)

    def _began(self) -> str:
        """Return when the call began, where the log does not say: by the event's own duration."""
        duration = self.event.duration_ms or 0 if self.event.kind == END else 0
        return _host.timestamp(_host.wall_ns() - duration * 1_000_000)


def _called(line: str | list[str]) -> tuple[str, list[str]]:
    if isinstance(line, list):
        return line[0].rpartition("/")[2] or line[0], line
    if len(line) > _MAX_ARGV_LINE:
        return "bash", ["bash", "-c", line]
    return called(line) if line else ("", [])


def _context(event: "Event") -> Context:
    """Return who is calling: the agent's session, or what it was itself called with."""
    context = Context()
    session = clean_id(event.session) if event.session else None
    agent = context.agent = Agent(clean_id(event.agent), _SOURCE, session)
    trace_id = os.environ.get(TOOL_TRACE_ID)  # as its shell's children have it
    if trace_id:
        context.trace_id, context.trace_source = clean_id(trace_id), TOOL_TRACE_ID
    elif session:
        context.trace_id, context.trace_source = agent.identity, _SOURCE
    else:
        context.trace_id, context.trace_source = _host.trace_id(), "generated"
    operator = os.environ.get(TOOL_OPERATOR)
    context.operator = clean_id(operator) if operator else agent.identity
    context.operator_source = TOOL_OPERATOR if operator else _SOURCE
    parent = os.environ.get(TOOL_PARENT_REQUEST_ID)
    context.parent_request_id = parent if is_request_id(parent) else None
    for name in ("tool_call", "tool_name", "turn"):
        value = getattr(event, name)
        if value:
            context.claims[name] = clean_id(value)
    if event.intent:
        context.claims["intent"] = printable(event.intent[:_MAX_INTENT_CHARS])
    return context


def _redact_ids(context: Context, told: Told) -> None:
    """Take keys out of the ids; `Told.describe` does it for the other claims."""
    text, agent = told.redactor.text, context.agent
    context.trace_id = clean_id(text(context.trace_id, "trace_id"))
    context.operator = clean_id(text(context.operator or "", "operator")) or None
    if agent is not None:
        agent.name = clean_id(text(agent.name, "caller.agent"))
        if agent.session:
            agent.session = clean_id(text(agent.session, "caller.session"))


def _output(event: "Event") -> "dict[str, Any]":
    """Return sizes and digests of what came out, as far as it is told."""
    output: dict[str, Any] = {}
    for name, text in event.streams.items():
        content = text.encode("utf-8", "surrogatepass")
        fields: dict[str, Any] = {
            "bytes": len(content),
            "sha256": ALGORITHM + sha256(content).hexdigest(),
        }
        output["stdout" if name == BOTH else name] = fields
        if name == BOTH:
            fields["with_stderr"] = True
    return output


def _ns_of(timestamp: str) -> int:
    """Return the time that `_host.timestamp` wrote, in nanoseconds since 1970.

    `time.strptime` would import `re` and the locale's names.
    """
    year, month, day = int(timestamp[:4]), int(timestamp[5:7]), int(timestamp[8:10])
    hour, minute, second = int(timestamp[11:13]), int(timestamp[14:16]), int(timestamp[17:19])
    years = year - (month <= 2)  # days since 1970-03-01 of a calendar whose year ends in February
    days = 365 * years + years // 4 - years // 100 + years // 400
    days += (153 * ((month + 9) % 12) + 2) // 5 + day - 1 - 719468
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
    return seconds * 1_000_000_000 + int(timestamp[20:23]) * 1_000_000


@contextmanager
def _alone(folder: str) -> "Iterator[None]":
    """Keep other hooks waiting, for two seconds at most, then go on without that."""
    fd = None
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for _ in range(_LOCK_TRIES):
            try:
                flock(fd, LOCK_EX | LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_WAIT_S)
    try:
        yield
    finally:
        if fd is not None:
            os.close(fd)
