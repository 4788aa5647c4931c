"""Receipts that callers kept, held against the logs: what a log no longer holds."""

from .._typing import TYPE_CHECKING
from .._wire import ALGORITHM, OWN_TOOL
from ..query.gaps import is_there
from ..settings import settings_for
from ..trail import data_home
from ..trail.registry import registered
from ..trail.segments import first_log_id, segments
from ..trust.findings import ERASED, HOLDS, PRUNED
from ..trust.receipts import Receipts
from ..trust.scope import read_receipts
from ..trust.verify import verify_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .record import Record

FINE = (HOLDS, ERASED, PRUNED)  # the log says itself what became of the line


def held_receipts(
    files: "Sequence[str]", records: "Iterable[Record]", paths: "Sequence[str]"
) -> Receipts:
    """Return the receipts in these files and in the callers' records, each with what it came to.

    Raises `UsageError` for a file without any.
    """
    receipts = read_receipts(files)
    for record in records:
        _add(receipts, record)
    if not receipts.found:
        return receipts
    for path in paths:
        ids = {_log_id(segment) for segment in segments(path)}
        if ids & set(receipts.by_log) or None in receipts.by_log:
            verify_log(path, receipts=receipts)
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    try:
        known = registered(home)
    except OSError:
        known = []
    gone = {log.log for log in known if log.acknowledged is None and not is_there(log)}
    receipts.settle(gone, set())
    return receipts


def _log_id(segment: "object") -> str | None:
    try:
        return first_log_id(segment)  # type: ignore[arg-type]
    except OSError:
        return None


def _add(receipts: Receipts, record: "Record") -> None:
    receipt = record.child.get("receipt")
    if not isinstance(receipt, dict):
        return
    log, seq, line_hash = (receipt.get(name) for name in ("log", "seq", "hash"))
    if isinstance(seq, int) and isinstance(line_hash, str) and line_hash.startswith(ALGORITHM):
        digits = line_hash.removeprefix(ALGORITHM).encode("ascii", "replace")
        receipts.add(log if isinstance(log, str) else None, seq, digits)
