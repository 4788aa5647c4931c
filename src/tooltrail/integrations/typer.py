"""Record every call of a Typer app: `instrument(app)`.

An app makes its commands anew for each call, of the classes that it finds in its own attributes.
There it finds, from now on, subclasses of them that record (those of `click`, whose contract
Typer's commands keep, be they of Click itself or of Typer's own copy of it). So the app is recorded
in whichever way it is called: `app()`, `typer.main.get_command(app)`, Typer's test runner; with
what is added to it later; and nothing of Typer itself is patched.
"""

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from . import Settings
from . import click as click_integration
from ._click_given import library_of

if TYPE_CHECKING:
    import typer

    _TyperBase = typer.Typer
else:
    _TyperBase = object

_App = TypeVar("_App", bound="typer.Typer")


def instrument(
    app: _App,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
    audit_log: bool = False,
) -> _App:
    """Record every call of `app` from now on, and return it.

    Works on a `typer.Typer` and subclasses of it, with all that is added to it before or after;
    and on a command that `typer.main.get_command` made. `tool` names the log and defaults to the
    program's name; `version` defaults to the `__version__` of the package that the app's commands
    come from.

    By default the tool is only observed: its stdout, stderr and exit code stay what they were, and
    what its commands return is ignored, as Typer does. With `envelope=True` each command gains
    `--output [text|json|jsonl]`, its return value is the `data` of one JSON response, and an app
    with subcommands gains the command `audit-log`, which `audit_log=True` adds in observe mode too.
    An author's own `--output` or `audit-log` is never replaced.

    Calling it again on the same app changes the settings. Calls with `standalone_mode=False` are
    only observed: their caller is Python code that wants the value.
    """
    if hasattr(app, "make_context"):
        return click_integration.instrument(  # type: ignore[type-var]
            app, tool=tool, version=version, envelope=envelope, audit_log=audit_log
        )
    if not hasattr(app, "registered_commands"):
        hint = "; typer.run() takes one: make an app of it" if callable(app) else ""
        raise TypeError(f"instrument() takes a Typer app, not {type(app).__name__}{hint}")
    settings = Settings(tool, version, envelope, audit_log)
    if isinstance(app, _RecordedApp):
        vars(app._tooltrail_settings).update(vars(settings))
        return app
    kind = type(app)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    vars(app)["_tooltrail_settings"] = settings
    app.__class__ = type(kind.__name__, (_RecordedApp, kind), names)
    return app


def watch() -> None:
    """Observe, from now on, the outermost call of any Typer app; see `click.watch`."""
    core = vars(sys.modules["typer.core"])
    click_integration.watch(library_of(core["TyperCommand"]))


class _ClassChoice:
    """An attribute of an app in which Typer looks up the class of the commands that it makes."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, app: Any, owner: type | None = None) -> Any:
        if app is None:
            return self
        value = vars(app)[self._name]
        app._tooltrail_choose(self._name, value)
        return value

    def __set__(self, app: Any, value: Any) -> None:
        vars(app)[self._name] = value


class _RecordedApp(_TyperBase):
    """Stands in front of an app's class: the commands that Typer makes of it are recorded."""

    _tooltrail_settings: Settings

    info = _ClassChoice()
    registered_callback = _ClassChoice()
    registered_commands = _ClassChoice()

    def _tooltrail_choose(self, name: str, value: Any) -> None:
        """Put recording classes where `value` names classes, or leaves them to the default."""
        core = vars(sys.modules["typer.core"])
        if name == "registered_commands":
            for command in value:
                command.cls = self._tooltrail_recording(command.cls, core["TyperCommand"])
        elif name == "info" or (value is not None and not _is_unset(value.cls)):
            value.cls = self._tooltrail_recording(value.cls, core["TyperGroup"])

    def _tooltrail_recording(self, kind: Any, default: type) -> type:
        made: dict[type, type] = vars(self).setdefault("_tooltrail_classes", {})
        if _is_unset(kind) or kind is None:
            kind = default
        if kind in made.values():
            return kind  # type: ignore[no-any-return]
        if kind not in made:
            made[kind] = click_integration.recording_class(kind, self._tooltrail_settings)
        return made[kind]


def _is_unset(kind: Any) -> bool:
    """Tell Typer's placeholder for what the author did not say."""
    return type(kind).__name__ == "DefaultPlaceholder"
