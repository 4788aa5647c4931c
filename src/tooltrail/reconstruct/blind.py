"""What a trace cannot show, as far as the trace itself tells."""

from collections import Counter

from .._typing import TYPE_CHECKING
from .._wire import NOT_STARTED, OPEN_OUTCOMES, RECORDER_TOOL, RUNNING
from ..settings import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .call import Call

_NAMED = 5  # tools


def spots(calls: "Sequence[Call]") -> "Iterator[tuple[str, str]]":
    """Yield a code and a sentence for each kind of thing that the calls leave open."""
    yield from _silent(calls)
    yield from _open(calls)
    entries = [call.entry for call in calls]
    missing = sum(call.parent_missing for call in calls)
    deep = sum(call.too_deep for call in calls)
    bare = sum(entry.get("level") == METADATA or "erased" in entry for entry in entries)
    for code, count, words in (
        ("PARENT_MISSING", missing, "made by a call that is not here"),
        ("TOO_DEEP", deep, "nested deeper than is shown"),
        ("NO_PARAMS", bare, "recorded without params"),
    ):
        if count:
            yield code, f"{_calls(count)} {'is' if count == 1 else 'are'} {words}"
    for code, name, words in (
        ("STEPS_DROPPED", "steps_dropped", "steps"),
        ("REQUESTS_DROPPED", "downstream_dropped", "HTTP requests"),
    ):
        dropped = [entry[name] for entry in entries if name in entry]
        count = sum(each for each in dropped if isinstance(each, int))
        if count:
            yield code, f"{count} more {words} were made than were kept"


def _silent(calls: "Sequence[Call]") -> "Iterator[tuple[str, str]]":
    """Tell how many of the programs that were started recorded themselves."""
    launched = [call for call in calls if _by_another(call) and not _never_ran(call)]
    silent = [call for call in launched if call.wrapper is None and not _tells_below(call)]
    if not silent:
        return
    names = Counter(str(call.entry.get("tool") or "?") for call in silent)
    shown = ", ".join(name for name, _ in names.most_common(_NAMED))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    yield (
        "NOT_RECORDED_INSIDE",
        f"what happened inside {len(silent)} of {len(launched)} commands that were started: they"
        f" recorded nothing themselves ({shown}{more})",
    )


def _by_another(call: "Call") -> bool:
    """Tell a call of which somebody else than the tool told, too or alone."""
    return call.wrapper is not None or call.entry.get("recorder") not in (None, RECORDER_TOOL)


def _never_ran(call: "Call") -> bool:
    return call.wrapper is None and call.entry.get("outcome") == NOT_STARTED


def _tells_below(call: "Call") -> bool:
    return any(child.entry.get("recorder") == RECORDER_TOOL for child in call.children)


def _open(calls: "Sequence[Call]") -> "Iterator[tuple[str, str]]":
    outcomes = [call.shown.get("outcome") for call in calls]
    found = Counter(str(outcome) for outcome in outcomes if outcome in OPEN_OUTCOMES)
    for outcome, count in sorted(found.items()):
        if outcome == RUNNING:
            yield "STILL_RUNNING", f"{_calls(count)} still running"
        else:
            yield "END_UNKNOWN", f"{_calls(count)} without an end: {outcome}"


def _calls(count: int) -> str:
    return "1 call" if count == 1 else f"{count} calls"
