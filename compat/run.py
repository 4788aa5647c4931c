"""Run the jobs of real tools with instrumentation on and off, and write the table of the docs.

    python -m compat.run                       every tool
    python -m compat.run sqlite-utils black    these; the others' rows stay as they were
    python -m compat.run --rounds 0            nothing is timed

The exit code is 1 where a job came to anything else than the table says.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import report
from .compare import judge
from .observe import ENABLED, WRAPPED, Place
from .overhead import AGAIN, Times, measure
from .server import serving
from .tools import TOOLS, Tool
from .venvs import REPOSITORY, Cache

_PAGE = REPOSITORY / "docs" / "compatibility.md"


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="real tools, with instrumentation on and off")
    parser.add_argument("tools", nargs="*", help="only these (all)")
    parser.add_argument("--rounds", type=int, default=15, help="how often a job is timed (15)")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".venv" / "compat")
    options = parser.parse_args()
    if options.rounds == 1 or options.rounds < 0:
        parser.error("--rounds: 0, or at least 2, so that the noise is known")
    unknown = sorted(set(options.tools) - {tool.name for tool in TOOLS})
    if unknown:
        parser.error(f"no such tool: {', '.join(unknown)}; there are: {_names()}")
    chosen = [tool for tool in TOOLS if tool.name in options.tools or not options.tools]
    cache = Cache(options.cache)
    results = Results(cache.folder / "results.json")
    tooltrail = cache.tooltrail()
    faults = 0
    with serving() as port:
        for tool in chosen:
            found = results.found[tool.name] = _examine(
                cache, tool, tooltrail, port, options.rounds
            )
            faults += sum(len(job["faults"]) for job in found["jobs"])
            results.save()
            report.write(_PAGE, results.found)
    return 1 if faults else 0


def _names() -> str:
    return ", ".join(tool.name for tool in TOOLS)


class Results:
    """What the tools came to, kept so that some can be run again by themselves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def save(self) -> None:
        self._path.write_text(json.dumps(self.found, indent=1))


def _examine(cache: Cache, tool: Tool, tooltrail: Path, port: int, rounds: int) -> dict[str, Any]:
    """Return the verdict on each job of a tool, with its times, as plain values."""
    venv = cache.environment_of(tool)
    place = Place(cache.folder / "runs" / tool.name, venv, tooltrail, port)
    place.folder.parent.mkdir(parents=True, exist_ok=True)
    before = _listing(venv)
    jobs = []
    for job in tool.jobs:
        verdict = asdict(judge(place, job))
        timed = job.timed and rounds and not verdict["faults"]
        verdict["times"] = _plain(measure(place, job, rounds)) if timed else None
        print(f"{tool.name}: {job.name}: {verdict['params']}, {_times_of(verdict)}", flush=True)
        for fault in verdict["faults"]:
            print(f"    {fault}", flush=True)
        jobs.append(verdict)
    left = sorted(_listing(venv) ^ before)
    if left:
        jobs[-1]["faults"].append(f"`disable` left the environment changed: {left[:5]}")
        print(f"    {jobs[-1]['faults'][-1]}", flush=True)
    pins = " ".join(tool.requires).replace("==", " ")
    return {"framework": tool.framework, "version": pins, "jobs": jobs}


def _plain(times: Times) -> dict[str, Any]:
    return {
        "rounds": len(times.wall[ENABLED]),
        "bare_ms": sorted(times.wall["bare"])[len(times.wall["bare"]) // 2],
        "again": times.ratio(AGAIN),
        "noise": times.spread(),
        "enabled": times.ratio(ENABLED),
        "enabled_added_ms": times.added_ms(ENABLED),
        "wrapped": times.ratio(WRAPPED),
        "wrapped_added_ms": times.added_ms(WRAPPED),
    }


def _times_of(verdict: dict[str, Any]) -> str:
    times = verdict["times"]
    if times is None:
        return "not timed"
    return ", ".join(f"{name} {value:.3f}" for name, value in times.items())


def _listing(venv: Path) -> set[str]:
    """Return the files of an environment, but for what Python compiles as it runs."""
    return {
        str(path.relative_to(venv)) for path in venv.rglob("*") if "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    sys.exit(main())
