"""No secret reaches the disk from a command line that was misspelt, refused or passed on."""

import pytest

from conftest import Home

CANARY = "hunter2zz"
SHORT = "zzS7"  # too short to be looked for within a word

CLICK = """
import click
from tooltrail.integrations.click import instrument

@click.group()
@click.option("--token", "-t")
@click.option("--tone")
@click.option("-v", count=True)
def cli(token, tone, v): pass

@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def ex(rest): pass

@cli.command()
@click.option("--login", type=(str, str), metavar="USER PASSWORD")
def pair(login): pass

instrument(cli, tool="app")
cli(prog_name="app")
"""
TYPER = """
import typer
from typing import Annotated
from tooltrail.integrations.typer import instrument

app = typer.Typer()

@app.callback()
def root(name: str = "x"): print(name)

@app.command()
def login(user: str, secret_word: str,
          password: Annotated[str, typer.Option("-p", "--pp")] = "none"): pass

@app.command()
def other(): pass

instrument(app, tool="app")
app(prog_name="app")
"""
CYCLOPTS = """
from dataclasses import dataclass
from typing import Annotated
from cyclopts import App, Parameter
from tooltrail.integrations.cyclopts import instrument

@dataclass
class Db:
    host: str = "h"
    password: str = "none"

app = App(name="app")

@app.command
def login(user: str, password: str, *,
          api_key: Annotated[str, Parameter(name=["--k", "-k"])] = "none",
          db: Db = Db()): pass

@app.command
def other(): pass

instrument(app, tool="app")
app()
"""
FIRE = """
from fire import Fire
from tooltrail.integrations.fire import instrument

class Tool:
    def login(self, user, password): pass

instrument(lambda: Fire(Tool, name="app"), tool="app")()
"""
ARGPARSE = """
import argparse
from tooltrail.integrations.argparse import instrument

@instrument(tool="app")
def main():
    parser = argparse.ArgumentParser(prefix_chars="-+")
    parser.add_argument("-v", action="store_true")
    parser.add_argument("++token")
    parser.add_argument("--tokens", type=bytes.fromhex)
    parser.add_argument("--pair", nargs=2, metavar=("USER", "PASSWORD"))
    parser.add_argument("--set", action="append", type=lambda text: text.split("="))
    commands = parser.add_subparsers(dest="command")
    login = commands.add_parser("login")
    login.add_argument("-p", dest="password")
    login.add_argument("-v", action="store_true")
    login.add_argument("word", metavar="PASSWORD", nargs="?")
    star = commands.add_parser("star")
    star.add_argument("rest", nargs="*")
    ex = commands.add_parser("exec")
    ex.add_argument("rest", nargs=argparse.REMAINDER)
    parser.parse_args()
main()
"""
CASES = [
    *(
        (CLICK, line)
        for line in (
            "-t S",
            "-tS",
            "-t S --help",
            "-t S --nope",
            "--bad -t S",
            "-t S ex",
            "--tok S",
            "--to=S",
            "--tokn S ex",
            "--toekn=S",
            "-vtS --bad",
            "-vt S --bad",
            "ex --password S",
            "ex -- --password S",
            "pair --login joe S",
            "pair --login joe S --bad",
        )
    ),
    *(
        (TYPER, line)
        for line in (
            "login u x -pS --bad",
            "login u x -pS --help",
            "login u x -p S",
            "--pp S login",
            "--p S login",
            "logn u S",
            "logn u x -p S",
        )
    ),
    *(
        (CYCLOPTS, line)
        for line in (
            "login u x -k S --help",
            "login u x --k S --bad",
            'login u x --db {"password":"S"',
            "logn u S",
            "logn u x -k S",
        )
    ),
    *((FIRE, line) for line in ("nologin S", "logn u S", "login u S --bad=1")),
    *(
        (ARGPARSE, line)
        for line in (
            "login -pS --help",
            "login -p S -h",
            "++tok=S --bad",
            "++tok S --bad",
            "--tokens S",
            "login -vpS --bad",
            "-vpS login",
            "-vpS login --bad",
            "--pair joe S",
            "--pair joe S --bad",
            "--set password=S",
            "star -- --password S",
            "exec mysql -pS",
            "exec curl -u me:S",
        )
    ),
]


@pytest.mark.parametrize("secret", [CANARY, SHORT])
@pytest.mark.parametrize(
    ("tool", "line"), CASES, ids=lambda value: value if len(value) < 60 else ""
)
def test_no_secret_of_a_line_that_went_wrong_or_on_reaches_the_disk(
    home: Home, tool: str, line: str, secret: str
) -> None:
    """By abbreviated, misspelt, clustered and misplaced flags, and behind misspelt commands."""
    home.python(tool, *line.replace("S", secret).split())
    assert home.end("app")
    written = [path for path in home.path.rglob("*") if path.is_file() and path.suffix != ".py"]
    assert not [path for path in written if secret.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("tool", "line", "shown"),
    [
        (CLICK, "--tone loud --bad", "loud"),
        (CLICK, "-t S --tone loud --bad", "loud"),
        (CYCLOPTS, "othr", "othr"),
        (TYPER, "logn u", "logn"),
        (FIRE, "nologin", "nologin"),
    ],
)
def test_what_is_no_secret_stays_in_a_line_that_was_refused(
    home: Home, tool: str, line: str, shown: str
) -> None:
    """The error of a line must still be understood."""
    home.python(tool, *line.split())
    assert shown in home.end("app")["process"]["argv"]
