"""Say what a verification found: for people in sentences, for programs as one response."""

import sys

from .._typing import TYPE_CHECKING, Any
from ..entry import error_fields
from ..errors import TooltrailError
from ..query.options import JSON, TABLE
from ..trust.findings import HOLDS, INTACT, MISSING, UNREADABLE, counted
from ..trust.scope import Verification, verify
from .deliver import deliver_found, fail, terminal_columns
from .progress import Progress
from .safe import folded, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._invocation import Invocation
    from ..trust.findings import Finding, LogReport
    from ..trust.receipts import Receipts

_FOUND, _NOT_CHECKED = "VERIFICATION_FAILED", "NOT_VERIFIED"
_COLUMNS = 100
_MAX_CHARS = 2000


def deliver_verification(
    call: "Invocation",
    targets: "Sequence[str] | None",
    values: "Mapping[str, Any]",
    output: str,
) -> int:
    """Verify the logs, print what was found, finish `call`; return the exit code.

    `targets` are names of tools, or paths; None stands for every log. `values` may hold
    `receipts` and `checkpoints`, lists of files, and `key`, a file with verifier keys.
    """
    output = output if output == TABLE else JSON
    progress = Progress(sys.stderr, "verifying")
    try:
        try:
            verification = verify(
                targets,
                values.get("receipts") or (),
                values.get("checkpoints") or (),
                key=values.get("key"),
                progress=progress if progress.shown else None,
            )
        finally:
            progress.clear()
    except TooltrailError as error:
        return fail(call, error, output)
    code = verification.exit_code
    details = _error(verification) if code else None
    return deliver_found(
        call,
        output,
        verification.as_json,
        lambda: lines(verification, terminal_columns()),
        code=code,
        error=details,
    )


def _error(verification: Verification) -> dict[str, Any]:
    """Return the error of a response whose logs are not all intact."""
    bad = [report for report in verification.reports if report.findings]
    if verification.exit_code == 1:
        which = ", ".join(f"{report.name} ({report.verdict})" for report in bad[:10])
        message = f"not as they were written: {which}" if bad else "receipts do not hold"
        return error_fields(_FOUND, message, hint="data.logs tells where, data.receipts by whom")
    return error_fields(_NOT_CHECKED, "; ".join(verification.unknowns()[:-1])[:_MAX_CHARS])


def lines(verification: Verification, columns: int | None) -> "Iterator[str]":
    """Yield what was found as lines of text."""
    reports = verification.reports
    if not reports:
        yield "no log is here"
    names = max((len(safe(report.name)) for report in reports), default=0)
    for report in reports:
        yield from _wrapped(
            f"{_mark(report)} {safe(report.name):{names}}  ", _line(report), columns
        )
        for finding in report.findings[1:]:
            yield from _wrapped("    ", _sentence(finding), columns)
        if report.more_findings:
            yield f"    and {report.more_findings} more"
        for note in report.notes:
            yield from _wrapped("  - ", _sentence(note), columns)
    if verification.receipts is not None:
        yield ""
        yield from _receipts(verification.receipts, columns)
    for held in verification.held or ():
        if held.state == HOLDS:
            yield from _wrapped("", safe(held.message, _MAX_CHARS), columns)
    yield ""
    for unknown in verification.unknowns():
        yield from _wrapped("? ", safe(unknown, _MAX_CHARS), columns)


def _mark(report: "LogReport") -> str:
    return {INTACT: "+", UNREADABLE: "?"}.get(report.verdict, "x")


def _line(report: "LogReport") -> str:
    if report.findings:
        return _sentence(report.findings[0])
    if report.unreadable is not None:
        return f"{UNREADABLE}: {safe(report.unreadable)}"
    files = "" if report.segments < 2 else f" in {report.segments} segments"
    said = f"{INTACT}: {counted(report.lines, 'line')}{files}"
    return f"{said}, seq {report.first_seq} to {report.last_seq}" if report.lines else said


def _sentence(finding: "Finding") -> str:
    where = "" if finding.line is None else f", line {finding.line}"
    if finding.segment:
        where += f" of {safe(finding.segment)}" if where else f", {safe(finding.segment)}"
    seq = "" if finding.seq is None else f" (seq {finding.seq})"
    return f"{finding.verdict}{where}{seq}: {safe(finding.message, _MAX_CHARS)}"


def _receipts(receipts: "Receipts", columns: int | None) -> "Iterator[str]":
    counts = receipts.counts()
    others = ", ".join(f"{count} {status}" for status, count in counts.items() if status != HOLDS)
    total = sum(counts.values())
    said = f"{counted(total, 'receipt')}, {counts.get(HOLDS, 0)} of them hold"
    yield from _wrapped("", said + (f"; {others}" if others else ""), columns)
    for receipt in receipts:
        if receipt.status == MISSING:
            yield from _wrapped("  x ", f"{receipt.log}: {receipt.message}", columns)
            break


def _wrapped(start: str, text: str, columns: int | None) -> list[str]:
    """Return a sentence in lines of a terminal's width; in one line where there is none."""
    room = None if columns is None else min(columns, _COLUMNS)
    return folded(start + text, room, " " * len(start))
