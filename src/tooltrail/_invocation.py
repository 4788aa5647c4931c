"""One running call: begins before the action, ends on every way out of it.

    new --begin--> begun --finish--> finished
     |                                  ^
     +------------finish----------------+   a call that never got to act: a usage error

Recording never breaks the call. `contained` is the one boundary: whatever goes
wrong behind it is said once, on stderr and in the response's warnings, and the
call goes on.

On the path of every call: what only a failing call needs is imported there.
"""

import os
import sys
from _contextvars import ContextVar

from . import _host, entry
from ._encode import encode
from ._wire import (
    ORIGIN_EXECUTED,
    RECORDER_TOOL,
    REPLACED,
    SCHEMA_VERSION,
    TOOL_META_FILE,
)
from .context import for_children, from_environment
from .redact import Redactor
from .trail import append, log_path, tool_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self

    from .context import Context
    from .entry import Ending
    from .trail import Receipt

_current: "ContextVar[Invocation | None]" = ContextVar("tooltrail_invocation", default=None)


def current() -> "Invocation | None":
    """Return the call that is running here, in this thread or task, or None."""
    call = _current.get()
    return call if call is not None and call.pid == os.getpid() else None


class Invocation:
    """A running call of a tool: `with Invocation("deployctl") as call:`.

    Entering reads who is calling, gives the call its ids and passes them to the processes that
    it starts. `begin` writes the line before the action; `finish` the line after it. Leaving
    the block restores the environment; it finishes nothing by itself.
    """

    request_id: str
    timestamp: str
    context: "Context"

    def __init__(
        self,
        tool: str,
        *,
        version: str | None = None,
        recorder: str = RECORDER_TOOL,
        log_tool: str | None = None,
        argv: "Sequence[str] | None" = None,
        executable: str | None = sys.executable,
        trace_id: str | None = None,
        operator: str | None = None,
        secrets: "Iterable[str]" = (),
    ) -> None:
        self.tool = tool_name(tool)
        self.version = version
        self.origin = ORIGIN_EXECUTED
        self.origin_request_id: str | None = None
        self.warnings: list[dict[str, str]] = []
        self.receipt: Receipt | None = None
        self.begun = False
        self.finished = False
        self.exit_code: int | None = None
        self.error: dict[str, Any] | None = None
        self.before_exec: Callable[[], None] | None = None
        self.after_failed_exec: Callable[[], None] | None = None
        self.before_os_exit: Callable[[Ending], object] | None = None
        self.pid = os.getpid()
        self._log_tool = tool_name(log_tool) if log_tool else self.tool
        self.path = log_path(self._log_tool)
        self._recorder = recorder
        self._argv = list(sys.argv if argv is None else argv)
        self._executable = executable
        self._asked = (trace_id, operator)
        self._redactor = Redactor(secrets)
        self._complained = False
        self._supersedes = False
        self._meta_left = False
        self._duration_ms = 0

    # -- entering and leaving

    def __enter__(self) -> "Self":
        wall = _host.wall_ns()
        self._started_ns = _host.monotonic_ns()
        self.request_id = _host.request_id(wall)
        self.timestamp = _host.timestamp(wall)
        self._user = _host.user_name(os.geteuid())
        self.context = self._read_context()
        self.warnings.extend(self.context.warnings)
        self._redacted_ids = len(self._redactor.redactions)
        self._subject = entry.Subject(
            self.context, self.request_id, self.timestamp, self.tool, self._recorder, self.version
        )
        self._token = _current.set(self)
        _process.enter(self)
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None" = None,
        error: BaseException | None = None,
        trace: "TracebackType | None" = None,
    ) -> None:
        _process.leave(self)
        try:
            _current.reset(self._token)
        except ValueError:  # left in another context than it was entered in
            _current.set(None)

    def _read_context(self) -> "Context":
        outer = current()
        trace_id, operator = self._asked
        context = from_environment(
            self.tool,
            os.environ if outer else _process.pristine_environment(),
            user=self._user,
            trace_id=trace_id,
            operator=operator,
            redacted=self._redactor.identifier,
        )
        if outer is not None:
            context.parent_request_id = outer.request_id
        return context

    @property
    def trace_id(self) -> str:
        """The id that ties this call to the others of its sequence: the caller's, or a new one."""
        return self.context.trace_id

    @property
    def command(self) -> str | None:
        """What was called of the tool: the path of a subcommand, or the tool itself."""
        return self._subject.command

    def child_variables(self) -> dict[str, str]:
        """Return the environment variables by which this call's children find it."""
        return for_children(self.context, self.request_id, _process.pristine_environment())

    # -- what the log gets

    def declare_secrets(self, names: "Iterable[str]") -> None:
        """Name options and params whose values must never be written."""
        self._redactor.declare(names)

    def hide_arguments(self, known: "Iterable[str]") -> None:
        """Take every argument for a secret, but options and the names in `known`.

        For a command line that could not be parsed, of a command that takes a secret as argument.
        """
        kept = set(known)
        self._redactor.learn([a for a in self._argv[1:] if a not in kept and a[:1] != "-"])

    def describe(
        self, command: str | None, params: "Mapping[str, Any]", *, purpose: str | None = None
    ) -> None:
        """Say what is being called, and with what: both lines of the entry will hold it."""
        self.contained(lambda: self._describe(command, params, purpose))

    def _describe(
        self, command: str | None, params: "Mapping[str, Any]", purpose: str | None
    ) -> None:
        subject = self._subject
        del self._redactor.redactions[self._redacted_ids :]
        subject.command = None if command is None else self._redactor.text(command, "command")
        subject.params = self._redactor.params(params)
        subject.process = self._process_facts()
        subject.purpose = purpose
        subject.redactions = self._redactor.redactions

    def begin(
        self, command: str | None, params: "Mapping[str, Any]", *, purpose: str | None = None
    ) -> None:
        """Write the line before the action. May be called again when more is known."""
        self.describe(command, params, purpose=purpose)
        self.begun = True
        self._subject.warnings = tuple(self.warnings)
        self._record(lambda: entry.begin(self._subject))

    def finish(
        self,
        ending: "Ending",
        *,
        output: "Mapping[str, Any] | None" = None,
        child: "Mapping[str, Any] | None" = None,
    ) -> None:
        """Write the line after the action; a second call does nothing.

        `output` tells of what the call gave back (sizes and digests), `child` of the process
        that it ran.
        """
        if self.finished or self.pid != os.getpid():  # in a forked child it is its parent's call
            return
        self.finished = True
        self._duration_ms = self.elapsed_ms()
        self.exit_code = ending.exit_code
        if not self._subject.process:
            self.describe(None, {})
        self.contained(lambda: self._keep_error(ending))
        self._subject.warnings = tuple(self.warnings)
        self._record(lambda: self._end_line(ending, output, child), with_log_id=True)

    def _keep_error(self, ending: "Ending") -> None:
        self.error = self._redact_error(ending.error)

    def _end_line(
        self,
        ending: "Ending",
        output: "Mapping[str, Any] | None",
        child: "Mapping[str, Any] | None",
    ) -> "Mapping[str, Any]":
        result = entry.result(
            exit_code=ending.exit_code,
            outcome=ending.outcome,
            duration_ms=self._duration_ms,
            signal=_signal_name(ending.signal),
            error=self.error,
            origin=self.origin,
            origin_request_id=self.origin_request_id,
            output=output,
            child=child,
        )
        return entry.end(self._subject, result, supersedes=self._supersedes)

    def undelivered(self, exit_code: int, message: str) -> None:
        """Correct the end line: the response did not reach the caller, who saw `exit_code`."""
        self._record(lambda: entry.undelivered(self.request_id, exit_code, message))

    def replaced_by(self, program: str) -> None:
        """Close the entry because `program` is about to take over this process."""
        if self.before_exec is not None:
            self.before_exec()
        program = self._redactor.text(program, "child.executable")
        self.finish(entry.Ending(None, REPLACED), child={"executable": program})
        self.leave_meta()

    def not_replaced(self) -> None:
        """Go on after an exec that failed: the real end is still to come."""
        self.finished = self._meta_left = False
        self._supersedes = True
        if self.after_failed_exec is not None:
            self.after_failed_exec()

    def os_exit(self, status: int) -> None:
        """Close the entry because `os._exit(status)` is about to end this process."""
        from ._ending import by_exit_code

        ending = by_exit_code(status)
        if self.before_os_exit is not None:
            self.before_os_exit(ending)
        self.finish(ending)
        self.leave_meta()

    def leave_meta(self) -> None:
        """Append `meta` to the caller's `TOOL_META_FILE`, where it gave one; once is enough."""
        if self.context.meta_file is None or self._meta_left or self.pid != os.getpid():
            return
        from ._meta_file import leave_meta

        self._meta_left = True
        failure = leave_meta(self.context.meta_file, self.meta())
        if failure is not None:
            self._say(f"{TOOL_META_FILE} was not written: {failure}")

    def redact_text(self, text: str, where: str) -> str:
        """Return free text of this call without its secrets."""
        return self._redactor.text(text, where)

    def elapsed_ms(self) -> int:
        """Return how long the call has run, in whole milliseconds."""
        return (_host.monotonic_ns() - self._started_ns) // 1_000_000

    def meta(self) -> "dict[str, Any]":
        """Return `meta` of the response: the same keys on every outcome."""
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "duration_ms": self._duration_ms if self.finished else self.elapsed_ms(),
            "timestamp": self.timestamp,
            "command": self.command or self.tool,
            "version": self.version,
            "schema_version": SCHEMA_VERSION,
            "receipt": self.receipt.as_json() if self.receipt else None,
            "origin": self.origin,
        }
        if self.origin_request_id:
            fields["origin_request_id"] = self.origin_request_id
        return fields

    def _redact_error(self, error: "Mapping[str, Any] | None") -> "dict[str, Any] | None":
        if error is None:
            return None
        return {
            name: self._redactor.text(value, f"error.{name}") if isinstance(value, str) else value
            for name, value in error.items()
        }

    def _process_facts(self) -> "dict[str, Any]":
        argv = self._redactor.argv(self._argv, "process.argv")
        seen = _host.process_facts(argv, self._executable, self._user)
        for name in ("cwd", "executable"):
            if seen[name]:
                seen[name] = self._redactor.text(seen[name], f"process.{name}")
        return seen

    def _record(
        self, body: "Callable[[], Mapping[str, Any]]", *, with_log_id: bool = False
    ) -> None:
        """Append one line."""

        def write() -> None:
            self.receipt = append(
                self.path, self._log_tool, encode(body()), with_log_id=with_log_id
            )

        self.contained(write)

    def contained(self, step: "Callable[[], None]") -> None:
        """Do a step of recording. The boundary: what fails in it never fails the call."""
        try:
            step()
        except Exception as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        self.receipt = None
        if self._complained:
            return
        from .errors import NotRecordedError

        self._complained = True
        if isinstance(error, NotRecordedError):
            code, message = error.code, error.message
        else:
            code, message = "RECORDER_FAILED", f"{self.path}: {type(error).__name__}: {error}"
        message = f"this call is not recorded: {message}"
        self.warnings.append({"code": code, "message": message})
        self._say(message)

    def _say(self, message: str) -> None:
        try:
            sys.stderr.write(f"tooltrail: {message}\n")
        except (OSError, ValueError, AttributeError):
            return  # stderr is closed: the response's warnings still say it


def _signal_name(number: int | None) -> str | None:
    if number is None:
        return None
    from ._signals import name_of

    return name_of(number)


_process = _host.Process()
os.register_at_fork(after_in_child=_process.after_fork)
