"""`tooltrail reconcile`: callers', tools' and servers' records, held against each other."""

from argparse import RawDescriptionHelpFormatter

from .._typing import TYPE_CHECKING, Any
from ..errors import UsageError
from ..query.options import JSON, OPTIONS, TABLE, TOOL_OPTION
from ..reconcile.formats import reader_of
from ..reconcile.gather import asked_query
from ..reconcile.ledgers import Reconciled, reconcile
from ..reconcile.server import ServerReconciled, reconcile_server
from ..render.reconciled import deliver
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_TAKEN = ("--since", "--until", "--exact")
_OF_SERVER = ("format", "host", "window", "offset")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_MORE = """\
calls, as both ledgers tell of them:
  agree        both records are there, and say the same
  differ       they differ, in exit_code, argv, timestamp, duration_ms or output
  killed       the tool's record ends in the middle, and its caller saw why
  no end       a record ends in the middle, and nobody saw why
  missing      the caller recorded it; the tool keeps a log, which has no such call
  only tool    the tool recorded it; no caller did
  ambiguous    several records fit, and nothing tells which is it
  inside       the tool recorded it, inside a command that a caller recorded
  no log       the caller recorded it; the tool keeps no log
  not covered  the tool's log begins later

exit codes:
  0  nothing is missing, and nothing differs
  1  something is missing or differs, or a log could not be read whole
  2  the command line was not understood, or the server's log is none
"""


def main(arguments: "Sequence[str]") -> int:
    """Hold what callers recorded against what tools recorded, or against a server's log."""
    made = _reading.parser(
        "reconcile",
        "Hold callers', tools' and servers' records of the same calls against each other.",
        [option for option in OPTIONS if option.name in _TAKEN] + [TOOL_OPTION],
    )
    made.formatter_class = RawDescriptionHelpFormatter
    made.epilog = _MORE
    made.add_argument(
        *("--trace-id", "--trace"),
        metavar="ID",
        help="calls of this trace, and of those that continue its id",
    )
    made.add_argument(
        "--receipts",
        metavar="FILE",
        action="append",
        help="hold the receipts in a transcript or any other text against the logs, beside those"
        " in the callers' records; - is stdin; may be repeated",
    )
    made.add_argument(
        "--tolerance",
        metavar="TIME",
        help="how far times may differ (2s)",
    )
    made.add_argument(
        "--server-log", metavar="FILE", help="hold the calls against this access log; - is stdin"
    )
    made.add_argument(
        "--format",
        metavar="NAME",
        help="of the server's log: auto, combined, nginx, common, json, logfmt,"
        " regex=PATTERN with the groups time, method, path, status, host, request",
    )
    made.add_argument("--host", metavar="NAME", help="which host wrote it: only requests to it")
    made.add_argument(
        "--window", metavar="TIME", help="how far a line may be from the time of its request (5s)"
    )
    made.add_argument(
        "--offset",
        metavar="TIME",
        help="how far the server's clock is ahead, where it is known: 7s, -2h, 0s",
    )
    made.add_argument("--output", choices=(TABLE, "text", JSON), help="text on a terminal, or json")
    return _reading.run("reconcile", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    return deliver(call, lambda: _work(values), values["output"])


def _work(values: dict[str, Any]) -> Reconciled | ServerReconciled:
    query = asked_query(values)
    if values["server_log"] is None:
        given = next((name for name in _OF_SERVER if values[name] is not None), None)
        if given is not None:
            raise UsageError(f"--{given} is for a server's log", hint="--server-log FILE names it")
        tolerance = _seconds("--tolerance", values["tolerance"] or "2s")
        return reconcile(query, values["receipts"] or (), abs(tolerance))
    for name in ("receipts", "tolerance"):
        if values[name] is not None:
            raise UsageError(f"--{name} and --server-log do not go together")
    format_name = values["format"] or "auto"
    if format_name != "auto":
        reader_of(format_name)
    return reconcile_server(
        query,
        values["server_log"],
        format_name=format_name,
        host=values["host"],
        window=abs(_seconds("--window", values["window"] or "5s")),
        offset=None if values["offset"] is None else _seconds("--offset", values["offset"]),
    )


def _seconds(option: str, text: str) -> float:
    """Return a duration in seconds: 500ms, 5s, -2h. Raises `UsageError`, which names the option."""
    number = text.strip().rstrip("smh")
    unit = text.strip()[len(number) :] or "s"
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        seconds = float("nan")
    if not abs(seconds) < 1e9:
        raise UsageError(f"{option}: {text[:40]!r} is not a duration", hint="5s, 500ms, 2m, -2h")
    return seconds
