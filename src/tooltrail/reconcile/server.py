"""Recorded calls, held against the log of the server that they called."""

from .._typing import TYPE_CHECKING, Any
from ..errors import UsageError
from ..query.search import Search
from .candidates import Candidates
from .matching import Matching
from .record import Record
from .requests import requests_of
from .server_log import ServerLog

if TYPE_CHECKING:
    from ..query.options import Query
    from .matching import Match
    from .requests import Request
    from .server_log import Line

MATCHED = "matched"
DIFFER = "differ"  # the line with the request's id says another status
AMBIGUOUS = "ambiguous"
MISSING = "missing"
NOT_COVERED = "not_covered"
UNANSWERED = "unanswered"  # no response is known of, and no line is there
STATES = (MATCHED, DIFFER, AMBIGUOUS, MISSING, NOT_COVERED, UNANSWERED)
WRONG = (DIFFER, MISSING, NOT_COVERED)
_SHOWN = 5  # possible lines of one request


class Seen:
    """One request, and the server's line of it, or those that may be it."""

    __slots__ = ("confidence", "lines", "reason", "request", "state")

    def __init__(
        self,
        request: "Request",
        state: str,
        reason: str,
        *,
        confidence: float | None = None,
        lines: "list[tuple[Line, float]] | None" = None,
    ) -> None:
        self.request = request
        self.state = state
        self.reason = reason
        self.confidence = confidence
        self.lines = lines or []

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.requests[]` has it."""
        return {
            "state": self.state,
            "reason": self.reason,
            "confidence": None if self.confidence is None else round(self.confidence, 3),
            "request": self.request.as_json(),
            "lines": [
                {
                    "line": line.number,
                    "time": round(line.at, 3),
                    "method": line.method,
                    "path": line.path,
                    "status": line.status,
                    "confidence": round(share, 3),
                }
                for line, share in self.lines
            ],
        }


class ServerReconciled:
    """What the server's log says of the recorded requests."""

    def __init__(
        self, seen: "list[Seen]", log: ServerLog, matching: Matching, search: Search, other: int
    ) -> None:
        self.requests = seen
        self.log = log
        self.matching = matching
        self.gaps = search.problems()
        self.other_hosts = other  # requests to hosts that were not asked for

    def counts(self) -> dict[str, int]:
        """Return how many requests came to what, without those that are 0."""
        counts = {state: sum(seen.state == state for seen in self.requests) for state in STATES}
        return {state: count for state, count in counts.items() if count}

    @property
    def strangers(self) -> int:
        """How many lines are of no recorded request, as far as that can be told."""
        ours = self.counts()
        claimed = sum(ours.get(state, 0) for state in (MATCHED, DIFFER, AMBIGUOUS))
        claimed -= self.matching.short  # of several requests for one line, one has it
        possible = {line.number for seen in self.requests for line, _ in seen.lines}
        return max(0, self.log.lines - self.log.no_requests - min(claimed, len(possible)))

    @property
    def exit_code(self) -> int:
        """0 where every request has a line, even if it cannot be told which."""
        wrong = any(seen.state in WRONG for seen in self.requests)
        return int(wrong or self.matching.short > 0 or bool(self.gaps))

    def notes(self) -> list[str]:
        """Say what a reader must know of this: a sentence each."""
        said = self.log.notes()
        if self.matching.short:
            said.append(
                f"requests that have no line, among those where it cannot be told which:"
                f" at least {self.matching.short}"
            )
        if self.other_hosts:
            said.append(f"requests to other hosts, left out: {self.other_hosts}")
        if self.log.backwards > 1.0:
            said.append(
                f"its times go back by up to {self.log.backwards:.0f} s from one line to the next"
            )
        offset = self.matching.offset
        if offset is not None and offset.weight < 0.5 and not self.matching.given:
            others = ", ".join(f"{each.seconds:+.1f} s" for each in self.matching.offsets[1:4])
            said.append(f"other offsets of its clock fit nearly as well: {others}")
        return said

    def as_json(self) -> dict[str, Any]:
        """Return it as `data` of the response has it."""
        offset = self.matching.offset
        return {
            "server_log": self.log.path,
            "format": self.log.format,
            "lines": self.log.lines,
            "unread_lines": self.log.unread,
            "no_request_lines": self.log.no_requests,
            "strangers": self.strangers,
            "offset": offset
            and {
                "seconds": round(offset.seconds, 3),
                "confidence": round(offset.weight, 3),
                "agreeing": offset.agreeing,
                "given": self.matching.given,
            },
            "count": len(self.requests),
            "counts": self.counts(),
            "at_least_missing": self.matching.short,
            "requests": [seen.as_json() for seen in self.requests],
            "notes": self.notes(),
            "gaps": [{"code": code, "message": message} for code, message in self.gaps],
        }


def reconcile_server(
    query: "Query",
    path: str,
    *,
    format_name: str = "auto",
    host: str | None = None,
    window: float = 5.0,
    offset: float | None = None,
) -> ServerReconciled:
    """Hold the requests of these calls against a server's log.

    `window` and `offset` are in seconds. Raises `UsageError` for what is no log of this format,
    where there is no request, and where it cannot be told which host the log is of.
    """
    search = Search(query)
    every = requests_of(Record(entry) for entry in search)
    ours = [one for one in every if host is None or one.host in (None, host.lower())]
    if not ours:
        _refuse(len(every), host)
    log = ServerLog(path, format_name, ours[-1].end)
    hosts = sorted({one.host for one in ours if one.host})
    candidates = Candidates(ours, own_host=host is None and len(hosts) > 1)
    candidates.read(log)
    if host is None and len(hosts) > 1 and not any(line.host for line in candidates.lines):
        shown = ", ".join(hosts[:5])
        raise UsageError(
            f"the requests went to {len(hosts)} hosts ({shown}), and the log does not say whose"
            " it is",
            hint="--host NAME says which of them wrote it",
        )
    span = (log.last or 0.0) - (log.first or 0.0)
    matching = Matching(candidates, window, offset, span)
    seen = [
        _seen(request, matching.matches[number], candidates, log, matching, window)
        for number, request in enumerate(ours)
    ]
    return ServerReconciled(seen, log, matching, search, len(every) - len(ours))


def _refuse(every: int, host: str | None) -> None:
    if every:
        raise UsageError(
            f"--host {host}: none of the {every} requests went there", hint="leave --host out"
        )
    raise UsageError(
        "none of these calls is known to have made an HTTP request",
        hint="known are the requests of instrumented tools, and curl and its like under"
        " `tooltrail run`; --since, --trace and --tool say which calls",
    )


def _seen(
    request: "Request",
    match: "Match",
    candidates: Candidates,
    log: ServerLog,
    matching: Matching,
    window: float,
) -> Seen:
    lines = [(candidates.lines[place], share) for place, share in match.lines[:_SHOWN]]
    if match.by_id:
        return _by_id(request, lines)
    if match.sure:
        offset = matching.offset
        agreeing = offset.agreeing if offset else 0
        reason = f"{_in_common(request, lines[0][0])}, time and order; {agreeing} requests agree"
        reason += " on the offset"
        return Seen(request, MATCHED, reason, confidence=lines[0][1], lines=lines[:1])
    if lines:
        return Seen(request, AMBIGUOUS, _why_not_sure(match), confidence=lines[0][1], lines=lines)
    return _without(request, log, matching, window)


def _by_id(request: "Request", lines: "list[tuple[Line, float]]") -> Seen:
    said = lines[0][0].status
    if said is not None and request.status is not None and said != request.status:
        reason = f"an id of it stands in the line, which says {said}; the call got {request.status}"
        return Seen(request, DIFFER, reason, confidence=1.0, lines=lines)
    reason = "an id of it stands in the line, and in no other"
    return Seen(request, MATCHED, reason, confidence=1.0, lines=lines)


def _in_common(request: "Request", line: "Line") -> str:
    names = ("host", "method", "path", "status")
    same = [
        name
        for name in names
        if getattr(request, name) is not None and getattr(line, name) is not None
    ]
    return ", ".join(same) or "nothing but"


def _why_not_sure(match: "Match") -> str:
    if match.time_alone:
        return "a line fits its time, and neither says what would tell it from others"
    if match.concurrent:
        return "another request was under way at the same time, and their lines look alike"
    if len(match.lines) > 1:
        return f"{len(match.lines)} lines fit it nearly alike"
    return "one line fits it, but little else confirms how far the server's clock is off"


def _without(request: "Request", log: ServerLog, matching: Matching, window: float) -> Seen:
    offset = matching.offset.seconds if matching.offset else 0.0
    if request.unanswered:
        return Seen(request, UNANSWERED, "no response is known of, and the log has no line of it")
    if log.first is None or log.last is None:
        return Seen(request, NOT_COVERED, "the log has no line")
    if log.no_requests == log.lines:
        return Seen(request, NOT_COVERED, "no line of the log tells of a request")
    if request.end + offset + window < log.first:
        return Seen(request, NOT_COVERED, "the log begins later")
    if request.start + offset - window > log.last + 1:
        return Seen(request, NOT_COVERED, "the log ends before")
    return Seen(request, MISSING, f"no line fits it within {window:g} s of its time")
