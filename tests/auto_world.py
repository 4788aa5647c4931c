"""Environments in which nothing knows of tooltrail, with tools that pip installed into them.

Made once in each test process. The frameworks are lent by the environment that the tests run in:
its folder of packages is on the path of these, and tooltrail, which is installed there as
editable, is not reached that way.
"""

import subprocess
import sys
import sysconfig
import zipfile
from functools import cache
from pathlib import Path
from shutil import which

from conftest import SOURCE

SITE = SOURCE / "auto" / "site"

_PLAIN = '''
"""A hand-written tool."""
import os
import sys

__version__ = "4.5"


def main():
    """Do what the first argument says."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    print("asked for", asked, flush=True)
    print("a problem", file=sys.stderr)
    if asked == "crash":
        raise ValueError("boom")
    if asked == "chain":
        try:
            int("x")
        except ValueError as error:
            raise RuntimeError("second") from error
    if asked in RETURNS:
        return RETURNS[asked]
    if asked in EXITS:
        sys.exit(EXITS[asked])
    if asked == "osexit":
        os._exit(9)
    if asked == "interrupt":
        raise KeyboardInterrupt
    if asked == "kill":
        os.kill(os.getpid(), 9)
    if asked == "term":
        os.kill(os.getpid(), 15)
    if asked == "exec":
        os.execv(os.path.dirname(sys.argv[0]) + "/tool-click", ["tool-click", "greet", "bob"])
    if asked == "fork":
        pid = os.fork()
        if pid == 0:
            sys.exit(5)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    if asked == "spawn":
        import multiprocessing
        process = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
        process.start()
        process.join()
    if asked == "warn":
        import warnings
        warnings.warn("use another one", DeprecationWarning, stacklevel=2)
        warnings.warn("here", DeprecationWarning, stacklevel=1)
        warnings.warn("far", DeprecationWarning, stacklevel=3)
    if asked == "look":
        import inspect
        import tool_plain
        print(sys.path, sys.argv, "sitecustomize" in sys.modules, os.environ.get("SEEN"))
        print(inspect.signature(tool_plain.main), tool_plain.main.__doc__)
        print(hasattr(tool_plain.main, "__wrapped__"), __name__, sys.modules["__main__"].__file__)
    if asked == "run":
        import subprocess
        sys.exit(subprocess.call(sys.argv[2:]))


class Talkative:
    def __str__(self):
        print("somebody asked", flush=True)
        return "talkative"


RETURNS = {"text": "a message", "300": 300, "true": True, "false": False, "negative": -1,
           "zero": 0, "list": [], "empty": "", "tuple": (3,), "talkative": Talkative()}
EXITS = {"exit7": 7, "exit": None, "exittext": "a message", "exit300": 300, "exitempty": ""}


def late():
    import click

    @click.command()
    @click.argument("name")
    def cli(name):
        click.echo(name)

    cli()


class Program:
    @classmethod
    def start(cls):
        print("a program")
        return 3
'''
_CLICK = """
import click


@click.group()
@click.version_option("9.8")
def cli():
    pass


@cli.command()
@click.argument("name")
@click.option("--times", default=2)
@click.option("--pass", "passcode", hide_input=True)
def greet(name, times, passcode):
    click.echo(f"hi {name} " * times)


@cli.command()
def fail():
    raise ValueError("boom")


def main():
    cli()


def late():
    import click

    @click.command()
    @click.argument("name")
    def cli(name):
        click.echo(name)

    cli()
"""
_TYPER = """
import typer

app = typer.Typer()


@app.command()
def greet(name: str, times: int = 2):
    print(f"hi {name} " * times)


@app.command()
def quit(code: int):
    raise typer.Exit(code)
"""
_CYCLOPTS = """
from cyclopts import App

app = App(name="tool-cyclopts")


@app.command
def greet(name: str, times: int = 2):
    print(f"hi {name} " * times)


@app.command
def quit(code: int):
    return code
"""
_PARSERS = """
import argparse
import optparse
import sys


def by_argparse():
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--times", type=int, default=2)
    values = parser.parse_args()
    print(f"hi {values.name} " * values.times)
    return 0 if values.name != "bad" else 4


def by_optparse():
    parser = optparse.OptionParser()
    parser.add_option("--times", type=int, default=2)
    values, (name,) = parser.parse_args()
    print(f"hi {name} " * values.times)


def by_fire():
    import fire

    fire.Fire({"greet": lambda name, times=2: f"hi {name} " * times})
"""
_WARNS = """
import warnings

warnings.warn("do not import this", DeprecationWarning, stacklevel=2)


def main():
    print("warned")
"""
_BREAKS = """
def deep():
    raise ValueError("while it was imported")


deep()
"""
_PACKAGE = """
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("name")
values = parser.parse_args()
if values.name == "crash":
    raise KeyError("boom")
print("hi", values.name)
"""
_SCRIPTS = {
    "tool-plain": "tool_plain:main",
    "tool-class": "tool_plain:Program.start",
    "tool-click": "tool_click:cli",
    "tool-click-main": "tool_click:main",
    "tool-click-late": "tool_plain:late",
    "tool-typer": "tool_typer:app",
    "tool-cyclopts": "tool_cyclopts:app",
    "tool-argparse": "tool_parsers:by_argparse",
    "tool-optparse": "tool_parsers:by_optparse",
    "tool-warns": "tool_warns:main",
    "tool-breaks": "tool_breaks:main",
    "tool-lacks": "tool_lacks:main",
    "tool-fire": "tool_parsers:by_fire",
}
_MODULES = {
    "tool_plain.py": _PLAIN,
    "tool_click.py": _CLICK,
    "tool_typer.py": _TYPER,
    "tool_cyclopts.py": _CYCLOPTS,
    "tool_parsers.py": _PARSERS,
    "tool_warns.py": _WARNS,
    "tool_breaks.py": _BREAKS,
    "tool_lacks.py": "import no_such_module_at_all\n",
    "tool_package/__init__.py": "",
    "tool_package/__main__.py": _PACKAGE,
}


