"""Add what transcripts tell to the log of imports, each call once.

A call that a log has without its end, because it was not told yet, or because a hook saw none,
gets the end that a transcript tells: a superseding line in the same log, since the lines of a call
are put together within one log.
"""

import json
import os
from contextlib import contextmanager, nullcontext
from fcntl import LOCK_EX, LOCK_NB, flock

from .. import _host
from .._claims import Agent, clean_id
from .._encode import encode, printable, sha256
from .._typing import TYPE_CHECKING, Any
from .._wire import ALGORITHM, IMPORT_TOOL, OWN_TOOL, RECORDER_HOOK, RECORDER_IMPORT
from ..agents.command_line import called
from ..agents.event import BOTH
from ..context import Context, is_request_id
from ..errors import CommandError
from ..secondhand import Teller, Told, request_id_for
from ..settings import NONE
from ..trail import tool_name
from ..trail.recover import make_folder
from .known import KnownLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .known import KnownCalls
    from .ran import Ran
    from .source import Source

_SOURCE = "import"
_MAX_ARGV_LINE = 131_072  # characters of a line that is looked into for the program that it calls
_MAX_INTENT_CHARS = 2000
_MAX_HARMLESS = 10_000  # ids that are known to hold no key


class Adding:
    """One import, and what it came to."""

    def __init__(self, source: "Source", *, since: str | None, dry_run: bool) -> None:
        self.source = source
        self.found = self.added = self.completed = self.known = 0
        self.skipped: dict[str, int] = {}
        self.unknown_ends = 0
        self._since, self._dry_run = since, dry_run
        self._logs = KnownLogs()
        self._teller = Teller(IMPORT_TOOL, encode=encoded)
        self._harmless: set[tuple[int, str]] = set()

    def run(
        self,
        read: "Callable[[Source, str], Iterator[Ran]]",
        progress: "Callable[[Adding], None]",
    ) -> None:
        """Read all and write what is new.

        Raises `CommandError` where another import is at work, and `NotRecordedError`.
        """
        self.source.tick = lambda: progress(self)
        with nullcontext() if self._dry_run else _alone(self._teller):
            for path in self.source.each():
                for ran in read(self.source, path):
                    self.found += 1
                    self._add(ran)
                    progress(self)

    def _add(self, ran: "Ran") -> None:
        timestamp = _host.timestamp(ran.started_ns)
        if self._since is not None and timestamp < self._since:
            self._skip("older than --since")
            return
        request_id = ran.request_id or request_id_for(ran.agent, ran.session, ran.tool_call)
        tool, argv = _called(ran)
        home = self._teller.settings(tool_name(tool)).data_home
        names = [IMPORT_TOOL, OWN_TOOL]
        if ran.params is not None:  # an entry of ours: the tool's own log may have it
            names.append(tool)
        for name in names:
            calls = self._logs.of(name, home)
            known_as = calls.find(request_id, ran.tool_call, ran.started_ns)
            if known_as is not None:
                earlier = _open_line(calls, known_as) if ran.is_ended else None
                if earlier is None:
                    self.known += 1
                else:
                    told = self._told(ran, tool, argv, known_as, str(earlier.get("timestamp")))
                    told.log_tool = name
                    self._write(ran, told, calls, earlier)
                return
        told = self._told(ran, tool, argv, request_id, timestamp)
        self._write(ran, told, self._logs.of(IMPORT_TOOL, home), None)

    def _told(
        self, ran: "Ran", tool: str, argv: list[str], request_id: str, timestamp: str
    ) -> Told:
        context = _context(ran)
        told = Told(
            tool,
            recorder=RECORDER_IMPORT,
            request_id=request_id,
            timestamp=timestamp,
            context=context,
            teller=self._teller,
        )
        self._redact_ids(context, told)
        if ran.under is not None:
            trace = self._logs.trace_of(ran.under, told.settings.data_home)
            context.trace_id, operator = trace or (
                self._cleaned(told, ran.under, "trace_id"),
                None,
            )
            context.operator = operator or context.operator
        process: dict[str, Any] = {"cwd": ran.cwd, "argv": argv, "host": ran.host}
        params = {"argv": argv} if ran.params is None else ran.params
        told.describe(ran.command, params, process=process)
        return told

    def _write(
        self, ran: "Ran", told: Told, calls: "KnownCalls", earlier: dict[str, Any] | None
    ) -> None:
        if told.level == NONE:
            self._skip("the settings say that it is not recorded")
            return
        if not self._dry_run:
            told.write_end(
                ran.ending, duration_ms=ran.duration_ms, output=_output(ran), earlier=earlier
            )
        calls.add(told.request_id, ran.tool_call, ended=ran.is_ended)
        if earlier is not None:
            self.completed += 1
            return
        self.added += 1
        self.unknown_ends += ran.ending.exit_code is None

    def _redact_ids(self, context: Context, told: Told) -> None:
        """Take keys out of the ids; `Told.describe` does it for the other claims."""
        agent = context.agent
        context.trace_id = self._cleaned(told, context.trace_id, "trace_id")
        context.operator = self._cleaned(told, context.operator or "", "operator") or None
        if agent is not None and agent.session:
            agent.session = self._cleaned(told, agent.session, "caller.session")
        if agent is not None and agent.version:
            agent.version = self._cleaned(told, agent.version, "caller.agent_version")
        parent = context.parent_request_id
        if parent and self._cleaned(told, parent, "parent_request_id") != parent:
            context.parent_request_id = None

    def _cleaned(self, told: Told, value: str, where: str) -> str:
        """Return an id without keys; all calls of a session repeat the same few ids."""
        key = id(told.settings), value  # whose rules they are
        if key in self._harmless:
            return value
        cleaned = clean_id(told.redactor.text(value, where))
        if cleaned == value and len(self._harmless) < _MAX_HARMLESS:
            self._harmless.add(key)
        return cleaned

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def _open_line(calls: "KnownCalls", request_id: str) -> dict[str, Any] | None:
    """Return the line of a call that somebody else told of without its end, or None."""
    line = calls.line(request_id) if calls.is_open(request_id) else None
    if line is None or line.get("recorder") not in (RECORDER_HOOK, RECORDER_IMPORT):
        return None
    return None if "erased" in line else line


