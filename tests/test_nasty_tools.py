"""Tools that do what no tool should: each is recorded, and none of their output is lost.

Every tool runs three times, as a `with` block and as a Click command: bare, observed, and in
envelope mode. Observed, its bytes and its exit code are those of the bare run. The behaviours are
listed in docs/nasty-tools.md.
"""

import json
import os
import subprocess
import time
from typing import Any

import pytest

from conftest import Home, response_in

BLOCK = """
import contextlib, types, tooltrail
def nobody(): return contextlib.nullcontext(types.SimpleNamespace())
with (tooltrail.invocation("nasty", envelope={envelope}) if {recorded} else nobody()) as call:
    call.data = work()
"""
CLICK = """
import click
@click.command()
def cli(): return work()
if {recorded}:
    from tooltrail.integrations.click import instrument
    instrument(cli, tool="nasty", envelope={envelope})
cli(prog_name="nasty")
"""
WAYS = {"block": BLOCK, "click": CLICK}
START = "import os, subprocess, sys, time\ndef work():\n    "

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

Done = subprocess.CompletedProcess[bytes]


def run(home: Home, way: str, body: str, mode: str, **options: Any) -> Done:
    """Run a tool that does `body`, in one of the two ways: bare, observe or envelope."""
    frame = WAYS[way].format(recorded=mode != "bare", envelope=mode == "envelope")
    code = START + body.strip().replace("\n", "\n    ") + frame
    options = {"text": False, "input": b"12345", **options}
    done: Any = home.python(code, **options)
    return done


def observed(home: Home, way: str, body: str, **options: Any) -> Done:
    """Run a tool bare and observed; hold the two against each other, and return the second."""
    bare = run(home, way, body, "bare", **options)
    done = run(home, way, body, "observe", **options)
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout)
    assert done.stderr == bare.stderr
    return done


def enveloped(home: Home, way: str, body: str, **options: Any) -> tuple[Done, dict[str, Any]]:
    """Run a tool in envelope mode; return how it went, and its one response."""
    done = run(home, way, body, "envelope", **options)
    response = response_in(done.stdout.partition(b"\n")[0].decode("ascii"))
    receipt, end = response["meta"]["receipt"], home.events("nasty", "end")[-1:]
    if receipt is not None:
        assert end[0]["request_id"] == response["meta"]["request_id"]
        assert (end[0]["exit_code"] == 0) is response["ok"]
    return done, response


def stray(response: dict[str, Any]) -> str:
    """Return what a response tells of other output."""
    found = [w["message"] for w in response["warnings"] if w["code"] == "STRAY_OUTPUT"]
    return "".join(found)


ways = pytest.mark.parametrize("way", sorted(WAYS))


def ends(home: Home) -> list[tuple[int, str]]:
    """Return exit code and outcome of each call that ended."""
    return [(e["exit_code"], e["outcome"]) for e in home.events("nasty", "end")]


# -- ways out


@ways
def test_os_exit_is_recorded_with_its_code(home: Home, way: str) -> None:
    """It runs no `finally`, and what was not flushed is lost as without us; the end is written."""
    observed(home, way, "print('out', flush=True); print('lost'); os._exit(6)")
    assert ends(home) == [(6, "failure")]
    done, response = enveloped(home, way, "print('out', flush=True); os._exit(6)")
    assert (done.returncode, response["error"]["code"]) == (6, "EXIT_CODE")
    assert stray(response) == "out\n"


@ways
def test_a_daemon_leaves_its_parents_call_and_no_pipe_open(home: Home, way: str) -> None:
    """The parent's exit ends the call; the daemon, which closed all it had, writes no second."""
    mark = home.path / "done"
    body = f"""
print('out', flush=True)
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.closerange(0, 1024)
for _ in range(3): os.open(os.devnull, os.O_RDWR)
for _ in range(1500): os.path.exists({str(home.path / "go")!r}) or time.sleep(0.02)
with open({str(mark)!r}, "a") as file: file.write("x")
"""
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["ok"], stray(response)) == (0, True, "out\n")
    (home.path / "go").touch()  # not before: each of the runs has ended, and its daemon runs
    for _ in range(1500):
        if not mark.exists() or mark.stat().st_size < 3:
            time.sleep(0.02)
    assert mark.read_text() == "xxx"
    assert ends(home) == [(0, "success")] * 2


