"""What a coding agent's hook told, held against what the tool recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Home, response_in

TOOL = """#!{python}
import sys
import click
from tooltrail.integrations.click import instrument

@click.command()
@click.argument("what")
def tool(what):
    click.echo("done")

instrument(tool, tool="deployctl")
tool(prog_name="deployctl")
"""
SESSION = "5f0f35f5-8a1c-4a5e-9e0b-0d6a3c1f7b42"


@pytest.fixture
def tool(home: Home) -> Path:
    """Return the path of a tool that records itself."""
    path = home.path / "deployctl"
    path.write_text(TOOL.format(python=PYTHON))
    path.chmod(0o755)
    return path


def told(home: Home, event: str, name: str, command: str) -> None:
    """Have the hook of Claude Code tell of a command."""
    fields = {
        "session_id": SESSION,
        "hook_event_name": event,
        "tool_name": "Bash",
        "tool_input": {"command": command},
        "tool_use_id": name,
        "cwd": str(home.path),
        **({"tool_response": {"stdout": "", "stderr": ""}} if event == "PostToolUse" else {}),
    }
    done = home.tooltrail("hook", "handle", "claude-code", input=json.dumps(fields))
    assert done.returncode == 0


def called(home: Home, name: str, line: str) -> None:
    """Run a command as Claude Code does: hook, shell, hook."""
    told(home, "PreToolUse", name, line)
    home.run("bash", "-c", line, env={"CLAUDE_CODE_SESSION_ID": SESSION})
    told(home, "PostToolUse", name, line)


def reconcile(home: Home, code: int = 0) -> dict[str, Any]:
    """Run `tooltrail reconcile` and return `data` of its answer."""
    done = home.tooltrail("reconcile", "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    return data


def test_a_hooks_call_finds_the_tools_record_by_session_arguments_and_time(
    home: Home, tool: Path
) -> None:
    """They have no id in common."""
    called(home, "toolu_1", f"{tool} a")
    called(home, "toolu_2", f"{tool} b")
    data = reconcile(home)
    assert data["counts"] == {"agree": 2}
    assert {held["caller_record"]["recorder"] for held in data["calls"]} == {"hook"}


def test_tools_in_a_line_for_the_shell_ran_inside_of_it(home: Home, tool: Path) -> None:
    """The hook told of the line; bash keeps no log."""
    called(home, "toolu_1", f"{tool} a && {tool} b | cat")
    assert reconcile(home)["counts"] == {"inside": 2, "no_log": 1}


def test_a_hooks_call_that_the_tool_never_recorded_is_missing(home: Home, tool: Path) -> None:
    """The log of the tool goes over that time."""
    called(home, "toolu_1", f"{tool} a")
    told(home, "PreToolUse", "toolu_2", f"{tool} b")
    told(home, "PostToolUse", "toolu_2", f"{tool} b")
    assert reconcile(home, code=1)["counts"] == {"agree": 1, "missing": 1}


def test_a_begin_whose_end_was_never_told_is_said(home: Home) -> None:
    """The agent was closed, or the command was refused."""
    told(home, "PreToolUse", "toolu_1", "git status")
    assert reconcile(home, code=1)["counts"] == {"no_end": 1}


def test_a_wrapper_between_the_hook_and_the_tool_leaves_nothing_missing(
    home: Home, tool: Path
) -> None:
    """As a shim stands there: three records of one call, and both outer ones agree with it."""
    told(home, "PreToolUse", "toolu_1", f"{tool} a")
    home.tooltrail("run", "--", str(tool), "a", env={"CLAUDE_CODE_SESSION_ID": SESSION})
    told(home, "PostToolUse", "toolu_1", f"{tool} a")
    data = reconcile(home)
    assert data["counts"] == {"agree": 2}
    assert len({held["tool_record"]["request_id"] for held in data["calls"]}) == 1
