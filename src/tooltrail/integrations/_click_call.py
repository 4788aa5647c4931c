"""One running Click call, as its hooked commands see it."""

import sys
from contextvars import ContextVar
from typing import Any

import click

from .._answer import Answer
from .._ending import Ending, by_exit_code, undelivered
from .._host.stdout import flush_failure
from .._invocation import Invocation
from .._wire import PURPOSE_AUDIT
from ..envelope import TEXT, data_as_text
from ..errors import CommandError
from ._click_errors import CommandFailure, ending_of, is_secret

active: "ContextVar[ClickCall | None]" = ContextVar("tooltrail_click", default=None)


class ClickCall:
    """What is known of the call so far: the commands it reached, what it returned or raised."""

    def __init__(self, call: Invocation, root: click.Command, answer: Answer | None) -> None:
        self.call = call
        self.root = root
        self.answer = answer
        self.raised: BaseException | None = None
        self.value: Any = None
        self._stopped: list[tuple[click.Command, str]] = []
        self._reached: list[click.Context] = []

    # -- on the way in

    def passing(self, ctx: click.Context, subcommand: str | None = None) -> None:
        """Begin before a group's own callback, where that does anything."""
        if _does_something(ctx.command.callback):
            self._begin([ctx], subcommand)

    def arrive(self, ctx: click.Context) -> None:
        """Begin before the callback of the command that was asked for."""
        self._reached.append(ctx)
        self._begin(self._reached)

    def _begin(self, reached: list[click.Context], subcommand: str | None = None) -> None:
        for ctx in reached:
            self.call.declare_secrets(_secrets_of(ctx))
        path = ",".join(" ".join(_names(ctx, subcommand)) for ctx in reached)
        reads = getattr(reached[-1].command, "reads_the_log", False)
        self.call.begin(
            path or self.call.tool, _params(reached), purpose=PURPOSE_AUDIT if reads else None
        )

    # -- on the way out

    def saw(self, error: BaseException) -> None:
        """Note what left the root command: Click's `main` hides it behind `SystemExit`."""
        self.raised = error
        ctx = getattr(error, "ctx", None)
        if isinstance(ctx, click.Context) and not self._stopped:
            self._stopped = [(step.command, step.info_name or "") for step in _from_root(ctx)]

    def stopped_parsing(
        self,
        command: click.Command,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **_: Any,
    ) -> None:
        """Note the command whose arguments ended the call: a wrong one, or `--help`."""
        if not self._stopped:
            above = [] if parent is None else _from_root(parent)
            self._stopped = [(step.command, step.info_name or "") for step in above]
            self._stopped.append((command, info_name or ""))

    def ended(self, error: BaseException | None) -> Ending:
        """Return how the call ended: what its commands raised, with the exit code as it left."""
        self._describe_failure()
        if isinstance(error, SystemExit) and self.raised is not None:
            ending = ending_of(self.raised)
            ending.exit_code = by_exit_code(_status(error)).exit_code
            return ending
        if error is None and isinstance(self.raised, click.exceptions.Exit):
            return ending_of(self.raised)  # non-standalone: `main` returns the code
        return Ending(0) if error is None else ending_of(error)

    def _describe_failure(self) -> None:
        """Say what was called where it never got to act: a usage error, `--help`, a version."""
        if self.call.begun:
            return
        for command, _ in self._stopped or [(self.root, "")]:
            self.call.declare_secrets(_secret_names(command))
        path = " ".join(name for _, name in self._stopped[1:])
        self.call.describe(path or self.call.tool, {})

    def finish_observed(self, error: BaseException | None) -> None:
        """Write the end line of a call whose output is the tool's own."""
        ending = self.ended(error)
        lost = flush_failure()
        if lost is not None:
            ending = undelivered(lost)
        self.call.finish(ending)
        self.call.leave_meta()

    # -- envelope mode

    def choose_output(self, output: str) -> None:
        """Take `--output` as it was parsed; what was read off the arguments was a first guess."""
        if self.answer is not None:
            self.answer.switch(output)

    def show(self, value: Any) -> None:
        """Keep what the command returned, and print it where the output is text."""
        self.value = value
        if self.answer is not None and self.answer.output == TEXT and not self.call.finished:
            click.echo(data_as_text(value), nl=False)

    def failure(self, error: CommandError) -> BaseException:
        """Return the error as Click shall see it."""
        text = self.answer is not None and self.answer.output == TEXT
        return CommandFailure(error) if text else error


def _status(error: SystemExit) -> int:
    if error.code is None:
        return 0
    return error.code if isinstance(error.code, int) else 1


def _from_root(ctx: click.Context) -> list[click.Context]:
    path: list[click.Context] = []
    step: click.Context | None = ctx
    while step is not None:
        path.insert(0, step)
        step = step.parent
    return path


def _names(ctx: click.Context, subcommand: str | None = None) -> list[str]:
    """Return the command's path below the program: `deployctl db migrate` gives db, migrate."""
    names = [step.info_name or "" for step in _from_root(ctx)[1:]]
    return [*names, subcommand] if subcommand else names


def _params(reached: list[click.Context]) -> dict[str, Any]:
    """Return the params of the commands on the way; those of chained commands under their name."""
    if len(reached) > 1:
        return {ctx.info_name or "": _plain_params([ctx]) for ctx in reached}
    return _plain_params(_from_root(reached[0]))


def _plain_params(path: list[click.Context]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for ctx in path:
        declared = [param.name for param in ctx.command.params if param.name in ctx.params]
        for name in dict.fromkeys([*declared, *ctx.params]):  # as the author ordered them
            if name is not None:
                key = f"{ctx.info_name}.{name}" if name in params else name
                params[key] = ctx.params[name]
    return params


def _secrets_of(ctx: click.Context) -> list[str]:
    return [name for step in _from_root(ctx) for name in _secret_names(step.command)]


def _secret_names(command: click.Command) -> list[str]:
    names: list[str] = []
    for param in command.params:
        if is_secret(param):
            names += [param.name or "", *param.opts, *param.secondary_opts]
    return names


def _does_something(callback: Any) -> bool:
    """Tell a group's callback that only documents: `def cli(): pass` names nothing."""
    code = getattr(callback, "__code__", None)
    return callback is not None and (code is None or bool(code.co_names or code.co_freevars))


def first_guess(args: list[str], formats: tuple[str, ...]) -> str | None:
    """Read `--output` off arguments that are not parsed yet: usage errors need it too."""
    guess: str | None = None
    for position, argument in enumerate(args):
        if argument == "--":
            break
        flag, assigned, value = argument.partition("=")
        if flag in ("--output", "--output-format"):
            value = value if assigned else "".join(args[position + 1 : position + 2])
            guess = value if value in formats else guess
    return guess


def program_name(prog_name: str | None) -> str:
    """Return the program's name as its caller knows it; `python -m pkg` gives `pkg`."""
    if prog_name:
        return prog_name.removeprefix("python -m ")
    path = sys.argv[0] if sys.argv else ""
    folder, _, base = path.rpartition("/")
    if base == "__main__.py":
        return folder.rpartition("/")[2] or "python"
    return base.removesuffix(".py") or "python"
