"""Click in envelope mode: every outcome is one response, and the response names its record."""

import hashlib
import json
import os
import pty
import signal
import subprocess
from typing import Any

import pytest
from click.testing import CliRunner

from conftest import PYTHON, Home, response_in

APP = """
import os, sys, time, signal, subprocess
import click
import tooltrail
from tooltrail.integrations.click import instrument

@click.group()
@click.version_option("1.2.3")
def cli(): pass

@cli.command()
@click.argument("what", default="ok")
@click.option("--token")
def deploy(what, token):
    if what == "stray":
        print("printed"); os.write(1, b"raw\\n"); subprocess.run(["echo", "child"])
    if what == "error":
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, retryable=True,
                                     hint="free some")
    if what == "exit3": sys.exit(3)
    if what == "ctx0": click.get_current_context().exit(0)
    if what == "crash": raise ValueError("boom token=hunter2hunter2")
    if what == "fail": raise click.ClickException("it failed")
    if what == "wait": sys.stderr.write("up\\n"); sys.stderr.flush(); time.sleep(60)
    if what == "osexit": os._exit(6)
    if what == "exec": os.execlp("sh", "sh", "-c", "echo taken over; exit 7")
    return {"what": what, "list": [1, None], "path": __import__("pathlib").Path("/srv")}

@cli.command()
@click.option("--output")
def mine(output): return {"mine": output}

@cli.command("text")
def text_(): return "plain words"

instrument(cli, tool="app", version="9.9", envelope=True)
if __name__ == "__main__":
    cli(prog_name="app")
"""


def answer(home: Home, *arguments: str, **options: Any) -> dict[str, Any]:
    """Run the app and return its response, which must be all that it printed."""
    return response_in(home.python(APP, *arguments, **options).stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["deploy"], 0, None),
        (["deploy", "ctx0"], 0, None),
        (["deploy", "error"], 5, "NO_ROOM"),
        (["deploy", "exit3"], 3, "EXIT_CODE"),
        (["deploy", "crash"], 1, "EXCEPTION"),
        (["deploy", "fail"], 1, "COMMAND_FAILED"),
        (["deploy", "osexit"], 6, "EXIT_CODE"),
        (["deploy", "--nonsense"], 2, "NO_SUCH_OPTION"),
        (["deploy", "a", "b"], 2, "USAGE_ERROR"),
        (["nonsense"], 2, "NO_SUCH_COMMAND"),
        ([], 2, "NO_ARGS_IS_HELP"),
        (["--help"], 0, None),
        (["deploy", "--help"], 0, None),
        (["--version"], 0, None),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_every_outcome_is_one_response_that_agrees_with_the_log(
    home: Home, arguments: list[str], code: int, error: str | None
) -> None:
    """Five keys, the exit code behind `ok`, a stable error code, and the line that holds it."""
    done = home.python(APP, *arguments, env={"TOOL_TRACE_ID": "test-123"})
    response = response_in(done.stdout)
    assert done.returncode == code
    assert response["ok"] is (code == 0)
    assert (response["error"] or {}).get("code") == error
    meta, end = response["meta"], home.end("app")
    assert meta["trace_id"] == "test-123"
    assert meta["request_id"] == end["request_id"]
    assert meta["duration_ms"] == end["duration_ms"]
    assert meta["version"] == "9.9"
    assert end["exit_code"] == code
    assert "hunter2" not in done.stdout


def test_the_receipt_names_the_end_line(home: Home) -> None:
    """Log, sequence number and hash of the receipt are those of the line in the log."""
    receipt = answer(home, "deploy")["meta"]["receipt"]
    lines = home.log("app").read_bytes().splitlines()
    assert receipt["log"] == json.loads(lines[0])["log"]
    assert receipt["hash"] == "sha256:" + hashlib.sha256(lines[receipt["seq"]]).hexdigest()
    assert json.loads(lines[receipt["seq"]])["event"] == "end"


