"""`tooltrail run --instrument`: every Python CLI below it records itself, and none is changed."""

import json
import os
import signal
import subprocess
import sys
import time
import zipapp
from pathlib import Path
from typing import Any

import pytest

from auto_world import SITE, World, install, wheel_of, world_in
from conftest import SOURCE, TOOLTRAIL, Home

RUN = (TOOLTRAIL, "run", "--instrument", "--")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The environment that the tools are in."""
    return world_in(tmp_path_factory.getbasetemp())


def both(home: Home, *command: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command bare and instrumented; hold the second to the first; return it."""
    bare = home.run(*command, **options)
    seen = home.run(*RUN, *command, **options)
    assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr)
    assert seen.returncode == bare.returncode
    return seen


def wrapper(home: Home) -> dict[str, Any]:
    """Return what the last wrapper says of the processes below it."""
    (*_, end) = home.events("tooltrail", "end")
    seen: dict[str, Any] = end["child"]["instrument"]
    return seen


def test_the_tools_know_nothing_of_tooltrail(home: Home, world: World) -> None:
    """The environment of these tests has no tooltrail that could be imported."""
    asked = home.run(world.python, "-c", "import click, tooltrail")
    assert "No module named 'tooltrail'" in asked.stderr


PLAIN = {
    "": (0, "success"),
    "crash": (1, "crashed"),
    "chain": (1, "crashed"),
    "text": (1, "failure"),
    "300": (44, "failure"),
    "true": (1, "failure"),
    "false": (0, "success"),
    "negative": (255, "failure"),
    "zero": (0, "success"),
    "list": (1, "failure"),
    "empty": (1, "failure"),
    "tuple": (3 if sys.version_info >= (3, 12) else 1, "failure"),
    "talkative": (1, "failure"),
    "exit": (0, "success"),
    "exit7": (7, "failure"),
    "exittext": (1, "failure"),
    "exit300": (44, "failure"),
    "exitempty": (1, "failure"),
    "osexit": (9, "failure"),
    "interrupt": (130, "interrupted"),
}


@pytest.mark.parametrize("asked", PLAIN)
def test_a_hand_written_tool_leaves_its_arguments_and_how_it_ended(
    home: Home, world: World, asked: str
) -> None:
    """What its function returns or raises is the exit code; its bytes stay what they were."""
    exit_code, outcome = PLAIN[asked]
    both(home, world.tool("tool-plain"), asked)
    end = home.end("tool-plain")
    assert (end["exit_code"], end["outcome"]) == (exit_code, outcome)
    assert (end["params"], end["version"]) == ({"argv": [asked]}, "4.5")
    (begin,) = home.events("tool-plain", "begin")
    assert begin["params"] == {"argv": [asked]}
    assert end["parent_request_id"] == home.end("tooltrail")["request_id"]
    assert wrapper(home)["recorded"] == 1


@pytest.mark.parametrize("asked", ["kill", "term"])
def test_a_tool_that_dies_by_a_signal_leaves_its_begin(
    home: Home, world: World, asked: str
) -> None:
    """No handler of ours is in its way."""
    both(home, world.tool("tool-plain"), asked)
    assert home.events("tool-plain", "begin")
    assert not home.events("tool-plain", "end")


def test_a_tool_sees_itself_as_ever(home: Home, world: World) -> None:
    """Path, arguments, own function and its signature are those of a bare run."""
    seen = both(home, world.tool("tool-plain"), "look", env={"PYTHONPATH": "/nonexistent"})
    assert "tooltrail" not in seen.stdout.replace(str(world.path), "")


def test_warnings_name_the_caller_that_they_always_named(home: Home, world: World) -> None:
    """Whose warning it is decides whether it is shown."""
    done = both(home, world.tool("tool-plain"), "warn")
    assert "use another one" in done.stderr
    done = both(home, world.tool("tool-warns"))
    assert "do not import this" in done.stderr


