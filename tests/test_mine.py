"""`--mine`: the calls of the session that asks, and nobody else's."""

import json

import pytest

from conftest import Home

SESSION = {"TOOL_TRACE_ID": "agent-session-42"}
AGENT = {"CLAUDE_CODE_SESSION_ID": "0f3c"}


def listed(home: Home, env: dict[str, str]) -> list[str]:
    """Return the operations that `tooltrail log --mine` lists."""
    done = home.tooltrail("log", "--mine", "--output", "jsonl", env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["command"] for line in done.stdout.splitlines()]


@pytest.fixture
def many(home: Home) -> Home:
    """Calls of several sessions."""
    for operation, env in {
        "own": SESSION,
        "step": {"TOOL_TRACE_ID": "agent-session-42-step-7"},
        "stranger": {"TOOL_TRACE_ID": "agent-session-421"},
        "agent": AGENT,
        "agent-traced": {**AGENT, "TOOL_TRACE_ID": "ci-9"},
        "nobody": {},
    }.items():
        home.tooltrail("run", "--operation", operation, "--", "true", env=env)
    return home


def test_a_trace_in_the_environment_is_the_session(many: Home) -> None:
    """With the ids that continue it; a longer number is somebody else."""
    assert listed(many, SESSION) == ["own", "step"]


def test_an_agents_session_is_the_session(many: Home) -> None:
    """By its trace, and by `caller.session` of calls in other traces."""
    assert listed(many, AGENT) == ["agent", "agent-traced"]


def test_without_any_session_it_says_so(many: Home) -> None:
    """Nothing is listed as mine that may be somebody else's."""
    done = many.tooltrail("log", "--mine", "--output", "table")
    assert done.returncode == 2
    assert "nothing in the environment says whose session this is" in done.stderr
    assert "TOOL_TRACE_ID" in done.stderr


def test_it_combines_with_other_filters(many: Home) -> None:
    """All filters hold at once."""
    done = many.tooltrail("log", "--mine", "--command", "step", "--output", "jsonl", env=SESSION)
    assert len(done.stdout.splitlines()) == 1


def test_a_tools_own_audit_log_has_it_too(home: Home) -> None:
    """The same option, the same answer."""
    code = """
import click
from tooltrail.integrations.click import instrument

@click.group()
def cli(): ...

@cli.command()
def deploy(): ...

instrument(cli, tool="deployctl", audit_log=True)
cli()
"""
    home.python(code, "deploy", env=SESSION)
    home.python(code, "deploy", env={"TOOL_TRACE_ID": "other"})
    done = home.python(code, "audit-log", "--mine", "--output", "jsonl", env=SESSION)
    assert [json.loads(line)["trace_id"] for line in done.stdout.splitlines()] == [
        "agent-session-42"
    ]
