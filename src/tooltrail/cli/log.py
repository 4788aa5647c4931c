"""`tooltrail log`: find entries in the logs of all tools."""

from typing import TYPE_CHECKING, Any

from ..query.options import OPTIONS, OUTPUTS, TOOL_OPTION
from ..render.deliver import deliver_listing
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock


def main(arguments: "Sequence[str]") -> int:
    """List the entries that the options ask for, in the order of the logs."""
    made = _reading.parser("log", "Find entries in the logs of all tools.", [TOOL_OPTION, *OPTIONS])
    made.add_argument("--output", choices=OUTPUTS, help="table on a terminal, json elsewhere")
    return _reading.run("log", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    return deliver_listing(call, values, values["output"])
