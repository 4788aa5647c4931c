"""`TOOL audit-log`, `tooltrail log` and `tooltrail trace`: what happened, read back."""

import json
import os
import pty
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import ENTRY_VALIDATOR, PYTHON, TOOLTRAIL, Home, response_in
from tooltrail._encode import encode
from tooltrail.trail import append

APP = """
import sys, time, click
from tooltrail.integrations.click import instrument

@click.group()
def cli(): pass

@cli.command()
@click.option("--exit", "code", type=int, default=0)
def deploy(code): sys.exit(code)

@cli.group()
def db(): pass

@db.command()
def migrate(): pass

instrument(cli, tool="app", audit_log=True)
cli(prog_name="app")
"""


def entries(text: str) -> list[dict[str, Any]]:
    """Return the entries of JSON lines, each held to the schema."""
    found = [json.loads(line) for line in text.splitlines()]
    for entry in found:
        assert not [error.message for error in ENTRY_VALIDATOR.iter_errors(entry)]
    return found


def audit_log(home: Home, *arguments: str) -> list[dict[str, Any]]:
    done = home.python(APP, "audit-log", *arguments, "--output", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    return entries(done.stdout)


def log(home: Home, *arguments: str, **options: Any) -> list[dict[str, Any]]:
    done = home.tooltrail("log", *arguments, "--output", "jsonl", **options)
    assert (done.returncode, done.stderr) == (0, "")
    return entries(done.stdout)


def write_call(home: Home, tool: str = "made", *, end: bool = True, **fields: Any) -> str:
    """Append one call to a tool's log as another writer of the format would."""
    number = write_call.count = getattr(write_call, "count", 0) + 1
    call = {
        "request_id": f"req_{number:026d}",
        "trace_id": "t",
        "parent_request_id": None,
        "timestamp": "2026-11-22T14:30:00.000Z",
        "tool": tool,
        "command": "go",
    }
    facts = {
        "operator": "me",
        "params": {},
        "version": None,
        "recorder": "tool",
        "trace_source": "TOOL_TRACE_ID",
        "operator_source": "TOOL_OPERATOR",
        "caller": {},
        "process": {
            "pid": 1,
            "parent_pid": 0,
            "start_ticks": 1,
            "pid_namespace": "1",
            "boot_id": "11111111-1111-4111-8111-111111111111",
            "host": "elsewhere",
            "uid": 0,
            "user": "root",
            "executable": "/bin/made",
            "cwd": "/",
            "argv": ["made"],
        },
    }
    result = {
        "exit_code": 0,
        "outcome": "success",
        "duration_ms": 5,
        "signal": None,
        "error": None,
        "origin": "executed",
    }
    body = {
        "event": "end" if end else "begin",
        **call,
        **(result if end else {}),
        **facts,
        **fields,
    }
    append(str(home.log(tool)), tool, encode(body))
    return str(body["request_id"])


@pytest.fixture
def made_of_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that a test writes by hand need not be complete."""
    monkeypatch.setattr("conftest._validate", lambda log: None)


# -- audit-log


def test_audit_log_lists_each_call_once_in_order(home: Home) -> None:
    """One entry a call, whatever lines it has, in the order in which the calls ended."""
    for arguments in (["deploy"], ["deploy", "--exit", "3"], ["nonsense"], ["db", "migrate"]):
        home.python(APP, *arguments)
    found = audit_log(home)
    assert [(entry["command"], entry["exit_code"]) for entry in found] == [
        ("deploy", 0),
        ("deploy", 3),
        ("app", 2),
        ("db migrate", 0),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--command", "deploy"], [0, 3]),
        (["--command", "db"], [0]),
        (["--exit-code", "3"], [3]),
        (["--failed"], [3, 2]),
        (["--trace-id", "t-2"], [3]),
        (["--trace-id", "t"], [0, 3, 2, 0]),
        (["--trace-id", "t", "--exact"], []),
        (["--operator", "nobody"], []),
        (["--operator", "me"], [0, 3, 2, 0]),
        (["--limit", "2"], [0, 3]),
        (["--since", "1h"], [0, 3, 2, 0]),
        (["--since", "today"], [0, 3, 2, 0]),
        (["--until", "1h"], []),
        (["--since", "2001-01-01", "--until", "2001-01-02T00:00:00Z"], []),
        (["--failed", "--command", "deploy"], [3]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_filters_narrow_and_combine(home: Home, arguments: list[str], expected: list[int]) -> None:
    """Each filter does what its name says, alone and with others."""
    calls = (["deploy"], ["deploy", "--exit", "3"], ["nonsense"], ["db", "migrate"])
    for number, call in enumerate(calls, 1):
        home.python(APP, *call, env={"TOOL_TRACE_ID": f"t-{number}", "TOOL_OPERATOR": "me"})
    assert [entry["exit_code"] for entry in audit_log(home, *arguments)] == expected


def test_one_request_is_found_by_its_id(home: Home) -> None:
    """`--request-id` gives the one call."""
    home.python(APP, "deploy")
    home.python(APP, "deploy")
    wanted = home.events("app", "end")[1]["request_id"]
    assert [entry["request_id"] for entry in audit_log(home, "--request-id", wanted)] == [wanted]


def test_json_is_the_envelope(home: Home) -> None:
    """`--output json` is one response with `data.entries`, and so is the default of a pipe."""
    home.python(APP, "deploy")
    for arguments in (["--output", "json"], []):
        response = response_in(home.python(APP, "audit-log", *arguments).stdout)
        assert [entry["command"] for entry in response["data"]["entries"]] == ["deploy"]
        assert response["meta"]["command"] == "audit-log"
        assert response["meta"]["receipt"]["seq"] > 2


def test_reading_is_recorded_and_left_out_of_listings(home: Home) -> None:
    """Calls that only read the log show with `--all`, or when their command is asked for."""
    home.python(APP, "deploy")
    home.python(APP, "audit-log")
    home.tooltrail("log")
    assert [entry["command"] for entry in audit_log(home)] == ["deploy"]
    assert [entry["command"] for entry in log(home)] == ["deploy"]
    assert "audit-log" in [entry["command"] for entry in audit_log(home, "--all")]
    assert "log" in [entry["command"] for entry in log(home, "--tool", "tooltrail")]
    assert len(audit_log(home, "--command", "audit-log")) > 1


def test_the_authors_audit_log_stays(home: Home) -> None:
    """A group that has a command of that name keeps it."""
    own = APP.replace(
        "instrument(", '@cli.command("audit-log")\ndef mine(): print("mine")\ninstrument('
    )
    assert home.python(own, "audit-log").stdout == "mine\n"
    assert home.python(own, "--help").stdout.count("audit-log") == 1


def test_a_wrong_value_is_refused_with_what_to_do(home: Home) -> None:
    """An unknown `--since` is exit code 2, with what was given and what would do."""
    for arguments in (["--since", "1x"], ["--limit", "none"], ["--exit-code", "many"]):
        done = home.python(APP, "audit-log", *arguments, "--output", "jsonl")
        assert done.returncode == 2
        assert arguments[0] in done.stderr
        assert arguments[1] in done.stderr
        response = response_in(home.python(APP, "audit-log", *arguments).stdout)
        assert response["error"]["code"] == "USAGE_ERROR"
    assert home.events("app", "end")[0]["exit_code"] == 2


# -- the log


def test_log_reads_all_logs_in_order(home: Home) -> None:
    """The logs of all tools come out as one, ordered by when each line was written."""
    home.python(APP, "deploy")
    home.tooltrail("run", "--", "true")
    home.python(APP, "deploy")
    home.tooltrail("run", "--", "false")
    found = log(home)
    assert [entry["tool"] for entry in found] == ["app", "true", "app", "false"]
    assert [entry["logged_at"] for entry in found] == sorted(entry["logged_at"] for entry in found)
    assert [entry["tool"] for entry in log(home, "--tool", "false")] == ["false"]


def test_without_any_log_there_is_nothing_and_that_is_no_error(home: Home) -> None:
    """A new machine has no entries."""
    assert log(home) == []


@pytest.mark.usefixtures("made_of_pieces")
def test_open_calls_stand_where_they_began(home: Home) -> None:
    """A call without an end comes at the place of its begin line; ended ones where they ended."""
    first = write_call(home, end=False)
    second = write_call(home, end=False)
    third = write_call(home)
    write_call(home, request_id=first)
    assert [entry["request_id"] for entry in log(home)] == [second, third, first]
    assert [entry["outcome"] for entry in log(home)] == ["unknown", "success", "success"]


@pytest.mark.usefixtures("made_of_pieces")
def test_a_window_holds_calls_that_began_or_ended_in_it(home: Home) -> None:
    """A call that began long ago and ended now is in the last hour; so is one still open."""
    ended = write_call(home, timestamp="2001-01-01T00:00:00.000Z")
    write_call(home, timestamp="2001-01-01T00:00:00.000Z", end=False)
    assert [entry["request_id"] for entry in log(home, "--since", "1h")] == [ended]
    assert len(log(home, "--until", "2002-01-01")) == 2


@pytest.mark.usefixtures("made_of_pieces")
def test_bad_lines_are_skipped_counted_and_reported(home: Home) -> None:
    """Garbage, a torn line and binary rubbish hide nothing that comes before or after them."""
    write_call(home)
    with home.log("made").open("ab") as file:
        file.write(b'garbage\n\xff\xfe\x00\n{"event":"end"\n[1]\n')
    write_call(home)
    with home.log("made").open("ab") as file:
        file.write(b'{"v":1,"seq":9,"prev":"sha256:')
    write_call(home)
    done = home.tooltrail("log", "--output", "jsonl")
    assert len(done.stdout.splitlines()) == 3
    assert "5 lines could not be read" in done.stderr
    assert "line 3" in done.stderr
    response = response_in(home.tooltrail("log").stdout)
    assert response["warnings"][0]["code"] == "LOG_NOT_READ_WHOLE"


@pytest.mark.usefixtures("made_of_pieces")
def test_a_torn_end_line_leaves_the_call_open(home: Home) -> None:
    """When the end was torn in the middle, the begin is what is known of the call."""
    request_id = write_call(home, end=False)
    write_call(home, request_id=request_id)
    content = home.log("made").read_bytes()
    for cut in (3, 60, 200, 400):
        home.log("made").write_bytes(content[:-cut])
        other = write_call(home)
        shown = [
            json.loads(line)["request_id"]
            for line in home.tooltrail("log", "--output", "jsonl").stdout.splitlines()
        ]
        assert shown == [request_id, other]


@pytest.mark.usefixtures("made_of_pieces")
def test_fields_of_the_future_are_kept_and_events_of_the_future_passed_over(home: Home) -> None:
    """A reader of today serves a log of tomorrow; names of the parent specification count."""
    write_call(home, colour="red", outcome="teleported")
    append(str(home.log("made")), "made", '{"event":"annotation","request_id":"x","text":"y"}')
    (entry,) = map(json.loads, home.tooltrail("log", "--output", "jsonl").stdout.splitlines())
    assert entry["colour"] == "red"


def test_a_log_that_may_not_be_read_is_said(home: Home) -> None:
    """What the listing could not see is named, and the rest is shown."""
    home.python(APP, "deploy")
    home.log("locked").mkdir(parents=True)
    home.tooltrail("run", "--", "true")
    done = home.tooltrail("log", "--output", "jsonl")
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize("asked", [[], ["--trace-id", "t"]], ids=["all", "a trace"])
def test_memory_does_not_grow_with_the_log(home: Home, asked: list[str]) -> None:
    """160,000 calls are listed in the memory that 80,000 take: what fills the buffers."""
    words = ["log", *asked, "--output", "jsonl"]
    write_call(home, trace_id="t", params={"x": "y" * 500})
    line = home.log("made").read_bytes().splitlines(keepends=True)[1]
    peaks = []
    for lines in (80_000, 160_000):
        home.log("made").write_bytes(line * lines)
        printed, peak = told_and_peak(home, words)
        assert printed.count("\n") == lines
        peaks.append(peak)
    home.log("made").unlink()  # all its lines are one line; the schema has seen it
    some, many = peaks
    assert many < some * 1.2, peaks


def test_a_trace_of_any_size_takes_bounded_memory(home: Home) -> None:
    """Of 80,000 calls the first are shown: less than 150 MB are in use, the log's pages too."""
    params = {f"name-{number}": "y" * 20 for number in range(20)}
    write_call(home, trace_id="t", request_id="req_" + "0" * 26, params=params)
    line = home.log("made").read_bytes().splitlines(keepends=True)[1]
    ids = (f"req_{number:026}".encode() for number in range(80_000))
    home.log("made").write_bytes(b"".join(line.replace(b"req_" + b"0" * 26, one) for one in ids))
    printed, peak = told_and_peak(home, ["trace", "t", "--output", "json"])
    home.log("made").unlink()  # its lines say the same `seq`
    assert json.loads(printed)["data"]["count"] == 10_000
    assert peak < 150_000, peak


def told_and_peak(home: Home, words: list[str]) -> tuple[str, int]:
    """Run a command of ours: what it prints, and the most memory that it took, in kB."""
    code = (
        f"import os, sys; sys.argv = {['tooltrail', *words]};"
        "os._exit = lambda code: None;"
        "from tooltrail.cli import main; main();"
        "sys.stderr.write(open('/proc/self/status').read())"
    )
    done = home.run(PYTHON, "-c", code)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)
    return done.stdout, int(peak)