@pytest.mark.parametrize("tool", ["tool-breaks", "tool-lacks"])
def test_a_tool_that_cannot_be_imported_fails_as_ever(home: Home, world: World, tool: str) -> None:
    """Its traceback is what it was; nothing was called."""
    done = both(home, world.tool(tool))
    assert "Traceback" in done.stderr
    assert not home.log(tool).exists()


CLICK = {
    ("greet", "bob"): (0, "greet", {"name": "bob", "times": 2, "passcode": None}),
    ("greet", "bob", "--times", "1"): (0, "greet", {"name": "bob", "times": 1, "passcode": None}),
    ("greet",): (2, "greet", {}),
    ("nonsense",): (2, None, {}),
    ("fail",): (1, "fail", {}),
    ("--help",): (0, None, {}),
    ("--version",): (0, None, {}),
}


@pytest.mark.parametrize("tool", ["tool-click", "tool-click-main"])
@pytest.mark.parametrize("arguments", CLICK, ids=" ".join)
def test_click_tells_command_and_params_by_name(
    home: Home, world: World, tool: str, arguments: tuple[str, ...]
) -> None:
    """Whether the entry point is the command or a function that calls it: one entry."""
    exit_code, command, params = CLICK[arguments]
    both(home, world.tool(tool), *arguments)
    end = home.end(tool)
    assert (end["exit_code"], end["command"], end["params"]) == (exit_code, command or tool, params)
    assert end["outcome"] == {0: "success", 1: "crashed", 2: "usage_error"}[exit_code]


def test_a_framework_that_is_imported_late_tells_its_params_too(home: Home, world: World) -> None:
    """The call began with its arguments; what is known later counts."""
    both(home, world.tool("tool-click-late"), "bob")
    first, second = home.events("tool-click-late", "begin")
    assert (first["params"], second["params"]) == ({"argv": ["bob"]}, {"name": "bob"})
    assert home.end("tool-click-late")["params"] == {"name": "bob"}


def test_what_a_framework_declares_secret_reaches_no_disk(home: Home, world: World) -> None:
    """Not by a good call, nor by one that cannot be parsed."""
    for tool in ("tool-click", "tool-click-main"):
        both(home, world.tool(tool), "greet", "bob", "--pass", "mellon-4711")
        both(home, world.tool(tool), "greet", "--pass", "mellon-4711", "--times", "x")
    for log in home.data.rglob("*"):
        if log.is_file() and log.parent.name != "tooltrail":  # the wrapper knows no declarations
            assert b"mellon" not in log.read_bytes()


FRAMEWORKS = {
    "tool-typer": (["greet", "bob"], ["quit", "3"], ["greet"], ["--help"]),
    "tool-cyclopts": (["greet", "bob"], ["quit", "3"], ["nonsense"], ["--help"]),
    "tool-argparse": (["bob"], ["bad"], [], ["--help"]),
    "tool-optparse": (["bob"], ["--nonsense"], ["--help"]),
    "tool-fire": (["greet", "bob"], ["nonsense"], ["--help"]),
}


@pytest.mark.parametrize("tool", FRAMEWORKS)
def test_tools_of_every_framework_stay_as_they_are(home: Home, world: World, tool: str) -> None:
    """Each call leaves one entry with the exit code that its caller saw."""
    for arguments in FRAMEWORKS[tool]:
        done = both(home, world.tool(tool), *arguments)
        (*earlier, end) = home.events(tool, "end")
        assert end["exit_code"] == done.returncode
        assert len(earlier) == FRAMEWORKS[tool].index(arguments)


def test_a_dotted_entry_point_is_recorded(home: Home, world: World) -> None:
    """`module:Class.method` is a function like another."""
    both(home, world.tool("tool-class"))
    assert home.end("tool-class")["exit_code"] == 3


