"""`tooltrail run`: the command as it is, and a record of it."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, SOURCE, TOOLTRAIL, Home

OWN = "tooltrail"


def start(home: Home, *command: str, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [TOOLTRAIL, "run", "--", *command],
        env=home.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_output_and_exit_code_are_the_commands_own(home: Home) -> None:
    """What a wrapped command reads, writes and returns is what it would be without us."""
    script = (
        "import sys; d = sys.stdin.read(); print(d.upper()); sys.stderr.write('e\\n'); sys.exit(7)"
    )
    bare = home.run(PYTHON, "-c", script, input="some input")
    wrapped = home.tooltrail("run", "--", PYTHON, "-c", script, input="some input")
    assert (wrapped.returncode, wrapped.stdout, wrapped.stderr) == (7, bare.stdout, bare.stderr)


def test_a_call_is_recorded_under_the_programs_name(home: Home) -> None:
    """The entry bears the program as tool, the arguments as params, and no command."""
    home.tooltrail("run", "--", "git", "--version")
    begin, end = home.events(OWN, "begin")[0], home.end(OWN)
    for line in (begin, end):
        assert line["tool"] == "git"
        assert line["command"] is None
        assert line["params"] == {"argv": ["git", "--version"]}
        assert line["recorder"] == "wrapper"
    assert (end["exit_code"], end["outcome"], end["signal"]) == (0, "success", None)
    assert end["duration_ms"] >= 0
    assert end["child"]["pid"] > 0


def test_options_name_the_trace_the_operator_and_the_operation(home: Home) -> None:
    """What is given on the command line wins over the environment."""
    home.tooltrail(
        "run",
        "--trace-id=t-1",
        "--operator",
        "me",
        "--operation",
        "build",
        "--",
        "true",
        env={"TOOL_TRACE_ID": "other", "TOOL_OPERATOR": "other"},
    )
    end = home.end(OWN)
    assert (end["trace_id"], end["trace_source"]) == ("t-1", "--trace-id")
    assert (end["operator"], end["operator_source"]) == ("me", "--operator")
    assert end["command"] == "build"


def test_the_command_finds_its_trace_through_shells_in_between(home: Home) -> None:
    """Ids go down through a shell and a second wrapper, and the calls form a tree."""
    home.tooltrail(
        "run", "--trace-id", "t", "--", "sh", "-c", f"sh -c '{TOOLTRAIL} run -- env' > env.txt",
        cwd=home.path,
    )  # fmt: skip
    inner, outer = home.events(OWN, "end")
    assert inner["parent_request_id"] == outer["request_id"]
    variables = dict(
        line.split("=", 1)
        for line in (home.path / "env.txt").read_text().splitlines()
        if "=" in line
    )
    assert variables["TOOL_TRACE_ID"] == "t"
    assert variables["TOOL_PARENT_REQUEST_ID"] == inner["request_id"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", variables["TRACEPARENT"])
    assert variables["GIT_TRACE2_PARENT_SID"] == f"{outer['request_id']}/{inner['request_id']}"


def test_git_takes_the_call_as_parent_of_its_own_trace(home: Home) -> None:
    """Git's Trace2 session id starts with the id of the call that wraps it."""
    events = home.path / "trace2.json"
    home.tooltrail("run", "--", "git", "--version", env={"GIT_TRACE2_EVENT": str(events)})
    assert f'"sid":"{home.end(OWN)["request_id"]}/' in events.read_text()


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("no-such-command", 127, "command not found"),
        ("./no/such/command", 127, "command not found"),
        ("/", 126, "permission denied"),
    ],
)
def test_what_cannot_start_ends_as_in_a_shell(
    home: Home, command: str, code: int, message: str
) -> None:
    """A missing command is 127, one that cannot run 126; both are recorded and said."""
    done = home.tooltrail("run", "--", command)
    assert done.returncode == code
    assert done.stderr == f"tooltrail: {command}: {message}\n"
    end = home.end(OWN)
    assert (end["exit_code"], end["outcome"]) == (code, "not_started")


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"\x7fELF for another machine\n", 126, "exec format error"),
        (b"MZ\0 for another system\ntouch surprise\n", 126, "exec format error"),
        (b"#!/no/such/interpreter\n", 127, "the interpreter that it names was not found"),
    ],
)
def test_a_file_that_no_machine_here_runs_is_no_script(
    home: Home, content: bytes, code: int, message: str
) -> None:
    """As bash has it; execvp(3) would have sh read whatever it is."""
    program = home.path / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    done = home.tooltrail("run", "--", str(program), cwd=home.path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr == f"tooltrail: {program}: {message}\n"
    assert home.end(OWN)["outcome"] == "not_started"
    assert not (home.path / "surprise").exists()
    assert home.run("bash", "-c", str(program)).returncode == code


def test_a_script_that_does_not_say_of_what_is_one_of_sh(home: Home) -> None:
    """As every shell and execvp(3) have it, also with text that is not ASCII."""
    script = home.path / "script"
    script.write_text("# für alle\necho $0 $1\nexit 3\n")
    script.chmod(0o755)
    done = home.tooltrail("run", "--", str(script), "x")
    assert (done.returncode, done.stdout) == (3, f"{script} x\n")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_a_missing_command_is_127_even_where_nobody_hears_it(home: Home, closed: str) -> None:
    """An stderr that takes nothing does not change the exit code."""
    assert home.run("sh", "-c", f"{TOOLTRAIL} run -- no-such-command {closed}").returncode == 127


def test_a_program_of_the_current_directory_is_not_taken_for_a_missing_one(home: Home) -> None:
    """Only PATH is searched: a file of that name in the current directory does not run."""
    planted = home.path / "surprise"
    planted.write_text("#!/bin/sh\necho planted\n")
    planted.chmod(0o755)
    done = home.tooltrail("run", "--", "surprise", cwd=home.path)
    assert (done.returncode, done.stdout) == (127, "")


def test_a_script_without_a_first_line_runs_as_in_a_shell(home: Home) -> None:
    """`execvp` gives such a script to sh, and so do we."""
    script = home.path / "plain"
    script.write_text("echo ran $1\nexit 3\n")
    script.chmod(0o755)
    done = home.tooltrail("run", "--", str(script), "well")
    assert (done.returncode, done.stdout) == (3, "ran well\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV])
def test_dies_by_the_signal_that_its_command_died_by(home: Home, number: signal.Signals) -> None:
    """A parent that waits for us sees the signal itself, and the entry names it."""
    done = home.tooltrail("run", "--", "sh", "-c", f"kill -{number.value} $$")
    assert done.returncode == -number
    end = home.end(OWN)
    assert (end["signal"], end["exit_code"]) == (number.name, 128 + number)
    assert end["outcome"] in ("killed", "terminated", "interrupted")


@pytest.mark.parametrize("name", ["TERM", "HUP", "USR1", "USR2"])
def test_signals_that_are_sent_to_the_wrapper_reach_the_command(home: Home, name: str) -> None:
    """TERM, HUP, USR1 and USR2 are passed on, and the command decides what they mean."""
    process = start(
        home, "bash", "-c", f"trap 'exit 9' {name}; echo up; while :; do sleep 0.05; done"
    )
    assert wait_for_line(process) == "up"
    process.send_signal(getattr(signal, f"SIG{name}"))
    process.communicate(timeout=20)
    assert process.returncode == 9
    assert home.end(OWN)["exit_code"] == 9


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_outlives_the_terminals_signals(home: Home, number: signal.Signals) -> None:
    """Ctrl-C reaches the whole group; the command may go on after it, and so do we."""
    process = start(
        home,
        "bash",
        "-c",
        f"trap 'echo caught' {number.name}; echo up; sleep 0.3; sleep 0.3; exit 4",
        start_new_session=True,
    )
    assert wait_for_line(process) == "up"
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=20)
    assert "caught" in output
    assert process.returncode == 4


def test_what_nohup_ignores_stays_ignored(home: Home) -> None:
    """A signal that was ignored when we started is ignored by the command too."""
    done = home.run(
        "sh",
        "-c",
        f"trap '' HUP INT; exec {TOOLTRAIL} run -- sh -c 'kill -HUP $$; kill -INT $$; echo alive'",
    )
    assert done.stdout == "alive\n"


def test_the_command_does_not_outlive_a_killed_wrapper(home: Home) -> None:
    """SIGKILL of the wrapper ends the command as well, and the begin line is the evidence."""
    process = start(home, "sh", "-c", "echo $$; exec sleep 600")
    child = int(wait_for_line(process))
    process.kill()
    process.communicate(timeout=20)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        if "Z" in Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]:
            break
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{child}").exists()
    assert home.events(OWN, "end") == []
    assert len(home.events(OWN, "begin")) == 1
    shown = home.tooltrail("log", "--output", "jsonl").stdout
    assert '"outcome":"vanished"' in shown


