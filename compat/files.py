"""The files that the jobs work on: each function fills a folder, with the same bytes each time."""

import csv
import random
import shutil
import sqlite3
import subprocess
import sysconfig
import zipfile
from pathlib import Path

_ROWS, _MANY = 20_000, 60_000
_STAMP = (2026, 1, 2, 3, 4, 5)
_GIT = {
    "PATH": "/usr/bin:/bin",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


def nothing(folder: Path) -> None:
    """An empty folder will do."""


def rows(count: int) -> list[tuple[int, str, str, float]]:
    """Return so many rows of a table of sales."""
    chance = random.Random(4)
    towns = ("Kyiv", "Lima", "Oslo", "Pune")
    return [
        (number, f"customer {number}", chance.choice(towns), round(chance.uniform(1, 900), 2))
        for number in range(count)
    ]


def table(folder: Path) -> None:
    """`sales.csv`: 20,000 rows."""
    with (folder / "sales.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "customer", "town", "amount"))
        writer.writerows(rows(_ROWS))


def database(folder: Path) -> None:
    """`sales.db`: 60,000 such rows, in SQLite."""
    with sqlite3.connect(folder / "sales.db") as connection:
        connection.execute("create table sales (id integer primary key, customer, town, amount)")
        connection.executemany("insert into sales values (?, ?, ?, ?)", rows(_MANY))
    connection.close()


def package(folder: Path) -> None:
    """`source`: a real package of the standard library, as its authors wrote it."""
    _from_library(folder, "email")


def packages(folder: Path) -> None:
    """`source`: two real packages of the standard library."""
    for name in ("email", "json"):
        _from_library(folder, name)


def _from_library(folder: Path, name: str) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted((library / name).glob("*.py")):
        (folder / "source" / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / "source" / name / path.name)


def wheel(folder: Path) -> None:
    """`sample-1.0-py3-none-any.whl`: a module, and a long description in Markdown."""
    info = "sample-1.0.dist-info"
    lines = "".join(f"\n## Part {n}\n\n- one\n- *two*\n\n> said\n" for n in range(1200))
    metadata = (
        "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\nSummary: A sample\n"
        f"Description-Content-Type: text/markdown\n\n# Sample\n{lines}"
    )
    files = {
        "sample.py": "ANSWER = 42\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / "sample-1.0-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(name, _STAMP), text)


def requirements(folder: Path) -> None:
    """`requirements.txt`: one pinned package."""
    (folder / "requirements.txt").write_text("click==8.1.0\n")


def repository(folder: Path) -> None:
    """A git repository with files, and two hooks of its own, one of which objects."""
    for number in range(400):
        (folder / f"note{number}.txt").write_text(f"note {number}\n" * 500)
    (folder / "note7.txt").write_text("trailing space \n")
    (folder / "look.py").write_text(
        "import sys\n"
        "bad = [n for n in sys.argv[1:] if any(l.endswith(' \\n') for l in open(n))]\n"
        "print('trailing space in', ', '.join(bad)) if bad else None\n"
        "sys.exit(bool(bad))\n"
    )
    (folder / ".pre-commit-config.yaml").write_text(
        "repos:\n- repo: local\n  hooks:\n"
        "  - {id: sizes, name: sizes, entry: wc -c, language: system, files: txt$}\n"
        "  - {id: spaces, name: spaces, entry: python look.py, language: system,"
        " files: txt$, require_serial: true}\n"
    )
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first"),
    ):
        subprocess.run(["git", *words], cwd=folder, env=_GIT, check=True)


def template(folder: Path) -> None:
    """`template`: a project template of 150 files, with a hook that runs Python."""
    inside = folder / "template" / "{{cookiecutter.slug}}"
    inside.mkdir(parents=True)
    (folder / "template" / "cookiecutter.json").write_text(
        '{"name": "My Tool", "slug": "{{ cookiecutter.name|lower|replace(\' \', \'-\') }}"}\n'
    )
    for number in range(150):
        text = "# {{ cookiecutter.name }}\n{% for n in range(200) %}{{ n }} {% endfor %}\n"
        (inside / f"part{number}.md").write_text(text)
    hooks = folder / "template" / "hooks"
    hooks.mkdir()
    (hooks / "post_gen_project.py").write_text("print('made {{ cookiecutter.slug }}')\n")


def web_app(folder: Path) -> None:
    """`web.py`: a Flask app with routes, and a command of its own."""
    (folder / "web.py").write_text(
        "import click, json\n"
        "from flask import Flask\n\n"
        "app = Flask(__name__)\n"
        "for n in range(800):\n"
        "    app.add_url_rule(f'/part/{n}/<int:key>', f'part{n}', lambda key: str(key))\n\n\n"
        "@app.cli.command('tally')\n"
        "@click.argument('town')\n"
        "@click.option('--limit', default=10)\n"
        "def tally(town, limit):\n"
        "    print(town, limit)\n"
        "    raise SystemExit(3)\n"
    )


def api_app(folder: Path) -> None:
    """`api.py`: a FastAPI app."""
    (folder / "api.py").write_text(
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
        "@app.get('/')\ndef root():\n    return {'hello': 'world'}\n"
    )


def typer_app(folder: Path) -> None:
    """`greet.py`: a Typer app that is run with the command `typer`."""
    (folder / "greet.py").write_text(
        "import typer\n\napp = typer.Typer()\n\n\n"
        "@app.command()\n"
        "def hello(name: str, times: int = 2):\n"
        "    print(f'hi {name} ' * times)\n"
        "    raise typer.Exit(4)\n\n\n"
        "@app.command()\ndef bye():\n    print('bye')\n"
    )


def cyclopts_app(folder: Path) -> None:
    """`planner.py`: a Cyclopts app of 120 commands."""
    command = (
        "\n\n@app.command\ndef plan{n}(name: str, *, days: int = {n}, dry: bool = False):\n"
        '    """Plan number {n}.\n\n    Parameters\n    ----------\n'
        '    name\n        Whose plan it is.\n    """\n    print(name, days, dry)\n'
    )
    commands = "".join(command.replace("{n}", str(n)) for n in range(120))
    (folder / "planner.py").write_text(
        f"from cyclopts import App\n\napp = App(name='planner', help='Plans.'){commands}"
    )


def rich_app(folder: Path) -> None:
    """`shout.py`: a plain Click app that is run with the command `rich-click`."""
    (folder / "shout.py").write_text(
        "import click\n\n\n@click.group()\ndef cli():\n    'Shouts.'\n\n\n"
        "@cli.command()\n@click.argument('word')\n@click.option('--times', default=2)\n"
        "def out(word, times):\n    'Shout a word.'\n    click.echo(word.upper() * times)\n"
    )


def tests(folder: Path) -> None:
    """`test_sums.py`: 600 tests, one of which fails."""
    (folder / "test_sums.py").write_text(
        "import pytest\n\n\n@pytest.mark.parametrize('n', range(600))\n"
        "def test_sum(n):\n    assert n + n == 2 * n + (n == 77)\n"
    )


def queue(folder: Path) -> None:
    """`work.py`: a Celery app whose broker nobody serves."""
    (folder / "work.py").write_text(
        "from celery import Celery\n\napp = Celery('work', broker='memory://')\n"
    )
