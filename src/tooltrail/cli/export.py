"""`tooltrail export`: entries as flat rows, for DuckDB, polars or a spreadsheet."""

from .._typing import TYPE_CHECKING, Any
from ..query.options import OPTIONS, TOOL_OPTION
from ..render.export import EXPORTS, deliver_export
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_NOT_TAKEN = ("--fields",)


def main(arguments: "Sequence[str]") -> int:
    """Write the entries that the options ask for as rows."""
    made = _reading.parser(
        "export",
        "Write entries as flat rows that other programs read. Parquet needs the extra `parquet`.",
        [TOOL_OPTION, *(option for option in OPTIONS if option.name not in _NOT_TAKEN)],
    )
    made.add_argument("--output", choices=EXPORTS, required=True, help="what to write")
    made.add_argument("--to", metavar="FILE", help="where to; it is replaced once all is written")
    return _reading.run("export", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    return deliver_export(call, values, values["output"], values["to"])
