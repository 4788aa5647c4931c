"""`tooltrail run [OPTIONS] -- CMD ARG...`: record a command that knows nothing of tooltrail.

On the path of every call, so it parses its few options by hand and imports
nothing that a wrapped call does not need.

The command stays in our process group, so that the terminal's Ctrl-C, Ctrl-\\
and Ctrl-Z reach it as they would without us. We ignore the first two while it
runs, pass on what is sent to us alone, and end as it ended: with its exit code,
or by its signal. Its parent-death signal (prctl(2), Linux) is SIGKILL: it does
not carry on alone when we are killed.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys
from errno import ENOENT, ENOEXEC, ENOTDIR

from .._child import MetaFile, find_program, is_machine_code, told_by, why_missing
from .._invocation import Invocation
from .._wire import (
    KILLED,
    NOT_STARTED,
    OWN_TOOL,
    RECORDER_WRAPPER,
    TOOL_META_FILE,
)
from ..entry import Ending, error_fields
from ..settings import FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Any, NoReturn

    from ..auto.blind import Watch
    from ._supervised import Supervision

_OPTIONS = ("--trace-id", "--operator", "--operation", "--timeout", "--capture")
_INSTRUMENT, _JSON_META = _FLAGS = ("--instrument", "--json-meta")  # take no value
_SUPERVISED = frozenset(["--timeout", "--capture"])
_PASSED_ON = (_signal.SIGTERM, _signal.SIGHUP, _signal.SIGUSR1, _signal.SIGUSR2)
_OUTLIVED = (_signal.SIGINT, _signal.SIGQUIT)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_NOT_FOUND, _CANNOT_RUN = 127, 126  # as POSIX has a shell say it
_REFUSED = 125


def main(arguments: "Sequence[str]") -> int:
    """Run and record a command; return its exit code, or end by its signal."""
    if _signal.getsignal(_signal.SIGINT) == _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # until the command runs: end, no traceback
    try:
        options, command = _parse(arguments)
    except ValueError as error:
        return _refuse(error)
    if command is None:
        from ._run_usage import USAGE

        sys.stdout.write(USAGE)
        return 0
    return _run(command, options)


def _refuse(error: ValueError) -> int:
    from ._run_usage import refuse

    return refuse(str(error), (*_OPTIONS, *_FLAGS))


def _parse(arguments: "Sequence[str]") -> "tuple[dict[str, str], list[str] | None]":
    options: dict[str, str] = {}
    left = list(arguments)
    while left and left[0].startswith("-") and left[0] != "--":
        name, assigned, value = left.pop(0).partition("=")
        if name in ("--help", "-h"):
            return options, None
        if name in _FLAGS and not assigned:
            options[name] = name
            continue
        if name not in _OPTIONS:
            raise ValueError(f"no such option: {name}")
        if not assigned:
            if not left:
                raise ValueError(f"{name} needs a value")
            value = left.pop(0)
        options[name] = value
    command = left[1:] if left[:1] == ["--"] else left
    if not command:
        raise ValueError("no command was given")
    return options, command


def _run(command: list[str], options: dict[str, str]) -> int:
    program = find_program(command[0])
    call = Invocation(
        command[0],
        recorder=RECORDER_WRAPPER,
        log_tool=OWN_TOOL,
        argv=command,
        executable=program,
        trace_id=options.get("--trace-id"),
        operator=options.get("--operator"),
    )
    supervision = None
    if call.level == FULL or not _SUPERVISED.isdisjoint(options):
        from ._supervised import Supervision

        try:
            supervision = Supervision(call, options)
        except ValueError as error:
            return _refuse(error)
    with call:
        try:
            call.begin(options.get("--operation"), {"argv": command})
        except SystemExit:
            call.finish(Ending(_REFUSED))
            call.leave_meta()
            raise
        if program is None:
            ending = _not_started(ENOENT)
            call.finish(ending)
            told: dict[str, Any] = {}
        else:
            meta_file = MetaFile(os.environ)
            if meta_file.path is not None:
                os.environ[TOOL_META_FILE] = meta_file.path
            watch = _instrument(call) if _INSTRUMENT in options else None
            child = _Child(program, command, watch, supervision)
            ending = child.run()
            left = meta_file.take()
            told = left[0] if len(left) == 1 else {}  # else it made several calls
            _finish(call, ending, child, told)
            child.give_signals_back()
        call.leave_meta(told)
        if _JSON_META in options:
            from ._run_usage import say_meta

            say_meta(call, ending, told)
    if ending.outcome == NOT_STARTED:
        hint = _hint(command) if ending.exit_code == _NOT_FOUND else None
        said = f"tooltrail: {command[0]}: {(ending.error or {}).get('message')}\n"
        _say(f"{said}hint: {hint}\n" if hint else said)
    if ending.signal is not None:
        _die_by(ending.signal)
    return ending.exit_code or 0


def _hint(command: list[str]) -> str | None:
    try:
        from ._hints import for_missing
    except (ImportError, OSError):  # no more files can be opened
        return None
    return for_missing(command)


def _finish(call: Invocation, ending: Ending, child: "_Child", told: "dict[str, Any]") -> None:
    if not child.started:
        call.finish(ending)
        return
    seen, output = _seen_of(call, child), {}
    if told:
        call.contained(lambda: seen.update(told_by(told, call.redactor.identifier)))
    supervision = child.supervision
    if supervision is not None:
        call.contained(lambda: output.update(supervision.output()))
    call.finish(ending, child=seen, output=output)


def _instrument(call: Invocation) -> "Watch | None":
    """Have the interpreters that inherit our environment record themselves."""
    made: list[Watch] = []

    def instrument() -> None:
        from ..auto.blind import Watch

        made.append(Watch())
        os.environ.update(made[0].variables(os.environ))

    call.contained(instrument)
    return made[0] if made else None


def _seen_of(call: Invocation, child: "_Child") -> "dict[str, Any]":
    """Return what the entry says of the command's process, and of those below it."""
    seen: dict[str, Any] = {"pid": child.pid}
    watch = child.watch

    def report() -> None:
        assert watch is not None
        command = [child.program, *child.command[1:]]
        seen["instrument"] = watch.report(
            child.pid, command, lambda text: call.redactor.text(text, "child.instrument")
        )

    if watch is not None:
        call.contained(report)
    return seen


