"""What a run with `--instrument` could not see, it says."""

from pathlib import Path
from typing import Any

import pytest

from auto_world import SITE, World, make, other_interpreters, world_in
from conftest import TOOLTRAIL, Home

RUN = (TOOLTRAIL, "run", "--instrument", "--")
OLD = [found for found in other_interpreters() if found[1] < (3, 11)]
NEW = [found for found in other_interpreters() if found[1] >= (3, 11)]


def version(found: tuple[str, tuple[int, int]]) -> str:
    """Name an interpreter by its version."""
    return ".".join(map(str, found[1]))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The environment that the tools are in."""
    return world_in(tmp_path_factory.getbasetemp())


def seen(home: Home, *command: str | Path, **options: Any) -> dict[str, Any]:
    """Run a command under the wrapper; return what that says of the processes below it."""
    done = home.run(*RUN, *command, **options)
    assert done.returncode == 0, done.stderr
    (*_, end) = home.events("tooltrail", "end")
    report: dict[str, Any] = end["child"]["instrument"]
    return report


@pytest.mark.parametrize("found", OLD, ids=version)
def test_an_interpreter_that_is_too_old_is_left_alone_and_counted(
    home: Home, tmp_path: Path, found: tuple[str, tuple[int, int]]
) -> None:
    """Its output, path and own sitecustomize are what they were."""
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['SEEN'] = 'yes'\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\nprint([p for p in sys.path if 'auto' in p])\nprint(os.environ['SEEN'])\n"
    )
    bare = home.run(found[0], script, env={"PYTHONPATH": str(tmp_path)})
    done = home.run(found[0], script, env={"PYTHONPATH": f"{SITE}:{tmp_path}"})
    assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
    assert done.returncode == bare.returncode == 0
    report = seen(home, "sh", "-c", f"{found[0]} -c 'print(1)'; {found[0]} -c 'print(2)'")
    assert report["blind"] == [{"reason": "too_old", "version": version(found), "processes": 2}]
    assert report["interpreters"] == 2
    assert report["recorded"] == 0


@pytest.mark.parametrize("found", OLD, ids=version)
def test_an_old_interpreter_without_a_sitecustomize_finds_none(
    home: Home, found: tuple[str, tuple[int, int]]
) -> None:
    """As if ours had never been there."""
    code = "import sys; print('sitecustomize' in sys.modules)"
    done = home.run(found[0], "-c", code, env={"PYTHONPATH": str(SITE)})
    assert (done.stdout, done.stderr) == (home.run(found[0], "-c", code).stdout, "")


@pytest.mark.parametrize("found", NEW, ids=version)
def test_other_versions_that_can_record_do(
    home: Home, tmp_path: Path, found: tuple[str, tuple[int, int]]
) -> None:
    """The package is read by another Python than the one that it is installed for."""
    other = make(tmp_path / "other", found[0])
    for arguments in (["exit7"], ["crash"], ["look"]):
        bare = home.run(other.tool("tool-plain"), *arguments)
        done = home.run(*RUN, other.tool("tool-plain"), *arguments)
        assert (done.stdout, done.stderr) == (bare.stdout, bare.stderr)
        assert done.returncode == bare.returncode
    assert [end["exit_code"] for end in home.events("tool-plain", "end")] == [7, 1, 0]
    done = home.run(*RUN, other.python, "-m", "tool_package", "bob")
    assert done.stdout == "hi bob\n"
    assert home.end("tool_package")["exit_code"] == 0


BLIND = {
    "-I": "isolated",
    "-E": "ignores_environment",
    "-S": "no_site",
    "-sE": "ignores_environment",
    "-Ic": "isolated",
}


@pytest.mark.parametrize("switch", BLIND)
def test_a_command_that_shuts_us_out_is_a_blind_spot(home: Home, world: World, switch: str) -> None:
    """Its arguments say so, however short it lives."""
    command = [switch] if switch.endswith("c") else [switch, "-c"]
    report = seen(home, world.python, *command, "pass")
    (spot,) = report["blind"]
    assert (spot["reason"], spot["processes"]) == (BLIND[switch], 1)
    assert (report["processes"], report["interpreters"], report["recorded"]) == (1, 1, 0)


def test_the_first_line_of_a_script_is_read(home: Home, world: World, tmp_path: Path) -> None:
    """An isolated shebang shuts us out too."""
    script = tmp_path / "isolated"
    script.write_text(f"#!{world.python} -I\nprint('there')\n")
    script.chmod(0o755)
    report = seen(home, script)
    assert [spot["reason"] for spot in report["blind"]] == ["isolated"]


def test_options_of_other_things_are_not_taken_for_ours(home: Home, world: World) -> None:
    """What stands behind `-W`, `-X`, `-c` or the script is no switch of the interpreter."""
    for command in (["-W", "ignore", "-c", "pass", "-I"], ["-X", "dev", "-c", "pass", "-E"]):
        assert seen(home, world.python, *command)["blind"] == []


def test_a_forked_worker_is_a_process_and_no_interpreter_more(home: Home, world: World) -> None:
    """Nor is what Python forks to become another program, before it does."""
    code = "import os, time; worker = os.fork(); os.wait() if worker else time.sleep(0.4)"
    report = seen(home, world.python, "-c", code)
    assert (report["processes"], report["interpreters"]) == (2, 1)


def test_interpreters_below_are_seen_while_they_run(home: Home, world: World) -> None:
    """A sample: those that live long enough are named, with the reason."""
    wait = "import time; time.sleep(0.6)"
    report = seen(
        home,
        "sh",
        "-c",
        f"{world.python} -I -c '{wait}' & env -i {world.python} -c '{wait}' & sleep 0.4; wait",
    )
    assert sorted(spot["reason"] for spot in report["blind"]) == ["environment_dropped", "isolated"]
    assert report["processes"] >= 4
    assert report["interpreters"] == 2
    assert "sleep" in report["others"] or "coreutils" in report["others"]


def test_workers_that_were_forked_are_no_blind_spots(
    home: Home, world: World, tmp_path: Path
) -> None:
    """They run what their parent runs, which told of itself."""
    script = tmp_path / "forks.py"
    script.write_text(
        "import multiprocessing, time\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('fork')\n"
        "    workers = [context.Process(target=time.sleep, args=(0.5,)) for _ in range(3)]\n"
        "    [worker.start() for worker in workers]\n"
        "    [worker.join() for worker in workers]\n"
    )
    report = seen(home, world.python, script)
    assert report["blind"] == []
    assert report["processes"] == 4


def test_a_program_that_is_not_python_is_left_alone(home: Home) -> None:
    """It is no blind spot, and it is named where it was seen."""
    report = seen(home, "sleep", "0.2")
    assert (report["blind"], report["interpreters"], report["recorded"]) == ([], 0, 0)
    assert report["others"]


def test_without_the_option_nothing_is_looked_for(home: Home, world: World) -> None:
    """The wrapper's entry is what it always was."""
    done = home.run(TOOLTRAIL, "run", "--", world.tool("tool-plain"))
    assert done.returncode == 0
    assert set(home.end("tooltrail")["child"]) == {"pid"}
    assert not home.log("tool-plain").exists()


def test_an_interpreter_that_could_not_start_us_is_counted(
    home: Home, world: World, tmp_path: Path
) -> None:
    """The environment's own tooltrail is another one, that cannot do this."""
    (tmp_path / "tooltrail").mkdir()
    (tmp_path / "tooltrail" / "__init__.py").write_text("")
    report = seen(
        home,
        *("sh", "-c", f'PYTHONPATH="$PYTHONPATH:{tmp_path}" {world.tool("tool-plain")}'),
    )
    (spot,) = report["blind"]
    assert (spot["reason"], spot["processes"]) == ("failed", 1)


def test_secrets_in_the_path_of_a_blind_spot_are_hidden(home: Home, tmp_path: Path) -> None:
    """Paths are text like any other."""
    token = "ghp_" + "a1B2c3D4" * 4 + "e5F6"
    script = tmp_path / token / "python-tool"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n/bin/true\n")
    script.chmod(0o755)
    home.run(*RUN, script, "-I")
    assert token.encode() not in home.log("tooltrail").read_bytes()