def test_the_command_stays_in_the_process_group(home: Home) -> None:
    """Job control sees one job: the command is in the group that the wrapper is in."""
    code = "import os; print(os.getpgrp())"
    process = start(home, PYTHON, "-c", code, start_new_session=True)
    output, _ = process.communicate(timeout=20)
    assert int(output) == process.pid


def test_a_terminal_is_passed_through(home: Home) -> None:
    """On a terminal the command has that terminal, and can be typed at."""
    code = "import os; print(os.isatty(0), os.isatty(1), os.isatty(2), input())"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(TOOLTRAIL, ["tooltrail", "run", "--", PYTHON, "-c", code], home.environment())
    os.write(terminal, b"typed\n")
    seen = b""
    while b"True True True typed" not in seen:
        ready, _, _ = select.select([terminal], [], [], 20)
        assert ready, seen
        seen += os.read(terminal, 4096)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_ctrl_c_on_a_terminal_ends_the_command_and_is_recorded(home: Home) -> None:
    """The terminal's interrupt ends the command, and then us by the same signal."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            TOOLTRAIL,
            ["tooltrail", "run", "--", "sh", "-c", "echo up; exec sleep 600"],
            home.environment(),
        )
    seen = b""
    while b"up" not in seen:
        seen += os.read(terminal, 4096)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGINT
    assert home.end(OWN)["outcome"] == "interrupted"


def test_secrets_in_arguments_are_not_written(home: Home) -> None:
    """A wrapped command's secrets reach the command, and no log."""
    done = home.tooltrail(
        "run", "--", "echo", "--token", "s3cr3t-1", "--api-key=s3cr3t-2",
        "https://me:s3cr3t-3@example.org/", "Authorization: Bearer s3cr3t-4",
        "ghp_s3cr3tABCDEFGHIJKLMNOPQRSTUVWXYZ01", "DB_PASSWORD=s3cr3t-5",
    )  # fmt: skip
    assert done.stdout.count("s3cr3t") == 6
    assert b"s3cr3t" not in home.log(OWN).read_bytes()
    assert home.end(OWN)["params"]["argv"][:4] == [
        "echo",
        "--token",
        "[REDACTED]",
        "--api-key=[REDACTED]",
    ]


