"""Deliver what changed between two runs."""

from .._typing import TYPE_CHECKING, Any
from ..entry import error_fields
from ..errors import NotFoundError, TooltrailError
from ..query.held import calls_of
from ..query.options import Query, query_from
from ..query.search import Search
from ..query.turning import turning_point
from ..reconstruct import Call, rebuild
from ..reconstruct.compare import ALIKE, CHANGED, MOVED, ONLY_A, ONLY_B, Noise, compare
from .deliver import deliver_found, fail, note_problems, terminal_columns, tidy
from .safe import duration, fit, safe
from .words import call_words, ending_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._invocation import Invocation
    from ..query.gaps import Gap
    from ..reconstruct.compare import Change, Pair

_CODE = "DIFFERENT"
_REQUEST = "req_"
_TROUBLE = 2  # as diff(1) and `git diff --exit-code` have it: 1 is that they differ
_SIGNS = {ALIKE: "=", CHANGED: "~", ONLY_A: "-", ONLY_B: "+", MOVED: ">"}
_MAX_VALUE_CHARS = 300


class Run:
    """One side: how it is called, its calls, parents before their children, and what is missing."""

    def __init__(self, name: str, calls: "Sequence[Call]", missing: "Sequence[Gap]" = ()) -> None:
        self.name = name
        self.calls = calls
        self.missing = [(code, f"{safe(name, 300)}: {text}") for code, text in missing]

    @property
    def failed(self) -> int:
        """How many of its calls failed."""
        return sum(call.shown.get("exit_code") not in (0, None) for call in self.calls)

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object."""
        started = self.calls[0].entry.get("timestamp") if self.calls else None
        return {
            "id": self.name,
            "started": started,
            "count": len(self.calls),
            "failed": self.failed,
            "duration_ms": max((call.end_ms for call in self.calls), default=0),
        }


class Compared:
    """Two runs, and their calls side by side."""

    def __init__(self, a: Run, b: Run, noise: Noise) -> None:
        self.a = a
        self.b = b
        self.missing = a.missing + b.missing
        self.pairs = compare(a.calls, b.calls, noise)

    @property
    def differing(self) -> "list[Pair]":
        """The calls that are not alike."""
        return [pair for pair in self.pairs if pair.kind != ALIKE]

    def as_json(self) -> "dict[str, Any]":
        """Return it as the `data` of a response."""
        return {
            "a": self.a.as_json(),
            "b": self.b.as_json(),
            "alike": len(self.pairs) - len(self.differing),
            "differences": [pair.as_json() for pair in self.differing],
        }


def deliver_diff(call: "Invocation", values: "Mapping[str, Any]", output: str) -> int:
    """Print what differs between A and B, or between the last good and the first bad run.

    Finish `call`; return the exit code: with `exit_code` among the values, 1 where they differ,
    and 2 where that cannot be said.
    """
    searches: list[Search] = []
    try:
        found = _found(values, searches)
    except TooltrailError as error:
        note_problems(call, _problems(searches))
        if values.get("exit_code"):
            error.exit_code = _TROUBLE
        return fail(call, error, output)
    note_problems(call, [*found.missing, *_problems(searches)])
    code, details = 0, None
    if values.get("exit_code") and found.differing:
        count = len(found.differing)
        code, details = 1, error_fields(_CODE, f"{count} call{'s' if count > 1 else ''} differ")
    elif values.get("exit_code") and found.missing:
        code, details = _TROUBLE, error_fields(*found.missing[0])
    tidy([])
    columns = terminal_columns()
    return deliver_found(
        call,
        output,
        found.as_json,
        lambda: (line if columns is None else fit(line, columns) for line in lines(found)),
        code=code,
        error=details,
    )


def _found(values: "Mapping[str, Any]", searches: "list[Search]") -> Compared:
    noise = Noise()
    if values.get("a"):
        a, b = (_named(str(values[name]), searches) for name in ("a", "b"))
    else:
        a, b = _good_and_bad(values, searches, noise)
    return Compared(a, b, noise)


def _problems(searches: "list[Search]") -> "list[Gap]":
    """Return what could not be seen, each once."""
    return list(dict.fromkeys(gap for search in searches for gap in search.problems()))


def _named(name: str, searches: "list[Search]") -> Run:
    """Return the run with this id: a trace by its exact id, or one call by its request id.

    Raises `NotFoundError` where there is none.
    """
    asked = {"request_id": name} if name.startswith(_REQUEST) else {"trace_id": name}
    search = Search(Query(**asked, exact=True))
    searches.append(search)
    kept, missing = calls_of(search)
    if not kept:
        raise NotFoundError(
            f"no call of {name!r} is in the logs that were read ({search.count_read()})",
            hint="give the exact id of a trace, or a request id; tooltrail log shows both",
        )
    return Run(name, rebuild(name, kept).calls(), missing)


def _good_and_bad(
    values: "Mapping[str, Any]", searches: "list[Search]", noise: Noise
) -> tuple[Run, Run]:
    asked = {name: values.get(name) for name in ("tool", "command", "operator", "since", "until")}
    search = Search(query_from({**asked, "param": values.get("param")}))
    searches.append(search)
    found = turning_point(
        search, lambda entry: noise.add(entry, _whole_number(entry.get("duration_ms")))
    )
    if found is None:
        raise NotFoundError(
            "no such call failed after one had gone well",
            hint="tooltrail log --tool NAME --command NAME lists what there is",
        )
    good, bad = (Run(str(entry.get("request_id")), rebuild("", [entry]).calls()) for entry in found)
    for run in (good, bad):  # they are added once more, as all that is compared
        for each in run.calls:
            noise.forget(each.entry, each.duration_ms)
    return good, bad


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def lines(found: Compared) -> "Iterator[str]":
    """Yield what differs as lines of text, in the order of the calls."""
    for sign, run in (("A", found.a), ("B", found.b)):
        told = run.as_json()
        count = "1 call" if told["count"] == 1 else f"{told['count']} calls"
        yield (
            f"{sign} {safe(run.name, 300)}: {count}, {told['failed']} failed,"
            f" {duration(told['duration_ms'])}, from {safe(told['started'])}"
        )
    yield ""
    alike = 0
    for pair in found.pairs:
        if pair.kind == ALIKE:
            alike += 1
            continue
        yield from _skipped(alike)
        alike = 0
        yield from _pair(pair)
    if not found.differing:
        yield "nothing differs beyond noise"
    else:
        yield from _skipped(alike)


def _skipped(count: int) -> "Iterator[str]":
    if count:
        yield f"= {count} call{'s' if count > 1 else ''} alike"


def _pair(pair: "Pair") -> "Iterator[str]":
    call = pair.b or pair.a
    assert call is not None
    where = {ONLY_A: "only in A", ONLY_B: "only in B", MOVED: "at another place"}.get(pair.kind, "")
    notes = [where] if where else []
    if pair.kind in (ONLY_A, ONLY_B):
        notes += [ending_words(call.shown), duration(call.duration_ms)]
    if call.repeats:
        notes.append(f"called before as {safe(call.repeats, 40)}")
    more = f"  ({', '.join(note for note in notes if note)})" if notes else ""
    yield f"{_SIGNS[pair.kind]} {call_words(call.entry)}{more}"
    if pair.a is not None and pair.b is not None:
        yield f"    {safe(pair.a.request_id, 40)} -> {safe(pair.b.request_id, 40)}"
    for change in pair.changes:
        yield from _change(change)


def _change(change: "Change") -> "Iterator[str]":
    if isinstance(change.a, list) and isinstance(change.b, list) and not change.note:
        if change.what == "params.argv":
            yield f"    argv: {_value(change, change.a)} -> {_value(change, change.b)}"
            return
        yield from (f"    {change.what}: - {safe(each, 200)}" for each in change.a)
        yield from (f"    {change.what}: + {safe(each, 200)}" for each in change.b)
        return
    note = f"  ({safe(change.note)})" if change.note else ""
    yield (
        f"    {safe(change.what)}: {_value(change, change.a)} -> {_value(change, change.b)}{note}"
    )


def _value(change: "Change", value: Any) -> str:
    if change.what == "took":
        return duration(value)
    return "(none)" if value is None else safe(value, _MAX_VALUE_CHARS)
