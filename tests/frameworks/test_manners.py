"""What holds for every framework of what an author may do: verbs, plugins, names of his own."""

from typing import Any

import pytest

from conftest import PYTHON, Home
from frameworks.tool import (
    APPS,
    DISTINCT,
    WITH_COMMANDS,
    WITH_OPTIONS,
    answer,
    bare,
    environment,
    finished,
    having,
    kept_bytes,
    module_of,
    run,
    seen,
)

_ENTRY = {"click": "cli", "rich_click": "cli", "typer": "app", "cyclopts": "app"}
_COMPLETIONS: dict[str, tuple[list[str], dict[str, str]]] = {
    "click": ([], {"_SPEC_COMPLETE": "bash_source"}),
    "rich_click": ([], {"_SPEC_COMPLETE": "bash_source"}),
    "typer": ([], {"_SPEC_COMPLETE": "source_bash"}),
    "cyclopts": (["__complete", "bash", "spec", "dep"], {}),
    "argparse": ([], {"_ARGCOMPLETE": "1"}),
}


def script(home: Home, framework: str, mode: str, code: str) -> Any:
    """Run code that has the tool as `app`, its object or function as `entry`, and `instrument`."""
    module = framework.removeprefix("rich_")
    head = (
        f"import sys\nimport {module_of(framework)} as app\n"
        f"from tooltrail.integrations.{module} import instrument\n"
        f"entry = app.{_ENTRY.get(framework, 'main')}\n"
    )
    env = environment(home, framework, mode, PYTHONPATH=str(APPS))
    return finished([PYTHON, "-c", head + code], env)


@pytest.mark.parametrize("framework", DISTINCT)
def test_instrumenting_again_changes_the_settings(home: Home, framework: str) -> None:
    """One entry, in the log that was named last; and the mode that was."""
    code = (
        "again = instrument(entry, tool='again', version='2', envelope=True)\n"
        "sys.argv = ['spec', 'deploy', 'prod']\nagain()"
    )
    response = answer(script(home, framework, "observe", code))
    assert response["data"] == {"env": "prod", "replicas": 3}
    assert response["meta"]["version"] == "2"
    assert home.end("again")["exit_code"] == 0
    assert not home.log("spec").exists()


@pytest.mark.parametrize("framework", DISTINCT)
def test_a_wrong_argument_is_refused_with_words(home: Home, framework: str) -> None:
    """`instrument(42)` is a mistake of the author's, told when it is made."""
    done = script(home, framework, "bare", "instrument(42)")
    assert done.returncode == 1
    assert b"TypeError: instrument() takes a" in done.stderr
    assert b"not int" in done.stderr


@pytest.mark.parametrize("framework", WITH_OPTIONS)
def test_an_output_of_the_authors_is_his(home: Home, framework: str) -> None:
    """`--output` means to him what it meant; ours is `--output-format` there."""
    arguments = ["deploy", "prod", "--output", "json"]
    wanted = bare(framework, *arguments, SPEC_OWN="1")
    assert b"to json" in wanted.stdout
    assert seen(run(home, framework, "observe", *arguments, SPEC_OWN="1")) == seen(wanted)
    asked = [*arguments, "--output-format", "text"]
    done = run(home, framework, "envelope", *asked, SPEC_OWN="1")
    assert done.returncode == 0, done.stderr
    printed, to, *_ = done.stdout.decode().splitlines()
    assert (printed, to) == ("deploying to prod: 3, False, False", "to json")
    assert {end["params"]["output"] for end in home.events("spec", "end")} == {"json"}


@pytest.mark.parametrize("framework", having("own log", "commands"))
def test_an_audit_log_of_the_authors_is_his(home: Home, framework: str) -> None:
    """The command that he has of this name is the one that runs."""
    wanted = bare(framework, "audit-log", SPEC_OWN="1")
    assert wanted.stdout == b"the author's own log\n"
    assert seen(run(home, framework, "observe", "audit-log", SPEC_OWN="1")) == seen(wanted)
    response = answer(run(home, framework, "envelope", "audit-log", SPEC_OWN="1"))
    assert response["warnings"][0]["message"] == "the author's own log\n"


@pytest.mark.parametrize("framework", having("plugins"))
@pytest.mark.parametrize("mode", ["observe", "envelope"])
def test_commands_of_plugins_are_recorded(home: Home, framework: str, mode: str) -> None:
    """What is added after the verb, or imported only when it is called, is no hole."""
    done = run(home, framework, mode, "late", "--times", "2")
    assert done.returncode == 0, done.stderr
    end = home.end("spec")
    assert (end["command"], end["outcome"], end["params"]["times"]) == ("late", "success", 2)
    if mode == "observe":
        assert seen(done) == seen(bare(framework, "late", "--times", "2"))
    else:
        assert answer(done)["data"] == {"times": 2}


