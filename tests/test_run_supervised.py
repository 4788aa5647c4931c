"""`tooltrail run` with a time limit, with capture, with `--json-meta`: and still transparent."""

import gzip
import hashlib
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conftest import PYTHON, TOOLTRAIL, Home
from test_calling import RECORDED_TOOL, script
from test_calling_ends import gone, noted, tree

OWN = "tooltrail"
CAPTURES = ("digest", "full")
ANY_TIME = pytest.mark.parametrize("limit", ["", "--timeout 60"])


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_timeout_ends_all_that_the_command_started(home: Home, stubborn: bool) -> None:
    """Exit code 124, as timeout(1) has it, and nothing is left running."""
    pids = home.path / "pids"
    done = home.tooltrail("run", "--timeout", "1.5s", "--", *tree(pids, stubborn=stubborn))
    assert done.returncode == 124
    assert noted(pids, 4)
    assert gone(pids)
    end = home.end(OWN)
    assert (end["outcome"], end["exit_code"], end["signal"]) == ("timed_out", 124, None)
    assert end["error"]["code"] == "TIMEOUT"


def test_a_timeout_spares_the_pipeline_around_it(home: Home) -> None:
    """What stands before and after it in the same process group goes on."""
    line = (
        f"(echo a; sleep 1.5; echo b) | {{ {TOOLTRAIL} run --timeout 0.4 -- sleep 60;"
        f" echo code $?; cat; }} | {{ sleep 2; cat; }}"
    )
    done = home.run("bash", "-c", line)
    assert done.stdout.split() == ["code", "124", "a", "b"]


def test_within_its_time_a_command_is_as_without_a_limit(home: Home) -> None:
    """Exit codes and signals are the command's."""
    assert home.tooltrail("run", "--timeout", "1h", "--", "sh", "-c", "exit 7").returncode == 7
    done = home.tooltrail("run", "--timeout", "60", "--", "sh", "-c", "kill -9 $$")
    assert done.returncode == -signal.SIGKILL
    assert home.tooltrail("run", "--timeout=5m", "--", "no-such-command").returncode == 127


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "1x", "nan", "inf", "1 h", "1e999"])
def test_a_time_that_is_none_is_refused(home: Home, text: str) -> None:
    """Nothing is run, and the hint says what is taken."""
    done = home.tooltrail("run", f"--timeout={text}", "--", "touch", str(home.path / "made"))
    assert done.returncode == 2
    assert "--timeout takes a time such as" in done.stderr
    assert not (home.path / "made").exists()
    assert home.end(OWN)["outcome"] == "usage_error"


def test_a_kind_of_capture_that_is_none_is_refused(home: Home) -> None:
    done = home.tooltrail("run", "--capture", "all", "--", "true")
    assert done.returncode == 2
    assert "--capture takes none, digest or full" in done.stderr


@pytest.mark.parametrize("capture", CAPTURES)
def test_captured_output_passes_unchanged(home: Home, capture: str) -> None:
    """Both streams, byte for byte, with the exit code; sizes and digests in the entry."""
    line = r"printf 'out\377\000\n'; printf 'err\n' >&2; exit 3"
    done = home.tooltrail("run", "--capture", capture, "--", "sh", "-c", line, text=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"out\xff\0\n", b"err\n", 3)
    output = home.end(OWN)["output"]
    assert output["stdout"]["bytes"] == 6
    assert output["stdout"]["sha256"] == digest(b"out\xff\0\n")
    assert output["stderr"]["sha256"] == digest(b"err\n")
    assert ("body" in output["stderr"]) == (capture == "full")


def test_without_capture_nothing_stands_between(home: Home, tmp_path: Path) -> None:
    """The command writes to the very file that the caller gave."""
    file = tmp_path / "out"
    with file.open("wb") as stdout:
        line = "readlink /proc/$$/fd/1"
        home.run(TOOLTRAIL, "run", "--", "sh", "-c", line, stdout=stdout)
    assert file.read_text().strip() == str(file)
    assert "output" not in home.end(OWN)


def test_the_text_is_kept_without_its_secrets(home: Home) -> None:
    """`full`: redacted, compressed, named by its content."""
    key = "ghp_" + "a1B2" * 9
    done = home.tooltrail("run", "--capture", "full", "--", "sh", "-c", "cat", input=f"key {key}\n")
    assert done.stdout == f"key {key}\n"
    (body,) = home.data.glob("tooltrail/bodies/*/*.gz")
    assert gzip.decompress(body.read_bytes()) == b"key [REDACTED]\n"
    stored = b"".join(path.read_bytes() for path in home.data.rglob("*") if path.is_file())
    assert key.encode() not in stored


