"""Reading on: `--follow`, `--cursor-file`, and the proof that there was no such call."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, TOOLTRAIL, Home
from tooltrail._encode import encode
from tooltrail.trail import append
from tooltrail.trail.segments import sealed_segments
from tooltrail.trail.tail import Place, Tail, end_of

WAIT_S = 20
SMALL = 4000  # bytes: a segment of a few lines
WRITER = """\
import sys, tooltrail
for number in range(int(sys.argv[2])):
    with tooltrail.invocation("app", sys.argv[1], {"n": number}): pass
"""


AUDITED = """
import sys, click
from tooltrail.integrations.click import instrument
@click.group()
def cli(): pass
@cli.command()
def go(): pass
instrument(cli, tool="app", envelope=True)
cli()
"""


def calls(home: Home, name: str, count: int = 1) -> None:
    """Make calls of the command `name`."""
    home.python(WRITER, name, str(count))


def listed(home: Home, cursor: Path, *arguments: str) -> list[dict[str, Any]]:
    """Return what came since the cursor, and move it."""
    done = home.tooltrail("log", "--cursor-file", str(cursor), *arguments, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextmanager
def following(home: Home, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """Follow all logs in a process of its own, as JSON lines."""
    command = [TOOLTRAIL, "log", "--follow", "--output", "jsonl", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=home.environment(), stdout=pipe, stderr=pipe, text=True
    ) as process:
        try:
            _until(lambda: bool(home.log("tooltrail").exists() and "log" in _reading(home)))
            yield process
        finally:
            process.kill()


def _reading(home: Home) -> list[str]:
    begun = [line for line in home.lines("tooltrail") if line["event"] == "begin"]
    return [str(line["command"]) for line in begun]


def _until(true: Any) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def stopped(process: "subprocess.Popen[str]") -> tuple[list[dict[str, Any]], str]:
    """Stop following by Ctrl-C; return what was printed, each line of it whole."""
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == -signal.SIGINT, err
    assert out.endswith("\n") or not out
    return [json.loads(line) for line in out.splitlines()], err


# -- the cursor


def test_each_call_is_listed_once_over_several_readings(home: Home, tmp_path: Path) -> None:
    """The first reading lists all; the next ones what came since; with whatever filters."""
    cursor = tmp_path / "cursor"
    calls(home, "one", 3)
    assert [entry["command"] for entry in listed(home, cursor)] == ["one"] * 3
    assert listed(home, cursor) == []
    calls(home, "two")
    home.tooltrail("run", "--", "true")
    assert [entry["tool"] for entry in listed(home, cursor)] == ["app", "true"]
    calls(home, "three")
    assert listed(home, cursor, "--command", "nothing") == []
    assert listed(home, cursor) == []  # it was read, and left out
    assert cursor.stat().st_mode & 0o777 == 0o600


def test_what_a_limited_reading_found_in_sealed_segments_is_not_listed_again(
    home: Home, tmp_path: Path
) -> None:
    """It notes the last entry's number, and no place in a file."""
    cursor = tmp_path / "cursor"
    code = """
import tooltrail
for n in range(40):
    with tooltrail.invocation("app", "go", {"n": n, "note": "x" * 3000}):
        pass
"""
    home.python(code, env={"TOOLTRAIL_ROTATE_AT": "64kB"})
    assert len(sealed_segments(str(home.log("app")))) > 2
    found = [listed(home, cursor, "--limit", "15") for _ in range(4)]
    numbers = [entry["params"]["n"] for part in found for entry in part]
    assert (numbers, found[3]) == (list(range(40)), [])
    calls(home, "later")
    assert [entry["command"] for entry in listed(home, cursor)] == ["later"]


def test_a_limit_stops_where_the_next_reading_goes_on(home: Home, tmp_path: Path) -> None:
    """Nothing between is lost."""
    cursor = tmp_path / "cursor"
    calls(home, "go", 5)
    found = [listed(home, cursor, "--limit", "2") for _ in range(4)]
    numbers = [[entry["params"]["n"] for entry in part] for part in found]
    assert numbers == [[0, 1], [2, 3], [4], []]


