"""How a call ended: an exception, or none, to exit code, outcome, signal and error."""

import _signal  # type: ignore[import-not-found]

from ._host.signals import Terminated, exit_code_of, outcome_of
from ._wire import CRASHED, FAILURE, SUCCESS
from .envelope import error as envelope_error
from .errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FLUSH_FAILED = 120  # the exit code of an interpreter that could not flush stdout


class Ending:
    """How a call ended. `exit_code` is None where another program has taken the process over."""

    __slots__ = ("error", "exit_code", "outcome", "signal")

    def __init__(
        self,
        exit_code: int | None,
        outcome: str | None = None,
        *,
        signal: int | None = None,
        error: "dict[str, Any] | None" = None,
    ) -> None:
        self.exit_code = None if exit_code is None else exit_code & 0xFF
        self.outcome = outcome or (FAILURE if exit_code else SUCCESS)
        self.signal = signal
        self.error = error


def by_exit_code(exit_code: int) -> Ending:
    """Return the ending of a call that chose this exit code."""
    code = exit_code & 0xFF
    if code == 0:
        return Ending(0)
    return Ending(code, error=envelope_error("EXIT_CODE", f"exit code {code}"))


def undelivered(reason: str, exit_code: int = _FLUSH_FAILED) -> Ending:
    """Return the ending of a call whose output was lost: stdout could not be written."""
    return Ending(exit_code, FAILURE, error=envelope_error("UNDELIVERED", f"stdout: {reason}"))


def by_signal(number: int, code: str = "SIGNAL", message: str | None = None) -> Ending:
    """Return the ending of a call that ended by a signal."""
    return Ending(
        exit_code_of(number),
        outcome_of(number),
        signal=number,
        error=envelope_error(code, message or f"ended by signal {number}"),
    )


def by_exception(error: BaseException) -> Ending:
    """Return the ending of a call that this exception leaves, with the interpreter's exit codes."""
    if isinstance(error, SystemExit):
        return by_system_exit(error)
    if isinstance(error, KeyboardInterrupt):
        return by_signal(_signal.SIGINT, "INTERRUPTED", "interrupted")
    if isinstance(error, Terminated):
        return by_signal(error.number, "TERMINATED", "terminated by a signal")
    if isinstance(error, CommandError):
        details = envelope_error(
            error.code, error.message, retryable=error.retryable, hint=error.hint
        )
        return Ending(error.exit_code, FAILURE, error=details)
    details = envelope_error("EXCEPTION", str(error), type=type(error).__name__)
    return Ending(1, CRASHED, error=details)


def by_system_exit(error: SystemExit) -> Ending:
    """Read `sys.exit(x)` as the interpreter does: None is 0, a number itself, anything else 1."""
    if error.code is None:
        return Ending(0)
    if isinstance(error.code, int):
        return by_exit_code(error.code)
    return Ending(1, FAILURE, error=envelope_error("EXIT_MESSAGE", str(error.code)))
