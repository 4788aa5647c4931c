"""The audit log: how it is asked for, what is in it of the calls that were made, what it keeps."""

import json
import re

from ..._typing import TYPE_CHECKING, Any
from ..._wire import REDACTED
from ..audit import absent_fields, entry_of, holds, listing_of, moment
from ..report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Finding, names_of, shown
from ..rubric import AUDIT_LOG, LOG_FILE, PROBE
from .failures import UNTRACED
from .response import TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..audit import Listing
    from ..examination import Examination, Seen
    from ..runner import Run

    Entry = dict[str, Any]

_ESSENTIAL = {"request_id", "timestamp"}  # without them it tells of no call
_PLAIN_WORD = re.compile(r"[A-Za-z][\w-]{2,}")
_SLACK_S = 2.0
_SLACK_MS = 50
_OTHER_IDS = ("awkward", UNTRACED)  # calls whose trace id may not be the one that they were given
_PARALLEL = "parallel"  # the kind of those calls: another probe looks at their entries


def ask(exam: "Examination", label: str = "audit-log") -> "Listing | None":
    """Ask for the log, if that is allowed."""
    command = exam.audit_command()
    if command is None:
        return None
    return listing_of(exam.runner.run(label, command, exam.trace_id(label)))


def look(exam: "Examination", early: "Listing | None") -> "Iterator[Finding]":
    """Say what the log is worth. `early` is what it said after the first call."""
    yield _command(exam)
    pairs = _pairs(exam)
    every = _every(exam, pairs)
    yield every
    found = [(seen, entries[0]) for seen, entries in pairs or () if entries]
    yield _fields(every, found)
    yield _true(exam, every, found)
    yield _appended(exam, every, early)
    yield _filters(exam, found)


def _command(exam: "Examination") -> Finding:
    listing = exam.listing
    if listing is None:
        message = "how to ask for it was not said"
        return Finding("log.command", UNKNOWN, message, needs=AUDIT_LOG)
    if not listing.run.finished:
        message = f"asked for it, it did not end: {listing.run.reason}"
        return Finding("log.command", UNKNOWN, message, runs=[listing.run])
    seen = listing.run.stderr.text.strip() or listing.run.stdout.text.strip()
    if listing.fault is not None:
        return Finding("log.command", FAILED, listing.fault, shown(seen), [listing.run])
    if not listing.entries:
        return Finding("log.command", FAILED, "it knows of no call", runs=[listing.run])
    if not any(entry.keys() >= _ESSENTIAL for entry in listing.entries):
        message = (
            "what it printed is JSON, but no entry of a log: none has request_id and timestamp"
        )
        return Finding("log.command", FAILED, message, shown(seen), [listing.run])
    message = f"{len(listing.entries)} entries, one a line"
    return Finding("log.command", PASSED, message, runs=[listing.run])


def _pairs(exam: "Examination") -> "list[tuple[Seen, list[Entry]]] | None":
    """Return each call that must be in the log, with its entries; None where there is no log."""
    entries: Any = exam.entries()
    if entries is None:
        return None
    return [
        (seen, entry_of(entries, seen.run, seen.response.request_id))
        for seen in exam.seen
        if seen.kind not in (*TEXTS, _PARALLEL) and seen.run.finished and _can_be_found(seen)
    ]


def _can_be_found(seen: "Seen") -> bool:
    """Tell whether an entry can be told to be of this call: an odd id may have been changed."""
    return seen.kind not in _OTHER_IDS or seen.response.request_id is not None


