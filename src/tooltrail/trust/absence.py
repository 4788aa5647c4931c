"""Prove that there was no such call: none is found, and the logs that were read are complete.

Complete means that each log's chain holds from its first line to its last, that no log is gone,
none was pruned in the time that was asked for, and no call is known to have been lost. What was
never recorded, and a tail that was cut off, leave no trace: that is said, too.
"""

from copy import copy
from typing import TYPE_CHECKING, Any

from ..query.search import Search
from ..settings import METADATA, NONE, settings_for
from ..trail.find import first_time
from ..trail.segments import segments
from .findings import ERASED, INTACT, PRUNED, TORN
from .scope import verify

if TYPE_CHECKING:
    from ..query.options import Query
    from .findings import LogReport
    from .scope import Progress

_NAMED = 5


class Absence:
    """What came of it: how many such calls there are, and why there may be more.

    `reports` are of the logs that were read; `beyond` says what no log can tell.
    """

    def __init__(self, reports: "list[LogReport]", beyond: list[str]) -> None:
        self.reports = reports
        self.beyond = beyond
        self.found = 0
        self.first: list[str] = []  # request ids
        self.doubts: list[str] = []

    @property
    def exit_code(self) -> int:
        """0: there is none; 1: there are some; 3: nobody can say."""
        return 1 if self.found else 3 if self.doubts else 0

    def as_json(self) -> "dict[str, Any]":
        """Return it as the `data` of a response."""
        names = ("tool", "path", "log", "first_seq", "last_seq", "verdict")
        logs = [{name: report.as_json()[name] for name in names} for report in self.reports]
        none = {0: True, 1: False}.get(self.exit_code)
        return {
            "none": none,
            "found": self.found,
            "first": self.first,
            "doubts": self.doubts,
            "logs": logs,
            "beyond": self.beyond,
        }


def prove_none(
    query: "Query", paths: "list[str] | None", progress: "Progress | None" = None
) -> Absence:
    """Look for calls that match, and for reasons why one might have been missed."""
    search = Search(query, paths)
    verification = verify(search.paths, progress=progress) if search.paths else None
    reports = verification.reports if verification else []
    absence = Absence(reports, verification.unknowns() if verification else [])
    for entry in search:
        absence.found += 1
        if len(absence.first) < _NAMED:
            absence.first.append(str(entry.get("request_id")))
    absence.doubts = [
        *(doubt for report in reports for doubt in _of_log(report, query)),
        *(text for _, text in search.problems()),
        *_of_levels(query, search.paths),
    ]
    if not search.paths:
        absence.doubts.append(
            "no log is here: nothing was ever recorded, or the logs are elsewhere"
        )
    return absence


def _of_log(report: "LogReport", query: "Query") -> list[str]:
    if report.verdict != INTACT:
        why = report.findings[0].message if report.findings else report.unreadable
        return [f"{report.name} is {report.verdict}: {why}"]
    said = []
    for note in report.notes:
        if note.verdict == PRUNED and not _kept_since(report.path, query.since):
            said.append(f"{report.name} was pruned: {note.message}")
        elif note.verdict in (TORN, ERASED):
            said.append(f"{report.name} has lines that were {note.verdict}: {note.message}")
    return said


def _kept_since(path: str, since: str | None) -> bool:
    begins = first_time(segments(path)[0])
    return since is not None and begins is not None and begins <= since


def _of_levels(query: "Query", paths: list[str]) -> list[str]:
    """Name the calls that were recorded without what is asked about, or not at all."""
    said = []
    if query.tool is not None and settings_for(query.tool).level == NONE:
        said.append(f"calls of {query.tool} are not recorded, by this machine's configuration")
    if query.param is None and query.text is None:
        return said
    wider = copy(query)
    wider.param = wider.text = None
    bare = sum(
        entry.get("level") == METADATA or "erased" in entry for entry in Search(wider, paths)
    )
    if bare:
        said.append(f"calls that were recorded without their params, and may be meant: {bare}")
    return said
