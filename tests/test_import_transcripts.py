"""`tooltrail import`: commands of transcripts become entries, each once, with their own times."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Home
from tooltrail.secondhand import request_id_for

SESSION = "0d9a6a3e-5f0e-4c57-9a52-3f2f7b6f5e11"


def claude(second: int, block: dict[str, Any], result: Any = None) -> dict[str, Any]:
    """Return one line of a Claude Code transcript."""
    kind = "assistant" if block["type"] == "tool_use" else "user"
    line: dict[str, Any] = {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/srv/app",
        "sessionId": SESSION,
        "version": "2.1.12",
        "type": kind,
        "message": {"role": kind, "content": [block]},
        "timestamp": f"2026-08-01T10:00:{second:02d}.250Z",
    }
    return line if result is None else {**line, "toolUseResult": result}


def bash(call: str, command: str, **more: str) -> dict[str, Any]:
    """Return the block that calls a shell."""
    given = {"command": command, **more}
    return {"type": "tool_use", "id": call, "name": "Bash", "input": given}


def result(call: str, text: str, *, failed: bool = False) -> dict[str, Any]:
    """Return the block that holds a call's result."""
    return {"type": "tool_result", "tool_use_id": call, "content": text, "is_error": failed}


def streams(stdout: str) -> dict[str, Any]:
    """Return what a call that succeeded came to."""
    return {"stdout": stdout, "stderr": "", "interrupted": False, "isImage": False}


CLAUDE = [
    {"type": "summary", "summary": "Pushing", "leafUuid": "x"},
    claude(1, bash("toolu_1", "git push origin main", description="Push it")),
    claude(3, result("toolu_1", "pushed"), streams("pushed")),
    claude(4, bash("toolu_2", "make test | tail")),
    claude(9, result("toolu_2", "Exit code 2\nno", failed=True), "Error: Exit code 2\nno"),
    claude(10, {"type": "tool_use", "id": "toolu_3", "name": "Read", "input": {"file_path": "/x"}}),
    claude(11, bash("toolu_4", "sleep 999")),
]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    """Write lines as a transcript."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def imported(home: Home, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Run an import, and return what it says."""
    ran = home.tooltrail("import", *map(str, arguments), "--output", "json")
    assert ran.returncode == code, ran.stderr
    assert ran.stderr == ""
    data: dict[str, Any] = json.loads(ran.stdout)["data"]
    return data


def entries(home: Home) -> list[dict[str, Any]]:
    """Return the entries that were imported."""
    return home.events("tooltrail-import", "end")


def test_a_claude_code_transcript_gives_its_shell_commands(home: Home) -> None:
    """Times, ids, exit codes, durations and digests are the transcript's; other tools are not."""
    said = imported(home, "claude-code", write(home.path / "t" / "a.jsonl", CLAUDE))
    assert (said["commands"], said["added"], said["bad_lines"]) == (3, 3, 0)
    pushed, made, slept = entries(home)
    assert pushed["timestamp"] == "2026-08-01T10:00:01.250Z"
    assert (pushed["tool"], pushed["exit_code"], pushed["duration_ms"]) == ("git", 0, 2000)
    assert pushed["request_id"] == request_id_for("claude-code", SESSION, "toolu_1")
    assert pushed["trace_id"] == f"claude-code-{SESSION}"
    assert pushed["caller"]["intent"] == "Push it"
    assert pushed["caller"]["agent_version"] == "2.1.12"
    assert pushed["process"]["cwd"] == "/srv/app"
    assert pushed["output"]["stdout"]["bytes"] == 6
    assert pushed["recorder"] == "import"
    assert (made["tool"], made["exit_code"], made["outcome"]) == ("bash", 2, "failure")
    assert (slept["exit_code"], slept["outcome"], slept["duration_ms"]) == (None, "unknown", None)


def test_nothing_is_added_twice(home: Home) -> None:
    """Run again, in two files, from overlapping folders, grown: only what is new is added."""
    first = write(home.path / "t" / "a.jsonl", CLAUDE)
    write(home.path / "t" / "sub" / "b.jsonl", CLAUDE)
    assert imported(home, "claude-code", first.parent, first)["added"] == 3
    assert imported(home, "claude-code", first)["added"] == 0
    write(first, [*CLAUDE, claude(20, bash("toolu_9", "ls"))])
    again = imported(home, "claude-code", first.parent)
    assert (again["added"], again["known"]) == (1, 6)
    assert len(entries(home)) == 4