@ways
def test_a_daemon_in_an_envelope_may_keep_what_it_wants(home: Home, way: str) -> None:
    """One that closes its three standard descriptors alone: nothing of ours holds the pipe."""
    go, mark = home.path / "go", home.path / "mark"
    body = f"""
if os.fork() == 0:
    for fd in range(3): os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    for _ in range(1500):
        if os.path.exists({str(go)!r}):
            os.close(os.open({str(mark)!r}, os.O_CREAT))
            break
        time.sleep(0.02)
    os._exit(0)
"""
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["ok"]) == (0, True)
    go.touch()  # the response was whole while the daemon waited for this
    for _ in range(1500):
        if not mark.exists():
            time.sleep(0.02)
    assert mark.exists()


@ways
def test_a_patched_sys_exit_changes_no_exit_code(home: Home, way: str) -> None:
    """What the tool puts there is for the tool: our own way out does not go through it."""
    body = "sys.exit = lambda *a: None\nraise SystemExit(3)"
    observed(home, way, body)
    assert ends(home) == [(3, "failure")]
    if way == "block":
        own = "import tooltrail; raise tooltrail.CommandError('no', code='NO', exit_code=5)"
        for ended, code in (("raise SystemExit(3)", 3), (own, 5)):
            done, response = enveloped(home, way, f"sys.exit = lambda *a: None; {ended}")
            assert (done.returncode, response["ok"]) == (code, False)


@ways
def test_a_patched_os_exit_is_followed(home: Home, way: str) -> None:
    """One that changes the code has the last word: the entry has the code that the caller saw."""
    body = """
real = os._exit
def patched(code): real(code + 1)
os._exit = patched
os._exit(3)
"""
    observed(home, way, body)
    assert ends(home) == [(4, "failure")]
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["ok"]) == (4, False)


@ways
def test_a_hook_for_crashes_is_called_as_without_us(home: Home, way: str) -> None:
    """The tool's own `sys.excepthook` gets its exception, and its words are on stderr."""
    body = """
def hook(kind, value, trace): print("hook", kind.__name__, value, file=sys.stderr)
sys.excepthook = hook
raise ValueError("no")
"""
    observed(home, way, body)
    assert ends(home) == [(1, "crashed")]
    done, response = enveloped(home, way, body)
    assert (done.returncode, done.stderr) == (1, b"hook ValueError no\n")
    assert response["error"]["type"] == "ValueError"


@ways
def test_an_exception_without_words_is_recorded(home: Home, way: str) -> None:
    """Its `__str__` raises: the entry names the two classes."""
    body = """
class Mute(Exception):
    def __str__(self): raise RuntimeError("no")
raise Mute()
"""
    observed(home, way, body)
    _, response = enveloped(home, way, body)
    assert response["error"]["message"] == "[Mute: RuntimeError in str()]"
    assert ends(home) == [(1, "crashed")] * 2


# -- stdout


@ways
@pytest.mark.parametrize(
    "close",
    ["sys.stdout.close()", "sys.stdout.flush(); os.close(1)", "os.close(1)"],
    ids=["object", "descriptor", "unflushed"],
)
def test_a_tool_that_closes_its_stdout_still_answers(home: Home, way: str, close: str) -> None:
    """What it printed before is told, and the response goes to where stdout led at first."""
    body = f"print('out'); {close}; return 1"
    if close != "os.close(1)":  # there the interpreter itself loses the text, and says so
        observed(home, way, body)
        assert ends(home) == [(0, "success")]
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["data"], stray(response)) == (0, 1, "out\n")


@ways
def test_a_tool_that_leads_its_stdout_into_a_file_keeps_the_file(home: Home, way: str) -> None:
    """Descriptor 1 is the tool's: what it writes there is in its file, all of it, and only that."""
    file = home.path / "mine"
    for how in ("os.close(1); os.open", "os.dup2(os.open"):
        end = ", 1)" if how.startswith("os.dup2") else ""
        opened = f"{how}({str(file)!r}, os.O_WRONLY | os.O_CREAT | os.O_TRUNC){end}"
        body = f"print('out', flush=True); {opened}; print('x' * 3_000_000, flush=True); return 1"
        observed(home, way, body)
        done, response = enveloped(home, way, body)
        assert (done.returncode, response["data"], stray(response)) == (0, 1, "out\n")
        assert file.read_bytes() == b"x" * 3_000_000 + b"\n"


