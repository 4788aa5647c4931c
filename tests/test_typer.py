"""Typer: what is particular to it beside the suite that all frameworks share."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from conftest import PYTHON, Home, response_in
from tooltrail.integrations.typer import instrument

APP = """
import os, sys, time
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Optional
import typer
import tooltrail
from pydantic import SecretStr

class Color(str, Enum):
    red = "red"
    blue = "blue"

app = typer.Typer()
db = typer.Typer()
app.add_typer(db, name="db")

MODE = os.environ.get("INSTRUMENT")
if MODE:
    from tooltrail.integrations.typer import instrument
    instrument(app, tool="app", version="9.9", envelope=MODE == "envelope")

@app.command()
def deploy(
    what: str,
    color: Color = Color.red,
    path: Path = Path("/srv"),
    at: datetime = datetime(2026, 1, 2),
    passcode: Annotated[str, typer.Option("-p", "--passcode", hide_input=True)] = "none",
    key: Annotated[Optional[SecretStr], typer.Option("-k")] = None,
):
    print("printed", what)
    typer.echo("problem", err=True)
    if what == "exit": raise typer.Exit(4)
    if what == "abort": raise typer.Abort()
    if what == "crash": raise ValueError("boom")
    if what == "bad": raise typer.BadParameter("no good")
    if what == "error":
        raise tooltrail.CommandError("no room", code="NO_ROOM", exit_code=5, hint="free some")
    if what == "wait":
        sys.stderr.write("up\\n"); sys.stderr.flush(); time.sleep(60)
    return {"what": what, "color": color}

@app.command()
def login(user: str, password: str): pass

@app.command()
def mine(output: str = "x"): return {"mine": output}

@db.command()
def migrate(steps: int = 1): print("migrated", steps)

if __name__ == "__main__":
    app(prog_name="app")
"""


@pytest.mark.parametrize("rich", ["1", "0"], ids=["rich", "plain"])
@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [
        (["deploy", "ok"], 0, "success"),
        (["deploy", "exit"], 4, "failure"),
        (["deploy", "abort"], 1, "failure"),
        (["deploy", "crash"], 1, "crashed"),
        (["deploy", "bad"], 2, "usage_error"),
        (["deploy", "error"], 1, "failure"),
        (["deploy", "ok", "--color", "green"], 2, "usage_error"),
        (["db", "migrate", "--steps", "3"], 0, "success"),
        (["db", "nonsense"], 2, "usage_error"),
        (["deplo"], 2, "usage_error"),
        ([], 2, "usage_error"),
        (["--help"], 0, "success"),
        (["db", "--help"], 0, "success"),
        (["--show-completion", "bash"], 0, "success"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_typers_own_ways_out_are_recorded_and_no_byte_is_changed(
    home: Home, arguments: list[str], code: int, outcome: str, rich: str
) -> None:
    """Panels, suggestions and tracebacks, with rich and without it, are those of the bare tool."""
    env = {"TYPER_USE_RICH": rich}
    bare = home.python(APP, *arguments, env=env)
    observed = home.python(APP, *arguments, env={**env, "INSTRUMENT": "observe"})
    assert (observed.stdout, observed.stderr) == (bare.stdout, bare.stderr)
    assert observed.returncode == bare.returncode == code
    end = home.end("app")
    assert (end["exit_code"], end["outcome"], end["version"]) == (code, outcome, "9.9")


def test_params_are_the_parsed_values_of_each_type(home: Home) -> None:
    """Enum, Path and datetime are written as JSON can hold them; subcommands by their path."""
    home.python(APP, "deploy", "ok", env={"INSTRUMENT": "1"})
    home.python(APP, "db", "migrate", "--steps", "5", env={"INSTRUMENT": "1"})
    deploy, migrate = home.events("app", "begin")
    assert deploy["params"] == {
        "what": "ok",
        "color": "red",
        "path": "/srv",
        "at": "2026-01-02T00:00:00",
        "passcode": "[REDACTED]",
        "key": None,
    }
    assert (migrate["command"], migrate["params"]) == ("db migrate", {"steps": 5})


def test_secrets_by_declaration_by_type_and_by_name_reach_no_line(home: Home) -> None:
    """Hidden prompts, SecretStr, and arguments whose name says it, understood or not."""
    secret = "sw0rdf1sh"
    for arguments in (
        ["deploy", "ok", "-p", secret],
        ["deploy", "ok", f"-k{secret}"],
        ["deploy", "ok", "-k", secret, "--nonsense"],
        ["login", "joe", secret],
        ["login", "joe", secret, "--nonsense"],
    ):
        home.python(APP, *arguments, env={"INSTRUMENT": "1"})
    assert len(home.events("app", "end")) == 5
    assert secret not in home.log("app").read_text()


def test_ctrl_c_ends_with_typers_exit_code(home: Home) -> None:
    """Typer ends with 130; the response and the log say that it was an interrupt."""
    home.python(APP, "--help")
    process = subprocess.Popen(
        [PYTHON, str(home.path / "tool.py"), "deploy", "wait"],
        env=home.environment(INSTRUMENT="envelope"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while process.stderr.readline() != "up\n":
        pass
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert response_in(output)["error"]["code"] == "INTERRUPTED"
    end = home.end("app")
    assert (end["exit_code"], end["outcome"], end["signal"]) == (130, "interrupted", "SIGINT")


def test_completion_is_no_call_even_of_a_script_with_a_dot_in_its_name(home: Home) -> None:
    """The variable is named after the script as Typer names it, and no entry is made."""
    code = APP.replace('prog_name="app"', "")
    env = {"_TOOL.PY_COMPLETE": "complete_bash", "COMP_WORDS": "tool.py d", "COMP_CWORD": "1"}
    bare = home.python(code, env=env)
    observed = home.python(code, env={**env, "INSTRUMENT": "1"})
    assert "deploy" in observed.stdout
    assert observed.stdout == bare.stdout
    assert home.lines("app") == []


# -- envelope


def test_return_values_are_the_data(home: Home) -> None:
    """What Typer itself ignores is the data of the response."""
    done = home.python(APP, "deploy", "ok", env={"INSTRUMENT": "envelope"})
    response = response_in(done.stdout)
    assert response["data"] == {"what": "ok", "color": "red"}
    assert response["meta"]["command"] == "deploy"


def test_output_is_an_option_of_typers_own(home: Home) -> None:
    """It is in the help page, its values are checked by Typer, and the author's stays."""
    env = {"INSTRUMENT": "envelope"}
    text = home.python(APP, "deploy", "--output", "text", "--help", env=env).stdout
    assert "--output" in text
    assert "text|json|jsonl" in text
    wrong = response_in(home.python(APP, "deploy", "ok", "--output", "xml", env=env).stdout)
    assert wrong["error"]["code"] == "BAD_PARAMETER"
    own = home.python(APP, "mine", "--output", "text", "--output-format", "json", env=env)
    assert response_in(own.stdout)["data"] == {"mine": "text"}
    shown = home.python(APP, "deploy", "ok", "--output", "text", env=env)
    assert shown.stdout == "printed ok\nwhat: ok\ncolor: red\n"


