"""What envelope mode adds to a Click CLI: the option `--output` and the command `audit-log`."""

from typing import TYPE_CHECKING, Any

import click

from ..envelope import FORMATS, JSON, TEXT
from .click import active

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES = ("--output", "--output-format")
_HELP = "How to answer: text on a terminal, json elsewhere."


def output_option(params: "Sequence[click.Parameter]") -> list[click.Option]:
    """Return our option under the first name that the author has not taken, or nothing."""
    taken = {name for param in params for name in (*param.opts, *param.secondary_opts)}
    free = next((name for name in _NAMES if name not in taken), None)
    _forget_guess(taken)
    if free is None:
        return []
    return [
        click.Option(
            [free, "tooltrail_output"],
            type=click.Choice(FORMATS),
            expose_value=False,
            is_eager=True,
            callback=_choose,
            help=_HELP,
        )
    ]


def _forget_guess(taken: set[str]) -> None:
    """Take back what was read off an `--output` that turns out to be the author's."""
    running = active.get()
    if running is not None and running.answer is not None and running.guessed_from in taken:
        from .._stdout import is_terminal

        running.guessed_from = None
        running.answer.switch(TEXT if is_terminal() else JSON)


def _choose(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    running = active.get()
    if running is not None and running.answer is not None and value is not None:
        running.answer.switch(value)
    return value


class AuditLogCommand(click.Command):
    """`TOOL audit-log`; it answers by itself, as a stream."""

    reads_the_log = True


def audit_log_command() -> click.Command:
    """Return the command that reads the log of the tool that it is part of."""
    from ..query.options import OPTIONS, OUTPUTS

    params: list[click.Parameter] = [
        click.Option(
            [option.name, option.key],
            is_flag=option.metavar is None,
            metavar=option.metavar,
            help=option.explanation,
        )
        for option in OPTIONS
    ]
    params.append(
        click.Option(
            ["--verify"], is_flag=True, help="tell whether the log was changed, cut or lost instead"
        )
    )
    params.append(
        click.Option(
            ["--output"], type=click.Choice(OUTPUTS), help="table on a terminal, json elsewhere"
        )
    )
    return AuditLogCommand("audit-log", params=params, callback=_read, help=_EXPLANATION)


_EXPLANATION = "Show what this tool was called with, and how each call ended."


def _read(output: str | None, verify: bool, **values: Any) -> None:
    from ..render.deliver import default_output, deliver_listing

    running = active.get()
    assert running is not None
    if running.answer is not None:
        running.answer.hand_over()
    output, path = output or default_output(), running.call.path
    if verify:
        from ..render.verdict import deliver_verification

        code = deliver_verification(running.call, [path], {}, output)
    else:
        code = deliver_listing(running.call, values, output, [path])
    click.get_current_context().exit(code)
