"""Events as real agents sent them: Claude Code, Codex and Gemini CLI, driven by a scripted model.

`compat/agents.py` repeats that. Only ids of the machine were changed, and long output shortened.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import TOOLTRAIL, Home

ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "agents" / "recorded.jsonl").read_text().splitlines()
]
AGENTS = ("claude-code", "codex", "gemini-cli")


def replay(home: Home, agent: str) -> list[dict[str, Any]]:
    """Give the handler all that an agent sent, in its order; return the rows."""
    rows = [row for row in ROWS if row["agent"] == agent]
    for row in rows:
        home.run(TOOLTRAIL, "hook", "handle", agent, input=json.dumps(row["event"]))
    return rows


@pytest.mark.parametrize("agent", AGENTS)
def test_each_command_ends_as_the_agent_told(home: Home, agent: str) -> None:
    """With its exit code where there is one; what goes on in the background stays open."""
    rows = replay(home, agent)
    told = [row for row in rows if "outcome" in row]
    ends = home.events("tooltrail", "end")
    assert [(end["exit_code"], end["outcome"]) for end in ends] == [
        (row["exit_code"], row["outcome"]) for row in told
    ]
    begins = {line["request_id"] for line in home.events("tooltrail", "begin")}
    open_calls = begins - {end["request_id"] for end in ends}
    asked = [row["event"] for row in rows if row["event"]["hook_event_name"] in _BEFORE]
    assert len(begins) == len(asked)
    assert len(open_calls) == len(asked) - len(told)


_BEFORE = ("PreToolUse", "BeforeTool")


@pytest.mark.parametrize("agent", AGENTS)
def test_output_that_the_agent_cut_is_not_told_as_the_commands(home: Home, agent: str) -> None:
    """Its size and digest would be those of another text."""
    replay(home, agent)
    for end in home.events("tooltrail", "end"):
        is_cut = "head -c 1000000" in str(end["params"])
        stdout = end.get("output", {}).get("stdout")
        assert (stdout is None) == is_cut
        if "out; echo err" in str(end["params"]):
            assert stdout["bytes"] in (7, 8)  # with its last line break, or without


def test_no_secret_of_theirs_reaches_the_log(home: Home) -> None:
    """`curl -u admin:…` is among them."""
    for agent in AGENTS:
        replay(home, agent)
    assert sum("hunter2xyzzy12" in json.dumps(row) for row in ROWS) >= 6
    assert "hunter2xyzzy12" not in home.log("tooltrail").read_text()


def test_a_transcript_of_a_real_session_is_imported(home: Home) -> None:
    """Also what the background told later; what a rule refused did not run, and did not fail."""
    path = str(Path(__file__).parent / "agents" / "claude-code.jsonl")
    home.tooltrail("import", "claude-code", path)
    home.tooltrail("import", "claude-code", path)
    shown = home.tooltrail("log", "--tool", "git", "--output", "jsonl").stdout
    asked, pushed = (json.loads(line) for line in shown.splitlines())
    assert (asked["exit_code"], asked["outcome"]) == (0, "success")
    assert asked["caller"]["intent"] == "show git"
    assert (pushed["exit_code"], pushed["outcome"]) == (None, "not_started")
    assert pushed["error"]["code"] == "NOT_ALLOWED"
    ends = home.events("tooltrail-import", "end")
    assert len(ends) == len({end["request_id"] for end in ends}) >= 12
    codes = {str(end["params"]["argv"][-1]): end["exit_code"] for end in ends}
    assert codes["sh -c 'echo out; echo err >&2; exit 3'"] == 3
    assert codes["http://127.0.0.1:9/"] == 7