def test_a_call_that_still_runs_is_listed_when_it_has_ended(home: Home, tmp_path: Path) -> None:
    """Once; and one that was killed, once its process is gone."""
    cursor = tmp_path / "cursor"
    code = "import sys, tooltrail\nwith tooltrail.invocation('app', 'slow', {}): sys.stdin.read()"
    pipe = subprocess.PIPE
    given = home.environment()
    ends, dies = (
        subprocess.Popen([sys.executable, "-c", code], stdin=pipe, env=given) for _ in "12"
    )
    _until(lambda: home.log("app").exists() and len(home.events("app", "begin")) == 2)
    assert listed(home, cursor) == []
    ends.communicate()
    dies.kill()
    dies.communicate()
    assert sorted(entry["outcome"] for entry in listed(home, cursor)) == ["success", "vanished"]
    assert listed(home, cursor) == []


def test_an_end_that_says_nothing_is_an_end(home: Home, tmp_path: Path) -> None:
    """Of a call that a hook told of, neither exit code nor duration may be known."""
    cursor = tmp_path / "cursor"
    home.tooltrail("run", "--", "true")
    listed(home, cursor)
    log = home.log("tooltrail")
    end = next(each for each in home.events("tooltrail", "end") if each["tool"] == "true")
    end |= {"request_id": "req_" + "0" * 26, "outcome": "unknown", "exit_code": None}
    last = home.lines("tooltrail")[-1]
    end |= {"duration_ms": None, "recorder": "hook", "seq": last["seq"] + 1}
    end["logged_at"] = last["logged_at"]
    with log.open("a") as file:
        file.write(json.dumps(end, separators=(",", ":")) + "\n")
    assert [entry["request_id"] for entry in listed(home, cursor)] == [end["request_id"]]
    assert listed(home, cursor) == []


def test_nothing_is_lost_or_doubled_when_logs_are_sealed_and_compressed(tmp_path: Path) -> None:
    """Wherever the reader stops, and whatever became of the file meanwhile."""
    path = tmp_path / "demo" / "audit.jsonl"
    tail = Tail(str(path), Place())
    read: list[int] = []
    for number in range(200):
        body = {"event": "later", "n": number, "pad": "x" * 150}
        append(str(path), "demo", encode(body), rotate_at=SMALL)
        if number % 7 == 0:
            told = json.loads(json.dumps(tail.place.as_json()))
            tail = Tail(str(path), Place(**told))  # as a cursor file brings it back
            read += [event["n"] for event in map(json.loads, tail.lines()) if "n" in event]
        if number == 100:
            for segment in sealed_segments(str(path))[:3]:
                subprocess.run(["gzip", segment.path], check=True)
    read += [event["n"] for event in map(json.loads, tail.lines()) if "n" in event]
    assert read == list(range(200))
    assert tail.gaps == []
    place, _ = end_of(str(path))
    assert (place.seq, place.log) == (tail.place.seq, tail.place.log)


def test_lines_that_were_pruned_before_they_were_read_are_counted(tmp_path: Path) -> None:
    """A gap is told, and reading goes on behind it."""
    path = tmp_path / "demo" / "audit.jsonl"

    def add(numbers: range) -> None:
        for number in numbers:
            body = {"event": "later", "n": number, "pad": "x" * 150}
            append(str(path), "demo", encode(body), rotate_at=SMALL)

    add(range(5))
    tail = Tail(str(path), Place())
    assert len(list(tail.lines())) == 6
    add(range(5, 100))
    kept = sealed_segments(str(path))[-1]
    for segment in sealed_segments(str(path))[:-1]:
        os.unlink(segment.path)
    first = next(iter(map(json.loads, tail.lines())))
    assert first["seq"] == kept.first_seq
    assert tail.gaps == [f"{path}: {first['seq'] - 6} lines were gone before they were read"]