def test_a_large_output_passes_whole_and_is_kept_cut(home: Home) -> None:
    """30 MB through the pipe; 1 MB in the log."""
    code = "import sys; sys.stdout.write('0123456789abcdef' * 2_000_000)"
    done = home.tooltrail("run", "--capture", "full", "--", PYTHON, "-c", code, text=False)
    assert len(done.stdout) == 32_000_000
    stdout = home.end(OWN)["output"]["stdout"]
    assert stdout["bytes"] == stdout["body_cut_from"] == 32_000_000
    assert stdout["sha256"] == digest(done.stdout)
    assert stdout["body_bytes"] == 1_000_000


def test_two_streams_into_one_file_keep_their_order(home: Home) -> None:
    """`2>&1`: one pipe for both, and the record says so."""
    line = "for i in 1 2 3 4 5 6 7 8 9; do echo o$i; echo e$i >&2; done"
    done = home.run(
        "bash", "-c", f"{TOOLTRAIL} run --capture digest -- sh -c '{line}' 2>&1", text=True
    )
    assert done.stdout.split() == [f"{kind}{n}" for n in range(1, 10) for kind in "oe"]
    output = home.end(OWN)["output"]
    assert output["stdout"]["with_stderr"] is True
    assert "stderr" not in output


@ANY_TIME
def test_a_closed_pipe_ends_a_captured_command_as_without_us(home: Home, limit: str) -> None:
    """SIGPIPE, and not a traceback."""
    line = f"{TOOLTRAIL} run --capture digest {limit} -- yes | head -1; exit ${{PIPESTATUS[0]}}"
    done = home.run("bash", "-c", line)
    assert (done.stdout, done.stderr) == ("y\n", "")
    assert done.returncode == 128 + signal.SIGPIPE
    assert home.end(OWN)["output"]["stdout"]["bytes"] > 0


def test_a_full_disk_behind_stdout_is_the_commands_affair(home: Home) -> None:
    """/dev/full: the command learns of it; the wrapper does not break."""
    line = (
        f"{TOOLTRAIL} run --capture digest -- sh -c 'echo x; echo y; sleep 0.2; echo z' > /dev/full"
    )
    done = home.run("bash", "-c", line)
    assert "Traceback" not in done.stderr
    assert home.end(OWN)["recorder"] == "wrapper"


