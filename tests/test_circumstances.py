"""Whatever a process is and wherever it runs: its call is recorded, or it is said why not."""

import contextvars
import fcntl
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, TOOLTRAIL, Home, needs, response_in
from tooltrail._encode import encode
from tooltrail._host import process_facts
from tooltrail.trail import append
from tooltrail.trail.lost import lost

NOBODY, UNKNOWN_UID = 65534, 65533
NOT_RECORDED = "tooltrail: this call is not recorded: "

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def may_unshare(*options: str) -> bool:
    command = ["unshare", *options, "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


unshares = pytest.mark.skipif(
    not may_unshare("-m", "-p", "--fork"), reason="this machine lets nobody make namespaces"
)


def ends(home: Home, tool: str = "job") -> dict[str, dict[str, Any]]:
    """Return the end lines by command; there is one of each."""
    lines = home.events(tool, "end")
    found = {str(line["command"]): line for line in lines}
    assert len(found) == len(lines)
    return found


# -- threads, tasks, processes


def test_calls_that_overlap_in_threads_are_each_others_nothing(home: Home) -> None:
    """The first to come may be the first to go: the environment ends as it began."""
    code = """
import os, threading, tooltrail
before, barrier = dict(os.environ), threading.Barrier(3)

def work(name, number):
    with tooltrail.invocation("job", name):
        barrier.wait()
        for turn in range(number): barrier.wait()
        assert tooltrail.current().command == name
    for turn in range(2 - number): barrier.wait()

threads = [threading.Thread(target=work, args=(f"t{n}", n)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(dict(os.environ) == before, os._exit.__module__)
"""
    done = home.python(code)
    assert (done.stdout, done.stderr) == ("True posix\n", "")
    found = ends(home)
    assert sorted(found) == ["t0", "t1", "t2"]
    assert {end["parent_request_id"] for end in found.values()} == {None}
    assert len({end["trace_id"] for end in found.values()}) == 3


def test_tasks_have_the_call_in_which_they_were_made_as_parent(home: Home) -> None:
    """Interleaved tasks of two calls do not take each other's for their own."""
    code = """
import asyncio, tooltrail

async def leaf(name):
    with tooltrail.invocation("job", name):
        await asyncio.sleep(0.01)
        assert tooltrail.current().command == name

async def branch(name):
    with tooltrail.invocation("job", name):
        await asyncio.gather(leaf(name + "/a"), leaf(name + "/b"))
        await asyncio.to_thread(lambda: asyncio.run(leaf(name + "/thread")))

async def main():
    await asyncio.gather(branch("x"), branch("y"))

asyncio.run(main())
"""
    assert home.python(code).stderr == ""
    found = ends(home)
    assert len(found) == 8
    for name in ("x", "y"):
        assert found[name]["parent_request_id"] is None
        for leaf in ("a", "b", "thread"):
            end = found[f"{name}/{leaf}"]
            assert end["parent_request_id"] == found[name]["request_id"]
            assert end["trace_id"] == found[name]["trace_id"]


def test_a_call_may_be_left_in_another_context_than_it_was_entered_in(home: Home) -> None:
    """Fixtures of test frameworks and generators do that; the call ends all the same."""
    call = tooltrail.invocation("job")
    contextvars.copy_context().run(call.__enter__)
    call.__exit__()
    assert tooltrail.current() is None
    assert home.end("job")["exit_code"] == 0


def test_after_a_fork_parent_and_child_both_go_on(home: Home) -> None:
    """The call is the parent's. The child's own calls are below it, and its ends are its own."""
    code = """
import os, sys, tooltrail
with tooltrail.invocation("job", "parent") as call:
    if os.fork() == 0:
        assert tooltrail.current() is None
        with tooltrail.invocation("job", "child"):
            if os.fork() == 0:
                with tooltrail.invocation("job", "grandchild"): sys.exit(5)
            os.wait()
        sys.exit(6)
    os.wait()
    with tooltrail.invocation("job", "after"): pass
print("once")
"""
    done = home.python(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "once\n", "")
    found = ends(home)
    assert {name: end["exit_code"] for name, end in found.items()} == {
        **{"parent": 0, "child": 0, "after": 0},
        "grandchild": 5,
    }
    parents = {name: end["parent_request_id"] for name, end in found.items()}
    assert parents == {
        "parent": None,
        "child": found["parent"]["request_id"],
        "after": found["parent"]["request_id"],
        "grandchild": found["child"]["request_id"],
    }
    assert len({end["trace_id"] for end in found.values()}) == 1


def test_a_forked_child_of_an_answering_call_does_not_answer(home: Home) -> None:
    """One response, the parent's, whatever the child does on its way out."""
    code = """
import os, sys, tooltrail
with tooltrail.invocation("job", envelope=True, output="json") as call:
    if os.fork() == 0: sys.exit(5)
    os.wait()
    call.data = 1
"""
    done = home.python(code)
    assert response_in(done.stdout)["data"] == 1
    assert home.end("job")["exit_code"] == 0


def test_a_child_that_was_forked_in_the_middle_of_a_line_keeps_nobody_waiting(home: Home) -> None:
    """Another thread forked while the lock was held: the child must not keep it from others."""
    code = """
import os, sys
from tooltrail.trail import append
path, write, (reading, writing) = sys.argv[1], os.write, os.pipe()

def fork_and_write(fd, data):
    os.write = write
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)  # until the parent is gone
        os._exit(0)
    return write(fd, data)

append(path, "job", '{"event":"later"}')
os.write = fork_and_write
append(path, "job", '{"event":"later"}')
append(path, "job", '{"event":"later"}')
"""
    done = home.python(code, str(home.log("job")))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(home.lines("job")) == 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_calls_of_a_pools_workers_are_below_the_call_that_made_it(home: Home, method: str) -> None:
    """Workers come and go, each job is a call of its own, and the outer call ends once."""
    code = f"""
import multiprocessing, tooltrail

def work(number):
    with tooltrail.invocation("job", f"work {{number}}"): return number

if __name__ == "__main__":
    with tooltrail.invocation("job", "outer"):
        with multiprocessing.get_context({method!r}).Pool(2, maxtasksperchild=4) as pool:
            assert sorted(pool.imap_unordered(work, range(8))) == list(range(8))
            pool.close(); pool.join()
"""
    done = home.python(code)
    assert (done.returncode, done.stderr) == (0, "")
    found = ends(home)
    assert sorted(found) == ["outer", *(f"work {number}" for number in range(8))]
    outer = found.pop("outer")
    assert {end["parent_request_id"] for end in found.values()} == {outer["request_id"]}
    assert {end["trace_id"] for end in found.values()} == {outer["trace_id"]}


# -- who runs it, and where

# Loads what is needed to record, before the rights to read it are given up.
BECOME = """
import os, pwd, sys, tooltrail, tooltrail._block, tooltrail._ending, tooltrail._unrecorded
from tooltrail.trail import append, lost, recover, registry, segments
def become(uid):
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
"""
CALL = """
with tooltrail.invocation("job"): print("ran")
sys.exit(3)
"""


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of another user's, which they can reach."""
    with tempfile.TemporaryDirectory(prefix="tooltrail-test-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        inner = folder / "home"
        inner.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(inner, NOBODY, NOBODY)
        yield inner


@as_root
@pytest.mark.parametrize("home_is", ["", "/", "/root", "/no/such/home"])
def test_a_user_without_a_home_runs_unrecorded_and_is_told_so(
    home: Home, theirs: Path, home_is: str
) -> None:
    """A container's arbitrary uid: one line on stderr, the call counted where it can be."""
    os.chown(theirs, UNKNOWN_UID, UNKNOWN_UID)
    env = {"HOME": home_is, "XDG_RUNTIME_DIR": str(theirs)}
    done = home.python(BECOME + f"become({UNKNOWN_UID})" + CALL, env=env)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert done.stderr.startswith(NOT_RECORDED)
    assert done.stderr.endswith(": permission denied\n")
    assert done.stderr.count("\n") == 1
    assert len((theirs / "tooltrail-lost.jsonl").read_text().splitlines()) == 1


@as_root
def test_a_user_whom_no_database_knows_is_recorded_by_number(home: Home, theirs: Path) -> None:
    """With a home of their own there is nothing to complain about."""
    os.chown(theirs, UNKNOWN_UID, UNKNOWN_UID)
    done = home.python(BECOME + f"become({UNKNOWN_UID})" + CALL, env={"HOME": str(theirs)})
    assert (done.returncode, done.stderr) == (3, "")
    log = theirs / ".local" / "share" / "job" / "audit.jsonl"
    end = json.loads(log.read_text().splitlines()[-1])
    assert (end["process"]["uid"], end["process"]["user"]) == (UNKNOWN_UID, str(UNKNOWN_UID))
    assert end["operator"] == str(UNKNOWN_UID)
    assert log.stat().st_uid == UNKNOWN_UID


@as_root
@pytest.mark.parametrize("reachable", [True, False], ids=["reachable", "out of reach"])
def test_under_su_the_log_does_not_go_to_the_former_users_home(
    home: Home, theirs: Path, reachable: bool
) -> None:
    """HOME is root's, the user is not: their own home counts, which the user database knows."""
    roots = theirs.with_name("roots") if reachable else home.path
    roots.mkdir(mode=0o700, exist_ok=True)
    env = {"HOME": str(roots), "XDG_RUNTIME_DIR": str(theirs)}
    done = home.python(BECOME + f"become({NOBODY})" + CALL, env=env)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert done.stderr.startswith(f"{NOT_RECORDED}{pwd.getpwuid(NOBODY).pw_dir}/.local/share/")
    assert not (roots / ".local").exists()


@as_root
def test_a_user_without_a_home_does_not_record_into_the_current_folder(
    home: Home, theirs: Path
) -> None:
    """A relative HOME of a uid that no database knows is as good as none."""
    os.chown(theirs, UNKNOWN_UID, UNKNOWN_UID)
    (theirs / "checkout").mkdir()
    (theirs / "checkout").chmod(0o777)
    env = {"HOME": "checkout", "XDG_RUNTIME_DIR": str(theirs)}
    done = home.python(BECOME + f"become({UNKNOWN_UID})" + CALL, env=env, cwd=theirs)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert list((theirs / "checkout").iterdir()) == []


@as_root
@unshares
def test_under_sudo_the_log_goes_to_roots_home(home: Home, theirs: Path) -> None:
    """HOME is still the caller's: root's log is root's, and nothing of root's is left with them."""
    passwd = home.path / "passwd"
    passwd.write_text(f"root:x:0:0:root:{home.path}:/bin/sh\n")
    script = f"mount --bind {passwd} /etc/passwd && exec {TOOLTRAIL} run -- sh -c 'exit 3'"
    done = home.run("unshare", "-m", "sh", "-c", script, env={"HOME": str(theirs)})
    assert (done.returncode, done.stderr) == (3, "")
    assert home.end("tooltrail")["process"]["user"] == "root"
    assert list(theirs.iterdir()) == []


@as_root
def test_a_call_that_gives_up_its_rights_keeps_its_exit_code(home: Home, theirs: Path) -> None:
    """The begin is there; the end could not be written any more, and that is said."""
    code = BECOME + f'with tooltrail.invocation("job"):\n    become({NOBODY})\n    sys.exit(3)'
    done = home.python(code, env={"XDG_RUNTIME_DIR": str(theirs)})
    assert done.returncode == 3
    assert done.stderr == f"{NOT_RECORDED}{home.log('job')}: permission denied\n"
    assert [line["event"] for line in home.lines("job")] == ["log", "begin"]


@as_root
@unshares
def test_without_proc_a_call_is_recorded_and_what_is_not_known_is_null(home: Home) -> None:
    """A sandbox may have no /proc: nobody can then tell what became of an open call."""
    code = f"""
import os, sys, tooltrail
if sys.argv[1:]:
    with tooltrail.invocation("job", "open"): os.kill(os.getpid(), 9)
{CALL}"""
    script = home.path / "tool.py"
    script.write_text(code)
    shell = f"mount -t tmpfs none /proc; {PYTHON} {script} killed; exec {PYTHON} {script}"
    done = home.run("unshare", "-m", "sh", "-c", shell)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    process = ends(home)["job"]["process"]
    assert [process[name] for name in ("start_ticks", "pid_namespace", "boot_id")] == [None] * 3
    assert process["pid"] > 0
    listed = home.tooltrail("log", "--output", "jsonl")
    outcomes = {e["command"]: e["outcome"] for e in map(json.loads, listed.stdout.splitlines())}
    assert outcomes == {"open": "unknown", "job": "success"}


@pytest.mark.parametrize("where", ["/proc/no/home", "/dev/null/home"])
def test_a_home_that_cannot_be_written_is_said(home: Home, where: str) -> None:
    """The call runs as ever; one line on stderr says why it is not recorded."""
    env = {"HOME": where, "XDG_RUNTIME_DIR": str(home.path)}
    done = home.python("import sys, tooltrail" + CALL, env=env)
    assert (done.returncode, done.stdout) == (3, "ran\n")
    assert done.stderr.startswith(f"{NOT_RECORDED}{where}/.local/share/job/audit.jsonl: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_whatever_is_written_beside_a_log_is_the_users_alone(home: Home, umask: int) -> None:
    """The registry, and the count of what is missing, in a folder that was not there."""
    runtime = home.path / "runtime"
    code = f"""
import os, sys, tooltrail
os.umask({umask})
with tooltrail.invocation("job"): pass
log = os.environ["HOME"] + "/.local/share/job/audit.jsonl"
os.rename(log, log + ".away"); os.mkdir(log)
for n in range(2):
    with tooltrail.invocation("job"): pass
"""
    home.python(code, env={"XDG_RUNTIME_DIR": str(runtime)})
    for path in (home.data / "tooltrail" / "logs.jsonl", home.log("job").parent / "lost.jsonl"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((home.data / "tooltrail").stat().st_mode) == 0o700
    assert lost(str(home.log("job"))).count == 2


def test_a_clock_that_is_set_back_in_the_middle_of_a_call(home: Home) -> None:
    """The duration comes from another clock; the log's order does not change."""
    code = """
import time, tooltrail
real, hour = time.time_ns, 3600 * 10**9
with tooltrail.invocation("job", "first"):
    time.time_ns = lambda: real() - hour
with tooltrail.invocation("job", "second"): pass
"""
    assert home.python(code).stderr == ""
    lines = home.lines("job")[1:]
    assert [line.get("clamped") for line in lines] == [None, True, True, True]
    assert len({line["logged_at"] for line in lines}) == 1
    found = ends(home)
    assert found["second"]["timestamp"] < found["first"]["timestamp"] <= lines[0]["logged_at"]
    assert all(0 <= end["duration_ms"] < 60_000 for end in found.values())
    listed = home.tooltrail("log", "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line)["command"] for line in listed] == ["first", "second"]


@pytest.mark.parametrize("seconds", [0, -1, 4_102_444_800, 253_402_300_799])
def test_a_clock_that_is_far_off(home: Home, monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """A board without a battery starts in 1970: its calls are recorded with what it says."""
    monkeypatch.setattr("time.time_ns", lambda: seconds * 10**9)
    with tooltrail.invocation("job") as call:
        pass
    assert call.warnings == []
    assert home.end("job")["timestamp"].endswith("Z")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("envelope", [False, True], ids=["observe", "envelope"])
def test_closed_streams_do_not_spoil_the_log(home: Home, closed: str, envelope: bool) -> None:
    """Where the log itself becomes file descriptor 0, 1 or 2, nothing is printed into it."""
    script = home.path / "tool.py"
    script.write_text(f"""
import os, subprocess, sys, tooltrail
print("before")
with tooltrail.invocation("job", envelope={envelope}, output="json") as call:
    print("printed")
    subprocess.run(["sh", "-c", "echo child; echo child >&2"])
    call.data = 1
sys.exit(3)
""")
    done = home.run("sh", "-c", f"exec {PYTHON} {script} {closed}")
    undelivered = envelope and ">&-" in closed.split()
    assert done.returncode == (1 if undelivered else 3)
    events = [line["event"] for line in home.lines("job")]
    assert events == ["log", "begin", "end", *["undelivered"] * undelivered]
    assert home.end("job")["exit_code"] == 0


# Fills the table of open files; what was loaded before is all that there is.
FULL_TABLE = """
import os, resource, sys
def fill():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    try:
        while True: os.open("/dev/null", os.O_RDONLY)
    except OSError: pass
"""


@pytest.mark.parametrize("how", ["3", "text", "crash", "error", "interrupt", "nothing"])
@pytest.mark.parametrize("when", ["before", "during"])
def test_a_full_table_of_files_does_not_change_how_a_call_ends(
    home: Home, how: str, when: str
) -> None:
    """Nothing can be opened any more, not even a module of ours: the tool ends as it would."""
    body = f"""
    if {when!r} == "during": fill()
    if {how!r} == "3": sys.exit(3)
    if {how!r} == "text": sys.exit("text")
    if {how!r} == "crash": raise ValueError("crashed")
    if {how!r} == "error": raise CommandError("failed", exit_code=9)
    if {how!r} == "interrupt": raise KeyboardInterrupt
"""
    start = FULL_TABLE + "from tooltrail import CommandError, invocation\n"
    start += "fill()\n" * (when == "before")
    bare = home.python(start + "if True:" + body)
    done = home.python(start + 'with invocation("job"):' + body)
    assert done.returncode == bare.returncode
    told = [line for line in done.stderr.splitlines() if line.startswith("tooltrail: ")]
    assert len(told) == 1
    assert "too many open files" in told[0].lower()
    assert "During handling" not in done.stderr


def test_a_full_table_of_files_refuses_under_closed(home: Home) -> None:
    """What cannot even load the module that refuses is refused all the same."""
    code = 'from tooltrail import invocation\nfill()\nwith invocation("job"): print("ran")'
    done = home.python(FULL_TABLE + code, env={"TOOLTRAIL_POLICY": "closed"})
    assert (done.returncode, done.stdout) == (125, "")


@pytest.mark.parametrize("code", ["sys.exit(3)", "raise ValueError('crashed')", "pass"])
@pytest.mark.parametrize("kind", ["block", "click", "block in envelope mode"])
def test_a_package_that_is_replaced_while_a_call_runs_does_not_change_how_it_ends(
    home: Home, kind: str, code: str
) -> None:
    """An upgrade takes the files away from under a long call: the tool ends as it would."""
    source = Path(tooltrail.__file__).parent
    library = home.path / "library"
    shutil.copytree(source, library / "tooltrail", ignore=shutil.ignore_patterns("__pycache__"))
    upgrade = f"shutil.rmtree({str(library)!r})"
    if kind != "click":
        script = f"""
import shutil, sys, tooltrail
with tooltrail.invocation("job", envelope={"envelope" in kind}, output="json"):
    {upgrade}
    {code}
"""
    else:
        script = f"""
import click, shutil, sys
from tooltrail.integrations.click import instrument
@click.command()
def main():
    {upgrade}
    {code}
instrument(main, tool="job")
main()
"""
    done = home.python(script, env={"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"})
    expected = {"pass": 0, "sys.exit(3)": 3}.get(code, 1)
    assert done.returncode == expected
    if "ValueError" in code:
        assert done.stderr.rstrip().endswith("ValueError: crashed")
    assert "ModuleNotFoundError" not in done.stderr.replace(NOT_RECORDED, "", 1).partition("\n")[2]
    assert home.events("job", "begin")


@pytest.mark.parametrize(
    ("command", "code"), [("exit 3", 3), ("kill -9 $$", -9), ("true", 0)], ids=str
)
def test_a_wrapper_that_is_replaced_while_its_command_runs_ends_as_that_does(
    home: Home, command: str, code: int
) -> None:
    """A long build must not fail because tooltrail was upgraded meanwhile."""
    library = home.path / "library"
    source = Path(tooltrail.__file__).parent
    shutil.copytree(source, library / "tooltrail", ignore=shutil.ignore_patterns("__pycache__"))
    done = home.run(
        *(PYTHON, "-m", "tooltrail", "run", "--", "sh", "-c", f"rm -r {library}; {command}"),
        env={"PYTHONPATH": str(library), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert home.events("tooltrail", "begin")


@pytest.mark.parametrize("name", ["x" * 5000, "é" * 300, "a/" * 2000 + "tool", "x" * 99 + "é" * 9])
def test_a_very_long_tool_name_is_cut_to_a_folders(home: Home, name: str) -> None:
    """One log, of a name that any filesystem takes, with whole entries."""
    with tooltrail.invocation(name, "go") as call:
        pass
    assert call.warnings == []
    assert len(call.tool) <= 100
    assert home.end(call.tool)["tool"] == call.tool


def test_a_program_of_the_longest_name_is_wrapped_like_any_other(home: Home) -> None:
    """255 characters, deep below folders of 255 characters."""
    folder = home.path.joinpath(*["d" * 255] * 3)
    folder.mkdir(parents=True)
    program = folder / ("p" * 255)
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    assert home.tooltrail("run", "--", str(program)).returncode == 3
    end = home.end("tooltrail")
    assert end["tool"] == "p" * 100
    assert end["process"]["executable"] == str(program)


@pytest.mark.parametrize("kind", ["block", "run"])
def test_a_deleted_current_folder_is_null(home: Home, kind: str) -> None:
    """The call is recorded as ever; there is no name to give to where it ran."""
    script = home.path / "tool.py"
    script.write_text("import sys, tooltrail" + CALL)
    command = f"{PYTHON} {script}" if kind == "block" else f"{TOOLTRAIL} run -- sh -c 'exit 3'"
    done = home.run("sh", "-c", f'mkdir "$HOME/d"; cd "$HOME/d"; rmdir "$HOME/d"; {command}')
    assert done.returncode == 3
    assert "tooltrail" not in done.stderr
    assert home.end("job" if kind == "block" else "tooltrail")["process"]["cwd"] is None


@pytest.mark.parametrize(
    ("way_out", "code", "recorded"),
    [("pass", 3, 0), ("sys.exit(4)", 3, 4), ("os._exit(5)", 5, 5), ("1/0", 3, 1)],
)
def test_a_call_while_the_interpreter_ends(
    home: Home, way_out: str, code: int, recorded: int
) -> None:
    """An atexit handler is a place like any other; what it raises changes no exit code."""
    script = f"""
import atexit, os, sys, tooltrail
def late():
    with tooltrail.invocation("job", "late"): {way_out}
atexit.register(late)
with tooltrail.invocation("job", "main"): pass
sys.exit(3)
"""
    assert home.python(script).returncode == code
    assert {name: end["exit_code"] for name, end in ends(home).items()} == {
        "main": 0,
        "late": recorded,
    }


def test_a_call_that_is_never_left_is_a_begin(home: Home) -> None:
    """Nobody invents an end for a call whose block was left by no way at all."""
    home.python('import tooltrail\ntooltrail.invocation("job").__enter__()').check_returncode()
    assert [line["event"] for line in home.lines("job")] == ["log", "begin"]


# -- Ctrl-C while it is being recorded

# A second process holds the lock, so that the interrupt arrives in the middle of an append.
HELD = """
import fcntl, os, signal, sys, tooltrail
path = os.environ["HOME"] + "/.local/share/job/audit.jsonl"
os.makedirs(os.path.dirname(path), exist_ok=True)
before = dict(os.environ), os._exit
def hold():
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    return held
"""


@pytest.mark.parametrize("envelope", [False, True], ids=["observe", "envelope"])
def test_ctrl_c_while_the_begin_waits_leaves_the_process_as_it_was(
    home: Home, envelope: bool
) -> None:
    """The block does not run, the interrupt goes to the program, and the call is over."""
    code = (
        HELD
        + f"""
held = hold()
try:
    with tooltrail.invocation("job", envelope={envelope}, output="json"): os.write(2, b"ran")
except KeyboardInterrupt: os.write(2, b"interrupted ")
os.close(held)
os.write(2, str(((dict(os.environ), os._exit) == before, tooltrail.current())).encode())
with tooltrail.invocation("job", "next"): pass
"""
    )
    done = home.python(code)
    assert done.returncode == 0
    assert done.stderr == "interrupted (True, None)"
    assert ends(home)["next"]["parent_request_id"] is None


@pytest.mark.parametrize("envelope", [False, True], ids=["observe", "envelope"])
def test_ctrl_c_while_the_end_waits_reaches_the_program(home: Home, envelope: bool) -> None:
    """The line is not written, no part of it is, and the environment is as it was."""
    code = (
        HELD
        + f"""
try:
    with tooltrail.invocation("job", envelope={envelope}, output="json"): held = hold()
except KeyboardInterrupt: os.write(2, b"interrupted ")
os.write(2, str(((dict(os.environ), os._exit) == before, tooltrail.current())).encode())
"""
    )
    done = home.python(code)
    assert done.stderr == "interrupted (True, None)"
    assert [line["event"] for line in home.lines("job")] == ["log", "begin"]


def test_ctrl_c_while_a_wrapper_waits_starts_no_command(home: Home) -> None:
    """`tooltrail run` ends by the signal, before it has run anything."""
    log = home.log("tooltrail")
    home.tooltrail("run", "--", "true")
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = subprocess.Popen([TOOLTRAIL, "run", "--", "touch", str(home.path / "acted")])
        while not has_open(process.pid, log):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    assert not (home.path / "acted").exists()
    assert len(home.lines("tooltrail")) == 3


def has_open(pid: int, path: Path) -> bool:
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(fd) == str(path):
                return True
        except OSError:
            continue
    return False


# -- what became of a call without an end

CLI = """
import click
from tooltrail.integrations.click import instrument
@click.group()
def cli(): pass
instrument(cli, tool="job", audit_log=True)
cli(prog_name="job")
"""


def begin(home: Home, command: str, process: Any) -> None:
    """Write the begin line of a call by this process."""
    number = begin.count = getattr(begin, "count", 0) + 1  # type: ignore[attr-defined]
    body = {
        "event": "begin",
        "request_id": f"req_{number:026d}",
        "trace_id": "t",
        "parent_request_id": None,
        "timestamp": "2026-11-22T14:30:00.000Z",
        "tool": "job",
        "command": command,
        "operator": "me",
        "params": {},
        "version": None,
        "recorder": "tool",
        "trace_source": "TOOL_TRACE_ID",
        "operator_source": "TOOL_OPERATOR",
        "caller": {},
        "process": process,
    }
    append(str(home.log("job")), "job", encode(body))


def outcomes(home: Home) -> list[dict[str, str]]:
    """Return each command's outcome as `audit-log`, `log` and `trace` show it."""
    listings = (
        home.python(CLI, "audit-log", "--output", "jsonl").stdout,
        home.tooltrail("log", "--output", "jsonl").stdout,
    )
    found = [
        {e["command"]: e["outcome"] for e in map(json.loads, text.splitlines())}
        for text in listings
    ]
    trace = json.loads(home.tooltrail("trace", "t", "--output", "json").stdout)["data"]
    found.append({str(e["command"]): str(e["outcome"]) for e in entries_in(trace)})
    return found


def entries_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "command" in value and "outcome" in value:
            yield value
        for inner in value.values():
            yield from entries_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from entries_in(inner)


def test_what_became_of_an_open_call_is_worked_out_from_its_process(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pid that is used again is not the call; nobody but a parent ever says `killed`."""
    monkeypatch.setattr("conftest._validate", lambda log: None)  # older writers, and wrong ones
    ours = process_facts(["job"], sys.executable, "me")
    zombie = subprocess.Popen(["true"])
    while process_facts_of(zombie.pid)["state"] != "Z":
        pass
    dead = subprocess.Popen(["true"])
    dead.wait()
    cases: dict[str, tuple[Any, str]] = {
        "alive": ({}, "running"),
        "pid used again": ({"start_ticks": ours["start_ticks"] - 1}, "vanished"),
        "pid gone": ({"pid": dead.pid, "start_ticks": 5}, "vanished"),
        "zombie": (
            {"pid": zombie.pid, "start_ticks": process_facts_of(zombie.pid)["start_ticks"]},
            "vanished",
        ),
        "before a reboot": ({"boot_id": "5f0f35f5-8a1c-4a5e-9e0b-0d6a3c1f7b42"}, "host_rebooted"),
        "on another host": ({"host": "build-7"}, "unknown"),
        "host and boot are others": ({"host": "build-7", "boot_id": "x"}, "unknown"),
        "in another container": ({"pid_namespace": "1"}, "unknown"),
        "no boot id": ({"boot_id": None}, "unknown"),
        "no namespace": ({"pid_namespace": None}, "unknown"),
        "no start": ({"start_ticks": None}, "unknown"),
        "no pid": ({"pid": None}, "unknown"),
        "pid of a wrong type": ({"pid": "1; rm"}, "unknown"),
        "huge pid": ({"pid": 1 << 70}, "vanished"),
        "negative pid": ({"pid": -1}, "vanished"),
    }
    for command, (change, _) in cases.items():
        begin(home, command, {**ours, **change})
    begin(home, "no process", None)
    begin(home, "an empty process", {})
    expected = {command: outcome for command, (_, outcome) in cases.items()}
    expected |= {"no process": "unknown", "an empty process": "unknown"}
    try:
        for shown in outcomes(home):
            assert shown == expected
        tree = home.tooltrail("trace", "t", "--output", "tree").stdout
    finally:
        zombie.wait()
    for outcome in ("running", "vanished", "unknown"):
        assert outcome in tree
    assert "killed" not in tree


def process_facts_of(pid: int) -> dict[str, Any]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return {"state": fields[0], "start_ticks": int(fields[19])}


KILLED = """
import os, tooltrail
with tooltrail.invocation("job", "victim"): os.kill(os.getpid(), 9)
"""


def test_a_call_that_nobody_saw_die_vanished(home: Home) -> None:
    """SIGKILL leaves a begin and a dead process: that is all that can be said."""
    assert home.python(KILLED, env={"TOOL_TRACE_ID": "t"}).returncode == -signal.SIGKILL
    assert outcomes(home) == [{"victim": "vanished"}] * 3


def test_a_call_whose_parent_saw_it_die_was_killed(home: Home) -> None:
    """The wrapper that waited for it knows the signal; every reader says so."""
    script = home.path / "tool.py"
    script.write_text(KILLED)
    done = home.tooltrail("run", "--trace-id", "t", "--", PYTHON, str(script))
    assert done.returncode == -signal.SIGKILL
    for shown in outcomes(home):
        assert shown["victim"] == "killed"


def test_a_parent_that_saw_something_else_die_says_nothing_of_the_call(home: Home) -> None:
    """The wrapped shell was killed, the tool below it went with it unseen."""
    script = home.path / "tool.py"
    script.write_text(KILLED)
    shell = f"{PYTHON} {script}; kill -9 $$"
    home.tooltrail("run", "--trace-id", "t", "--operation", "shell", "--", "sh", "-c", shell)
    _, listed, traced = outcomes(home)
    for shown in (listed, traced):
        assert (shown["shell"], shown["victim"]) == ("killed", "vanished")


@as_root
@unshares
@needs("unshare")
def test_a_call_in_a_container_is_judged_in_the_container_alone(home: Home) -> None:
    """Seen from another pid namespace its pid means nothing; inside, it vanished."""
    script = home.path / "tool.py"
    script.write_text(KILLED)
    inside = f"{PYTHON} {script}; {TOOLTRAIL} log --output jsonl"
    done = home.run(
        *("unshare", "-p", "--fork", "--mount-proc", "sh", "-c", inside), env={"TOOL_TRACE_ID": "t"}
    )
    assert json.loads(done.stdout.splitlines()[-1])["outcome"] == "vanished"
    assert outcomes(home) == [{"victim": "unknown"}] * 3
