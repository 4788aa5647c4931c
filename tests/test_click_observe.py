"""Click in observe mode: the tool's bytes stay what they were, and every call leaves an entry."""

import json
import os
import re
import subprocess
from typing import Any

import click
import pytest
from click.testing import CliRunner

from conftest import PYTHON, Home
from tooltrail.integrations.click import instrument

APP = """
import os, sys, time
import click

INSTRUMENT = os.environ.get("INSTRUMENT") == "1"

class Special(click.Command):
    pass

@click.group()
@click.option("--root", default="/srv")
@click.version_option("1.2.3")
def cli(root):
    pass

@cli.command()
@click.argument("what")
@click.option("--env", default="staging")
@click.option("--api-token")
@click.option("-p", "--passcode", hide_input=True)
@click.option("--count", type=int, default=1)
def deploy(what, env, api_token, passcode, count):
    print("printed", what)
    click.echo("echoed")
    click.echo("problem", err=True)
    if what == "exit3": sys.exit(3)
    if what == "text": sys.exit("a message")
    if what == "ctx0": click.get_current_context().exit(0)
    if what == "ctx4": click.get_current_context().exit(4)
    if what == "abort": raise click.Abort()
    if what == "fail": raise click.ClickException("it failed with token=hunter2hunter2")
    if what == "file": raise click.FileError("x.txt", "gone")
    if what == "crash": raise ValueError("boom password=hunter2hunter2")
    if what == "interrupt": raise KeyboardInterrupt
    if what == "osexit": sys.stdout.flush(); os._exit(6)
    if what == "exec": sys.stdout.flush(); os.execlp("sh", "sh", "-c", "exit 7")
    if what == "badexec":
        try: os.execvp("no-such-program", ["x"])
        except OSError: sys.exit(8)
    if what == "kill": os.kill(os.getpid(), 9)
    if what == "fork":
        pid = os.fork()
        if pid == 0: os._exit(0)
        os.waitpid(pid, 0)
    if what == "child": sys.stdout.flush(); os.system("echo $TOOL_TRACE_ID $TOOL_PARENT_REQUEST_ID")

@cli.command(cls=Special)
def special(): print("special")

@cli.group()
def db(): "Nothing to do here."

@db.command()
@click.option("--steps", default=1)
def migrate(steps): print("migrated", steps)

@cli.command()
def ask(): click.prompt("name")

if INSTRUMENT:
    from tooltrail.integrations.click import instrument
    instrument(cli, tool="app", version="9.9")
cli(prog_name="app")
"""


