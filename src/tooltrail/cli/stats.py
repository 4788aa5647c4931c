"""`tooltrail stats`: how many calls, how they ended, how long they took."""

from .._typing import TYPE_CHECKING, Any
from ..query.options import OPTIONS, OUTPUTS, TOOL_OPTION
from ..query.stats import BY, COMMAND
from ..render.stats import deliver_stats
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_NOT_TAKEN = ("--limit", "--tail", "--reverse", "--fields")


def main(arguments: "Sequence[str]") -> int:
    """Show calls, failures, outcomes and durations, by command unless told otherwise."""
    made = _reading.parser(
        "stats",
        "Show how many calls there were, how they ended and how long they took. With --since, how"
        " that differs from the window before.",
        [TOOL_OPTION, *(option for option in OPTIONS if option.name not in _NOT_TAKEN)],
    )
    made.add_argument("--by", choices=BY, default=COMMAND, help="what to group by (command)")
    made.add_argument("--output", choices=OUTPUTS, help="table on a terminal, json elsewhere")
    return _reading.run("stats", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    return deliver_stats(call, values, values["output"])
