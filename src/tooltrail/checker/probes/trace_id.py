"""The caller's trace id: the standard's own check, then ids that are hard to carry."""

from ..._typing import TYPE_CHECKING
from ..examination import SEED_TRACE
from ..report import FAILED, PASSED, UNKNOWN, Finding
from ..responses import META_FILE
from ..rubric import PROBE
from .failures import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..examination import Examination, Seen

# name -> the id, and whether it must come back as it is: what does not print, or is very long,
# may be escaped or cut, where the response says so.
AWKWARD = {
    "a trace id with spaces": ("agent session 42 / step 7", True),
    "a trace id in unicode": ("sitzung-äöü-日本-🚀", True),
    "a trace id of 300 characters": ("agent-" + "0123456789" * 29 + "abcd", False),
    "a trace id with a newline": ('first\nsecond "quoted" \\', False),
}


def call_again(exam: "Examination") -> None:
    """Run the command once for each awkward id."""
    for label, (trace_id, _) in AWKWARD.items():
        exam.run(label, exam.argv, trace_id=trace_id, kind="awkward")


def look(exam: "Examination") -> "Iterator[Finding]":
    """Say whether ids came back."""
    yield _echo(exam)
    yield _awkward(exam)


def _echo(exam: "Examination") -> Finding:
    ours = [
        each
        for each in exam.seen
        if each.kind not in ("awkward", UNTRACED) and each.run.finished and each.response.meta
    ]
    if not ours:
        return Finding("trace.echo", FAILED, "no response has a meta", runs=[exam.first.run])
    for each in ours:
        said = each.response.meta.get("trace_id")
        if said != each.run.trace_id:
            message = f"{each.run.label}: TOOL_TRACE_ID was {each.run.trace_id}"
            seen = f"meta.trace_id: {said!r}"
            return Finding("trace.echo", FAILED, message, seen, [each.run])
    seen = f"TOOL_TRACE_ID={SEED_TRACE}: meta.trace_id == {SEED_TRACE!r}"
    return Finding("trace.echo", PASSED, f"in {len(ours)} responses", seen, [ours[0].run])


def _awkward(exam: "Examination") -> Finding:
    tried = [each for each in exam.seen if each.kind == "awkward"]
    if not tried:
        return Finding("trace.awkward", UNKNOWN, "none was tried", needs=PROBE)
    stuck = [each for each in tried if not each.run.finished]
    if stuck:
        return Finding("trace.awkward", UNKNOWN, stuck[0].run.reason, runs=[stuck[0].run])
    codes = {each.run.exit_code for each in exam.seen if each.kind == "command"}
    for each in tried:
        fault = _fault(each, codes)
        if fault is not None:
            seen = f"meta.trace_id: {each.response.meta.get('trace_id')!r}"
            message = f"{each.run.label}: {fault}"
            return Finding("trace.awkward", FAILED, message, seen, [each.run])
    return Finding("trace.awkward", PASSED, ", ".join(AWKWARD), runs=[each.run for each in tried])


def _fault(seen: "Seen", codes: "set[int | None]") -> str | None:
    """Say what is wrong with an answer; `codes`: how the command ends with other ids."""
    run, said = seen.run, seen.response.meta.get("trace_id")
    if run.exit_code not in codes:
        usual = " or ".join(sorted(map(str, codes)))
        return f"the call ends with exit code {run.exit_code}, not {usual}"
    if said == run.trace_id:
        return None
    if AWKWARD[run.label][1]:
        return "it does not come back as it is"
    if not isinstance(said, str) or not said:
        return "there is none in the response"
    if seen.response.form == META_FILE:  # which has no place for warnings
        return None
    if seen.response.warned:
        return None
    return "it was changed, and no warning says so"
