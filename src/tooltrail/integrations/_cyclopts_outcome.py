"""How a Cyclopts call ended, and its one response in envelope mode: off the plain path."""

import _signal  # type: ignore[import-not-found]
import sys

from .._ending import by_exception, by_exit_code, by_system_exit
from .._plain import words
from .._typing import TYPE_CHECKING, Any
from .._wire import INTERRUPTED, REDACTED, TEXT, USAGE_ERROR
from ..entry import Ending, error_fields
from ..errors import CommandError
from ..redact import may_be_secret_name
from ._cyclopts_params import hide_in_line, hide_secrets_of, is_secret, tree_of
from ._outcome import Answering, is_exit_code

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from ._cyclopts_call import CycloptsCall

_CODES = {
    "UnknownCommandError": "NO_SUCH_COMMAND",
    "UnknownOptionError": "NO_SUCH_OPTION",
    "MissingArgumentError": "MISSING_PARAMETER",
    "CoercionError": "BAD_PARAMETER",
    "ValidationError": "BAD_PARAMETER",
    "ConsumeMultipleError": "BAD_PARAMETER",
}
_NUMBERS_EXIT = frozenset(  # the result actions that take a number for the exit code
    {
        "print_non_int_sys_exit",
        "sys_exit",
        "sys_exit_if_non_zero_else_return",
        "print_non_int_return_int_as_exit_code",
        "print_str_return_int_as_exit_code",
        "print_non_none_return_int_as_exit_code",
        "return_int_as_exit_code_else_zero",
    }
)
_INTERRUPTED_CODE = 130  # by which Cyclopts ends on Ctrl-C


# -- how it ended


def ending_of_call(running: "CycloptsCall", error: BaseException | None) -> Ending:
    """Return how the call ended, with the exit code as it left."""
    usage = _usage_error_in(running, error)
    if not running.call.begun:
        _describe(running, usage)
    elif usage is not None:  # below a meta app
        path = usage.command_chain or ()
        running.call.contained(lambda: _hide_secrets(running, usage.app or running.app, path))
    if usage is not None:
        code = by_system_exit(error).exit_code if isinstance(error, SystemExit) else 1
        return Ending(code, USAGE_ERROR, error=_details(running, usage))
    if isinstance(error, SystemExit):
        if running.raised is not None:  # a `CommandError`, told as text
            return by_exception(running.raised)
        if _is_interrupt(error):
            told = error_fields("INTERRUPTED", "interrupted by SIGINT")
            return Ending(error.code, INTERRUPTED, signal=_signal.SIGINT, error=told)  # type: ignore[arg-type]
    if error is None:
        return by_exit_code(running.exit_value or 0)
    ending = by_exception(error)
    if isinstance(error, CommandError) and running.answer is None:
        ending.exit_code = 1  # nobody turns it into an exit code
    return ending


def _is_interrupt(error: SystemExit) -> bool:
    return error.code == _INTERRUPTED_CODE and isinstance(error.__context__, KeyboardInterrupt)


def _usage_error_in(running: "CycloptsCall", error: BaseException | None) -> Any:
    """Return the error about the command line, which may have left as `SystemExit`."""
    kind: type = vars(sys.modules["cyclopts.exceptions"])["CycloptsError"]
    if isinstance(error, SystemExit) and isinstance(error.__context__, kind):
        return error.__context__
    return error if isinstance(error, kind) and not running.links else None


def _details(running: "CycloptsCall", error: Any) -> "dict[str, Any]":
    app = error.app or running.app
    path = " ".join((running.program, *(error.command_chain or ())))
    flags = [flag for flag in app.help_flags or () if isinstance(flag, str)]
    hint = f"{path} {flags[0]} shows how it is called" if flags else None
    code = _CODES.get(type(error).__name__, USAGE_ERROR.upper())
    return error_fields(code, _message_of(error), hint=hint)


def _message_of(error: Any) -> str:
    argument = error.argument
    if argument is not None and is_secret(argument) and "Missing" not in type(error).__name__:
        return f"Invalid value for {argument.name}: {REDACTED}"  # the own words repeat it
    if argument is not None and any(_holds_secret(token) for token in argument.tokens):
        return f"Invalid value for {argument.name}: {REDACTED}"
    verbose, error.verbose = error.verbose, False  # which would show all tokens
    try:
        message = words(error)
    finally:
        error.verbose = verbose
    before, broken, _ = message.partition("JSONDecodeError:")  # it quotes a part of the value
    return f"{before}{broken} {REDACTED}" if broken else message


def _holds_secret(token: Any) -> bool:
    """Tell JSON, or the beginning of some, with a member that may be a secret."""
    value = str(token.value).lstrip()
    return value[:1] in ("{", "[") and may_be_secret_name(value)


