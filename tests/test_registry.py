"""The list of all logs that were ever begun, so that one that is gone is missed."""

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, Home
from tooltrail._encode import encode
from tooltrail.errors import NotRecordedError
from tooltrail.trail import append
from tooltrail.trail.registry import acknowledge, registered, registry_path

NOT_OURS = b"garbage\n{}\n[1]\n\xff\xfe\n\n" + b"{" * 5000 + b"\n"


@pytest.fixture
def registry(home: Home) -> Path:
    return Path(registry_path(str(home.data)))


def begin(home: Home, *tools: str) -> list[str | None]:
    """Begin a log for each tool; return their ids."""
    made = []
    for tool in tools:
        path = str(home.log(tool))
        made.append(append(path, tool, '{"event":"later"}', with_log_id=True).log)
    return made


def events(registry: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in registry.read_bytes().splitlines()]


def found(home: Home) -> list[tuple[str, str, str]]:
    return [(log.log, log.tool, log.path) for log in registered(str(home.data))]


def test_each_log_is_registered_once(home: Home, registry: Path) -> None:
    """One line for each log with its id, its tool and its absolute path, in one chain."""
    ids = begin(home, "one", "two", "one")
    lines = events(registry)
    assert [line["event"] for line in lines] == ["log", "register", "register"]
    assert [line["seq"] for line in lines] == [0, 1, 2]
    assert found(home) == [
        (ids[0], "one", str(home.log("one"))),
        (ids[1], "two", str(home.log("two"))),
    ]
    assert ids[0] == ids[2]


def test_the_registry_does_not_register_itself(home: Home, registry: Path) -> None:
    """Nor does it take the place of tooltrail's own log, which is one like any other."""
    begin(home, "one")
    home.tooltrail("run", "--", "true")
    assert [log.tool for log in registered(str(home.data))] == ["one", "tooltrail"]
    assert "logs.jsonl" not in "".join(log.path for log in registered(str(home.data)))


def test_a_new_segment_is_no_new_log(home: Home, registry: Path) -> None:
    """Rotation registers nothing, and neither does a log that went on after a deletion."""
    for _ in range(10):
        append(str(home.log("one")), "one", encode({"event": "x", "pad": "x" * 300}), rotate_at=900)
    home.log("one").unlink()
    begin(home, "one")
    assert len(found(home)) == 1
    assert len(list(home.log("one").parent.glob("audit-*"))) > 2


def test_a_log_that_was_deleted_whole_is_another_log(home: Home, registry: Path) -> None:
    """The old one stays registered, so that it is missed; the new one is registered too."""
    first = begin(home, "one")
    shutil.rmtree(home.log("one").parent)
    second = begin(home, "one")
    assert [log for log, _, _ in found(home)] == [*first, *second]
    done = home.tooltrail("log", "--output", "json")
    assert f"the log {first[0]} of one is gone from {home.log('one')}" in done.stderr
    assert [warning["code"] for warning in json.loads(done.stdout)["warnings"]] == ["LOG_MISSING"]


def test_a_log_that_was_taken_away_on_purpose_is_acknowledged(home: Home, registry: Path) -> None:
    """It is not missed any more; its line stays, with the reason."""
    (log_id,) = begin(home, "one")
    assert log_id is not None
    shutil.rmtree(home.log("one").parent)
    acknowledge(str(home.data), log_id, "me", "moved to the archive")
    (known,) = registered(str(home.data))
    assert known.acknowledged == "moved to the archive"
    assert home.tooltrail("log").stderr == ""


def test_damaged_lines_are_passed_over(home: Home, registry: Path) -> None:
    """What is not ours in the list neither hides what is nor stops a log from being registered."""
    first = begin(home, "one")
    with registry.open("ab") as file:
        file.write(NOT_OURS)
    second = begin(home, "two")
    with registry.open("ab") as file:
        file.write(b'{"v":1,"seq":9,"prev":"sha256:00')
    third = begin(home, "three")
    assert [log for log, _, _ in found(home)] == [*first, *second, *third]
    assert "gone" not in home.tooltrail("log").stderr


