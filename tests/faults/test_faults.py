"""The small run of the proof by fault: the same code as the big one, in a few seconds."""

import subprocess
from pathlib import Path

import pytest

from conftest import PYTHON, Home

from .checker import Check
from .mishaps import MISHAPS
from .site import TESTS

# Those that cost whole seconds are tried in the big run alone.
QUICK = [mishap.name for mishap in MISHAPS if not mishap.slow]
SEED = "20261122"


def held(home: Home, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a part in a process of its own: it forks, and a test runner has threads."""
    done = home.run(
        PYTHON, "-m", "faults", *arguments, "--seed", SEED, cwd=TESTS, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("part", ["storm", "births", "clocks"])
def test_calls_that_are_killed_leave_a_log_that_holds(home: Home, part: str) -> None:
    """What was acknowledged is there, what was not is resolved, and the chain is whole."""
    root = str(home.path / "faults")
    held(home, part, "--calls", "300", "--processes", "8", "--logs", "15", "--root", root)


@pytest.mark.parametrize("name", QUICK)
def test_a_tool_runs_on_where_its_log_cannot(home: Home, name: str) -> None:
    """Its exit code and output are its own, it says so once, and what was lost is counted."""
    done = held(home, "places", "--fault", name, "--driver", "invocation")
    if "skipped: " in done.stdout:
        pytest.skip(done.stdout.rpartition("skipped: ")[2].partition("\n")[0])


def test_the_checker_is_not_blind(home: Home) -> None:
    """It finds an edit, a gap, a swap, a line that came back, and a cut in the middle."""
    held(home, "clocks", "--calls", "64", "--processes", "2", "--root", str(home.path))
    log = home.path / "clocks" / ".local" / "share" / "clockctl" / "audit.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    assert not Check(log).problems
    for name, changed in {
        "edit": [*lines[:4], lines[4].replace(b'"tool":', b'"toOl":', 1), *lines[5:]],
        "gap": [*lines[:4], *lines[5:]],
        "swap": [*lines[:4], lines[5], lines[4], *lines[6:]],
        "twice": [*lines[:4], lines[4], *lines[4:]],
        "cut": [*lines[:4], lines[4][:90] + b"\n", *lines[5:]],
    }.items():
        assert problems_of(home.path / name, changed), name


def problems_of(folder: Path, lines: "list[bytes]") -> list[object]:
    """Return what the checker finds in a log of these lines."""
    folder.mkdir()
    log = folder / "audit.jsonl"
    log.write_bytes(b"".join(lines))
    check = Check(log)
    return [*check.problems, *check.unmarked]
