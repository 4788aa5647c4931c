"""Signals by name, and the two that envelope mode answers, without `import signal`.

`import signal` builds enums and costs several ms; `_signal`, the C module below
it, is already in the interpreter.
"""

import _signal  # type: ignore[import-not-found]
import os

from ._wire import INTERRUPTED, KILLED, TERMINATED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Terminated(BaseException):
    """SIGTERM or SIGHUP arrived in envelope mode: unwinds the command so that it can answer."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def name_of(number: int) -> str:
    """Return the name of a signal: 15 gives `SIGTERM`, one without a name `SIG47`."""
    for name in dir(_signal):
        if name.startswith("SIG") and name[3:4] not in "_" and getattr(_signal, name) == number:
            return name
    return f"SIG{number}"


def outcome_of(number: int) -> str:
    """Return the outcome of a call that ended by this signal."""
    if number == _signal.SIGINT:
        return INTERRUPTED
    return TERMINATED if number in (_signal.SIGTERM, _signal.SIGHUP) else KILLED


def exit_code_of(number: int) -> int:
    """Return the exit code by which a shell reports this signal."""
    return 128 + number


def die_by(number: int) -> None:
    """End this process by a signal, so that its parent sees the signal and not an exit code."""
    if number not in (_signal.SIGKILL, _signal.SIGSTOP):
        _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, {number})


class Answered:
    """While entered, SIGTERM and SIGHUP raise `Terminated` in the main thread.

    Only where the tool left them to the system: a handler of the author's stays, and so does
    the ignoring of SIGHUP under `nohup`. In other threads this does nothing.
    """

    def __init__(self) -> None:
        self._installed: list[int] = []

    def __enter__(self) -> "Answered":
        for number in (_signal.SIGTERM, _signal.SIGHUP):
            if _signal.getsignal(number) == _signal.SIG_DFL:
                try:
                    _signal.signal(number, self._raise)
                except ValueError:  # not the main thread
                    return self
                self._installed.append(number)
        return self

    def hold(self) -> None:
        """Let nothing interrupt the answer that is now on its way."""
        for number in self._installed:
            if _signal.getsignal(number) == self._raise:
                _signal.signal(number, _signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        for number in self._installed:
            if _signal.getsignal(number) in (self._raise, _signal.SIG_IGN):
                _signal.signal(number, _signal.SIG_DFL)
        self._installed.clear()

    def _raise(self, number: int, _frame: "FrameType | None") -> None:
        raise Terminated(number)