@ANY_TIME
def test_what_is_left_behind_goes_on_printing(home: Home, limit: str) -> None:
    """The wrapper ends with its command; later output still arrives."""
    line = "(sleep 1; echo late) & echo now"
    before = time.monotonic()
    wrapper = subprocess.Popen(
        [TOOLTRAIL, "run", "--capture", "digest", *limit.split(), "--", "sh", "-c", line],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert wrapper.stdout is not None
    assert wrapper.wait(timeout=30) == 0
    assert home.end(OWN)["output"]["stdout"]["unfinished"] is True
    with wrapper.stdout:
        assert wrapper.stdout.read() == "now\nlate\n"
    assert time.monotonic() - before > 0.9


@ANY_TIME
@pytest.mark.parametrize("blocking", [False, True])
def test_a_slow_reader_loses_nothing(home: Home, limit: str, blocking: bool) -> None:
    """Also where somebody who shares the pipe has made it one that does not block."""
    reader, writer = os.pipe()
    os.set_blocking(writer, blocking)
    head = ["head", "-c", "3000000", "/dev/zero"]
    command = [TOOLTRAIL, "run", "--capture", "digest", *limit.split(), "--", *head]
    wrapper = subprocess.Popen(command, stdout=writer)
    os.close(writer)
    size = 0
    while piece := os.read(reader, 8192):
        size += len(piece)
        if size < 400_000:
            time.sleep(0.002)
    os.close(reader)
    assert wrapper.wait(timeout=30) == 0
    assert size == 3_000_000


def test_who_does_not_read_does_not_hold_a_timeout_up(home: Home) -> None:
    """The command is ended in time; what it printed until then is there for who reads later."""
    command = [TOOLTRAIL, "run", "--timeout", "1", "--capture", "digest", "--", "yes"]
    wrapper = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert wrapper.stdout is not None
    assert wrapper.wait(timeout=30) == 124
    end = home.end(OWN)
    assert (end["outcome"], end["output"]["stdout"]["unfinished"]) == ("timed_out", True)
    with wrapper.stdout:
        printed = wrapper.stdout.read()
    assert len(printed) >= end["output"]["stdout"]["bytes"] > 0
    assert not printed.strip(b"y\n")


def test_closed_streams_stay_closed(home: Home) -> None:
    """A command without stdout has none under capture either."""
    line = f"{TOOLTRAIL} run --capture digest -- sh -c 'echo x' >&-; echo $?"
    bare = home.run("bash", "-c", "sh -c 'echo x' >&-; echo $?")
    done = home.run("bash", "-c", line)
    assert done.stdout == bare.stdout
    assert done.stderr.split("sh:")[1:] == bare.stderr.split("sh:")[1:]


def test_a_terminal_is_left_to_the_command(home: Home) -> None:
    """On a terminal nothing is captured: the command finds the terminal, not a pipe."""
    primary, secondary = pty.openpty()
    command = [TOOLTRAIL, "run", "--capture", "full", "--", "sh", "-c", "test -t 1 && echo tty"]
    wrapper = subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    assert wrapper.wait(timeout=30) == 0
    assert os.read(primary, 100) == b"tty\r\n"
    os.close(primary)
    assert "output" not in home.end(OWN)


def test_signals_reach_a_supervised_command(home: Home) -> None:
    """SIGTERM to the wrapper alone is passed on, with capture and a time limit too."""
    line = "trap 'echo got; exit 5' TERM; echo up; while :; do sleep 0.05; done"
    wrapper = subprocess.Popen(
        [TOOLTRAIL, "run", "--timeout", "60", "--capture", "digest", "--", "sh", "-c", line],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert wrapper.stdout is not None
    assert wrapper.stdout.readline() == "up\n"
    wrapper.send_signal(signal.SIGTERM)
    with wrapper.stdout:
        assert wrapper.stdout.read() == "got\n"
    assert wrapper.wait(timeout=30) == 5


def test_json_meta_is_one_line_at_the_end_of_stderr(home: Home) -> None:
    """Ids, time, receipt and how it ended; stdout untouched."""
    done = home.tooltrail("run", "--json-meta", "--", "sh", "-c", "echo o; echo e >&2; exit 4")
    assert done.stdout == "o\n"
    first, last = done.stderr.splitlines()
    assert first == "e"
    meta = json.loads(last)
    end = home.end(OWN)
    assert meta["request_id"] == end["request_id"]
    assert meta["receipt"]["seq"] == end["seq"]
    assert (meta["exit_code"], meta["outcome"], meta["signal"]) == (4, "failure", None)
    assert meta["told"] is None


def test_what_the_tool_told_of_itself_is_handed_on(home: Home) -> None:
    """In `--json-meta`, in the caller's file, and in the entry's `child`."""
    file = home.path / "meta"
    file.touch()
    command = [*script(home, RECORDED_TOOL), "3"]
    done = home.tooltrail("run", "--json-meta", "--", *command, env={"TOOL_META_FILE": str(file)})
    end = home.end("deployctl")
    told = json.loads(done.stderr.splitlines()[-1])["told"]
    assert told["request_id"] == end["request_id"]
    (left,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert left == told
    child = home.end(OWN)["child"]
    assert child["request_id"] == end["request_id"]
    assert child["receipt"]["seq"] == end["seq"]


def test_all_of_it_together_with_instrument(home: Home) -> None:
    """The options do not get in each other's way."""
    command = [*script(home, RECORDED_TOOL), "0"]
    options = ["--instrument", "--timeout", "60", "--capture", "digest", "--json-meta"]
    done = home.tooltrail("run", *options, "--", *command)
    assert done.stdout == "deployed\n"
    child = home.end(OWN)["child"]
    assert child["instrument"]["recorded"] == 1
    assert home.end(OWN)["output"]["stdout"]["bytes"] == 9


def test_the_plain_wrapper_imports_none_of_it(home: Home) -> None:
    """Without the options, the path of every call stays short."""
    code = (
        "import sys; sys.argv = ['tooltrail', 'run', '--', 'true']; import os;"
        "os._exit = lambda code: print(*[n for n in sys.modules if n.startswith('tooltrail')]);"
        "from tooltrail.cli import main; main()"
    )
    loaded = home.run(PYTHON, "-c", code).stdout.split()
    assert loaded
    assert not [
        name for name in loaded if name.startswith(("tooltrail.calling", "tooltrail.cli._"))
    ]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_output_that_cannot_be_passed_on_is_a_failure(home: Home) -> None:
    """The command cannot learn of a full disk any more: so it is said, and is the exit code."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [TOOLTRAIL, "run", "--capture", "digest", "--", "echo", "x"],
            env=home.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "what the command printed is lost: no space left on device" in done.stderr
    end = home.end("tooltrail")
    assert (end["exit_code"], end["error"]["code"]) == (1, "UNDELIVERED")
