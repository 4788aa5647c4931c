"""`tooltrail trace ID`: one trace, or a session of them, as a tree."""

from .._typing import TYPE_CHECKING, Any
from ..errors import UsageError
from ..query.options import OPTIONS, Option
from ..render.deliver import fail
from ..render.trace import OUTPUTS, SCRIPT, deliver_trace, which_trace
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_TAKEN = ("--since", "--until", "--exact", "--all")
_REQUEST_ID = Option("--request-id", "ID", "the trace that holds the call with this id")


def main(arguments: "Sequence[str]") -> int:
    """Show the calls of a trace, nested, in order, with what was slow and what failed."""
    made = _reading.parser(
        "trace",
        "Show one trace as a tree: calls in order, what was slow, what failed. An id also stands"
        " for those that continue it: a session shows all its operations.",
        [_REQUEST_ID, *(option for option in OPTIONS if option.name in _TAKEN)],
    )
    made.add_argument(
        "id", metavar="ID", nargs="?", help="a trace id, the start of one, or a session's id"
    )
    made.add_argument("--last", action="store_true", help="the trace of the last call")
    made.add_argument(
        "--output",
        choices=OUTPUTS,
        help="tree on a terminal, json elsewhere; summary: in 25 lines; html: a page in one file;"
        " script: as shell commands; perfetto and otlp: for other tools",
    )
    made.add_argument("--from", metavar="STEP", help="with --output script: begin at this number")
    return _reading.run("trace", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    output = "tree" if values["output"] == "table" else values["output"]
    try:
        if values["from"] is not None and output != SCRIPT:
            raise UsageError("--from goes with --output script")
        asked = which_trace(values)
    except UsageError as error:
        return fail(call, error, output)
    return deliver_trace(call, asked, output)
