"""`tooltrail check` of commands that hang, flood, ask, or answer oddly: never a traceback."""

import json
from typing import Any

import pytest

from conftest import PYTHON, Home
from test_check import check, of_status

META = {
    "request_id": "r-1",
    "trace_id": "test-123",
    "duration_ms": 1,
    "timestamp": "2026-01-01T00:00:00Z",
}
ANSWER = {"ok": True, "data": None, "error": None, "warnings": [], "meta": META}


def finding(report: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one finding."""
    (found,) = [each for each in report["findings"] if each["id"] == name]
    return found


@pytest.mark.parametrize(
    ("command", "ended"),
    [
        (["sleep", "60"], "timed out"),
        (["sh", "-c", "trap '' TERM; while true; do sleep 1; done"], "timed out"),
        (["yes"], "flooded"),
        (["cat", "/dev/zero"], "flooded"),
        (["no-such-command-here"], "not found"),
        (["/etc/passwd"], "not run"),
        (["/"], "not run"),
    ],
)
def test_a_command_that_cannot_be_looked_at_is_a_question_mark(
    home: Home, command: list[str], ended: str
) -> None:
    """Bounded in time and memory; the report says what it was."""
    report = check(home, "--deadline", "2", "--probe", "--", *command, code=1)
    assert report["score"] is None
    assert report["problem"].startswith(ended)
    assert len(report["next_steps"]) == 1
    sandboxed = check(home, "--deadline", "2", "--sandbox", "--", *command, code=1)
    assert sandboxed["problem"].startswith(ended)


def test_it_leaves_nothing_running(home: Home) -> None:
    """What a command started is ended with it when its time is up."""
    mark = "86399.125"
    check(home, "--deadline", "1", "--", "sh", "-c", f"setsid sleep {mark} & sleep 60", code=1)
    listed = home.run("ps", "-eo", "args").stdout
    assert f"sleep {mark}" not in listed.splitlines()


@pytest.mark.parametrize(
    "code",
    [
        "print(input('name? '))",
        "import getpass; print(getpass.getpass())",
        "open('/dev/tty').read()",
        "import sys; sys.stdout.buffer.write(bytes(range(256)) * 100)",
        "import os; os.kill(os.getpid(), 11)",
        "print('[' * 100_000)",
        "print('{\"meta\": [1, 2]}')",
        'print(\'{"meta": {"request_id": {}, "duration_ms": "x", "trace_id": 3}}\')',
        'print(\'{"meta": {"request_id": "a", "duration_ms": true, "timestamp": 1e999}}\')',
        'print(\'{"meta": {"request_id": "a", "audit_log_path": "/dev/zero"}}\')',
        "import os; os.close(1); os.close(2)",
        "import sys; print('null'); print('\\x1b[2J\\u202e', file=sys.stderr)",
    ],
)
def test_whatever_it_does_there_is_a_verdict(home: Home, code: str) -> None:
    """No terminal, no input, and answers that are no answers."""
    report = check(home, "--probe", "--repeat", "2", "--sandbox", "--deadline", "5", "--",
                   PYTHON, "-c", code)  # fmt: skip
    assert report["score"] in (0, 1)
    assert report["findings"]
    assert "\x1b" not in json.dumps(report, ensure_ascii=False)


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("\ufeff" + json.dumps(ANSWER), "a byte order mark"),
        (json.dumps(ANSWER, indent=2) + "\n" + json.dumps(ANSWER, indent=2), "2 documents"),
        (json.dumps({"step": 1}) + "\n" + json.dumps(ANSWER), "lines"),
        (json.dumps([{"x": 1}, ANSWER]), "a list"),
    ],
)
def test_ids_are_found_in_odd_forms_and_the_form_is_a_finding(
    home: Home, printed: str, said: str
) -> None:
    """A BOM, several documents, JSON lines, a list."""
    file = home.path / "answer"
    file.write_text(printed, encoding="utf-8")
    report = check(home, "--", "cat", str(file))
    assert "ids.some" in of_status(report, "passed")
    assert "trace.echo" in of_status(report, "passed")
    form = finding(report, "form.envelope")
    assert form["status"] == "failed"
    assert said in form["message"]


def test_a_response_on_stderr_is_one(home: Home) -> None:
    """Tools that answer failures there have answered."""
    file = home.path / "answer"
    file.write_text(json.dumps(ANSWER))
    report = check(home, "--", "sh", "-c", f"cat {file} >&2; exit 3")
    assert "ids.some" in of_status(report, "passed")
    assert "on stderr" in finding(report, "form.envelope")["message"]


def test_an_audit_log_that_hangs_is_not_known(home: Home) -> None:
    """The command answers; asked for its log it does not end."""
    script = home.path / "tool.py"
    script.write_text(
        "import sys, time\n"
        "if 'audit-log' in sys.argv: time.sleep(60)\n"
        'print(\'{"meta": {"request_id": "x"}}\')\n'
    )
    tool = ("--tool", f"{PYTHON} {script}")
    report = check(home, *tool, "--deadline", "2", "--", PYTHON, str(script), "go")
    assert finding(report, "log.command")["status"] == "unknown"
    assert finding(report, "log.every")["status"] == "unknown"


def test_a_probe_that_hangs_leaves_its_level_open(home: Home) -> None:
    """The command ends; called wrongly it does not."""
    script = home.path / "tool.py"
    script.write_text(
        "import json, os, sys, time, uuid, datetime\n"
        "if len(sys.argv) > 1 and sys.argv[1].startswith('--tooltrail'): time.sleep(60)\n"
        "meta = {'request_id': uuid.uuid4().hex, 'duration_ms': 1,\n"
        " 'trace_id': os.environ.get('TOOL_TRACE_ID', 'own'),\n"
        " 'timestamp': datetime.datetime.now(datetime.UTC).isoformat()}\n"
        "print(json.dumps({'ok': True, 'meta': meta}))\n"
    )
    report = check(home, "--probe", "--deadline", "2", "--", PYTHON, str(script))
    assert (report["score"], report["at_least"]) == (None, 1)
    stuck = finding(report, "ids.all")
    assert stuck["status"] == "unknown"
    assert "2 s" in stuck["message"]