def _die_by(number: int) -> None:
    try:
        from .._signals import die_by
    except Exception:  # tooltrail was upgraded while the command ran
        if number != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    die_by(number)


class _Child:
    """The wrapped command as a child of ours, between its start and its end."""

    def __init__(
        self,
        program: str,
        command: list[str],
        watch: "Watch | None",
        supervision: "Supervision | None",
    ) -> None:
        self.pid = 0
        self.started = False
        self.program = program
        self.command = command
        self.watch = watch
        self.supervision = supervision
        self._running = True
        self._prctl = _prctl()
        self._signals = (*_PASSED_ON, *_OUTLIVED)
        self._children_ignored = _signal.getsignal(_signal.SIGCHLD) == _signal.SIG_IGN
        self._before: dict[int, object] = {}

    def run(self) -> Ending:
        """Start the command, wait for it, and return how it ended."""
        if self._children_ignored:  # inherited: waitpid(2) would find no child
            _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
        reader, writer = os.pipe()  # closed by a successful exec; else it brings errno
        # No signal may arrive between fork and the moment when we know whom to pass it to.
        mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, self._signals)
        parent = os.getpid()
        try:
            self.pid = os.fork()
        except OSError as error:  # no more processes, or no memory
            os.close(reader)
            os.close(writer)
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
            self._running = False
            return _not_started(error.errno or 0)
        if self.pid == 0:
            self._become(writer, parent, mask)
        os.close(writer)
        self._take_signals()
        _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
        failure = os.read(reader, 16)
        os.close(reader)
        if failure:
            os.waitpid(self.pid, 0)
            self._running = False
            return _not_started(int(failure), self.program)
        self.started = True
        if self.supervision is not None:
            status = self.supervision.wait(self.pid, self.watch)
        else:
            if self.watch is not None:
                self._look_on(self.watch)
            _, status = os.waitpid(self.pid, 0)
        self._running = False
        if self.supervision is not None and self.supervision.timed_out is not None:
            return self.supervision.timed_out
        if self.supervision is not None and self.supervision.lost is not None:
            from .._ending import undelivered
            from .._host import say

            say(f"tooltrail: what the command printed is lost: {self.supervision.lost}\n")
            return undelivered(self.supervision.lost, 1)
        return Ending(0) if status == 0 else _ended(status)

    def _look_on(self, watch: "Watch") -> None:
        try:
            watch.wait(self.pid)
        except Exception:  # it is waited for all the same
            return

    def _become(self, writer: int, parent: int, mask: "set[int]") -> "NoReturn":
        """In the child: become the command, or tell the parent why not."""
        try:
            if self._prctl is not None:
                self._prctl(_PR_SET_PDEATHSIG, _signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(128 + _signal.SIGKILL)
            # Python ignores these two from its start; the command expects the default.
            for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
                _signal.signal(number, _signal.SIG_DFL)
            _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
            if self._children_ignored:
                _signal.signal(_signal.SIGCHLD, _signal.SIG_IGN)
            if self.supervision is not None:
                self.supervision.connect()
            self._exec()
        except OSError as error:
            os.write(writer, b"%d" % (error.errno or 0))
        finally:
            os._exit(_NOT_FOUND)

    def _exec(self) -> None:
        try:
            os.execv(self.program, self.command)
        except OSError as error:
            if error.errno != ENOEXEC or is_machine_code(self.program):
                raise
            # A script without a first line that says of what: execvp(3) and every shell do this.
            os.execv("/bin/sh", ["sh", self.program, *self.command[1:]])

    def _take_signals(self) -> None:
        for number in _OUTLIVED:
            self._before[number] = _signal.signal(number, _signal.SIG_IGN)
        for number in _PASSED_ON:
            if _signal.getsignal(number) != _signal.SIG_IGN:  # nohup's wish holds for us too
                self._before[number] = _signal.signal(number, self._pass_on)

    def give_signals_back(self) -> None:
        """Answer signals as before: the call is recorded, and cannot be interrupted any more."""
        for number, handler in self._before.items():
            _signal.signal(number, handler)

    def _pass_on(self, number: int, _frame: "FrameType | None") -> None:
        if self._running and not (self.supervision is not None and self.supervision.reaped):
            os.kill(self.pid, number)


def _prctl() -> "Callable[..., int] | None":
    """Return prctl(2) as a function, or None where the system has none.

    `_ctypes` alone: importing `ctypes` costs several ms, and this is on the path of every call.
    """
    if sys.platform != "linux":
        return None
    try:
        import _ctypes

        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]
        call = _ctypes.call_function
    except (ImportError, OSError, AttributeError):
        return None
    return lambda *arguments: int(call(address, (*arguments, 0, 0, 0)))


