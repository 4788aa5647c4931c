"""Prove that there was no such call: none is found, and the logs that were read are complete.

Complete means that each log's chain holds from its first line to its last, that no log is gone,
none was pruned in the time that was asked for, and no call is known to have been lost. What was
never recorded, and a tail that was cut off, leave no trace: that is said, too.
"""

import os
from collections import Counter

from .._host import now
from .._typing import TYPE_CHECKING, Any
from .._wire import LOG_NAME, OWN_TOOL
from ..query.gaps import is_there
from ..query.possible import why_possible
from ..query.search import Search, holds_text, matches
from ..redact import Redactor
from ..settings import NONE, settings_for
from ..trail import data_home
from ..trail.find import first_time
from ..trail.lost import lost_below
from ..trail.read import logs_in
from ..trail.registry import registered, registry_path
from ..trail.segments import segments
from .findings import ERASED, INTACT, PRUNED, TORN
from .scope import verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..query.options import Query
    from .findings import LogReport
    from .scope import Progress

_NAMED = 5
_CONDITIONS = (
    *("since", "until", "tool", "command", "param", "text", "exit_code", "failed"),
    *("outcome", "origin", "slower_than", "limit", "tail"),
)


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
    wide = _without_conditions(query)
    search = Search(wide, paths)
    search.indexed = False
    verification = verify(paths, progress=progress) if search.paths else None
    reports = verification.reports if verification else []
    absence = Absence(reports, verification.unknowns() if verification else [])
    possible: Counter[str] = Counter()
    tools = set()
    for entry in search:
        tools.add(entry.get("tool"))
        if matches(query, entry) and holds_text(query, entry):
            absence.found += 1
            if len(absence.first) < _NAMED:
                absence.first.append(str(entry.get("request_id")))
        elif reason := why_possible(query, entry):
            possible[reason] += 1
    absence.doubts = [
        *(doubt for report in reports for doubt in _of_log(report, query)),
        *(text for _, text in search.problems()),
        *(f"calls {reason}, and that may be meant: {count}" for reason, count in possible.items()),
        *_of_question(query, tools, paths is None),
        *(_of_home() if paths is None else ()),
    ]
    if not search.paths:
        absence.doubts.append("no log is here: nothing was recorded, or the logs are elsewhere")
    return absence


def _without_conditions(query: "Query") -> "Query":
    """Return the query for all calls that may be meant: only whose they are is asked."""
    return query.but(**dict.fromkeys(_CONDITIONS))


def _of_question(query: "Query", tools: "set[Any]", everywhere: bool) -> "Iterator[str]":
    """Say what is wrong with the question."""
    if query.doubt is not None:
        yield query.doubt
    if query.tool is not None and everywhere and query.tool not in tools and not query.trace_id:
        yield f"nothing was ever recorded of a tool called {query.tool}"
    end = max(filter(None, (query.since, query.until)), default="")
    if end > now():
        yield f"the time that is asked about is not over: it is now {now()}"
    for name, text in (("trace", query.trace_id), ("operator", query.operator)):
        if text is not None and Redactor().text(text, name) != text:
            yield f"the {name}'s id holds what is taken out of records as a secret"


def _of_home() -> "Iterator[str]":
    """Say what is known to be missing of a data home."""
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    logs, full = lost_below(home)
    for log in sorted(logs):
        if not os.path.isfile(log):
            yield f"{log}: calls were lost of a log that never came to be"
    if full:
        yield "so many calls were lost that not all of them were noted"
    if not os.path.exists(registry_path(home)):
        yield "the list of all logs that there were is gone"
    try:
        taken = [each for each in registered(home) if each.acknowledged and not is_there(each)]
    except OSError:
        taken = []
    for each in taken:
        yield f"the log {each.log} of {each.tool} was taken away: {each.acknowledged}"
    tools = {os.path.basename(os.path.dirname(path)) for path in logs_in(home, LOG_NAME)}
    for tool in sorted(tools | {OWN_TOOL}):
        configured = settings_for(tool)
        if configured.level == NONE or any(rule.level == NONE for rule in configured.rules):
            yield f"not all calls of {tool} are recorded, by this machine's configuration"


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