@pytest.mark.parametrize("output", ["table", "json", "jsonl"])
def test_a_listing_that_cannot_be_delivered_ends_with_1_in_the_log_too(
    home: Home, output: str
) -> None:
    """On a full disk the command says so, and the log does not say 0."""
    home.python(APP, "deploy")
    with open("/dev/full", "w") as full:
        done = home.tooltrail("log", "--output", output, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert "no space left on device" in done.stderr
    (own,) = log(
        home,
        "--tool",
        "tooltrail",
        "--request-id",
        home.events("tooltrail", "begin")[0]["request_id"],
    )
    assert own["exit_code"] == 1


def test_a_reader_that_goes_away_is_no_error_to_report(home: Home) -> None:
    """`tooltrail log | head -1` is quiet, and recorded with the exit code that it had."""
    for _ in range(3):
        write_call(home, params={"big": "x" * 100_000})
    done = home.run(
        "bash", "-c", f"{TOOLTRAIL} log --output jsonl | head -c 10; exit ${{PIPESTATUS[0]}}"
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert home.events("tooltrail", "end")[-1]["exit_code"] == 1


def test_a_table_shows_others_text_harmlessly(home: Home) -> None:
    """Escapes, bidi marks and newlines of arguments and ids cannot act on a terminal."""
    home.tooltrail(
        "run", "--trace-id", "a\x1b]0;title\x07b", "--", "echo", "\x1b[31mred\u202e", "two\nlines"
    )
    done = home.tooltrail("log", "--output", "table")
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert len(done.stdout.splitlines()) == 2
    assert "\\x1b[31mred\\u202e" in done.stdout


def on_a_terminal(home: Home, *arguments: str, columns: int = 100) -> str:
    """Run tooltrail on a terminal of that width and return what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(TOOLTRAIL, ["tooltrail", *arguments], home.environment(LC_ALL="C.UTF-8"))
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            break
        if not read:
            break
        shown += read
    os.waitpid(pid, 0)
    return shown.decode().replace("\r\n", "\n")


def test_on_a_terminal_the_log_is_a_table_that_fits(home: Home) -> None:
    """People get a table, cut to the width of their terminal."""
    home.tooltrail("run", "--", "echo", "x" * 300)
    shown = on_a_terminal(home, "log", columns=90)
    assert "TIME (UTC)" in shown
    assert max(map(len, shown.splitlines())) <= 90


# -- the trace


@pytest.mark.parametrize(("columns", "least"), [(80, 25), (40, 8)])
def test_on_a_narrow_terminal_the_calls_can_be_read(home: Home, columns: int, least: int) -> None:
    """Times and traces are shortened for them."""
    home.tooltrail("run", "--", "echo", "x" * 200)
    shown = on_a_terminal(home, "log", columns=columns)
    (row,) = [line for line in shown.splitlines() if "echo" in line]
    assert len(row) <= columns
    assert len(row.partition("echo")[2]) >= least


def session(home: Home) -> None:
    """Record a small session: a wrapped shell with two calls inside, a failure, another trace."""
    env = {"TOOL_TRACE_ID": "agent-session-42-step-7"}
    inner = f"{TOOLTRAIL} run -- sleep 0.6; {TOOLTRAIL} run -- false; exit 3"
    home.tooltrail("run", "--operation", "both", "--", "sh", "-c", inner, env=env)
    home.python(APP, "deploy", env={"TOOL_TRACE_ID": "agent-session-42/step-8"})
    home.python(APP, "deploy", env={"TOOL_TRACE_ID": "agent-session-421"})


def test_a_session_is_shown_as_a_tree(home: Home) -> None:
    """An id stands for those that continue it; calls are nested, in order, with the verdict."""
    session(home)
    response = response_in(home.tooltrail("trace", "agent-session-42").stdout)
    data = response["data"]
    outer, deploy = data["calls"]
    assert (outer["tool"], outer["command"], outer["exit_code"]) == ("sh", "both", 3)
    assert [child["tool"] for child in outer["children"]] == ["sleep", "false"]
    assert deploy["tool"] == "app"
    assert data["slowest"] == outer["children"][0]["request_id"]
    assert data["failed"] == [outer["request_id"], outer["children"][1]["request_id"]]
    assert outer["start_ms"] == 0
    assert outer["children"][0]["start_ms"] < outer["children"][1]["start_ms"]
    assert set(deploy) >= {
        "request_id", "command", "tool", "start_ms", "duration_ms", "exit_code", "outcome",
        "children",
    }  # fmt: skip


def test_exact_shows_one_trace(home: Home) -> None:
    """`--exact` takes the id as it is."""
    session(home)
    exact = home.tooltrail("trace", "agent-session-42/step-8", "--exact")
    assert len(response_in(exact.stdout)["data"]["calls"]) == 1
    assert home.tooltrail("trace", "agent-session-42", "--exact").returncode == 1


def test_the_tree_is_for_people(home: Home) -> None:
    """One line a call, nested, and below it what was slow and what failed."""
    session(home)
    lines = home.tooltrail("trace", "agent-session-42", "--output", "tree").stdout.splitlines()
    assert lines[0].startswith("trace agent-session-42: 4 calls, 2 failed, ")
    drawn = lines[lines.index("") + 2 :]
    assert any(line.endswith("+ ├─ sleep 0.6  <- slowest") for line in drawn)
    assert any(line.endswith("x └─ false") for line in drawn)
    assert any(line.endswith("+ app deploy code=0") for line in drawn)
    assert any("x [both] sh -c '" in line for line in drawn)
    assert any(line.startswith("slowest  sleep 0.6: ") for line in lines)
    assert sum(line.startswith("failed   ") for line in lines) == 2


def test_on_a_terminal_the_tree_has_bars_and_fits(home: Home) -> None:
    """Each call is drawn on its place in time, within the terminal's width."""
    session(home)
    for columns in (40, 80, 140):
        shown = on_a_terminal(home, "trace", "agent-session-42", columns=columns)
        shown = re.sub(r"\x1b\[\d*m", "", shown)
        assert ("█" in shown) is (columns >= 70)
        assert max(map(len, shown.splitlines())) <= columns


def test_a_wrapped_tool_that_records_itself_appears_once(home: Home) -> None:
    """The wrapper's entry and the tool's own are one call, with the tool's id and params."""
    script = home.path / "app.py"
    script.write_text(APP)
    home.tooltrail("run", "--trace-id", "t", "--", "python", str(script), "deploy", "--exit", "3",
                   env={"PATH": f"{Path(TOOLTRAIL).parent}:{os.environ['PATH']}"})  # fmt: skip
    assert len(log(home, "--trace-id", "t")) == 2
    (call,) = response_in(home.tooltrail("trace", "t").stdout)["data"]["calls"]
    assert (call["tool"], call["command"], call["exit_code"]) == ("app", "deploy", 3)
    assert call["request_id"] == home.end("app")["request_id"]
    assert call["wrapper_request_id"] == home.events("tooltrail", "end")[0]["request_id"]
    assert call["children"] == []


def test_a_wrapper_tells_how_a_killed_tool_ended(home: Home) -> None:
    """Only a parent sees SIGKILL: the one call has the tool's params and the wrapper's signal."""
    script = home.path / "app.py"
    script.write_text(
        APP.replace("sys.exit(code)", "__import__('os').kill(__import__('os').getpid(), 9)")
    )
    home.tooltrail("run", "--trace-id", "t", "--", "python", str(script), "deploy",
                   env={"PATH": f"{Path(TOOLTRAIL).parent}:{os.environ['PATH']}"})  # fmt: skip
    (call,) = response_in(home.tooltrail("trace", "t").stdout)["data"]["calls"]
    assert (call["tool"], call["outcome"], call["signal"]) == ("app", "killed", "SIGKILL")
    assert call["params"] == {"code": 0}


def test_a_trace_that_no_log_knows_is_said_to_be_unknown(home: Home) -> None:
    """Exit code 1, the id, and how to find one that exists."""
    done = home.tooltrail("trace", "no-such-trace", "--output", "tree")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no-such-trace" in done.stderr
    assert "hint: tooltrail log" in done.stderr
    response = response_in(home.tooltrail("trace", "no-such-trace").stdout)
    assert response["error"]["code"] == "NOT_FOUND"


def test_a_coding_agents_session_is_a_trace(home: Home) -> None:
    """With nothing configured, the calls of an agent's session belong together."""
    env = {"CLAUDE_CODE_SESSION_ID": "abc-1", "AI_AGENT": "claude-code_2.1.0_cli"}
    home.tooltrail("run", "--", "true", env=env)
    home.tooltrail("run", "--", "true", env={**env, "TOOL_TRACE_ID": "own"})
    for asked, count in (("claude-code-abc-1", 1), ("abc-1", 2)):
        data = response_in(home.tooltrail("trace", asked).stdout)["data"]
        assert data["count"] == count
    assert home.events("tooltrail", "end")[0]["operator"] == "claude-code-abc-1"


@pytest.mark.parametrize("arguments", [[], ["log", "--nonsense"], ["nonsense"], ["trace"]])
def test_wrong_use_is_refused_and_recorded(home: Home, arguments: list[str]) -> None:
    """Exit code 2 and a hint; the attempt leaves an entry."""
    done = home.tooltrail(*arguments)
    assert done.returncode == 2
    assert response_in(done.stdout)["error"]["hint"]
    assert home.end("tooltrail")["exit_code"] == 2


def test_a_call_that_still_runs_shows_as_running(home: Home) -> None:
    """Between begin and end a call is listed as running."""
    process = subprocess.Popen(
        [TOOLTRAIL, "run", "--", "sh", "-c", "echo up; read line"],
        env=home.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    (entry,) = log(home)
    assert (entry["outcome"], entry["exit_code"], entry["duration_ms"]) == ("running", None, None)
    process.communicate("go\n", timeout=20)
    deadline = time.monotonic() + 10
    while not home.events("tooltrail", "end") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log(home)[-1]["outcome"] == "success"


def test_an_absurd_limit_is_none(home: Home) -> None:
    """More than any log holds is as good as no limit."""
    home.tooltrail("run", "--", "true")
    assert len(log(home, "--limit", "9" * 30)) == 1


def test_reading_without_stdout_says_so_by_its_exit_code(home: Home) -> None:
    """No traceback where stdout is closed."""
    done = home.run("sh", "-c", f"{TOOLTRAIL} log >&-")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_reading_is_quiet(home: Home) -> None:
    """The command dies by the signal, without a traceback."""
    for _ in range(3):
        write_call(home, params={"big": "x" * 100_000})
    process = subprocess.Popen(
        [TOOLTRAIL, "log", "--output", "jsonl"], env=home.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.read(1)  # it is writing, and waits for us
    process.send_signal(2)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == -2
    assert stderr == b""
    assert home.events("tooltrail", "end")[-1]["outcome"] == "interrupted"
