"""Two ledgers of the same calls, held against each other: the callers' and the tools'."""

from .._typing import TYPE_CHECKING, Any
from .._wire import NOT_STARTED, OPEN_OUTCOMES, RUNNING, TIMED_OUT
from ..query.options import Query
from . import coverage
from .coverage import Coverage
from .differences import differences
from .gather import Gathered
from .join import Joined
from .kept import FINE, held_receipts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..trust.receipts import Receipts
    from .record import Record

AGREE = "agree"
DIFFER = "differ"
KILLED = "killed"  # the tool's record ends in the middle, and its caller saw why
NO_END = "no_end"  # a record ends in the middle, and nobody saw why
ONLY_TOOL = "only_tool"
INSIDE = "inside"  # the tool's alone, but within a call that a caller recorded
AMBIGUOUS = "ambiguous"
STILL_RUNNING = "running"
NEVER_RAN = "not_started"
MISSING, NO_LOG, NOT_COVERED = coverage.MISSING, coverage.NO_LOG, coverage.NOT_COVERED
STATES = (
    *(AGREE, DIFFER, KILLED, NO_END, MISSING, ONLY_TOOL, AMBIGUOUS),
    *(INSIDE, NO_LOG, NOT_COVERED, NEVER_RAN, STILL_RUNNING),
)
WRONG = (DIFFER, NO_END, MISSING, ONLY_TOOL, AMBIGUOUS)