@pytest.mark.parametrize("number", [0, 70], ids=["smaller", "larger"])
@pytest.mark.parametrize("at", [10, -1], ids=["in the midst", "at the end"])
def test_a_damaged_number_hides_no_line(tmp_path: Path, at: int, number: int) -> None:
    """Neither its own, nor one of the same segment, nor one of the next ones."""
    path = tmp_path / "demo" / "audit.jsonl"
    for n in range(100):
        body = {"event": "later", "n": n, "pad": "x" * 150}
        append(str(path), "demo", encode(body), rotate_at=SMALL)
    for each in sealed_segments(str(path))[:2]:
        segment = Path(each.path)
        lines = segment.read_bytes().splitlines(keepends=True)
        lines[at] = re.sub(rb'"seq":\d+', b'"seq":%d' % number, lines[at])
        segment.write_bytes(b"".join(lines))
    tail = Tail(str(path), Place())
    read = [event["n"] for event in map(json.loads, tail.lines()) if "n" in event]
    assert read == list(range(100))
    assert list(tail.lines()) == []


def test_another_log_in_the_place_of_one_is_read_from_its_beginning(
    home: Home, tmp_path: Path
) -> None:
    """And said to be another."""
    cursor = tmp_path / "cursor"
    calls(home, "old", 3)
    listed(home, cursor)
    home.log("app").unlink()
    calls(home, "new")
    done = home.tooltrail("log", "--cursor-file", str(cursor), "--output", "jsonl")
    assert [json.loads(line)["command"] for line in done.stdout.splitlines()] == ["new"]
    assert "another log is in the place of the one that was read" in done.stderr


def test_sealed_segments_are_read_though_the_active_file_is_gone(tmp_path: Path) -> None:
    """Once: a log of which somebody removed the end still tells what it has."""
    path = tmp_path / "demo" / "audit.jsonl"
    for number in range(60):
        body = {"event": "later", "n": number, "pad": "x" * 150}
        append(str(path), "demo", encode(body), rotate_at=SMALL)
    path.unlink()
    tail = Tail(str(path), Place())
    assert tail.has_grown()
    assert len(list(tail.lines())) > 20
    assert not tail.has_grown()


def test_a_torn_line_is_waited_for(tmp_path: Path) -> None:
    """It is not half read: the next writer closes it off."""
    path = tmp_path / "demo" / "audit.jsonl"
    append(str(path), "demo", encode({"event": "later", "n": 0}))
    tail = Tail(str(path), Place())
    with path.open("ab") as file:
        file.write(b'{"v":1,"seq":2,"pr')
    assert len(list(tail.lines())) == 2
    append(str(path), "demo", encode({"event": "later", "n": 1}))
    rest = list(tail.lines())
    assert [line.startswith(b'{"v":1,"seq":2') for line in rest] == [True, True]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "no cursor file of this version"),
        ("[]", "no cursor file of this version"),
        ('{"tooltrail_cursor": 9, "logs": {}}', "no cursor file of this version"),
        ('{"tooltrail_cursor": 1, "logs": {"/x": {"seq": "1"}}}', "no cursor file"),
    ],
)
def test_a_file_that_is_no_cursor_is_refused_and_left_as_it_is(
    home: Home, tmp_path: Path, text: str, says: str
) -> None:
    """Somebody may have named the wrong one."""
    cursor = tmp_path / "cursor"
    cursor.write_text(text)
    done = home.tooltrail("log", "--cursor-file", str(cursor), "--output", "jsonl")
    assert (done.returncode, says in done.stderr) == (2, True)
    assert cursor.read_text() == text


def test_a_cursor_that_cannot_be_written_fails_the_reading(home: Home, tmp_path: Path) -> None:
    """What was listed will be listed again: that is said."""
    calls(home, "go")
    nowhere = tmp_path / "nowhere" / "cursor"
    done = home.tooltrail("log", "--cursor-file", str(nowhere), "--output", "jsonl")
    assert done.returncode == 1
    assert "will be listed again" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--follow", "--reverse"],
        ["--follow", "--until", "now"],
        ["--follow", "--prove-none"],
        ["--cursor-file", "x", "--tail", "3"],
        ["--cursor-file", "x", "--reverse"],
    ],
)
def test_what_does_not_go_together_is_a_usage_error(home: Home, arguments: list[str]) -> None:
    """With what to leave out."""
    done = home.tooltrail("log", *arguments, "--output", "jsonl", cwd=home.path)
    assert done.returncode == 2
    assert "does not go with" in done.stderr


