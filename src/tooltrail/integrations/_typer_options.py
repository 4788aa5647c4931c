"""What envelope mode adds to a Typer CLI: the option `--output` and the command `audit-log`.

Both are declared as an author would, by functions, so that they come out as what this version of
Typer makes of them.
"""

from enum import Enum
from inspect import Parameter, Signature

import typer
from typer.core import TyperCommand
from typer.main import get_command

from .._typing import TYPE_CHECKING, Any
from .._wire import FORMATS
from . import AUDIT_LOG, active
from ._click_outcome import free_output_option
from ._outcome import AUDIT_LOG_HELP, OUTPUT_HELP, choose, read_the_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_made: dict[str, Any] = {}  # one option for each name: parsing tells them apart by identity


def output_option(params: "Sequence[Any]") -> list[Any]:
    """Return our option under the first name that the author has not taken, or nothing."""
    free = free_output_option(params)
    if free is None:
        return []
    if free not in _made:
        option = typer.Option(
            None,
            free,
            is_eager=True,
            expose_value=False,
            callback=_choose,
            help=OUTPUT_HELP,
            show_default=False,
        )
        command = _command_of(lambda: None, {"tooltrail_output": (_choice_of(FORMATS), option)})
        _made[free] = command.params[0]
    return [_made[free]]


def _choose(value: Any) -> Any:
    choose(active.get(), None if value is None else value.value)
    return value


class AuditLogCommand(TyperCommand):
    """`TOOL audit-log`; it answers by itself, as a stream."""

    reads_the_log = True


def audit_log_command() -> Any:
    """Return the command that reads the log of the tool that it is part of."""
    from ..query.options import LISTING, OUTPUTS

    params: dict[str, tuple[Any, Any]] = {}
    for option in LISTING:
        kind, default = (bool, False) if option.metavar is None else (str | None, None)
        declared = typer.Option(
            default,
            option.name,
            metavar=option.metavar,
            help=option.explanation,
            show_default=False,
        )
        params[option.key] = kind, declared
    params["verify"] = (
        bool,
        typer.Option(
            False, "--verify", help="tell whether the log was changed, cut or lost instead"
        ),
    )
    params["output"] = (
        _choice_of(OUTPUTS),
        typer.Option(None, "--output", help="table on a terminal, json elsewhere"),
    )
    return _command_of(_read, params)


def _read(output: Any, verify: bool, **values: Any) -> None:
    running = active.get()
    assert running is not None
    asked = None if output is None else output.value
    raise typer.Exit(read_the_log(running, values, asked, verify=verify))


def _choice_of(words: "Sequence[str]") -> Any:
    """Return a type of which these words are the values: an enum, which every Typer knows."""
    kind: Any = Enum("Output", {word: word for word in words}, type=str)  # type: ignore[misc]
    return kind | None


def _command_of(function: "Callable[..., Any]", params: "dict[str, tuple[Any, Any]]") -> Any:
    """Return the command that Typer makes of a function with these params: type and option."""

    def declared(**values: Any) -> Any:
        return function(**values)

    declared.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=option, annotation=kind)
            for name, (kind, option) in params.items()
        ]
    )
    declared.__annotations__ = {name: kind for name, (kind, _) in params.items()}
    app = typer.Typer(add_completion=False)
    app.command(AUDIT_LOG, cls=AuditLogCommand, help=AUDIT_LOG_HELP)(declared)
    return get_command(app)