class World:
    """An environment with the tools in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bin = path / "bin"
        self.python = self.bin / "python"

    def tool(self, name: str) -> str:
        """Return the path of a tool's console script."""
        return str(self.bin / name)

    @property
    def site(self) -> Path:
        """The folder of its packages."""
        (found,) = self.path.glob("lib/python*/site-packages")
        return found

    def listing(self) -> dict[str, bytes]:
        """Return every file below it, with its bytes."""
        return {
            str(path.relative_to(self.path)): path.read_bytes() if path.is_file() else b""
            for path in self.path.rglob("*")
        }


def make(path: Path, python: str = sys.executable) -> World:
    """Make an environment with an interpreter, and have pip install the tools into it."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(path)], check=True)
    world = World(path)
    wheel = _wheel(path.parent / "wheels", "tools", _MODULES, _SCRIPTS)
    install(world, wheel)
    if python == sys.executable:
        (world.site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return world


def install(world: World, wheel: Path) -> None:
    """Have pip install a wheel, without asking any index."""
    pip = [sys.executable, "-m", "pip", "--python", str(world.python), "install", "--quiet"]
    options = ["--no-index", "--no-deps", "--force-reinstall", "--disable-pip-version-check"]
    subprocess.run([*pip, *options, str(wheel)], check=True)


def wheel_of(folder: Path, name: str, modules: dict[str, str], scripts: dict[str, str]) -> Path:
    """Write a wheel that pip can install."""
    return _wheel(folder, name, modules, scripts)


def _wheel(folder: Path, name: str, modules: dict[str, str], scripts: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-1.0.dist-info"
    declared = "".join(f"{script} = {start}\n" for script, start in scripts.items())
    files = {
        **modules,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{declared}",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in files))
    return path


@cache
def world_in(folder: Path) -> World:
    """Return the environment of this test process, made when it is first asked for."""
    return make(folder / "auto-world" / "tools")


@cache
def other_interpreters() -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return the Pythons of other versions that are here, each with its version.

    They are looked for in PATH and beside the interpreter that the tests run with.
    """
    named = [f"python{v}" for v in ("2.7", "3.6", "3.9", "3.10", "3.12", "3.13", "3.14", "3.15")]
    beside = Path(sys.base_prefix).parent.glob("*/bin/python")
    found: dict[tuple[int, int], str] = {}
    for path in [*(which(name) for name in named), *map(str, beside)]:
        ask = "import sys; print('%d %d' % sys.version_info[:2])"
        if path is None:
            continue
        try:
            answer = subprocess.run([path, "-c", ask], capture_output=True, check=True, text=True)
            major, minor = answer.stdout.split()
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
        found.setdefault((int(major), int(minor)), path)
    found.pop(sys.version_info[:2], None)
    return tuple((path, version) for version, path in sorted(found.items()))
