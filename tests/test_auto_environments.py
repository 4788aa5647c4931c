"""`tooltrail instrument`: an environment whose CLIs record themselves for good."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auto_world import World, install, make, other_interpreters, wheel_of, world_in
from conftest import SOURCE, Home

OLD = [path for path, version in other_interpreters() if (3, 3) < version < (3, 11)][:1]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The environment that the tools are in."""
    return world_in(tmp_path_factory.getbasetemp())


@pytest.fixture
def world(shared: World) -> "Any":
    """The environment; whatever was enabled in it is taken back."""
    yield shared
    for path in (*shared.site.glob("*tooltrail*"), *shared.site.glob("__pycache__/_tooltrail*")):
        path.unlink()


def instrument(home: Home, action: str, world: World | Path, exit_code: int = 0) -> dict[str, Any]:
    """Run the verb; return its response."""
    path = world.path if isinstance(world, World) else world
    done = home.tooltrail("instrument", action, "--venv", str(path), "--output", "json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == exit_code, answer
    return answer


def recorded(home: Home, world: World) -> bool:
    """Tell whether a tool of the environment records itself."""
    before = len(home.events("tool-plain", "end"))
    home.run(world.tool("tool-plain"))
    return len(home.events("tool-plain", "end")) > before


def test_an_enabled_environment_records_its_tools(home: Home, world: World) -> None:
    """Output and exit codes stay what they were; there is no wrapper and no variable."""
    cases = (["tool-plain", "exit7"], ["tool-plain", "crash"], ["tool-plain", "look"])
    cases = (*cases, ["tool-click", "greet", "bob"], ["tool-click", "--help"])
    before = [home.run(world.tool(tool), *arguments) for tool, *arguments in cases]
    assert instrument(home, "enable", world)["data"]["changed"]
    for case, bare in zip(cases, before, strict=True):
        done = home.run(world.tool(case[0]), *case[1:])
        assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
        assert done.returncode == bare.returncode
    assert [end["exit_code"] for end in home.events("tool-plain", "end")] == [7, 1, 0]
    (greeted, _) = home.events("tool-click", "end")
    assert (greeted["command"], greeted["parent_request_id"]) == ("greet", None)


def test_disabling_leaves_nothing_behind(home: Home, world: World) -> None:
    """Every file is what it was before, and no other one is there."""
    home.run(world.tool("tool-plain"))  # so that its bytecode is there
    before = world.listing()
    instrument(home, "enable", world)
    home.run(world.tool("tool-plain"))
    home.run(world.python, "-c", "import _tooltrail_instrument")
    assert world.listing() != before
    assert instrument(home, "disable", world)["data"]["changed"]
    assert world.listing() == before
    assert not instrument(home, "disable", world)["data"]["changed"]
    assert not recorded(home, world)


def test_enabling_again_changes_nothing(home: Home, world: World) -> None:
    """The files stay as they are."""
    instrument(home, "enable", world)
    before = world.listing()
    assert not instrument(home, "enable", world)["data"]["changed"]
    assert world.listing() == before


def test_isolated_interpreters_are_reached_too(home: Home, world: World) -> None:
    """Unlike variables, the files are read with `-I` and `-E`; with `-S` nothing is."""
    instrument(home, "enable", world)
    script = world.tool("tool-plain")
    for switches, reached in ((["-I"], 1), (["-E", "-s"], 2), (["-S"], 2), (["-P"], 3)):
        home.run(world.python, *switches, script)
        assert len(home.events("tool-plain", "end")) == reached, switches


def test_what_is_no_cli_loads_nothing_of_ours(home: Home, world: World) -> None:
    """`-c` and stdin pay for one comparison; the path is as it was."""
    code = "import sys; print(sys.path, sorted(sys.modules))"
    bare = home.run(world.python, "-c", code).stdout
    instrument(home, "enable", world)
    assert home.run(world.python, "-c", code).stdout == bare
    assert "tooltrail" not in home.run(world.python, "-", input=code).stdout


def test_both_ways_in_make_one_entry(home: Home, world: World) -> None:
    """An enabled environment below `run --instrument`."""
    instrument(home, "enable", world)
    home.tooltrail("run", "--instrument", "--", world.tool("tool-plain"))
    assert len(home.events("tool-plain", "end")) == 1
    seen = home.events("tooltrail", "end")[-1]["child"]["instrument"]
    assert (seen["processes"], seen["recorded"], seen["blind"]) == (1, 1, [])


def test_upgrading_a_tool_changes_nothing(home: Home, world: World, tmp_path: Path) -> None:
    """pip writes the script anew, and the new function is recorded."""
    instrument(home, "enable", world)
    for version in ("first", "second"):
        module = f"def main():\n    print('{version}')\n"
        wheel = wheel_of(tmp_path / version, "upgraded", {"upgraded.py": module},
                         {"tool-upgraded": "upgraded:main"})  # fmt: skip
        install(world, wheel)
        shutil.rmtree(world.site / "__pycache__", ignore_errors=True)
        assert home.run(world.tool("tool-upgraded")).stdout == f"{version}\n"
    assert len(home.events("tool-upgraded", "end")) == 2


def test_a_tooltrail_that_was_removed_harms_nobody(
    home: Home, world: World, tmp_path: Path
) -> None:
    """Whole or half-way: tools and interpreter stay silent, and status tells."""
    copy = tmp_path / "elsewhere" / "tooltrail"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    enable = "from tooltrail.cli import main; main()"
    arguments = ["instrument", "enable", "--venv", str(world.path), "--output", "json"]
    done = home.run(sys.executable, "-c", enable, *arguments, env={"PYTHONPATH": str(copy.parent)})
    assert done.returncode == 0, done.stderr
    assert recorded(home, world)
    bare = home.run(world.tool("tool-plain"), "exit7", env={"TOOLTRAIL_LEVEL": "none"})
    for gone in ("integrations", "auto/frame.py", "auto/startup.py", "auto", "."):
        path = copy / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        done = home.run(world.tool("tool-plain"), "exit7")
        assert (done.stdout, done.returncode) == (bare.stdout, bare.returncode)
        assert home.run(world.python, "-c", "print(1)").stderr == ""
    assert done.stderr == bare.stderr  # all of it gone: not a word
    answer = instrument(home, "status", world, 1)
    assert answer["error"]["code"] == "BROKEN"
    assert str(copy) in answer["error"]["message"]
    assert instrument(home, "enable", world)["data"]["state"] == "on"
    assert recorded(home, world)


def test_any_one_module_of_ours_may_be_missing(home: Home, world: World, tmp_path: Path) -> None:
    """An installation that was cut short: each tool ends as it would, with what it prints."""
    copy = tmp_path / "elsewhere" / "tooltrail"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    enable = "from tooltrail.cli import main; main()"
    arguments = ["instrument", "enable", "--venv", str(world.path), "--output", "json"]
    env = {"PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    assert home.run(sys.executable, "-c", enable, *arguments, env=env).returncode == 0
    command = [world.tool("tool-argparse"), "--nonsense"]
    whole = home.run(*command, env=env)
    assert whole.returncode == 2
    folders = ("", "auto", "integrations", "settings", "trail")
    modules = [path for folder in folders for path in sorted((copy / folder).glob("*.py"))]
    assert len(modules) > 80
    for module in modules:
        aside = module.rename(module.with_suffix(".gone"))
        done = home.run(*command, env=env)
        aside.rename(module)
        assert (done.returncode, done.stdout) == (2, whole.stdout), module
        others = [line for line in done.stderr.splitlines() if not line.startswith("tooltrail: ")]
        assert others == whole.stderr.splitlines(), module
    shutil.rmtree(home.data)  # what half of us wrote is as it may be


@pytest.mark.parametrize(
    "name", ["tooltrail_instrument.pth", "tooltrail_instrument.start", "_tooltrail_instrument.py"]
)
def test_a_start_up_file_that_vanished_is_told(home: Home, world: World, name: str) -> None:
    """Nothing breaks, status says which, and both verbs mend it."""
    instrument(home, "enable", world)
    (world.site / name).unlink()
    assert home.run(world.tool("tool-plain"), "exit7").returncode == 7
    answer = instrument(home, "status", world, 1)
    assert answer["data"]["state"] == "broken"
    assert name in answer["data"]["problem"]
    assert instrument(home, "enable", world)["data"]["state"] == "on"
    (world.site / name).unlink()
    assert instrument(home, "disable", world)["data"]["state"] == "off"


def test_files_of_another_version_are_told_and_replaced(home: Home, world: World) -> None:
    """An upgrade of tooltrail may need other ones."""
    instrument(home, "enable", world)
    file = world.site / "tooltrail_instrument.pth"
    file.write_text(file.read_text() + "# of another version\n")
    assert "enable it again" in instrument(home, "status", world, 1)["data"]["problem"]
    assert instrument(home, "enable", world)["data"]["changed"]
    assert instrument(home, "status", world)["data"]["state"] == "on"


def test_the_start_file_names_what_later_pythons_call(home: Home, world: World) -> None:
    """PEP 829: a module and a callable without arguments, in place of the line in the .pth."""
    instrument(home, "enable", world)
    assert (world.site / "tooltrail_instrument.start").read_text() == (
        "_tooltrail_instrument:start\n"
    )
    (world.site / "tooltrail_instrument.pth").write_text("")
    as_site_does = "import pkgutil; pkgutil.resolve_name('_tooltrail_instrument:start')()"
    (world.site / "zz_tooltrail_as_later.pth").write_text(as_site_does + "\n")
    assert recorded(home, world)


def test_status_tells_which_clis_there_are(home: Home, world: World) -> None:
    """And what each is written with, without running any of them."""
    data = instrument(home, "status", world)["data"]
    found = {cli["name"]: cli["framework"] for cli in data["clis"]}
    assert found["tool-click"] == "click"
    assert found["tool-typer"] == "typer"
    assert found["tool-cyclopts"] == "cyclopts"
    assert found["tool-optparse"] in ("argparse", "fire", "optparse")  # one module has all three
    assert data["state"] == "off"
    shown = home.tooltrail("instrument", "status", "--venv", str(world.path), "--output", "table")
    assert "tool-typer" in shown.stdout


def test_the_active_environment_is_meant_where_none_is_named(home: Home, world: World) -> None:
    """Never the one that tooltrail itself runs in."""
    active = {"VIRTUAL_ENV": str(world.path)}
    done = home.tooltrail("instrument", "status", "--output", "json", env=active)
    assert json.loads(done.stdout)["data"]["venv"] == str(world.path)
    refused = home.tooltrail("instrument", "enable", "--output", "table")
    assert refused.returncode == 2
    assert "no environment is active" in refused.stderr


def test_what_is_no_environment_is_refused(home: Home, tmp_path: Path) -> None:
    """With the reason, and before anything is written."""
    base = Path(sys.base_prefix)
    for path, words in (
        (tmp_path / "nowhere", "there is no such folder"),
        (tmp_path, "is no virtual environment"),
        (base, "is no virtual environment"),
    ):
        answer = instrument(home, "enable", path, 2)
        assert words in answer["error"]["message"]
        assert answer["error"]["hint"]


def test_a_broken_environment_is_refused(home: Home, tmp_path: Path) -> None:
    """Its interpreter is gone, or it was moved."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "made"], check=True)
    (tmp_path / "copied").mkdir()
    shutil.copy(tmp_path / "made" / "pyvenv.cfg", tmp_path / "copied")
    (tmp_path / "copied" / "bin").mkdir()
    (tmp_path / "copied" / "bin" / "python").symlink_to("/nonexistent/python")
    answer = instrument(home, "enable", tmp_path / "copied", 1)
    assert "does not run" in answer["error"]["message"]


def test_an_environment_whose_python_is_gone_can_be_disabled(home: Home, tmp_path: Path) -> None:
    """Nobody is asked: the files are found where they are."""
    made = make(tmp_path / "made")
    before = made.listing()
    instrument(home, "enable", made)
    target = made.python.readlink()
    made.python.unlink()
    instrument(home, "disable", made)
    made.python.symlink_to(target)
    assert made.listing() == before


def test_an_environment_that_got_another_python_is_told(home: Home, world: World) -> None:
    """`python -m venv --upgrade` leaves the old folder of packages: enabling clears it."""
    site, old = world.site, world.path / "lib" / "python3.99" / "site-packages"
    old.mkdir(parents=True)
    instrument(home, "enable", world)
    for file in site.glob("*tooltrail_instrument*"):
        file.rename(old / file.name)
    answer = instrument(home, "status", world, 1)
    assert "another Python" in answer["data"]["problem"]
    assert instrument(home, "enable", world)["data"]["state"] == "on"
    assert list(old.iterdir()) == []
    shutil.rmtree(old.parent)


@pytest.mark.parametrize("python", OLD)
def test_an_environment_that_is_too_old_is_refused(home: Home, tmp_path: Path, python: str) -> None:
    """Recording needs 3.11; wrapping needs nothing."""
    subprocess.run([python, "-m", "venv", "--without-pip", tmp_path / "old"], check=True)
    answer = instrument(home, "enable", tmp_path / "old", 1)
    assert "needs 3.11" in answer["error"]["message"]
    assert not list((tmp_path / "old").rglob("*tooltrail*"))


def test_a_folder_that_cannot_be_written_is_refused(home: Home, tmp_path: Path) -> None:
    """And nothing is left half-way."""
    made = make(tmp_path / "made")
    (made.site / "tooltrail_instrument.start").mkdir()  # in the way of a file
    answer = instrument(home, "enable", made, 1)
    assert "tooltrail_instrument.start" in answer["error"]["message"]
    assert not list(made.site.glob("*.unfinished"))
    assert not (made.site / "tooltrail_instrument.pth").exists()


def test_many_at_once_leave_one_or_the_other(home: Home, world: World) -> None:
    """Enabling and disabling together: at the end it is on or off, and never between."""
    before = world.listing()
    verbs = ["enable", "disable"] * 4
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tooltrail", "instrument", verb, "--venv", str(world.path)],
            stdout=subprocess.DEVNULL,
            env=home.environment(),
        )
        for verb in verbs
    ]
    assert {process.wait(60) for process in running} <= {0, 1}  # 1: looked while another changed
    assert instrument(home, "status", world)["data"]["state"] in ("on", "off")
    instrument(home, "disable", world)
    assert world.listing() == before


def test_a_process_that_was_killed_while_writing_leaves_nothing_for_good(
    home: Home, world: World
) -> None:
    """What it had begun to write goes with `disable`."""
    before = world.listing()
    (world.site / "tooltrail_instrument.pth.4711.unfinished").write_text("half")
    instrument(home, "disable", world)
    assert world.listing() == before


def test_bytecode_is_not_asked_of_the_environment(home: Home, world: World) -> None:
    """With PYTHONDONTWRITEBYTECODE and a read-only cache it works the same."""
    instrument(home, "enable", world)
    before = world.listing()
    done = home.run(world.tool("tool-plain"), env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0
    assert world.listing() == before
    assert os.path.exists(home.log("tool-plain"))
