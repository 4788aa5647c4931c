"""Bare, enabled and wrapped runs of a job, held against each other and against the table."""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from .observe import BARE, ENABLED, WRAPPED, Place, Seen
from .tools import Job
from .venvs import REPOSITORY

BY_NAME, ARGV, NOTHING = "by name", "argv", "not recorded"
_SAME = "identical"


@dataclass
class Verdict:
    """What the runs of one job came to; no faults is good."""

    job: str
    params: str = NOTHING
    output: str = _SAME
    exit_code: int = 0
    faults: list[str] = field(default_factory=list)
    entry: dict[str, Any] = field(default_factory=dict)


def judge(place: Place, job: Job) -> Verdict:
    """Run a job twice bare, once in an enabled environment, once under the wrapper."""
    first, again = place.run(job, BARE), place.run(job, BARE)
    verdict = Verdict(job.name, exit_code=first.exit_code)
    if first.exit_code != job.exit_code:
        verdict.faults.append(f"bare: exit code {first.exit_code}, not {job.exit_code}")
    if job.differs:
        verdict.output = f"{_SAME} but for {', '.join(what for what, _ in job.differs)}"
    verdict.faults += _differences(job, first, again, "bare, once more")
    for mode in (ENABLED, WRAPPED):
        seen = place.run(job, mode)
        verdict.faults += _differences(job, first, seen, mode)
        faults = [*_recorded(job, seen, verdict), *_outside_of_schema(seen)]
        verdict.faults += [f"{mode}: {fault}" for fault in faults]
    return verdict


def _differences(job: Job, bare: Seen, other: Seen, mode: str) -> list[str]:
    faults = []
    if bare.exit_code != other.exit_code:
        faults.append(f"{mode}: exit code {other.exit_code}, bare {bare.exit_code}")
    for name in ("stdout", "stderr"):
        before, after = (_blanked(getattr(seen, name), job) for seen in (bare, other))
        if before != after:
            faults.append(f"{mode}: {name} differs: {_first_difference(before, after)}")
    for path in sorted(bare.files.keys() | other.files.keys()):
        if bare.files.get(path) != other.files.get(path):
            faults.append(f"{mode}: the file {path} differs")
    return faults


def _blanked(text: bytes, job: Job) -> bytes:
    for _, pattern in job.differs:
        text = re.sub(pattern, b"...", text)
    return text


def _first_difference(before: bytes, after: bytes) -> str:
    lines = zip(_lines(before), _lines(after), strict=False)
    old, new = next((pair for pair in lines if pair[0] != pair[1]), (b"line ends", b"line ends"))
    return f"{old[:300]!r} became {new[:300]!r}"


def _lines(text: bytes) -> list[bytes]:
    return [*text.splitlines(), b"(end)"]


def _recorded(job: Job, seen: Seen, verdict: Verdict) -> list[str]:
    """Hold what the log says of the tool against the table."""
    calls = seen.calls_of(job.log)
    found = {line["tool"] for line in seen.lines if line.get("recorder") == "tool"}
    children = found - {job.log}
    faults = []
    if children != set(job.children):
        faults.append(f"the children {sorted(children)} are recorded, not {sorted(job.children)}")
    if not job.recorded:
        return faults + ([f"{len(calls)} entries, none expected"] if calls else [])
    if len(calls) != 1:
        return [*faults, f"{len(calls)} entries, not 1"]
    (entry,) = calls
    verdict.entry = entry
    params = entry["params"]
    verdict.params = ARGV if set(params) == {"argv"} else BY_NAME
    expected: dict[str, Any] = {
        "exit_code": None if job.replaced else job.exit_code,
        "command": job.command or job.log,
    }
    if job.replaced:
        expected["outcome"] = "replaced"
    faults += [
        f"{name} {entry.get(name)!r}, not {value!r}"
        for name, value in expected.items()
        if entry.get(name) != value
    ]
    for name, value in (job.params or {}).items():
        if params.get(name) != value:
            faults.append(f"params.{name} {params.get(name)!r}, not {value!r}")
    begins = len(seen.begins_of(job.log))
    if job.ends_only and begins:
        faults.append("there is a begin line")
    if not job.ends_only and not begins:
        faults.append("there is no begin line")
    return faults


def _outside_of_schema(seen: Seen) -> list[str]:
    return [
        f"{line.get('tool')}, {line.get('event')}: {error.json_path}: {error.message[:200]}"
        for line in seen.lines
        for error in _validator().iter_errors(line)
    ]


@cache
def _validator() -> Draft202012Validator:
    schema = REPOSITORY / "src" / "tooltrail" / "schema" / "entry-v1.schema.json"
    return Draft202012Validator(json.loads(schema.read_text()))