@pytest.mark.parametrize("arguments", [["bob"], [], ["crash"], ["--help"]])
def test_a_module_is_recorded_by_its_name(home: Home, world: World, arguments: list[str]) -> None:
    """`python -m package`: all of it is one call."""
    done = both(home, world.python, "-m", "tool_package", *arguments)
    end = home.end("tool_package")
    assert end["exit_code"] == done.returncode
    assert end["process"]["argv"] == ["python -m tool_package", *arguments]


def test_a_module_that_is_not_there_fails_as_ever(home: Home, world: World) -> None:
    """The interpreter's own message is what it was."""
    both(home, world.python, "-m", "no_such_module")


def test_an_archive_is_recorded(home: Home, world: World, tmp_path: Path) -> None:
    """`python tool.pyz`: what it starts with is inside."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "__main__.py").write_text("import sys; print('archived'); sys.exit(6)")
    archive = tmp_path / "archived.pyz"
    zipapp.create_archive(source, archive, interpreter=str(world.python))
    both(home, archive, "x")
    end = home.end("archived.pyz")
    assert (end["exit_code"], end["params"]) == (6, {"argv": ["x"]})


NO_CLIS = {
    "-c": ["-c", "import sys; print(sys.path, 'tooltrail' in sys.modules)"],
    "stdin": ["-"],
    "script": ["script.py"],
}


@pytest.mark.parametrize("kind", NO_CLIS)
def test_what_is_no_cli_is_left_alone(home: Home, world: World, tmp_path: Path, kind: str) -> None:
    """No entry, and nothing of ours is loaded where that is plain from the start."""
    (tmp_path / "script.py").write_text("print('a script')")
    both(home, world.python, *NO_CLIS[kind], cwd=tmp_path, input="print('typed')")
    assert {path.name for path in home.data.iterdir()} == {"tooltrail"}
    assert wrapper(home) == {"processes": 1, "interpreters": 1, "recorded": 0, "blind": []}


def test_processes_of_multiprocessing_are_no_calls(home: Home, world: World) -> None:
    """A spawned worker and the tracker beside it record nothing."""
    both(home, world.tool("tool-plain"), "spawn")
    assert {path.name for path in home.data.iterdir()} == {"tooltrail", "tool-plain"}
    assert len(home.events("tool-plain", "end")) == 1
    assert wrapper(home)["interpreters"] > wrapper(home)["recorded"] == 1


def test_a_forked_child_writes_nothing_for_its_parent(home: Home, world: World) -> None:
    """It leaves the function too, and is not the call."""
    both(home, world.tool("tool-plain"), "fork")
    assert home.end("tool-plain")["exit_code"] == 0


def test_a_shell_that_asks_for_completions_is_no_call(home: Home, world: World) -> None:
    """The function is left alone then."""
    asked = {"_TOOL_CLICK_MAIN_COMPLETE": "bash_complete", "COMP_WORDS": "x g", "COMP_CWORD": "1"}
    done = both(home, world.tool("tool-click-main"), env=asked)
    assert "greet" in done.stdout
    assert not home.log("tool-click-main").exists()


def ends(home: Home, tool: str) -> dict[str, Any]:
    (end,) = home.events(tool, "end")
    return end


def test_through_shells_and_make_each_is_a_call_of_its_own(
    home: Home, world: World, tmp_path: Path
) -> None:
    """At any depth, under the call that started it."""
    (tmp_path / "Makefile").write_text(
        f"all:\n\t@{world.tool('tool-plain')} run sh -c '{world.tool('tool-argparse')} bob'\n"
    )
    both(home, "sh", "-c", "make --no-print-directory; true", cwd=tmp_path)
    outer, inner = ends(home, "tool-plain"), ends(home, "tool-argparse")
    top = home.end("tooltrail")
    assert inner["parent_request_id"] == outer["request_id"]
    assert outer["parent_request_id"] == top["request_id"]
    assert inner["trace_id"] == outer["trace_id"] == top["trace_id"]
    assert wrapper(home)["recorded"] == 2
    assert wrapper(home)["interpreters"] == 2


def test_a_tool_that_becomes_another_one_leaves_two_entries(home: Home, world: World) -> None:
    """`os.exec*`: the first is replaced, and is the parent of the second."""
    both(home, world.tool("tool-plain"), "exec")
    first, second = ends(home, "tool-plain"), ends(home, "tool-click")
    assert first["outcome"] == "replaced"
    assert second["parent_request_id"] == first["request_id"]
    assert second["process"]["pid"] == first["process"]["pid"]
    assert (second["command"], second["params"]["name"]) == ("greet", "bob")


def test_a_wrapper_below_a_wrapper_keeps_the_path_as_it_is(home: Home, world: World) -> None:
    """The folder stands in PYTHONPATH once."""
    show = ["sh", "-c", "echo $PYTHONPATH"]
    assert home.run(*RUN, *RUN, *show).stdout == f"{SITE}\n"
    kept = home.run(*RUN, *show, env={"PYTHONPATH": "/a:/b"}).stdout
    assert kept == f"{SITE}:/a:/b\n"


CUSTOM = {
    "good": "import os; os.environ['SEEN'] = 'yes'; import sys; print(sys.path, __name__)",
    "raises": "raise ValueError('mine')",
    "missing": "import no_such_module_at_all",
}


@pytest.mark.parametrize("kind", CUSTOM)
def test_a_sitecustomize_of_the_program_runs_as_ever(
    home: Home, world: World, tmp_path: Path, kind: str
) -> None:
    """Ours gives way to it, also where it fails."""
    (tmp_path / "sitecustomize.py").write_text(CUSTOM[kind])
    for command in ([world.tool("tool-plain"), "look"], [world.python, "-c", "print(1)"]):
        bare = home.run(*command, env={"PYTHONPATH": str(tmp_path)})
        seen = home.run(*command, env={"PYTHONPATH": f"{SITE}:{tmp_path}"})
        assert (seen.stdout, seen.stderr) == (bare.stdout, bare.stderr)
        assert seen.returncode == bare.returncode
    assert home.log("tool-plain").exists()


EMBEDDED = {
    "embed_block.py": """
