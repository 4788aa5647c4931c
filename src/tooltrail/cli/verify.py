"""`tooltrail verify`: is what the logs say still what was written?"""

import os
from argparse import RawDescriptionHelpFormatter

from .._host import user_name
from .._typing import TYPE_CHECKING, Any
from .._wire import OWN_TOOL
from ..errors import NotFoundError, TooltrailError, UsageError
from ..query.gaps import is_there
from ..query.options import JSON, TABLE
from ..render.deliver import fail
from ..render.verdict import deliver_verification
from ..settings import settings_for
from ..trail import data_home
from ..trail.registry import acknowledge, registered
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_MORE = """\
verdicts:
  edited      a line is not the one that its neighbours follow
  removed     lines are gone from the start or the middle, or a whole segment is
  inserted    lines stand there that the chain goes around, or that stand there twice
  reordered   the lines are there, in another order
  truncated   the end of a segment or of the log is gone
  forked      two lines follow the same line
  missing     a log that was registered is gone
recorded, or left by a crash, and fine:
  torn        a writer died in the middle of a line
  pruned      the start was deleted, and the log says so
  erased      a line was replaced by a tombstone, and the log says so

exit codes:
  0  intact; what is torn, pruned or erased is reported and is fine
  1  something was changed, removed, put in or is missing; a receipt or checkpoint does not hold
  2  the command line was not understood, or names no log
  3  nothing wrong was found, but something could not be checked
"""


def main(arguments: "Sequence[str]") -> int:
    """Verify the logs that the command line names, or all of them."""
    made = _reading.parser("verify", "Tell whether logs are still as they were written.", ())
    made.formatter_class = RawDescriptionHelpFormatter
    made.epilog = _MORE
    made.add_argument(
        "targets", metavar="TOOL|PATH", nargs="*", help="a tool's log, or a log by its path (all)"
    )
    made.add_argument(
        "--receipts",
        metavar="FILE",
        action="append",
        help="check the receipts in a transcript or any other text; - is stdin; may be repeated",
    )
    made.add_argument(
        "--checkpoint",
        metavar="FILE",
        action="append",
        dest="checkpoints",
        help="hold the log to a checkpoint that was signed before; may be repeated",
    )
    made.add_argument(
        "--key", metavar="FILE", help="the keys that may have signed it: the .pub file of the key"
    )
    made.add_argument(
        "--acknowledge",
        metavar="LOG_ID",
        help="note that a log which is missing was taken away on purpose; needs --reason",
    )
    made.add_argument("--reason", metavar="TEXT", help="why; it goes into the registry")
    made.add_argument("--output", choices=(TABLE, JSON), help="table on a terminal, json elsewhere")
    return _reading.run("verify", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    if values["acknowledge"] or values["reason"]:
        try:
            _acknowledge(call, values["acknowledge"], values["reason"])
        except TooltrailError as error:
            return fail(call, error, values["output"])
    return deliver_verification(call, values["targets"] or None, values, values["output"])


def _acknowledge(call: "RecordedBlock", log_id: str | None, reason: str | None) -> None:
    """Note that a missing log was taken away. Raises `TooltrailError` where it was not."""
    if not log_id or not reason:
        raise UsageError("--acknowledge takes a log's id, and --reason says why: give both")
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    known = [log for log in registered(home) if log.log == log_id]
    if not known:
        raise NotFoundError(f"no log {log_id} was registered in {home}")
    if is_there(known[0]):
        raise UsageError(f"{log_id} is there: {known[0].path}", hint="only a missing log is noted")
    by = call.context.operator or user_name(os.geteuid())
    acknowledge(home, log_id, by, call.redactor.text(reason, "params.reason"))
