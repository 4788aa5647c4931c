"""The hook of bash: each command of a `bash -c` is recorded, and none of them notices."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Home
from shell_world import install, until

Line = dict[str, Any]


@pytest.fixture
def hook(home: Home) -> Path:
    """The installed hook, as BASH_ENV names it."""
    return install(home, "bash")


def bash(home: Home, hook: Path, line: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a line as an agent does."""
    environment = {"BASH_ENV": str(hook), **options.pop("env", {})}
    return home.run("bash", *options.pop("flags", []), "-c", line, env=environment, **options)


def ended(home: Home) -> list[tuple[str, int | None]]:
    """Wait for the shell's own end, and return tool and exit code of each end before it."""
    lines = until(lambda: home.events("tooltrail", "end"), has_shell)
    return [(line["tool"], line["exit_code"]) for line in lines]


def has_shell(lines: list[Line]) -> bool:
    return any(line["tool"] == "bash" and line["process"]["pid"] for line in lines)


def test_each_command_has_its_own_exit_code_and_time(home: Home, hook: Path) -> None:
    """Lists, conditions and the elements of a pipeline, below the entry of the shell."""
    done = bash(
        home, hook, "true && sleep 0.2 | (cat; false) | false; true | false | sh -c 'exit 5'"
    )
    assert done.returncode == 5
    assert ended(home) == [("true", 0), ("true", 0), ("false", 1), ("sh", 5), ("bash", 5)]
    ends = home.events("tooltrail", "end")
    shell = ends[-1]
    assert shell["params"]["argv"][:2] == ["bash", "-c"]
    assert {line["parent_request_id"] for line in ends[:-1]} == {shell["request_id"]}
    assert {line["trace_id"] for line in ends} == {shell["trace_id"]}
    assert shell["duration_ms"] >= 200
    open_ones = {line["tool"] for line in home.events("tooltrail", "begin")} - {
        line["tool"] for line in ends
    }
    assert open_ones == {"sleep"}, "what ran beside a subshell has no status of its own"


def test_a_plain_command_is_a_call_of_its_program(home: Home, hook: Path) -> None:
    """Its words are the argv; what the shell has yet to expand is a call of the shell."""
    bash(
        home, hook, "sh -c 'exit 0; $x' >/dev/null 2>&1; true --a=b \"c d\"; true $HOME > /dev/null"
    )
    ended(home)
    assert [line["params"]["argv"] for line in home.events("tooltrail", "begin")][1:] == [
        ["sh", "-c", "exit 0; $x"],
        ["true", "--a=b", "c d"],
        ["bash", "-c", "true $HOME > /dev/null"],
    ]


def test_loops_are_no_commands_but_what_they_run_is(home: Home, hook: Path) -> None:
    """Each round's command is an entry; the loop's own arithmetic and words are none."""
    bash(home, hook, "for ((i = 0; i < 2; i++)); do true; done; for x in 1 2; do (( x > 1 )); done")
    assert ended(home) == [("true", 0), ("true", 0), ("bash", 0)]


def test_a_loop_of_builtins_is_counted_beyond_the_first(home: Home, hook: Path) -> None:
    """Fifty have entries; programs always; the shell's own entry says how many have none."""
    bash(home, hook, "for ((i = 0; i < 500; i++)); do :; done; sh -c 'exit 3'; false; true | sh")
    tools = ended(home)
    assert 50 <= len(tools) < 60
    assert ("sh", 3) in tools
    (shell,) = [line for line in home.events("tooltrail", "end") if line["process"]["pid"]]
    (warning,) = shell["warnings"]
    assert warning["code"] == "DATA_CUT"
    assert int(warning["message"].split()[0]) >= 400


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("sh -c 'exit 3'; (false) | true", [("sh", 3)]),
        ("true; (sh -c 'exit 5') | cat", [("true", 0)]),
        ("sh -c 'exit 4' | (cat); (false) | true", []),
        (". /dev/null | cat | sh -c 'exit 5'", [("cat", 0), ("sh", 5)]),
        ("false | trap -p | sh -c 'exit 5'", [("false", 1), ("sh", 5), ("trap", 0)]),
        ("false | cat; true | sh -c 'exit 6'", [("cat", 0), ("false", 1), ("sh", 6), ("true", 0)]),
    ],
)
def test_no_command_gets_the_status_of_a_subshell(
    home: Home, hook: Path, line: str, known: list[tuple[str, int]]
) -> None:
    """What runs before a pipeline has ended; what stands beside a subshell is unknown."""
    bash(home, hook, line)
    assert sorted(each for each in ended(home) if each[0] != "bash") == known