# -- following


def test_calls_are_shown_as_they_end(home: Home) -> None:
    """The last ten first; then each once, of logs that come too; the killed ones, too."""
    calls(home, "before", 12)
    with following(home) as process:
        calls(home, "after", 3)
        home.tooltrail("run", "--", "true")
        wrapped = subprocess.Popen(
            [TOOLTRAIL, "run", "--", "sleep", "60"], env=home.environment(), start_new_session=True
        )
        _until(lambda: "sleep" in [e["tool"] for e in home.events("tooltrail", "begin")])
        os.killpg(wrapped.pid, signal.SIGKILL)
        wrapped.wait()
        time.sleep(2.5)
        found, _ = stopped(process)
    told = [entry["command"] or entry["tool"] for entry in found]
    assert told == ["before"] * 10 + ["after"] * 3 + ["true", "sleep"]
    assert found[-1]["outcome"] == "vanished"


def test_no_line_is_lost_or_doubled_while_many_write_and_logs_rotate(home: Home) -> None:
    """Four writers, segments of a few lines, and a second reader that compresses them."""
    settings = home.path / ".config" / "tooltrail" / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('rotate_at = "64 kB"\n')
    with following(home, "--since", "1h") as process:
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, f"w{number}", "150"], env=home.environment()
            )
            for number in range(4)
        ]
        lines: list[str] = []
        assert process.stdout is not None
        while len(lines) < 600:
            lines.append(process.stdout.readline())
            if len(lines) % 150 == 0:
                home.tooltrail("log", "--limit", "1")
        assert [writer.wait() for writer in writers] == [0] * 4
        rest, _ = stopped(process)
    found = [json.loads(line) for line in lines]
    assert rest == []
    assert len(sealed_segments(str(home.log("app")))) > 3
    told = sorted((entry["command"], entry["params"]["n"]) for entry in found)
    assert told == [(f"w{writer}", number) for writer in range(4) for number in range(150)]


def test_ctrl_c_keeps_the_cursor_and_what_follows_is_read_on(home: Home, tmp_path: Path) -> None:
    """Between two followings nothing is lost."""
    cursor = tmp_path / "cursor"
    with following(home, "--cursor-file", str(cursor)) as process:
        calls(home, "one", 2)
        found, _ = stopped(process)
    assert [entry["command"] for entry in found] == ["one"] * 2
    calls(home, "two", 3)
    assert [entry["command"] for entry in listed(home, cursor)] == ["two"] * 3


def test_following_ends_when_nobody_reads_any_more(home: Home) -> None:
    """Though nothing comes that could not be written."""
    with following(home) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(WAIT_S) == 1


