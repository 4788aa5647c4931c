"""The responses that were seen: ids, durations and times in each of them."""

from ..._typing import TYPE_CHECKING, Any
from ..audit import moment
from ..report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Finding, names_of, shown
from ..responses import DOCUMENT, ENVELOPE, META, SEVERAL
from ..rubric import PROBE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..examination import Examination, Seen

TEXTS = ("help", "version")  # runs that may answer with text for people
IDLE = (*TEXTS, "usage_error", "unknown_command")  # runs that have nothing to do
WHOLE = ("command", "awkward")  # runs of the command as it was given, one after the other
_SLACK_MS = 50  # by which a duration may exceed what we measured
_SLACK_S = 1.5  # by which a timestamp may lie outside of the call: it may be in whole seconds
_SLOW_MS = 250  # of work, from which a wrong unit can be told
_SHARE = 0.4  # of the time in which it worked, that a duration must come to


def look(exam: "Examination") -> "Iterator[Finding]":
    """Say what can be said of all the responses together."""
    answers = [each for each in exam.seen if _is_response(each)]
    with_id = [each for each in answers if each.response.request_id]
    yield _some(exam, with_id)
    yield _all(exam, "ids.all", "request_id", answers, lambda seen: seen.response.request_id)
    yield _unique(with_id, exam.options.probe)
    yield _all(exam, "duration.all", "duration_ms", answers, _duration_of)
    timed = [each for each in answers if _duration_of(each) is not None]
    yield _durations(exam, timed)
    yield _whole(timed)
    yield _stamps(answers)
    yield _rest(with_id)
    yield _texts(exam)
    yield _form(exam.first)


def _is_response(seen: "Seen") -> bool:
    """Tell whether a run must have answered: it ended by itself, and not with a text of help."""
    if not seen.run.finished or _was_cut(seen):
        return False
    return seen.kind not in TEXTS or seen.response.is_json


def _was_cut(seen: "Seen") -> bool:
    """Tell whether there was too much output to find a response in it."""
    return not seen.response.meta and seen.response.cut


def _some(exam: "Examination", with_id: "list[Seen]") -> Finding:
    if with_id:
        seen = with_id[0]
        return Finding(
            "ids.some", PASSED, f"{seen.run.label} has one", seen.response.request_id or "",
            [seen.run],
        )  # fmt: skip
    first = exam.first
    if _was_cut(first):
        message = "there was too much output to read it whole"
        return Finding("ids.some", UNKNOWN, message, _start_of(first), [first.run])
    message = f"no meta.request_id in {_counted(exam.seen)}"
    place = first.response.elsewhere
    if place is not None:
        message += f"; {place}.request_id is there: --meta-path {place}"
    elif first.run.left:
        message += "; it left ids in TOOL_META_FILE, which --meta-file counts"
    return Finding("ids.some", FAILED, message, _start_of(first), [first.run])


def _counted(seen: "list[Seen]") -> str:
    return "the response" if len(seen) == 1 else f"any of {len(seen)} responses"


def _start_of(seen: "Seen") -> str:
    run = seen.run
    printed = run.stdout.text.strip() or run.stderr.text.strip()
    return shown(printed) if printed else "(it printed nothing)"


def _all(
    exam: "Examination",
    finding: str,
    name: str,
    answers: "list[Seen]",
    value: "Callable[[Seen], Any]",
) -> Finding:
    lacking = [each for each in answers if value(each) is None]
    if lacking:
        which = names_of([each.run for each in lacking])
        message = f"no meta.{name} in {len(lacking)} of {len(answers)} responses: {which}"
        return Finding(
            finding, FAILED, message, _start_of(lacking[0]), [each.run for each in lacking]
        )
    if not exam.options.probe:
        return Finding(
            finding, UNKNOWN, "one response has it; the others were not asked for", needs=PROBE
        )
    if not exam.succeeded:
        return Finding(finding, UNKNOWN, "no call that succeeds was seen: name one that does")
    stuck = [each.run for each in exam.seen if not each.run.finished or _was_cut(each)]
    if stuck:
        reason = stuck[0].reason or "there was too much output to read it whole"
        return Finding(finding, UNKNOWN, f"{stuck[0].label}: {reason}", runs=stuck)
    return Finding(finding, PASSED, f"{len(answers)} of {len(answers)} responses have it")


def _unique(with_id: "list[Seen]", probed: bool) -> Finding:
    runs: dict[str, list[Any]] = {}
    for each in with_id:
        runs.setdefault(each.response.request_id or "", []).append(each.run)
    repeated = next((request_id for request_id in runs if len(runs[request_id]) > 1), None)
    if repeated is not None:
        message = f"{len(runs[repeated])} calls have the same request_id"
        return Finding("ids.unique", FAILED, message, repeated, runs[repeated])
    posing = [each for each in with_id if each.response.request_id == each.run.trace_id]
    if posing:
        message = "request_id is the caller's trace id: two calls of a trace cannot be told apart"
        return Finding("ids.unique", FAILED, message, runs=[each.run for each in posing])
    if len(with_id) > 1:
        return Finding("ids.unique", PASSED, f"{len(with_id)} calls, {len(runs)} ids")
    if probed:
        return Finding("ids.unique", NOT_APPLICABLE, "fewer than two responses have one")
    message = "one call has one id" if with_id else "no id was seen"
    return Finding("ids.unique", UNKNOWN, message, needs=PROBE)


def _duration_of(seen: "Seen") -> float | None:
    found = seen.response.meta.get("duration_ms")
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    return found if 0 <= found < 1e15 else None


