"""The kill storm: calls whose processes die at any moment, and what the logs say afterwards."""

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from .checker import Check, receipt_problem
from .lives import CLICK, FORK, WRAPPER, Lives, Plan, Testimony
from .site import TOOLTRAIL, Site
from .table import Promise

ROTATE_AT = "64000"  # bytes, the least that can be set
_TOOL = "stormctl"
_PROGRAMS = 12  # every so many lives, one is a real program


def storm(root: Path, seed: str, calls: int, processes: int) -> list[Promise]:
    """Make calls in one log and kill every process that makes them."""
    fault = "kill storm"
    site = Site(root / "storm", TOOLTRAIL_ROTATE_AT=ROTATE_AT)
    lives = Lives(site, processes)
    told = lives.run(_plans(seed), calls)
    promises = [_kills(fault, told, processes), *_judged(fault, site, lives, told)]
    _say_deaths(told)
    return promises


def births(root: Path, seed: str, logs: int, processes: int) -> list[Promise]:
    """Kill those who begin new logs: the first line, the registry, the first rotation."""
    fault = "killed at birth of a log"
    site = Site(root / "births", TOOLTRAIL_ROTATE_AT=ROTATE_AT)
    lives = Lives(site, processes)
    told = lives.run(_births(seed, logs), calls=1 << 30)
    return [_kills(fault, told, processes), *_judged(fault, site, lives, told)]


def _plans(seed: str) -> Iterator[Plan]:
    number = 0
    while True:
        number += 1
        kind = FORK
        if number % _PROGRAMS == 0:
            kind = CLICK if number // _PROGRAMS % 2 else WRAPPER
        shift = 0 if number % 40 else (3600 if number % 80 else -3600)
        yield Plan(f"{seed}/storm", number, _TOOL, kind, shift)


def _births(seed: str, logs: int) -> Iterator[Plan]:
    for number in range(logs * 6):
        plan = Plan(f"{seed}/birth", number, f"born-{number // 6:03d}", FORK)
        if plan.place is not None and number % 6 < 4:
            plan.at //= 3  # while the log is being made
        yield plan


def _kills(fault: str, told: Testimony, processes: int) -> Promise:
    lives = ", ".join(f"{count} {kind}" for kind, count in sorted(told.lives.items()))
    count = f"{told.calls} calls, {told.kills} SIGKILLs, {processes} at a time ({lives})"
    problems = [f"{told.garbled} lines from the processes were garbled"] if told.garbled else []
    return Promise(fault, "(what was done)", count, problems)


def _judged(fault: str, site: Site, lives: Lives, told: Testimony) -> list[Promise]:
    """Read the logs as the crashes left them, then write to each once more, and judge.

    A log whose first writer died too early is registered when somebody first reads it.
    """
    outcomes = {entry["request_id"]: entry for entry in site.entries()}
    _write_once_more(site)
    checks = {tool: site.check(tool) for tool in site.tools()}
    said = [line for line in lives.stderr_text().splitlines() if line]
    known = {line["request_id"] for c in checks.values() for line in c.events_of("begin")}
    open_calls = set().union(*(check.open_calls for check in checks.values()))
    missing = [f"{request_id}: no begin" for request_id in told.begun if request_id not in known]
    return [
        Promise(fault, "nobody went unrecorded or was told so", "", said + told.warnings),
        _responses(fault, checks, told),
        Promise(fault, "every acknowledged begin is in the log", f"{len(told.begun)}", missing),
        _resolved(fault, open_calls, outcomes, told),
        *_chains(fault, {**checks, "logs.jsonl": site.registry()}, told),
        _prepared(fault, site, checks),
        _registered(fault, site, checks),
        _verified(fault, site, told),
    ]


def _write_once_more(site: Site) -> None:
    code = (
        "import sys\nfrom tooltrail import Invocation\nfrom tooltrail.entry import Ending\n"
        "for tool in sys.argv[1:]:\n"
        "    with Invocation(tool) as call:\n"
        "        call.begin('last', {}); call.finish(Ending(0))\n"
    )
    done = site.run(TOOLTRAIL.replace("/tooltrail", "/python"), "-c", code, *site.tools())
    if done.returncode or done.stderr:
        raise RuntimeError(f"the call after the storm failed: {done.stderr}")


def _responses(fault: str, checks: dict[str, Check], told: Testimony) -> Promise:
    problems = []
    for response in told.responses:
        request_id = response["meta"]["request_id"]
        log = checks.get(told.logs[request_id])
        if log is None:
            problems.append(f"{request_id}: its log is gone")
        elif problem := receipt_problem(log, response["meta"]["receipt"], request_id):
            problems.append(problem)
    count = f"{len(told.responses)}"
    return Promise(fault, "every response seen has its end line: hash, seq, log", count, problems)


