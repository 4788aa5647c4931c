"""What envelope mode adds to a Click CLI: the option `--output` and the command `audit-log`."""

import click

from .._typing import TYPE_CHECKING, Any
from .._wire import FORMATS
from . import AUDIT_LOG, active
from ._click_outcome import free_output_option
from ._outcome import AUDIT_LOG_HELP, OUTPUT_HELP, choose, read_the_log

if TYPE_CHECKING:
    from collections.abc import Sequence


def output_option(params: "Sequence[click.Parameter]") -> list[click.Option]:
    """Return our option under the first name that the author has not taken, or nothing."""
    free = free_output_option(params)
    if free is None:
        return []
    return [
        click.Option(
            [free, "tooltrail_output"],
            type=click.Choice(FORMATS),
            expose_value=False,
            is_eager=True,
            callback=_choose,
            help=OUTPUT_HELP,
        )
    ]


def _choose(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    choose(active.get(), value)
    return value


class AuditLogCommand(click.Command):
    """`TOOL audit-log`; it answers by itself, as a stream."""

    reads_the_log = True


def audit_log_command() -> click.Command:
    """Return the command that reads the log of the tool that it is part of."""
    from ..query.options import LISTING, OUTPUTS

    params: list[click.Parameter] = [
        click.Option(
            [option.name, option.key],
            is_flag=option.metavar is None,
            metavar=option.metavar,
            help=option.explanation,
        )
        for option in LISTING
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
    return AuditLogCommand(AUDIT_LOG, params=params, callback=_read, help=AUDIT_LOG_HELP)


def _read(output: str | None, verify: bool, **values: Any) -> None:
    running = active.get()
    assert running is not None
    click.get_current_context().exit(read_the_log(running, values, output, verify=verify))