def _every(exam: "Examination", pairs: "list[tuple[Seen, list[Entry]]] | None") -> Finding:
    if pairs is None:
        if exam.listing is not None and exam.listing.run.finished:
            return Finding("log.every", FAILED, "there is no log, by its command or as a file")
        message = "no file was found that holds the call"
        return Finding("log.every", UNKNOWN, message, needs=AUDIT_LOG)
    lost = [seen.run for seen, entries in pairs if not entries]
    if lost:
        which = names_of(lost)
        return Finding("log.every", FAILED, f"no entry of: {which}", runs=lost)
    twice = [seen.run for seen, entries in pairs if len(entries) > 1 and seen.response.request_id]
    if twice and exam.listing is not None and exam.listing.fault is None:
        return Finding("log.every", FAILED, f"more than one entry of: {twice[0].label}", runs=twice)
    if not exam.options.probe:
        message = "the one call has one; failed ones were not tried"
        return Finding("log.every", UNKNOWN, message, needs=PROBE)
    if not exam.succeeded:
        return Finding("log.every", UNKNOWN, "no call that succeeds was seen: name one that does")
    failed = sum(bool(seen.run.exit_code) for seen, _ in pairs)
    return Finding("log.every", PASSED, f"{len(pairs)} calls, each has its entry; {failed} failed")


def _without_entries(finding: str, every: Finding) -> Finding:
    if every.status == UNKNOWN:
        return Finding(finding, UNKNOWN, "no entry was found to look at", needs=every.needs)
    return Finding(finding, NOT_APPLICABLE, "there is no entry")


def _fields(every: Finding, found: "list[tuple[Seen, Entry]]") -> Finding:
    if not found:
        return _without_entries("log.fields", every)
    for seen, entry in found:
        lacking = absent_fields(entry)
        if lacking == ["trace_id"] and seen.kind == UNTRACED:
            continue  # there was none to have
        if lacking:
            message = f"the entry of {seen.run.label} lacks {', '.join(lacking)}"
            there = ", ".join(shown(name, 30) for name in entry)
            return Finding("log.fields", FAILED, message, f"it has: {there}", [seen.run])
    return Finding("log.fields", PASSED, f"all eight, in {len(found)} entries")


def _true(exam: "Examination", every: Finding, found: "list[tuple[Seen, Entry]]") -> Finding:
    if not found:
        return _without_entries("log.true", every)
    for seen, entry in found:
        for name, wanted, said in contradictions(seen, entry):
            message = f"{seen.run.label}: {name} is {said!r}, and was {wanted}"
            return Finding("log.true", FAILED, message, runs=[seen.run])
    silent = _says_nothing(exam, found)
    if silent is not None:
        return silent
    return Finding("log.true", PASSED, f"exit codes, times and ids agree in {len(found)} entries")


def _says_nothing(exam: "Examination", found: "list[tuple[Seen, Entry]]") -> Finding | None:
    """Say where the first entry has no word of what was called: which command, with what."""
    words = [word for word in exam.program.rest if _PLAIN_WORD.fullmatch(word)]
    entries = [entry for seen, entry in found if seen is exam.first]
    if not words or not entries:
        return None
    told = [entries[0].get(name) for name in ("command", "params", "args", "parameters")]
    written = json.dumps(told).lower()
    if REDACTED.lower() in written or any(word.lower() in written for word in words):
        return None
    message = f"neither command nor params say what was called: no {words[0]!r} in them"
    return Finding("log.true", FAILED, message, shown(written), [exam.first.run])


def contradictions(seen: "Seen", entry: "Entry") -> "Iterator[tuple[str, str, Any]]":
    """Yield what an entry says that is not what was seen: (field, what was seen, what it says)."""
    run, meta = seen.run, seen.response.meta
    if "exit_code" in entry and entry["exit_code"] != run.exit_code:
        yield "exit_code", str(run.exit_code), entry["exit_code"]
    wanted = meta.get("trace_id") if seen.kind in _OTHER_IDS else run.trace_id
    if entry.get("trace_id") is not None and wanted and entry["trace_id"] != wanted:
        yield "trace_id", str(wanted), entry["trace_id"]
    took, said = entry.get("duration_ms"), meta.get("duration_ms")
    if isinstance(took, bool) or not isinstance(took, (int, float)) or not 0 <= took < 1e15:
        if took is not None:
            yield "duration_ms", "a number of milliseconds", took
    elif took > run.wall_ms + _SLACK_MS:
        yield "duration_ms", f"{run.wall_ms} at most", took
    elif isinstance(said, (int, float)) and abs(took - said) > max(_SLACK_MS, 0.2 * abs(said)):
        yield "duration_ms", f"{said:g} in the response", took
    at = moment(entry.get("timestamp"))
    if entry.get("timestamp") is not None and (
        at is None
        or not run.started - _SLACK_S <= at <= run.started + run.wall_ms / 1000 + _SLACK_S
    ):
        yield "timestamp", "during the call", entry["timestamp"]