def test_what_a_hook_recorded_is_known_already(home: Home) -> None:
    """The hook and the transcript call it by the same id."""
    event = {
        "hook_event_name": "PreToolUse",
        "session_id": SESSION,
        "tool_use_id": "toolu_1",
        "tool_name": "Bash",
        "tool_input": {"command": "git push origin main"},
    }
    home.tooltrail("hook", "handle", "claude-code", input=json.dumps(event))
    said = imported(home, "claude-code", write(home.path / "a.jsonl", CLAUDE))
    assert (said["added"], said["known"] + said["completed"]) == (2, 1)


def rollout(*payloads: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a Codex rollout, a second apart."""
    head = {"id": "019a", "cwd": "/srv", "cli_version": "0.120.0"}
    lines = [{"timestamp": "2026-08-01T10:00:00Z", "type": "session_meta", "payload": head}]
    for number, payload in enumerate(payloads, 1):
        at = f"2026-08-01T10:00:{number:02d}.000Z"
        lines.append({"timestamp": at, "type": "response_item", "payload": payload})
    return lines


def call(name: str, number: str, **given: Any) -> dict[str, Any]:
    """Return a function call of Codex."""
    arguments = json.dumps(given)
    return {"type": "function_call", "name": name, "call_id": number, "arguments": arguments}


def output(number: str, text: str) -> dict[str, Any]:
    """Return the output of a function call of Codex."""
    return {"type": "function_call_output", "call_id": number, "output": text}


def test_a_codex_rollout_gives_the_commands_of_all_its_shell_tools(home: Home) -> None:
    """Old calls with metadata, new ones with a text, and the local shell."""
    metadata = {"output": "hi", "metadata": {"exit_code": 3, "duration_seconds": 0.4}}
    told = "Chunk ID: 1\nWall time: 1.5000 seconds\nProcess exited with code 7\nOutput:\nno"
    action = {"type": "exec", "command": ["ls", "-l"], "working_directory": "/tmp"}
    lines = rollout(
        call("shell", "c1", command=["bash", "-lc", "git status"], workdir="/w"),
        output("c1", json.dumps(metadata)),
        call("exec_command", "c2", cmd="make", workdir="/v"),
        output("c2", told),
        {"type": "local_shell_call", "call_id": "c3", "status": "completed", "action": action},
        call("update_plan", "c4", plan=[]),
        output("c4", "ok"),
    )
    imported(home, "codex", write(home.path / "rollout-1.jsonl", lines))
    status, made, listed = entries(home)
    assert (status["tool"], status["exit_code"], status["duration_ms"]) == ("git", 3, 400)
    assert (status["process"]["cwd"], status["output"]["stdout"]["bytes"]) == ("/w", 2)
    assert (made["tool"], made["exit_code"], made["duration_ms"]) == ("make", 7, 1500)
    assert (listed["params"], listed["outcome"]) == ({"argv": ["ls", "-l"]}, "unknown")
    assert listed["request_id"] == request_id_for("codex", "019a", "c3")


def test_real_git_processes_are_entries_and_their_parents_are_known(home: Home) -> None:
    """An alias starts a git of its own; a call that failed has git's exit code."""
    events = home.path / "events"
    env = {**os.environ, "GIT_TRACE2_EVENT": str(events), "GIT_TRACE2_PARENT_SID": "req_PARENT"}
    for arguments in (["init", "-q", "r"], ["-c", "alias.v=version --build-options", "v"], ["no"]):
        subprocess.run(
            ["git", *arguments], cwd=home.path, env=env, capture_output=True, check=False
        )
    with events.open("a") as file:  # one that was killed
        file.write(
            '{"event":"start","sid":"S","time":"2026-08-01T10:00:00.5Z","t_abs":0.5,'
            '"argv":["git","gc"]}\n'
        )
    imported(home, "git-trace2", events)
    by_argv = {" ".join(each["params"]["argv"][-2:]): each for each in entries(home)}
    assert by_argv["-q r"]["exit_code"] == 0
    assert by_argv["-q r"]["command"] == "init"
    assert by_argv["-q r"]["parent_request_id"] == "req_PARENT"
    assert by_argv["git no"]["exit_code"] == 1
    assert by_argv["git gc"]["outcome"] == "unknown"
    assert by_argv["git gc"]["timestamp"] == "2026-08-01T10:00:00.000Z"


def test_anybodys_lines_are_read(home: Home) -> None:
    """What a line does not say is not known."""
    lines = [
        {"timestamp": "2026-08-01T10:00:00+02:00", "command": "curl x", "exit_code": 6},
        {"timestamp": "2026-08-01T10:00:00Z", "argv": ["ls"], "duration_ms": 3, "host": "web1"},
        {"nothing": 1},
    ]
    said = imported(home, "jsonl", write(home.path / "x.jsonl", lines))
    assert (said["added"], said["bad_lines"]) == (2, 1)
    assert said["first_bad_line"].endswith("x.jsonl:3")
    curl, listed = entries(home)
    assert (curl["timestamp"], curl["exit_code"]) == ("2026-08-01T08:00:00.000Z", 6)
    assert (listed["process"]["host"], listed["outcome"]) == ("web1", "unknown")


def test_another_machines_log_keeps_its_ids(home: Home, tmp_path: Path) -> None:
    """A real log, of a home elsewhere, comes in with the ids that it has there."""
    other = tmp_path / "other"
    other.mkdir()
    home.tooltrail("run", "--", "false", env={"HOME": str(other)})
    log = next(other.rglob("tooltrail/audit.jsonl"))
    there = [
        line for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "end"
    ]
    imported(home, "jsonl", log)
    (entry,) = entries(home)
    for name in ("request_id", "trace_id", "timestamp", "tool", "exit_code", "duration_ms"):
        assert entry[name] == there[0][name]
    assert imported(home, "jsonl", log)["added"] == 0


def test_nothing_of_a_foreign_line_goes_past_redaction(home: Home, tmp_path: Path) -> None:
    """What an error holds besides its texts, an outcome of no format, are left behind."""
    canary = "ghp_" + "Zx9Kq7Lm2Np4Rt6Vw8Yb1Cd3Ef5Gh7Jk9M0a"
    line = {
        "timestamp": "2026-08-01T10:00:00Z",
        "event": "end",
        "request_id": f"req_{canary}",
        "parent_request_id": f"req_{canary}",
        "trace_id": canary,
        "operator": canary,
        "tool": canary,
        "command": canary,
        "params": {canary: canary, "deep": [{"x": canary}]},
        "process": {"argv": [canary], "cwd": f"/{canary}", "host": canary},
        "caller": {"session": canary},
        "exit_code": 3,
        "outcome": canary,
        "error": {"code": canary, "message": canary, "hint": canary, "more": {"x": canary}},
    }
    source = tmp_path.parent / f"{tmp_path.name}-elsewhere" / "a.jsonl"
    lines = [line, {**line, "request_id": "req_1", "outcome": "failure"}]
    plain = {"timestamp": "2026-08-01T10:00:00Z", "command": canary, "id": canary, "tool": canary}
    assert imported(home, "jsonl", write(source, [*lines, plain]))["added"] == 3
    held = [path for path in home.data.rglob("*") if path.is_file()]
    assert not [path for path in held if canary.encode().lower() in path.read_bytes().lower()]


def test_a_line_of_another_writer_of_the_format_gets_an_id_of_ours(home: Home) -> None:
    """Its own stays as the call's name, and finds it again."""
    line = {
        "timestamp": "2026-08-01T10:00:00Z",
        "event": "end",
        "request_id": "req_X",
        "tool": "ls",
        "exit_code": 3,
    }
    path = write(home.path / "x.jsonl", [line])
    assert imported(home, "jsonl", path)["added"] == 1
    (entry,) = entries(home)
    assert entry["caller"]["tool_call"] == "req_X"
    assert entry["request_id"] == request_id_for("jsonl", "", "req_X")
    assert imported(home, "jsonl", path)["known"] == 1


@pytest.mark.parametrize("name", ["claude-code", "codex", "git-trace2", "jsonl"])
def test_damage_is_counted_and_never_fatal(home: Home, name: str) -> None:
    """Torn, binary, nested, of other types: the rest is still read."""
    junk = [
        b"\x00\x00\n",
        b'{"type":"tool_use","name":"Bash"\xff\n',
        b"[" * 100_000 + b"\n",
        b'{"message":{"content":[{"type":"tool_use","name":"Bash","id":[],"input":7}]}}\n',
        b'{"type":"session_meta","payload":{"id":{}}}\n',
        b'{"event":"start","sid":"a","time":9,"argv":[null]}\n',
        b'{"event":"end","request_id":[]}\n',
        b'{"timestamp":"2026-08-01T10:00:00Z","argv":["ls"]',
    ]
    path = home.path / "junk.jsonl"
    path.write_bytes(b"".join(junk))
    said = imported(home, name, path)
    assert said["bad_lines"] >= 1
    assert said["added"] == 0


def test_what_cannot_be_read_is_said_and_the_rest_is_kept(home: Home) -> None:
    """A pipe makes nobody wait, a circle of links ends."""
    folder = home.path / "t"
    write(folder / "a.jsonl", CLAUDE)
    (folder / "circle").symlink_to(folder)
    os.mkfifo(home.path / "pipe.jsonl")
    said = imported(
        home, "claude-code", folder, home.path / "pipe.jsonl", home.path / "none.jsonl", code=1
    )
    assert said["added"] == 3
    assert len(said["unreadable"]) == 2


def test_no_secret_of_a_transcript_reaches_the_disk(home: Home, tmp_path: Path) -> None:
    """Neither in a command, nor in an intent, an id or an output."""
    canary = "ghp_" + "Zx9Kq7Lm2Np4Rt6Vw8Yb1Cd3Ef5Gh7Jk9M0a"
    lines = [
        claude(1, bash("toolu_1", f"curl -H 'Authorization: Bearer {canary}'", description=canary)),
        claude(2, result("toolu_1", canary), streams(canary)),
    ]
    source = write(tmp_path.parent / f"{tmp_path.name}-elsewhere" / "a.jsonl", lines)
    lines.append(claude(3, bash("toolu_2", f"{canary} push")))  # in place of a program
    source = write(source, lines)
    assert imported(home, "claude-code", source)["added"] == 2
    held = [path for path in home.data.rglob("*") if path.is_file()]
    assert held
    assert not [path for path in held if canary.encode().lower() in path.read_bytes().lower()]


def test_a_dry_run_and_since_leave_out(home: Home) -> None:
    """The one writes nothing, the other only what began later."""
    path = write(home.path / "a.jsonl", CLAUDE)
    assert imported(home, "claude-code", path, "--dry-run")["added"] == 3
    assert not home.log("tooltrail-import").exists()
    said = imported(home, "claude-code", path, "--since", "2026-08-01T10:00:05Z")
    assert (said["added"], sum(said["skipped"].values())) == (1, 2)


def test_queries_judge_an_import_by_its_own_times(home: Home) -> None:
    """It is logged now, and ran in August; the session's trace has it, the log verifies."""
    imported(home, "claude-code", write(home.path / "a.jsonl", CLAUDE))

    def found(*window: str) -> int:
        told = home.tooltrail("log", "--tool", "git", "--output", "json", *window)
        return len(json.loads(told.stdout)["data"]["entries"])

    assert found("--since", "2026-08-01T10:00:02Z", "--until", "2026-08-01T10:01:00Z") == 1
    assert found("--since", "2026-08-01T10:00:04Z") == 0
    assert found("--until", "2026-08-01T10:00:00Z") == 0
    assert "push" in home.tooltrail("trace", SESSION, "--output", "tree").stdout
    assert home.tooltrail("verify").returncode == 0


def test_without_a_path_the_agents_usual_place_is_read(home: Home) -> None:
    """And the summary says which that was."""
    refused = home.tooltrail("import", "claude-code", "--output", "text")
    assert refused.returncode == 2
    write(home.path / ".claude" / "projects" / "-srv-app" / f"{SESSION}.jsonl", CLAUDE)
    said = home.tooltrail("import", "claude-code", "--output", "text")
    assert said.returncode == 0
    assert str(home.path / ".claude" / "projects") in said.stdout
    assert "3 added (1 without an exit code)" in said.stdout
    elsewhere = home.path / "elsewhere"
    write(elsewhere / "projects" / "p" / "a.jsonl", [claude(30, bash("toolu_8", "ls"))])
    env = {"CLAUDE_CONFIG_DIR": str(elsewhere)}
    assert "1 added" in home.tooltrail("import", "claude-code", "--output", "text", env=env).stdout