def test_an_error_of_the_author_is_shown_as_typer_shows_errors(home: Home) -> None:
    """As text it is in Typer's panel, with its hint, and the exit code is its own."""
    done = home.python(APP, "deploy", "error", "--output=text", env={"INSTRUMENT": "envelope"})
    assert done.returncode == 5
    assert "╭─ Error ─" in done.stderr
    assert "no room" in done.stderr
    assert "hint: free some" in done.stderr


def test_the_log_is_a_command_of_typers_own(home: Home) -> None:
    """`audit-log` is listed by the help page and answers with this tool's entries."""
    env = {"INSTRUMENT": "envelope"}
    home.python(APP, "deploy", "ok", env=env)
    assert "audit-log" in home.python(APP, "--help", "--output", "text", env=env).stdout
    done = home.python(APP, "audit-log", "--command", "deploy", "--output", "jsonl", env=env)
    (entry,) = map(json.loads, done.stdout.splitlines())
    assert entry["params"]["what"] == "ok"
    verified = home.python(APP, "audit-log", "--verify", env=env)
    assert verified.returncode == 0


def test_a_completion_script_is_not_wrapped_into_json(home: Home) -> None:
    """`--show-completion` is for the shell's start-up file in envelope mode, too."""
    env = {"INSTRUMENT": "envelope"}
    bare = home.python(APP, "--show-completion", "bash")
    assert home.python(APP, "--show-completion", "bash", env=env).stdout == bare.stdout


# -- in one process


def make_app(**how: Any) -> typer.Typer:
    app = typer.Typer(**how)

    @app.command()
    def leaf(size: int = 1) -> str:
        typer.echo(f"leaf {size}")
        return "value"

    return app


