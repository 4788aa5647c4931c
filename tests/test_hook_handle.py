"""`tooltrail hook handle`: events of each agent become entries, and nothing reaches the agent."""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, TOOLTRAIL, Home
from tooltrail.secondhand import request_id_for

EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    row["of"]: (row["agent"], row["event"])
    for row in map(
        json.loads, (Path(__file__).parent / "agents" / "events.jsonl").read_text().splitlines()
    )
}
AGENTS = ("claude-code", "codex", "gemini-cli", "generic")


@pytest.fixture(autouse=True)
def runtime(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what is noted of lost events in the test's own folder, where there is no log yet."""
    folder = home.path / "runtime"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


def handle(home: Home, agent: str, event: Any, **options: Any) -> None:
    """Run the handler as an agent does, and hold it to its promise."""
    given = event if isinstance(event, bytes) else json.dumps(event).encode()
    ran = home.run(TOOLTRAIL, "hook", "handle", agent, input=given, text=False, **options)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


def handle_named(home: Home, *names: str, **changes: Any) -> None:
    """Handle recorded events by their names, with fields changed."""
    for name in names:
        agent, event = EVENTS[name]
        handle(home, agent, {**event, **changes})


def reasons_lost(home: Home) -> list[str]:
    """Return why events were not recorded."""
    lost = home.data / "tooltrail" / "lost.jsonl"
    lines = lost.read_text().splitlines() if lost.exists() else []
    return [json.loads(line)["reason"] for line in lines]


@pytest.mark.parametrize("agent", AGENTS)
def test_the_begin_is_written_before_and_the_end_after_with_one_id(home: Home, agent: str) -> None:
    """Two processes that share nothing write of the same call."""
    handle_named(home, f"{agent}: before")
    (begin,) = home.events("tooltrail", "begin")
    assert not home.events("tooltrail", "end")
    handle_named(home, f"{agent}: after")
    end = home.end("tooltrail")
    assert begin["request_id"] == end["request_id"]
    assert begin["timestamp"] == end["timestamp"]
    assert begin["tool"] == "git"
    assert begin["params"] == {"argv": ["git", "push", "origin", "main"]}
    assert begin["recorder"] == "hook"
    assert begin["process"]["cwd"] == "/srv/app"
    assert end["duration_ms"] is not None
    assert end["output"]["stdout"]["bytes"] == len("pushed")


@pytest.mark.parametrize(
    ("agent", "tool_call", "session"),
    [
        (
            "claude-code",
            "toolu_01ABC123def456GHI789jkl0",
            "0d9a6a3e-5f0e-4c57-9a52-3f2f7b6f5e11",
        ),
        ("codex", "call_9f8e7d", "019a2b3c-4d5e-7f80-9a1b-2c3d4e5f6071"),
    ],
)
def test_the_agents_own_ids_are_evidence_and_operator(
    home: Home, agent: str, tool_call: str, session: str
) -> None:
    """Session and tool call are claims; the call's id follows from them, for imports to find."""
    handle_named(home, f"{agent}: before")
    (begin,) = home.events("tooltrail", "begin")
    assert begin["request_id"] == request_id_for(agent, session, tool_call)
    assert begin["trace_id"] == begin["operator"] == f"{agent}-{session}"
    assert begin["trace_source"] == begin["operator_source"] == "hook"
    caller = begin["caller"]
    assert (caller["agent"], caller["session"], caller["source"]) == (agent, session, "hook")
    assert (caller["tool_call"], caller["tool_name"]) == (tool_call, "Bash")
    assert caller["turn"]


@pytest.mark.parametrize(
    ("name", "exit_code", "outcome"),
    [
        ("claude-code: after", 0, "success"),
        ("claude-code: failed", 128, "failure"),
        ("claude-code: interrupted", 137, "interrupted"),
        ("claude-code: timed out", 143, "timed_out"),
        ("claude-code: no exit code", None, "failure"),
        ("claude-code: not zero, and no failure", None, "unknown"),
        ("codex: after", None, "unknown"),
        ("codex: after, with its own head", 7, "failure"),
        ("codex: after, as an object", 3, "failure"),
        ("gemini-cli: after", 0, "success"),
        ("gemini-cli: failed", 128, "failure"),
        ("gemini-cli: cancelled", None, "interrupted"),
        ("gemini-cli: timed out", None, "timed_out"),
        ("gemini-cli: summarised", None, "unknown"),
        ("generic: after", 1, "failure"),
    ],
)
def test_an_end_says_how_it_ended_even_without_its_begin(
    home: Home, name: str, exit_code: int | None, outcome: str
) -> None:
    """A hook that was installed in mid-call still gives a whole end line."""
    handle_named(home, name)
    end = home.end("tooltrail")
    assert (end["exit_code"], end["outcome"]) == (exit_code, outcome)
    assert end["params"] == {"argv": ["git", "push", "origin", "main"]}
    assert (end["error"] is None) == (outcome in ("success", "unknown"))


@pytest.mark.parametrize("agent", ["claude-code", "codex", "generic"])
def test_the_same_event_twice_is_written_once(home: Home, agent: str) -> None:
    """Hooks in the user's settings and the project's both run."""
    handle_named(home, *[f"{agent}: before"] * 2, *[f"{agent}: after"] * 2)
    assert len(home.events("tooltrail", "begin")) == len(home.events("tooltrail", "end")) == 1


def test_the_same_event_at_once_is_written_once(home: Home) -> None:
    """Agents start all hooks of an event at the same time."""
    handle_named(home, "codex: before", tool_use_id="call_first")  # the log is there
    content = json.dumps(EVENTS["claude-code: before"][1]).encode()
    running = [
        subprocess.Popen([TOOLTRAIL, "hook", "handle", "claude-code"], stdin=subprocess.PIPE)
        for _ in range(6)
    ]
    for process in running:
        process.communicate(content, timeout=60)
    begins = [line for line in home.events("tooltrail", "begin") if line["tool"] == "git"]
    assert len(begins) == 2  # the first one, and one of these


@pytest.mark.parametrize("agent", ["claude-code", "gemini-cli"])
def test_a_command_in_the_background_stays_open(home: Home, agent: str) -> None:
    """When it ends, nobody tells: an end line would claim too much."""
    handle_named(home, f"{agent}: before", f"{agent}: background")
    assert len(home.events("tooltrail", "begin")) == 1
    assert not home.events("tooltrail", "end")
    shown = json.loads(home.tooltrail("log", "--output", "json").stdout)
    (row,) = (entry for entry in shown["data"]["entries"] if entry["tool"] == "git")
    assert row["outcome"] == "unknown"


def test_a_background_command_whose_begin_was_missed_is_begun(home: Home) -> None:
    """It did start."""
    handle_named(home, "claude-code: background")
    assert len(home.events("tooltrail", "begin")) == 1


@pytest.mark.parametrize("agent", ["claude-code", "codex"])
def test_other_tools_of_the_agent_are_not_recorded(home: Home, agent: str) -> None:
    """This is the recorder of command lines, not of edits."""
    handle_named(home, f"{agent}: another tool")
    assert home.lines("tooltrail") == []
    assert reasons_lost(home) == []


def test_equal_commands_without_ids_are_told_apart_by_what_is_open(home: Home) -> None:
    """Gemini CLI has no ids for tool calls: an end goes to the newest open begin of its command."""
    for second in ("01", "02"):
        stamp = f"2026-08-21T16:16:{second}.000Z"
        handle_named(home, "gemini-cli: before", "gemini-cli: after", timestamp=stamp)
    ends = home.events("tooltrail", "end")
    begins = home.events("tooltrail", "begin")
    assert [line["request_id"] for line in ends] == [line["request_id"] for line in begins]
    assert len({line["request_id"] for line in ends}) == 2


def test_two_commands_of_one_moment_are_two_calls(home: Home) -> None:
    """Gemini CLI may start several at once, and its events have nothing but their time."""
    for line in ("git push origin main", "git status"):
        handle_named(home, "gemini-cli: before", tool_input={"command": line})
    assert len({line["request_id"] for line in home.events("tooltrail", "begin")}) == 2
    for line in ("git push origin main", "git status"):
        handle_named(home, "gemini-cli: after", tool_input={"command": line})
    ends = home.events("tooltrail", "end")
    assert [line["params"]["argv"][1] for line in ends] == ["push", "status"]
    begins = home.events("tooltrail", "begin")
    assert [line["request_id"] for line in ends] == [line["request_id"] for line in begins]


def test_an_end_without_ids_does_not_take_another_sessions_begin(home: Home) -> None:
    """The same command may run in two sessions at once."""
    handle_named(home, "gemini-cli: before", session_id="one")
    handle_named(home, "gemini-cli: after", session_id="two")
    (begin,) = home.events("tooltrail", "begin")
    assert home.end("tooltrail")["request_id"] != begin["request_id"]


@pytest.mark.parametrize(
    ("line", "tool", "argv"),
    [
        ("git push 'a  b' \"c d\"e ''", "git", ["git", "push", "a  b", "c de", ""]),
        ("/usr/bin/git\tlog", "git", ["/usr/bin/git", "log"]),
        ("make && make test", "bash", None),
        ("echo $HOME", "bash", None),
        ("echo 'unfinished", "bash", None),
        ("echo a\nrm b", "bash", None),
        ("x" * 200_000 + " y", "bash", ...),
        ("echo {a,b}", "bash", None),
        ("cp a{,.bak}", "bash", None),
        ("touch {1..3}", "bash", None),
        ("touch {a','b}", "touch", ["touch", "{a,b}"]),
        ('curl -d \'{"a":1,"b":2}\' x', "curl", ["curl", "-d", '{"a":1,"b":2}', "x"]),
        ("ls -a {} +", "ls", ["ls", "-a", "{}", "+"]),
        ("git show HEAD@{1} a,b", "git", ["git", "show", "HEAD@{1}", "a,b"]),
        ("if true", "bash", None),
        ("time git status", "bash", None),
        ("/usr/bin/time git status", "time", ["/usr/bin/time", "git", "status"]),
        ("cd /x", "bash", None),
        ("export A=b", "bash", None),
        (". venv/bin/activate", "bash", None),
        ("echo a", "echo", ["echo", "a"]),
    ],
)
def test_a_line_is_a_call_of_one_program_or_of_the_shell(
    home: Home, line: str, tool: str, argv: Any
) -> None:
    """What a shell would pass on as it stands is a call of that program."""
    handle_named(home, "claude-code: before", tool_input={"command": line})
    (begin,) = home.events("tooltrail", "begin")
    assert begin["tool"] == tool
    if argv is not ...:
        assert begin["params"]["argv"] == (argv or ["bash", "-c", line])


@pytest.mark.parametrize("code", [128, 129, 130, 137, 139, 143, 255])
def test_a_signal_is_not_claimed_for_an_exit_code_above_128(home: Home, code: int) -> None:
    """A shell gives such a code for a signal, but a command may choose it: nobody saw which."""
    handle_named(home, "claude-code: failed", error=f"Exit code {code}\noutput")
    end = home.end("tooltrail")
    assert (end["exit_code"], end["outcome"], end["signal"]) == (code, "failure", None)
    assert end["error"] == {"code": "EXIT_CODE", "message": f"exit code {code}"}


def test_a_trace_that_the_agent_was_started_in_goes_on(home: Home) -> None:
    """Its shell's children inherit the variables, and so belong to the same trace."""
    agent, event = EVENTS["claude-code: before"]
    mine = {"TOOL_TRACE_ID": "nightly-42", "TOOL_OPERATOR": "ci", "TOOL_PARENT_REQUEST_ID": "req_A"}
    handle(home, agent, event, env=mine)
    (begin,) = home.events("tooltrail", "begin")
    assert (begin["trace_id"], begin["trace_source"]) == ("nightly-42", "TOOL_TRACE_ID")
    assert (begin["operator"], begin["operator_source"]) == ("ci", "TOOL_OPERATOR")
    assert begin["parent_request_id"] == "req_A"


def test_the_trace_id_is_passed_into_the_shell_once(home: Home, tmp_path: Path) -> None:
    """Claude Code runs the lines of its file before each command."""
    file = tmp_path / "env.sh"
    file.write_text("export MINE=1")  # no newline at its end
    agent, event = EVENTS["claude-code: session"]
    for _ in range(2):
        handle(home, agent, event, env={"CLAUDE_ENV_FILE": str(file)})
    assert file.read_text().count("export TOOL_TRACE_ID=") == 1
    show = f". {shlex.quote(str(file))}; echo $MINE $TOOL_TRACE_ID $TOOL_OPERATOR"
    identity = f"claude-code-{event['session_id']}"
    assert home.run("sh", "-c", show).stdout.split() == ["1", identity, identity]
    shown = home.run("sh", "-c", show, env={"TOOL_TRACE_ID": "mine", "TOOL_OPERATOR": "me"}).stdout
    assert shown.split() == ["1", "mine", "me"]
    assert home.lines("tooltrail") == []


def test_a_session_id_that_a_shell_would_run_is_not_passed_on(home: Home, tmp_path: Path) -> None:
    """The id becomes part of a shell's line."""
    file = tmp_path / "env.sh"
    agent, event = EVENTS["claude-code: session"]
    handle(home, agent, {**event, "session_id": "$(rm x)"}, env={"CLAUDE_ENV_FILE": str(file)})
    assert not file.exists()


CANARIES = (
    "hunter2-Sup3rS3cret",
    "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    "sk-ant-api03-Zz9Yy8Xx7Ww6Vv5Uu4Tt3Ss2Rr1Qq0Pp9Oo8",
)


@pytest.mark.parametrize("level", ["params", "metadata", "full", "none"])
def test_no_secret_reaches_the_disk(home: Home, level: str) -> None:
    """In the command, its intent, its output, its error and its ids; at each level."""
    password, token, key = CANARIES
    line = f"curl -u me:{password} -H 'Authorization: Bearer {token}' https://example.com"
    piped = f"export ANTHROPIC_API_KEY={key} && mysql --password={password} | cat"
    for number, text in enumerate((line, piped)):
        changed = {
            "tool_input": {"command": text, "description": f"use {token}"},
            "tool_use_id": f"toolu_{number}",
            "prompt_id": token,
        }
        env = {"TOOLTRAIL_LEVEL": level}
        for name in ("claude-code: before", "claude-code: failed"):
            agent, event = EVENTS[name]
            error = {"error": f"denied for {key}\n{token}"} if "error" in event else {}
            handle(home, agent, {**event, **changed, **error}, env=env)
        for name in ("gemini-cli: before", "gemini-cli: after"):
            agent, event = EVENTS[name]
            more = {"tool_input": changed["tool_input"], "session_id": token}
            handle(home, agent, {**event, **more}, env=env)
    handle(home, "claude-code", b'{"broken": "' + token.encode())
    kept = b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file())
    for canary in CANARIES:
        assert canary.encode() not in kept
    expected = 0 if level == "none" else 4
    assert len(home.events("tooltrail", "end")) == expected