def _durations(exam: "Examination", timed: "list[Seen]") -> Finding:
    """Hold durations against the wall: no longer than the call, and not absurdly shorter."""
    if not timed:
        return Finding("duration.true", NOT_APPLICABLE, "there is none to hold against the clock")
    for each in timed:
        said, wall = _duration_of(each) or 0.0, each.run.wall_ms
        if said > wall + _SLACK_MS:
            message = f"{each.run.label}: duration_ms is {said:g}, the whole run took {wall} ms"
            return Finding("duration.true", FAILED, message, runs=[each.run])
    worked = worked_ms(exam)
    whole = [each for each in timed if each.kind in WHOLE]
    short = [each for each in whole if (_duration_of(each) or 0.0) < worked * _SHARE]
    if short and worked > _SLOW_MS:
        said = max(_duration_of(each) or 0.0 for each in short)
        message = f"{short[0].run.label}: duration_ms is {said:g}, it worked for some {worked} ms"
        if abs(said * 1000 - worked) < worked * 0.5 + 500:
            message += ": seconds?"
        return Finding("duration.true", FAILED, message, runs=[each.run for each in short])
    widest = max(timed, key=lambda each: each.run.wall_ms)
    seen = f"duration_ms {_duration_of(widest):g}, by our clock {widest.run.wall_ms} ms"
    message = f"within the wall clock in {len(timed)} of {len(timed)} responses"
    return Finding("duration.true", PASSED, message, seen)


def worked_ms(exam: "Examination") -> int:
    """Return for how long the command works, at least, beside what its program needs to start.

    Its quickest run, less the quickest of those that had nothing to do: usage errors and help.
    0 where there were no such runs: then nobody can tell from outside.
    """
    idle = quickest_ms(exam, IDLE)
    return max(0, quickest_ms(exam, WHOLE) - idle) if idle else 0


def quickest_ms(exam: "Examination", kinds: "Sequence[str]") -> int:
    """Return how soon the quickest of these runs had answered, start included; 0 without any."""
    times = [each.run.answered_ms for each in exam.seen if each.kind in kinds and each.run.finished]
    return min(times, default=0)


def _whole(timed: "list[Seen]") -> Finding:
    if not timed:
        return Finding("duration.integer", NOT_APPLICABLE, "there is none")
    broken = [each for each in timed if not isinstance(each.response.meta["duration_ms"], int)]
    if broken:
        said = repr(broken[0].response.meta["duration_ms"])
        return Finding("duration.integer", FAILED, f"it is {said}", runs=[broken[0].run])
    return Finding("duration.integer", PASSED, "it is, everywhere")


def _stamps(answers: "list[Seen]") -> Finding:
    stamped = [each for each in answers if each.response.meta]
    if not stamped:
        return Finding("time.stamp", FAILED, "there is no meta to have one")
    for each in stamped:
        text = each.response.meta.get("timestamp")
        at = moment(text)
        if at is None:
            what = "is not there" if text is None else "is no ISO 8601 time with its zone"
            return Finding(
                "time.stamp", FAILED, f"{each.run.label}: it {what}", repr(text), [each.run]
            )
        start = each.run.started
        if not start - _SLACK_S <= at <= start + each.run.wall_ms / 1000 + _SLACK_S:
            message = f"{each.run.label}: it lies {at - start:+.1f} s from the start of the call"
            return Finding("time.stamp", FAILED, message, repr(text), [each.run])
    said = str(stamped[0].response.meta.get("timestamp"))
    return Finding("time.stamp", PASSED, f"it does, in {len(stamped)} responses", said)


def _rest(with_id: "list[Seen]") -> Finding:
    if not with_id:
        return Finding("meta.rest", NOT_APPLICABLE, "there is no meta")
    for each in with_id:
        meta = each.response.meta
        lacking = [] if isinstance(meta.get("command"), str) else ["command"]
        if not {"version", "tool_version"} & meta.keys():
            lacking.append("version")
        if lacking:
            message = f"{each.run.label} lacks {' and '.join(lacking)}"
            return Finding("meta.rest", FAILED, message, runs=[each.run])
    return Finding("meta.rest", PASSED, "they are there")


def _texts(exam: "Examination") -> Finding:
    asked = [each for each in exam.seen if each.kind in TEXTS and each.run.finished]
    if not asked:
        return Finding("meta.help", UNKNOWN, "not asked for", needs=PROBE)
    without = [each for each in asked if not each.response.request_id]
    if not without:
        return Finding("meta.help", PASSED, "they all have it")
    which = names_of([each.run for each in without])
    return Finding("meta.help", FAILED, f"{which}: without", runs=[each.run for each in without])


def _form(first: "Seen") -> Finding:
    response = first.response
    if not response.is_json:
        return Finding("form.envelope", FAILED, f"the response is {response.form}")
    faults = list(response.notes)
    if response.form not in (DOCUMENT, SEVERAL):
        faults.append(f"the response is {response.form}")
    if response.keys is not None:
        lacking = [name for name in ENVELOPE if name not in response.keys]
        more = [name for name in response.keys if name not in ENVELOPE]
        faults += [f"{name} is not there" for name in lacking]
        faults += [f"{shown(name, 40)} is none of the keys" for name in more[:3]]
    else:
        faults.append(f"it is a list, and no object with {META}")
    if faults:
        return Finding("form.envelope", FAILED, "; ".join(faults))
    return Finding("form.envelope", PASSED, "it is")
