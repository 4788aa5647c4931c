"""What questions cost on logs of 10^5, 10^6 and 5 x 10^6 entries, against grep, ripgrep and sqlite.

    python benchmarks/queries.py [--entries 100000 1000000 5000000] [--rounds 11] [--plot FILE.svg]

By itself, not in `run_all`: the largest log is 3 GB, and takes minutes to write. ripgrep and GNU
time are used where they are installed.
"""

import argparse
import gzip
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import _measure
import generate_log
from _measure import Figure, Program, Workshop

ROUNDS, ENTRIES = 11, (100_000, 1_000_000, 5_000_000)
SEGMENTS = 50
BIG_TRACE = 10_000  # calls
MAX_MEMORY_MB = 150
_OF_A_SIZE = re.compile(r"(.+), ([\d,]+)( compressed| sealed)?")
_OURS = ("one trace", "last hour", "stats")
_LOADS = """\
import json, sys
for file in sys.argv[1:]:
    for line in open(file, "rb"):
        json.loads(line)
"""
_DUCKDB = """\
import sys, duckdb
kinds = {"event": "VARCHAR", "tool": "VARCHAR", "command": "VARCHAR"}
kinds |= {"exit_code": "INTEGER", "duration_ms": "BIGINT"}
lines = duckdb.read_json(sys.argv[1:], format="newline_delimited", columns=kinds)
print(duckdb.sql(
    "select tool, command, count(*), count(*) filter (exit_code <> 0), sum(duration_ms),"
    " max(duration_ms), quantile_disc(duration_ms, [0.5, 0.95, 0.99])"
    " from lines where event = 'end' group by all"
).fetchall())
"""
_SQLITE = """\
import sqlite3, sys
for row in sqlite3.connect(sys.argv[1]).execute(
    "select line from entries where trace_id = ?", (sys.argv[2],)
):
    print(row[0])
"""