def _describe(running: "CycloptsCall", usage: Any) -> None:
    """Say what was called where it never got to act: a usage error, `--help`, a version."""
    chain, apps, _ = running.app.parse_commands(running.tokens)
    flags = {flag for app in apps for flag in (*app.help_flags, *app.version_flags)}
    path = [name for name in chain if name not in flags]
    running.call.contained(lambda: hide_in_line(running.app, apps, running.call))
    if usage is not None:
        running.call.contained(lambda: _hide_secrets(running, usage.app or apps[-1], path))
        if type(usage).__name__ == "UnknownCommandError" or len(apps) == 1:
            running.call.contained(lambda: _hide_after_misspelt(running, path))
    running.call.describe(" ".join(path) or running.call.tool, {})


def _hide_secrets(running: "CycloptsCall", app: Any, path: "Sequence[str]") -> None:
    """Declare what is secret; where one of it has no flag, take every argument for a secret."""
    if hide_secrets_of(app, running.call):
        hidden = [a for a in running.call.argv[1:] if a not in path and a[:1] != "-"]
        running.call.redactor.learn(hidden)


def _hide_after_misspelt(running: "CycloptsCall", path: "Sequence[str]") -> None:
    """Take what follows a misspelt command for secrets, where any command takes one so."""
    found = [hide_secrets_of(one, running.call) for one in tree_of(running.app)]
    if any(found):
        words = [a for a in running.call.argv[1:] if a not in path and a[:1] != "-"]
        running.call.redactor.learn(words[1:])


# -- the response


def reply(running: "CycloptsCall", run: "Callable[..., Any]", how: "dict[str, Any]") -> None:
    """Run the app for one response."""
    with Answering(running, running.tokens):
        tokens = _without_output(running, how)
        try:
            run(tokens, **_quiet(running, how))
        except CommandError as error:
            _show_error(running, error)
            raise


async def reply_async(
    running: "CycloptsCall",
    run: "Callable[..., Coroutine[Any, Any, Any]]",
    how: "dict[str, Any]",
) -> None:
    """Run the app for one response, on the loop that runs already."""
    with Answering(running, running.tokens):
        tokens = _without_output(running, how)
        try:
            await run(tokens, **_quiet(running, how))
        except CommandError as error:
            _show_error(running, error)
            raise


def _without_output(running: "CycloptsCall", how: "dict[str, Any]") -> "list[str]":
    from ._cyclopts_options import take_output

    return take_output(running, how)


def _quiet(running: "CycloptsCall", how: "dict[str, Any]") -> "dict[str, Any]":
    """Return how to call the app: errors are in the response, and exit, unless people read it."""
    if running.answer is None or running.answer.output == TEXT:
        return how
    return {**how, "print_error": False, "help_on_error": False, "exit_on_error": True}


def _show_error(running: "CycloptsCall", error: CommandError) -> None:
    """Print an author's error as Cyclopts prints its own, where the output is text, and exit."""
    if running.answer is None or running.answer.output != TEXT:
        return
    from cyclopts import CycloptsPanel

    running.raised = error
    hint = f"\nhint: {error.hint}" if error.hint else ""
    running.app.error_console.print(CycloptsPanel(f"{error.message}{hint}"))
    sys.exit(error.exit_code)


def take_value(running: "CycloptsCall", app: Any, result: Any, act: "Callable[[], Any]") -> Any:
    """Keep what a command returned as the response's data; as text, Cyclopts prints it.

    The author's functions among the `result_action` are called; then the first named one says
    whether a number is the exit code.
    """
    assert running.answer is not None
    if result is None and running.inner:  # the meta app gave back nothing of it
        result = running.inner[0] if len(running.inner) == 1 else running.inner
    if running.answer.output == TEXT:
        running.value = None if is_exit_code(result) else result
        value = act()
        running.exit_value = value if is_exit_code(value) else None
        return value
    chosen = app.app_stack.resolve("result_action", fallback="print_non_int_sys_exit")
    value = result
    for action in chosen if isinstance(chosen, (list, tuple)) else (chosen,):
        if callable(action):
            made = action(value)
        elif action == "call_if_callable":
            made = value() if callable(value) else value
        else:
            return _keep(running, value, _exit_code(action, value))
        value = value if made is None else made
    return _keep(running, value, None)


def _keep(running: "CycloptsCall", value: Any, exit_code: int | None) -> Any:
    taken = exit_code is not None and is_exit_code(value)
    running.value = None if taken else value
    if exit_code:
        sys.exit(exit_code)
    return running.value


def _exit_code(action: str, value: Any) -> int | None:
    """Return the exit code that a `result_action` makes of a value; None where it makes none."""
    if action in ("return_value", "return_none"):
        return None
    if action in _NUMBERS_EXIT and isinstance(value, int):
        return int(not value) if isinstance(value, bool) else value
    own = getattr(value, "__cyclopts_returncode__", None)
    return int(own()) if callable(own) else 0
