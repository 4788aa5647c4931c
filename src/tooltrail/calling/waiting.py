"""Wait for a command: read what it prints, feed what it reads, mind the time.

One thread, one `poll`: a command that fills stdout while it reads stdin cannot deadlock with us.
"""

import os
import select
import signal
import time
from contextlib import suppress

from .._host import monotonic_ns
from .._wire import TIMED_OUT
from ..entry import Ending, error_fields
from .started import end_all, started_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .output import Feed, Stream

KILL_AFTER = 2.0  # seconds between SIGTERM and SIGKILL
LINGER = 1.0  # seconds that output is awaited of what a command left behind when it ended
GRACE = 0.25  # seconds for a command whose caller was interrupted itself
CANCELLED = "cancelled"
TIMEOUT_EXIT = 124  # as timeout(1) has it
_LONGEST_MS = (1 << 31) - 1  # that poll(2) can be asked to wait
_LOOK_EVERY = 0.02  # seconds, where the system cannot tell us of a process's end


class Wait:
    """A wait for one command. `cut_short` says why it did not end by itself, if so.

    `reap` returns how the command's process ended (as `Popen.returncode`), or None while it
    lives. `call_id` is what all that it starts has in its environment. A byte that can be read
    from `cancel` ends the command early.
    """

    def __init__(
        self,
        pid: int,
        call_id: str,
        reap: "Callable[[], int | None]",
        *,
        streams: "Sequence[Stream]" = (),
        feed: "Feed | None" = None,
        timeout: float | None = None,
        kill_after: float = KILL_AFTER,
        linger: float = LINGER,
        cancel: int | None = None,
    ) -> None:
        self.cut_short: str | None = None
        self.killed = False  # SIGTERM was not enough
        self.returncode: int | None = None
        self._pid = pid
        self._call_id = call_id
        self._reap = reap
        self._streams = {stream.fd: stream for stream in streams}
        self._stalled: dict[int, tuple[int, Stream]] = {}  # by where it is to go: what waits there
        self._feed = feed
        self._cancel = cancel
        self._kill_after = kill_after
        self._linger = linger
        self._deadline = None if timeout is None else _now() + timeout
        self._kill_at = 0.0
        self._process = _descriptor_of(pid)
        self._poll = select.poll()

    def watch(
        self,
        streams: "Sequence[Stream]",
        feed: "Feed | None",
        *,
        timeout: float | None,
        cancel: int | None,
    ) -> None:
        """Say what is to be read and fed, how long it may take, and what may end it."""
        self._streams = {stream.fd: stream for stream in streams}
        self._feed, self._cancel = feed, cancel
        self._deadline = None if timeout is None else _now() + timeout

    def run(self) -> int:
        """Wait until the command has ended and its output is read; return its `returncode`."""
        for fd in (*self._streams, self._process, self._cancel):
            if fd is not None:
                self._poll.register(fd, select.POLLIN)
        if self._feed is not None:
            self._poll.register(self._feed.fd, select.POLLOUT)
        try:
            while True:
                for fd, _ in self._poll.poll(self._patience()):
                    self._serve(fd)
                if self.returncode is None and self._process is None:
                    self._look()
                if self.returncode is not None and not self._streams:
                    return self.returncode
                if self._deadline is not None and _now() >= self._deadline:
                    if self.returncode is not None:
                        return self._leave(self.returncode)
                    self._press(TIMED_OUT)
        finally:
            self._forget_process()
            if self._feed is not None:
                self._feed.close()
            if self.cut_short is not None:
                self._sweep()

    def end_now(self, reason: str) -> None:
        """End the command and all that it started, and reap it; for when `run` was interrupted."""
        self.cut_short = self.cut_short or reason
        number, patience = signal.SIGTERM, _now() + GRACE
        while self.returncode is None:
            end_all(self._pid, self._call_id, number)
            while self.returncode is None and _now() < patience:
                time.sleep(_LOOK_EVERY)
                self._look()
            number, patience = signal.SIGKILL, _now() + GRACE
            self.killed = self.returncode is None
        self._kill_at = _now() + GRACE
        self._sweep()

    def _sweep(self) -> None:
        """End what the command started and what SIGTERM did not end, when its time is up."""
        while started_by(None, self._call_id):
            if _now() >= self._kill_at:
                self.killed = True
                end_all(None, self._call_id, signal.SIGKILL)
                return
            time.sleep(_LOOK_EVERY)

    def _patience(self) -> int | None:
        """Return how long to wait for the next event, in ms; None is for ever."""
        until = None if self._deadline is None else max(0.0, self._deadline - _now())
        if self._process is None and self.returncode is None:
            until = _LOOK_EVERY if until is None else min(until, _LOOK_EVERY)
        return None if until is None else int(min(until * 1000, _LONGEST_MS - 1)) + 1

    def _serve(self, fd: int) -> None:
        if fd == self._process:
            self._look()
        elif fd == self._cancel:
            self._poll.unregister(fd)
            if self.returncode is None:
                self._press(CANCELLED)
            else:
                self._deadline = _now()  # it has ended: only its output was waited for
        elif self._feed is not None and fd == self._feed.fd:
            if not self._feed.write():
                self._poll.unregister(fd)
        elif fd in self._stalled:
            self._serve_stalled(fd, *self._stalled[fd])
        else:
            self._serve_stream(fd, self._streams[fd])

    def _serve_stream(self, fd: int, stream: "Stream") -> None:
        if not stream.read():
            self._poll.unregister(fd)
            del self._streams[fd]
        elif stream.pending and stream.forward is not None:
            self._poll.unregister(fd)
            self._stalled[stream.forward] = fd, stream
            self._poll.register(stream.forward, select.POLLOUT)

    def _serve_stalled(self, forward: int, fd: int, stream: "Stream") -> None:
        """Pass on what a reader is ready for, who must not keep us from minding the time."""
        read_on = stream.write()
        if read_on and stream.pending:
            return
        self._poll.unregister(forward)
        del self._stalled[forward]
        if read_on:
            self._poll.register(fd, select.POLLIN)
        else:
            del self._streams[fd]

    def _look(self) -> None:
        """See whether the command has ended; what it left behind gets a little time."""
        self.returncode = self._reap()
        if self.returncode is not None:
            self._forget_process()
            self._deadline = _now() + self._linger

    def _press(self, reason: str) -> None:
        """Have the command end: by SIGTERM at first, by SIGKILL when that was not enough."""
        self.killed = self.cut_short is not None
        self.cut_short = self.cut_short or reason
        end_all(self._pid, self._call_id, signal.SIGKILL if self.killed else signal.SIGTERM)
        self._kill_at = self._deadline = _now() + (
            self._linger if self.killed else self._kill_after
        )

    def _leave(self, returncode: int) -> int:
        """Take what has come until now of streams that something else still holds open."""
        for stream in self._streams.values():
            stream.output.unfinished = True
        return returncode

    def _forget_process(self) -> None:
        if self._process is not None:
            if self.returncode is not None:
                with suppress(KeyError):  # `run` has not come so far
                    self._poll.unregister(self._process)
            os.close(self._process)
            self._process = None


def _now() -> float:
    return monotonic_ns() / 1e9


def _descriptor_of(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process ends, where the system has it."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def timed_out(timeout: float, how: str) -> Ending:
    """Return the ending of a call whose time was up."""
    message = f"not done after {timeout:g} s: ended with all that it had started, {how}"
    error = error_fields("TIMEOUT", message, retryable=True)
    return Ending(TIMEOUT_EXIT, TIMED_OUT, error=error)