def test_the_end_line_digests_the_data(home: Home) -> None:
    """What was answered can be held against the log: its SHA-256 is in the end line."""
    data = answer(home, "deploy")["data"]
    encoded = json.dumps(data, separators=(",", ":")).encode()
    assert home.end("app")["output"] == {
        "data_bytes": len(encoded),
        "data_sha256": "sha256:" + hashlib.sha256(encoded).hexdigest(),
    }


def test_stray_prints_land_in_warnings(home: Home) -> None:
    """Prints of Python, of C code and of children cannot break the JSON."""
    response = answer(home, "deploy", "stray")
    assert response["data"]["what"] == "stray"
    (warning,) = response["warnings"]
    assert warning["code"] == "STRAY_OUTPUT"
    assert sorted(warning["message"].split()) == ["child", "printed", "raw"]


def test_an_error_of_the_author_is_passed_on_whole(home: Home) -> None:
    """Code, message, retryable and hint of a CommandError are the response's error."""
    assert answer(home, "deploy", "error")["error"] == {
        "code": "NO_ROOM",
        "message": "no room",
        "retryable": True,
        "hint": "free some",
    }


def test_help_is_data(home: Home) -> None:
    """`--help` answers with its text, and shows what envelope mode added."""
    text = answer(home, "--help")["data"]["text"]
    assert text.startswith("Usage: app")
    assert "audit-log" in text
    assert "--output [text|json|jsonl]" in text


def test_the_output_option_of_the_author_stays(home: Home) -> None:
    """Where a command has its own `--output`, ours is `--output-format`."""
    response = answer(home, "mine", "--output", "file.txt", "--output-format", "json")
    assert response["data"] == {"mine": "file.txt"}
    for own in ("text", "jsonl"):
        assert answer(home, "mine", "--output", own)["data"] == {"mine": own}


def test_text_is_for_people(home: Home) -> None:
    """With `--output text` the data is laid out, errors are Click's, and hints are shown."""
    assert home.python(APP, "deploy", "--output", "text").stdout == (
        "what: ok\nlist:\n  - 1\n  - null\npath: /srv\n"
    )
    assert home.python(APP, "text", "--output=text").stdout == "plain words\n"
    failed = home.python(APP, "deploy", "error", "--output", "text")
    assert (failed.returncode, failed.stdout) == (5, "")
    assert failed.stderr == "Error: no room\nhint: free some\n"
    assert [line["exit_code"] for line in home.events("app", "end")] == [0, 0, 5]


