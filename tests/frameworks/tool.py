"""The one tool, as each framework has it: how it is run, and what each framework can do."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from conftest import ENVELOPE_VALIDATOR, PYTHON, Home

APPS = Path(__file__).parent / "apps"
ALL = ("click", "rich_click", "typer", "cyclopts", "argparse", "fire", "optparse", "program")

# What a framework has no notion of: no test is collected for it. A new framework has all of it,
# or says here why not.
LACKS = {
    "options": {"program": "reads sys.argv by hand"},
    "commands": {
        "optparse": "its first argument says what to do, and the author reads it",
        "program": "the same",
    },
    "types": {"program": "all arguments are text"},
    "version": {"fire": "has no --version", "program": "has no options"},
    "own exit": {
        "cyclopts": "ends by what a command returns, or by sys.exit",
        "fire": "the same",
        "program": "the same",
    },
    "plugins": {"optparse": "has no commands", "program": "has no commands"},
    "own log": {"optparse": "has no commands", "program": "has no commands"},
    "chaining": {
        "typer": "its groups run one command",
        "cyclopts": "runs one command",
        "argparse": "runs one subcommand",
        "fire": "calls members of what the first call returned: one command",
        "optparse": "has no commands",
        "program": "has no commands",
    },
    "async": {
        "click": "runs no coroutines",
        "rich_click": "runs no coroutines",
        "typer": "runs no coroutines",
    },
    "completion": {
        "fire": "prints a script on `-- --completion`; asks for nothing while somebody types",
        "optparse": "has none",
        "program": "has none",
    },
}


def having(*abilities: str) -> tuple[str, ...]:
    """Return the frameworks that have these abilities, all of them."""
    return tuple(one for one in ALL if not any(one in LACKS[ability] for ability in abilities))


# rich-click's commands are Click's own: values and settings are no other with it.
DISTINCT = tuple(one for one in ALL if one != "rich_click")
WITH_COMMANDS = having("options", "commands")
WITH_OPTIONS = having("options")

Done = subprocess.CompletedProcess[bytes]

_PLAIN = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}


def command_line(framework: str, *arguments: str) -> list[str]:
    """Return the command that runs the tool."""
    return [PYTHON, str(APPS / f"{module_of(framework)}.py"), *arguments]


def module_of(framework: str) -> str:
    """Return the name of the module that has the tool; rich-click's is Click's."""
    return f"{framework.removeprefix('rich_')}_app"


def variables(framework: str, mode: str) -> dict[str, str]:
    """Return the variables that make the tool bare, or observed, or answer."""
    rich = {"SPEC_RICH": "1"} if framework == "rich_click" else {}
    return {**_PLAIN, **rich, "SPEC_MODE": mode}


def environment(home: Home, framework: str, mode: str, **more: str) -> dict[str, str]:
    """Return the environment in which the tool is bare, or observed, or answers."""
    said = str(home.path / "child")
    return home.environment(CHILD_SAID=said, **variables(framework, mode), **more)


def run(home: Home, framework: str, mode: str, *arguments: str, **more: str) -> Done:
    """Run the tool to its end."""
    return finished(command_line(framework, *arguments), environment(home, framework, mode, **more))


@cache
def bare(framework: str, *arguments: str, **more: str) -> Done:
    """Run the tool as if tooltrail did not exist; what it does is the same each time."""
    told = {"CHILD_SAID": os.devnull, **variables(framework, "bare"), **more}
    return finished(command_line(framework, *arguments), {**os.environ, **told})


def finished(command: list[str], env: dict[str, str], **options: Any) -> Done:
    """Run a process to its end, and return the bytes that it printed."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    if "stdout" not in options:
        options["capture_output"] = True
    return subprocess.run(command, env=env, timeout=60, check=False, **options)


def seen(done: Done) -> tuple[bytes, bytes, int]:
    """Return all that a caller sees of a tool."""
    return done.stdout, done.stderr, done.returncode


def answer(done: Done) -> dict[str, Any]:
    """Return the one response on stdout, held to its schema."""
    response: dict[str, Any] = json.loads(done.stdout)
    ENVELOPE_VALIDATOR.validate(response)
    assert list(response) == ["ok", "data", "error", "warnings", "meta"]
    return response


def kept_bytes(home: Home) -> bytes:
    """Return all that was written below a home."""
    return b"".join(file.read_bytes() for file in home.path.rglob("*") if file.is_file())
