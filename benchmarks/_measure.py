"""What the benchmarks share: a throw-away installation, interleaved runs, ratios, one table.

A figure stands beside a peer that was run in the same rounds, A B A B, because the same command
varies more from minute to minute than what is measured here.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parent.parent
_WARM_UPS = 3  # compile what is not compiled yet, fill the page cache
_PIP_READS = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy")
MS, RECORDS = "ms", "records/s"


@dataclass(eq=False)
class Figure:
    """One thing measured: a value for each round, and the peer of those rounds."""

    name: str
    unit: str = MS
    peer: "Figure | None" = None
    at_most: float | None = None
    at_least: float | None = None
    values: list[float] = field(default_factory=list)

    def ratio(self) -> float | None:
        """Return the ratio of the medians."""
        return median(self.values) / median(self.peer.values) if self.peer else None

    def pairwise(self) -> float | None:
        """Return the median of the ratios of each round, by which the bar is judged.

        A machine that changes its pace in mid-run moves the ratio of the medians, not this one.
        """
        if self.peer is None:
            return None
        return median(a / b for a, b in zip(self.values, self.peer.values, strict=True))

    def bar(self) -> str:
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return "" if self.at_least is None else f">= {self.at_least:g}"

    def verdict(self) -> str:
        ratio = self.pairwise()
        if ratio is None or not self.bar():
            return ""
        too_high = self.at_most is not None and ratio > self.at_most
        too_low = self.at_least is not None and ratio < self.at_least
        return "NOT MET" if too_high or too_low else "met"


@dataclass
class Program:
    """A process to time, and the figure that its times go to."""

    figure: Figure
    argv: Sequence[str]
    environment: dict[str, str]


class Workshop:
    """A folder with a venv that this repository was installed into, not editable."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        self.python = str(self.bin / "python")

    def install(self, *packages: str) -> bool:
        """Install packages with pip; tell whether that worked."""
        pip = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        settings = {name: os.environ[name] for name in os.environ if name.startswith(_PIP_READS)}
        environment = {**self.environment("pip"), **settings}
        return subprocess.run([*pip, *packages], env=environment, check=False).returncode == 0

    def environment(self, home: str) -> dict[str, str]:
        """Return a small environment with a home of this name, made when first asked for."""
        path = self.folder / "homes" / home
        path.mkdir(parents=True, exist_ok=True)
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": str(path), "LANG": "C.UTF-8"}

    def write(self, name: str, text: str) -> str:
        """Write a file into the workshop; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """Make a workshop with the repository and Click in it, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="tooltrail-bench-") as folder:
        place = Workshop(Path(folder))
        subprocess.run([sys.executable, "-m", "venv", str(Path(folder) / "venv")], check=True)
        if not place.install(str(REPOSITORY), "click"):
            raise SystemExit("pip could not install the repository and click")
        yield place


def time_programs(programs: Sequence[Program], rounds: int) -> None:
    """Run the programs one after another in each round, another one first each time."""
    for program in programs:
        for _ in range(_WARM_UPS):
            _time(program)
    for round_number in range(rounds):
        first = round_number % len(programs)
        for program in (*programs[first:], *programs[:first]):
            program.figure.values.append(_time(program))


def _time(program: Program) -> float:
    """Return how many ms it took from before the spawn until it was reaped."""
    devnull = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
    started = time.perf_counter()
    pid = os.posix_spawn(program.argv[0], program.argv, program.environment, file_actions=devnull)
    _, status = os.waitpid(pid, 0)
    taken = (time.perf_counter() - started) * 1000
    if status:
        raise SystemExit(f"{program.figure.name}: {program.argv} ended with status {status}")
    return taken


def table(title: str, figures: Sequence[Figure]) -> str:
    """Lay the figures out, each with its ratio to the peer named last."""
    rows = [("", "median", "unit", "ratio", "pairwise", "bar", "", "against")]
    for each in figures:
        middle = median(each.values)
        rows.append(
            (
                each.name,
                f"{middle:,.0f}" if middle >= 1000 else f"{middle:.2f}",
                each.unit,
                "" if each.peer is None else f"{each.ratio():.3f}",
                "" if each.peer is None else f"{each.pairwise():.3f}",
                each.bar(),
                each.verdict(),
                "" if each.peer is None else each.peer.name,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"\n{title}", *lines])


def main(title: str, measure: Callable[[Workshop, int], list[Figure]]) -> None:
    """Run one benchmark by itself, as its command line asks."""
    rounds = rounds_from_command_line(title)
    with workshop() as place:
        print(table(f"{title} ({rounds} rounds)", measure(place, rounds)))


def rounds_from_command_line(description: str) -> int:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=100, help="how often each is run (100)")
    rounds: int = parser.parse_args().rounds
    return rounds
