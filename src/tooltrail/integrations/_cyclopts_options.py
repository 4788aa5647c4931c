"""What envelope mode adds to a Cyclopts CLI: the option `--output` and the command `audit-log`.

Cyclopts binds options to parameters of the author's functions, so ours is taken out of the tokens
before Cyclopts reads them, and read by a small app of its own: its errors and its place in the
help page come out as Cyclopts makes them.
"""

import sys
from functools import update_wrapper
from inspect import Parameter as Inspected
from inspect import Signature
from typing import TYPE_CHECKING, Annotated, Any, Literal

from .._wire import FORMATS, TEXT
from . import AUDIT_LOG, active
from ._outcome import (
    AUDIT_LOG_HELP,
    OUTPUT_HELP,
    OUTPUT_OPTIONS,
    choose,
    forget_guess,
    read_the_log,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._cyclopts_call import CycloptsCall


# -- --output


def take_output(running: "CycloptsCall", how: "dict[str, Any]") -> "list[str]":
    """Answer as `--output` asks; return the tokens without it.

    Ends the call as a usage error, by `SystemExit`, where the value is none of the formats.
    """
    tokens = list(running.tokens)
    name, start = _free_option(running, tokens)
    if name is None:
        return tokens
    place = _place_of(name, tokens, start)
    if place is None:
        forget_guess(running, set(OUTPUT_OPTIONS))  # it was an argument of the command's
        return tokens
    flag, assigned, value = tokens[place].partition("=")
    given = [tokens[place]] if assigned else [flag, *tokens[place + 1 : place + 2]]
    choose(running, value if assigned and value in FORMATS else _parsed(running, name, given, how))
    return tokens[:place] + tokens[place + len(given) :]


def _free_option(running: "CycloptsCall", tokens: "list[str]") -> "tuple[str | None, int]":
    """Return the first name that the author has not taken, and up to where it may stand."""
    for name in OUTPUT_OPTIONS:
        place = _place_of(name, tokens, len(tokens))
        ours = tokens if place is None else tokens[:place]  # the command stands before or behind
        apps = running.app.parse_commands(ours)[1]
        if place is not None and len(apps) == len(running.app.parse_commands([])[1]):
            behind = place + (1 if "=" in tokens[place] else 2)
            apps = running.app.parse_commands(tokens[:place] + tokens[behind:])[1]
        if any(getattr(app.default_command, "reads_the_log", False) for app in apps):
            return None, 0  # it answers by itself, and has an option of this name
        arguments = [found for app in apps for found in _arguments_of(app)]
        taken = {flag for found in arguments for flag in found.names}
        forget_guess(running, taken)
        if name not in taken:
            return name, 1 if _passes_on(apps) else len(tokens)
    return None, 0


def _place_of(name: str, tokens: "list[str]", end: int) -> int | None:
    for place, token in enumerate(tokens[:end]):
        if token == "--":
            return None
        if token.partition("=")[0] == name:
            return place
    return None


def _arguments_of(app: Any) -> "Sequence[Any]":
    if app.default_command is None:
        return ()
    try:
        found: Sequence[Any] = app.assemble_argument_collection()
    except Exception:  # the author's mistake, of which Cyclopts will tell
        return ()
    return found


def _passes_on(apps: "Sequence[Any]") -> bool:
    """Tell a command that takes other programs' options, as `exec -- PROGRAM ...` does."""
    commands = [app for app in apps if app._meta_parent is None]
    return any(
        found.field_info.kind is Inspected.VAR_POSITIONAL and found.parameter.allow_leading_hyphen
        for found in _arguments_of(commands[-1])
    )


def _parsed(
    running: "CycloptsCall", name: str, given: "list[str]", how: "dict[str, Any]"
) -> str | None:
    text = running.answer is None or running.answer.output == TEXT
    _, bound, _ = _chooser(name).parse_args(
        given,
        error_console=how.get("error_console") or running.app.error_console,
        print_error=text,
        exit_on_error=True,
    )
    value: str | None = bound.arguments.get("output")
    return value


def _chooser(name: str) -> Any:
    """Return an app that has nothing but our option."""
    import cyclopts

    def choose_output(*, output: Any = None) -> None:
        """Nothing to do: the option is all that is asked for."""

    option = cyclopts.Parameter(name=name, help=OUTPUT_HELP, show_default=False)
    choose_output.__annotations__ = {"output": Annotated[Literal[FORMATS], option], "return": None}
    app = cyclopts.App(
        help="",
        usage="",
        help_flags=[],
        version_flags=[],
        group_parameters=cyclopts.Group("Response"),
    )
    app.default(choose_output)
    return app


def with_output_help(help_print: "Callable[..., None]") -> "Callable[..., None]":
    """Return an app's `help_print` that shows our option below the author's."""

    def print_help(self: Any, tokens: Any = None, *, console: Any = None) -> None:
        from ._cyclopts_call import stage

        help_print(self, tokens, console=console)
        here = stage.get()
        running = None if here is None else here.running
        if running is not None and running.answer is not None:
            name, _ = _free_option(running, list(running.tokens))
            if name is not None:
                _chooser(name).help_print([], console=console or self.console)

    update_wrapper(print_help, help_print)
    return print_help


# -- audit-log


def add_audit_log(root: Any, tokens: "Sequence[str]") -> None:
    """Register `audit-log`, where the app has commands and none of that name.

    At the first call, because a name that is taken would be refused to the author. What it takes
    is declared when it is asked for: the reading side is not loaded by any other call.
    """
    import cyclopts

    flags = (*root.help_flags, *root.version_flags)
    if AUDIT_LOG not in root:
        if all(name in flags for name in root):
            return
        root.command(cyclopts.App(name=AUDIT_LOG, help=AUDIT_LOG_HELP, version_flags=[]))
        root[AUDIT_LOG].default_command = _undeclared
    if AUDIT_LOG in tokens and root[AUDIT_LOG].default_command is _undeclared:
        root[AUDIT_LOG].default_command = _audit_log_function()


def _undeclared() -> None:
    """Stand for the command in the list of commands."""


def _audit_log_function() -> "Callable[..., None]":
    from cyclopts import Parameter

    from ..query.options import LISTING, OUTPUTS

    def read(*, output: str | None = None, verify: bool = False, **values: Any) -> None:
        running = active.get()
        assert running is not None
        sys.exit(read_the_log(running, values, output, verify=verify))

    declared: dict[str, tuple[Any, Any, str, str]] = {}
    for option in LISTING:
        kind, default = (bool, False) if option.metavar is None else (str | None, None)
        declared[option.key] = kind, default, option.name, option.explanation
    verify = "tell whether the log was changed, cut or lost instead"
    declared["verify"] = bool, False, "--verify", verify
    output = "table on a terminal, json elsewhere"
    declared["output"] = Literal[OUTPUTS] | None, None, "--output", output
    annotations = {
        key: Annotated[
            kind, Parameter(name=name, help=explanation, negative=(), show_default=False)
        ]
        for key, (kind, _, name, explanation) in declared.items()
    }
    read.__annotations__ = annotations
    read.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Inspected(key, Inspected.KEYWORD_ONLY, default=default, annotation=annotations[key])
            for key, (_, default, _, _) in declared.items()
        ]
    )
    read.reads_the_log = True  # type: ignore[attr-defined]
    return read