@ways
@pytest.mark.parametrize("put", ["Own()", "None"])
def test_a_tool_that_replaces_its_stdout_still_answers(home: Home, way: str, put: str) -> None:
    """Its object gets its prints; the response does not go through it."""
    body = f"""
class Own:
    def write(self, text): sys.stderr.write(text.upper())
    def flush(self): pass
sys.stdout = {put}
print("out")
return 1
"""
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["data"], response["warnings"]) == (0, 1, [])
    assert done.stderr == (b"OUT\n" if put == "Own()" else b"")


@ways
def test_a_stdout_that_cannot_be_flushed_is_told_as_the_interpreter_tells_it(
    home: Home, way: str
) -> None:
    """Exit code 120 in the observed run and in its entry."""
    body = """
class Own:
    def write(self, text): pass
    def flush(self): raise RuntimeError("no")
    def __repr__(self): return "own"
sys.stdout = Own()
"""
    bare, done = (run(home, way, body, mode) for mode in ("bare", "observe"))
    assert bare.returncode == done.returncode == 120
    assert ends(home) == [(120, "failure")]
    _, response = enveloped(home, way, body)
    assert response["ok"] is True  # the response did get out


@ways
def test_a_patched_write_gets_the_prints_and_not_the_response(home: Home, way: str) -> None:
    """`sys.stdout.write` may be whatever the tool made it."""
    body = "sys.stdout.write = lambda text: sys.stderr.write(text.upper())\nprint('out'); return 1"
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert (done.stderr, response["data"], response["warnings"]) == (b"OUT\n", 1, [])


@ways
def test_a_tool_that_closes_every_descriptor_cannot_answer_and_says_so_in_the_log(
    home: Home, way: str
) -> None:
    """No way leads to the caller any more: an exit code that is not 0, and an `undelivered`."""
    observed(home, way, "print('out', flush=True); os.closerange(3, 1024)")
    assert ends(home) == [(0, "success")]
    done = run(home, way, "os.closerange(3, 1024); return 1", "envelope")
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = home.events("nasty", "undelivered")
    assert line["exit_code"] == 1
    assert "closed by the tool" in line["error"]["message"]


@ways
def test_a_file_under_the_number_of_one_of_our_descriptors_is_the_tools(
    home: Home, way: str
) -> None:
    """A tool that closed all and opened its own files has those under whatever numbers."""
    folder = home.path / "files"
    folder.mkdir()
    opening = f"[open(os.path.join({str(folder)!r}, str(n)), 'wb', 0) for n in range(40)]"
    body = f"""
import atexit
os.closerange(3, 1024)
for file in {opening}: atexit.register(file.write, b"x")
return 1
"""
    done = run(home, way, body, "envelope")
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    assert [file.read_bytes() for file in folder.iterdir()] == [b"x"] * 40


LARGE = """
def peak():
    (line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1])
before = peak()
for _ in range(1600): print("x" * 65_535)
sys.stdout.flush()
print(peak() - before < 8_000, file=sys.stderr)
return 1
"""


@ways
def test_a_hundred_megabytes_pass_through_an_observed_tool(home: Home, way: str) -> None:
    """Unchanged, and its memory stays flat."""
    done = observed(home, way, LARGE)
    assert len(done.stdout) == 1600 * 65_536
    assert done.stderr == b"True\n"


@ways
def test_of_a_hundred_megabytes_beside_a_response_the_start_and_the_size_are_told(
    home: Home, way: str
) -> None:
    """Memory is bounded; the caller learns how much there was, and that the rest is not kept."""
    done, response = enveloped(home, way, LARGE)
    assert done.stderr == b"True\n"
    told = stray(response)
    assert told.startswith("x" * 4000 + "\n[cut off: 104,857,600 bytes in all")
    assert home.events("nasty", "end")[-1]["warnings"][0]["message"] == told


