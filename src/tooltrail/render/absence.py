"""Deliver the proof that there was no such call, or why it cannot be had."""

import sys

from .._typing import TYPE_CHECKING, Any
from ..entry import error_fields
from ..errors import TooltrailError
from ..query.options import JSON, TABLE, query_from
from ..trust.absence import prove_none
from .deliver import deliver_found, fail, terminal_columns
from .progress import Progress
from .safe import folded, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._invocation import Invocation
    from ..trust.absence import Absence

_CODES = {1: "FOUND", 3: "CANNOT_SAY"}
_MAX_CHARS = 2000


def deliver_absence(
    call: "Invocation", values: "Mapping[str, Any]", output: str, paths: "list[str] | None"
) -> int:
    """Answer whether there is no such call; finish `call`; return 0: none, 1: some, 3: unknown."""
    progress = Progress(sys.stderr, "verifying")
    try:
        try:
            absence = prove_none(query_from(values), paths, progress if progress.shown else None)
        finally:
            progress.clear()
    except TooltrailError as error:
        return fail(call, error, output)
    code = absence.exit_code
    details = error_fields(_CODES[code], _answer(absence)) if code else None
    columns = terminal_columns()
    return deliver_found(
        call,
        TABLE if output == TABLE else JSON,
        absence.as_json,
        lambda: (part for line in lines(absence) for part in folded(line, columns, "  ")),
        code=code,
        error=details,
    )


def lines(absence: "Absence") -> "Iterator[str]":
    """Yield the answer, and what it rests on, as lines of text."""
    yield _answer(absence)
    if absence.found:
        return
    for doubt in absence.doubts:
        yield f"? {safe(doubt, _MAX_CHARS)}"
    for report in absence.reports:
        if report.lines:
            span = f"seq {report.first_seq} to {report.last_seq}"
            yield f"+ {safe(report.name)}: {span}, {report.verdict}"
    for said in absence.beyond:
        yield f"beyond this: {safe(said, _MAX_CHARS)}"


def _answer(absence: "Absence") -> str:
    if absence.found:
        many = absence.found > 1
        count = f"there are {absence.found} such calls" if many else "there is 1 such call"
        first = ", ".join(safe(request_id, 40) for request_id in absence.first)
        return f"{count}: {first}{', …' if absence.found > len(absence.first) else ''}"
    if absence.doubts:
        more = f" (and {len(absence.doubts) - 1} more)" if len(absence.doubts) > 1 else ""
        return f"none is found, but nobody can say, because {safe(absence.doubts[0], 400)}{more}"
    spans = [
        f"{safe(report.name)} from seq {report.first_seq} to {report.last_seq}"
        for report in absence.reports
        if report.lines
    ]
    which = "the log is complete" if len(spans) == 1 else "the logs are complete"
    return f"no such call, and {which}: {', '.join(spans)}"
