"""`tooltrail run` with a time limit, or with a look at what the command prints.

Imported only where one of them is asked for: the plain wrapper stands beside its command and
touches nothing. Here each captured stream is a pipe, read and passed on as it comes. A stream
that goes to a terminal stays with it: a program that finds a pipe there behaves otherwise, and
one that sets the terminal up through its stdout would set up nothing.
"""

import os
import select
import signal
import sys
from math import isfinite
from stat import S_ISREG

from .._wire import TIMED_OUT
from ..calling.output import Output, Stream
from ..calling.waiting import Wait, timed_out
from ..settings import FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._invocation import Invocation
    from ..auto.blind import Watch
    from ..entry import Ending

NONE, DIGEST = "none", "digest"
_STREAMS = {1: "stdout", 2: "stderr"}
_LINGER = 0.1  # seconds that we stay for output of what the command left behind; see Wait
_PIPE_BYTES = 1_048_576
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class Supervision:
    """What is done while a wrapped command runs; `timed_out` is its ending where time was up.

    Raises `ValueError`, with words for the user, where an option's value is none.
    """

    def __init__(self, call: "Invocation", options: "Mapping[str, str]") -> None:
        self.timed_out: Ending | None = None
        self.lost: str | None = None  # why what the command printed could not be passed on
        self.reaped = False  # the command's pid may be another's by now
        self._call = call
        given = options.get("--timeout")
        self._timeout = None if given is None else seconds(given)
        self._capture = options.get("--capture", NONE)
        if self._capture not in (NONE, DIGEST, FULL):
            raise ValueError(f"--capture takes none, digest or full, not {self._capture[:40]!r}")
        if call.level == FULL:
            self._capture = FULL
        self._pipes: dict[int, tuple[int, int]] = {}
        self._outputs: dict[int, Output] = {}
        self._merged = False
        if self._capture != NONE:
            self._open_pipes()

    def _open_pipes(self) -> None:
        """Make a pipe for each stream that is captured; one for both where they are one file."""
        where = {fd: _file_of(fd) for fd in _STREAMS}
        for fd, file in where.items():
            if file is None:
                continue
            if fd == 2 and file == where[1]:
                self._merged = True
                continue
            self._pipes[fd] = _pipe()
            self._outputs[fd] = Output()

    def connect(self) -> None:
        """In the child: have stdout and stderr lead to us, where they are captured."""
        for fd, (_, writer) in self._pipes.items():
            os.dup2(writer, fd)
        if self._merged:
            os.dup2(1, 2)

    def wait(self, pid: int, watch: "Watch | None") -> int:
        """Wait for the command; return how it ended as waitpid(2) has it."""
        streams = []
        for fd, (reader, writer) in self._pipes.items():
            os.close(writer)
            streams.append(Stream(reader, self._outputs[fd], forward=fd))
            streams[-1].waits = self._timeout is None or _is_file(fd)
        status = 0

        def reap() -> int | None:
            nonlocal status
            ended, found = os.waitpid(pid, os.WNOHANG)
            if not ended:
                return None
            status, self.reaped = found, True
            return os.waitstatus_to_exitcode(found)

        if watch is not None:
            from _thread import start_new_thread

            start_new_thread(_look_on, (watch, pid))
        wait = Wait(
            pid,
            self._call.request_id,
            reap,
            streams=streams,
            timeout=self._timeout,
            linger=_LINGER,
        )
        wait.run()
        if wait.cut_short == TIMED_OUT:
            how = "by SIGKILL, because SIGTERM was not enough" if wait.killed else "by SIGTERM"
            self.timed_out = timed_out(self._timeout or 0.0, how)
        self.lost = next((each.lost for each in self._outputs.values() if each.lost), None)
        _leave_running(streams)
        return status

    def output(self) -> "dict[str, Any]":
        """Return what the entry says of what the command printed."""
        fields: dict[str, Any] = {}
        for fd, output in self._outputs.items():
            if self._capture == FULL:
                from ..calling.bodies import kept

                fields[_STREAMS[fd]] = kept(self._call, _STREAMS[fd], output)
            else:
                fields[_STREAMS[fd]] = output.as_json()
        if self._merged and fields:
            fields["stdout"]["with_stderr"] = True
        return fields


def seconds(text: str) -> float:
    """Read a time limit: `30`, `0.5`, `90s`, `5m`, `1h`. Raises `ValueError`."""
    number, unit = text.rstrip("smhd"), text[len(text.rstrip("smhd")) :]
    try:
        found = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        found = 0.0
    if not isfinite(found) or found <= 0 or number != number.strip():
        raise ValueError(
            f"--timeout takes a time such as 30, 0.5, 90s, 5m or 1h, not {text[:40]!r}"
        )
    return found


def _file_of(fd: int) -> tuple[int, int] | None:
    """Return what tells one open file from another; None for a terminal, or where it is closed."""
    try:
        if os.isatty(fd):
            return None
        status = os.fstat(fd)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_file(fd: int) -> bool:
    """Tell a plain file, which nobody has to read for us to go on."""
    return S_ISREG(os.fstat(fd).st_mode)


def _pipe() -> tuple[int, int]:
    reader, writer = os.pipe()
    if sys.platform == "linux":
        from fcntl import F_SETPIPE_SZ, fcntl

        try:
            fcntl(reader, F_SETPIPE_SZ, _PIPE_BYTES)  # fewer, larger reads
        except OSError:
            return reader, writer  # this user's pipes hold enough as it is
    return reader, writer


def _look_on(watch: "Watch", pid: int) -> None:
    try:
        watch.wait(pid)
    except Exception:  # it is waited for all the same
        return


def _leave_running(streams: "list[Stream]") -> None:
    """Have a process pass on what something that was left behind still prints.

    Without us it would write on after its command's end: it must neither die of our going, nor
    have us wait for it.
    """
    left = {stream.fd: stream for stream in streams if stream.fd >= 0}
    if not left:
        return
    if os.fork():
        for stream in left.values():
            stream.close()
        return
    try:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            if signal.getsignal(number) != signal.SIG_IGN:  # it was passed on to the command
                signal.signal(number, signal.SIG_DFL)
        poll = select.poll()
        for fd, stream in list(left.items()):
            stream.waits = True
            if stream.pass_on():
                poll.register(fd, select.POLLIN)
            else:
                del left[fd]
        while left:
            for fd, _ in poll.poll():
                if not left[fd].read():
                    poll.unregister(fd)
                    del left[fd]
    finally:
        os._exit(0)