@pytest.mark.parametrize(
    "line",
    [
        {"event": "register"},
        {"event": "register", "log": 5, "tool": None, "path": ["x"]},
        {"event": "register", "log": "log_x", "tool": "x", "path": ""},
        {"event": "register", "log": "log_x", "tool": "x", "path": "\0"},
        {"event": "acknowledge", "log": "log_nobody_knows"},
        {"event": "acknowledge"},
        {"event": "of the future", "log": "log_x"},
    ],
    ids=str,
)
def test_lines_of_a_wrong_form_do_not_stop_a_reader(
    home: Home, registry: Path, line: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the list cannot keep others from reading the logs."""
    monkeypatch.setattr("conftest._validate", lambda log: None)
    with tooltrail.invocation("one"):
        pass
    append(str(registry), "tooltrail", encode(line))
    done = home.tooltrail("log", "--output", "jsonl")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("what", ["folder", "pipe", "dangling link", "file for its folder"])
def test_a_registry_that_cannot_be_written_stops_no_log(
    home: Home, registry: Path, what: str
) -> None:
    """The tool is recorded without a word; whoever reads is told what cannot be read."""
    home.data.mkdir(parents=True)
    if what == "file for its folder":
        registry.parent.write_text("a file")
    else:
        registry.parent.mkdir()
        if what == "folder":
            registry.mkdir()
        elif what == "pipe":
            os.mkfifo(registry)
        else:
            registry.symlink_to("nowhere")
    code = "import tooltrail\nwith tooltrail.invocation('one'): print('ran')"
    done = home.python(code, env={"TOOLTRAIL_POLICY": "closed"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
    assert home.end("one")["exit_code"] == 0
    listed = home.tooltrail("log", "--output", "jsonl", timeout=8)
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 1


def test_a_registry_with_a_stuck_lock_stops_no_log(home: Home, registry: Path) -> None:
    """Only the first call of a new tool waits, and it is recorded."""
    begin(home, "one")
    with registry.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = "import tooltrail\nwith tooltrail.invocation('two'): print('ran')"
        done = home.python(code, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
    assert home.end("two")["exit_code"] == 0
    assert [log.tool for log in registered(str(home.data))] == ["one"]


def test_a_stuck_registry_does_not_hold_up_the_other_writers_of_a_new_log(
    home: Home, registry: Path
) -> None:
    """Whoever registers a log does not keep its lock while waiting for the list's."""
    begin(home, "one")
    code = """
import sys
from tooltrail.trail import append
append(sys.argv[1], "two", '{"event":"later"}')
"""
    with registry.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = subprocess.Popen([PYTHON, "-c", code, str(home.log("two"))])
        try:
            while not (home.log("two").exists() and home.log("two").stat().st_size):
                assert writer.poll() is None
            with home.log("two").open("rb") as log:
                while not waits_for(writer.pid, registry):
                    assert writer.poll() is None
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            writer.communicate(timeout=20)


def waits_for(pid: int, path: Path) -> bool:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(fd) == str(path):
                return True
        except OSError:
            continue
    return False


def test_an_acknowledgement_that_cannot_be_written_is_an_error(home: Home, registry: Path) -> None:
    """Unlike registering, it is what was asked for."""
    registry.mkdir(parents=True)
    with pytest.raises(NotRecordedError):
        acknowledge(str(home.data), "log_x", "me", "why")


def test_many_tools_that_begin_at_once_are_all_registered(home: Home, registry: Path) -> None:
    """No registration is lost to another's."""
    code = (
        "import sys\nfrom tooltrail.trail import append\nsys.stdin.readline()\n"
        "for tool in sys.argv[2:]: append(f'{sys.argv[1]}/{tool}/audit.jsonl', tool,"
        ' \'{"event":"later"}\')'
    )
    names = [[f"t{writer}-{number}" for number in range(10)] for writer in range(4)]
    names[3] += names[0]
    writers = [
        subprocess.Popen(
            [PYTHON, "-c", code, str(home.data), *tools],
            stdin=subprocess.PIPE,
            env=home.environment(),
        )
        for tools in names
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
    assert sorted(log.tool for log in registered(str(home.data))) == sorted(
        {name for tools in names for name in tools}
    )