import sys
import tooltrail

def main():
    with tooltrail.invocation("embedded", "nightly", {"a": 1}):
        print("in the block")
    return 3
""",
    "embed_main.py": """
from tooltrail.integrations.program import instrument

def main():
    print("instrumented")
    return 3
main = instrument(main, tool="embedded")
""",
    "embed_click.py": """
import click
from tooltrail.integrations.click import instrument

@click.command()
def cli():
    click.echo("instrumented")
    raise SystemExit(3)
cli = instrument(cli, tool="embedded")

def main():
    cli()
""",
}


def test_what_an_author_said_himself_wins(home: Home, tmp_path: Path) -> None:
    """A tool that embeds tooltrail leaves the entry that it always left, and no second one."""
    for file, text in EMBEDDED.items():
        (tmp_path / file).write_text(text)
        script = tmp_path / file.removesuffix(".py").replace("_", "-")
        start = f"from {file.removesuffix('.py')} import main"
        script.write_text(f"#!{sys.executable}\nimport sys\n{start}\nsys.exit(main())\n")
        script.chmod(0o755)
        before = len(home.events("embedded", "end"))
        both(home, script)
        assert len(home.events("embedded", "end")) == before + 2  # bare, and instrumented
        assert {path.name for path in home.data.iterdir()} == {"tooltrail", "embedded"}


def test_a_tooltrail_that_is_gone_half_way_harms_nobody(
    home: Home, world: World, tmp_path: Path
) -> None:
    """Whichever of its modules is missing or broken, the tool is what it was."""
    import shutil

    command = [world.tool("tool-plain"), "exit7"]
    bare = home.run(*command)
    for missing in (
        *("__init__.py", "_imports.py", "auto/startup.py", "auto/programs.py", "auto/frame.py"),
        *("integrations/__init__.py", "_invocation.py", "trail", "auto/site/sitecustomize.py"),
        *("auto/site/_tooltrail_bootstrap.py", "auto"),
    ):
        copy = tmp_path / missing.replace("/", "-") / "tooltrail"
        shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        gone = copy / missing
        if gone.is_dir():
            shutil.rmtree(gone)
        else:
            gone.unlink()
        done = home.run(*command, env={"PYTHONPATH": str(copy / "auto" / "site")})
        assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode), missing
        said = [line for line in done.stderr.splitlines() if not line.startswith("tooltrail: ")]
        assert said == bare.stderr.splitlines(), missing
        assert len(done.stderr.splitlines()) <= len(said) + 1, missing


def test_a_log_that_cannot_be_written_stops_no_tool(home: Home, world: World) -> None:
    """One line on stderr says so."""
    home.data.mkdir(parents=True)
    (home.data / "tool-plain").write_text("a file where the folder should be")
    bare = home.run(world.tool("tool-plain"), "exit7")
    done = home.run(*RUN, world.tool("tool-plain"), "exit7")
    assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode)
    (said,) = set(done.stderr.splitlines()) - set(bare.stderr.splitlines())
    assert said.startswith("tooltrail: this call is not recorded: ")


def test_what_cannot_be_recorded_is_not_run_where_the_policy_says_so(
    home: Home, world: World
) -> None:
    """Policy `closed`: no record, no action, for tools that nobody instrumented as well."""
    home.data.mkdir(parents=True)
    (home.data / "tool-plain").write_text("a file where the folder should be")
    closed = {"TOOLTRAIL_POLICY": "closed"}
    done = home.run(*RUN, world.tool("tool-plain"), "exit7", env=closed)
    assert (done.stdout, done.returncode) == ("", 125)


def test_ctrl_c_reaches_the_tool_and_is_told(home: Home, world: World, tmp_path: Path) -> None:
    """A tool that waits is interrupted as ever, and its entry says so."""
    wheel = wheel_of(
        tmp_path,
        "waits",
        {"waits.py": "import time\ndef main():\n    print('up', flush=True)\n    time.sleep(60)\n"},
        {"tool-waits": "waits:main"},
    )
    install(world, wheel)
    process = subprocess.Popen(
        [*RUN, world.tool("tool-waits")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=home.environment(),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert "tooltrail" not in stderr.replace(str(world.path), "")
    assert home.end("tool-waits")["outcome"] == "interrupted"


def test_pip_works_and_is_recorded(home: Home, world: World, tmp_path: Path) -> None:
    """It installs, and the processes that it starts for itself are left alone."""
    wheel = wheel_of(tmp_path, "another", {"another.py": ""}, {})
    there = tmp_path / "there"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    done = home.run(*RUN, *pip, "install", "--no-index", "--target", there, wheel)
    assert done.returncode == 0, done.stderr
    assert (there / "another.py").exists()
    end = home.end("pip")
    assert (end["exit_code"], end["outcome"]) == (0, "success")


def test_a_daemon_that_goes_on_is_not_waited_for(home: Home, world: World) -> None:
    """The wrapper ends with its command; what stays behind harms nothing when it ends."""
    inner = f"(sleep 1; {world.tool('tool-plain')} exit7) >/dev/null 2>&1 & echo started"
    started = time.monotonic()
    assert home.run(*RUN, "sh", "-c", inner).stdout == "started\n"
    deadline = started + 30
    while not home.events("tool-plain", "end") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert home.end("tool-plain")["exit_code"] == 7


def test_the_entry_of_the_wrapper_says_what_it_saw(home: Home, world: World) -> None:
    """Reading commands hand it on as it is."""
    home.run(*RUN, world.tool("tool-plain"), env={"TOOL_TRACE_ID": "shown"})
    shown = home.tooltrail("log", "--trace-id", "shown", "--output", "jsonl").stdout
    entries = [json.loads(line) for line in shown.splitlines()]
    (seen,) = [entry["child"] for entry in entries if "child" in entry]
    assert seen["instrument"]["recorded"] == 1
