"""Whether a call becomes dearer as its log grows: logs of 10 MB and 1 GB against an empty one.

The log of 1 GB is as it comes to be: sealed segments of 100 MB, and an active one that is nearly
full.
"""

import os
import shutil
import subprocess
from hashlib import sha256
from itertools import pairwise
from json import loads
from pathlib import Path

import _measure
from _measure import Figure, Program, Workshop

TITLE = "log_growth: one recorded call of a Click hello-world"
SIZES = {"10 MB": 10_000_000, "1 GB": 1_000_000_000}
_SEGMENT, _NEARLY_FULL = 100_000_000, 99_000_000
_BATCH_LINES = 10_000  # even: begin and end alternate

_HELLO = """\
import click
from tooltrail.integrations.click import instrument

@click.command()
@click.option("--name", default="world")
def hello(name):
    click.echo(f"Hello, {name}!")

instrument(hello, tool="hello")
if __name__ == "__main__":
    hello()
"""


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time the same call with a log that began empty and with large ones."""
    empty = Figure("a log that began empty")
    script = place.write("growth/hello.py", _HELLO)
    programs = [Program(empty, [place.python, script], place.environment("log-empty"))]
    last_lines: dict[Path, bytes] = {}
    for name, size in SIZES.items():
        environment = place.environment(f"log-{name.replace(' ', '-')}")
        bar = 1.02 if name == "1 GB" else None
        figure = Figure(f"a log of {name}", peer=empty, at_most=bar)
        program = Program(figure, [place.python, script], environment)
        log = Path(environment["HOME"], ".local/share/hello/audit.jsonl")
        last_lines[log] = grow_in_segments(log, size, program)
        programs.append(program)
    _measure.time_programs(programs, rounds)
    for log, last in last_lines.items():
        check_went_on(log, last)
        shutil.rmtree(log.parent)
    return [program.figure for program in programs]


def grow_in_segments(log: Path, size: int, program: Program) -> bytes:
    """Lengthen a log to `size`, letting calls of `program` seal it; return the last line."""
    while True:
        subprocess.run(program.argv, env=program.environment, stdout=subprocess.DEVNULL, check=True)
        left = size - sum(file.stat().st_size for file in log.parent.iterdir())
        if left < _NEARLY_FULL:
            return grow(log, max(left, 0))
        grow(log, _SEGMENT)


def grow(log: Path, size: int) -> bytes:
    """Lengthen a log that holds one call by repeating that call; return the last line.

    The copies differ in their request id, and continue `seq` and the chain.
    """
    *_, begin, end = log.read_bytes().splitlines()
    request_id: str = loads(begin)["request_id"]
    seq: int = loads(end)["seq"]
    # `v`, `seq` and `prev` are written anew; all that follows is kept.
    rests = [line[line.index(b',"logged_at"') :].decode() for line in (begin, end)]
    line, written = end, log.stat().st_size
    with open(log, "ab", buffering=0) as file:
        while written < size:
            batch = []
            for position in range(_BATCH_LINES):
                seq += 1
                rest = rests[position % 2].replace(request_id, f"req_{seq // 2:026d}")
                prev = sha256(line).hexdigest()
                line = f'{{"v":1,"seq":{seq},"prev":"sha256:{prev}"{rest}'.encode("ascii")
                batch.append(line)
            written += file.write(b"\n".join(batch) + b"\n")
        os.fsync(file.fileno())  # so that it is not written back while we measure
    return line


def check_went_on(log: Path, last: bytes) -> None:
    """Fail unless the measured calls really continued the chain after `last`."""
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 2_000_000))
        lines = file.read().splitlines()
    lines = lines[lines.index(last) :]
    if len(lines) < 3:
        raise SystemExit(f"{log.name}: the calls were not recorded")
    for before, line in pairwise(lines):
        entry, previous = loads(line), loads(before)
        if entry["seq"] != previous["seq"] + 1 or entry["prev"] != (
            "sha256:" + sha256(before).hexdigest()
        ):
            raise SystemExit(f"{log.name}: line {entry['seq']} does not continue the chain")


if __name__ == "__main__":
    _measure.main(TITLE, measure)
