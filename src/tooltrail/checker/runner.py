"""Run somebody's command for a look at it: a deadline, a cap on its output, no terminal, no stdin.

Whatever the command does, the run ends, and comes back as a value.
"""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field

from .._child import MetaFile, find_program
from .._host import randomness
from .._typing import TYPE_CHECKING, Any
from .._wire import (
    TIMED_OUT,
    TOOL_META_FILE,
    TOOL_OPERATOR,
    TOOL_PARENT_REQUEST_ID,
    TOOL_TRACE_ID,
    TRACEPARENT,
)
from ..calling.output import Feed, Output, Stream
from ..calling.started import end_all, started_by
from ..calling.waiting import Wait
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .sandbox import Sandbox

DEADLINE = 30.0  # seconds for one run
KEPT = 16_777_216  # bytes of a stream that are looked at: the first and the last of it
_REMEMBERED = 262_144  # bytes of a stream that are kept once it was looked at
FLOOD = 67_108_864  # bytes after which a command is ended: it prints without end
_KILL_AFTER = 1.0  # seconds between SIGTERM and SIGKILL
_LINGER = 0.5  # seconds that output is awaited of what it left behind
_MARK = "TOOLTRAIL_CHECKED"  # in the environment of all that a run starts, so that it is found
_OPERATOR = "tooltrail-check"

# How a run ended.
EXITED = "exited"
SIGNALLED = "signalled"  # by somebody else
TIMEOUT = "timed_out"
FLOODED = "flooded"
NOT_FOUND = "not_found"
NOT_RUN = "not_run"  # there is such a file, but it cannot be run
KILLED = "killed"  # by us, because that was the test


@dataclass
class Run:
    """One run: what was asked for, and what came of it. Times are wall-clock seconds.

    `exit_code` is as a shell sees it; None where the command never ran.
    """

    label: str
    argv: list[str]
    trace_id: str
    how: str = NOT_RUN
    exit_code: int | None = None
    reason: str = ""
    stdout: Output = field(default_factory=lambda: _output())
    stderr: Output = field(default_factory=lambda: _output())
    started: float = 0.0
    wall_ms: int = 0  # until its process had ended
    answered_ms: int = 0  # until it printed something last; as long as it ran where it did not
    left: list[dict[str, Any]] = field(default_factory=list)
    children: dict[int, str | None] = field(default_factory=dict)  # pid -> its trace id
    names: set[str] = field(default_factory=set)  # of the children

    leaks: list[str] = field(default_factory=list)  # streams that a canary was on, and which

    @property
    def finished(self) -> bool:
        """Whether it came to an end of its own."""
        return self.how in (EXITED, SIGNALLED)

    def forget(self, size: int = _REMEMBERED) -> None:
        """Keep only so much of a large output: it was looked at."""
        for name in ("stdout", "stderr"):
            former: Output = getattr(self, name)
            if former.size > size:
                kept = Output(size, digested=False)
                kept.take(former.content)
                setattr(self, name, kept)


def _output() -> Output:
    return Output(KEPT, digested=False)


class _Flood(Output):
    """An output that calls for the end of its command when there is too much of it."""

    def __init__(self, alarm: int) -> None:
        super().__init__(KEPT, digested=False)
        self._alarm = alarm
        self.rang = False
        self.last: float | None = None  # when something came, by the monotonic clock

    def take(self, piece: bytes) -> None:
        """Add what was read, and mind how much it is by now."""
        super().take(piece)
        self.last = time.monotonic()
        if self.size > FLOOD and not self.rang:
            self.rang = True
            with suppress(OSError):
                os.write(self._alarm, b"!")