def test_a_command_with_variables_of_its_own_keeps_its_name(home: Home, hook: Path) -> None:
    """The secret among them is redacted, the command behind it is not."""
    bash(
        home, hook, "FOO_PASSWORD=hunter2hunter2 LEVEL='a b' sh -c 'exit 3'; FOO_PASSWORD=x$$ true"
    )
    assert ("sh", 3) in ended(home)
    (line,) = [line for line in home.events("tooltrail", "end") if line["tool"] == "sh"]
    assert line["params"]["argv"] == ["sh", "-c", "exit 3"]
    assert line["params"]["environment"] == {"FOO_PASSWORD": "[REDACTED]", "LEVEL": "a b"}
    assert "hunter2" not in home.log("tooltrail").read_text()


def test_a_shell_with_an_exit_trap_of_its_own_has_ended(home: Home, hook: Path) -> None:
    """Nobody saw with what; it did not vanish."""
    bash(home, hook, "trap 'echo bye' EXIT; sh -c 'exit 3'; false; exit 4")
    assert ("sh", 3) in ended(home)
    (shell,) = [line for line in home.events("tooltrail", "end") if line["process"]["pid"]]
    assert (shell["outcome"], shell["exit_code"]) == ("unknown", None)
    assert [warning["code"] for warning in shell["warnings"]] == ["EXIT_CODE_UNKNOWN"]


def test_a_command_that_is_cut_off_says_so(home: Home, hook: Path) -> None:
    """It is cut before a word, so that no half of a secret stays."""
    bash(home, hook, "true " + "word " * 3190 + "token=ghp_" + "a1B2c3D4" * 40)
    ended(home)
    for line in home.events("tooltrail", "end"):  # the command, and the shell with its text
        assert [warning["code"] for warning in line["warnings"]] == ["DATA_CUT"]
        assert line["params"]["argv"][-1].endswith("word [cut off]")
    assert "ghp_" not in home.log("tooltrail").read_text()


def test_the_fifo_of_a_killed_recorder_goes_at_the_next_start(home: Home, hook: Path) -> None:
    """Only where its shell is gone as well, and only FIFOs."""
    spool = home.data / "tooltrail" / "spool"
    gone = subprocess.Popen(["true"])
    gone.wait()
    spool.mkdir(parents=True)
    os.mkfifo(spool / f"bash-{gone.pid}-17")
    os.mkfifo(spool / f"bash-{os.getpid()}-17")
    (spool / f"bash-{gone.pid}-18").write_text("a file")
    bash(home, hook, "true")
    ended(home)
    left = {f"bash-{os.getpid()}-17", f"bash-{gone.pid}-18"}
    until(lambda: {path.name for path in spool.iterdir()}, lambda seen: seen == left)


def test_exec_closes_the_shells_entry(home: Home, hook: Path) -> None:
    """Another program goes on under its pid: neither has an exit code that we could know."""
    bash(home, hook, "true; exec sh -c 'exit 3'")
    lines = until(lambda: home.events("tooltrail", "end"), has_shell)
    assert [(line["tool"], line["outcome"]) for line in lines] == [
        ("true", "success"),
        ("exec", "replaced"),
        ("bash", "replaced"),
    ]


