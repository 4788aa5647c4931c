"""Record every call of a Click command: `instrument(cli)`.

A command is recorded by giving the object a subclass of its own class, made
here, so that subclasses (an author's, rich-click's) keep all that they
override; nothing of Click itself is patched. The root's `main` frames the call,
because usage errors come before `invoke`. `make_context` and `invoke` of the
root see what was raised, because `main` turns it into `SystemExit`. `invoke` of
the command that is reached knows its params. Subcommands are met in
`get_command`, so that lazy groups and plugins are seen as well.

Click itself is not imported here: the commands bring it, and Typer's bring
Typer's own copy of it. What only a failing call or envelope mode needs is in
`_click_outcome`, `_click_errors` and `_click_options`, and imported there.
"""

import sys
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from .._wire import PURPOSE_AUDIT
from . import (
    AUDIT_LOG,
    FrameworkCall,
    Settings,
    active,
    is_outermost,
    program_name,
    subclass_with,
    version_of,
)
from ._click_given import (
    Given,
    asks_for_completion,
    declare_secrets_of,
    is_completing,
    learn_hidden,
    learn_secrets_of,
    names_of,
    params_of,
    path_to,
    takes_secret_argument,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from ..entry import Ending

    # The mixins stand in front of a class of Click's, which is known only at run time.
    _CommandBase = click.Command
    _GroupBase = click.Group
else:
    _CommandBase = _GroupBase = object

_AnyCommand = TypeVar("_AnyCommand", bound="click.Command")


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
    if not hasattr(command, "make_context"):
        raise TypeError(f"instrument() takes a Click command, not {type(command).__name__}")
    _hook(command)
    vars(command)["_tooltrail_settings"] = Settings(tool, version, envelope, audit_log)
    return command


def watch(library: str = "click") -> None:
    """Observe, from now on, the outermost call of any command of this copy of Click.

    For programs whose authors know nothing of this: `main` of the class is wrapped, since there is
    no object to be given; and that of its subclasses, some of which (rich-click's, Typer's) never
    come to the one they inherit.
    """
    core = vars(sys.modules[f"{library}.core"])
    base: Any = core.get("BaseCommand") or core["Command"]

    def watch_subclass(kind: Any, /, **options: Any) -> None:
        super(base, kind).__init_subclass__(**options)
        _watch_main(kind)

    if "__init_subclass__" not in vars(base):
        base.__init_subclass__ = classmethod(watch_subclass)
    kinds: list[Any] = [base]
    for kind in kinds:
        _watch_main(kind)
        kinds += type.__subclasses__(kind)


def _watch_main(kind: Any) -> None:
    """Wrap `main` of a class of commands, where the class has one of its own, and not ours."""
    bare = None if "_tooltrail_settings" in vars(kind) else vars(kind).get("main")
    if bare is None or hasattr(bare, "watched") or getattr(bare, "__isabstractmethod__", False):
        return
    settings = Settings(auto=True)

    def main(self: Any, *given: Any, **more: Any) -> Any:
        how = Given(given, more)
        if not is_outermost() or is_completing(how):
            return bare(self, *given, **more)
        return run_recorded(_hook(self), settings, lambda *args, **kw: bare(self, *args, **kw), how)

    update_wrapper(main, bare)
    main.watched = True  # type: ignore[attr-defined]
    kind.main = main


class ClickCall(FrameworkCall):
    """One running call, as its hooked commands see it: what they reached, returned or raised."""

    def __init__(self, root: "click.Command", settings: Settings, program: str, **how: Any) -> None:
        super().__init__(settings, program, version=_version_of(root), **how)
        self.root = root
        self.stopped: list[tuple[click.Command, str]] = []  # where parsing ended the call
        self.unknown: Exception | None = None  # raised because there is no such command
        self.returned: Any = None  # by `main`; not standalone, it may be an exit code
        self._reached: list[click.Context] = []

    def passing(
        self,
        ctx: "click.Context",
        subcommand: str | None = None,
        command: "click.Command | None" = None,
    ) -> None:
        """Begin before a group's own callback, where that does anything.

        The arguments of the subcommand are not parsed yet.
        """
        if not _does_something(ctx.command.callback):
            return
        if command is not None and not hasattr(command, "resolve_command"):
            declare_secrets_of(command, self.call)
            if not takes_secret_argument(command):
                self._begin([ctx], subcommand)
                return
        from ._secret_types import with_masked_arguments

        kept = names_of(ctx, subcommand)
        with_masked_arguments(self.call, kept, lambda: self._begin([ctx], subcommand))

    def reach(self, ctx: "click.Context") -> None:
        """Begin before the callback of the command that was asked for."""
        self._reached.append(ctx)
        self._begin(self._reached)

    def _begin(self, reached: "list[click.Context]", subcommand: str | None = None) -> None:
        for ctx in reached:
            for step in path_to(ctx):
                declare_secrets_of(step.command, self.call)
        path = ",".join(" ".join(names_of(ctx, subcommand)) for ctx in reached)
        reads = getattr(reached[-1].command, "reads_the_log", False)
        params = params_of(reached)
        self.call.contained(lambda: learn_hidden(params, self.call))
        self.arrive(path, params, purpose=PURPOSE_AUDIT if reads else None)

    def ending(self, error: BaseException | None, value: Any = None) -> "Ending":  # noqa: ARG002
        """Return how the call ended: what its commands raised, with the exit code as it left."""
        from ._click_outcome import ending_of_call

        return ending_of_call(self, error)


def running_call() -> ClickCall | None:
    """Return the Click call that is running here, or None."""
    running = active.get()
    return running if isinstance(running, ClickCall) else None


def run_recorded(root: Any, settings: Settings, main: "Callable[..., Any]", how: Given) -> Any:
    """Run a command's `main` as one recorded call; its responder says whether it prints errors."""
    argv = None if how.args is None else [how.prog_name or sys.argv[0], *how.args]
    with ClickCall(root, settings, program_name(how.prog_name), argv=argv) as running:

        def run(standalone_mode: bool) -> Any:
            running.returned = how.call(main, standalone_mode)
            return running.returned

        standalone_mode = how.standalone_mode
        args = sys.argv[1:] if how.args is None else how.args
        if settings.envelope and standalone_mode and not asks_for_completion(root, args):
            return running.reply(args, run)
        return running.observe(lambda: run(standalone_mode), prints_crash=standalone_mode)


class _Recorded(_CommandBase):
    """Stands in front of a command's class: sees the command called."""

    _tooltrail_settings: "Settings | None" = None

    def main(self, *given: Any, **more: Any) -> Any:
        """Run the command as one recorded call."""
        settings, how = self._tooltrail_settings, Given(given, more)
        if settings is None or is_completing(how):
            return how.call(super().main, how.standalone_mode)
        return run_recorded(self, settings, super().main, how)

    def make_context(self, *args: Any, **kwargs: Any) -> "click.Context":
        """Parse; where that ended the call (a wrong option, `--help`) is noted."""
        running = running_call()
        try:
            ctx = super().make_context(*args, **kwargs)
        except BaseException as error:
            if running is not None:
                running.call.contained(lambda: _note_stopped(running, self, args, kwargs))
                if running.root is self:
                    _note_raised(running, error)
            raise
        if running is not None and getattr(getattr(ctx.parent, "command", None), "chain", False):
            running.call.contained(lambda: learn_secrets_of(ctx, running.call))
        return ctx

    def invoke(self, ctx: "click.Context") -> Any:
        """Run the command; it is recorded before its callback runs."""
        running = running_call()
        if running is None:
            return super().invoke(ctx)
        self._tooltrail_arrive(running, ctx)
        if running.root is not self:
            return super().invoke(ctx)
        try:
            value = super().invoke(ctx)
            if running.answer is not None:
                from ._outcome import show

                show(running, value)
        except BaseException as error:
            _note_raised(running, error)
            raise
        return value

    def _tooltrail_arrive(self, running: ClickCall, ctx: "click.Context") -> None:
        running.reach(ctx)

    def get_params(self, ctx: "click.Context") -> "list[click.Parameter]":
        """Return the author's params, and `--output` in envelope mode."""
        params = super().get_params(ctx)
        running = running_call()
        if running is None or running.answer is None or hasattr(self, "reads_the_log"):
            return params
        return [*params, *_options_for(self).output_option(params)]


class _RecordedGroup(_Recorded, _GroupBase):
    """Stands in front of a group's class: sees which subcommand is called."""

    def _tooltrail_arrive(self, running: ClickCall, ctx: "click.Context") -> None:
        waiting = getattr(ctx, "_protected_args", None) or ctx.args
        if not waiting and self.invoke_without_command:
            running.reach(ctx)
        elif waiting and getattr(self, "chain", False):  # Typer's groups have none
            running.passing(ctx)

    def resolve_command(
        self, ctx: "click.Context", args: list[str]
    ) -> "tuple[str | None, click.Command | None, list[str]]":
        """Find the subcommand; the group's own callback runs next."""
        running = running_call()
        try:
            found = super().resolve_command(ctx, args)
        except Exception as error:
            if running is not None:
                running.unknown = error
            raise
        if running is not None and not getattr(self, "chain", False):
            running.passing(ctx, found[0], found[1])
        return found

    def get_command(self, ctx: "click.Context", cmd_name: str) -> "click.Command | None":
        """Return a subcommand, recorded from now on, or the `audit-log` that we add."""
        if cmd_name == AUDIT_LOG and self._tooltrail_adds_audit_log(ctx):
            command: click.Command | None = _hook(_options_for(self).audit_log_command())
            return command
        command = super().get_command(ctx, cmd_name)
        return command if command is None else _hook(command)

    def list_commands(self, ctx: "click.Context") -> list[str]:
        """Return the author's commands, and the `audit-log` that we add."""
        names = super().list_commands(ctx)
        return [*names, AUDIT_LOG] if self._tooltrail_adds_audit_log(ctx) else names

    def _tooltrail_adds_audit_log(self, ctx: "click.Context") -> bool:
        settings = self._tooltrail_settings
        if settings is None or not settings.audit_log or ctx.parent is not None:
            return False
        return AUDIT_LOG not in super().list_commands(ctx)


_made: dict[type, type] = {}


def recording_class(kind: type, settings: Settings | None = None) -> type:
    """Return the subclass of a class of commands that records, with these settings for its own."""
    group = (_RecordedGroup,) if hasattr(kind, "resolve_command") else ()
    own = {} if settings is None else {"_tooltrail_settings": settings}
    return subclass_with((_Recorded, *group), kind, own)


def _hook(command: _AnyCommand) -> _AnyCommand:
    """Give a command the subclass of its class that records it; once is enough."""
    kind = type(command)
    if not hasattr(command, "_tooltrail_settings"):
        if kind not in _made:
            _made[kind] = recording_class(kind)
        try:
            command.__class__ = _made[kind]
        except TypeError:  # a class whose instances cannot change theirs: it stays unseen
            return command
    return command


def _note_stopped(
    running: ClickCall, command: "click.Command", args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    from ._click_outcome import note_stopped

    note_stopped(running, command, *args, **kwargs)


def _note_raised(running: ClickCall, error: BaseException) -> None:
    """Note what leaves the root; in envelope mode, it may leave as another exception."""
    try:
        from ._click_outcome import note_raised
    except Exception:  # no file can be opened any more, or the package is gone
        return
    note_raised(running, error)


def _options_for(command: Any) -> Any:
    """Return the module that makes options for a command, of its own library's classes."""
    if any(kind.__module__.startswith("typer.") for kind in type(command).__mro__):
        from . import _typer_options

        return _typer_options
    from . import _click_options

    return _click_options


def _version_of(root: Any) -> str | None:
    """Return the version of the package that a command, or else its first subcommand, is from."""
    if root.callback is not None:
        return version_of(root.callback)
    commands = vars(root).get("commands")
    first = next(iter(commands.values()), None) if isinstance(commands, dict) else None
    return version_of(getattr(first, "callback", None))


def _does_something(callback: Any) -> bool:
    """Tell a group's callback that only documents: `def cli(): pass` names nothing."""
    if getattr(callback, "__globals__", {}).get("__name__") == "typer.main":
        callback = callback.__wrapped__  # Typer's own around the author's
    code = getattr(callback, "__code__", None)
    return callback is not None and (code is None or bool(code.co_names or code.co_freevars))
