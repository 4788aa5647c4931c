"""`tooltrail diff A B`: what changed between two runs."""

from .._typing import TYPE_CHECKING, Any
from ..errors import UsageError
from ..query.options import OPTIONS, TOOL_OPTION
from ..render.deliver import fail
from ..render.diff import deliver_diff
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_TAKEN = ("--command", "--operator", "--param", "--since", "--until")
_FINDING = ("tool", "command", "operator", "param")


def main(arguments: "Sequence[str]") -> int:
    """Show what differs: calls, params, order, exit codes, outputs, versions, where, how long."""
    made = _reading.parser(
        "diff",
        "Show what changed between two runs: two traces (by their exact ids), two calls (by their"
        " request ids); or, without A and B, between the last good and the first bad run of the"
        " command that --tool and --command name.",
        [TOOL_OPTION, *(option for option in OPTIONS if option.name in _TAKEN)],
    )
    made.add_argument("a", metavar="A", nargs="?", help="a trace id, or a request id")
    made.add_argument("b", metavar="B", nargs="?", help="the same of the other run")
    made.add_argument(
        "--exit-code", action="store_true", help="end with 1 where they differ, 2 on trouble"
    )
    made.add_argument("--output", choices=("text", "json"), help="text on a terminal")
    return _reading.run("diff", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    try:
        _check(values)
    except UsageError as error:
        return fail(call, error, values["output"])
    return deliver_diff(call, values, values["output"])


def _check(values: dict[str, Any]) -> None:
    finding = [name for name in _FINDING if values.get(name) is not None]
    if values["a"] and not values["b"]:
        raise UsageError("diff takes two ids", hint="tooltrail diff A B")
    if values["a"] and finding:
        raise UsageError(
            f"--{finding[0]} finds the two runs by itself", hint="leave it out, or A and B"
        )
    if not values["a"] and not finding:
        raise UsageError(
            "which two runs?", hint="give A and B, or --tool and --command to find them"
        )