def test_a_usage_error_is_answered_in_the_format_that_was_asked_for(home: Home) -> None:
    """`--output text` counts even where the rest of the command line is wrong."""
    done = home.python(APP, "deploy", "--output", "text", "--nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option" in done.stderr


def test_jsonl_is_one_line(home: Home) -> None:
    """A response as JSON lines can be appended to a file of responses."""
    done = home.python(APP, "deploy", "--output", "jsonl")
    assert done.stdout.count("\n") == 1
    response_in(done.stdout)


def test_on_a_terminal_people_get_text(home: Home) -> None:
    """Without `--output`, a terminal gets text."""
    home.python(APP, "--version")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PYTHON, [PYTHON, str(home.path / "tool.py"), "text"], home.environment())
    assert os.read(terminal, 4096) == b"plain words\r\n"
    os.waitpid(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_call_still_answers(home: Home, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP get a response and an end line, and then the tool dies by them."""
    home.python(APP, "--version")
    process = subprocess.Popen(
        [PYTHON, str(home.path / "tool.py"), "deploy", "wait"],
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "up\n"
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == -number
    response = response_in(output)
    assert (response["ok"], response["error"]["code"]) == (False, "TERMINATED")
    end = home.events("app", "end")[-1]
    assert (end["signal"], end["exit_code"]) == (number.name, 128 + number)
    assert end["outcome"] == "terminated"


def test_ctrl_c_answers_with_clicks_exit_code(home: Home) -> None:
    """Click ends with 1 on Ctrl-C; the response and the log say that it was an interrupt."""
    home.python(APP, "--version")
    process = subprocess.Popen(
        [PYTHON, str(home.path / "tool.py"), "deploy", "wait"],
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert response_in(output)["error"]["code"] == "INTERRUPTED"
    end = home.events("app", "end")[-1]
    assert (end["outcome"], end["signal"], end["exit_code"]) == ("interrupted", "SIGINT", 1)


def test_a_program_that_takes_over_gets_the_real_stdout(home: Home) -> None:
    """After `os.exec*` the new program's output is not swallowed by our diversion."""
    done = home.python(APP, "deploy", "exec")
    assert (done.returncode, done.stdout) == (7, "taken over\n")
    assert home.end("app")["outcome"] == "replaced"


def test_a_response_that_cannot_be_delivered_is_corrected_in_the_log(home: Home) -> None:
    """The end line was written before; an `undelivered` line adds the real exit code."""
    with open("/dev/full", "w") as full:
        done = home.python(APP, "deploy", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    (undelivered,) = home.events("app", "undelivered")
    assert undelivered["exit_code"] == 1
    (entry,) = map(json.loads, home.tooltrail("log", "--output", "jsonl").stdout.splitlines())
    assert (entry["exit_code"], entry["error"]["code"]) == (1, "UNDELIVERED")


def test_a_log_that_cannot_be_written_is_told_in_the_response(home: Home) -> None:
    """The command runs; its response has no receipt and a warning that says why."""
    home.log("app").mkdir(parents=True)
    done = home.python(APP, "deploy")
    response = response_in(done.stdout)
    assert response["ok"] is True
    assert response["meta"]["receipt"] is None
    assert response["warnings"][0]["code"] == "NOT_RECORDED"
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "trace_id", ["a b\ttab", "new\nline", "\x1b[31mred", "x" * 1_000, "\u202ebidi", "caf\udce9"]
)
def test_an_awkward_trace_id_breaks_nothing(home: Home, trace_id: str) -> None:
    """It is kept in escaped form, with a warning in the response, and stays one id."""
    first = answer(home, "deploy", env={"TOOL_TRACE_ID": trace_id})
    kept = first["meta"]["trace_id"]
    assert kept.isprintable()
    assert len(kept) <= 256
    assert first["warnings"][0]["code"] == "ID_ESCAPED"
    assert home.end("app")["trace_id"] == kept


def test_a_printable_trace_id_is_echoed_exactly(home: Home) -> None:
    """The check of the seed: what the caller supplied is what `meta` says."""
    for trace_id in ("test-123", "with space", "größe/✓", "x" * 256):
        response = answer(home, "deploy", env={"TOOL_TRACE_ID": trace_id})
        assert response["meta"]["trace_id"] == trace_id
        assert response["warnings"] == []


def test_a_test_runner_gets_the_response(home: Home) -> None:
    """`CliRunner` replaces stdout; the response goes to what it put there."""
    scope: dict[str, Any] = {"__name__": "app"}
    exec(APP, scope)
    done = CliRunner().invoke(scope["cli"], ["deploy", "stray"])
    response = response_in(done.stdout)
    assert response["data"]["what"] == "stray"
    assert "printed" in response["warnings"][0]["message"]


def test_a_second_signal_does_not_cut_the_answer_short(home: Home) -> None:
    """While the response to SIGTERM is on its way, another SIGTERM waits."""
    code = APP.replace("if __name__", "import tooltrail._answer as a\n"
        "real = a.Answer.give\n"
        "def give(self, *arguments):\n"
        "    self._signals.hold()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return real(self, *arguments)\n"
        "a.Answer.give = give\nif __name__")  # fmt: skip
    response = answer_of(home.python(code, "deploy"))
    assert response["ok"] is True


def answer_of(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """Return the response of a run that is over."""
    return response_in(done.stdout)
