"""What recording costs a hello-world in each framework: instrumented by its author, against bare.

Each framework is timed by itself: bare, bare once more (which is the noise) and recorded, in the
same rounds.
"""

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
    """Time the hello-world of each framework, bare and recorded."""
    if not place.install(*_PACKAGES):
        raise SystemExit(f"pip could not install {', '.join(_PACKAGES)}")
    figures = []
    for framework in _HELLOS:
        bare = Figure(f"{framework}, bare")
        programs = [
            _hello(place, bare, framework),
            _hello(place, Figure(f"{framework}, bare once more (noise)", peer=bare), framework),
            _hello(
                place,
                Figure(f"{framework}, observed", peer=bare, at_most=1.05),
                framework,
                recorded=True,
            ),
        ]
        _measure.time_programs(programs, rounds)
        figures += [program.figure for program in programs]
    return figures


def _hello(place: Workshop, figure: Figure, framework: str, *, recorded: bool = False) -> Program:
    """Write a hello-world of its own folder and home, named after its figure."""
    text, integration = _HELLOS[framework]
    text = text.format(
        imports=f"from tooltrail.integrations.{integration} import instrument" if recorded else "",
        instrument='main = instrument(main, tool="hello")\n' if recorded else "",
    )
    name = "".join(char if char.isalnum() else "-" for char in figure.name)
    script = place.write(f"{name}/hello.py", text)
    return Program(figure, [place.python, script], place.environment(name))


if __name__ == "__main__":
    _measure.main(TITLE, measure)
