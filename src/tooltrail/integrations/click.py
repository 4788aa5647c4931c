"""Record every call of a Click command: `instrument(cli)`.

A command is recorded by giving the object a subclass of its own class, made
here, so that subclasses (an author's, rich-click's) keep all that they
override; nothing of Click itself is patched. The root's `main` frames the call,
because usage errors come before `invoke`. `make_context` and `invoke` of the
root see what was raised, because `main` turns it into `SystemExit`. `invoke` of
the command that is reached knows its params. Subcommands are met in
`get_command`, so that lazy groups and plugins are seen as well.
"""

import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .._answer import Answer
from .._host.signals import Terminated, die_by
from .._host.stdout import is_terminal
from .._invocation import Invocation
from ..envelope import FORMATS, JSON, TEXT
from ..errors import CommandError
from ._click_call import ClickCall, active, first_guess, program_name

if TYPE_CHECKING:
    # The mixins stand in front of a class of Click's, which is known only at run time.
    _CommandBase = click.Command
    _GroupBase = click.Group
else:
    _CommandBase = _GroupBase = object

_AnyCommand = TypeVar("_AnyCommand", bound=click.Command)

AUDIT_LOG = "audit-log"


def instrument(
    command: _AnyCommand,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
    audit_log: bool = False,
) -> _AnyCommand:
    """Record every call of `command` from now on, and return it.

    Works on a `click.Command`, a `click.Group` and subclasses of either, with all that is below
    them. `tool` names the log and defaults to the program's name; `version` defaults to the
    `__version__` of the package that the command comes from.

    By default the tool is only observed: its stdout, stderr and exit code stay what they were.
    With `envelope=True` each command gains `--output [text|json|jsonl]`, its return value is the
    `data` of one JSON response, and a group gains the command `audit-log`, which `audit_log=True`
    adds in observe mode too. An author's own `--output` or `audit-log` is never replaced.

    Calling it again on the same command changes the settings. Calls with
    `standalone_mode=False` are only observed: their caller is Python code that wants the value.
    """
    _hook(command)
    settings = _Settings(tool, version, envelope, envelope or audit_log)
    command._tooltrail_settings = settings  # type: ignore[attr-defined]
    return command


class _Settings:
    """What the author chose for one root command."""

    def __init__(
        self, tool: str | None, version: str | None, envelope: bool, audit_log: bool
    ) -> None:
        self.tool = tool
        self.version = version
        self.envelope = envelope
        self.audit_log = audit_log


