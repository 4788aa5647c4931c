"""How a Click call ended: what the plain path leaves out."""

from .._ending import by_system_exit
from .._typing import TYPE_CHECKING, Any
from .._wire import TEXT
from ..entry import Ending
from ..errors import CommandError
from . import active
from ._click_errors import command_failure, ending_of, is_a, name_unknown_command
from ._click_given import (
    declare_secrets_of,
    hide_in_line,
    path_to,
    takes_secret_argument,
    tree_of,
)
from ._outcome import OUTPUT_OPTIONS, forget_guess

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from .click import ClickCall


def note_raised(running: "ClickCall", error: BaseException) -> None:
    """Note what left the root command: Click's `main` hides it behind `SystemExit`.

    A `CommandError` on its way to text output is raised anew, as an exception that Click shows.
    """
    if isinstance(error, CommandError) and running.answer and running.answer.output == TEXT:
        running.raised = command_failure(error, running.root)
        raise running.raised from error
    running.raised = error
    ctx = getattr(error, "ctx", None)
    if ctx is not None and not running.stopped:
        running.stopped = [(step.command, step.info_name or "") for step in path_to(ctx)]


def note_stopped(
    running: "ClickCall",
    command: "click.Command",
    info_name: str | None,
    args: list[str],  # noqa: ARG001 - the arguments of `make_context`
    parent: "click.Context | None" = None,
    **_: Any,
) -> None:
    """Note the command whose arguments ended the call: a wrong one, or `--help`."""
    if not running.stopped:
        above = [] if parent is None else path_to(parent)
        running.stopped = [(step.command, step.info_name or "") for step in above]
        running.stopped.append((command, info_name or ""))


def ending_of_call(running: "ClickCall", error: BaseException | None) -> Ending:
    """Return how the call ended: what its commands raised, with the exit code as it left."""
    _describe_failure(running)
    if running.unknown is not None and running.unknown is running.raised:
        name_unknown_command(running.unknown)
    if isinstance(error, SystemExit) and running.raised is not None:
        ending = ending_of(running.raised)
        ending.exit_code = by_system_exit(error).exit_code
        return ending
    if error is not None:
        ending = ending_of(error)
        if isinstance(error, CommandError) and running.answer is None:
            ending.exit_code = 1  # nobody turns it into an exit code
        return ending
    raised, returned = running.raised, running.returned
    if raised is not None and is_a(raised, "Exit"):
        return ending_of(raised)  # non-standalone: `main` returns the code
    if isinstance(raised, KeyboardInterrupt) and isinstance(returned, int):
        ending = ending_of(raised)  # Typer's has one for Ctrl-C, too
        ending.exit_code = returned
        return ending
    return Ending(0)


def _describe_failure(running: "ClickCall") -> None:
    """Say what was called where it never got to act: a usage error, `--help`, a version.

    Where a group had begun already, only what is secret in what follows is taken out.
    """
    begun, raised = running.call.begun, running.raised
    if begun and (raised is None or not is_a(raised, "UsageError")):
        return
    path = [command for command, _ in running.stopped or [(running.root, "")]]
    running.call.contained(lambda: hide_in_line(running.root, path, running.call))
    if running.unknown is not None and any(map(takes_secret_argument, tree_of(running.root))):
        _hide_arguments(running, spared=1)  # the misspelt name itself is none
    for command in path:
        declare_secrets_of(command, running.call)
        if takes_secret_argument(command):
            _hide_arguments(running)
    if not begun:
        names = " ".join(name for _, name in running.stopped[1:])
        running.call.describe(names or running.call.tool, {})


def _hide_arguments(running: "ClickCall", spared: int = 0) -> None:
    """Take every argument for a secret, but options and the names of commands.

    The command line could not be parsed, and the command takes a secret as argument.
    """
    kept = {name for _, name in running.stopped}
    arguments = running.call.argv[1:]
    hidden = [a for a in arguments if a not in kept and a[:1] != "-"]
    running.call.redactor.learn(hidden[spared:])


def free_output_option(params: "Sequence[click.Parameter]") -> str | None:
    """Return the first name for our option that the author has not taken, or None."""
    taken = {name for param in params for name in (*param.opts, *param.secondary_opts)}
    running = active.get()
    if running is not None:
        forget_guess(running, taken)
    return next((name for name in OUTPUT_OPTIONS if name not in taken), None)
