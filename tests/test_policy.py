"""The policy: `open` runs a call that cannot be recorded and says so; `closed` does not run it."""

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conftest import PYTHON, TOOLTRAIL, Home, response_in
from tooltrail.trail.lost import Lost, lost, note

CLOSED = {"TOOLTRAIL_POLICY": "closed"}
NOT_RECORDED = "tooltrail: this call is not recorded: "
REFUSED = "tooltrail: refused, because the policy is closed: "
ENOUGH_S = 20  # to tell what hangs from what waits for a lock

BLOCK = """
import os, sys, tooltrail
with tooltrail.invocation("job", "go", {"n": 1}, envelope="envelope" in sys.argv) as call:
    open("acted", "a").write("x")
    if "break" in sys.argv:
        log = os.environ["HOME"] + "/.local/share/job/audit.jsonl"
        os.rename(log, log + ".away")
        os.mkdir(log)
    call.data = {"done": True}
    sys.exit(3)
"""

CLICK = """
import os, sys, click
from tooltrail.integrations.click import instrument

def act():
    open("acted", "a").write("x")
    if os.environ.get("BREAK"):
        log = os.environ["HOME"] + "/.local/share/job/audit.jsonl"
        os.rename(log, log + ".away")
        os.mkdir(log)
    sys.exit(3)

@click.group()
@click.version_option("7.7")
def cli(): pass

@cli.command()
@click.option("--size", type=int)
def go(size): act()

@cli.group()
def db(): pass

@db.command()
def migrate(): act()

@cli.group(invoke_without_command=True)
def own(): act()

@own.command("go")
def own_go(): pass

@cli.group(chain=True)
def chained(): act()

@chained.command("go")
def chained_go(): pass

@click.command()
def single(): act()

instrument(cli, tool="job", envelope="ENVELOPE" in os.environ, audit_log=True)
instrument(single, tool="job")
(single if "SINGLE" in os.environ else cli)(prog_name="job")
"""


class Form(NamedTuple):
    """One of the ways in which a call is recorded; each acts, and exits with 3."""

    tool: str
    code: str | None
    arguments: tuple[str, ...]
    env: "dict[str, str]"

    def run(self, home: Home, **env: str) -> "subprocess.CompletedProcess[str]":
        options: dict[str, Any] = {"cwd": home.path, "timeout": ENOUGH_S, "env": self.env | env}
        if self.code is None:
            return home.tooltrail("run", "--", *self.arguments, **options)
        return home.python(self.code, *self.arguments, **options)


WRAPPED = ("sh", "-c", "printf x >> acted; exit 3")
FORMS = {
    "block": Form("job", BLOCK, (), {}),
    "block, envelope": Form("job", BLOCK, ("envelope",), {}),
    "run": Form("tooltrail", None, WRAPPED, {}),
    "click, command": Form("job", CLICK, (), {"SINGLE": "1"}),
    "click, subcommand": Form("job", CLICK, ("go",), {}),
    "click, nested": Form("job", CLICK, ("db", "migrate"), {}),
    "click, group of its own mind": Form("job", CLICK, ("own", "go"), {}),
    "click, group alone": Form("job", CLICK, ("own",), {}),
    "click, chain": Form("job", CLICK, ("chained", "go"), {}),
    "click, envelope": Form("job", CLICK, ("go",), {"ENVELOPE": "1"}),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
answering = pytest.mark.parametrize("name", ["block, envelope", "click, envelope"])


def acted(home: Home) -> bool:
    return (home.path / "acted").exists()


def not_taken(home: Home, tool: str = "job") -> Lost:
    return lost(str(home.log(tool)))


def in_the_way(path: Path, what: str) -> None:
    """Put something that is no log in a log's place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.with_name("target").write_text("mine\n")
        path.symlink_to(path.with_name("target"))
    elif what == "dangling link":
        path.symlink_to(path.with_name("target"))
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    else:
        path.parent.rmdir()
        path.parent.write_text("a file in the folder's place")


IN_THE_WAY = {
    "folder": "is a directory",
    "pipe": "it is not a plain file",
    "link": "it is a symbolic link, which is not followed",
    "dangling link": "it is a symbolic link, which is not followed",
    "socket": "no such device or address",
    "file in the folder's place": "not a directory",
}
each_obstacle = pytest.mark.parametrize("what", list(IN_THE_WAY))


@pytest.fixture(autouse=True)
def runtime(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be counted beside the log is counted in a folder of this test's own."""
    (home.path / "run").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.path / "run"))


@each_form
def test_open_runs_what_cannot_be_recorded_and_says_so_once(home: Home, form: Form) -> None:
    """The tool acts and ends as ever; one line on stderr; the call is counted."""
    in_the_way(home.log(form.tool), "folder")
    done = form.run(home)
    assert done.returncode == 3
    assert acted(home)
    assert done.stderr == f"{NOT_RECORDED}{home.log(form.tool)}: is a directory\n"
    assert not_taken(home, form.tool).count == 1


