"""The one tool, as each framework has it: how it is run, and what each framework can do."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from conftest import ENVELOPE_VALIDATOR, PYTHON, Home

APPS = Path(__file__).parent / "apps"
WITH_COMMANDS = ("click", "rich_click", "typer", "cyclopts", "argparse", "fire")
WITH_OPTIONS = (*WITH_COMMANDS, "optparse")
ALL = (*WITH_OPTIONS, "program")

Done = subprocess.CompletedProcess[bytes]


def command_line(framework: str, *arguments: str) -> list[str]:
    """Return the command that runs the tool."""
    name = "click" if framework == "rich_click" else framework
    return [PYTHON, str(APPS / f"{name}_app.py"), *arguments]


def environment(home: Home, framework: str, mode: str, **more: str) -> dict[str, str]:
    """Return the environment in which the tool is bare, or observed, or answers."""
    rich = {"SPEC_RICH": "1"} if framework == "rich_click" else {}
    said = str(home.path / "child")
    plain = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return home.environment(SPEC_MODE=mode, CHILD_SAID=said, **plain, **rich, **more)


def run(home: Home, framework: str, mode: str, *arguments: str, **more: str) -> Done:
    """Run the tool to its end."""
    return subprocess.run(
        command_line(framework, *arguments),
        env=environment(home, framework, mode, **more),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@cache
def bare(framework: str, *arguments: str, **more: str) -> Done:
    """Run the tool as if tooltrail did not exist; what it does is the same each time."""
    plain = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "CHILD_SAID": os.devnull}
    rich = {"SPEC_RICH": "1"} if framework == "rich_click" else {}
    return subprocess.run(
        command_line(framework, *arguments),
        env={**os.environ, "SPEC_MODE": "bare", **plain, **rich, **more},
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def answer(done: Done) -> dict[str, Any]:
    """Return the one response on stdout, held to its schema."""
    response: dict[str, Any] = json.loads(done.stdout)
    ENVELOPE_VALIDATOR.validate(response)
    assert list(response) == ["ok", "data", "error", "warnings", "meta"]
    return response


def kept_bytes(home: Home) -> bytes:
    """Return all that was written below a home."""
    return b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
