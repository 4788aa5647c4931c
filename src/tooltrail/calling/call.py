"""One call that an agent's program makes, from its begin to its result.

The record is the caller's: what was asked for and when, how long it took to come back, and how
it ended, whether or not the tool keeps a record of its own. Where it does, the two name each
other. Nothing of the call shows in this process: its environment stays as it is, and calls may
run in any number of threads at once.
"""

import os
import subprocess
import threading
from contextlib import suppress
from errno import ENOENT

from .._child import MetaFile, find_program, told_by, why_missing
from .._encode import Encoded, encode
from .._ending import by_exit_code, by_signal
from .._invocation import Invocation
from .._signals import name_of
from .._typing import TYPE_CHECKING
from .._wire import (
    NOT_STARTED,
    OWN_TOOL,
    RECORDER_CALLER,
    TERMINATED,
    TIMED_OUT,
    TOOL_META_FILE,
    TOOL_TRACE_ID,
)
from ..entry import Ending, error_fields
from ..errors import NotRecordedError, UsageError
from ..settings import FULL as LEVEL_FULL
from .output import Feed, Output, Stream
from .result import Result, meta_of, parse
from .waiting import CANCELLED, Wait, timed_out

_PIPE = subprocess.PIPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO, Any

    Stdin = int | IO[Any] | None

NONE, DIGEST, FULL = CAPTURES = ("none", "digest", "full")
_THE_SAME = ("caller", "params", "process")  # in both lines of a call
_NOT_FOUND, _CANNOT_RUN = 127, 126  # as POSIX has a shell say it
_SIGINT, _SIGTERM = 2, 15


