"""One running call: begins before the action, ends on every way out of it.

    new --begin--> begun --finish--> finished
     |                                  ^
     +------------finish----------------+   a call that never got to act: a usage error

Recording never breaks the call. `contained` is the one boundary: whatever goes
wrong behind it is said once, on stderr and in the response's warnings, and the
call goes on; unless the policy is `closed`: then a call whose begin could not be
recorded is refused.

On the path of every call: what only a failing call needs is imported there.
"""

import os
import sys
from _contextvars import ContextVar

from . import _host, entry
from ._encode import encode
from ._wire import (
    NOT_KEPT,
    ORIGIN_EXECUTED,
    OWN_TOOL,
    PURPOSE_AUDIT,
    RECORDER_TOOL,
    REPLACED,
    STRAY_OUTPUT,
    TOOL_META_FILE,
)
from .context import for_children, from_environment
from .redact import Redactor
from .settings import ALWAYS, CLOSED, METADATA, NONE, settings_for
from .trail import append, log_path, tool_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self

    from .context import Context
    from .entry import Ending
    from .trail import Receipt

_NOT_KEPT = {"message": NOT_KEPT}
_OBSERVED = ("steps", "downstream")  # where redactions are that belong to no description
_REFUSED = 125  # the exit code by which `env` and `timeout` say: not the command, but I failed

_current: "ContextVar[Invocation | None]" = ContextVar("tooltrail_invocation", default=None)


def current() -> "Invocation | None":
    """Return the call that is running here, in this thread or task, or None."""
    call = _current.get()
    return call if call is not None and call.pid == os.getpid() else None


