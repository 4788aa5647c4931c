"""Trace2 events of real git processes become entries of the calls that they ran under."""

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import TOOLTRAIL, Home
from test_import_transcripts import entries, imported

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def repository(home: Home) -> Path:
    """Make a repository with more to say than a pipe holds."""
    path = home.path / "r"
    who = ("-c", "user.email=a@b", "-c", "user.name=n")
    home.run("git", "init", "-q", path)
    (path / "numbers").write_text("".join(f"{number}\n" for number in range(40_000)))
    home.run("git", "add", ".", cwd=path)
    assert home.run("git", *who, "commit", "-q", "-m", "x", cwd=path).returncode == 0
    return path


@pytest.fixture
def events(home: Home, monkeypatch: pytest.MonkeyPatch, repository: Path) -> Path:
    """Have git write its events from now on."""
    path = home.path / "events"
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(path))
    return path


def by_argv(home: Home) -> dict[str, dict[str, Any]]:
    """Return the imported entries by their arguments without options."""
    return {
        " ".join(part for part in each["params"]["argv"] if "=" not in part and part != "-c"): each
        for each in entries(home)
    }


def test_git_processes_belong_to_the_trace_of_the_call_they_ran_under(
    home: Home, repository: Path, events: Path
) -> None:
    """`tooltrail trace` of the call shows them, those that an alias started as well."""
    env = {"TOOL_TRACE_ID": "release-7", "TOOL_OPERATOR": "ada"}
    alias = "alias.v=!git version; git log -1 --oneline"
    home.run(TOOLTRAIL, "run", "--", "git", "-c", alias, "v", cwd=repository, env=env)
    (wrapped,) = home.events("tooltrail", "end")
    assert imported(home, "git-trace2", events)["added"] == 3
    found = by_argv(home)
    outer, inner = found["git v"], found["git version"]
    assert outer["parent_request_id"] == wrapped["request_id"]
    assert inner["parent_request_id"] == outer["request_id"]
    assert {each["trace_id"] for each in found.values()} == {"release-7"}
    assert {each["operator"] for each in found.values()} == {"ada"}
    assert (outer["command"], inner["command"], inner["exit_code"]) == (None, "version", 0)
    shown = home.tooltrail("trace", wrapped["trace_id"], "--output", "tree").stdout
    assert "git version" in shown
    assert "log" in shown


def test_of_a_parent_that_no_log_has_its_id_is_the_trace(
    home: Home, repository: Path, events: Path
) -> None:
    """It may be on another machine."""
    home.run("git", "version", env={"GIT_TRACE2_PARENT_SID": "req_ELSEWHERE"})
    imported(home, "git-trace2", events)
    (entry,) = entries(home)
    assert (entry["trace_id"], entry["parent_request_id"]) == ("req_ELSEWHERE", "req_ELSEWHERE")


def test_how_git_ends_is_what_its_events_say(home: Home, repository: Path, events: Path) -> None:
    """A pager, a pipe that nobody reads, another program in its place, a signal in between."""
    home.run("git", "-c", "core.pager=cat", "-p", "log", "-1", cwd=repository)
    # Python has its children ignore SIGPIPE, unless it is told otherwise.
    piped = subprocess.Popen(
        ["git", "show"], cwd=repository, stdout=subprocess.PIPE, restore_signals=True
    )
    assert piped.stdout is not None
    piped.stdout.read(1)
    piped.stdout.close()
    assert piped.wait(20) == -signal.SIGPIPE
    home.run("git-shell", "-c", "git-upload-pack '/none'")
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=repository, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as killed:  # fmt: skip
        assert killed.stdin is not None
        assert killed.stdout is not None
        killed.stdin.write(b"HEAD\n")
        killed.stdin.flush()
        killed.stdout.readline()  # it runs
        killed.kill()
    imported(home, "git-trace2", events)
    ends = {
        argv: (each["exit_code"], each["outcome"], each["signal"])
        for argv, each in by_argv(home).items()
    }
    assert ends == {
        "git -p log -1": (0, "success", None),
        "git show": (141, "killed", "SIGPIPE"),
        "git-shell git-upload-pack '/none'": (None, "replaced", None),
        "git upload-pack /none": (128, "failure", None),
        "git cat-file --batch": (None, "unknown", None),
    }


def test_a_git_that_still_ran_gets_its_end_later(
    home: Home, repository: Path, events: Path
) -> None:
    """The events are read while git waits for its input, and again when it is done."""
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=repository, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"HEAD\n")
        running.stdin.flush()
        running.stdout.readline()
        assert imported(home, "git-trace2", events)["without_exit_code"] == 1
        running.communicate(b"")
    assert imported(home, "git-trace2", events)["completed"] == 1
    told = home.tooltrail("log", "--tool", "git", "--output", "json")
    (entry,) = json.loads(told.stdout)["data"]["entries"]
    assert (entry["exit_code"], entry["command"]) == (0, "cat-file")