class Call(Invocation):
    """A call of `tooltrail.run`; see there for what the arguments mean."""

    def __init__(
        self,
        cmd: "Sequence[str | os.PathLike[str]]",
        *,
        operation: str | None,
        capture: str,
        cwd: "str | os.PathLike[str] | None",
        env: "Mapping[str, str] | None",
        trace_id: str | None,
        operator: str | None,
        max_output: int,
    ) -> None:
        self.command_line = _arguments(cmd)
        if capture not in CAPTURES:
            raise UsageError(f"capture={capture!r}: it takes {', '.join(CAPTURES)}")
        self.operation = operation
        self.attempt = 1
        self.retry_of: str | None = None
        self._environment = os.environ if env is None else _variables(env)
        self._program = find_program(self.command_line[0], self._environment)
        self.cwd = cwd
        self._max_output = max_output
        self._texts: dict[str, Encoded] = {}
        super().__init__(
            self.command_line[0],
            recorder=RECORDER_CALLER,
            log_tool=OWN_TOOL,
            argv=self.command_line,
            executable=self._program,
            trace_id=trace_id or (None if env is None else env.get(TOOL_TRACE_ID)),
            operator=operator,
            environment=None if env is None else {**os.environ, **self._environment},
        )
        self._capture = FULL if self.level == LEVEL_FULL else capture

    def make(
        self,
        content: bytes | None,
        stdin: "Stdin",
        timeout: float | None,
        kill_after: float,
        cancel: int | None,
    ) -> Result:
        """Make the call, and return its result."""
        _check_time("timeout", timeout)
        _check_time("kill_after", kill_after)
        if stdin == _PIPE:
            raise UsageError("stdin=PIPE: nobody would hold its other end", hint="give input=")
        self.open()
        digested = self._capture != NONE
        result = Result(
            self.command_line,
            self.operation,
            trace_id=self.trace_id,
            caller_request_id=self.request_id,
            out=Output(self._max_output, digested=digested),
            err=Output(self._max_output, digested=digested),
        )
        self._begin(result)
        meta_file = MetaFile(self._environment)
        pipes = _Pipes(with_input=content is not None)
        try:
            pipes.open()
            given = pipes.stdin[0] if content is not None else stdin
            child = self._start(given, pipes.stdout[1], pipes.stderr[1], meta_file.path)
        except (OSError, ValueError) as error:
            pipes.close()
            meta_file.take()
            return self._ended(result, self._not_started(error), None, [])
        except BaseException:  # Ctrl-C before it was there
            pipes.close()
            meta_file.take()
            self._ended(result, _interrupted(), None, [])
            raise
        interrupted = False
        streams: list[Stream] = []
        wait = Wait(child.pid, self.request_id, child.poll, kill_after=kill_after)
        try:
            streams = pipes.streams(result)
            wait.watch(streams, pipes.feed(content), timeout=timeout, cancel=cancel)
            wait.run()
        except BaseException as error:  # Ctrl-C, or whatever a signal handler raised
            interrupted = isinstance(error, KeyboardInterrupt)
            wait.end_now(CANCELLED)
            raise
        finally:
            ending = _interrupted() if interrupted else _ending(wait, timeout)
            self._ended(result, ending, child.pid, meta_file.take())
            for stream in streams:
                _drain(stream)
        return result

    def _begin(self, result: Result) -> None:
        if self.attempt > 1:
            result.attempt, result.retry_of = self.attempt, self.retry_of
            self.observed.update(attempt=self.attempt, retry_of=self.retry_of)
        try:
            self.begin(self.operation, {"argv": self.command_line})
        except SystemExit:
            self.finish(Ending(_CANNOT_RUN))
            raise NotRecordedError(self.path, (self.error or {})["message"]) from None

    def _start(
        self, stdin: "Stdin", stdout: int, stderr: int, meta_file: str | None
    ) -> "subprocess.Popen[bytes]":
        if self._program is None:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), self.command_line[0])
        environment: dict[Any, Any]
        ours = self.child_variables()
        ours[TOOL_META_FILE] = meta_file or ""
        if self._environment is os.environ:  # as bytes: decoding it takes longer than all else
            environment = dict(getattr(os.environ, "_data", os.environ))
            environment |= {os.fsencode(name): os.fsencode(ours[name]) for name in ours}
        else:
            environment = {**self._environment, **ours}
        return subprocess.Popen(
            self.command_line,
            executable=self._program,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=self.cwd,
            env=environment,
        )

    def _not_started(self, error: OSError | ValueError) -> Ending:
        if isinstance(error, ValueError):
            message = str(error)
        else:
            message = os.strerror(error.errno or 0).lower()
            if self.cwd is not None and error.filename == self.cwd:
                message = f"cwd {os.fsdecode(self.cwd)}: {message}"
            elif error.errno == ENOENT:
                # a path that is relative is so to where the command would have run
                program = os.path.join(os.fsdecode(self.cwd or ""), self._program or "")
                details = error_fields("COMMAND_NOT_FOUND", why_missing(program))
                return Ending(_NOT_FOUND, NOT_STARTED, error=details)
        return Ending(_CANNOT_RUN, NOT_STARTED, error=error_fields("COMMAND_CANNOT_RUN", message))

    def _ended(
        self, result: Result, ending: Ending, pid: int | None, left: "list[dict[str, Any]]"
    ) -> Result:
        """Write the end of the call, and fill in its result."""
        result.agent_ms = self.elapsed_ms()
        child: dict[str, Any] = {}
        output: dict[str, Any] = {}
        if pid is not None:
            child["pid"] = pid
            result.json = parse(result.out)
            result.meta = meta_of(result.json, left)
            if result.meta:
                self.contained(lambda: child.update(told_by(result.meta, self.redactor.identifier)))
            self.contained(lambda: output.update(self._kept(result)))
        self.finish(ending, output=output, child=child)
        result.exit_code = ending.exit_code or 0
        result.outcome = ending.outcome
        result.timed_out = ending.outcome == TIMED_OUT
        result.signal = None if ending.signal is None else name_of(ending.signal)
        result.error = self.error
        result.caller_receipt = self.receipt.as_json() if self.receipt else None
        return result

    def _record(self, body: "Callable[[], Mapping[str, Any]]", *, is_end: bool = False) -> None:
        super()._record(lambda: self._written(body()), is_end=is_end)

    def _written(self, line: "Mapping[str, Any]") -> "Mapping[str, Any]":
        """Write what both lines of the call say once: it is the larger part of each."""
        if not self._texts:
            self._texts = {name: Encoded(encode(line[name])) for name in _THE_SAME}
        return {**line, **self._texts}

    def _kept(self, result: Result) -> "dict[str, Any]":
        """Return what the entry says of the output."""
        if self._capture == NONE:
            return {}
        streams = {"stdout": result.out, "stderr": result.err}
        if self._capture == DIGEST:
            return {name: output.as_json() for name, output in streams.items()}
        from .bodies import kept

        return {name: kept(self, name, output) for name, output in streams.items()}


