"""What can be asked of the logs beyond ids and times, and how the answer can be laid out."""

import csv
import io
import json
import os
import pty
import subprocess
from typing import Any

import pytest

from conftest import TOOLTRAIL, Home
from tooltrail.errors import TooltrailError
from tooltrail.query import latest
from tooltrail.query.options import Query

TOOL = """
import sys, time, tooltrail
name, seconds, env = sys.argv[1], float(sys.argv[2]), sys.argv[3]
with tooltrail.invocation("deployctl", name, {"env": env, "n": 3, "tags": ["a", "b"]}) as call:
    time.sleep(seconds)
    if name == "cached":
        tooltrail.mark_cached("req_1")
    call.exit_code = 1 if name == "broken" else 0
"""


@pytest.fixture
def busy(home: Home) -> Home:
    """Five calls of a tool, and two that were wrapped."""
    for name, seconds, env in (
        ("fast", "0", "prod"),
        ("slow", "0.3", "staging"),
        ("cached", "0", "prod"),
        ("broken", "0", "prod"),
    ):
        home.python(TOOL, name, seconds, env)
    home.tooltrail("run", "--operation", "w1", "--", "echo", "--env=prod", "übergabe")
    home.tooltrail("run", "--operation", "w2", "--", "echo", "--env", "staging")
    return home


def commands(home: Home, *options: str) -> list[str]:
    """Return the commands of the entries that `tooltrail log` lists."""
    done = home.tooltrail("log", *options, "--output", "jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line)["command"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--outcome", "failure"], ["broken"]),
        (["--outcome", "vanished"], []),
        (["--origin", "cached"], ["cached"]),
        (["--slower-than", "250ms"], ["slow"]),
        (["--slower-than", "0.25"], ["slow"]),
        (["--slower-than", "1h"], []),
        (["--param", "env=prod"], ["fast", "cached", "broken", "w1"]),
        (["--param=--env=staging"], ["slow", "w2"]),
        (["--param", "n=3", "--outcome", "failure"], ["broken"]),
        (["--param", "tags=b", "--tool", "deployctl", "--limit", "1"], ["fast"]),
        (["--param", "env=", "--all"], []),
        (["--text", "übergabe"], ["w1"]),
        (["--text", '"n":3'], ["fast", "slow", "cached", "broken"]),  # as JSON prints it
        (["--text", "staging"], ["slow", "w2"]),
        (["--tail", "2"], ["w1", "w2"]),
        (["--tail", "2", "--reverse"], ["w2", "w1"]),
        (["--reverse", "--limit", "1"], ["w2"]),
        (["--reverse", "--tool", "deployctl"], ["broken", "cached", "slow", "fast"]),
    ],
)
def test_filters_combine(busy: Home, options: list[str], wanted: list[str]) -> None:
    """All that are given hold at once."""
    assert commands(busy, *options) == wanted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slower-than", "soon"], "--slower-than: 'soon' is not a duration"),
        (["--slower-than", "-1s"], "--slower-than: '-1s' is not a duration"),
        (["--param", "env"], "--param: 'env' is no NAME=VALUE"),
        (["--param", "=x"], "is no NAME=VALUE"),
        (["--tail", "0"], "--tail"),
        (["--fields", "a,,b"], "--fields: 'a,,b' has a name that is none"),
        (["--fields", "a..b"], "has a name that is none"),
    ],
)
def test_what_makes_no_sense_is_refused(home: Home, options: list[str], message: str) -> None:
    """With the option's name and what it takes."""
    done = home.tooltrail("log", *[f"{options[0]}={options[1]}"], "--output", "table")
    assert done.returncode == 2
    assert message in done.stderr


def test_fields_are_picked_by_their_names(busy: Home) -> None:
    """With dots for what is inside; what an entry has not is null."""
    done = busy.tooltrail(
        "log", "--command", "slow", "--fields", "command,params.env,nope.x", "--output", "jsonl"
    )
    assert json.loads(done.stdout) == {"command": "slow", "params.env": "staging", "nope.x": None}
    done = busy.tooltrail("log", "--tail", "1", "--fields", "tool,params", "--output", "table")
    assert done.stdout.splitlines()[0].split() == ["TOOL", "PARAMS"]


