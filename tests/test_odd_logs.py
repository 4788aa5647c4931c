"""Logs that were damaged, or written by somebody else: read as far as can be, and said."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import Home
from logs import MadeLog
from tooltrail.trail.find import lines_with
from tooltrail.trail.segments import snapshot
from tooltrail.trust.retain import retain

AT = "2026-11-22T14:{:02d}:00.000Z"


@pytest.fixture(autouse=True)
def taken_away(home: Home) -> Iterator[None]:
    """Take away what no writer of ours writes, before it is held to the schema."""
    yield
    shutil.rmtree(home.data / "demo", ignore_errors=True)


def made(home: Home, *events: dict[str, Any], tool: str = "demo") -> None:
    """Write a log of these events; what they do not say is that of a call that went well."""
    log = MadeLog(tool)
    for number, event in enumerate(events):
        kind = event.pop("event", "end")
        usual = {
            "request_id": f"req_{number:026d}",
            "trace_id": "T",
            "timestamp": AT.format(number),
            "tool": tool,
            "command": "go",
            "params": {},
            "recorder": "tool",
            "process": {},
        }
        if kind == "end":
            usual |= {"exit_code": 0, "outcome": "success", "duration_ms": 5, "origin": "executed"}
        log.add(kind, **{**usual, **event})
    log.write(home.log(tool).parent)


def found(home: Home, *arguments: str, verb: str = "log") -> list[dict[str, Any]]:
    """Return the entries that are found."""
    done = home.tooltrail(verb, *arguments, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_log_whose_beginning_is_damaged_is_still_read(home: Home) -> None:
    """It is known by its end, and by the registry; what is found behind the damage is found."""
    for _ in range(12):
        home.tooltrail("run", "--trace-id", "T", "--", "true")
    log = home.log("tooltrail")
    log.write_bytes(b"\0" * 5000 + log.read_bytes()[5000:])
    left = found(home, "--trace-id", "T")
    assert 6 <= len(left) < 12
    done = home.tooltrail("log", "--trace-id", "other", "--prove-none")
    assert done.returncode == 3
    log.write_bytes(b"\0" * 5000 + log.read_bytes()[5000:-5000] + b"\0" * 5000)
    assert len(found(home, "--trace-id", "T")) > 1  # neither end tells: the registry does
    log.write_bytes(b"\0" * 20_000)
    done = home.tooltrail("log", "--trace-id", "T", "--prove-none")
    assert (done.returncode, json.loads(done.stdout)["data"]["none"]) == (3, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["log", "--trace-id", ""],
        ["log", "--request-id="],
        ["log", "--text="],
        ["log", "--tool", ""],
        ["reconcile", "--trace", ""],
        ["diff", "", "x"],
        ["trace", ""],
    ],
)
def test_an_empty_id_is_a_usage_error(home: Home, arguments: list[str]) -> None:
    """It is that of a variable that is not set, and in every line."""
    home.tooltrail("run", "--trace-id", "T", "--", "true")
    done = home.tooltrail(*arguments, timeout=20)
    assert done.returncode == 2


def test_an_empty_text_is_not_looked_for(home: Home) -> None:
    """Nobody may ask for it: it would be found for ever."""
    home.tooltrail("run", "--", "true")
    with pytest.raises(ValueError, match="in every line"):
        list(lines_with(snapshot(str(home.log("tooltrail"))), b""))


def test_a_correction_is_seen_however_its_call_is_found(home: Home) -> None:
    """By trace, by session, by a text in it: a response that was not delivered is a failure."""
    env = {"CLAUDE_CODE_SESSION_ID": "S1", "TOOL_TRACE_ID": "T"}
    app = (
        "import tooltrail\n"
        "from tooltrail._invocation import current\n"
        "with tooltrail.invocation('app', 'go', {}):\n"
        "    call = current()\n"
        "call.undelivered(1, 'stdout: broken pipe')\n"
    )
    home.python(app, env=env)
    for arguments in ([], ["--trace-id", "T"], ["--trace-id", "S1"], ["--text", "broken pipe"]):
        (entry,) = found(home, *arguments)
        assert (entry["outcome"], entry["exit_code"]) == ("failure", 1), arguments


def test_an_end_without_an_exit_code_is_an_end(home: Home) -> None:
    """In windows of time, and so at the end of a log."""
    made(
        home,
        {"request_id": "C", "timestamp": AT.format(0)},
        {
            "request_id": "A",
            "timestamp": "2026-11-22T11:00:00.000Z",
            "outcome": "killed",
            "exit_code": None,
        },
        {"request_id": "B"},
    )
    assert [entry["request_id"] for entry in found(home, "--tail", "2")] == ["A", "B"]
    assert len(found(home, "--since", "2026-11-22T14:00:00Z")) == 3


@pytest.mark.parametrize(
    "odd",
    [
        {"outcome": None},
        {"outcome": []},
        {"outcome": {}},
        {"recorder": "import", "timestamp": "0001-01-01T00:00:00+14:00"},
        {"recorder": "hook", "timestamp": "9999-12-31T23:59:59-14:00"},
        {"outcome": "usage_error", "exit_code": 2, "process": {"argv": {"a": 1}}},
        {"outcome": "usage_error", "exit_code": 2, "process": {"argv": 7}},
        {"timestamp": ["x"], "duration_ms": "long", "params": "none", "tool": 7},
        {"steps": {"a": 1}, "downstream": 3, "error": "bad", "redactions": 5, "warnings": 9},
    ],
    ids=str,
)
def test_one_odd_line_does_not_hide_the_others(home: Home, odd: dict[str, Any]) -> None:
    """Every view shows all three calls."""
    made(home, {}, odd, {})
    assert len(found(home)) == 3
    assert len(found(home, "--tail", "3")) == 3
    for arguments in (
        ["log", "--output", "table"],
        ["log", "--output", "csv"],
        ["trace", "T", "--output", "tree"],
        ["trace", "T", "--output", "json"],
        ["trace", "T", "--output", "summary"],
        ["trace", "T", "--output", "script"],
        ["diff", "T", "T"],
        ["log", "--since", "2026-11-22T14:00:00Z"],
    ):
        done = home.tooltrail(*arguments)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


def test_times_at_the_edge_of_the_calendar(home: Home) -> None:
    """Since ever; and a log whose last line bears no time."""
    made(home, {}, {})
    assert len(found(home, "--since", "0001-01-01T00:05:00Z")) == 2
    log = home.log("demo")
    text = log.read_text().splitlines()
    text[-1] = text[-1].replace("2026-11-22T14:00:03.000Z", "2026-13-45T00:00:00.000Z")
    log.write_text("\n".join(text) + "\n")
    assert len(found(home, "--tail", "1")) == 1


def test_a_log_that_is_cut_short_meanwhile_is_said_to_be(home: Home) -> None:
    """No crash: an error that the search tells."""
    made(home, {}, {})
    log = home.log("demo")
    picture = snapshot(str(log))
    log.write_bytes(log.read_bytes()[:100])
    with pytest.raises(OSError, match="cut short"):
        list(lines_with(picture, b"T"))


def rotated(home: Home, calls: int = 60) -> list[Path]:
    """Record calls in a log of several sealed, compressed segments; return these."""
    code = f"""
