"""What recording costs a real job: interleaved rounds, and the median of their ratios.

Each round runs the job bare, bare once more, enabled and wrapped, in an order that
turns about. The wall time is what the bar is about. Beside it stands by how much the
lowest time on the processor rose, which other programs on the machine hardly change.
"""

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from .observe import BARE, ENABLED, WRAPPED, Place
from .tools import Job

AGAIN = "bare, once more"
_MODES = (BARE, AGAIN, ENABLED, WRAPPED)


@dataclass
class Times:
    """Wall and processor times of a job, in ms: a value for each mode and round."""

    wall: dict[str, list[float]] = field(default_factory=lambda: {mode: [] for mode in _MODES})
    processor: dict[str, list[float]] = field(default_factory=lambda: {mode: [] for mode in _MODES})

    def ratio(self, mode: str) -> float:
        """Return the median of the ratios to bare of each round, of wall times."""
        return median(self._ratios(mode))

    def added_ms(self, mode: str) -> float:
        """Return by how much the lowest processor time is above the lowest bare one."""
        return min(self.processor[mode]) - min(self.processor[BARE] + self.processor[AGAIN])

    def spread(self) -> float:
        """Return half the distance between the quartiles of bare against bare: the noise."""
        low, _, high = quantiles(self._ratios(AGAIN), n=4)
        return (high - low) / 2

    def _ratios(self, mode: str) -> list[float]:
        return [a / b for a, b in zip(self.wall[mode], self.wall[BARE], strict=True)]


def measure(place: Place, job: Job, rounds: int) -> Times:
    """Time a job so many rounds, after one that fills the caches."""
    times = Times()
    _round(place, job, Times(), _MODES)
    for number in range(rounds):
        _round(place, job, times, _MODES if number % 2 else _MODES[::-1])
    return times


def _round(place: Place, job: Job, times: Times, modes: Sequence[str]) -> None:
    for mode in modes:
        place.fresh(job, keep_logs=True)
        if mode == ENABLED:
            place.instrument("enable")
        try:
            wall, processor = _timed(place, job, mode)
        finally:
            if mode == ENABLED:
                place.instrument("disable")
        times.wall[mode].append(wall)
        times.processor[mode].append(processor)


def _timed(place: Place, job: Job, mode: str) -> tuple[float, float]:
    """Return wall and processor ms of one run, from before the spawn until it was reaped."""
    argv, environment = place.argv(job, mode), place.environment(job)
    devnull = subprocess.DEVNULL
    started = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=place.folder, env=environment, stdin=devnull, stdout=devnull, stderr=devnull
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != job.exit_code:
        raise SystemExit(f"{job.name}, {mode}: exit code {process.returncode}")
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000
