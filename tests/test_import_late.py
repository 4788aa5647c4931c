"""An import adds what was not known before: how a call ended of which only the begin was told."""

import json
import time
from typing import Any

import pytest

from conftest import Home
from test_import_transcripts import (
    SESSION,
    bash,
    call,
    claude,
    entries,
    imported,
    output,
    result,
    rollout,
    streams,
    write,
)
from tooltrail._encode import encode
from tooltrail.secondhand import request_id_for
from tooltrail.transcripts import known
from tooltrail.transcripts.adding import encoded
from tooltrail.transcripts.known import KnownCalls

UNIQUE = "toolu_01NzjV452AGVQR51StZtarfB"
CALL_TAG = "<tool-use-id>toolu_1</tool-use-id>\n"
BEGUN = claude(1, bash("toolu_1", "git push origin main"))
ENDED = claude(3, result("toolu_1", "pushed"), streams("pushed"))
FAILED = claude(3, result("toolu_1", "Exit code 3\nno", failed=True), "Error: Exit code 3\nno")


def listed(home: Home, *arguments: str) -> list[dict[str, Any]]:
    """Return the entries that `tooltrail log` shows."""
    told = home.tooltrail("log", "--output", "json", *arguments)
    found: list[dict[str, Any]] = json.loads(told.stdout)["data"]["entries"]
    return found


def hook(home: Home, agent: str, name: str, env: dict[str, str] | None = None, **more: Any) -> None:
    """Tell the hook's handler of an event of the call `toolu_1`."""
    event = {
        "hook_event_name": name,
        "session_id": SESSION,
        "tool_use_id": "toolu_1",
        "tool_name": "Bash",
        "tool_input": {"command": "git push origin main"},
        **more,
    }
    home.tooltrail("hook", "handle", agent, input=json.dumps(event), env=env)


def test_a_result_that_came_later_takes_the_place_of_the_unknown_end(home: Home) -> None:
    """The transcript grew; there is one entry still, and the log verifies."""
    path = write(home.path / "a.jsonl", [BEGUN])
    assert imported(home, "claude-code", path)["without_exit_code"] == 1
    assert imported(home, "claude-code", path)["completed"] == 0
    write(path, [BEGUN, FAILED])
    said = imported(home, "claude-code", path)
    assert (said["added"], said["completed"], said["known"]) == (0, 1, 0)
    (pushed,) = listed(home, "--tool", "git")
    assert (pushed["exit_code"], pushed["outcome"], pushed["duration_ms"]) == (3, "failure", 2000)
    assert pushed["timestamp"] == "2026-08-01T10:00:01.250Z"
    assert entries(home)[-1]["supersedes"] is True
    assert imported(home, "claude-code", path)["completed"] == 0
    assert home.tooltrail("verify").returncode == 0


def test_a_result_that_another_file_has_is_found_whichever_is_read_first(home: Home) -> None:
    """A resumed session repeats the call, and only there it ends."""
    folder = home.path / "t"
    write(folder / "a.jsonl", [BEGUN])
    write(folder / "b.jsonl", [BEGUN, ENDED])
    said = imported(home, "claude-code", folder)
    assert (said["added"], said["completed"]) == (1, 1)
    (pushed,) = listed(home, "--tool", "git")
    assert pushed["exit_code"] == 0
    write(folder / "c.jsonl", [BEGUN])
    assert imported(home, "claude-code", folder / "c.jsonl")["known"] == 1
    assert len(entries(home)) == 2


def test_a_begin_of_a_hook_gets_its_end_in_the_hooks_log(home: Home) -> None:
    """What the hook knew of the caller stays: trace, operator, its own time."""
    trace = {"TOOL_TRACE_ID": "release-7", "TOOL_OPERATOR": "ada"}
    hook(home, "claude-code", "PreToolUse", env=trace)
    (begun,) = (line for line in home.events("tooltrail", "begin") if line["tool"] == "git")
    said = imported(home, "claude-code", write(home.path / "a.jsonl", [BEGUN, FAILED]))
    assert (said["added"], said["completed"]) == (0, 1)
    assert not home.log("tooltrail-import").exists()
    (pushed,) = listed(home, "--tool", "git")
    assert (pushed["exit_code"], pushed["recorder"]) == (3, "import")
    for name in ("trace_id", "operator", "timestamp", "caller", "params", "process"):
        assert pushed[name] == begun[name]
    assert pushed["trace_id"] == "release-7"


