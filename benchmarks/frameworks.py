"""What recording costs a hello-world in each framework: instrumented by its author, against bare.

Each framework is timed by itself: bare, bare once more (which is the noise), with the least that
writes two chained lines (`by_hand`), and recorded, in the same rounds.
"""

from pathlib import Path

import _measure
from _measure import Figure, Program, Workshop

TITLE = "frameworks: one call of a hello-world, observed"

_PACKAGES = ("rich-click", "typer", "cyclopts", "fire")
_PROGRAM = """\
import sys
{imports}

def main():
    name = sys.argv[1] if len(sys.argv) > 1 else "world"
    print(f"Hello, {{name}}!")

{instrument}
if __name__ == "__main__":
    sys.exit(main())
"""
_ARGPARSE = """\
import argparse
import sys
{imports}

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="world")
    print(f"Hello, {{parser.parse_args().name}}!")

{instrument}
if __name__ == "__main__":
    sys.exit(main())
"""
_CLICK = """\
import click
{imports}

@click.command()
@click.option("--name", default="world")
def main(name):
    click.echo(f"Hello, {{name}}!")

{instrument}
if __name__ == "__main__":
    main()
"""
_TYPER = """\
import typer
{imports}

main = typer.Typer()


@main.command()
def hello(name: str = "world"):
    print(f"Hello, {{name}}!")

{instrument}
if __name__ == "__main__":
    main()
"""
_CYCLOPTS = """\
import cyclopts
{imports}

main = cyclopts.App()


@main.default
def hello(name: str = "world"):
    print(f"Hello, {{name}}!")

{instrument}
if __name__ == "__main__":
    main()
"""
_FIRE = """\
import fire
{imports}

def hello(name="world"):
    print(f"Hello, {{name}}!")


def main():
    fire.Fire(hello)

{instrument}
if __name__ == "__main__":
    main()
"""
_INSTRUMENT = 'main = instrument(main, tool="hello")\n'
_BY_HAND = """\
call = by_hand.call("hello")
next(call)
atexit.register(next, call)
"""
_LEAST = Path(__file__).with_name("by_hand.py")
_HELLOS = {  # the framework: its hello-world, and the integration that records it
    "nothing": (_PROGRAM, "program"),
    "argparse": (_ARGPARSE, "argparse"),
    "click": (_CLICK, "click"),
    "rich-click": (_CLICK.replace("import click", "import rich_click as click"), "click"),
    "typer": (_TYPER, "typer"),
    "cyclopts": (_CYCLOPTS, "cyclopts"),
    "fire": (_FIRE, "fire"),
}


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time the hello-world of each framework: bare, with two lines by hand, and recorded."""
    if not place.install(*_PACKAGES):
        raise SystemExit(f"pip could not install {', '.join(_PACKAGES)}")
    figures = []
    for framework, (text, integration) in _HELLOS.items():
        bare = Figure(f"{framework}, bare")
        noise = Figure(f"{framework}, bare once more (noise)", peer=bare)
        least = Figure(f"{framework}, two lines by hand", peer=bare)
        ours = Figure(f"{framework}, observed", peer=bare, at_most=1.05)
        imports = f"from tooltrail.integrations.{integration} import instrument"
        programs = [
            _hello(place, bare, text),
            _hello(place, noise, text),
            _hello(place, least, text, imports="import atexit, by_hand", instrument=_BY_HAND),
            _hello(place, ours, text, imports=imports, instrument=_INSTRUMENT),
        ]
        _measure.time_programs(programs, rounds)
        figures += [program.figure for program in programs]
    return figures


def _hello(
    place: Workshop, figure: Figure, text: str, *, imports: str = "", instrument: str = ""
) -> Program:
    """Write a hello-world of its own folder and home, named after its figure."""
    name = "".join(char if char.isalnum() else "-" for char in figure.name)
    script = place.write(f"{name}/hello.py", text.format(imports=imports, instrument=instrument))
    place.write(f"{name}/by_hand.py", _LEAST.read_text())
    return Program(figure, [place.python, script], place.environment(name))


if __name__ == "__main__":
    _measure.main(TITLE, measure)
