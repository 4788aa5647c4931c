"""The table of the standard, as data: what each level asks, and what decides it.

A command has a level when everything passed that counts for it and for the levels below; what
does not apply is as good as passed. So it gets the lower level where it falls between two. Where
something needed is not known, the score is not known either, but for its bounds.
"""

from dataclasses import dataclass

from .._typing import TYPE_CHECKING
from .report import FAILED, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .report import Finding

HIGHEST = 3
LEVELS = {
    0: "no request_id, no timing, no audit log: calls cannot be correlated afterwards",
    1: "meta.request_id is present on some responses",
    2: "meta.request_id and meta.duration_ms on all responses; TOOL_TRACE_ID is propagated",
    3: "meta.trace_id is the caller's; `audit-log --output jsonl`; an append-only log, by itself",
}

PROBE = "--probe"
REPEAT = "--repeat"
AUDIT_LOG = "--tool"
LOG_FILE = "--log-file"


@dataclass(frozen=True)
class Check:
    """One thing that is looked at. `level` is what it counts for; None is advice.

    `requirement` is the standard's sentence, `parents` its parent specification's ids.
    """

    title: str
    level: int | None
    requirement: str
    parents: tuple[str, ...] = ()


_EVERY = "every response includes meta.request_id (server-assigned) and meta.trace_id"
_VARIABLE = "TOOL_TRACE_ID env var propagated automatically"
_LOG = "framework writes append-only audit log"
_AUDIT = "tool audit-log --since 1h --output jsonl"
_ENTRY = 'an entry is {"timestamp", "command", "params", "exit_code", "duration_ms", "operator"}'
_META = "meta: request_id, trace_id, duration_ms, timestamp, command, version"

CHECKS = {
    "ids.some": Check("some response has meta.request_id", 1, _EVERY, ("F-024",)),
    "ids.all": Check("every response has meta.request_id", 2, _EVERY, ("F-024", "F-004")),
    "ids.unique": Check("no two calls share a request_id", 2, _EVERY, ("F-024",)),
    "duration.all": Check("every response has meta.duration_ms", 2, _META, ("F-039",)),
    "duration.true": Check("duration_ms agrees with the clock on the wall", 2, _META, ("F-039",)),
    "trace.echo": Check(
        "meta.trace_id is TOOL_TRACE_ID, exactly", 2,
        "TOOL_TRACE_ID=test-123: verify meta.trace_id == test-123", ("F-024", "F-025"),
    ),
    "trace.child": Check("what it starts gets the trace id", 2, _VARIABLE, ("F-025",)),
    "trace.awkward": Check(
        "awkward trace ids come back as they are", 3,
        "meta.trace_id accepts caller-supplied value", ("F-024",),
    ),
    "time.stamp": Check("meta.timestamp lies within the call", 3, _META, ("F-024",)),
    "log.command": Check("`audit-log --output jsonl` answers", 3, _AUDIT, ("O-030",)),
    "log.every": Check("every call has its entry, failed ones too", 3, _LOG, ("F-026",)),
    "log.fields": Check("entries have every field", 3, _ENTRY, ("F-026", "O-030")),
    "log.true": Check("entries say what happened", 3, _ENTRY, ("F-026",)),
    "log.appended": Check("the log only ever grows", 3, _LOG, ("F-026",)),
    "log.secrets": Check("no secret reaches the log", 3, _ENTRY, ("F-026", "F-034", "F-051")),
    "many.ids": Check("parallel calls have ids of their own", 3, _EVERY, ("F-024",)),
    "many.entries": Check("parallel calls lose no entry", 3, _LOG, ("F-026",)),
    "meta.rest": Check("meta has command and version", None, _META, ("F-023", "F-024")),
    "meta.help": Check("help and version have meta, too", None, _EVERY, ("F-024",)),
    "form.envelope": Check("one JSON document with the five keys", None, _META, ("F-004", "F-003")),
    "duration.integer": Check("duration_ms is a whole number", None, _META, ("F-039",)),
    "log.filters": Check("`audit-log` knows its filters", None, _AUDIT, ("O-030",)),
    "log.killed": Check("a call that is killed leaves evidence", None, _LOG, ("F-026",)),
    "output.secrets": Check("no secret is printed", None, _ENTRY, ("F-034", "F-051")),
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """A score, or None, and what it can be at least and at most."""

    score: int | None
    at_least: int
    at_most: int


def verdict(findings: "Sequence[Finding]") -> Verdict:
    """Return the level that the findings make."""
    at_most = at_least = HIGHEST
    for finding in findings:
        level = CHECKS[finding.id].level
        if level is None:
            continue
        if finding.status == FAILED:
            at_most = min(at_most, level - 1)
        if finding.status in (FAILED, UNKNOWN):
            at_least = min(at_least, level - 1)
    at_least = min(at_least, at_most)
    return Verdict(at_least if at_least == at_most else None, at_least, at_most)


def missing(finding: "Finding", verdict: Verdict) -> bool:
    """Tell whether a finding stands between a command and the next level."""
    level = CHECKS[finding.id].level
    return (
        level is not None
        and finding.status in (FAILED, UNKNOWN)
        and level == (verdict.at_least if verdict.score is None else verdict.score) + 1
    )