@each_form
def test_closed_does_not_run_what_cannot_be_recorded(home: Home, form: Form) -> None:
    """No record, no action: exit code 125, one line on stderr; the call is counted."""
    in_the_way(home.log(form.tool), "folder")
    done = form.run(home, **CLOSED)
    assert done.returncode == 125
    assert not acted(home)
    assert done.stderr == f"{REFUSED}{home.log(form.tool)}: is a directory\n"
    assert not_taken(home, form.tool).count == 1


@each_form
def test_closed_changes_nothing_where_the_log_can_be_written(home: Home, form: Form) -> None:
    """A call that is recorded runs under either policy, and its entry is the same."""
    done = form.run(home, **CLOSED)
    assert (done.returncode, done.stderr) == (3, "")
    assert acted(home)
    assert len(home.events(form.tool, "begin")) >= 1
    assert (home.end(form.tool)["exit_code"], home.end(form.tool)["outcome"]) == (3, "failure")
    assert not_taken(home, form.tool).count == 0


@each_obstacle
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_whatever_is_in_the_logs_place_neither_hangs_nor_breaks_a_tool(
    home: Home, what: str, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pipes, links, folders and sockets are refused at once, and left as they are."""
    home.log("job").parent.mkdir(parents=True)
    monkeypatch.chdir(home.log("job").parent)
    in_the_way(home.log("job"), what)
    before = sorted(home.data.rglob("*"))
    done = FORMS["block"].run(home, **CLOSED if closed else {})
    assert (done.returncode, acted(home)) == ((125, False) if closed else (3, True))
    said = REFUSED if closed else NOT_RECORDED
    assert done.stderr == f"{said}{home.log('job')}: {IN_THE_WAY[what]}\n"
    assert (not_taken(home).count, not_taken(home).reason) == (
        1,
        f"{home.log('job')}: {IN_THE_WAY[what]}",
    )
    assert sorted(p for p in home.data.rglob("*") if p.name != "lost.jsonl") == before
    if what == "link":
        assert home.log("job").read_text() == "mine\n"


@pytest.mark.parametrize("name", ["block", "run"])
@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
def test_a_stuck_lock_costs_its_deadline_and_no_more(home: Home, name: str, closed: bool) -> None:
    """A writer that was stopped with the lock in its hand does not stop the others for long."""
    form = FORMS[name]
    assert form.run(home).returncode == 3
    (home.path / "acted").unlink()
    before = home.log(form.tool).read_bytes()
    holder = subprocess.Popen(
        [
            PYTHON,
            "-c",
            "import fcntl, sys, time; log = open(sys.argv[1]); fcntl.flock(log, fcntl.LOCK_EX)\n"
            "print('held', flush=True); time.sleep(600)",
            str(home.log(form.tool)),
        ],
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGSTOP)
        done = form.run(home, **CLOSED if closed else {})
    finally:
        holder.kill()
        holder.communicate()
    assert (done.returncode, acted(home)) == ((125, False) if closed else (3, True))
    assert "another process has held its lock for 2 s" in done.stderr
    assert done.stderr.count("\n") == 1
    assert home.log(form.tool).read_bytes() == before
    assert form.run(home, **CLOSED).returncode == 3


@answering
def test_a_refusal_in_envelope_mode_is_one_response(home: Home, name: str) -> None:
    """The caller's program learns why nothing was run, and what to do about it."""
    in_the_way(home.log("job"), "folder")
    done = FORMS[name].run(home, **CLOSED)
    assert done.returncode == 125
    response = response_in(done.stdout)
    assert response["ok"] is False
    assert response["data"] is None
    assert response["error"]["code"] == "NOT_RECORDED"
    assert "is a directory" in response["error"]["message"]
    assert response["error"]["hint"]
    assert response["error"]["retryable"] is True
    assert [warning["code"] for warning in response["warnings"]] == ["NOT_RECORDED"]
    assert response["meta"]["receipt"] is None
    assert response["meta"]["command"] == "go"


@answering
def test_an_unrecorded_call_in_envelope_mode_bears_a_warning(home: Home, name: str) -> None:
    """Under `open` the response is the tool's own; it has no receipt, and says why."""
    in_the_way(home.log("job"), "folder")
    response = response_in(FORMS[name].run(home).stdout)
    assert response["error"]["code"] == "EXIT_CODE"
    assert [warning["code"] for warning in response["warnings"]] == ["NOT_RECORDED"]
    assert response["meta"]["receipt"] is None


def broken_midway(home: Home, name: str) -> "subprocess.CompletedProcess[str]":
    """Run a call whose log is replaced by a folder after its begin, under `closed`."""
    form = FORMS[name]
    log = str(home.log(form.tool))
    if name == "run":
        script = f"printf x >> acted; mv {log} {log}.away; mkdir {log}; exit 3"
        return form._replace(arguments=("sh", "-c", script)).run(home, **CLOSED)
    if form.code == BLOCK:
        return form._replace(arguments=(*form.arguments, "break")).run(home, **CLOSED)
    return form.run(home, BREAK="1", **CLOSED)


@pytest.mark.parametrize("name", list(FORMS))
def test_what_is_done_is_done(home: Home, name: str) -> None:
    """A failed end, even under `closed`, leaves the tool's exit code and says so once."""
    done = broken_midway(home, name)
    tool = FORMS[name].tool
    assert (done.returncode, acted(home)) == (3, True)
    assert done.stderr == f"{NOT_RECORDED}{home.log(tool)}: is a directory\n"
    assert not_taken(home, tool).count == 1
    if "envelope" in name:
        response = response_in(done.stdout)
        assert response["error"]["code"] == "EXIT_CODE"
        assert [warning["code"] for warning in response["warnings"]] == ["NOT_RECORDED"]
        assert response["meta"]["receipt"] is None


def complete(home: Home) -> "subprocess.CompletedProcess[str]":
    env = {"_JOB_COMPLETE": "bash_complete", "COMP_WORDS": "job ", "COMP_CWORD": "1", **CLOSED}
    return home.python(CLICK, env=env)


Exempt = Callable[[Home], "subprocess.CompletedProcess[str]"]
EXEMPT: "dict[str, tuple[Exempt, int, str]]" = {
    "help": (lambda home: home.python(CLICK, "--help", env=CLOSED), 0, "Usage"),
    "help of a command": (lambda home: home.python(CLICK, "go", "--help", env=CLOSED), 0, "--size"),
    "version": (lambda home: home.python(CLICK, "--version", env=CLOSED), 0, "7.7"),
    "no such option": (lambda home: home.python(CLICK, "go", "--wrong", env=CLOSED), 2, ""),
    "bad value": (lambda home: home.python(CLICK, "go", "--size", "x", env=CLOSED), 2, ""),
    "no such command": (lambda home: home.python(CLICK, "wrong", env=CLOSED), 2, ""),
    "completion": (complete, 0, "go"),
    "audit-log": (
        lambda home: home.python(CLICK, "audit-log", env=CLOSED, timeout=ENOUGH_S),
        0,
        '"ok":true',
    ),
}


@pytest.mark.parametrize("name", list(EXEMPT))
def test_what_does_not_act_is_never_refused(home: Home, name: str) -> None:
    """Help, versions, completions, mistyped command lines and reading the log need no record."""
    in_the_way(home.log("job"), "folder")
    run, code, printed = EXEMPT[name]
    done = run(home)
    assert done.returncode == code
    assert printed in done.stdout
    assert "refused" not in done.stderr
    assert not acted(home)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("log", 0),
        ("trace no-such-trace", 1),
        ("log --since nonsense", 2),
        ("run", 2),
        ("run --help", 0),
        ("--help", 0),
        ("--version", 0),
    ],
)
def test_reading_is_possible_where_nothing_can_be_recorded(
    home: Home, arguments: str, code: int
) -> None:
    """Whoever looks for what is wrong with the logs is not refused because of it."""
    in_the_way(home.log("tooltrail"), "folder")
    done = home.tooltrail(*arguments.split(), env=CLOSED)
    assert done.returncode == code
    assert "refused" not in done.stderr