def _ended(status: int) -> Ending:
    """Read a wait status other than 0, as waitpid(2) gives it."""
    try:
        from .._ending import by_exit_code, by_signal
        from .._signals import name_of
    except Exception:  # tooltrail was upgraded while the command ran
        if not os.WIFSIGNALED(status):
            return Ending(os.WEXITSTATUS(status))
        number = os.WTERMSIG(status)
        return Ending(128 + number, KILLED, signal=number)
    if not os.WIFSIGNALED(status):
        return by_exit_code(os.WEXITSTATUS(status))
    if os.WCOREDUMP(status):
        _no_second_core()
    number = os.WTERMSIG(status)
    return by_signal(number, "SIGNAL", f"the command was ended by {name_of(number)}")


def _say(message: str) -> None:
    try:
        sys.stderr.write(message)
    except (OSError, ValueError, AttributeError):
        return  # nobody listens: the exit code says it


def _not_started(number: int, program: str = "") -> Ending:
    missing = number in (ENOENT, ENOTDIR)
    message = why_missing(program) if missing else os.strerror(number).lower()
    code = "COMMAND_NOT_FOUND" if missing else "COMMAND_CANNOT_RUN"
    return Ending(
        _NOT_FOUND if missing else _CANNOT_RUN, NOT_STARTED, error=error_fields(code, message)
    )


def _no_second_core() -> None:
    """Keep the kernel from writing a core file of us beside the command's."""
    from resource import RLIMIT_CORE, getrlimit, setrlimit

    setrlimit(RLIMIT_CORE, (0, getrlimit(RLIMIT_CORE)[1]))
