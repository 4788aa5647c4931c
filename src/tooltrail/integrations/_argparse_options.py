"""What envelope mode adds to an argparse CLI: the option `--output`, the command `audit-log`."""

import argparse

from .._typing import TYPE_CHECKING, Any
from .._wire import FORMATS
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
    from collections.abc import Iterator

    from . import FrameworkCall, ProgramCall

_EXTENDED = "_tooltrail_extended"  # whether a parser has what follows


def extend(running: "ProgramCall", root: Any) -> None:
    """Give a parser and those of its subcommands what they lack, once."""
    if not hasattr(root, _EXTENDED):
        for action in _commands(root):
            if AUDIT_LOG not in action.choices:
                _add_audit_log(action)
    for parser in _with_subcommands(root):
        if running.answer is not None and not hasattr(parser, "_tooltrail_reads"):
            taken = {name for name in parser._option_string_actions if not _is_ours(parser, name)}
            forget_guess(running, taken)
            if not hasattr(parser, _EXTENDED):
                _add_output(parser, taken)
        setattr(parser, _EXTENDED, True)


def _is_ours(parser: Any, name: str) -> bool:
    return isinstance(parser._option_string_actions[name], _Choose)


def _commands(parser: Any) -> "Iterator[Any]":
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield action


def _with_subcommands(parser: Any) -> "Iterator[Any]":
    yield parser
    for action in _commands(parser):
        for each in dict.fromkeys(action.choices.values()):
            yield from _with_subcommands(each)


class _Choose(argparse.Action):
    """`--output`: nothing of it reaches the author's namespace."""

    def __call__(self, _parser: Any, _namespace: Any, values: Any, _option: Any = None) -> None:
        running = active.get()
        if running is not None:
            running.guessed_from = None  # it was meant for us
            choose(running, values)


def _add_output(parser: Any, taken: set[str]) -> None:
    free = next((name for name in OUTPUT_OPTIONS if name not in taken), None)
    if free is not None:
        parser.add_argument(
            free, action=_Choose, choices=FORMATS, default=argparse.SUPPRESS, help=OUTPUT_HELP
        )


def _add_audit_log(action: Any) -> None:
    parser = action.add_parser(AUDIT_LOG, help=AUDIT_LOG_HELP, description=AUDIT_LOG_HELP)
    keys = add_reading_options(parser)

    def read(running: "FrameworkCall", params: dict[str, Any]) -> int:
        values = {key: params.get(key) for key in keys}
        return read_the_log(running, values, params.get("output"), verify=params["verify"])

    parser._tooltrail_reads = read


def add_reading_options(parser: Any) -> list[str]:
    """Give a parser the options of `audit-log`; return the keys of those that find entries."""
    from ..query.options import LISTING, OUTPUTS

    for option in LISTING:
        kind: dict[str, Any] = (
            {"action": "store_true"} if option.metavar is None else {"metavar": option.metavar}
        )
        parser.add_argument(option.name, dest=option.key, help=option.explanation, **kind)
    parser.add_argument(
        "--verify",
        action="store_true",
        help="tell whether the log was changed, cut or lost instead",
    )
    parser.add_argument("--output", choices=OUTPUTS, help="table on a terminal, json elsewhere")
    return [option.key for option in LISTING]