def test_a_terminal_gets_a_table_at_once(home: Home) -> None:
    """It does not wait until it knows how wide its columns are."""
    command = [TOOLTRAIL, "log", "--follow", "--output", "table"]
    with subprocess.Popen(
        command, env=home.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "TIME (UTC)" in process.stdout.readline()
        calls(home, "go")
        assert "app go" in process.stdout.readline()
        process.kill()


def test_a_listing_that_is_stopped_is_whole_as_json(home: Home) -> None:
    """One response, closed, with what was listed by then; the reader is slow."""
    calls(home, "go", 300)
    command = [TOOLTRAIL, "log", "--output", "json"]
    with subprocess.Popen(
        command, env=home.environment(), stdout=subprocess.PIPE, text=True, bufsize=0
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1000)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        text = first + process.stdout.read()
        assert process.wait(WAIT_S) == -signal.SIGINT
    response = json.loads(text)
    assert response["ok"] is False
    assert response["error"]["code"] == "INTERRUPTED"
    assert 0 < len(response["data"]["entries"]) < 300


# -- the proof that there is none


def proved(home: Home, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Ask for the proof; return the exit code and the data."""
    done = home.tooltrail("log", "--prove-none", *arguments, "--output", "json")
    return done.returncode, json.loads(done.stdout)["data"]


def test_that_there_is_no_such_call_is_said_with_what_it_rests_on(home: Home) -> None:
    """Exit code 0: none, and the logs are complete from here to there."""
    calls(home, "deploy", 3)
    code, data = proved(home, "--command", "delete", "--trace-id", "x")
    assert (code, data["none"], data["found"], data["doubts"]) == (0, True, 0, [])
    spans = {log["tool"]: (log["first_seq"], log["last_seq"]) for log in data["logs"]}
    assert spans["app"] == (0, 6)
    text = home.tooltrail("log", "--prove-none", "--command", "delete", "--output", "table").stdout
    assert text.startswith("no such call, and the logs are complete: app from seq 0 to 6, ")


def test_that_there_are_such_calls_is_said(home: Home) -> None:
    """Exit code 1, with the first of them."""
    calls(home, "delete", 7)
    code, data = proved(home, "--command", "delete")
    assert (code, data["none"], data["found"], len(data["first"])) == (1, False, 7, 5)


def _edit(home: Home) -> None:
    log = home.log("app")
    log.write_text(log.read_text().replace('"n":1', '"n":8'))


def _remove(home: Home) -> None:
    home.log("app").unlink()


def _tear(home: Home) -> None:
    with home.log("app").open("a") as log:
        log.write('{"v":1,"seq":7')


def _lose(home: Home) -> None:
    from tooltrail.trail.lost import note

    note(str(home.log("app")), "app", "req_x", "the disk was full")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_edit, "app is edited"),
        (_remove, "is gone from"),
        (_tear, "torn"),
        (_lose, "disk was full"),
    ],
)
def test_where_nobody_can_say_it_says_why(home: Home, harm: Any, says: str) -> None:
    """Exit code 3: none is found, but the logs are not complete."""
    calls(home, "deploy", 3)
    harm(home)
    code, data = proved(home, "--command", "delete")
    assert (code, data["none"]) == (3, None)
    assert any(says in doubt for doubt in data["doubts"]), data["doubts"]


def test_pruned_segments_are_a_doubt_only_for_the_time_that_they_were_of(home: Home) -> None:
    """Since the first line that is kept, the log is complete."""
    path = str(home.log("demo"))
    for number in range(60):
        body = {"event": "later", "n": number, "pad": "x" * 150}
        append(path, "demo", encode(body), rotate_at=SMALL, with_log_id=True)
    settings = home.path / ".config" / "tooltrail" / "config.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('[retention]\nmax_age = "1s"\n')
    time.sleep(1.1)
    append(path, "demo", encode({"event": "later"}), rotate_at=1, with_log_id=True)
    home.tooltrail("log")
    _until(lambda: sealed_segments(path)[0].first_seq)
    code, data = proved(home, "--command", "delete")
    assert (code, "was pruned" in " ".join(data["doubts"])) == (3, True)
    assert proved(home, "--command", "delete", "--since", "now")[0] == 0


APP = """\
import os, sys, tooltrail
command, *given = sys.argv[1:]
params = {"token": "s3cret-horse-77", "env_name": "prod", "hard": False}
with tooltrail.invocation("deployctl", command, params) as call:
    if "die" in given:
        os.kill(os.getpid(), 9)
    if "exec" in given:
        os.execv("/bin/sh", ["sh", "-c", "exit 4"])
"""


def _by_app(*words: str, **env: str) -> Any:
    return lambda home: home.python(APP, *words, env={"TOOL_TRACE_ID": "S", **env})


def _by_wrapper(*command: str) -> Any:
    return lambda home: home.tooltrail("run", "--trace-id", "S", "--", *command)


@pytest.mark.parametrize(
    ("act", "asked", "says"),
    [
        (_by_app("x", TOOLTRAIL_LEVEL="metadata"), ["--param", "n=7"], "params are not known"),
        (_by_wrapper("echo", "delete", "pod"), ["--command", "delete"], "command is not known"),
        (_by_wrapper("sh", "-c", "echo delete"), ["--command", "delete"], "command is not known"),
        (_by_wrapper("sh", "-c", "true"), ["--tool", "kubectl"], "may have called the tool"),
        (_by_app("x", "die"), ["--exit-code", "5"], "end is not known"),
        (_by_app("x", "die"), ["--slower-than", "2s"], "end is not known"),
        (_by_app("x", "exec"), ["--failed"], "end is not known"),
        (_by_app("x", "exec"), ["--exit-code", "4"], "end is not known"),
        (_by_app("x"), ["--param", "token=s3cret"], "params are not known"),
        (_by_app("x"), ["--text", "s3cret"], "something was taken out"),
        (_by_app("x"), ["--until", "2099-01-01", "--command", "y"], "is not over"),
        (_by_app("x"), ["--tool", "typo"], "nothing was ever recorded of a tool called typo"),
    ],
)
def test_what_may_be_meant_is_a_doubt(home: Home, act: Any, asked: list[str], says: str) -> None:
    """Where what is asked is not known of a call, nobody can say that there is none."""
    act(home)
    code, data = proved(home, *asked)
    assert (code, data["none"]) == (3, None)
    assert any(says in doubt for doubt in data["doubts"]), data["doubts"]


@pytest.mark.parametrize(
    "asked",
    [
        ["--command", "delete"],
        ["--param", "env-name=test"],
        ["--param", "hard=True"],
        ["--exit-code", "5"],
        ["--slower-than", "1h"],
        ["--failed", "--tool", "deployctl"],
        ["--trace-id", "other"],
    ],
)
def test_what_is_known_of_all_calls_is_sure(home: Home, asked: list[str]) -> None:
    """A call of which all of it is known is not meant."""
    home.python(APP.replace('"token": "s3cret-horse-77", ', ""), "deploy")
    code, data = proved(home, *asked)
    assert (code, data["none"], data["doubts"]) == (0, True, [])


@pytest.mark.parametrize("asked", [["--param", "env-name=prod"], ["--param", "hard=False"]])
def test_a_param_is_found_however_it_is_spelt(home: Home, asked: list[str]) -> None:
    """As the option that it was, or the name that it has."""
    _by_app("deploy")(home)
    assert proved(home, *asked)[0] == 1


def test_an_id_is_looked_for_as_it_was_recorded(home: Home) -> None:
    """One that is too long, or not printable, is not recorded as it was given."""
    for trace in ("x" * 300, "a\tb"):
        home.python(APP, "deploy", env={"TOOL_TRACE_ID": trace})
        assert proved(home, "--trace-id", trace)[0] == 1
    token = "ghp_" + "a1B2" * 9
    home.python(APP, "deploy", env={"TOOL_TRACE_ID": token})
    assert proved(home, "--trace-id", token)[0] == 3


def test_calls_lost_of_a_log_that_never_came_to_be_are_a_doubt(home: Home) -> None:
    """There is no log to read, but there is a note."""
    home.tooltrail("run", "--", "true")
    (home.data / "deployctl").write_text("no folder")
    home.python(APP, "delete")
    code, data = proved(home, "--command", "delete")
    assert code == 3
    assert any("never came to be" in doubt for doubt in data["doubts"])
    for place in Path(f"/tmp/tooltrail-{os.geteuid()}").glob("lost.jsonl"):
        kept = [line for line in place.read_text().splitlines() if str(home.data) not in line]
        place.write_text("".join(f"{line}\n" for line in kept))


def test_a_list_of_logs_that_is_gone_or_was_changed_is_a_doubt(home: Home) -> None:
    """Nobody can say which logs there were."""
    _by_app("delete")(home)
    home.tooltrail("run", "--", "true")
    shutil.rmtree(home.data / "deployctl")
    registry = home.data / "tooltrail" / "logs.jsonl"
    text = registry.read_text()
    registry.write_text(
        "".join(f"{line}\n" for line in text.splitlines() if "deployctl" not in line)
    )
    assert proved(home, "--command", "delete")[0] == 3
    registry.unlink()
    assert proved(home, "--command", "delete")[0] == 3


def test_a_log_that_was_taken_away_on_purpose_is_a_doubt(home: Home) -> None:
    """It is not here, whoever took it."""
    _by_app("delete")(home)
    home.tooltrail("run", "--", "true")
    log = home.lines("deployctl")[0]["log"]
    shutil.rmtree(home.data / "deployctl")
    done = home.tooltrail("verify", "--acknowledge", log, "--reason", "moved")
    assert done.returncode == 0, done.stderr + done.stdout
    code, data = proved(home, "--command", "delete")
    assert code == 3
    assert any("was taken away: moved" in doubt for doubt in data["doubts"])


def test_an_outcome_that_there_is_not_is_a_usage_error(home: Home) -> None:
    """A misspelt question has no sure answer."""
    done = home.tooltrail("log", "--prove-none", "--outcome", "fail", "--output", "table")
    assert done.returncode == 2
    assert "there is none called 'fail'" in done.stderr


def test_a_secret_that_can_be_guessed_proves_nothing(home: Home) -> None:
    """It has no fingerprint: where it was taken out nobody can tell; that is said in each form."""
    home.tooltrail("run", "--", "echo", "--password", "hunter22secret")
    for output in ("table", "jsonl", "csv", "json"):
        done = home.tooltrail("log", "--secret-stdin", "--output", output, input="hunter22secret\n")
        assert "too easily guessed to have a fingerprint" in done.stderr
    done = home.tooltrail("log", "--secret-stdin", "--prove-none", input="hunter22secret\n")
    assert done.returncode == 3
    assert "too easily guessed" in json.loads(done.stdout)["data"]["doubts"][0]


@pytest.mark.parametrize("verb", ["log", "stats", "audit-log"])
@pytest.mark.parametrize("name", ["outcome", "origin"])
def test_a_name_that_there_is_not_is_refused(home: Home, verb: str, name: str) -> None:
    """Instead of finding nothing."""
    if verb == "audit-log":
        done = home.python(AUDITED, verb, f"--{name}", "failed")
    else:
        done = home.tooltrail(verb, f"--{name}", "failed")
    assert done.returncode == 2
    assert f"--{name}: there is none called 'failed'" in done.stdout


def test_text_is_found_as_the_entry_is_printed(home: Home) -> None:
    """Inside of a string, and as the JSON that it is."""
    home.tooltrail("run", "--", "sh", "-c", 'exit 3 # said "no"')
    for text in ('"exit_code":3', 'said "no"', "exit_code"):
        done = home.tooltrail("log", "--text", text, "--output", "jsonl")
        assert len(done.stdout.splitlines()) == 1, text
        done = home.tooltrail("log", "--text", text, "--prove-none")
        assert done.returncode == 1, text


@pytest.mark.parametrize("output", ["csv", "jsonl", "table", "json"])
def test_rows_that_are_stopped_are_followed_by_no_envelope(home: Home, output: str) -> None:
    """`TOOL audit-log` that somebody ends: what stands there is rows, or one response."""
    home.python(AUDITED, "go")
    command = [PYTHON, "-c", AUDITED, "audit-log", "--follow", "--output", output]
    with subprocess.Popen(
        command, env=home.environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        if output in ("csv", "table"):
            first += process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        text = first + process.stdout.read()
        assert process.wait(WAIT_S) != 0
    assert "go" in first
    assert text == first


@pytest.mark.parametrize("output", ["csv", "json"])
def test_a_field_that_no_entry_has_is_said(home: Home, output: str) -> None:
    """An empty column might be taken for an answer."""
    calls(home, "go")
    asked = ("log", "--fields", "tool,exitcode,params.n", "--output", output)
    done = home.tooltrail(*asked)
    assert done.returncode == 0
    assert done.stderr == "tooltrail: no entry has a field called exitcode\n"
