"""What start-up files cost a program that is no CLI, and what they cost the smallest that is one.

`python -c pass` in an environment with `tooltrail instrument enable`, against the same in a plain
one. And a console script that does nothing, recorded against bare.
"""

import subprocess
import sys
from pathlib import Path

import _measure
from _measure import Figure, Program, Workshop

TITLE = "start-up: an enabled environment"

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "bench-nothing"
version = "0"

[project.scripts]
bench-nothing = "bench_nothing:main"
bench-parser = "bench_nothing:parse"
"""
_NOTHING = """\
def main():
    pass


def parse():
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="world")
    print("hello", parser.parse_args().name)
"""


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time the same programs in two environments that differ by the start-up files only."""
    place.write("nothing/pyproject.toml", _PROJECT)
    place.write("nothing/bench_nothing.py", _NOTHING)
    plain, enabled = (_environment(place, name) for name in ("plain", "enabled"))
    subprocess.run(
        [str(place.bin / "tooltrail"), "instrument", "enable", "--venv", str(enabled)],
        env=place.environment("startup"),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    wrapped = [str(place.bin / "tooltrail"), "run"]
    pass_ = Figure("python -c pass, plain")
    nothing = Figure("console script that does nothing, bare")
    parser = Figure("console script that says hello with argparse, bare")
    run = Figure("tooltrail run -- console script")
    figures = {
        pass_: [f"{plain}/bin/python", "-c", "pass"],
        Figure("python -c pass, enabled", peer=pass_, at_most=1.05): [
            *(f"{enabled}/bin/python", "-c", "pass")
        ],
        nothing: [f"{plain}/bin/bench-nothing"],
        Figure("the same, enabled", peer=nothing): [f"{enabled}/bin/bench-nothing"],
        parser: [f"{plain}/bin/bench-parser"],
        Figure("argparse, enabled", peer=parser): [f"{enabled}/bin/bench-parser"],
        run: [*wrapped, "--", f"{plain}/bin/bench-nothing"],
        Figure("tooltrail run --instrument", peer=run): [
            *(*wrapped, "--instrument", "--", f"{plain}/bin/bench-nothing")
        ],
    }
    environment = place.environment("startup")
    programs = [Program(figure, argv, environment) for figure, argv in figures.items()]
    _measure.time_programs(programs, rounds)
    return list(figures)


def _environment(place: Workshop, name: str) -> Path:
    """Make an environment with the console scripts in it, and nothing of tooltrail."""
    folder = place.folder / name
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, str(place.folder / "nothing")], check=False).returncode:
        raise SystemExit("pip could not install the console scripts")
    return folder


if __name__ == "__main__":
    _measure.main(TITLE, measure)
