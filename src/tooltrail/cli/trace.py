"""`tooltrail trace ID`: one trace, or a session of them, as a tree."""

from typing import TYPE_CHECKING, Any

from ..query.options import OPTIONS
from ..render.deliver import SUMMARY, deliver_trace
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_TREE = "tree"
_TAKEN = ("--since", "--until", "--exact", "--all")


def main(arguments: "Sequence[str]") -> int:
    """Show the calls of a trace, nested, in order, with what was slow and what failed."""
    made = _reading.parser(
        "trace",
        "Show one trace as a tree: calls in order, what was slow, what failed. An id also stands"
        " for those that continue it: a session shows all its operations.",
        [option for option in OPTIONS if option.name in _TAKEN],
    )
    made.add_argument("id", metavar="ID", help="a trace id, or the start of a session's ids")
    made.add_argument(
        "--output", choices=(_TREE, SUMMARY, "json"), help="tree on a terminal, json elsewhere"
    )
    return _reading.run("trace", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    asked = {name: values[name] for name in ("since", "until", "exact", "all")}
    return deliver_trace(call, values["id"], asked, values["output"])
