"""How a call ended: an exception, or none, to exit code, outcome, signal and error."""

import _signal  # type: ignore[import-not-found]

from ._plain import class_name, words
from ._signals import Terminated, exit_code_of, outcome_of
from ._wire import CRASHED, FAILURE, NOT_STARTED
from .entry import Ending, error_fields
from .errors import CommandError, NotRecordedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONG = 1 << 63  # what does not fit into a C long is -1 to the interpreter
_FLUSH_FAILED = 120  # the exit code of an interpreter that could not flush stdout


def by_exit_code(exit_code: int) -> Ending:
    """Return the ending of a call that chose this exit code."""
    code = exit_code & 0xFF if -_LONG <= exit_code < _LONG else 255
    if code == 0:
        return Ending(0)
    return Ending(code, error=error_fields("EXIT_CODE", f"exit code {code}"))


def undelivered(reason: str, exit_code: int = _FLUSH_FAILED) -> Ending:
    """Return the ending of a call whose output was lost: stdout could not be written."""
    return Ending(exit_code, FAILURE, error=error_fields("UNDELIVERED", f"stdout: {reason}"))


def by_signal(number: int, code: str = "SIGNAL", message: str | None = None) -> Ending:
    """Return the ending of a call that ended by a signal."""
    return Ending(
        exit_code_of(number),
        outcome_of(number),
        signal=number,
        error=error_fields(code, message or f"ended by signal {number}"),
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
        details = error_fields(
            error.code, error.message, retryable=error.retryable, hint=error.hint
        )
        return Ending(error.exit_code, FAILURE, error=details)
    details = error_fields("EXCEPTION", words(error), type=type(error).__name__)
    return Ending(1, CRASHED, error=details)


def refused(reason: str) -> "tuple[str, dict[str, Any]]":
    """Return outcome and error of a call that the policy `closed` did not let run."""
    return NOT_STARTED, error_fields(
        NotRecordedError.code,
        f"nothing was run, because it could not be recorded: {reason}",
        retryable=True,
        hint="make the log writable, or have the policy set to open (tooltrail config)",
    )


def by_system_exit(error: SystemExit) -> Ending:
    """Read `sys.exit(x)` as the interpreter does: None is 0, a number itself, anything else 1."""
    if error.code is None:
        return Ending(0)
    if isinstance(error.code, int):
        return by_exit_code(error.code)
    return Ending(1, FAILURE, error=error_fields("EXIT_MESSAGE", _message(error.code)))


def _message(code: object) -> str:
    """Return the text that the interpreter prints; of an author's own object, what it is.

    Its `__str__` is the author's code: it runs once, when the interpreter prints it.
    """
    if isinstance(code, str):
        return str.__str__(code)
    kind = type(code)
    return words(code) if kind.__module__ == "builtins" else f"[{class_name(kind)}]"
