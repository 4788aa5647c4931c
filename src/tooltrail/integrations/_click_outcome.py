"""How a Click call ended, and its one response in envelope mode: what the plain path leaves out."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .._ending import by_system_exit
from .._names import is_secret_name
from .._stdout import is_terminal
from .._wire import CRASHED
from ..entry import Ending
from ..envelope import FORMATS, JSON, TEXT, data_as_text
from ..errors import CommandError
from ._click_errors import CommandFailure, ending_of
from .click import declare_secrets_of, is_secret, path_to

if TYPE_CHECKING:
    from .click import ClickCall


def note_raised(running: "ClickCall", error: BaseException) -> None:
    """Note what left the root command: Click's `main` hides it behind `SystemExit`.

    A `CommandError` on its way to text output is raised anew, as an exception that Click shows.
    """
    if isinstance(error, CommandError) and running.answer and running.answer.output == TEXT:
        running.raised = CommandFailure(error)
        raise running.raised from error
    running.raised = error
    ctx = getattr(error, "ctx", None)
    if isinstance(ctx, click.Context) and not running.stopped:
        running.stopped = [(step.command, step.info_name or "") for step in path_to(ctx)]


def note_stopped(
    running: "ClickCall",
    command: click.Command,
    info_name: str | None,
    args: list[str],  # noqa: ARG001 - the arguments of `make_context`
    parent: click.Context | None = None,
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
    if isinstance(error, SystemExit) and running.raised is not None:
        ending = ending_of(running.raised)
        ending.exit_code = by_system_exit(error).exit_code
        return ending
    if error is None and isinstance(running.raised, click.exceptions.Exit):
        return ending_of(running.raised)  # non-standalone: `main` returns the code
    return Ending(0) if error is None else ending_of(error)


def _describe_failure(running: "ClickCall") -> None:
    """Say what was called where it never got to act: a usage error, `--help`, a version."""
    if running.call.begun:
        return
    for command, _ in running.stopped or [(running.root, "")]:
        declare_secrets_of(command, running.call)
        if takes_secret_argument(command):
            _hide_arguments(running)
    path = " ".join(name for _, name in running.stopped[1:])
    running.call.describe(path or running.call.tool, {})


def _hide_arguments(running: "ClickCall") -> None:
    """Take every argument for a secret, but options and the names of commands.

    The command line could not be parsed, and the command takes a secret as argument.
    """
    kept = {name for _, name in running.stopped}
    arguments = running.call.argv[1:]
    running.call.redactor.learn([a for a in arguments if a not in kept and a[:1] != "-"])


def takes_secret_argument(command: click.Command) -> bool:
    """Tell whether a secret stands among the command's arguments, where no flag announces it."""
    return any(
        isinstance(param, click.Argument)
        and (is_secret(param) or is_secret_name(str(param.name or "")))
        for param in command.params
    )


def answer(running: "ClickCall", args: list[str], run: Callable[[bool], Any]) -> Any:
    """Run the tool for one response, in which every ending of it is told."""
    from .._answer import Answer

    running.guessed_from, guess = _first_guess(args)
    output = guess or (TEXT if is_terminal() else JSON)
    running.answer = Answer(running.call, output)
    with running.answer:
        failure: BaseException | None = None
        try:
            run(output == TEXT)
        except BaseException as error:
            failure = error
        return _give(running, failure)


def _give(running: "ClickCall", failure: BaseException | None) -> None:
    from .._signals import Terminated, die_by

    assert running.answer is not None
    ending = ending_of_call(running, failure)
    if not running.call.begun and ending.exit_code == 0 and running.answer.output != TEXT:
        running.value = {"text": running.answer.take_printed()}  # --help, --version
    due = ending.exit_code or 0
    if not running.call.finished:
        due = running.answer.give(ending, running.value if ending.exit_code == 0 else None)
    if isinstance(failure, Terminated):
        die_by(failure.number)
    if ending.outcome == CRASHED and failure is not None:
        raise failure
    sys.exit(due)


def show(running: "ClickCall", value: Any) -> None:
    """Keep what the command returned, and print it where the output is text."""
    running.value = value
    assert running.answer is not None
    if running.answer.output == TEXT and not running.call.finished:
        click.echo(data_as_text(value), nl=False)


def _first_guess(args: list[str]) -> tuple[str | None, str | None]:
    """Read `--output` off arguments that are not parsed yet: usage errors need it too."""
    guess: tuple[str | None, str | None] = None, None
    for position, argument in enumerate(args):
        if argument == "--":
            break
        flag, assigned, value = argument.partition("=")
        if flag in ("--output", "--output-format"):
            value = value if assigned else "".join(args[position + 1 : position + 2])
            guess = (flag, value) if value in FORMATS else guess
    return guess
