"""An import at work: its progress, a disk that is full, what is not to be recorded, its memory."""

import json
import os
import pty
import re
import resource
import subprocess
import sys
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from conftest import TOOLTRAIL, Home
from test_import_transcripts import bash, claude, entries, imported, result, streams, write


def long_transcript(path: Path, size: int) -> None:
    """Write a transcript of so many bytes, with a command at its begin and its end."""
    words = {"type": "text", "text": "x" * 60_000}
    line = json.dumps({"type": "assistant", "message": {"content": [words]}}) + "\n"
    begun = json.dumps(claude(1, bash("toolu_1", "ls"))) + "\n"
    with path.open("w") as file:
        file.write(begun)
        for _ in range(size // len(line)):
            file.write(line)
        file.write(json.dumps(claude(2, result("toolu_1", "a"), streams("a"))) + "\n")


def test_a_terminal_is_shown_how_far_it_is_and_a_pipe_is_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, which is taken away at the end; the summary stands alone."""
    path = home.path / "a.jsonl"
    long_transcript(path, 40_000_000)
    code = (
        "import sys, tooltrail.cli.importing as importing\n"
        "importing._PROGRESS_S = 0.001\n"  # a second would make the test wait for it
        "raise SystemExit(importing.main(sys.argv[1:]))\n"
    )
    script = home.path / "import.py"
    script.write_text(code)
    argv = [sys.executable, str(script), "claude-code", str(path), "--output", "text"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=theirs) as importing:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            shown += piece
        assert importing.stdout is not None
        said = importing.stdout.read().decode()
    os.close(ours)
    assert importing.returncode == 0
    assert "1 added" in said
    steps = re.findall(rb"\r([\d,]+) MB read, (\d) commands, \d new\x1b\[K", shown)
    assert len(steps) > 1
    assert [int(megabytes) for megabytes, _ in steps] == sorted(int(mb) for mb, _ in steps)
    assert shown.endswith(b"\r\x1b[K")
    assert imported(home, "claude-code", path)["known"] == 1  # and stderr is empty there


def test_memory_does_not_grow_with_the_transcript(home: Home) -> None:
    """One of 300 MB, and a single line of 100 MB in it, take what a small one takes."""
    path = home.path / "a.jsonl"
    long_transcript(path, 200_000_000)
    with path.open("ab") as file:
        for _ in range(100):
            file.write(b"y" * 1_000_000)
    code = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode)\n"
    )
    argv = [sys.executable, "-c", code, TOOLTRAIL, "import", "claude-code", str(path)]
    ran = home.run(*argv)
    peak, returncode = map(int, ran.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024  # of `ru_maxrss`, in bytes
    assert returncode == 0
    assert peak * unit < 250_000_000
    assert len(entries(home)) == 1


def test_nothing_is_kept_of_what_the_settings_leave_out(home: Home) -> None:
    """Of one tool, or of all: the summary says how many."""
    folder = home.path / ".config" / "tooltrail"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[[rule]]\ntool = "git"\nlevel = "none"\n')
    lines = [claude(1, bash("toolu_1", "git status")), claude(2, bash("toolu_2", "ls"))]
    path = write(home.path / "a.jsonl", lines)
    said = imported(home, "claude-code", path)
    assert (said["added"], sum(said["skipped"].values())) == (1, 1)
    assert [each["tool"] for each in entries(home)] == ["ls"]
    other = write(home.path / "b.jsonl", [claude(3, bash("toolu_3", "make"))])
    told = home.tooltrail(
        "import", "claude-code", str(other), "--output", "json", env={"TOOLTRAIL_LEVEL": "none"}
    )
    assert sum(json.loads(told.stdout)["data"]["skipped"].values()) == 1


def test_a_disk_that_is_full_stops_it_and_it_goes_on_where_it_was(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may not grow further, as on a full disk; what was added is whole."""
    count = 400
    lines = [claude(number % 60, bash(f"toolu_{number}", "ls")) for number in range(count)]
    path = write(home.path / "a.jsonl", lines)

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    stopped = home.tooltrail(
        "import", "claude-code", str(path), "--output", "json", preexec_fn=little_room
    )
    assert stopped.returncode not in (0, 2)
    answer = json.loads(stopped.stdout)
    assert answer["ok"] is False
    assert "audit.jsonl" in answer["error"]["message"]
    kept = len(entries(home))
    assert 0 < kept < count
    assert answer["error"]["hint"].startswith(f"{kept} were added")
    assert home.tooltrail("verify").returncode == 0
    said = imported(home, "claude-code", path)
    assert (said["known"], said["added"]) == (kept, count - kept)


def test_two_imports_at_a_time_add_nothing_twice(home: Home) -> None:
    """The second is refused, or comes when the first is done."""
    lines = [claude(number % 60, bash(f"toolu_{number}", "ls")) for number in range(300)]
    path = write(home.path / "a.jsonl", lines)
    argv = [TOOLTRAIL, "import", "claude-code", str(path), "--output", "json"]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(2)]
    answers = [json.loads(each.communicate(timeout=60)[0]) for each in both]
    refused = [answer for answer in answers if not answer["ok"]]
    assert [answer["error"]["code"] for answer in refused] in ([], ["IMPORT_RUNNING"])
    assert len(entries(home)) == len(lines)


def test_an_import_that_another_one_waits_for_is_refused_with_clear_words(home: Home) -> None:
    """Whoever holds the lock on the folder is at work."""
    path = write(home.path / "a.jsonl", [claude(1, bash("toolu_1", "ls"))])
    folder = home.log("tooltrail-import").parent
    folder.mkdir(parents=True)
    fd = os.open(folder, os.O_RDONLY)
    flock(fd, LOCK_EX)
    refused = home.tooltrail("import", "claude-code", str(path), "--output", "json")
    os.close(fd)
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["message"] == "another import is at work"
    assert imported(home, "claude-code", path)["added"] == 1


def test_a_log_that_cannot_be_read_is_not_added_to(home: Home) -> None:
    """What is in it would be added a second time."""
    path = write(home.path / "a.jsonl", [claude(1, bash("toolu_1", "ls"))])
    imported(home, "claude-code", path)
    log = home.log("tooltrail-import")
    log.rename(log.with_suffix(".kept"))
    log.mkdir()
    refused = home.tooltrail("import", "claude-code", str(path), "--output", "json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["code"] == "LOG_NOT_READ_WHOLE"
    log.rmdir()
    log.with_suffix(".kept").rename(log)
    assert imported(home, "claude-code", path)["known"] == 1
