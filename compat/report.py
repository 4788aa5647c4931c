"""The table of `docs/compatibility.md`, written between two marks of that page."""

import platform
import statistics
from pathlib import Path
from typing import Any

from .tools import TOOLS

_BEGIN, _END = "<!-- made by compat/run.py -->", "<!-- end of what it made -->"
_BAR = 1.02
_TOO_NOISY = 0.02  # half the distance between the quartiles of bare against bare


def write(page: Path, found: dict[str, Any]) -> None:
    """Put the table into the page, in the order of the tools; the rest of the page stays."""
    text = page.read_text() if page.exists() else f"# Compatibility\n\n{_BEGIN}\n{_END}\n"
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{table(found)}\n\n{_END}{after}")


def table(found: dict[str, Any]) -> str:
    """Return the table: a row for each job."""
    rows = [
        ("tool", "framework", "job", "exit code", "params", "output", "bare", "noise", "enabled",
         "`run --instrument`"),
    ]  # fmt: skip
    for tool in TOOLS:
        result = found.get(tool.name)
        for number, job in enumerate(result["jobs"] if result else ()):
            name = (f"{result['version']}", result["framework"]) if number == 0 else ("", "")
            rows.append((*name, *_cells(job)))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join([*lines, "", _summary(found)])


def _cells(job: dict[str, Any]) -> tuple[str, ...]:
    times = job["times"]
    faults = "; ".join(job["faults"]).replace("|", "\\|")
    output = f"**{faults}**" if faults else job["output"]
    if times is None:
        measured: tuple[str, ...] = ("", "", "", "")
    else:
        measured = (
            f"{times['bare_ms']:.0f} ms",
            f"±{times['noise']:.3f}",
            f"{times['enabled']:.3f} ({times['enabled_added_ms']:+.0f} ms)",
            f"{times['wrapped']:.3f} ({times['wrapped_added_ms']:+.0f} ms)",
        )
    return (job["job"], str(job["exit_code"]), job["params"], output, *measured)


def _summary(found: dict[str, Any]) -> str:
    jobs = [job for result in found.values() for job in result["jobs"]]
    machine = f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}"
    times = [job["times"] for job in jobs if job["times"]]
    if not times:
        return f"{len(jobs)} jobs, {machine}."
    quiet = [each["enabled"] for each in times if each["noise"] <= _TOO_NOISY]
    within = sum(ratio <= _BAR for ratio in quiet)
    added = statistics.median(each["enabled_added_ms"] for each in times)
    return (
        f"{len(jobs)} jobs, {machine}. Of the {len(times)} that were timed,"
        f" {len(times) - len(quiet)} cannot be judged, their noise being above ±{_TOO_NOISY};"
        f" of the other {len(quiet)},"
        f" {within} are within {_BAR} times in an enabled environment. The median of what was added"
        f" is {added:.0f} ms of processor time."
    )