@pytest.mark.parametrize("verb", ["audit-log", "log", "trace"])
def test_a_pipe_in_a_logs_place_does_not_hang_whoever_reads(home: Home, verb: str) -> None:
    """A log that was registered, and is now a FIFO, is said to be none."""
    FORMS["click, subcommand"].run(home)
    home.log("job").unlink()
    os.mkfifo(home.log("job"))
    if verb == "audit-log":
        done = home.python(CLICK, verb, timeout=ENOUGH_S / 4)
    else:
        done = home.tooltrail(verb, *["x"] * (verb == "trace"), timeout=ENOUGH_S / 4)
    assert done.returncode == (1 if verb == "trace" else 0)


def test_a_refusal_needs_nobody_who_hears_it(home: Home) -> None:
    """Without stderr the exit code still says it, and nothing is run."""
    in_the_way(home.log("job"), "folder")
    script = home.path / "tool.py"
    script.write_text(BLOCK)
    done = home.run("sh", "-c", f"exec {PYTHON} {script} 2>&-", env=CLOSED, cwd=home.path)
    assert (done.returncode, acted(home)) == (125, False)


def test_a_full_disk_refuses(home: Home) -> None:
    """Where neither the log nor the count of what it missed can grow, nothing is run."""
    FORMS["run"].run(home)
    (home.path / "acted").unlink()
    before = home.log("tooltrail").read_bytes()
    script = f"trap '' XFSZ; ulimit -f 0; exec {TOOLTRAIL} run -- touch acted"
    env = {**CLOSED, "PYTHONDONTWRITEBYTECODE": "1"}
    done = home.run("bash", "-c", script, env=env, cwd=home.path)
    assert (done.returncode, acted(home)) == (125, False)
    assert done.stderr == f"{REFUSED}{home.log('tooltrail')}: file too large\n"
    assert home.log("tooltrail").read_bytes() == before


