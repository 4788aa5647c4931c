"""Click's exceptions as endings: exit code, outcome, and an error with a stable code."""

import _signal  # type: ignore[import-not-found]
from errno import EPIPE
from typing import Any

from click.exceptions import Abort, BadParameter, ClickException, Exit, FileError, UsageError

from .._ending import by_exception, by_system_exit
from .._signals import name_of
from .._wire import FAILURE, INTERRUPTED, REDACTED, USAGE_ERROR
from ..entry import Ending, error_fields
from ..errors import CommandError
from .click import is_secret

_INTERRUPTED = "INTERRUPTED"


class CommandFailure(ClickException):
    """A `CommandError` on its way through Click, where the output is text."""

    def __init__(self, error: CommandError) -> None:
        super().__init__(error.message)
        self.exit_code = error.exit_code  # type: ignore[misc]  # as Click's own docs do
        self.error = error

    def format_message(self) -> str:
        """Return what Click prints after `Error: `."""
        hint = f"\nhint: {self.error.hint}" if self.error.hint else ""
        return f"{self.message}{hint}"


def ending_of(error: BaseException) -> Ending:
    """Return how Click ends a call that this exception leaves (`Command.main`, standalone)."""
    if isinstance(error, Exit):
        return by_system_exit(SystemExit(error.exit_code))
    if isinstance(error, CommandFailure):
        return by_exception(error.error)
    if isinstance(error, ClickException):
        return _of_click_exception(error)
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        return _interrupted()
    if isinstance(error, (Abort, EOFError)):
        return Ending(1, FAILURE, error=error_fields("ABORTED", "aborted"))
    if isinstance(error, OSError) and error.errno == EPIPE:
        return Ending(1, FAILURE, error=error_fields("BROKEN_PIPE", "the reader went away"))
    return by_exception(error)


def _interrupted() -> Ending:
    """Click turns Ctrl-C into exit code 1; the signal is told beside it."""
    error = error_fields(_INTERRUPTED, f"interrupted by {name_of(_signal.SIGINT)}")
    return Ending(1, INTERRUPTED, signal=_signal.SIGINT, error=error)


def _of_click_exception(error: ClickException) -> Ending:
    usage = isinstance(error, UsageError)
    outcome = USAGE_ERROR if usage else FAILURE
    return Ending(error.exit_code, outcome, error=_details(error))


def _details(error: ClickException) -> "dict[str, Any]":
    ctx = getattr(error, "ctx", None)
    hint = None
    if isinstance(error, UsageError) and ctx is not None and ctx.help_option_names:
        hint = f"{ctx.command_path} {ctx.help_option_names[0]} shows how it is called"
    return error_fields(_code_of(error), _message_of(error), hint=hint)


def _code_of(error: ClickException) -> str:
    """Name the error after its class: `NoSuchOption` gives `NO_SUCH_OPTION`."""
    own = getattr(error, "code", None)
    if isinstance(own, str):
        return own
    if type(error) is ClickException:
        return "COMMAND_FAILED"
    name = (
        type(error).__name__.removesuffix("Error") if not isinstance(error, FileError) else "File"
    )
    if type(error) in (UsageError, FileError):
        name += "Error"
    words = "".join("_" + char if char.isupper() else char for char in name)
    return words.lstrip("_").upper()


def _message_of(error: ClickException) -> str:
    if type(error).__name__ == "NoArgsIsHelpError":
        return "no command was given"
    message = error.format_message()
    if isinstance(error, BadParameter) and error.param is not None and is_secret(error.param):
        label = "/".join(error.param.opts)  # Click's own words would repeat the value
        return f"Invalid value for {label}: {REDACTED}"
    return message
