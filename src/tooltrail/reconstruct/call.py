"""One call of a trace: what the tool said, what the one who started it said, and what it made."""

from datetime import datetime
from functools import cached_property

from .._typing import TYPE_CHECKING, Any
from .._wire import OPEN_OUTCOMES, RECORDER_HOOK, RECORDER_IMPORT, REPLACED
from ..query.steps import StepTaken, steps_of

if TYPE_CHECKING:
    from .blame import Blame

    Entry = dict[str, Any]

_SHOWN = (
    *("request_id", "trace_id", "tool", "command", "params", "timestamp", "exit_code", "signal"),
    *("outcome", "error", "origin", "operator", "recorder"),
)
_LOG_WAIT_MS = 5_000  # a writer gives up before; more is another clock, or a machine that slept
_NO_END = OPEN_OUTCOMES | {REPLACED}  # of which who started it may know more
_WHERE_THERE = ("origin_request_id", "steps", "steps_dropped")


def moment(text: Any) -> int | None:
    """Return a time of an entry in ms since 1970, or None where it is none."""
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _id(value: Any) -> str | None:
    return str(value) if value else None


def _ms(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _log_wait(entry: "Entry", began: int | None) -> int | None:
    """Return how long after its end a call was written down, where one clock tells, in ms."""
    if entry.get("recorder") in (RECORDER_HOOK, RECORDER_IMPORT) or entry.get("clamped"):
        return None
    logged, took = moment(entry.get("logged_at")), entry.get("duration_ms")
    if began is None or logged is None or not isinstance(took, int):
        return None
    waited = logged - began - took
    return max(0, waited) if waited <= _LOG_WAIT_MS else None


class Call:
    """One call of a trace: its entry, the wrapper's entry where it had one, and its children.

    Times are in ms. `start_ms` is after the first call of the trace began; `moved_ms` is by how
    much that differs from what its clock said. `blame` says where its time went; `critical`
    whether the trace would have ended sooner without it; `repeats` is the id of the last call
    before it with the same tool, command and params.
    """

    blame: "Blame"

    def __init__(self, entry: "Entry") -> None:
        self.entry = entry
        self.wrapper: Entry | None = None
        self.duration_ms = _ms(entry.get("duration_ms"))
        self.began = moment(entry.get("timestamp"))  # by its own clock, in ms since 1970
        self.log_wait_ms = _log_wait(entry, self.began)
        self.parent = _id(entry.get("parent_request_id"))  # of the call that made it
        self.children: list[Call] = []
        self.parent_missing = False
        self.too_deep = False
        self.start_ms = 0
        self.launched_ms = 0  # when who started it did so; `start_ms` where nobody says
        self.gone_ms = 0  # when it was over for who started it
        self.last_ms = 0  # when all that it made was over, too
        self.moved_ms = 0
        self.critical = False
        self.repeats: str | None = None

    @property
    def request_id(self) -> str:
        """The id of the call: the tool's own where it gave one."""
        return str(self.entry.get("request_id", ""))

    @property
    def end_ms(self) -> int:
        """When it ended, after the first call of the trace began; its begin where that is open."""
        return self.start_ms + (self.duration_ms or 0)

    def wrap(self, wrapper: "Entry") -> None:
        """Note what the one who started it recorded: it may know what the tool did not say."""
        self.wrapper = wrapper
        self.parent = _id(wrapper.get("parent_request_id"))
        if self.duration_ms is None:
            self.duration_ms = _ms(wrapper.get("duration_ms"))

    def put(self, start_ms: int, launched_ms: int) -> None:
        """Note when it began, and was launched, after the first call of the trace began."""
        self.start_ms = start_ms
        self.launched_ms = min(launched_ms, start_ms)
        took = None if self.wrapper is None else _ms(self.wrapper.get("duration_ms"))
        self.gone_ms = self.end_ms + (self.log_wait_ms or 0)
        if took is not None:
            self.gone_ms = max(self.end_ms, self.launched_ms + took)
        self.last_ms = self.gone_ms

    @property
    def retry(self) -> tuple[int, str] | None:
        """Which attempt this is, and the id of the record of the one before; None for the first."""
        entry = self.wrapper or self.entry
        attempt, before = entry.get("attempt"), entry.get("retry_of")
        return (attempt, str(before)) if isinstance(attempt, int) and before else None

    @property
    def own_ms(self) -> int:
        """How long it took while none of its children ran, in ms."""
        return self._beside_children if self.children else self.duration_ms or 0

    @cached_property
    def _beside_children(self) -> int:
        whole = self.duration_ms or 0
        end, covered = self.start_ms, 0
        for child in sorted(self.children, key=lambda child: child.start_ms):
            begin = max(end, child.start_ms)
            end = max(end, min(child.end_ms, self.start_ms + whole))
            covered += max(0, end - begin)
        return max(0, whole - covered)

    @cached_property
    def steps(self) -> list[StepTaken]:
        """The named parts of the call, in the order that they began."""
        return steps_of(self.entry, self.duration_ms)

    @property
    def shown(self) -> "Entry":
        """The entry, completed by what the wrapper saw where the call itself has no end."""
        if self.wrapper is None or self.entry.get("outcome") not in _NO_END:
            return self.entry
        return self._completed

    @cached_property
    def _completed(self) -> "Entry":
        wrapper = self.wrapper or {}
        seen = {name: wrapper.get(name) for name in ("exit_code", "outcome", "signal", "error")}
        return {**self.entry, **seen, "duration_ms": self.duration_ms}

    @property
    def seen_below(self) -> "dict[str, Any] | None":
        """What a wrapper with `--instrument` saw of the processes below this call."""
        child = (self.wrapper or self.entry).get("child")
        seen = child.get("instrument") if isinstance(child, dict) else None
        return seen if isinstance(seen, dict) else None

    def as_json(self) -> "dict[str, Any]":
        """Return the call as `data.calls` has it."""
        shown = self.shown
        fields = {name: shown.get(name) for name in _SHOWN}
        fields |= {"start_ms": self.start_ms, "duration_ms": self.duration_ms}
        fields |= {"blame": self.blame.as_json(), "critical": self.critical}
        fields |= {name: shown[name] for name in _WHERE_THERE if name in shown}
        if self.repeats is not None:
            fields["repeats"] = self.repeats
        if self.moved_ms:
            fields["moved_ms"] = self.moved_ms
        if self.retry is not None:
            fields["attempt"], fields["retry_of"] = self.retry
        if self.wrapper is not None:
            fields["wrapper_request_id"] = self.wrapper.get("request_id")
        if self.seen_below is not None:
            fields["instrument"] = self.seen_below
        if self.parent_missing:
            fields["parent_missing"] = True
        if self.too_deep:
            fields["too_deep"] = True
        return {**fields, "children": [child.as_json() for child in self.children]}