def test_python_code_that_calls_a_command_sees_the_refusal_as_an_exit(home: Home) -> None:
    """`standalone_mode=False` does not turn a refusal into a call that ran."""
    in_the_way(home.log("job"), "folder")
    code = CLICK.replace('(prog_name="job")', '(["go"], prog_name="job", standalone_mode=False)')
    code = code.replace("(single if", "try:\n    (single if")
    code += "except SystemExit as end: print('exit', end.code)"
    done = home.python(code, env=CLOSED, cwd=home.path)
    assert (done.stdout, acted(home)) == ("exit 125\n", False)


def test_a_refusal_leaves_its_meta_where_the_caller_asked_for_it(home: Home) -> None:
    """`TOOL_META_FILE` gets the refused call's meta too, without a receipt."""
    in_the_way(home.log("job"), "folder")
    meta = home.path / "meta"
    meta.touch()
    FORMS["block"].run(home, TOOL_META_FILE=str(meta), **CLOSED)
    (line,) = meta.read_text().splitlines()
    assert '"receipt":null' in line
    assert '"command":"go"' in line


def test_a_refused_call_leaves_the_process_as_it_was(home: Home) -> None:
    """Whoever catches the exit goes on in the environment of before, in no call."""
    in_the_way(home.log("job"), "folder")
    code = """
import os, tooltrail
before = dict(os.environ), os._exit
for envelope in (False, True):
    try:
        with tooltrail.invocation("job", envelope=envelope): print("ran")
    except SystemExit: pass
print((dict(os.environ), os._exit) == before, tooltrail.current())
"""
    assert home.python(code, env=CLOSED).stdout.splitlines()[-1] == "True None"


def test_a_refusal_inside_a_call_that_ran_is_not_that_calls_refusal(home: Home) -> None:
    """The outer call acted and says so: it failed with 125, and was not `not_started`."""
    in_the_way(home.log("job"), "folder")
    code = """
import tooltrail
with tooltrail.invocation("outer"):
    print("acted")
    with tooltrail.invocation("job"): print("never")
"""
    done = home.python(code, env=CLOSED)
    assert (done.returncode, done.stdout) == (125, "acted\n")
    end = home.end("outer")
    assert (end["exit_code"], end["outcome"]) == (125, "failure")


def test_notes_of_many_logs_in_one_file_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where their names need escapes in JSON, and where a link leads to the same log."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folders = [tmp_path / name for name in ("one", 'two"a', 'two"b', "gone")]
    paths = [str(folder / "audit.jsonl") for folder in folders]
    for folder, path in zip(folders, paths, strict=True):
        if folder.name != "gone":
            folder.mkdir()
            Path(path).touch()
            (folder / "lost.jsonl").mkdir()  # so the note goes into the shared file
    link = tmp_path / "link"
    link.symlink_to(folders[0])
    for number, path in enumerate([*paths[:3], *paths[:3], f"{link}/audit.jsonl"]):
        assert note(path, "tool", f"req_{number}", f"reason {number}")
    assert [lost(path).count for path in paths] == [3, 2, 2, 0]
    assert lost(paths[0]).reason == "reason 6"
    assert len((tmp_path / "tooltrail-lost.jsonl").read_text().splitlines()) == 7


def test_every_lost_call_is_counted_and_the_reader_told(home: Home) -> None:
    """`tooltrail log` says how many calls are missing, until when, and why."""
    assert FORMS["block"].run(home).returncode == 3
    log = home.log("job")
    with log.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)  # a reader that never lets go
        FORMS["block"].run(home)
    kept = log.read_bytes()
    log.unlink()
    log.mkdir()
    for closed in (False, True):
        FORMS["block"].run(home, **CLOSED if closed else {})
    log.rmdir()
    log.write_bytes(kept)
    assert not_taken(home).count == 3
    done = home.tooltrail("log", "--tool", "job", "--output", "jsonl")
    assert len(done.stdout.splitlines()) == 1
    assert f"{log}: 3 calls could not be recorded whole" in done.stderr
    assert "is a directory" in done.stderr