def test_a_codex_hooks_end_without_an_exit_code_gets_the_rollouts(home: Home) -> None:
    """Codex tells its hooks none."""
    hook(home, "codex", "PreToolUse")
    hook(home, "codex", "PostToolUse", tool_response="rejected")
    (told,) = listed(home, "--tool", "git")
    assert (told["exit_code"], told["outcome"]) == (None, "unknown")
    lines = rollout(
        call("exec_command", "toolu_1", cmd="git push origin main"),
        output("toolu_1", "Wall time: 1.0 seconds\nProcess exited with code 9\nOutput:\nrejected"),
    )
    lines[0]["payload"]["id"] = SESSION
    said = imported(home, "codex", write(home.path / "rollout.jsonl", lines))
    assert (said["added"], said["completed"]) == (0, 1)
    (pushed,) = listed(home, "--tool", "git")
    assert (pushed["exit_code"], pushed["duration_ms"]) == (9, 1000)
    hook(home, "codex", "PostToolUse", tool_response="rejected")
    assert listed(home, "--tool", "git") == [pushed]


def test_a_hooks_own_end_is_never_replaced(home: Home) -> None:
    """It was there; a transcript may be edited."""
    hook(home, "claude-code", "PreToolUse")
    hook(home, "claude-code", "PostToolUse", tool_response={"stdout": "", "stderr": ""})
    said = imported(home, "claude-code", write(home.path / "a.jsonl", [BEGUN, FAILED]))
    assert (said["known"], said["completed"]) == (1, 0)
    (pushed,) = listed(home, "--tool", "git")
    assert (pushed["exit_code"], pushed["recorder"]) == (0, "hook")


def test_a_call_that_a_hook_records_while_the_import_runs_is_known(home: Home) -> None:
    """The import has read the log by then; the session that it reads goes on."""
    home.tooltrail("run", "--", "true")
    calls = KnownCalls(str(home.log("tooltrail")))
    hook(home, "claude-code", "PreToolUse")
    name = request_id_for("claude-code", SESSION, "toolu_1")
    assert calls.find(name, "toolu_1", 0) is None  # a call of 1970 was there or never will be
    assert calls.find(name, "toolu_1", time.time_ns()) == name
    assert calls.is_open(name)


def test_a_session_that_was_copied_under_another_id_is_not_added_again(home: Home) -> None:
    """The tool call's id is the model's and unique; one that is counted anew is not."""
    lines = [claude(1, bash(UNIQUE, "ls")), claude(2, bash("toolu_0", "ls"))]
    copied = [{**line, "sessionId": "another"} for line in lines]
    copied.append({**claude(3, result(UNIQUE, "x"), streams("x")), "sessionId": "another"})
    assert imported(home, "claude-code", write(home.path / "a.jsonl", lines))["added"] == 2
    said = imported(home, "claude-code", write(home.path / "b.jsonl", copied))
    assert (said["added"], said["completed"]) == (1, 1)
    assert len(listed(home, "--tool", "ls")) == 3


def test_what_is_left_out_of_metadata_does_not_come_back_with_the_end(home: Home) -> None:
    """The line before kept less than what holds now: so does the one in its place."""
    path = write(home.path / "a.jsonl", [BEGUN])
    said = home.tooltrail("import", "claude-code", str(path), env={"TOOLTRAIL_LEVEL": "metadata"})
    assert said.returncode == 0
    write(path, [BEGUN, claude(3, result("toolu_1", "the words", failed=True), "the words")])
    imported(home, "claude-code", path)
    (pushed,) = listed(home, "--tool", "git")
    assert (pushed["outcome"], pushed["level"], pushed["params"]) == ("failure", "metadata", {})
    assert "the words" not in home.log("tooltrail-import").read_text()