class _Recorded(_CommandBase):
    """Stands in front of a command's class: sees the command called."""

    _tooltrail_settings: "_Settings | None" = None

    def main(
        self,
        args: "Any" = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command as one recorded call."""
        settings = self._tooltrail_settings
        call_main = super().main
        name = program_name(prog_name)
        if settings is None or _is_completing(name, complete_var):
            return call_main(args, prog_name, complete_var, standalone_mode, **extra)
        argv = None if args is None else [prog_name or sys.argv[0], *args]
        call = Invocation(
            settings.tool or name, version=settings.version or _version_of(self), argv=argv
        )
        answer = None
        if settings.envelope and standalone_mode:
            guess = first_guess(sys.argv[1:] if args is None else list(args), FORMATS)
            answer = Answer(call, guess or (TEXT if is_terminal() else JSON))
        with call:
            running = ClickCall(call, self, answer)
            token = active.set(running)
            try:
                if answer is None:
                    return _observe(
                        running,
                        lambda: call_main(args, prog_name, complete_var, standalone_mode, **extra),
                    )
                with answer:
                    return _answered(
                        running,
                        answer,
                        lambda standalone: call_main(
                            args, prog_name, complete_var, standalone, **extra
                        ),
                    )
            finally:
                active.reset(token)

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Parse; where that ended the call (a wrong option, `--help`) is noted."""
        running = active.get()
        try:
            return super().make_context(*args, **kwargs)
        except BaseException as error:
            if running is not None:
                running.stopped_parsing(self, *args, **kwargs)
                if running.root is self:
                    running.saw(error)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; it is recorded before its callback runs."""
        running = active.get()
        if running is None:
            return super().invoke(ctx)
        self._tooltrail_arrive(running, ctx)
        try:
            value = super().invoke(ctx)
            if running.root is self:
                running.show(value)
        except BaseException as error:
            if running.root is not self:
                raise
            shown = running.failure(error) if isinstance(error, CommandError) else error
            running.saw(shown)
            if shown is error:
                raise
            raise shown from error
        return value

    def _tooltrail_arrive(self, running: ClickCall, ctx: click.Context) -> None:
        running.arrive(ctx)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the author's params, and `--output` in envelope mode."""
        params = super().get_params(ctx)
        running = active.get()
        if running is None or running.answer is None or hasattr(self, "reads_the_log"):
            return params
        from ._click_options import output_option

        return [*params, *output_option(params)]


class _RecordedGroup(_Recorded, _GroupBase):
    """Stands in front of a group's class: sees which subcommand is called."""

    def _tooltrail_arrive(self, running: ClickCall, ctx: click.Context) -> None:
        waiting = getattr(ctx, "_protected_args", None) or ctx.args
        if not waiting and self.invoke_without_command:
            running.arrive(ctx)
        elif waiting and self.chain:
            running.passing(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand; the group's own callback runs next."""
        found = super().resolve_command(ctx, args)
        running = active.get()
        if running is not None and not self.chain:
            running.passing(ctx, found[0])
        return found

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, recorded from now on, or the `audit-log` that we add."""
        if cmd_name == AUDIT_LOG and self._tooltrail_adds_audit_log(ctx):
            from ._click_options import audit_log_command

            return _hook(audit_log_command())
        command = super().get_command(ctx, cmd_name)
        return command if command is None else _hook(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the author's commands, and the `audit-log` that we add."""
        names = super().list_commands(ctx)
        return [*names, AUDIT_LOG] if self._tooltrail_adds_audit_log(ctx) else names

    def _tooltrail_adds_audit_log(self, ctx: click.Context) -> bool:
        settings = self._tooltrail_settings
        wanted = settings is not None and settings.audit_log
        return wanted and AUDIT_LOG not in super().list_commands(ctx)


_made: dict[type, type] = {}


def _hook(command: _AnyCommand) -> _AnyCommand:
    """Give a command the subclass of its class that records it; once is enough."""
    kind = type(command)
    if not isinstance(command, _Recorded):
        if kind not in _made:
            front = _RecordedGroup if isinstance(command, click.Group) else _Recorded
            names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
            _made[kind] = type(kind.__name__, (front, kind), names)
        command.__class__ = _made[kind]
    return command


def _observe(running: ClickCall, run: Any) -> Any:
    """Run the tool as it is, and write down how it ended."""
    try:
        value = run()
    except BaseException as error:
        running.finish_observed(error)
        if isinstance(error, Exception):
            from .._host.tracebacks import hide_our_frames

            hide_our_frames(error)
        raise
    running.finish_observed(None)
    return value


def _answered(running: ClickCall, answer: Answer, run: Any) -> Any:
    """Run the tool for one response, in which every ending of it is told."""
    failure: BaseException | None = None
    try:
        run(answer.output == TEXT)
    except BaseException as error:
        failure = error
    ending = running.ended(failure)
    if not running.call.begun and ending.exit_code == 0 and answer.output != TEXT:
        running.value = {"text": answer.take_printed()}  # --help, --version
    due = ending.exit_code or 0
    if not running.call.finished:
        due = answer.give(ending, running.value if ending.exit_code == 0 else None)
    if isinstance(failure, Terminated):
        die_by(failure.number)
    if ending.outcome == "crashed" and failure is not None:
        raise failure
    sys.exit(due)


def _is_completing(name: str, complete_var: str | None) -> bool:
    """Tell a shell that asks for completions: no call of the tool."""
    base = name.replace("-", "_").replace(".", "_")
    return bool(os.environ.get(complete_var or f"_{base}_COMPLETE".upper()))


def _version_of(command: click.Command) -> str | None:
    """Return `__version__` of the package that the command's callback comes from."""
    module = getattr(command.callback, "__module__", None) or ""
    package = sys.modules.get(module.partition(".")[0])
    version = getattr(package, "__version__", None)
    return version if isinstance(version, str) else None