@pytest.mark.parametrize("framework", having("completion"))
def test_completion_is_no_call(home: Home, framework: str) -> None:
    """What a shell asks while somebody types leaves nothing, and gets its answer."""
    arguments, variables = _COMPLETIONS[framework]
    wanted = bare(framework, *arguments, **variables)
    for mode in ("observe", "envelope"):
        done = run(home, framework, mode, *arguments, **variables)
        assert (done.stdout, done.returncode) == (wanted.stdout, wanted.returncode)
    assert not home.lines("spec")


@pytest.mark.parametrize(
    ("arguments", "command"),
    [(["own", "0"], "own"), (["deploy", "prod", "child"], "deploy,child")],
    ids=["one", "two"],
)
@pytest.mark.parametrize("mode", ["observe", "envelope"])
@pytest.mark.parametrize("framework", having("chaining"))
def test_chained_commands_are_one_call(
    home: Home, framework: str, mode: str, arguments: list[str], command: str
) -> None:
    """Their names stand side by side, and each has its params."""
    done = run(home, framework, mode, *arguments, SPEC_CHAIN="1")
    assert done.returncode == 0, done.stderr
    end = home.end("spec")
    assert (end["command"], end["outcome"]) == (command, "success")
    if "," in command:
        assert end["params"]["deploy"]["env"] == "prod"
    if mode == "observe":
        assert seen(done) == seen(bare(framework, *arguments, SPEC_CHAIN="1"))
    else:
        assert answer(done)["ok"]


_WAITS = {"cyclopts": ["wait", "5"], "fire": ["wait", "5"]}  # the others await in `main`


@pytest.mark.parametrize("mode", ["observe", "envelope"])
@pytest.mark.parametrize("framework", having("async"))
def test_asynchronous_commands_are_commands(home: Home, framework: str, mode: str) -> None:
    """The end is when the coroutine has ended, not when it was made."""
    arguments = _WAITS.get(framework, ["deploy", "prod"])
    done = run(home, framework, mode, *arguments, SPEC_ASYNC="1")
    assert done.returncode == 0, done.stderr
    assert home.end("spec")["outcome"] == "success"
    assert home.events("spec", "begin")
    if mode == "observe":
        assert seen(done) == seen(bare(framework, *arguments, SPEC_ASYNC="1"))
    else:
        wanted: Any = {"env": "prod", "replicas": 3} if arguments[0] == "deploy" else {"ms": 5}
        assert answer(done)["data"] == wanted


@pytest.mark.parametrize("framework", having("async", "commands"))
def test_asynchronous_commands_may_fail(home: Home, framework: str) -> None:
    """What leaves the coroutine is the ending."""
    arguments = ["crash"]
    done = run(home, framework, "observe", *arguments, SPEC_ASYNC="1")
    assert seen(done) == seen(bare(framework, *arguments, SPEC_ASYNC="1"))
    assert (home.end("spec")["outcome"], home.end("spec")["exit_code"]) == ("crashed", 1)


@pytest.mark.parametrize("framework", DISTINCT)
def test_a_caller_finds_its_call_again(home: Home, framework: str) -> None:
    """The caller's trace id, and its call as parent, are in the entry; `meta` in its file."""
    meta = home.path / "meta"
    meta.touch()
    caller = {
        "TOOL_TRACE_ID": "agent-session-42-step-7",
        "TOOL_PARENT_REQUEST_ID": "req_01M823WWAEDNMJARFZW6CK23ZG",
        "TOOL_META_FILE": str(meta),
    }
    done = run(home, framework, "observe", "deploy", "prod", **caller)
    assert seen(done) == seen(bare(framework, "deploy", "prod"))
    end = home.end("spec")
    assert end["trace_id"] == caller["TOOL_TRACE_ID"]
    assert end["parent_request_id"] == caller["TOOL_PARENT_REQUEST_ID"]
    assert end["request_id"] in meta.read_text()


@pytest.mark.parametrize("framework", WITH_COMMANDS)
def test_a_secret_of_a_nested_or_late_command_is_none_the_less(home: Home, framework: str) -> None:
    """By its name alone: an option that nobody declared secret."""
    canary = "canary-19fe20"
    for arguments in (["db", "migrate", "--api-key", canary], ["late", f"--password={canary}"]):
        run(home, framework, "observe", *arguments)
    assert len(home.events("spec", "end")) == 2
    assert canary.encode() not in kept_bytes(home)