class _Pipes:
    """The pipes between us and a command; ours are the ends that the command does not get."""

    def __init__(self, *, with_input: bool) -> None:
        self._count = 3 if with_input else 2
        self._made: list[tuple[int, int]] = []

    def open(self) -> None:
        """Make them. Raises `OSError` where no more can be opened."""
        while len(self._made) < self._count:
            self._made.append(os.pipe())
        self.stdout, self.stderr, self.stdin = (*self._made, (-1, -1))[:3]

    def close(self) -> None:
        """Close all of them: there is no command."""
        for fd in (fd for pipe in self._made for fd in pipe):
            os.close(fd)

    def streams(self, result: Result) -> list[Stream]:
        """Return what is to be read, once the command has its own ends."""
        os.close(self.stdout[1])
        os.close(self.stderr[1])
        return [Stream(self.stdout[0], result.out), Stream(self.stderr[0], result.err)]

    def feed(self, content: bytes | None) -> Feed | None:
        """Return what is to be written, once the command has its own end."""
        if content is None:
            return None
        os.close(self.stdin[0])
        return Feed(self.stdin[1], content)


def _arguments(cmd: "Sequence[str | os.PathLike[str]]") -> list[str]:
    if isinstance(cmd, (str, bytes, os.PathLike)):
        raise UsageError(
            "cmd is one text, not a list of arguments",
            hint="write ['git', 'status'], or ['sh', '-c', LINE] for a shell's line",
        )
    given = list(cmd)
    for at, argument in enumerate(given):
        if not isinstance(argument, (str, bytes, os.PathLike)):
            kind = type(argument).__name__
            raise UsageError(f"cmd[{at}] is of type {kind}: arguments are text, or paths")
    arguments = [os.fsdecode(argument) for argument in given]
    if not arguments or not arguments[0]:
        raise UsageError("cmd names no command", hint="write ['git', 'status']")
    if any("\0" in argument for argument in arguments):
        raise UsageError("an argument of cmd holds a NUL, which no argument can")
    return arguments


def _variables(env: "Mapping[str, str]") -> dict[str, str]:
    """Return the variables of a command. Raises `UsageError` where one is no text."""
    given = dict(env)
    for name, value in given.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(f"env: {name!r} and its value have to be text")
    return given


def _check_time(name: str, value: object) -> None:
    """Refuse what is no time in seconds. Raises `UsageError`."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (known and value >= 0):  # type: ignore[operator]
        raise UsageError(f"{name}={value!r}: it takes a number of seconds, or None")


def _drain(stream: Stream) -> None:
    """Keep reading what something that was left behind still writes: it must not die of us."""
    if stream.fd < 0:
        return

    def read_on() -> None:
        with suppress(OSError):
            while os.read(stream.fd, 65_536):
                pass
        stream.close()

    threading.Thread(target=read_on, name="tooltrail-drain", daemon=True).start()


def _interrupted() -> Ending:
    return by_signal(_SIGINT, "INTERRUPTED", "its caller was interrupted")


def _ending(wait: Wait, timeout: float | None) -> Ending:
    """Say how the call ended: by itself, or because its caller ended it."""
    how = "by SIGKILL, because SIGTERM was not enough" if wait.killed else "by SIGTERM"
    if wait.cut_short == TIMED_OUT:
        return timed_out(timeout or 0.0, how)
    if wait.cut_short == CANCELLED:
        error = error_fields("CANCELLED", f"its caller gave it up: ended {how}")
        return Ending(128 + _SIGTERM, TERMINATED, signal=_SIGTERM, error=error)
    returncode = wait.returncode or 0
    if returncode < 0:
        name = name_of(-returncode)
        return by_signal(-returncode, "SIGNAL", f"the command was ended by {name}")
    return by_exit_code(returncode)