class Invocation:
    """A running call of a tool: `with Invocation("deployctl") as call:`.

    Entering opens it, and passes its ids to the processes that it starts. `begin` writes the line
    before the action, `finish` the line after it. Leaving only restores the environment.
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
        environment: "Mapping[str, str] | None" = None,
    ) -> None:
        self.tool = tool_name(tool)
        self.version = version
        self.origin = ORIGIN_EXECUTED
        self.origin_request_id: str | None = None
        self.warnings: list[dict[str, str]] = []
        self.receipt: Receipt | None = None
        self.begun = False
        self.finished = False
        self.refused = False
        self.purpose: str | None = None
        self.exit_code: int | None = None
        self.error: dict[str, Any] | None = None
        self.observed: dict[str, Any] = {}  # what happened in it: its steps, ...
        self.before_exec: Callable[[], None] | None = None
        self.after_failed_exec: Callable[[], None] | None = None
        self.before_os_exit: Callable[[Ending], object] | None = None
        self.pid = os.getpid()
        self.settings = settings_for(self.tool)
        self.level = self.settings.level
        self._log_tool = tool_name(log_tool) if log_tool else self.tool
        self.path = log_path(self._log_tool, self.settings.data_home)
        self._recorder = recorder
        self.argv = list(sys.argv if argv is None else argv)
        self._executable = executable
        self._asked = (trace_id, operator)
        keys = f"{self.path.rpartition('/')[0].rpartition('/')[0]}/{OWN_TOOL}"
        rules = self.settings.redact
        self.redactor = Redactor(secrets, rules=rules, keys=keys, environment=environment)
        self._unrecorded: str | None = None  # why, where a line of it is missing
        self._supersedes = False
        self._meta_left = False
        self._leave_meta: Callable[[Invocation, Mapping[str, Any] | None], None] | None = None
        self._duration_ms = 0

    # -- entering and leaving

    def __enter__(self) -> "Self":
        self.open()
        self._token = _current.set(self)
        process.enter(self)
        return self

    def open(self) -> None:
        """Read who is calling and give the call its ids; nothing of it shows in the process."""
        wall = _host.wall_ns()
        self._started_ns = _host.monotonic_ns()
        self.request_id = _host.request_id(wall)
        self.timestamp = _host.timestamp(wall)
        self._user = _host.user_name(os.geteuid())
        self.context = self._read_context()
        if self.context.meta_file is not None:
            from ._meta_file import leave  # while the tool lets anything be imported

            self._leave_meta = leave
        self.warnings.extend(self.context.warnings)
        for problem in self.settings.problems:
            self.warnings.append({"code": "CONFIGURATION", "message": problem})
        self._redacted_ids = len(self.redactor.redactions)
        self._subject = entry.Subject(
            self.context, self.request_id, self.timestamp, self.tool, self._recorder, self.version
        )

    def __exit__(
        self,
        kind: "type[BaseException] | None" = None,
        error: BaseException | None = None,
        trace: "TracebackType | None" = None,
    ) -> None:
        process.leave(self)
        try:
            _current.reset(self._token)
        except ValueError:  # left in another context than it was entered in
            _current.set(None)

    def _read_context(self) -> "Context":
        outer = current()
        trace_id, operator = self._asked
        environment = process.pristine_environment()
        if outer is not None:  # whose variables may not be those that the process has just now
            environment = {**environment, **outer.child_variables(), TOOL_META_FILE: ""}
        context = from_environment(
            self.tool,
            environment,
            user=self._user,
            trace_id=trace_id,
            operator=operator,
            redacted=self.redactor.identifier,
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
        return for_children(self.context, self.request_id, process.pristine_environment())

    # -- what the log gets

    def declare_secrets(self, names: "Iterable[str]", *, prompted: bool = False) -> None:
        """Name options and params whose values must never be written, or were typed at a prompt."""
        self.redactor.declare(names, prompted=prompted)

    def describe(
        self, command: str | None, params: "Mapping[str, Any]", *, purpose: str | None = None
    ) -> None:
        """Say what is being called, and with what: both lines of the entry will hold it."""
        self.purpose = purpose
        self.contained(lambda: self._describe(command, params, purpose))

    def _describe(
        self, command: str | None, params: "Mapping[str, Any]", purpose: str | None
    ) -> None:
        subject, redactions = self._subject, self.redactor.redactions
        begun = redactions[self._redacted_ids :]  # what was described is described anew
        redactions[self._redacted_ids :] = [r for r in begun if r["where"].startswith(_OBSERVED)]
        subject.command = None if command is None else self.redactor.text(command, "command")
        self.level = self.settings.level_for(self.tool, subject.command, self.context.operator)
        subject.level = self.level
        subject.params = self.redactor.params(params)
        subject.process = self._process_facts()
        if self.level == METADATA:
            subject.params, subject.process["argv"] = {}, []
        subject.version = self.version
        subject.purpose = purpose
        subject.redactions = redactions

    def begin(
        self, command: str | None, params: "Mapping[str, Any]", *, purpose: str | None = None
    ) -> None:
        """Write the line before the action. May be called again when more is known.

        Ends the program with exit code 125, by `SystemExit`, where the line could not be written
        and the policy is `closed`: no record, no action. A call that only reads is never refused.
        """
        self.describe(command, params, purpose=purpose)
        self.begun = True
        self._subject.warnings = self._kept_warnings()
        self._record(lambda: entry.begin(self._subject))
        if self._unrecorded and self.settings.policy == CLOSED and purpose != PURPOSE_AUDIT:
            self.refused = True
            raise SystemExit(_REFUSED)

    def finish(
        self,
        ending: "Ending",
        *,
        output: "Mapping[str, Any] | None" = None,
        child: "Mapping[str, Any] | None" = None,
    ) -> None:
        """Write the line after the action; a second call does nothing.

        `output`: sizes and digests of what the call gave back; `child`: the process that it ran.
        """
        if self.finished or self.pid != os.getpid():  # in a forked child it is its parent's call
            return
        self.finished = True
        self._duration_ms = self.elapsed_ms()
        self.exit_code = ending.exit_code
        if not self._subject.process:
            self.describe(None, {})
        self.contained(lambda: self._redact_error(ending.error))
        if self.refused:
            self.contained(lambda: self._turn_refused(ending))
        self._subject.warnings = self._kept_warnings()
        self._record(lambda: self._end_line(ending, output, child), is_end=True)

    def _turn_refused(self, ending: "Ending") -> None:
        from ._ending import refused

        ending.outcome, self.error = refused(self._unrecorded or "")

    def _end_line(
        self,
        ending: "Ending",
        output: "Mapping[str, Any] | None",
        child: "Mapping[str, Any] | None",
    ) -> "Mapping[str, Any]":
        signal, error, observed = None, self.error, self.observed
        if ending.signal is not None:
            from ._signals import name_of

            signal = name_of(ending.signal)
        if self.level == METADATA:
            error, observed = entry.without_details(error, observed)
        result = entry.result(
            exit_code=ending.exit_code,
            outcome=ending.outcome,
            duration_ms=self._duration_ms,
            signal=signal,
            error=error,
            origin=self.origin,
            origin_request_id=self.origin_request_id,
            output=output,
            child=child,
            observed=observed,
        )
        return entry.end(self._subject, result, supersedes=self._supersedes)

    def _kept_warnings(self) -> "Sequence[dict[str, str]]":
        if self.level != METADATA:
            return tuple(self.warnings)
        return [w if w["code"] != STRAY_OUTPUT else w | _NOT_KEPT for w in self.warnings]

    def undelivered(self, exit_code: int, message: str) -> None:
        """Correct the end line: the response did not reach the caller, who saw `exit_code`."""
        self._record(lambda: entry.undelivered(self._subject, exit_code, message), is_end=True)

    def replaced_by(self, program: str) -> None:
        """Close the entry because `program` is about to take over this process."""
        if self.before_exec is not None:
            self.before_exec()
        program = self.redactor.text(program, "child.executable")
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

    def leave_meta(self, told: "Mapping[str, Any] | None" = None) -> None:
        """Append `meta`, or what a command told, to the caller's `TOOL_META_FILE`, if any; once."""
        if self._leave_meta is not None and not self._meta_left and self.pid == os.getpid():
            self._meta_left = True
            self._leave_meta(self, told)

    def elapsed_ms(self) -> int:
        """Return how long the call has run, in whole milliseconds."""
        return (_host.monotonic_ns() - self._started_ns) // 1_000_000

    def meta(self) -> "dict[str, Any]":
        """Return `meta` of the response: the same keys on every outcome."""
        from .envelope import meta_of

        return meta_of(self)

    @property
    def duration_ms(self) -> int:
        """How long the call took, or has taken so far, in whole milliseconds."""
        return self._duration_ms if self.finished else self.elapsed_ms()

    def _redact_error(self, error: "dict[str, Any] | None") -> None:
        if error is not None:
            text = self.redactor.text
            error = {
                name: text(value, f"error.{name}") if isinstance(value, str) else value
                for name, value in error.items()
            }
        self.error = error

    def _process_facts(self) -> "dict[str, Any]":
        argv = self.redactor.argv(self.argv, "process.argv")
        seen = _host.process_facts(argv, self._executable, self._user)
        for name in ("cwd", "executable"):
            if seen[name]:
                seen[name] = self.redactor.text(seen[name], f"process.{name}")
        return seen

    def _record(self, body: "Callable[[], Mapping[str, Any]]", *, is_end: bool = False) -> None:
        """Append one line, unless nothing is to be kept of this call."""
        if self.level == NONE:
            return
        durability = self.settings.durability

        def write() -> None:
            self.receipt = append(
                self.path,
                self._log_tool,
                encode(body()),
                with_log_id=is_end,
                rotate_at=self.settings.rotate_at,
                durable=durability == ALWAYS or (is_end and durability != NONE),
                durable_name=durability != NONE,
            )

        self.contained(write)

    def contained(self, step: "Callable[[], None]") -> None:
        """Do a step of recording. The boundary: what fails in it never fails the call."""
        try:
            step()
        except Exception as error:
            self.receipt = None
            if self._unrecorded is None:
                try:
                    from ._unrecorded import unrecorded

                    self._unrecorded = unrecorded(self, error)
                except Exception:  # no file can be opened any more, or the package is gone
                    self._unrecorded = f"{type(error).__name__}: {error}"
                    _host.say(f"tooltrail: not recorded: {self._unrecorded}\n")


process = _host.Process(_current.get)
os.register_at_fork(after_in_child=process.after_fork)