def _resolved(
    fault: str, open_calls: set[str], outcomes: "dict[str, dict[str, object]]", told: Testimony
) -> Promise:
    problems = [
        f"{request_id}: {outcomes.get(request_id, {}).get('outcome', 'not listed')}"
        for request_id in sorted(open_calls)
        if outcomes.get(request_id, {}).get("outcome") != "vanished"
    ]
    seen = [request_id for request_id in told.suicides if request_id not in open_calls]
    for request_id in seen:
        entry = outcomes.get(request_id, {})
        if (entry.get("outcome"), entry.get("signal")) != ("killed", "SIGKILL"):
            problems.append(f"{request_id}: {entry.get('outcome')}, and its wrapper saw SIGKILL")
    count = f"{len(open_calls)} vanished, {len(seen)} killed"
    return Promise(fault, "every call without an end is resolved", count, problems)


def _chains(fault: str, checks: dict[str, Check], told: Testimony) -> list[Promise]:
    lines = sum(len(check.events) for check in checks.values())
    segments = sum(check.segments for check in checks.values())
    problems = [problem for check in checks.values() for problem in check.problems]
    found: Counter[tuple[str, str]] = Counter()
    by_kernel: set[tuple[str, str]] = set()
    sound: set[str] = set()
    for check in checks.values():
        for stump in (*check.stumps, *check.unmarked):
            key = str(check.path), sha256(stump).hexdigest()
            found[key] += 1
            if stump in check.ends_a_page:
                by_kernel.add(key)
        sound |= {line_hash.removeprefix("sha256:") for line_hash in check.hashes}
    expected = Counter(
        (file, stump)
        for file, stump in told.stumps
        if file.endswith(".jsonl") and stump not in sound  # all but the newline: a line
    )
    torn = [f"told, and not in the log: {stump}" for stump in expected - found]
    untold = found - expected
    torn += [f"torn, and nobody told: {stump}" for stump in untold if stump not in by_kernel]
    unmarked = [stump for check in checks.values() for stump in check.unmarked]
    if len(unmarked) > told.bare_newlines:
        torn += [f"no healed_bytes after it: {stump[:80]!r}" for stump in unmarked]
    marks = f"{found.total()} torn ({untold.total()} by the kernel), {len(unmarked)} unmarked"
    return [
        Promise(
            fault,
            "one chain, seq gapless, times in order, seals and open lists right",
            f"{lines} lines in {segments} segments of {len(checks)} logs",
            problems,
        ),
        Promise(fault, "exactly the torn lines are torn, and marked", marks, torn),
    ]


def _prepared(fault: str, site: Site, checks: dict[str, Check]) -> Promise:
    """A `.next` may be left by a writer that died before it sealed: then it follows no line."""
    left = sorted(site.data.glob("*/audit.jsonl.next"))
    problems = []
    for file in left:
        line = file.read_bytes().partition(b"\n")[0]
        prev = line.partition(b'"prev":"')[2][:71].decode("ascii", "replace")
        event = checks[file.parent.name].hashes.get(prev)
        if event is not None:
            problems.append(f"{file} follows seq {event['seq']}, and was not put into place")
    count = f"{len(left)} left, of writers that never sealed"
    return Promise(fault, "no .next is left that matters", count, problems)


def _registered(fault: str, site: Site, checks: dict[str, Check]) -> Promise:
    problems = []
    times = Counter(line["log"] for line in site.registry().events_of("register"))
    for tool, check in checks.items():
        for log in sorted(set(check.log_ids)):
            if not times[log]:
                problems.append(f"{tool}: {log} is not registered")
    count = f"{len(checks)} logs, {sum(times.values()) - len(times)} of them twice"
    return Promise(fault, "the registry has every log", count, problems)


def _verified(fault: str, site: Site, told: Testimony) -> Promise:
    promise = "tooltrail verify --receipts agrees"
    if site.run(TOOLTRAIL, "verify", "--help").returncode:
        return Promise.skip(fault, promise, "there is no such command yet")
    receipts = site.root / "receipts.jsonl"
    receipts.write_text("".join(json.dumps(answer) + "\n" for answer in told.responses))
    done = site.run(TOOLTRAIL, "verify", "--receipts", str(receipts))
    problems = []
    if done.returncode:
        problems = [f"exit code {done.returncode}", *(done.stdout + done.stderr).splitlines()]
    return Promise(fault, promise, f"{len(told.responses)} receipts", problems)


def _say_deaths(told: Testimony) -> None:
    """Print where the traps sprang: what was not hit was not tested."""
    print(f"{sum(told.deaths.values())} traps sprang, at {len(told.deaths)} places:")
    places = Counter[str]()
    for death, count in told.deaths.items():
        places[death.rpartition(" in ")[2]] += count
    for place, count in sorted(places.items(), key=lambda item: (-item[1], item[0])):
        print(f"  {count:5d}  {place}")