def _appended(exam: "Examination", every: Finding, early: "Listing | None") -> Finding:
    if exam.log_faults:
        return Finding(
            "log.appended", FAILED, exam.log_faults[0], exam.log.path if exam.log else ""
        )
    late = exam.listing
    compared = early is not None and early.fault is None and early.entries
    if early is not None and compared and late is not None and late.fault is None:
        ended = [entry for entry in early.entries if entry.get("exit_code") is not None]
        still = {json.dumps(entry, sort_keys=True) for entry in late.entries}
        lost = [entry for entry in ended if json.dumps(entry, sort_keys=True) not in still]
        if lost and not late.run.stdout.cut:
            message = "an entry that was listed after the first call is gone or changed"
            return Finding("log.appended", FAILED, message, shown(str(lost[0])), [late.run])
    if exam.log is not None and exam.log.is_database and compared:
        message = "it is a database; former entries are listed unchanged"
        return Finding("log.appended", PASSED, message, exam.log.path)
    if exam.log is not None and exam.log_watched and _is_in(exam):
        message = f"its former bytes were all there after each of {exam.log_watched} calls"
        return Finding("log.appended", PASSED, message, exam.log.path)
    if every.status == FAILED and exam.log is None:
        return Finding("log.appended", NOT_APPLICABLE, "there is no log")
    if exam.log is None or not _is_in(exam):
        message = "its file was not found: whether entries were written anew cannot be seen"
        return Finding("log.appended", UNKNOWN, message, needs=LOG_FILE)
    message = "the log was empty before the only call"
    return Finding("log.appended", UNKNOWN, message, needs=PROBE)


def _is_in(exam: "Examination") -> bool:
    """Tell whether the file that was watched is one that has a call of ours."""
    assert exam.log is not None
    ids = ((seen.run, seen.response.request_id or seen.run.trace_id) for seen in exam.seen)
    return any(holds(exam.log.path, own, run.started) for run, own in ids)


def _filters(exam: "Examination", found: "list[tuple[Seen, Entry]]") -> Finding:
    command = exam.audit_command()
    if command is None or exam.listing is None or exam.listing.fault is not None or not found:
        return Finding("log.filters", NOT_APPLICABLE, "there is no answer to be filtered")
    _, entry = found[-1]
    filters = [("--limit", "1", _limited), ("--trace-id", str(entry.get("trace_id")), _traced)]
    if isinstance(entry.get("command"), str):
        filters.append(("--command", entry["command"], _commanded))
    runs: list[Run] = []
    for option, value, right in filters:
        run = exam.runner.run(
            f"audit-log {option}", [*command, option, value], exam.trace_id("filter")
        )
        runs.append(run)
        listing = listing_of(run)
        if listing.fault is not None or not right(listing.entries, value):
            message = f"{option}: {listing.fault or 'it lists something else'}"
            return Finding("log.filters", FAILED, message, runs=[run])
    return Finding("log.filters", PASSED, "--limit, --trace-id, --command", runs=runs)


def _limited(entries: "list[Entry]", value: str) -> bool:
    return len(entries) == int(value)


def _traced(entries: "list[Entry]", value: str) -> bool:
    return bool(entries) and all(str(each.get("trace_id")).startswith(value) for each in entries)


def _commanded(entries: "list[Entry]", value: str) -> bool:
    return bool(entries) and all(str(each.get("command")).startswith(value) for each in entries)
