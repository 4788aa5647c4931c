"""The guides say what is so: their programs are run, and what they show is compared."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Home
from frameworks.tool import answer

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"
EMBED = (GUIDES / "embed.md").read_text()
PROGRAMS = dict(
    re.findall(
        r"^###? ([^\n]+)\n(?:(?!^##).)*?<!-- deployctl.py -->\n```python\n(.*?)```",
        EMBED,
        re.DOTALL | re.MULTILINE,
    )
)
DATA = {"env": "prod"}


def bare(program: str) -> str:
    """Return a program without the two lines."""
    lines = [line for line in program.splitlines() if "instrument" not in line]
    assert len(lines) == len(program.splitlines()) - 2
    return "\n".join(lines)


def observed(program: str) -> str:
    """Return a program as the guide says how it is only observed."""
    assert ", envelope=True" in program
    return program.replace(", envelope=True", "")


def deployctl(home: Home, program: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a program under the name that the guide gives it."""
    script = home.path / "deployctl.py"
    script.write_text(program)
    return home.run(PYTHON, script, *arguments, text=False)  # type: ignore[return-value]


def test_there_is_a_program_for_each_framework() -> None:
    """None was forgotten, and the search above found them all."""
    assert list(PROGRAMS) == [
        "Click, rich-click", "Typer", "Cyclopts", "argparse", "optparse", "Fire", "Nothing",
    ]  # fmt: skip
    assert EMBED.count("```python") == len(PROGRAMS)


@pytest.mark.parametrize("title", PROGRAMS)
def test_two_lines_record_a_program_and_change_nothing(home: Home, title: str) -> None:
    """Without them and with them: the same bytes; and an entry with what was given."""
    program = PROGRAMS[title]
    for arguments in (["deploy", "prod"], ["deploy", "prod", "--replicas", "5"], ["deploy"]):
        wanted, done = [
            deployctl(home, each, *arguments) for each in (bare(program), observed(program))
        ]
        strip = os.linesep.encode()
        assert done.stdout == wanted.stdout
        assert done.returncode == wanted.returncode
        if b"Traceback" not in wanted.stderr:  # whose line numbers differ by two
            assert done.stderr.rstrip(strip) == wanted.stderr.rstrip(strip)
    first = home.events("deployctl", "end")[0]
    assert (first["exit_code"], first["outcome"]) == (0, "success")
    if title == "Nothing":
        assert first["params"] == {"argv": ["deploy", "prod"]}
    else:
        assert first["params"]["replicas"] == 3
    if title not in ("Nothing", "optparse"):
        assert (first["command"], first["params"]["env"]) == ("deploy", "prod")


@pytest.mark.parametrize("title", PROGRAMS)
def test_the_same_lines_make_it_answer(home: Home, title: str) -> None:
    """With `envelope=True`: data, errors, and the log as a command."""
    program = PROGRAMS[title]
    assert answer(deployctl(home, program, "deploy", "prod"))["data"] == DATA
    failed = deployctl(home, program, "deploy")
    if b"Traceback" not in failed.stderr:
        assert answer(failed)["error"]["code"]
    assert failed.returncode != 0
    if title not in ("Nothing", "optparse"):
        listed = deployctl(home, program, "audit-log", "--failed", "--output", "jsonl")
        (entry,) = listed.stdout.splitlines()
        assert json.loads(entry)["exit_code"] == failed.returncode


def sessions(marker: str) -> list[tuple[str, str]]:
    """Return the commands of the console block behind a text, each with what it prints."""
    block = EMBED.partition(marker)[2].partition("```console\n")[2].partition("```")[0]
    pairs = [part.partition("\n") for part in block.split("$ ")[1:]]
    assert pairs
    return [(command, shown) for command, _, shown in pairs]