def both(
    home: Home, *arguments: str, **options: Any
) -> "tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]":
    """Run the app bare and instrumented."""
    bare = home.python(APP, *arguments, **options)
    options.setdefault("env", {})
    options["env"] = {**options["env"], "INSTRUMENT": "1"}
    return bare, home.python(APP, *arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [
        (["deploy", "ok"], 0, "success"),
        (["deploy", "exit3"], 3, "failure"),
        (["deploy", "text"], 1, "failure"),
        (["deploy", "ctx0"], 0, "success"),
        (["deploy", "ctx4"], 4, "failure"),
        (["deploy", "abort"], 1, "failure"),
        (["deploy", "fail"], 1, "failure"),
        (["deploy", "file"], 1, "failure"),
        (["deploy", "crash"], 1, "crashed"),
        (["deploy", "interrupt"], 1, "interrupted"),
        (["deploy", "osexit"], 6, "failure"),
        (["deploy", "badexec"], 8, "failure"),
        (["deploy", "fork"], 0, "success"),
        (["deploy"], 2, "usage_error"),
        (["deploy", "ok", "--nonsense"], 2, "usage_error"),
        (["deploy", "ok", "--count", "many"], 2, "usage_error"),
        (["nonsense"], 2, "usage_error"),
        (["db", "nonsense"], 2, "usage_error"),
        ([], 2, "usage_error"),
        (["--help"], 0, "success"),
        (["deploy", "--help"], 0, "success"),
        (["--version"], 0, "success"),
        (["special"], 0, "success"),
        (["db", "migrate", "--steps", "2"], 0, "success"),
        (["ask"], 1, "failure"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_every_way_out_is_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str
) -> None:
    """Stdout, stderr and exit code are those of the bare tool, and the entry agrees with them."""
    bare, observed = both(home, *arguments)
    assert observed.stdout == bare.stdout
    assert observed.stderr == bare.stderr
    assert observed.returncode == bare.returncode == code
    end = home.events("app", "end")[-1]
    assert (end["exit_code"], end["outcome"]) == (code, outcome)
    assert end["version"] == "9.9"
    entries = home.tooltrail("log", "--output", "jsonl").stdout.splitlines()
    assert len(entries) == 1


def test_params_are_recorded_before_the_action_and_after_it(home: Home) -> None:
    """Both lines say what was called and with what, defaults included."""
    both(home, "db", "migrate", "--steps", "5")
    begin, end = home.lines("app")[1:]
    for line in (begin, end):
        assert line["command"] == "db migrate"
        assert line["params"] == {"root": "/srv", "steps": 5}
        assert line["tool"] == "app"
        assert line["recorder"] == "tool"


def test_a_killed_call_leaves_its_begin_line(home: Home) -> None:
    """SIGKILL cannot be seen by the tool: the begin line and its params are the evidence."""
    _, observed = both(home, "deploy", "kill")
    assert observed.returncode == -9
    assert home.events("app", "end") == []
    (entry,) = map(json.loads, home.tooltrail("log", "--output", "jsonl").stdout.splitlines())
    assert (entry["outcome"], entry["exit_code"]) == ("vanished", None)
    assert entry["params"]["what"] == "kill"


def test_exec_closes_the_entry_first(home: Home) -> None:
    """The program that takes over has its own exit code; the entry says that it was replaced."""
    _, observed = both(home, "deploy", "exec")
    assert observed.returncode == 7
    end = home.end("app")
    assert (end["outcome"], end["exit_code"]) == ("replaced", None)
    assert end["child"]["executable"].endswith("/sh")


def test_secrets_never_reach_the_log(home: Home) -> None:
    """Options that are secret by name or by declaration, and error texts, are redacted."""
    secret = "sw0rdf1sh"
    for arguments in (
        ["deploy", "ok", "--api-token", secret],
        ["deploy", "ok", f"--api-token={secret}", f"-p{secret}"],
        ["deploy", "ok", "-p", secret, "--env", f"https://u:{secret}@h/"],
        ["deploy", "ok", "--nonsense", "-p", secret],
        ["deploy", "ok", "--passcode", secret, "--count", secret],
        ["deploy", "fail"],
        ["deploy", "crash"],
    ):
        both(home, *arguments)
    text = home.log("app").read_text()
    assert secret not in text
    assert "hunter2" not in text
    assert home.events("app", "begin")[0]["params"]["api_token"] == "[REDACTED]"
    assert {"where": "params.api_token", "rule": "name"} in home.events("app", "begin")[0][
        "redactions"
    ]


def test_a_callers_trace_context_is_honoured_and_handed_on(home: Home) -> None:
    """The caller's ids are in the entry, and the tool's own children get them."""
    _, observed = both(
        home, "deploy", "child", env={"TOOL_TRACE_ID": "test-123", "TOOL_OPERATOR": "somebody"}
    )
    end = home.end("app")
    assert end["trace_id"] == "test-123"
    assert end["operator"] == "somebody"
    assert f"test-123 {end['request_id']}\n" in observed.stdout


def test_usage_errors_have_a_stable_code_and_no_begin(home: Home) -> None:
    """A call that never got to act has only its end, with the kind of error as a code."""
    for arguments in (["nonsense"], ["deploy"], ["deploy", "ok", "--nonsense"]):
        both(home, *arguments)
    assert home.events("app", "begin") == []
    codes = [line["error"]["code"] for line in home.events("app", "end")]
    assert codes == ["NO_SUCH_COMMAND", "MISSING_PARAMETER", "NO_SUCH_OPTION"]


@pytest.mark.parametrize("what", ["ok", "exit3"])
def test_output_that_cannot_be_delivered_is_not_recorded_as_success(home: Home, what: str) -> None:
    """With a full disk behind stdout the tool fails, and the log has the code of the failure."""
    with open("/dev/full", "w") as full:
        bare, observed = both(home, "deploy", what, stdout=full, stderr=subprocess.DEVNULL)
    assert observed.returncode == bare.returncode != 0
    assert home.end("app")["exit_code"] == bare.returncode


def test_buffered_output_that_is_lost_at_exit_is_not_recorded_as_success(home: Home) -> None:
    """What `print` left in the buffer fails only when the interpreter ends, with 120."""
    code = APP.replace('click.echo("echoed")', "").replace('click.echo("problem", err=True)', "")
    with open("/dev/full", "w") as full:
        observed = home.python(
            code, "deploy", "ok", env={"INSTRUMENT": "1"}, stdout=full, stderr=subprocess.DEVNULL
        )
    assert observed.returncode == 120
    assert home.end("app")["exit_code"] == 120


def test_a_closed_pipe_is_recorded_with_the_exit_code_that_click_gives(home: Home) -> None:
    """Click ends with 1 when the reader has gone; so says the entry."""
    home.python(APP, "--version")
    script = home.path / "tool.py"
    done = home.run(
        "bash",
        "-c",
        f"{PYTHON} {script} deploy ok 2>/dev/null | true; exit ${{PIPESTATUS[0]}}",
        env={"INSTRUMENT": "1", "PYTHONUNBUFFERED": "1"},
    )
    assert home.end("app")["exit_code"] == done.returncode


def test_meta_goes_to_the_file_that_the_caller_names(home: Home) -> None:
    """One JSON line for each call; the tool's children do not inherit the variable."""
    file = home.path / "meta"
    file.touch()
    env = {"INSTRUMENT": "1", "TOOL_META_FILE": str(file), "TOOL_TRACE_ID": "t"}
    home.python(APP, "deploy", "ok", env=env)
    home.python(APP, "nonsense", env=env)
    first, second = map(json.loads, file.read_text().splitlines())
    assert first["command"] == "deploy"
    assert first["trace_id"] == second["trace_id"] == "t"
    assert first["receipt"]["seq"] == 2


@pytest.mark.parametrize("kind", ["missing", "symlink", "hardlink", "folder", "fifo"])
def test_a_meta_file_that_could_be_a_trap_is_not_written(home: Home, kind: str) -> None:
    """It must exist, be a plain file of ours and no link; the tool's exit code is its own."""
    target, file = home.path / "target", home.path / "meta"
    target.write_text("precious")
    makers = {
        "missing": lambda: None,
        "symlink": lambda: file.symlink_to(target),
        "hardlink": lambda: file.hardlink_to(target),
        "folder": file.mkdir,
        "fifo": lambda: os.mkfifo(file),
    }
    makers[kind]()
    done = home.python(APP, "special", env={"INSTRUMENT": "1", "TOOL_META_FILE": str(file)})
    assert (done.returncode, done.stdout) == (0, "special\n")
    assert "TOOL_META_FILE" in done.stderr
    assert target.read_text() == "precious"


def test_completion_is_no_call(home: Home) -> None:
    """A shell that asks for completions gets them, and no entry is made."""
    bare, observed = both(
        home, env={"_APP_COMPLETE": "bash_complete", "COMP_WORDS": "app d", "COMP_CWORD": "1"}
    )
    assert "deploy" in observed.stdout
    assert observed.stdout == bare.stdout
    assert home.lines("app") == []


# -- in one process


def make_cli() -> click.Group:
    @click.group(invoke_without_command=True)
    @click.pass_context
    def cli(ctx: click.Context) -> None:
        ctx.obj = "set"

    @cli.command()
    @click.pass_obj
    def leaf(obj: str) -> str:
        click.echo(f"leaf {obj}")
        return "value"

    return cli


def test_a_test_runner_sees_the_same_as_without_us(home: Home) -> None:
    """`CliRunner` works on an instrumented command, and each of its calls is recorded."""
    cli = instrument(make_cli(), tool="runner")
    for _ in range(100):
        done = CliRunner().invoke(cli, ["leaf"])
        assert (done.exit_code, done.output) == (0, "leaf set\n")
    assert CliRunner().invoke(cli, ["nonsense"]).exit_code == 2
    assert len(home.events("runner", "end")) == 101
    assert "TOOL_TRACE_ID" not in os.environ


def test_a_caller_that_is_not_standalone_gets_the_value(home: Home) -> None:
    """With `standalone_mode=False` values and exceptions pass as Click passes them."""
    cli = instrument(make_cli(), tool="runner", envelope=True)
    assert cli.main(["leaf"], standalone_mode=False) == "value"
    with pytest.raises(click.UsageError):
        cli.main(["nonsense"], standalone_mode=False)
    codes = [line["exit_code"] for line in home.events("runner", "end")]
    assert codes == [0, 2]


def test_instrumenting_keeps_the_class_of_the_author(home: Home) -> None:
    """Subclasses keep what they override, and stay instances of their class."""

    class Shouting(click.Command):
        def invoke(self, ctx: click.Context) -> Any:
            click.echo("SHOUT")
            return super().invoke(ctx)

    command = instrument(Shouting("shout", callback=lambda: None), tool="shout")
    assert isinstance(command, Shouting)
    assert type(command).__name__ == "Shouting"
    assert CliRunner().invoke(command).output == "SHOUT\n"
    assert home.end("shout")["exit_code"] == 0


def test_subcommands_that_are_loaded_late_are_seen(home: Home) -> None:
    """A group that makes its commands on demand is recorded like any other."""

    class Lazy(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["late"]

        def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
            option = click.Option(["--size"], type=int)
            return click.Command(name, params=[option], callback=lambda size: None)

    CliRunner().invoke(instrument(Lazy("lazy"), tool="lazy"), ["late", "--size", "3"])
    assert home.end("lazy")["command"] == "late"
    assert home.end("lazy")["params"] == {"size": 3}


def test_chained_commands_are_one_call_with_all_their_params(home: Home) -> None:
    """A chain is one call; its entry names each link with its own params."""

    @click.group(chain=True)
    def cli() -> None:
        pass

    for name in ("one", "two"):
        option = click.Option(["--size"], type=int, default=1)
        cli.add_command(click.Command(name, params=[option], callback=lambda size: None))
    CliRunner().invoke(instrument(cli, tool="chain"), ["one", "--size", "3", "two"])
    end = home.end("chain")
    assert end["command"] == "one,two"
    assert end["params"] == {"one": {"size": 3}, "two": {"size": 1}}


def test_a_call_inside_a_call_has_it_as_parent(home: Home) -> None:
    """A command that calls another instrumented command in its own process makes a tree."""
    inner = instrument(click.Command("inner", callback=lambda: None), tool="inner")
    outer = instrument(
        click.Command("outer", callback=lambda: inner.main([], standalone_mode=False)), tool="outer"
    )
    CliRunner().invoke(outer)
    assert home.end("inner")["parent_request_id"] == home.end("outer")["request_id"]


def test_rich_click_is_click(home: Home) -> None:
    """rich-click's own classes are recorded, and print what they print."""
    rich_click = pytest.importorskip("rich_click")

    @rich_click.command()
    @rich_click.option("--name", default="x")
    def hello(name: str) -> None:
        """Say hello."""
        click.echo(f"hello {name}")

    bare = CliRunner().invoke(hello, ["--help"]).output
    instrument(hello, tool="rich")
    assert CliRunner().invoke(hello, ["--help"]).output == bare
    assert CliRunner().invoke(hello, ["--name", "you"]).output == "hello you\n"
    assert [line["exit_code"] for line in home.events("rich", "end")] == [0, 0]


def test_the_groups_own_callback_comes_after_the_begin_line(home: Home) -> None:
    """What a group does before its subcommand is part of the call: killed there, it shows."""
    code = """
import os, click
from tooltrail.integrations.click import instrument
@click.group()
def cli(): os.kill(os.getpid(), 9)
@cli.command()
def leaf(): pass
instrument(cli, tool="early")
cli()
"""
    home.python(code, "leaf")
    (begin,) = home.events("early", "begin")
    assert begin["command"] == "leaf"


def test_errors_that_a_caller_catches_leave_nothing_behind(home: Home) -> None:
    """`sys.excepthook` is as it was after a thousand calls whose errors were caught."""
    import sys

    before = sys.excepthook

    def fail() -> None:
        raise ValueError("no")

    command = instrument(click.Command("x", callback=fail), tool="x")
    for _ in range(3):
        with pytest.raises(ValueError, match="no"):
            command.main([], standalone_mode=False)
    assert sys.excepthook is before


NASTY = """
import os, sys, click

class Mute(Exception):
    def __str__(self): raise RuntimeError("no str")

class Other(BaseException): pass

@click.command()
@click.argument("what")
@click.argument("password", default="")
@click.option("--file", type=click.File("w"))
@click.pass_context
def cli(ctx, what, password, file):
    if what == "exit": ctx.exit("a")
    if what == "mute": raise Mute
    if what == "other": raise Other
    if what == "stdout": sys.stdout = object()
    if what == "nostdout": del sys.stdout
    if what == "huge": sys.exit(2**70)
    if what == "negative": sys.exit(-1)
    if what == "fork" and os.fork() == 0: sys.exit(4)
    if what == "fork": os.wait()
    if what == "lazy": print(repr(file))

if os.environ.get("INSTRUMENT") == "1":
    from tooltrail.integrations.click import instrument
    instrument(cli, tool="app", envelope=os.environ.get("ENVELOPE") == "1")
cli(prog_name="app")
"""


@pytest.mark.parametrize(
    "what", ["exit", "mute", "other", "stdout", "nostdout", "huge", "negative", "fork", "plain"]
)
def test_a_nasty_tool_ends_as_it_would(home: Home, what: str) -> None:
    """Exceptions that cannot be shown, a stdout that is none: the tool's bytes stay its own."""
    bare = home.python(NASTY, what)
    observed = home.python(NASTY, what, env={"INSTRUMENT": "1"})
    assert (observed.returncode, observed.stdout) == (bare.returncode, bare.stdout)
    assert without_addresses(observed.stderr) == without_addresses(bare.stderr)
    assert home.end("app")["exit_code"] == bare.returncode


def without_addresses(text: str) -> str:
    """Drop what differs between two runs of anything: where in memory an object lies."""
    return re.sub(r"0x[0-9a-f]+", "0x", text)


@pytest.mark.parametrize("what", ["exit", "mute", "huge", "negative", "fork", "plain"])
def test_a_nasty_tool_answers_once(home: Home, what: str) -> None:
    """In envelope mode each of them is one response."""
    done = home.python(NASTY, what, env={"INSTRUMENT": "1", "ENVELOPE": "1"})
    response = json.loads(done.stdout)
    assert response["ok"] is (done.returncode == 0)
    assert home.end("app")["exit_code"] == done.returncode


def test_a_file_that_is_to_be_opened_late_is_left_closed(home: Home) -> None:
    """Looking at a lazy file's params neither opens nor empties it."""
    precious = home.path / "precious"
    precious.write_text("precious")
    done = home.python(NASTY, "lazy", "--file", str(precious), env={"INSTRUMENT": "1"})
    assert precious.read_text() == "precious"
    assert done.stdout.startswith("<unopened file")
    assert home.end("app")["params"]["file"] == str(precious)


def test_a_secret_argument_of_a_line_that_is_not_understood_is_not_written(home: Home) -> None:
    """Where nothing could be parsed, each argument may be the secret one."""
    done = home.python(NASTY, "go", "sw0rdf1sh", "--nope", env={"INSTRUMENT": "1"})
    assert done.returncode == 2
    assert "sw0rdf1sh" not in home.log("app").read_text()
