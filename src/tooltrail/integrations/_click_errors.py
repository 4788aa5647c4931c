"""Click's exceptions as endings: exit code, outcome, and an error with a stable code.

They are known by their names, not by their classes: Typer has a copy of Click of its own.
"""

import _signal  # type: ignore[import-not-found]
import sys
from errno import EPIPE

from .._ending import by_exception, by_system_exit
from .._signals import name_of
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE, INTERRUPTED, REDACTED, USAGE_ERROR
from ..entry import Ending, error_fields
from ..errors import CommandError
from ._click_given import is_secret, library_of

if TYPE_CHECKING:
    import click

_INTERRUPTED = "INTERRUPTED"


def is_a(error: BaseException, name: str) -> bool:
    """Tell whether an exception is one of Click's, of this name, or of a subclass of it."""
    return any(
        kind.__name__ == name and kind.__module__.endswith(".exceptions")
        for kind in type(error).__mro__
    )


class CommandFailure(Exception):
    """A `CommandError` on its way through Click, where the output is text."""

    error: CommandError

    def format_message(self) -> str:
        """Return what Click prints after `Error: `."""
        hint = f"\nhint: {self.error.hint}" if self.error.hint else ""
        return f"{self.error.message}{hint}"


def command_failure(error: CommandError, root: "click.Command") -> Exception:
    """Return an exception that the Click of this command shows, and exits by."""
    exceptions = vars(sys.modules[f"{library_of(type(root))}.exceptions"])
    kind = type("CommandFailure", (CommandFailure, exceptions["ClickException"]), {})
    failure: Any = kind(error.message)
    failure.error, failure.exit_code = error, error.exit_code
    assert isinstance(failure, Exception)
    return failure


def ending_of(error: BaseException) -> Ending:
    """Return how Click ends a call that this exception leaves (`Command.main`, standalone)."""
    causes = (error, error.__cause__, error.__context__ if is_a(error, "Abort") else None)
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
        return _interrupted()
    if is_a(error, "Exit"):
        return by_system_exit(SystemExit(error.exit_code))  # type: ignore[attr-defined]
    if isinstance(error, CommandFailure):
        return by_exception(error.error)
    if is_a(error, "ClickException"):
        return _of_click_exception(error)
    if is_a(error, "Abort") or isinstance(error, EOFError):
        return Ending(1, FAILURE, error=error_fields("ABORTED", "aborted"))
    if isinstance(error, OSError) and error.errno == EPIPE:
        return Ending(1, FAILURE, error=error_fields("BROKEN_PIPE", "the reader went away"))
    return by_exception(error)


def _interrupted() -> Ending:
    """Click turns Ctrl-C into exit code 1; the signal is told beside it."""
    error = error_fields(_INTERRUPTED, f"interrupted by {name_of(_signal.SIGINT)}")
    return Ending(1, INTERRUPTED, signal=_signal.SIGINT, error=error)


def _of_click_exception(error: Any) -> Ending:
    usage = is_a(error, "UsageError")
    outcome = USAGE_ERROR if usage else FAILURE
    return Ending(error.exit_code, outcome, error=_details(error))


def _details(error: Any) -> "dict[str, Any]":
    ctx = getattr(error, "ctx", None)
    hint = None
    if is_a(error, "UsageError") and ctx is not None and ctx.help_option_names:
        hint = f"{ctx.command_path} {ctx.help_option_names[0]} shows how it is called"
    return error_fields(_code_of(error), _message_of(error), hint=hint)


def name_unknown_command(error: Exception) -> None:
    """Give its code to an error about an unknown command, where its class is that of any error."""
    if type(error).__name__ == "UsageError" and not hasattr(error, "code"):
        error.code = "NO_SUCH_COMMAND"  # type: ignore[attr-defined]


def _code_of(error: Any) -> str:
    """Name the error after its class: `NoSuchOption` gives `NO_SUCH_OPTION`."""
    own = getattr(error, "code", None)
    if isinstance(own, str):
        return own
    name = type(error).__name__
    if name == "ClickException":
        return "COMMAND_FAILED"
    if name not in ("UsageError", "FileError"):
        name = "File" if is_a(error, "FileError") else name.removesuffix("Error")
    words = "".join("_" + char if char.isupper() else char for char in name)
    return words.lstrip("_").upper()


def _message_of(error: Any) -> str:
    if type(error).__name__ == "NoArgsIsHelpError":
        return "no command was given"
    message: str = error.format_message()
    if is_a(error, "BadParameter") and error.param is not None and is_secret(error.param):
        label = "/".join(error.param.opts)  # Click's own words would repeat the value
        return f"Invalid value for {label}: {REDACTED}"
    return message