def test_a_slow_element_of_a_pipeline_is_not_taken_for_the_next(home: Home, hook: Path) -> None:
    """The statuses of a pipeline of three, which are known together, go to the right ones."""
    bash(home, hook, "false; sh -c 'exit 3' | sleep 0.1 | sh -c 'cat; exit 4'; true")
    assert ended(home) == [
        ("false", 1), ("sh", 3), ("sleep", 0), ("sh", 4), ("true", 0), ("bash", 0),
    ]  # fmt: skip


_LINES = [
    "false; echo $? ${PIPESTATUS[*]}; true | false | true; echo ${PIPESTATUS[*]}",
    'echo a b >/dev/null; echo "$_"; : x y; echo "$_"',
    "trap 'echo user-debug' DEBUG; true; trap - DEBUG; echo end",
    "trap 'echo bye $?' EXIT; exit 4",
    "trap 'echo err' ERR; false; true",
    "set -euo pipefail; if false; then :; fi; false | true; echo never",
    "set -e; f() { false; echo no; }; f || echo caught; f; echo never",
    "set -u; echo $nothing",
    "set -T; f() { echo in; }; f; (echo sub); x=$(echo cap); echo $x",
    "shopt -s extdebug; false; echo still",
    "for ((i = 0; i < 150; i++)); do false; done; echo $? ${PIPESTATUS[*]} $_; set -x; echo x",
    "sleep 0.05 & wait; jobs; echo ${!:+set}; echo $?",
    "exec echo replaced",
    "exec 3>&1; echo three >&3; ls /proc/self/fd | wc -l",
    "shopt -s expand_aliases; alias hi='echo hello'\nhi",
    'cat; read x; echo "[$x]"',
    "kill -TERM $$",
    "echo out; echo err >&2; (exit 9)",
    "for i in 1 2; do echo $i; done; case x in x) echo c;; esac; [[ a == a ]] && ((1)) && echo y",
    "IFS=; set -- a b; echo $*; IFS=x; echo $*",
    "f() { printf() { echo mine; }; printf x; }; f",
    "set -x; echo traced",
    "set -f; set -o noclobber; echo *",
    "echo $- $SHLVL $0 $#",
    "LC_ALL=C; echo 'ä'; RANDOM=42; echo $RANDOM",
    "echo $'bytes \\xff' | od -c",
    "if true; then\n  bash -c 'echo nested; exit 3'\nfi; echo $?",
]


@pytest.mark.parametrize("line", _LINES)
def test_a_line_comes_to_the_same_byte_for_byte(home: Home, hook: Path, line: str) -> None:
    """Output, errors, exit code, traps, options, jobs and what `set -x` shows."""
    bare = home.run("bash", "-c", line, input="in\nput\n")
    told = bash(home, hook, line, input="in\nput\n")
    assert (told.stdout, told.stderr, told.returncode) == (
        bare.stdout,
        bare.stderr,
        bare.returncode,
    )


def test_a_caller_that_reads_to_the_end_does_not_wait_for_the_recorder(
    home: Home, hook: Path
) -> None:
    """The recorder, which outlives the shell, holds none of its outputs."""
    read, write = os.pipe()
    environment = home.environment(BASH_ENV=str(hook))
    child = subprocess.Popen(
        ["bash", "-c", "echo x"], env=environment, stdout=write, pass_fds=[write]
    )
    os.close(write)
    child.wait(30)
    with open(read, "rb") as pipe:
        assert pipe.read() == b"x\n"
    assert ended(home)


def test_a_killed_shell_leaves_the_begin_of_what_it_ran(home: Home, hook: Path) -> None:
    """SIGKILL to the whole group: the command was on its way, and the log says so."""
    environment = home.environment(BASH_ENV=str(hook))
    child = subprocess.Popen(
        ["bash", "-c", "sleep 77; true"], env=environment, start_new_session=True
    )
    begun: Callable[[], list[Line]] = lambda: home.events("tooltrail", "begin")  # noqa: E731
    until(begun, lambda lines: any(line["tool"] == "sleep" for line in lines))
    os.killpg(child.pid, signal.SIGKILL)
    child.wait(30)
    spool = home.data / "tooltrail" / "spool"
    until(lambda: list(spool.iterdir()), lambda left: not left)
    (end,) = home.events("tooltrail", "end")
    assert (end["process"]["pid"], end["outcome"]) == (child.pid, "unknown")