def test_a_log_that_cannot_be_written_stops_nothing(home: Home) -> None:
    """The command runs and ends as it would; one line on stderr says that it is not recorded."""
    home.log(OWN).mkdir(parents=True)
    done = home.tooltrail("run", "--", "sh", "-c", "echo out; exit 5")
    assert (done.returncode, done.stdout) == (5, "out\n")
    assert done.stderr == (
        f"tooltrail: this call is not recorded: {home.log(OWN)}: is a directory\n"
    )


def test_arguments_that_are_not_utf8_are_passed_on_and_escaped(home: Home) -> None:
    """The command gets its bytes; the log gets text that every JSON reader takes."""
    done = home.run(TOOLTRAIL, "run", "--", "printf", "%s", b"caf\xe9", text=False)
    assert done.stdout == b"caf\xe9"
    assert home.end(OWN)["params"]["argv"][2] == "caf\\xe9"


def test_an_argument_of_128_kb_is_recorded_whole(home: Home) -> None:
    """The longest argument that Linux takes is in the log as it was."""
    big = "x" * 131_000
    done = home.tooltrail("run", "--", "echo", big)
    assert done.stdout == big + "\n"
    assert home.end(OWN)["params"]["argv"][1] == big


@pytest.mark.parametrize("arguments", [[], ["--"], ["--trace-id"], ["--nonsense", "--", "true"]])
def test_a_command_line_that_is_not_understood_is_refused_and_recorded(
    home: Home, arguments: list[str]
) -> None:
    """Wrong use is exit code 2 with what to do, and leaves an entry of tooltrail itself."""
    done = home.tooltrail("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: tooltrail run --help" in done.stderr
    assert '"command":"run"' in home.tooltrail("log", "--output", "jsonl").stdout
    end = home.events(OWN, "end")[0]
    assert (end["tool"], end["command"], end["exit_code"]) == ("tooltrail", "run", 2)


def test_help_is_shown(home: Home) -> None:
    """`--help` says what the verb does and which exit codes are its own."""
    done = home.tooltrail("run", "--help")
    assert done.returncode == 0
    assert "127" in done.stdout


def test_meta_is_left_in_the_file_that_the_caller_names(home: Home) -> None:
    """The wrapper answers through TOOL_META_FILE; its command gets a file of its own."""
    file = home.path / "meta.jsonl"
    file.touch()
    done = home.tooltrail(
        "run", "--", "sh", "-c", "echo $TOOL_META_FILE", env={"TOOL_META_FILE": str(file)}
    )
    inner = Path(done.stdout.strip())
    assert inner != file
    assert not inner.exists()
    assert home.end(OWN)["request_id"] in file.read_text()


def test_a_closed_stdout_is_the_commands_own_affair(home: Home) -> None:
    """With nobody reading, the command dies of SIGPIPE as it would, and the log says so."""
    done = home.run("bash", "-c", f"{TOOLTRAIL} run -- yes | head -1; exit ${{PIPESTATUS[0]}}")
    assert done.stdout == "y\n"
    assert done.returncode == 128 + signal.SIGPIPE
    assert home.end(OWN)["signal"] == "SIGPIPE"


def test_nothing_is_imported_that_the_path_of_every_call_does_not_need(home: Home) -> None:
    """The wrapper's modules are an allow-list: no json, re, argparse, typing, subprocess."""
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); import os;"
        "before = set(sys.modules);"
        "sys.argv = ['tooltrail', 'run', '--', 'true'];"
        "from tooltrail.cli import main; main();"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = home.run(PYTHON, "-I", "-S", "-c", code)
    foreign = {name for name in done.stdout.split() if not name.startswith("tooltrail")}
    allowed = "_ctypes _contextvars contextvars _json _sha256 _sha2 errno fcntl pwd _struct struct"
    assert foreign <= set(allowed.split()), foreign


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams_do_not_change_the_exit_code(home: Home, closed: str) -> None:
    """A command that needs no stdout ends with its own code where there is none."""
    for code in (0, 3):
        done = home.run("sh", "-c", f"{TOOLTRAIL} run -- sh -c 'exit {code}' {closed}")
        assert done.returncode == code
    assert [line["exit_code"] for line in home.events(OWN, "end")] == [0, 3]


def test_an_unrecorded_command_ends_as_it_would_even_where_nobody_hears_it(home: Home) -> None:
    """Neither a log nor an stderr that can be written: the exit code is the command's."""
    home.log(OWN).mkdir(parents=True)
    assert home.run("sh", "-c", f"{TOOLTRAIL} run -- true 2>/dev/full").returncode == 0


def test_a_machine_that_can_start_nothing_is_no_traceback(home: Home) -> None:
    """Where fork(2) fails the command could not run: 126, said and recorded."""
    code = """
import os, sys
from tooltrail.cli import main
def fork(): raise OSError(11, "no more processes")
os.fork = fork
sys.argv = ["tooltrail", "run", "--", "true"]
main()
"""
    done = home.python(code)
    assert done.returncode == 126
    assert done.stderr == "tooltrail: true: resource temporarily unavailable\n"
    assert home.end(OWN)["outcome"] == "not_started"