class Runner:
    """Runs commands in one environment. `sandbox`: instead of the caller's own HOME."""

    def __init__(self, *, deadline: float = DEADLINE, sandbox: "Sandbox | None" = None) -> None:
        self.deadline = deadline
        self.sandbox = sandbox
        self.environment = _environment()
        self._alarms: set[int] = set()  # of the runs that are under way
        if sandbox is not None:
            self.environment |= sandbox.variables

    def run(
        self,
        label: str,
        argv: "Sequence[str]",
        trace_id: str,
        *,
        traced: bool = True,
        more: "Mapping[str, str] | None" = None,
        content: bytes | None = None,
        watch: "Callable[[int], None] | None" = None,
        children: bool = False,
    ) -> Run:
        """Run a command to its end, or to ours.

        Without `traced` it is told no trace id. `more`: further variables. `content`: what it
        reads on stdin, else nothing. `watch` is called with the process's id as soon as it runs,
        in this thread. `children`: note what it starts, and which trace id that was given.
        """
        done = Run(label, list(argv), trace_id)
        environment = {**self.environment, **(more or {}), TOOL_TRACE_ID: trace_id}
        if not traced:
            del environment[TOOL_TRACE_ID]
        environment[_MARK] = mark = "chk_" + randomness(12).hex()
        meta_file = MetaFile(environment)
        environment[TOOL_META_FILE] = meta_file.path or ""
        alarm = os.pipe()
        self._alarms.add(alarm[1])
        try:
            self._run(done, environment, mark, alarm, content, watch, children)
        finally:
            done.left = meta_file.take()
            self._alarms.discard(alarm[1])
            for fd in alarm:
                os.close(fd)
        return done

    def cancel(self) -> None:
        """End the runs that are under way in other threads."""
        for fd in tuple(self._alarms):
            with suppress(OSError):
                os.write(fd, b"!")

    def _run(
        self,
        done: Run,
        environment: dict[str, str],
        mark: str,
        alarm: tuple[int, int],
        content: bytes | None,
        watch: "Callable[[int], None] | None",
        children: bool,
    ) -> None:
        done.started = time.time()
        begun = time.monotonic()
        try:
            child = self._start(done, environment, content)
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            done.how = NOT_FOUND if missing else NOT_RUN
            done.reason = str(getattr(error, "strerror", None) or error).lower()
            return
        out, err = done.stdout, done.stderr = _Flood(alarm[1]), _Flood(alarm[1])
        assert child.stdout is not None
        assert child.stderr is not None
        streams = [
            Stream(os.dup(child.stdout.fileno()), done.stdout),
            Stream(os.dup(child.stderr.fileno()), done.stderr),
        ]
        child.stdout.close()
        child.stderr.close()
        feed = None
        if child.stdin is not None:
            feed = Feed(os.dup(child.stdin.fileno()), content or b"")
            child.stdin.close()
        ended: list[float] = []

        def reap() -> int | None:
            found = child.poll()
            if found is not None and not ended:
                ended.append(time.monotonic())
            return found

        wait = Wait(
            child.pid,
            mark,
            reap,
            streams=streams,
            feed=feed,
            timeout=self.deadline,
            kill_after=_KILL_AFTER,
            linger=_LINGER,
            cancel=alarm[0],
        )
        looking = Watch(child.pid, done.trace_id) if children else None
        try:
            if watch is not None:
                watch(child.pid)
            wait.run()
            if self.sandbox is not None and started_by(None, mark):
                end_all(None, mark, signal.SIGKILL)  # a daemon would outlive its home
        except BaseException:
            wait.end_now("cancelled")
            raise
        finally:
            over = ended[0] if ended else time.monotonic()
            done.wall_ms = int((over - begun) * 1000)
            last = max((each.last for each in (out, err) if each.last), default=over)
            done.answered_ms = int((min(last, over) - begun) * 1000)
            if looking is not None:
                done.children, done.names = looking.stop()
            for stream in streams:
                stream.close()
        self._conclude(done, wait)

    def _start(
        self, done: Run, environment: dict[str, str], content: bytes | None
    ) -> "subprocess.Popen[bytes]":
        argv, program = done.argv, find_program(done.argv[0], environment)
        if program is None or not os.path.exists(program):
            raise FileNotFoundError(2, "command not found", argv[0])
        if not os.access(program, os.X_OK) or os.path.isdir(program):
            raise PermissionError(13, "it is no program that can be run here", argv[0])
        if self.sandbox is not None and self.sandbox.before:
            argv = [*self.sandbox.before, program, *argv[1:]]
            program = argv[0]
        return subprocess.Popen(
            argv,
            executable=program,
            stdin=subprocess.DEVNULL if content is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # no terminal to ask on
        )

    def _conclude(self, done: Run, wait: Wait) -> None:
        code = wait.returncode or 0
        done.exit_code = 128 - code if code < 0 else code
        flooded = any(isinstance(each, _Flood) and each.rang for each in (done.stdout, done.stderr))
        if flooded and wait.cut_short:
            done.how, done.reason = FLOODED, f"it printed more than {FLOOD // 1_048_576} MB"
        elif wait.cut_short == TIMED_OUT:
            done.how, done.reason = TIMEOUT, f"it had not ended after {self.deadline:g} s"
        elif self._was_not_begun(done):
            done.how, done.reason = NOT_RUN, done.stderr.text.strip()
        else:
            done.how = SIGNALLED if code < 0 else EXITED

    def _was_not_begun(self, done: Run) -> bool:
        """Tell that what cuts off the network could not start the command."""
        said = done.stderr.text
        cut_off = self.sandbox is not None and bool(self.sandbox.before)
        return cut_off and done.exit_code in (126, 127) and said.startswith("unshare: failed to")


def _environment() -> dict[str, str]:
    """Return our own environment, without the ids of other calls."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.endswith("_TRACE_ID")
        and name not in (TRACEPARENT, TOOL_PARENT_REQUEST_ID, TOOL_META_FILE)
    }
    return {**kept, TOOL_OPERATOR: _OPERATOR}
