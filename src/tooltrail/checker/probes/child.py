"""What the command starts: whether the caller's trace id gets there."""

from ..._typing import TYPE_CHECKING
from ..report import FAILED, NOT_APPLICABLE, PASSED, Finding, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..examination import Examination


def look(exam: "Examination") -> "Iterator[Finding]":
    """Say what the processes below the command had in their environment."""
    runs = [each.run for each in exam.seen if each.run.children]
    if not runs:
        message = "no process was seen that it started; one that lives for a moment is not seen"
        yield Finding("trace.child", NOT_APPLICABLE, message, runs=[exam.first.run])
        return
    names = sorted({shown(name, 30) for run in runs for name in run.names})
    seen = sum(len(run.children) for run in runs)
    lost = [given for run in runs for given in run.children.values() if given != run.trace_id]
    if lost:
        message = f"{len(lost)} of {seen} processes below it do not have it, of: {_few(names)}"
        yield Finding("trace.child", FAILED, message, f"TOOL_TRACE_ID: {lost[0]!r}", runs)
        return
    message = f"every process that was seen has it, {seen} of {seen}: {_few(names)}"
    yield Finding("trace.child", PASSED, message, runs=runs)


def _few(names: list[str]) -> str:
    return ", ".join(names[:5])