def test_csv_is_for_spreadsheets(home: Home) -> None:
    """One header, quoted cells, and nothing that runs as a formula."""
    home.tooltrail("run", "--operation", "=cmd()", "--", "echo", 'a "quoted", text', "line\nbreak")
    done = home.tooltrail("log", "--output", "csv", "--fields", "command,params.argv,exit_code")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert rows[0] == ["command", "params.argv", "exit_code"]
    assert rows[1][0] == "'=cmd()"
    assert json.loads(rows[1][1])[1] == 'a "quoted", text'
    assert rows[1][2] == "0"
    assert len(rows) == 2
    whole = home.tooltrail("log", "--output", "csv").stdout
    assert whole.startswith("timestamp,logged_at,tool,command,outcome,exit_code")


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("tail", [None, 1, 7, 8, 50, 98, 100, 101])
@pytest.mark.parametrize("count", [0, 5, 7, 100])
def test_the_end_of_a_long_listing_waits_in_a_file(
    monkeypatch: pytest.MonkeyPatch, count: int, tail: int | None, reverse: bool
) -> None:
    """Whatever its length, every entry that was asked for once, and in order."""
    monkeypatch.setattr(latest, "_IN_MEMORY", 7)
    entries: list[dict[str, Any]] = [{"n": number, "text": "é\n"} for number in range(count)]
    found = list(latest.latest(iter(entries), Query(tail=tail, reverse=reverse)))
    wanted = entries if tail is None else entries[-tail:]
    assert found == (wanted[::-1] if reverse else wanted)


def test_a_full_temporary_folder_is_not_taken_for_a_full_stdout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is named, with what to do."""
    monkeypatch.setattr(latest, "_IN_MEMORY", 7)
    entries: list[dict[str, Any]] = [{"n": number} for number in range(20)]
    with open("/dev/full", "r+b", 0) as full:
        monkeypatch.setattr(latest.tempfile, "TemporaryFile", lambda: full)
        with pytest.raises(TooltrailError, match=r"the temporary folder .*: no space left"):
            list(latest.latest(iter(entries), Query(reverse=True)))


def test_a_tools_own_audit_log_has_them_too(home: Home) -> None:
    """The same engine, the same options."""
    code = """
import click
from tooltrail.integrations.click import instrument

@click.group()
def cli(): ...

@cli.command()
@click.option("--env")
def deploy(env): ...

instrument(cli, tool="deployctl", audit_log=True)
cli()
"""
    for env in ("prod", "staging"):
        home.python(code, "deploy", "--env", env)
    done = home.python(
        code, "audit-log", "--param", "env=prod", "--output", "csv", "--fields", "params.env"
    )
    assert done.stdout.splitlines() == ["params.env", "prod"]


def test_that_nothing_was_found_is_said_to_people(home: Home) -> None:
    """With the logs that were read; programs get an empty list, and no word beside it."""
    shown = home.tooltrail("log", "--output", "table")
    assert (shown.stdout, shown.returncode) == ("", 0)
    assert shown.stderr == "tooltrail: no call was found in the logs that were read: tooltrail\n"
    home.tooltrail("run", "--", "true")
    shown = home.tooltrail("log", "--tool", "tru", "--output", "table")
    assert "no call was found" in shown.stderr
    assert home.tooltrail("log", "--tool", "tru", "--output", "jsonl").stderr == ""
    assert home.tooltrail("log", "--output", "table").stderr == ""


def test_a_format_that_is_none_is_refused_as_whoever_asks_can_read(home: Home) -> None:
    """On a terminal in words, elsewhere as JSON: an unknown format counts as none given."""
    terminal, end = pty.openpty()
    for verb in (["log"], ["trace", "x"], ["stats"]):
        command = [TOOLTRAIL, *verb, "--output", "yaml"]
        shown = subprocess.run(
            command,
            env=home.environment(),
            stdout=end,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert shown.returncode == 2
        assert shown.stderr.startswith("error: ")
        assert "invalid choice: 'yaml'" in shown.stderr
        assert json.loads(home.tooltrail(*command[1:]).stdout)["error"]["code"] == "USAGE_ERROR"
    os.close(terminal)
    os.close(end)