@ways
def test_a_childs_output_beside_a_response_is_told_with_its_size(home: Home, way: str) -> None:
    """It goes to the same place; of it too the start is told, and the size."""
    body = "subprocess.run(['sh', '-c', 'yes | head -c 3000000']); return 1"
    done, response = enveloped(home, way, body)
    assert done.returncode == 0
    assert stray(response).startswith("y\ny\n")
    assert "3,000,000 bytes in all" in stray(response)


@ways
def test_bytes_that_are_not_utf_8_are_told_as_escapes(home: Home, way: str) -> None:
    """Beside the response, and in its data, where Python has them as lone surrogates."""
    body = "sys.stdout.buffer.write(b'ok\\xff\\xfe\\n'); return ['a\\udcffb', b'\\xff']"
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert done.stdout.isascii()
    assert stray(response) == "ok\\xff\\xfe\n"
    assert response["data"] == ["a\\xffb", "\\xff"]


@ways
@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "utf-16"},
    ],
    ids=["ascii", "C", "utf-16"],
)
def test_no_encoding_of_stdout_changes_the_response(
    home: Home, way: str, env: dict[str, str]
) -> None:
    """It is ASCII, byte for byte; what the tool prints is encoded as it was."""
    body = "print('out'); return 'gr\\u00fcn'"
    observed(home, way, body, env=env)
    _, response = enveloped(home, way, body, env=env)
    assert (response["data"], stray(response)) == ("gr\u00fcn", "out\n")


def test_text_that_stdout_cannot_encode_is_printed_with_escapes(home: Home) -> None:
    """In the output for people, too: no crash after the work is done."""
    code = """
import tooltrail
with tooltrail.invocation("nasty", envelope=True, output="text") as call: call.data = "gr\\u00fcn"
"""
    done = home.python(code, env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, "gr\\xfcn\n")
    assert ends(home) == [(0, "success")]


@pytest.mark.parametrize("lost", ["sys.stdout.close()", "sys.stdout = None"])
def test_text_for_which_there_is_no_stdout_any_more_is_told(home: Home, lost: str) -> None:
    """The data of the call went nowhere: it did not succeed."""
    code = f"""
import sys, tooltrail
with tooltrail.invocation("nasty", envelope=True, output="text") as call:
    {lost}
    call.data = "words"
"""
    assert home.python(code).returncode == 1
    end = home.end("nasty")
    assert (end["exit_code"], end["error"]["code"]) == (1, "UNDELIVERED")


@ways
def test_what_is_printed_after_the_response_stands_after_it(home: Home, way: str) -> None:
    """Threads that outlive the command, `atexit`, `__del__` at shutdown: the first line is ours."""
    body = """
import atexit, threading
global last
class Last:
    def __del__(self): print("del")
last = Last()
def late():
    threading.main_thread().join()
    print("thread", flush=True)
threading.Thread(target=late).start()
atexit.register(print, "atexit")
return 1
"""
    done = observed(home, way, body)
    assert done.stdout.split() == [b"thread", b"atexit", b"del"]
    assert ends(home) == [(0, "success")]
    done, response = enveloped(home, way, body)
    assert done.stdout.split(b"\n", 1)[1].split() == [b"thread", b"atexit", b"del"]
    assert response["data"] == 1


@ways
def test_an_exit_handler_that_raises_changes_nothing(home: Home, way: str) -> None:
    """Python prints its traceback, and keeps the exit code."""
    body = "import atexit; atexit.register(int, 'no number'); return 1"
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["ok"]) == (0, True)
    assert b"ValueError" in done.stderr


# -- the process


@ways
def test_a_tool_may_read_stdin_to_its_end(home: Home, way: str) -> None:
    """Nothing of ours reads from it."""
    observed(home, way, "print(sys.stdin.read())")
    assert enveloped(home, way, "return sys.stdin.read()")[1]["data"] == "12345"


@ways
def test_a_working_directory_that_is_gone_is_no_matter(home: Home, way: str) -> None:
    """The entry has the directory in which the call began."""
    body = "import tempfile\npath = tempfile.mkdtemp(); os.chdir(path); os.rmdir(path)\nreturn 1"
    observed(home, way, body)
    assert enveloped(home, way, body)[1]["data"] == 1
    assert {line["process"]["cwd"] for line in home.events("nasty", "end")} == {os.getcwd()}


