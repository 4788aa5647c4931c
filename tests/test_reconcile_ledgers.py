"""What callers recorded, held against what tools did: real calls, real logs, then damage."""

import json
import os
import signal
import subprocess
import time
from typing import Any

import pytest

from conftest import PYTHON, TOOLTRAIL, Home, response_in

TOOL = """
import os, sys, time
import click
from tooltrail.integrations.click import instrument

@click.command()
@click.argument("what", default="")
@click.option("--token")
def tool(what, token):
    click.echo("done")
    if what == "fail": sys.exit(3)
    if what == "kill": sys.stdout.flush(); os.kill(os.getpid(), 9)
    if what == "vanish": sys.stdout.flush(); os.kill(os.getppid(), 9); os.kill(os.getpid(), 9)

instrument(tool, tool="deployctl")
tool(prog_name="deployctl")
"""
CALLER = """
import sys, tooltrail
for what in sys.argv[2:]:
    result = tooltrail.run([sys.executable, sys.argv[1], what], operation="op-" + what)
"""
ENVELOPE = """
import sys, tooltrail
with tooltrail.invocation("enveloped", "go", params={}) as call:
    pass
"""


@pytest.fixture
def tool(home: Home) -> str:
    """Return the path of a tool that records itself."""
    path = home.path / "deployctl"
    path.write_text(TOOL)
    return str(path)