class Held:
    """One call, and what the two ledgers say of it together."""

    __slots__ = ("caller", "differences", "reason", "state", "tool")

    def __init__(
        self,
        state: str,
        reason: str,
        *,
        caller: "Record | None" = None,
        tool: "Record | None" = None,
        differing: "Sequence[dict[str, Any]]" = (),
    ) -> None:
        self.state = state
        self.reason = reason
        self.caller = caller
        self.tool = tool
        self.differences = list(differing)

    @property
    def record(self) -> "Record":
        """The record that tells most of the call: the tool's, where there is one."""
        record = self.tool or self.caller
        assert record is not None
        return record

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.calls[]` has it."""
        entry = self.record.entry
        return {
            "state": self.state,
            "reason": self.reason,
            "tool": entry.get("tool"),
            "command": entry.get("command"),
            "trace_id": entry.get("trace_id"),
            "differences": self.differences,
            "caller_record": self.caller and self.caller.as_json(),
            "tool_record": self.tool and self.tool.as_json(),
        }


class Reconciled:
    """What both ledgers come to together."""

    def __init__(self, gathered: Gathered, held: list[Held], receipts: "Receipts") -> None:
        self.calls = held
        self.receipts = receipts
        self.gaps = gathered.gaps
        self.logs = len(gathered.paths)

    def counts(self) -> dict[str, int]:
        """Return how many calls came to what, in a fixed order, without those that are 0."""
        counts = {state: sum(held.state == state for held in self.calls) for state in STATES}
        return {state: count for state, count in counts.items() if count}

    @property
    def receipts_gone(self) -> int:
        """How many receipts name a line that no log here holds any more."""
        return sum(n for status, n in self.receipts.counts().items() if status not in FINE)

    @property
    def exit_code(self) -> int:
        """0 where nothing is missing and nothing differs, as far as the logs can be read."""
        wrong = any(held.state in WRONG for held in self.calls)
        return int(wrong or self.receipts_gone > 0 or bool(self.gaps))

    def as_json(self) -> dict[str, Any]:
        """Return it as `data` of the response has it."""
        return {
            "logs": self.logs,
            "count": len(self.calls),
            "counts": self.counts(),
            "calls": [held.as_json() for held in self.calls],
            "receipts": self.receipts.as_json() if self.receipts.found else None,
            "gaps": [{"code": code, "message": message} for code, message in self.gaps],
        }


def reconcile(query: Query, receipt_files: "Sequence[str]", tolerance: float) -> Reconciled:
    """Hold the callers' records of these calls against the tools'.

    `tolerance` is in seconds, and for times alone. Raises `UsageError` for a receipt file that
    cannot be read or holds none.
    """
    gathered = Gathered(query)
    joined = Joined(gathered.records.values())
    covered = Coverage()
    held = [
        one
        for record in joined.outer
        if _is_asked(record, gathered)
        for one in [_of_caller(record, joined, covered, tolerance)]
    ]
    held += [
        _of_tool(record, joined)
        for record in joined.inner
        if record.partner is None and record.request_id in gathered.asked and not record.only_reads
    ]
    held.sort(key=lambda one: str(one.record.entry.get("timestamp")))
    asked = [record for record in joined.outer if record.request_id in gathered.asked]
    return Reconciled(gathered, held, held_receipts(receipt_files, asked, gathered.paths))


def _is_asked(record: "Record", gathered: Gathered) -> bool:
    """Tell a caller's record that was asked for, itself or by the tool's record of the call."""
    partner = record.partner
    return record.request_id in gathered.asked or (
        partner is not None and partner.request_id in gathered.asked
    )


def _of_caller(outer: "Record", joined: Joined, covered: Coverage, tolerance: float) -> Held:
    inner = outer.partner
    if inner is not None:
        return _of_pair(outer, inner, tolerance)
    if outer.request_id in joined.ambiguous:
        count = len(joined.ambiguous[outer.request_id])
        reason = f"{count} of the tool's records fit it, or one of them fits another call as well"
        return Held(AMBIGUOUS, reason, caller=outer)
    if outer.entry.get("outcome") == NOT_STARTED:
        return Held(NEVER_RAN, "it could not be started", caller=outer)
    if outer.entry.get("outcome") == RUNNING:
        return Held(STILL_RUNNING, "it still runs", caller=outer)
    if not outer.has_end:
        return Held(
            NO_END, "the caller's record has no end, and the tool has no record of it", caller=outer
        )
    state, reason = covered.of(outer)
    if state == MISSING and any(around is outer for around in joined.inside.values()):
        return Held(NO_LOG, "the command itself keeps no log; calls inside of it do", caller=outer)
    return Held(state, reason, caller=outer)


def _of_pair(outer: "Record", inner: "Record", tolerance: float) -> Held:
    if RUNNING in (outer.entry.get("outcome"), inner.entry.get("outcome")):
        return Held(STILL_RUNNING, "it still runs", caller=outer, tool=inner)
    if not inner.has_end:
        seen = outer.entry.get("outcome") not in OPEN_OUTCOMES
        how = outer.entry.get("signal") or outer.entry.get("outcome")
        if seen and (outer.entry.get("signal") or how == TIMED_OUT):
            reason = f"the tool's record ends in the middle: its caller saw {how}"
            return Held(KILLED, reason, caller=outer, tool=inner)
        return Held(NO_END, "the tool's record has no end", caller=outer, tool=inner)
    if not outer.has_end:
        return Held(NO_END, "the caller's record has no end", caller=outer, tool=inner)
    differing = differences(outer, inner, tolerance)
    if differing:
        fields = ", ".join(one["field"] for one in differing)
        reason = f"the records differ in {fields}"
        return Held(DIFFER, reason, caller=outer, tool=inner, differing=differing)
    return Held(AGREE, "both records are there, and agree", caller=outer, tool=inner)


def _of_tool(inner: "Record", joined: Joined) -> Held:
    around = joined.inside.get(inner.request_id)
    if around is not None:
        reason = f"it ran inside {around.request_id}, which its caller recorded"
        return Held(INSIDE, reason, tool=inner)
    if inner.entry.get("outcome") == RUNNING:
        return Held(STILL_RUNNING, "it still runs, and no caller recorded it", tool=inner)
    if inner.parent is not None and inner.parent not in joined.known:
        reason = f"its caller is {inner.parent}, of which there is no record"
        return Held(ONLY_TOOL, reason, tool=inner)
    return Held(ONLY_TOOL, "no caller recorded it", tool=inner)