@ways
@pytest.mark.parametrize("close", ["os.close(2)", "sys.stderr.close()", "sys.stderr = None"])
def test_a_tool_without_stderr_is_recorded(home: Home, way: str, close: str) -> None:
    """Nothing of ours is written to what is opened under its number."""
    body = f"{close}; return 1"
    observed(home, way, body)
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["data"]) == (0, 1)
    assert ends(home) == [(0, "success")] * 2


NOT_RECORDED = {
    "no descriptors": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))",
    "no files": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))",
    "another user": "os.setuid(65534)",
}


@ways
@pytest.mark.parametrize(
    "taken", ["no descriptors", "no files", pytest.param("another user", marks=as_root)]
)
def test_a_tool_that_takes_from_itself_what_recording_needs_ends_as_it_would(
    home: Home, way: str, taken: str
) -> None:
    """Its begin is in the log; that its end is not is said once on stderr, and in the response."""
    body = f"{NOT_RECORDED[taken]}; print('x' * 100); return 1"
    bare, done = (run(home, way, body, mode) for mode in ("bare", "observe"))
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout) == (0, done.stdout)
    assert done.stderr.count(b"\n") == 1
    assert b"not recorded" in done.stderr
    done, response = enveloped(home, way, body)
    assert (done.returncode, response["data"], response["meta"]["receipt"]) == (0, 1, None)
    codes = {warning["code"] for warning in response["warnings"]}
    assert codes & {"NOT_RECORDED", "RECORDER_FAILED"}  # the second where no module can be loaded
    assert stray(response).startswith("x" * 10)
    if taken == "no files":  # what did not fit is counted; and the print did not fail
        assert "[cut off: 101 bytes in all" in stray(response)
    assert len(home.events("nasty", "begin")) == 2
    assert home.events("nasty", "end") == []


# -- what is returned


@ways
@pytest.mark.parametrize(
    ("returned", "kind"),
    [
        ("async def later(): pass\nreturn later()", "coroutine"),
        ("return (n for n in range(3))", "generator"),
        ("async def later(): yield 1\nreturn later()", "async_generator"),
    ],
    ids=["coroutine", "generator", "async generator"],
)
def test_a_command_that_returns_without_having_run_did_not_succeed(
    home: Home, way: str, returned: str, kind: str
) -> None:
    """Nobody awaits or reads it: `ok` would be a lie. Observed, it is the tool's own affair."""
    observed(home, way, returned)
    done, response = enveloped(home, way, returned)
    assert done.returncode == 1
    assert (response["error"]["code"], response["data"]) == ("NOT_READ", None)
    assert kind in response["error"]["message"]
    assert ends(home) == [(0, "success"), (1, "failure")]


def test_data_is_written_once_and_its_digest_is_of_what_was_printed(home: Home) -> None:
    """An object that says something else each time it is asked says it once."""
    code = """
import tooltrail
class Fickle:
    times = 0
    def __str__(self): Fickle.times += 1; return f"asked {self.times} times"
with tooltrail.invocation("nasty", envelope=True) as call: call.data = [Fickle()]
"""
    import hashlib

    data = response_in(home.python(code).stdout)["data"]
    assert data == ["asked 1 times"]
    encoded = json.dumps(data, separators=(",", ":")).encode()
    assert home.end("nasty")["output"]["data_sha256"] == (
        "sha256:" + hashlib.sha256(encoded).hexdigest()
    )


def test_an_object_that_has_no_end_is_cut_and_that_is_told(home: Home) -> None:
    """Its memory is bounded, the response is whole, and says that its data is not."""
    code = """
import tooltrail
class Endless:
    def keys(self): return ("a", "b")
    def __getitem__(self, name): return Endless()
with tooltrail.invocation("nasty", envelope=True) as call: call.data = Endless()
"""
    done = home.python(code, preexec_fn=_two_gigabytes, timeout=120)
    response = response_in(done.stdout)
    assert "DATA_CUT" in [warning["code"] for warning in response["warnings"]]
    assert response["ok"] is True


def _two_gigabytes() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