@dataclass
class Log:
    """A home with one log of so many entries."""

    environment: dict[str, str]
    entries: int

    @property
    def files(self) -> list[Path]:
        """Its segments, in order."""
        folders = Path(self.environment["HOME"], ".local/share")
        return sorted(
            folders.glob("*/audit*.jsonl*"), key=lambda path: (path.name == "audit.jsonl")
        )

    def some_trace(self) -> str:
        """Return the id of a trace in the middle of the log."""
        file = self.files[len(self.files) // 2]
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as lines:
            if file.suffix != ".gz":
                lines.seek(file.stat().st_size // 2)
            lines.readline()
            for line in lines:
                if b'"event":"end"' in line:
                    return str(json.loads(line)["trace_id"])
        raise SystemExit(f"no call is in {file}")


def make(place: Workshop, entries: int, *, compress: bool = False, **more: int) -> Log:
    """Write a log; with `compress` in sealed segments, each with its side files."""
    name = f"log-{entries}{'-gz' if compress else ''}{'-trace' if more else ''}"
    log = Log(place.environment(name), entries)
    segments = SEGMENTS if compress else 1
    generate_log.generate(Path(log.environment["HOME"]), entries, segments=segments, **more)
    if compress:  # what a reading command does in the background
        active = [str(file) for file in log.files if file.name == "audit.jsonl"]
        keep = [place.python, "-m", "tooltrail.trust.retain", *active]
        subprocess.run(keep, env=log.environment, check=True)
    return log


def tooltrail(place: Workshop, log: Log, figure: Figure, *arguments: str) -> Program:
    """Return the program that asks our question."""
    return Program(figure, [str(place.bin / "tooltrail"), *arguments], log.environment)


def one_trace(place: Workshop, log: Log, rounds: int) -> list[Figure]:
    """Find one trace in a plain log."""
    trace, files = log.some_trace(), list(map(str, log.files))
    size = f"{log.entries:,}"
    plain = {**log.environment, "LC_ALL": "C"}
    grep = Figure(f"grep -F, {size}")
    programs = [Program(grep, ["/usr/bin/grep", "-F", trace, *files], plain)]
    ripgrep = Figure(f"rg -F, {size}")
    if rg := shutil.which("rg"):
        programs.append(Program(ripgrep, [rg, "-F", trace, *files], plain))
    large = log.entries > 1_000_000 and bool(rg)
    ours = Figure(
        f"one trace, {size}",
        peer=ripgrep if large else grep,
        at_most=1.0 if log.entries >= 1_000_000 else None,
    )
    programs.append(tooltrail(place, log, ours, "trace", trace, "--output", "json"))
    _measure.time_programs(programs, rounds)
    return [program.figure for program in programs]


def last_hour(place: Workshop, log: Log, rounds: int) -> list[Figure]:
    """Find the first calls of the last of 30 days' hours; the same on an empty log."""
    empty = Log(place.environment("log-none"), 0)
    folder = Path(empty.environment["HOME"], ".local/share/none")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.jsonl").touch()
    since = generate_log.END_LESS_AN_HOUR
    asked = ("log", "--since", since, "--limit", "100", "--output", "jsonl")
    none = Figure("last hour, an empty log")
    ours = Figure(f"last hour, {log.entries:,}", peer=none, at_most=1.3)
    programs = [tooltrail(place, empty, none, *asked), tooltrail(place, log, ours, *asked)]
    _measure.time_programs(programs, rounds)
    return [none, ours]


def compressed(place: Workshop, log: Log, rounds: int) -> list[Figure]:
    """Find one trace in sealed, compressed segments; against rg -z and an index on a tenth."""
    trace, files = log.some_trace(), list(map(str, log.files))
    size = f"{log.entries:,} compressed"
    database = index_a_tenth(place, log)
    indexed = Figure("sqlite3 with an index, a tenth of it")
    script = place.write("queries/indexed.py", _SQLITE)
    programs = [Program(indexed, [place.python, script, database, trace], log.environment)]
    peers = [Figure(f"one trace, {size}, and sqlite3", peer=indexed, at_most=1.0)]
    if rg := shutil.which("rg"):
        ripgrep = Figure(f"rg -F -z, {size}")
        programs.append(Program(ripgrep, [rg, "-F", "-z", trace, *files], log.environment))
        peers.append(Figure(f"one trace, {size}", peer=ripgrep, at_most=0.3))
    ours = tooltrail(place, log, Figure("ours"), "trace", trace, "--output", "json")
    programs.append(ours)
    _measure.time_programs(programs, rounds)
    for peer in peers:
        peer.values = ours.figure.values
    return [program.figure for program in programs[:-1]] + peers


def index_a_tenth(place: Workshop, log: Log) -> str:
    """Put a tenth of a log's lines into sqlite, with an index on the trace; return the file."""
    path = place.folder / f"tenth-{log.entries}.db"
    base = sqlite3.connect(path)
    base.execute("create table entries (trace_id text, line text)")
    for file in log.files[: max(1, len(log.files) // 10)]:
        with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as lines:
            rows = ((json.loads(line).get("trace_id"), line) for line in lines)
            base.executemany("insert into entries values (?, ?)", rows)
    base.execute("create index by_trace on entries (trace_id)")
    base.commit()
    base.close()
    return str(path)


def statistics(place: Workshop, log: Log, rounds: int, sealed: Log | None = None) -> list[Figure]:
    """Count calls, failures and quantiles per command over everything; against DuckDB.

    `sealed`: the same calls in sealed segments, which were counted before.
    """
    if not place.install("duckdb"):
        return []
    duckdb = Figure(f"DuckDB read_json, {log.entries:,}")
    script = place.write("queries/duck.py", _DUCKDB)
    programs = [Program(duckdb, [place.python, script, *map(str, log.files)], log.environment)]
    ours = Figure(f"stats, {log.entries:,}", peer=duckdb, at_most=2.5)
    programs.append(tooltrail(place, log, ours, "stats", "--output", "json"))
    if sealed is not None:
        again = Figure(f"stats, {log.entries:,} sealed", peer=duckdb, at_most=1.0)
        programs.append(tooltrail(place, sealed, again, "stats", "--output", "json"))
    _measure.time_programs(programs, rounds)
    return [program.figure for program in programs]


def big_trace(place: Workshop, rounds: int) -> list[Figure]:
    """Rebuild and print a trace of 10,000 calls; against parsing its lines and no more."""
    log = make(place, BIG_TRACE, calls_in_a_trace=BIG_TRACE)
    loads = Figure(f"json.loads of the lines of {BIG_TRACE:,} calls")
    script = place.write("queries/loads.py", _LOADS)
    programs = [Program(loads, [place.python, script, *map(str, log.files)], log.environment)]
    ours = Figure(f"a trace of {BIG_TRACE:,} calls", peer=loads, at_most=3.0)
    programs.append(
        tooltrail(place, log, ours, "trace", log.some_trace(), "--output", "tree", "--exact")
    )
    _measure.time_programs(programs, rounds)
    return [loads, ours]


def told(figures: list[Figure]) -> list[Figure]:
    """Print figures as soon as they are there."""
    print(_measure.table("", figures), flush=True)
    return figures


def memory(place: Workshop, log: Log) -> str:
    """Return how much memory each question takes at most, as lines of text."""
    lines = []
    for asked in (
        ("trace", log.some_trace(), "--output", "json"),
        ("log", "--since", generate_log.END_LESS_AN_HOUR, "--output", "jsonl"),
        ("log", "--command", "deploy", "--failed", "--output", "jsonl"),
        ("log", "--tail", "100", "--output", "jsonl"),
        ("stats", "--output", "json"),
    ):
        argv = [str(place.bin / "tooltrail"), *asked]
        pid = os.posix_spawn(
            argv[0],
            argv,
            log.environment,
            file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)],
        )
        _, status, usage = os.wait4(pid, 0)
        megabytes = usage.ru_maxrss / 1024
        state = "met" if megabytes <= MAX_MEMORY_MB and not status else "NOT MET"
        words = " ".join(word for word in asked[:4])
        lines.append(f"{words:70}  {megabytes:6.0f} MB  <= {MAX_MEMORY_MB}  {state}")
    return "\n".join(lines)


def plot(figures: list[Figure], path: str) -> None:
    """Draw what each question costs against the number of entries. Needs matplotlib."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    curves: dict[str, list[tuple[int, float]]] = {}
    for figure in figures:
        found = _OF_A_SIZE.fullmatch(figure.name)
        if found is not None:
            point = int(found[2].replace(",", "")), median(figure.values) / 1000
            curves.setdefault(found[1] + (found[3] or ""), []).append(point)
    drawn, axes = pyplot.subplots(figsize=(8, 5))
    ours = [name for name in curves if name.startswith(_OURS)]
    for name in (*ours, *(name for name in curves if name not in ours)):
        style = {"marker": "o"} if name in ours else {"marker": "x", "linestyle": ":"}
        axes.plot(*zip(*sorted(curves[name]), strict=True), label=name, **style)
    axes.set(xscale="log", yscale="log", xlabel="entries", ylabel="seconds")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    drawn.tight_layout()
    drawn.savefig(path, metadata={"Date": None})


def main() -> None:
    """Print a table for each size, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--entries", type=int, nargs="+", default=list(ENTRIES))
    parser.add_argument("--plot", metavar="FILE.svg", help="draw the cost curve (matplotlib)")
    asked = parser.parse_args()
    figures: list[Figure] = []
    with _measure.workshop() as place:
        figures += told(big_trace(place, asked.rounds))
        for entries in asked.entries:
            log, sealed = make(place, entries), make(place, entries, compress=True)
            figures += told(one_trace(place, log, asked.rounds))
            figures += told(last_hour(place, log, asked.rounds))
            figures += told(statistics(place, log, max(3, asked.rounds // 3), sealed))
            figures += told(compressed(place, sealed, max(3, asked.rounds // 3)))
            print(memory(place, log), flush=True)
            print(memory(place, sealed), flush=True)
            for home in (log, sealed):
                shutil.rmtree(home.environment["HOME"])
    print(_measure.table(f"queries ({asked.rounds} rounds)", figures))
    if asked.plot:
        plot(figures, asked.plot)


if __name__ == "__main__":
    sys.exit(main())