def stable(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response without what is another in each call."""
    meta = dict(response["meta"])
    for name in ("request_id", "duration_ms", "timestamp", "receipt"):
        assert meta.pop(name) is not None
    return {**response, "meta": meta}


@pytest.mark.parametrize("mode", ["observe", "envelope"])
def test_what_the_guide_shows_is_what_comes(home: Home, mode: str) -> None:
    """Its console blocks, command by command, in a shell."""
    program, marker = PROGRAMS["Click, rich-click"], f"<!-- {mode} -->"
    if mode == "observe":
        program = observed(program)
    (home.path / "deployctl.py").write_text(program)
    path = f"{Path(PYTHON).parent}:{os.environ['PATH']}"
    for command, shown in sessions(marker):
        done = home.run("sh", "-c", command, cwd=home.path, env={"PATH": path})
        if shown.startswith("{"):
            assert stable(json.loads(done.stdout)) == stable(json.loads(shown))
        else:
            assert done.stdout == shown, done.stderr


# -- write-an-integration.md

CONTRACT = (GUIDES / "write-an-integration.md").read_text()


def code_of(name: str) -> str:
    """Return the code block that the guide gives a name."""
    found = CONTRACT.partition(f"<!-- {name} -->\n```python\n")[2].partition("```")[0]
    assert found
    return found


_PLACED = """
import pathlib, tooltrail.integrations
name = "tooltrail.integrations.minicli"
module = {"__name__": name, "__package__": "tooltrail.integrations"}
text = pathlib.Path(__file__).with_name("integration.py").read_text()
exec(compile(text, tooltrail.integrations.__path__[0] + "/minicli.py", "exec"), module)
instrument = module["instrument"]
"""  # the module as if it stood in its place


def minitool(home: Home, mode: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the guide's tool of the guide's framework, recorded by the guide's integration."""
    head = "from placed import instrument\n" if mode != "bare" else "instrument = id\n"
    tool = code_of("tool.py")
    if mode == "envelope":
        tool = tool.replace("instrument(app)", "instrument(app, envelope=True)")
    files = {"minicli.py": code_of("minicli.py"), "placed.py": _PLACED, "tool.py": head + tool}
    files["integration.py"] = code_of("integrations/minicli.py")
    for name, text in files.items():
        (home.path / name).write_text(text)
    done = home.run(PYTHON, home.path / "tool.py", *arguments, text=False)
    return done  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "outcome", "command", "data"),
    [
        (["add", "--left=2"], 0, "success", "add", {"sum": 3}),
        (["add", "--left=two"], 1, "crashed", "add", None),
        (["leave", "--code=3"], 3, "failure", "leave", None),
        (["nope"], 2, "usage_error", "minitool", None),
    ],
    ids=["success", "crash", "exit", "usage-error"],
)
def test_the_integration_in_the_guide_holds_the_contract(
    home: Home, arguments: list[str], exit_code: int, outcome: str, command: str, data: Any
) -> None:
    """As those of the package do: the same bytes in observe mode, one response in the other."""
    wanted, done = [minitool(home, mode, *arguments) for mode in ("bare", "observe")]
    assert (done.stdout, done.stderr) == (wanted.stdout, wanted.stderr)
    assert done.returncode == wanted.returncode == exit_code
    answered = minitool(home, "envelope", *arguments, "--output=json")
    assert answered.returncode == exit_code
    assert answer(answered)["data"] == data
    for end in home.events("minitool", "end"):
        assert (end["exit_code"], end["outcome"], end["command"]) == (exit_code, outcome, command)
    assert len(home.events("minitool", "begin")) == (0 if outcome == "usage_error" else 2)
    assert minitool(home, "envelope", *arguments, "--output=text").returncode == exit_code


def test_the_guide_names_what_there_is() -> None:
    """Every test file, table and function that it sends its reader to."""
    from tooltrail import integrations
    from tooltrail.integrations import _outcome, program

    here = Path(__file__).parent
    for name in ("tool.py", "test_runners.py", "test_manners.py", "test_guides.py"):
        assert f"`{name}`" in CONTRACT
        assert (here / name).exists()
    for table, file in (("LACKS", "tool.py"), ("_CALL", "test_runners.py")):
        assert table in (here / file).read_text()
    for table in ("_ENTRY", "_COMPLETIONS"):
        assert table in (here / "test_manners.py").read_text()
    for name in (
        "Settings",
        "FrameworkCall",
        "ProgramCall",
        "active",
        "program_name",
        "version_of",
    ):
        assert hasattr(integrations, name)
    for name in ("show", "choose", "forget_guess", "OUTPUT_OPTIONS", "read_the_log"):
        assert hasattr(_outcome, name)
    for name in ("arrive", "observe", "observing", "reply", "went_well", "ending"):
        assert f"`.{name}" in CONTRACT
        assert hasattr(integrations.FrameworkCall, name)
    assert hasattr(program, "framed")
