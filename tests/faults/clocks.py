"""Writers whose clocks disagree: the order of the log stays, and lines say where time was held."""

import json
import os
import random
import sys
import time
from datetime import datetime
from pathlib import Path

import tooltrail

from .checker import Check
from .site import Site
from .table import Promise
from .traps import tell

_TOOL = "clockctl"
_SHIFTS_S = (0, 0, 3600, -3600, 1, -1)
_FAR_S = 600  # further behind than any call waits for the lock


def clocks(root: Path, seed: str, calls: int, processes: int) -> list[Promise]:
    """Make calls from writers whose clocks jump by an hour, forward and back."""
    fault = "clocks that jump"
    site = Site(root / "clocks")
    acknowledged = _make_calls(site, seed, calls, processes)
    check = site.check(_TOOL)
    ends = check.events_of("end")
    clamped = [event for event in check.events if event.get("clamped")]
    order = f"{len(check.events)} lines of {processes} writers, {len(clamped)} clamped"
    missing = acknowledged ^ {event["request_id"] for event in ends}
    return [
        Promise(fault, "seq and logged_at rise in the order of the file", order, check.problems),
        Promise(
            fault,
            "clamped where the writer's clock was behind, and only there",
            f"{len(ends)} calls of shifted clocks",
            [*_wrongly_clamped(check), *([] if clamped else ["no line was clamped at all"])],
        ),
        Promise(fault, "every call is there, once", f"{len(acknowledged)}", sorted(missing)),
    ]


def _make_calls(site: Site, seed: str, calls: int, processes: int) -> set[str]:
    """Return the request ids of the calls that were answered."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    workers = []
    for number in range(processes):
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            _work(site, random.Random(f"{seed}/clocks/{number}"), calls // processes, writing)
        workers.append(pid)
    os.close(writing)
    with os.fdopen(reading) as said:
        acknowledged = {json.loads(line)["ended"] for line in said}
    for pid in workers:
        if os.waitpid(pid, 0)[1]:
            raise RuntimeError("a worker failed")
    return acknowledged


def _work(site: Site, rng: random.Random, calls: int, pipe: int) -> None:
    code = 1
    try:
        os.environ.clear()
        os.environ.update(site.environment)
        true = time.time_ns
        for _ in range(calls):
            shift = rng.choice(_SHIFTS_S) * 10**9
            time.time_ns = lambda shift=shift: true() + shift
            with tooltrail.invocation(_TOOL, "work", {"shift_s": shift // 10**9}) as call:
                pass
            tell(pipe, ended=call.request_id)
        code = 0
    finally:
        os._exit(code)


def _wrongly_clamped(check: Check) -> list[str]:
    """A call's own timestamp tells how far its clock is behind the log's."""
    problems = []
    last = ""
    for event in check.events:
        if "timestamp" in event:
            behind = (_time(last) - _time(event["timestamp"])).total_seconds()
            if behind > _FAR_S and not event.get("clamped"):
                problems.append(f"seq {event['seq']}: {behind:.0f} s behind, and not clamped")
            if event.get("clamped") and event["timestamp"] > last:
                problems.append(f"seq {event['seq']}: clamped, and its call began after {last}")
        last = event["logged_at"]
    return problems


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