def test_a_test_runner_sees_the_same_as_without_us(home: Home) -> None:
    """`CliRunner` works on an instrumented app, and each of its calls is recorded."""
    app = instrument(make_app(), tool="runner")
    for _ in range(100):
        done = CliRunner().invoke(app, ["--size", "3"])
        assert (done.exit_code, done.output) == (0, "leaf 3\n")
    assert CliRunner().invoke(app, ["--nonsense"]).exit_code == 2
    ends = home.events("runner", "end")
    assert len(ends) == 101
    assert ends[0]["params"] == {"size": 3}
    assert "TOOL_TRACE_ID" not in os.environ


def test_commands_that_are_added_afterwards_are_recorded(home: Home) -> None:
    """A single-command app becomes a group, and a merged one keeps its commands."""
    app = instrument(make_app(), tool="late")
    other = typer.Typer()

    @other.command()
    def second() -> None:
        pass

    app.registered_commands += other.registered_commands
    assert CliRunner().invoke(app, ["second"]).exit_code == 0
    assert CliRunner().invoke(app, ["leaf"]).exit_code == 0
    assert [line["command"] for line in home.events("late", "end")] == ["second", "leaf"]


def test_the_click_command_of_an_app_is_recorded_in_whichever_order(home: Home) -> None:
    """`get_command` before or after `instrument`, of the app or given to it."""
    app = make_app()
    before = instrument(get_command(app), tool="before")
    after = get_command(instrument(app, tool="after"))
    assert before.main([], standalone_mode=False) == "value"
    assert after.main([], standalone_mode=False) == "value"
    assert home.end("before")["exit_code"] == home.end("after")["exit_code"] == 0


def test_classes_of_the_author_are_kept(home: Home) -> None:
    """Groups, commands and apps of the author's own classes stay so, with what they override."""

    class App(typer.Typer):
        pass

    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return sorted(super().list_commands(ctx), reverse=True)

    class Command(TyperCommand):
        def invoke(self, ctx: Any) -> Any:
            typer.echo("SHOUT")
            return super().invoke(ctx)

    app = App(cls=Group)
    app.command("a", cls=Command)(lambda: None)
    app.command("b")(lambda: None)
    assert instrument(app, tool="own") is app
    assert isinstance(app, App)
    assert isinstance(get_command(app), Group)
    assert CliRunner().invoke(app, ["a"]).output == "SHOUT\n"
    shown = CliRunner().invoke(app, ["--help"]).output
    assert shown.index("b ") < shown.index("a ")
    assert [line["exit_code"] for line in home.events("own", "end")] == [0, 0]


def test_a_callback_that_acts_comes_after_the_begin_line(home: Home) -> None:
    """The callback's params stand beside the command's; one that only documents begins nothing."""
    code = """
import os, sys, typer
from tooltrail.integrations.typer import instrument
app = typer.Typer(invoke_without_command=True)
@app.callback()
def main(verbose: bool = False):
    if verbose: os.kill(os.getpid(), 9)
@app.command()
def leaf(n: int = 1): pass
instrument(app, tool="early")
app()
"""
    home.python(code, "--verbose", "leaf")
    home.python(code, "leaf")
    home.python(code)
    killed, *begun = home.events("early", "begin")
    assert (killed["command"], killed["params"]) == ("leaf", {"verbose": True})
    ends = home.events("early", "end")
    assert [line["params"] for line in ends] == [{"verbose": False, "n": 1}, {"verbose": False}]
    assert [line["command"] for line in ends] == ["leaf", "early"]
    assert len(begun) == 3


@pytest.mark.parametrize("above", ["db", ""], ids=["nested", "direct"])
def test_secrets_of_a_command_are_hidden_from_the_begin_of_its_group(
    home: Home, above: str
) -> None:
    """The line before a group's own callback is written when its command is not parsed yet."""
    code = """
import os, sys, typer
from typing import Annotated
from tooltrail.integrations.typer import instrument
app, db = typer.Typer(), typer.Typer()
app.add_typer(db, name="db")
@app.callback()
def main(): os.environ["SET"] = "1"
@app.command()
@db.command()
def login(user: str, password: str, key: Annotated[str, typer.Option("-k", hide_input=True)]): pass
app.command()(lambda: None)
db.command()(lambda: None)
instrument(app, tool="app")
app()
"""
    group = [above] if above else []
    for arguments in (
        ["-k", "sw0rdf1sh", "joe", "h1ddenw0rd"],
        ["joe", "h1ddenw0rd", "-ksw0rdf1sh"],
    ):
        home.python(code, *group, "login", *arguments)
        home.python(code, *group, "login", *arguments, "more")
    ends = home.events("app", "end")
    assert [line["exit_code"] for line in ends] == [0, 2, 0, 2]
    assert ends[0]["params"]["user"] == "joe"
    assert len(home.events("app", "begin")) == 6
    text = home.log("app").read_text()
    assert "sw0rdf1sh" not in text
    assert "h1ddenw0rd" not in text