@contextmanager
def _alone(teller: Teller) -> "Iterator[None]":
    """Keep others from adding the same calls at the same time."""
    path = teller.path(IMPORT_TOOL, teller.settings(IMPORT_TOOL))
    try:
        make_folder(os.path.dirname(path))
        fd = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # nothing can be written there, as the first line will say
        yield
        return
    try:
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                "another import is at work",
                code="IMPORT_RUNNING",
                retryable=True,
                hint="try again when it is done: what it adds is not added twice",
            ) from None
        yield
    finally:
        os.close(fd)


def encoded(body: Any) -> str:
    """Write a line's body as `encode` does, ten times as fast: here `json` is loaded anyway."""
    try:
        text = json.dumps(body, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return encode(body)
    return encode(body) if "\\ud" in text else text  # it may be half a pair of surrogates


def _called(ran: "Ran") -> tuple[str, list[str]]:
    line = ran.line
    if isinstance(line, list):
        tool, argv = line[0].rpartition("/")[2] if line else "", line
    elif len(line) > _MAX_ARGV_LINE:
        tool, argv = "bash", ["bash", "-c", line]
    else:
        tool, argv = called(line)
    return ran.tool or tool or "bash", argv


def _context(ran: "Ran") -> Context:
    context = Context()
    session = clean_id(ran.session) if ran.session else None
    agent = Agent(clean_id(ran.agent), _SOURCE, session, ran.agent_version)
    if ran.agent_version:
        agent.version = clean_id(ran.agent_version)
    context.agent = agent
    context.trace_id = clean_id(ran.trace_id) if ran.trace_id else agent.identity
    context.operator = clean_id(ran.operator) if ran.operator else agent.identity
    context.trace_source = context.operator_source = _SOURCE
    parent = ran.parent_request_id
    context.parent_request_id = parent if is_request_id(parent) else None
    context.claims["tool_call"] = clean_id(ran.tool_call)
    for name, value in ran.claims.items():
        context.claims[name] = (
            printable(value[:_MAX_INTENT_CHARS]) if name == "intent" else clean_id(value)
        )
    return context


def _output(ran: "Ran") -> dict[str, Any]:
    """Return sizes and digests of what came out, as far as it is told."""
    output: dict[str, Any] = {}
    for name, told in ran.streams.items():
        content = told.encode("utf-8", "surrogatepass")
        digest = ALGORITHM + sha256(content).hexdigest()
        fields: dict[str, Any] = {"bytes": len(content), "sha256": digest}
        if name == BOTH:
            fields["with_stderr"] = True
        output["stdout" if name == BOTH else name] = fields
    return output