@pytest.mark.parametrize("agent", [*AGENTS, "no-such-agent", ""])
@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"   \n",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"{}",
        b'{"hook_event_name": 7, "event": []}',
        b'{"hook_event_name": {}, "event": {}}',
        b'{"hook_event_name": "PreToolUse", "tool_name": "Bash"}',
        b'{"hook_event_name": "PreToolUse", "tool_name": ["Bash"], "tool_input": {"command": 1}}',
        b'{"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": [], "cwd": 1}',
        b'{"hook_event_name": "AfterTool", "tool_name": "run_shell_command", "cwd": 1e999}',
        b'{"event": "end", "command": [1], "exit_code": 1e400, "duration_ms": -1}',
        b'{"n": ' + b"9" * 10_000 + b"}",
    ],
    ids=range(18),
)
def test_malformed_events_are_harmless(home: Home, agent: str, given: bytes) -> None:
    """The agent sees nothing, and no line claims a call."""
    handle(home, agent, given)
    assert not home.events("tooltrail", "begin")
    assert not home.events("tooltrail", "end")


@pytest.mark.parametrize("agent", AGENTS)
def test_hostile_fields_make_lines_that_hold(home: Home, agent: str) -> None:
    """Control characters, lone surrogates, huge ids, wrong types; the schema checks the lines."""
    nasty = "\x1b[31m\u202e\x00\ud800\n" + "x" * 5_000
    _, before = EVENTS[f"{agent}: before"]
    _, after = EVENTS[f"{agent}: after"]
    claims = dict.fromkeys(
        ("session_id", "session", "tool_use_id", "tool_call", "prompt_id", "turn_id", "turn"), nasty
    )
    odd = {"duration_ms": 1e308, "cwd": ["/"], "tool_name_": nasty, "agent_": nasty}
    command = f"printf '{nasty}'"
    shaped = {"tool_input": {"command": command, "description": nasty}, "command": command}
    for event in (before, after):
        handle(home, agent, {**event, **claims, **odd, **shaped, "intent": nasty})
    ends = home.events("tooltrail", "end")
    assert len(ends) == 1
    assert ends[0]["process"]["cwd"] is None
    assert home.tooltrail("verify", "--output", "json").returncode == 0