def reconcile(home: Home, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run `tooltrail reconcile` and return `data` of its answer."""
    done = home.tooltrail("reconcile", *arguments, "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    return data


def without(home: Home, name: str, part: bytes) -> None:
    """Take the lines that hold `part` out of a log."""
    log = home.log(name)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(line for line in lines if part not in line))


def rewritten(home: Home, name: str, event: str, **fields: Any) -> None:
    """Write other values into the lines of one event of a log."""
    lines = home.lines(name)
    for line in lines:
        if line["event"] == event:
            line.update(fields)
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    home.log(name).write_text(text)


def test_both_ledgers_agree_on_calls_by_a_program_and_under_the_wrapper(
    home: Home, tool: str
) -> None:
    """Whatever the calls came to: a failure that both saw is no difference."""
    assert home.python(CALLER, tool, "a", "fail").returncode == 0
    home.tooltrail("run", "--", PYTHON, tool, "b", "--token", "hunter2hunter2")
    data = reconcile(home)
    assert data["counts"] == {"agree": 3}
    assert {held["caller_record"]["recorder"] for held in data["calls"]} == {"caller", "wrapper"}
    assert all(held["tool"] == "deployctl" for held in data["calls"])


def test_a_tool_without_a_log_is_not_said_to_miss_a_record(home: Home) -> None:
    """It keeps no log: nothing is missing from it."""
    home.tooltrail("run", "--", "true")
    data = reconcile(home)
    assert data["counts"] == {"no_log": 1}
    assert data["calls"][0]["reason"] == "true keeps no log"


def test_a_record_that_was_taken_out_of_the_tools_log_is_missing(home: Home, tool: str) -> None:
    """The log goes over that time, and does not have the call."""
    home.tooltrail("run", "--", PYTHON, tool, "first")
    home.tooltrail("run", "--", PYTHON, tool, "second")
    without(home, "deployctl", b'"second"')
    data = reconcile(home, code=1)
    assert data["counts"] == {"agree": 1, "missing": 1}
    done = home.tooltrail("reconcile", "--output", "text")
    assert "x missing" in done.stdout
    assert "the log of deployctl goes over that time, and has no such call" in done.stdout


def test_a_call_that_no_caller_recorded_is_a_blind_spot(home: Home, tool: str) -> None:
    """The tool alone knows of it; and where it names a caller, that is said."""
    home.run(PYTHON, tool, "x")
    home.run(PYTHON, tool, "y", env={"TOOL_PARENT_REQUEST_ID": "req_01M81TKXJ0T2EK26P71RZJ8S22"})
    data = reconcile(home, code=1)
    assert data["counts"] == {"only_tool": 2}
    assert "req_01M81TKXJ0T2EK26P71RZJ8S22" in data["calls"][1]["reason"]


def test_a_tool_within_a_recorded_script_is_inside_of_it(home: Home, tool: str) -> None:
    """The script keeps no log, its two calls do: neither is a blind spot."""
    script = f"{PYTHON} {tool} a; {PYTHON} {tool} b; exit 4"
    home.tooltrail("run", "--", "sh", "-c", script)
    data = reconcile(home)
    assert data["counts"] == {"inside": 2, "no_log": 1}


def test_a_killed_call_is_told_as_such(home: Home, tool: str) -> None:
    """Its own record ends in the middle, and its wrapper saw the signal."""
    home.tooltrail("run", "--", PYTHON, tool, "kill")
    data = reconcile(home)
    assert data["counts"] == {"killed": 1}
    assert "SIGKILL" in data["calls"][0]["reason"]


def test_records_that_both_end_in_the_middle_are_told(home: Home, tool: str) -> None:
    """The wrapper was killed as well: nobody saw how it ended."""
    home.run(TOOLTRAIL, "run", "--", PYTHON, tool, "vanish")
    time.sleep(0.3)
    data = reconcile(home, code=1)
    assert data["counts"] == {"no_end": 1}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"exit_code": 7}, "exit_code"),
        ({"duration_ms": 99_000}, "duration_ms"),
        ({"timestamp": "2026-01-01T00:00:00.000Z"}, "timestamp"),
    ],
)
def test_what_differs_is_named_with_both_sides(
    home: Home, tool: str, fields: dict[str, Any], named: str
) -> None:
    """No verdict on who is right."""
    home.tooltrail("run", "--", PYTHON, tool, "a")
    rewritten(home, "deployctl", "end", **fields)
    data = reconcile(home, code=1)
    (held,) = data["calls"]
    assert held["state"] == "differ"
    (one,) = held["differences"]
    assert one["field"] == named
    assert one["tool"] == fields[named]
    assert one["caller"] != one["tool"]


def test_arguments_that_differ_are_told_and_redacted_ones_are_not(home: Home, tool: str) -> None:
    """What either side took out may have been the same."""
    home.tooltrail("run", "--", PYTHON, tool, "a", "--token", "hunter2hunter2")
    (end,) = home.events("deployctl", "end")
    argv = end["process"]["argv"]
    rewritten(
        home, "deployctl", "end", process={**end["process"], "argv": [argv[0], "b", *argv[2:]]}
    )
    (held,) = reconcile(home, code=1)["calls"]
    assert [one["field"] for one in held["differences"]] == ["argv"]
    assert "hunter2" not in json.dumps(held)


def test_a_window_and_a_tool_find_the_other_half_outside_of_them(home: Home, tool: str) -> None:
    """The wrapped program is python, the tool deployctl: either name finds the pair."""
    home.tooltrail("run", "--", PYTHON, tool, "a")
    (end,) = home.events("deployctl", "end")
    for asked in (("--tool", "deployctl"), ("--since", end["timestamp"]), ("--since", "1h")):
        assert reconcile(home, *asked)["counts"] == {"agree": 1}, asked
    assert reconcile(home, "--trace", end["trace_id"])["counts"] == {"agree": 1}
    assert reconcile(home, "--trace", "another")["counts"] == {}


def test_a_receipt_whose_line_is_gone_is_told(home: Home) -> None:
    """The caller kept the receipt of the tool's answer; the end of the log was cut off."""
    script = home.path / "enveloped.py"
    script.write_text(ENVELOPE)
    home.python("import sys, tooltrail\ntooltrail.run([sys.executable, sys.argv[1]])", str(script))
    home.run(PYTHON, script)
    (told,) = (line["child"] for line in home.events("tooltrail", "end") if "child" in line)
    assert "receipt" in told
    data = reconcile(home, code=1)  # the second call has no caller
    assert data["counts"] == {"agree": 1, "only_tool": 1}
    assert data["receipts"]["counts"] == {"holds": 1}
    lines = home.log("enveloped").read_bytes().splitlines(keepends=True)
    home.log("enveloped").write_bytes(b"".join(lines[:2]))
    data = reconcile(home, code=1)
    assert data["receipts"]["counts"] == {"truncated": 1}


def test_a_receipt_file_is_held_against_the_logs(home: Home, tool: str) -> None:
    """One without any receipt is refused, with exit code 2."""
    home.tooltrail("run", "--", PYTHON, tool, "a")
    kept = home.path / "kept.txt"
    kept.write_text(
        f'{{"log": "log_01M81TKXJ4YVCYZFHHHM12ZS3G", "seq": 3, "hash": "sha256:{0:064}"}}'
    )
    data = reconcile(home, "--receipts", str(kept), code=1)
    assert data["receipts"]["counts"] == {"holds": 1, "unknown": 1}
    kept.write_text("nothing")
    done = home.tooltrail("reconcile", "--receipts", str(kept), "--output", "text")
    assert done.returncode == 2
    assert "there is no receipt in it" in done.stderr


def test_blind_spots_stand_above_the_report(home: Home, tool: str) -> None:
    """A line that cannot be read may have been the other half."""
    home.tooltrail("run", "--", PYTHON, tool, "a")
    with home.log("deployctl").open("ab") as log:
        log.write(b"\x00garbage\n{}\n")
    done = home.tooltrail("reconcile", "--output", "text")
    assert done.returncode == 1
    assert done.stdout.startswith("! ")
    assert "could not be read" in done.stdout.splitlines()[0]


def test_what_still_runs_is_neither_missing_nor_different(home: Home, tool: str) -> None:
    """The call that asks may itself be inside of it."""
    running = subprocess.Popen(
        [TOOLTRAIL, "run", "--", "sleep", "30"], env={**os.environ}, stdin=subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            if home.log("tooltrail").exists():
                break
            time.sleep(0.05)
        assert reconcile(home)["counts"] == {"running": 1}
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--since", "soon"),
        ("--tolerance", "much"),
        ("--server-log", "/nonexistent"),
        ("--window", "3s"),
        ("--server-log", "x", "--receipts", "y"),
        ("surplus",),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(
    home: Home, arguments: tuple[str, ...]
) -> None:
    """With exit code 2."""
    assert home.tooltrail("reconcile", *arguments).returncode == 2