import tooltrail
for n in range({calls}):
    with tooltrail.invocation("app", "go", {{"n": n, "note": "x" * 3000}}):
        pass
"""
    home.python(code, env={"TOOLTRAIL_ROTATE_AT": "64kB", "TOOL_TRACE_ID": "T"})
    retain(str(home.log("app")))
    packed = sorted(home.log("app").parent.glob("audit-*.gz"))
    assert len(packed) > 3
    return packed


@pytest.mark.parametrize("harm", ["cut", "flipped", "zeros"])
def test_a_damaged_segment_hides_no_other(home: Home, harm: str) -> None:
    """What can be read is shown, in every way to ask, and what cannot is said."""
    packed = rotated(home)
    content = packed[1].read_bytes()
    half = len(content) // 2
    packed[1].write_bytes(
        {
            "cut": content[:half],
            "flipped": content[:half] + bytes([content[half] ^ 255]) + content[half + 1 :],
            "zeros": b"\0" * len(content),
        }[harm]
    )
    for arguments in (
        ("log", "--output", "jsonl"),
        ("log", "--trace-id", "T", "--output", "jsonl"),
        ("log", "--since", "1d", "--output", "jsonl"),
        ("export", "--output", "jsonl"),
    ):
        done = home.tooltrail(*arguments)
        assert done.returncode == 0
        assert 30 < len(done.stdout.splitlines()) <= 60, arguments
        assert packed[1].name.removesuffix(".gz") in done.stderr
        assert "Traceback" not in done.stderr
    for by in ("command", "operator"):
        done = home.tooltrail("stats", "--by", by, "--output", "json")
        answer = json.loads(done.stdout)
        assert 30 < answer["data"]["groups"][0]["calls"] <= 60
        assert "damaged" in str(answer["warnings"])
    data = json.loads(home.tooltrail("trace", "T").stdout)["data"]
    assert 30 < data["count"] <= 60
    assert "damaged" in str(data["gaps"])
    cursor = home.path / "cursor"
    done = home.tooltrail("log", "--cursor-file", str(cursor), "--output", "jsonl")
    assert 30 < len(done.stdout.splitlines()) <= 60
    assert "damaged" in done.stderr


def test_a_segment_that_is_gone_from_the_midst_is_said(home: Home) -> None:
    """By every command that reads the log, also where the segments are packed."""
    packed = rotated(home)
    packed[2].unlink()
    for arguments in (("log",), ("stats",), ("trace", "T", "--output", "tree"), ("reconcile",)):
        done = home.tooltrail(*arguments)
        told = done.stdout + done.stderr
        assert re.search(r"lines \d+ to \d+ are gone, between audit-0000", told), arguments
    packed[0].unlink()
    done = home.tooltrail("trace", "T", "--output", "tree")
    assert "is not there any more (tooltrail verify tells whether it was pruned)" in done.stdout
    whole = rotated(home, 61)
    assert whole
    shutil.rmtree(home.log("app").parent)


def test_what_could_not_be_read_is_said_though_nothing_is_found(home: Home) -> None:
    """It may be there that the call is."""
    home.tooltrail("run", "--trace-id", "lonely-1", "--", "true")
    log = home.log("tooltrail")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], *(line[:-40] + b"\n" for line in lines[1:])]))
    for verb in (("trace", "lonely-1"), ("diff", "lonely-1", "other-1")):
        done = home.tooltrail(*verb, "--output", "json")
        assert done.returncode == 1
        assert "2 lines could not be read" in done.stderr
        assert "2 lines could not be read" in str(json.loads(done.stdout)["warnings"])


def test_logs_that_come_one_after_the_other_are_each_missed(home: Home) -> None:
    """Each was registered, and each is gone."""
    for _ in range(3):
        home.python("import tooltrail\nwith tooltrail.invocation('app', 'go'): 0")
        home.log("app").unlink()
    home.python("import tooltrail\nwith tooltrail.invocation('app', 'go'): 0")
    done = home.tooltrail("verify", "--output", "json")
    (report,) = [each for each in json.loads(done.stdout)["data"]["logs"] if each["tool"] == "app"]
    assert done.returncode == 1
    assert [finding["verdict"] for finding in report["findings"]] == ["missing"] * 3