def test_a_huge_event_is_read_to_its_end_and_counted(home: Home) -> None:
    """100 MB: an agent may take a closed pipe for a failure; memory stays bounded."""
    handle_named(home, "codex: before")  # the log is there, and beside it is what it lost
    limit = 300_000_000
    code = (
        "import resource, os, sys;"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}));"
        f"os.execv({TOOLTRAIL!r}, ['tooltrail', 'hook', 'handle', 'claude-code'])"
    )
    start = b'{"hook_event_name": "PostToolUse", "tool_response": {"stdout": "'
    ran = home.run("python3", "-c", code, input=start + b"x" * 100_000_000, text=False, timeout=120)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    assert reasons_lost(home) == ["hook of claude-code: an event of 100000064 bytes"]


def test_a_large_event_is_recorded(home: Home) -> None:
    """20 MB of output are digested as they are told."""
    text = "é" * 10_000_000
    response = {"stdout": text, "stderr": "", "interrupted": False}
    agent, event = EVENTS["claude-code: after"]
    given = json.dumps({**event, "tool_response": response}, ensure_ascii=False).encode()
    handle(home, agent, given)
    assert home.end("tooltrail")["output"]["stdout"]["bytes"] == 20_000_000


def test_a_broken_home_is_harmless(home: Home) -> None:
    """No HOME, one that is a file, one that may not be written, a log that is a folder."""
    agent, event = EVENTS["claude-code: before"]
    without = {name: value for name, value in os.environ.items() if name != "HOME"}
    blocked = home.path / "file"
    blocked.write_text("")
    broken_log = home.path / "data"
    (broken_log / "tooltrail" / "audit.jsonl").mkdir(parents=True)
    environments = [
        without,
        {**without, "HOME": ""},
        {**without, "HOME": str(blocked)},
        {**without, "HOME": "/proc/nowhere"},
        {**os.environ, "XDG_DATA_HOME": str(broken_log)},
        {**os.environ, "XDG_DATA_HOME": "/dev/full"},
    ]
    for environment in environments:
        ran = subprocess.run(
            [TOOLTRAIL, "hook", "handle", agent],
            input=json.dumps(event).encode(),
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full"])
def test_closed_streams_are_harmless(home: Home, closed: str) -> None:
    """Whatever the agent does with our streams."""
    script = f"{shlex.quote(TOOLTRAIL)} hook handle claude-code {closed}"
    event = json.dumps(EVENTS["claude-code: before"][1])
    assert home.run("sh", "-c", script, input=event).returncode == 0
    if "<&-" not in closed:
        assert len(home.events("tooltrail", "begin")) == 1


def test_stdin_that_never_ends_does_not_keep_the_agent_waiting(home: Home) -> None:
    """It gives up by itself, and says so among what was lost."""
    handle_named(home, "codex: before")
    with subprocess.Popen(
        [TOOLTRAIL, "hook", "handle", "codex"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.wait(timeout=60) == 0
        assert process.stdout is not None
        assert process.stdout.read() == b""
    assert reasons_lost(home) == ["hook of codex: not done within 10 s"]


def test_a_killed_session_leaves_unknown_not_killed(home: Home) -> None:
    """A begin whose end never comes: nobody saw what became of the command."""
    handle_named(home, "codex: before")
    shown = json.loads(home.tooltrail("log", "--output", "json").stdout)
    (row,) = (entry for entry in shown["data"]["entries"] if entry["tool"] == "git")
    assert row["outcome"] == "unknown"


def test_all_of_a_session_is_one_trace(home: Home) -> None:
    """`tooltrail trace` shows it by the id that the session's commands have by themselves."""
    handle_named(home, "claude-code: before", "claude-code: after")
    session = EVENTS["claude-code: before"][1]["session_id"]
    shown = home.tooltrail("trace", f"claude-code-{session}", "--output", "tree")
    assert shown.returncode == 0
    assert "git" in shown.stdout


def test_handling_an_event_imports_little(home: Home) -> None:
    """It runs twice for each command: what costs milliseconds stays out."""
    agent, event = EVENTS["claude-code: after"]
    code = (
        "import sys, os; from tooltrail.agents.handle import handle; keep = os.dup(2);"
        "handle('claude-code'); os.write(keep, ' '.join(sys.modules).encode())"
    )
    ran = home.run(PYTHON, "-c", code, input=json.dumps(event))
    loaded = set(ran.stderr.split())
    expensive = {"json", "re", "typing", "datetime", "hashlib", "subprocess", "argparse", "shlex",
                 "dataclasses", "logging", "signal", "enum"}  # fmt: skip
    assert "tooltrail.agents.record" in loaded
    assert not loaded & expensive, agent