def test_an_instrumented_app_inside_another_adds_nothing_there(home: Home) -> None:
    """Below another app it is a plain part of it: no `audit-log`, no call of its own."""
    inner = instrument(make_app(), tool="inner", audit_log=True)
    inner.command("other")(lambda: None)
    outer = typer.Typer()
    outer.add_typer(inner, name="inner")
    assert "audit-log" not in CliRunner().invoke(outer, ["inner", "--help"]).output
    assert CliRunner().invoke(outer, ["inner", "leaf"]).output == "leaf 1\n"
    assert home.lines("inner") == []
    CliRunner().invoke(instrument(outer, tool="outer"), ["inner", "leaf"])
    assert home.end("outer")["command"] == "inner leaf"


def test_instrumenting_again_changes_the_settings(home: Home) -> None:
    """The last settings count, and each call is recorded once."""
    app = instrument(instrument(make_app(), tool="one"), tool="two")
    CliRunner().invoke(app, [])
    assert home.lines("one") == []
    assert home.end("two")["exit_code"] == 0


def test_the_version_is_that_of_the_package_that_the_commands_come_from(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most apps have no callback of their own: their commands say where they come from."""
    import conftest

    monkeypatch.setattr(conftest, "__version__", "3.2.1", raising=False)

    def leaf() -> None:
        pass

    leaf.__module__ = "conftest"
    app = typer.Typer()
    app.command("one")(leaf)
    app.command("two")(leaf)
    CliRunner().invoke(instrument(app, tool="versioned"), ["one"])
    assert home.end("versioned")["version"] == "3.2.1"


@pytest.mark.parametrize("given", [42, lambda: None, "app"], ids=["number", "function", "text"])
def test_anything_else_is_refused_with_words(given: Any) -> None:
    """The error names what was given."""
    with pytest.raises(TypeError, match="takes a Typer app, not"):
        instrument(given)


def test_a_watched_program_is_recorded_without_a_word_in_it(home: Home) -> None:
    """`typer.run` and apps of any make; what Typer prints is unchanged."""
    code = """
import os, typer
if os.environ.get("WATCH"):
    from tooltrail.integrations.typer import watch
    watch()
def main(name: str, size: int = 1): print(name)
typer.run(main)
"""
    for arguments in (["joe", "--size", "2"], ["joe", "--nonsense"], ["--help"]):
        bare = home.python(code, *arguments)
        watched = home.python(code, *arguments, env={"WATCH": "1"})
        assert (watched.stdout, watched.stderr) == (bare.stdout, bare.stderr)
        assert watched.returncode == bare.returncode
    ends = home.events("tool", "end")
    assert [line["exit_code"] for line in ends] == [0, 2, 0]
    assert ends[0]["params"] == {"name": "joe", "size": 2}


def test_an_author_who_instruments_is_not_recorded_twice_by_a_watch(home: Home) -> None:
    """The author's own settings win over the watching that came first."""
    code = APP.replace(
        "import typer\n",
        "import typer\nfrom tooltrail.integrations import typer as t\nt.watch()\n",
        1,
    )
    home.python(code, "deploy", "ok", env={"INSTRUMENT": "1"})
    assert home.end("app")["command"] == "deploy"
    assert [path.parent.name for path in Path(home.data).glob("*/audit.jsonl")] == ["app"]


def test_the_rest_of_typer_is_not_loaded_by_us(home: Home) -> None:
    """Neither rich nor Click itself is imported for an instrumented app that prints nothing."""
    code = """
import sys, typer
from tooltrail.integrations.typer import instrument
app = instrument(typer.Typer(add_completion=False), tool="lean")
@app.command()
def leaf(): pass
before = set(sys.modules)
try: app([])
except SystemExit: pass
print(*sorted(set(sys.modules) - before))
"""
    loaded = set(home.python(code).stdout.split())
    assert not {name for name in loaded if name.partition(".")[0] in ("rich", "click")}
    assert not {name for name in loaded if name.startswith(("tooltrail.query", "tooltrail.render"))}
    assert home.end("lean")["exit_code"] == 0


def test_annotated_options_and_lists(home: Home) -> None:
    """Params that are given many times are lists, under the name of the function's parameter."""
    app = typer.Typer()

    @app.command()
    def leaf(tags: Annotated[list[str], typer.Option("--tag", "-t")]) -> None:
        pass

    CliRunner().invoke(instrument(app, tool="lists"), ["-t", "a", "--tag", "b"])
    assert home.end("lists")["params"] == {"tags": ["a", "b"]}
