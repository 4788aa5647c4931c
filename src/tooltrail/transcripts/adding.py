"""Add what transcripts tell to the log of imports, each call once."""

from typing import TYPE_CHECKING, Any

from .. import _host
from .._claims import Agent, clean_id
from .._encode import printable, sha256
from .._wire import ALGORITHM, IMPORT_TOOL, OWN_TOOL, RECORDER_IMPORT
from ..agents.command_line import called
from ..agents.event import BOTH
from ..context import Context, is_request_id
from ..secondhand import Told, request_id_for
from ..settings import NONE, settings_for
from ..trail import log_path
from ..trail.read import lines
from ..trail.segments import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ran import Ran
    from .source import Source

_SOURCE = "import"
_MAX_ARGV_LINE = 131_072  # characters of a line that is looked into for the program that it calls
_MAX_INTENT_CHARS = 2000
_ID = b'"request_id":"'
_HEAD_BYTES = 400  # of a log's line, within which its call's id is


class Known:
    """The ids of the calls that the logs have: all of one log are read when it is first asked."""

    def __init__(self) -> None:
        self._ids: dict[str, set[str]] = {}

    def has(self, path: str, request_id: str) -> bool:
        """Tell whether a log has a call; a log that is not there has none."""
        if path not in self._ids:
            self._ids[path] = set(_ids_in(path))
        return request_id in self._ids[path]

    def add(self, path: str, request_id: str) -> None:
        """Note a call that was written just now."""
        self._ids[path].add(request_id)


class Adding:
    """One import, and what it came to."""

    def __init__(self, source: "Source", *, since: str | None, dry_run: bool) -> None:
        self.source = source
        self.found = self.added = self.known = 0
        self.skipped: dict[str, int] = {}
        self.unknown_ends = 0
        self._since, self._dry_run = since, dry_run
        self._logs = Known()

    def run(
        self,
        read: "Callable[[Source, str], Iterator[Ran]]",
        progress: "Callable[[Adding], None]",
    ) -> None:
        """Read all and write what is new. Raises `NotRecordedError`."""
        for path in self.source.each():
            for ran in read(self.source, path):
                self.found += 1
                self._add(ran)
                progress(self)
            progress(self)

    def _add(self, ran: "Ran") -> None:
        timestamp = _host.timestamp(ran.started_ns)
        if self._since is not None and timestamp < self._since:
            self._skip("older than --since")
            return
        request_id = ran.request_id or request_id_for(ran.agent, ran.session, ran.tool_call)
        tool, argv = _called(ran)
        home = settings_for(tool).data_home
        logs = [log_path(name, home) for name in (IMPORT_TOOL, OWN_TOOL)]
        if ran.params is not None:  # an entry of ours: the tool's own log may have it
            logs.append(log_path(tool, home))
        if any(self._logs.has(log, request_id) for log in logs):
            self.known += 1
            return
        context = _context(ran)
        told = Told(
            tool,
            recorder=RECORDER_IMPORT,
            request_id=request_id,
            timestamp=timestamp,
            context=context,
            log_tool=IMPORT_TOOL,
        )
        _redact_ids(context, told)
        process: dict[str, Any] = {"cwd": ran.cwd, "argv": argv, "host": ran.host}
        params = {"argv": argv} if ran.params is None else ran.params
        told.describe(ran.command, params, process=process)
        if told.level == NONE:
            self._skip("the settings say that it is not recorded")
            return
        if not self._dry_run:
            told.write_end(ran.ending, duration_ms=ran.duration_ms, output=_output(ran))
        self._logs.add(logs[0], request_id)
        self.added += 1
        self.unknown_ends += ran.ending.exit_code is None

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def _ids_in(path: str) -> "Iterator[str]":
    try:
        for line, _ in lines(snapshot(path)):
            at = line.find(_ID, 0, _HEAD_BYTES) + len(_ID)
            if at >= len(_ID):
                yield line[at : line.find(b'"', at)].decode("ascii", "replace")
    except FileNotFoundError:
        return


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


def _redact_ids(context: Context, told: Told) -> None:
    """Take keys out of the ids; `Told.describe` does it for the other claims."""
    text, agent = told.redactor.text, context.agent
    context.trace_id = clean_id(text(context.trace_id, "trace_id"))
    context.operator = clean_id(text(context.operator or "", "operator")) or None
    if agent is not None and agent.session:
        agent.session = clean_id(text(agent.session, "caller.session"))
    if agent is not None and agent.version:
        agent.version = clean_id(text(agent.version, "caller.agent_version"))


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