def test_no_secret_rests_on_the_disk(home: Home, hook: Path) -> None:
    """The raw line is in a pipe only; the spool folder holds nothing but FIFOs of our own."""
    secret = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    spool = home.data / "tooltrail" / "spool"
    line = f"ls -A {spool}; curl() {{ :; }}; curl -H 'Authorization: Bearer {secret}' x"
    assert bash(home, hook, line).stdout.startswith("bash-")
    assert ended(home)
    for path in home.path.rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    assert home.log("tooltrail").read_text().count("[REDACTED]") >= 2
    assert list(spool.iterdir()) == []


def test_a_recorded_tool_hangs_below_its_command(home: Home, hook: Path) -> None:
    """What a command starts names that command as its parent, in the trace of the agent."""
    code = "import tooltrail\nwith tooltrail.invocation('inner'): pass"
    bash(home, hook, f'{PYTHON} -c "{code}"; true', env={"CLAUDE_CODE_SESSION_ID": "s-1"})
    ended(home)
    (inner,) = home.events("inner", "end")
    above = {line["request_id"]: line for line in home.events("tooltrail", "end")}
    assert above[inner["parent_request_id"]]["params"]["argv"][0] != "true"
    assert {line["trace_id"] for line in (inner, *above.values())} == {"claude-code-s-1"}


def test_a_former_bash_env_is_read_as_well(home: Home, hook: Path) -> None:
    """TOOLTRAIL_BASH_ENV names it."""
    former = home.path / "former"
    former.write_text("MINE=yes\n")
    done = bash(home, hook, "echo $MINE", env={"TOOLTRAIL_BASH_ENV": str(former)})
    assert done.stdout == "yes\n"
    assert ended(home)


@pytest.mark.parametrize("why", ["off", "no interpreter", "a spool that cannot be made"])
def test_where_nothing_can_be_recorded_the_shell_runs_as_ever(
    home: Home, hook: Path, why: str
) -> None:
    """Turned off, uninstalled, or without a place for its FIFO."""
    if why == "no interpreter":
        hook.write_text(hook.read_text().replace(PYTHON, "/nonexistent/python"))
    if why == "a spool that cannot be made":
        (home.data / "tooltrail").mkdir(exist_ok=True)
        (home.data / "tooltrail" / "spool").write_text("a file")
    done = bash(
        home, hook, "echo x; exit 3", env={"TOOLTRAIL_SHELL": "off"} if why == "off" else {}
    )
    assert (done.stdout, done.stderr, done.returncode) == ("x\n", "", 3)
    time.sleep(0.2)
    assert home.lines("tooltrail") == []


def test_a_recorder_that_dies_does_not_stop_the_shell(home: Home, hook: Path) -> None:
    """Nobody reads any more: lines far beyond a pipe's size go nowhere, and none waits."""
    line = (
        'sleep 0.5; kill -9 $(pgrep -f "shells.recorder bash $$ "); '
        "for ((i = 0; i < 200; i++)); do : " + "x" * 15_000 + "; done; echo through"
    )
    done = bash(home, hook, line)
    assert (done.stdout, done.stderr, done.returncode) == ("through\n", "", 0)


def test_a_recorder_without_a_pipe_ends_at_once(home: Home) -> None:
    """It does not turn round and round over an input that has ended."""
    child = subprocess.Popen(["sleep", "60"])
    try:
        command = [
            PYTHON,
            "-m",
            "tooltrail.shells.recorder",
            "bash",
            str(child.pid),
            "/nonexistent",
        ]
        done = home.run(*command, timeout=20)
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        child.kill()
        child.wait()