def notice(second: int, call_: str, task: str, status: str, said: str) -> dict[str, Any]:
    """Return the line in which Claude Code tells the end of a background command."""
    text = (
        f"<task-notification>\n<task-id>{task}</task-id>\n{call_}<status>{status}</status>\n"
        f'<summary>Background command "make "all"" {said}</summary>\n</task-notification>'
    )
    at = f"2026-08-01T10:00:{second:02d}.250Z"
    return {"type": "queue-operation", "operation": "enqueue", "timestamp": at, "content": text}


def started(call_: str, task: str) -> list[dict[str, Any]]:
    """Return the lines of a command that goes on in the background."""
    told = {**streams(""), "backgroundTaskId": task}
    text = f"Command running in background with ID: {task}"
    return [claude(1, bash(call_, "make all")), claude(2, result(call_, text), told)]


@pytest.mark.parametrize(
    ("line", "code", "outcome"),
    [
        (
            notice(9, CALL_TAG, "x", "failed", "failed with exit code 2"),
            2,
            "failure",
        ),
        (notice(9, "", "b7", "completed", "completed (exit code 0)"), 0, "success"),
        (notice(9, "", "b7", "killed", "was stopped"), None, "killed"),
        (
            claude(
                9,
                result("toolu_2", "done"),
                {"retrieval_status": "success",
                 "task": {"task_id": "b7", "task_type": "local_bash", "status": "completed",
                          "exitCode": 4, "output": "done"}},
            ),
            4,
            "failure",
        ),
        (
            claude(
                9,
                result("toolu_2", "done"),
                {"shellId": "b7", "command": "make all", "status": "completed", "exitCode": 0},
            ),
            0,
            "success",
        ),
        (notice(9, "", "another", "completed", "completed (exit code 0)"), None, "unknown"),
        (notice(9, "", "b7", "completed", "completed (exit code 9" + "9" * 5000 + ")"), None,
         "unknown"),
    ],
)  # fmt: skip
def test_a_background_commands_end_is_read_from_what_is_told_of_it(
    home: Home, line: dict[str, Any], code: int | None, outcome: str
) -> None:
    """By a notice, of this version or one before, or by the tool that asks for its output."""
    path = write(home.path / "a.jsonl", [*started("toolu_1", "b7"), line, line])
    imported(home, "claude-code", path)
    (made,) = entries(home)
    assert (made["exit_code"], made["outcome"]) == (code, outcome)
    assert made["duration_ms"] == (None if outcome == "unknown" else 8000)


def test_a_tools_output_that_looks_like_a_notice_ends_nothing(home: Home) -> None:
    """It is what a command printed."""
    fake = notice(9, "", "b7", "completed", "completed (exit code 0)")["content"]
    lines = [*started("toolu_1", "b7"), claude(3, bash("toolu_2", "cat x"))]
    lines.append(claude(4, result("toolu_2", fake), streams(fake)))
    imported(home, "claude-code", write(home.path / "a.jsonl", lines))
    outcomes = {each["caller"]["tool_call"]: each["outcome"] for each in entries(home)}
    assert outcomes == {"toolu_1": "unknown", "toolu_2": "success"}


def runs(number: int) -> str:
    """Return a result of Codex of a command that goes on."""
    return (
        f"Chunk ID: a\nWall time: 1.0 seconds\nProcess running with session ID {number}\nOutput:\n"
    )


def test_a_codex_command_that_goes_on_ends_with_the_poll_that_says_so(home: Home) -> None:
    """Two at a time, one of them broken off, and one that never comes back."""
    exited = "Chunk ID: c\nWall time: 0.0 seconds\nProcess exited with code {}\nOutput:\ndone"
    lines = rollout(
        call("exec_command", "c1", cmd="npm run build"),
        output("c1", runs(42)),
        call("exec_command", "c2", cmd="sleep 100"),
        output("c2", runs(43)),
        call("exec_command", "c3", cmd="tail -f log"),
        output("c3", runs(44)),
        call("write_stdin", "w1", session_id=42, chars=""),
        output("w1", runs(42)),
        call("write_stdin", "w2", session_id=43, chars="\x03"),
        output("w2", exited.format(130)),
        call("write_stdin", "w3", session_id=42, chars=""),
        output("w3", exited.format(0)),
        call("exec_command", "c4", cmd="cat notes"),
        output("c4", "Wall time: 0.1 seconds\nProcess exited with code 0\nOutput:\n" + runs(42)),
    )
    imported(home, "codex", write(home.path / "rollout.jsonl", lines))
    told = {
        each["caller"]["tool_call"]: (each["exit_code"], each["outcome"], each["duration_ms"])
        for each in entries(home)
    }
    assert told == {
        "c1": (0, "success", 11000),
        "c2": (130, "failure", 7000),
        "c3": (None, "unknown", None),
        "c4": (0, "success", 100),
    }


def test_codexs_own_event_of_a_commands_end_is_taken(home: Home) -> None:
    """It knows code and duration, where the result is only a text; it comes before or after."""
    ended = {
        "type": "exec_command_end",
        "call_id": "c1",
        "aggregated_output": "no\n",
        "exit_code": 1,
        "status": "failed",
        "duration": {"secs": 2, "nanos": 5_000_000},
    }
    lines = rollout(
        call("exec_command", "c1", cmd="ls /none"),
        ended,
        output("c1", "no"),
        call("exec_command", "c2", cmd="ls"),
        output("c2", runs(7)),
        {**ended, "call_id": "c2", "exit_code": 0},
        {**ended, "call_id": "unheard-of"},
    )
    imported(home, "codex", write(home.path / "rollout.jsonl", lines))
    first, second = entries(home)
    assert (first["exit_code"], first["duration_ms"]) == (1, 2005)
    assert first["output"]["stdout"]["bytes"] == 3
    assert (second["exit_code"], second["duration_ms"]) == (0, 2005)


def test_a_codex_result_in_parts_or_as_an_object_is_read(home: Home) -> None:
    """Newer versions hold parts, of which some are no text."""
    text = "Exit code: 3\nWall time: 2 seconds\nOutput:\nhi"
    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": "x"}]
    lines = rollout(
        call("shell_command", "c1", command="ls"),
        {**output("c1", ""), "output": parts},
        call("shell_command", "c2", command="ls"),
        {**output("c2", ""), "output": {"content": text, "success": False}},
    )
    imported(home, "codex", write(home.path / "rollout.jsonl", lines))
    assert [(each["exit_code"], each["duration_ms"]) for each in entries(home)] == [(3, 2000)] * 2


def test_a_codex_fork_repeats_calls_that_are_not_added_again(home: Home) -> None:
    """Under its own session, and at the time of the fork."""
    name = "call_PpKZWC6Sck49HRhLbOFCnQuK"
    lines = rollout(call("exec_command", name, cmd="ls"), output(name, "Exit code: 0\nOutput:\n"))
    imported(home, "codex", write(home.path / "rollout-1.jsonl", lines))
    head = {"id": "child", "forked_from_id": "019a", "cwd": "/srv"}
    forked = [{"timestamp": "2026-08-01T11:00:00Z", "type": "session_meta", "payload": head}]
    forked += [{**line, "timestamp": "2026-08-01T11:00:00Z"} for line in lines]
    forked += rollout(call("exec_command", "c9", cmd="pwd"))[1:]
    said = imported(home, "codex", write(home.path / "rollout-2.jsonl", forked))
    assert (said["added"], said["known"]) == (1, 1)
    assert entries(home)[-1]["caller"]["session"] == "child"


def test_many_open_calls_are_looked_up_again_where_they_are_not_kept(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines of open calls are kept up to a limit of memory."""
    write(home.path / "a.jsonl", [claude(n, bash(f"toolu_{n}", f"ls {n}")) for n in range(9)])
    imported(home, "claude-code", home.path / "a.jsonl")
    monkeypatch.setattr(known, "_KEPT_BYTES", 3000)
    calls = KnownCalls(str(home.log("tooltrail-import")))
    for each in entries(home):
        found = calls.line(each["request_id"])
        assert found is not None
        assert found["params"] == each["params"]


@pytest.mark.parametrize(
    "value", ['a\n\t\x00\x7f\x9b"\\/é€', "\ud800 \U0001f600", 1.5, float("nan"), 1 << 80, None, []]
)
def test_lines_are_written_as_all_others_are(value: Any) -> None:
    """By the C encoder, but for what JSON could not hold."""
    body = {"params": {"argv": [value]}, "x": value, "y": True}
    assert encoded(body) == encode(body)
