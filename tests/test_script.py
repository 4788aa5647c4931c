"""Bare scripts, `python deploy.py`: no function of theirs can be recorded, and yet they are."""

import subprocess
import sys
from typing import Any

import pytest

from auto_world import other_interpreters
from conftest import SOURCE, Home

START = """
import argparse
from tooltrail.integrations._script import prepare
from tooltrail.integrations.argparse import watch
"""
BOOT = "import os\nif os.environ.get('WATCHED'):\n    import watched\nimport argparse, sys\n"
PARSE = """
def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--level", type=int, default=3)
    return parser.parse_args()
"""
# What a script does, its exit code, and whether Python 3.11 leaves us a way to know that.
WAYS: dict[str, tuple[str, int, bool]] = {
    "ends": ("parse()", 0, True),
    "exits with main": ("def main():\n    parse()\n    return 3\nsys.exit(main())", 3, True),
    "exits deep": ("def main():\n    sys.exit(3)\nparse()\nmain()", 3, True),
    "exits with a text": ("parse()\nsys.exit('sorry')", 1, True),
    "exits with much": ("parse()\nsys.exit(300)", 44, True),
    "exits with nothing": ("parse()\nsys.exit()", 0, True),
    "exits in a block": ("parse()\nwith open(__file__):\n    sys.exit(2)", 2, True),
    "exits by finally": ("parse()\ntry:\n    sys.exit(2)\nfinally:\n    print()", 2, True),
    "exits by exit": ("parse()\nexit(4)", 4, True),
    "exits in a task": (
        "import asyncio\nasync def main():\n    parse()\n    sys.exit(6)\nasyncio.run(main())",
        6,
        True,
    ),
    "exits by os": ("import os\nparse()\nos._exit(9)", 9, True),
    "exits in a thread": (
        "import threading\nparse()\none = threading.Thread(target=lambda: sys.exit(4))\n"
        "one.start()\none.join()",
        0,
        True,
    ),
    "exits in a child": (
        "import os\nparse()\nif not os.fork():\n    sys.exit(5)\nos.wait()",
        0,
        True,
    ),
    "swallows": ("parse()\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass", 0, True),
    "changes": (
        "parse()\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    raise SystemExit(9)",
        9,
        True,
    ),
    "crashes": ("parse()\n1 / 0", 1, True),
    "swallows and crashes": (
        "parse()\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass\n1 / 0",
        1,
        True,
    ),
    "crashes by a hook": ("parse()\nsys.excepthook = lambda *a: print('mine')\n1 / 0", 1, True),
    "raises": ("def main():\n    parse()\n    return 6\nraise SystemExit(main())", 6, False),
    "raises deep": ("def main():\n    raise SystemExit(6)\nparse()\nmain()", 6, False),
    "swallows and raises": (
        "parse()\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass\nraise SystemExit(7)",
        7,
        False,
    ),
    "swallows and raises in one call": (
        "parse()\ndef main():\n    try: sys.exit(3)\n    except SystemExit: pass\n"
        "    raise SystemExit(7)\nsys.exit(main())",
        7,
        False,
    ),
    "traces": ("parse()\nsys.settrace(lambda *a: None)\nsys.exit(3)", 3, False),
    "names exit before": ("from sys import exit as bye\nparse()\nbye(5)", 5, True),
}


def run(home: Home, body: str, *arguments: str, python: str = sys.executable, **more: str) -> Any:
    """Run a script bare and watched; hold the two against each other."""
    (home.path / "watched.py").write_text(START + "watch()\nprepare()\n")
    script = home.path / "tool.py"
    script.write_text(BOOT + PARSE + body + "\n")
    env = {"PYTHONPATH": f"{SOURCE.parent}:{home.path}", **more}
    bare = home.run(python, script, *arguments, env=env)
    done = home.run(python, script, *arguments, env={**env, "WATCHED": "1"})
    assert (done.returncode, done.stdout) == (bare.returncode, bare.stdout)
    assert done.stderr == bare.stderr
    return done


def pythons() -> list[str]:
    """Return the interpreters that are here: this one, and others that can record."""
    others = [path for path, version in other_interpreters() if version >= (3, 11)]
    return [sys.executable, *others]


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("way", WAYS)
def test_the_exit_code_is_right_or_said_to_be_unknown(home: Home, way: str, python: str) -> None:
    """Whatever the script does with its exits; its output and its traceback are unchanged."""
    body, code, known_by_old = WAYS[way]
    done = run(home, body, python=python)
    assert done.returncode == code
    (end,) = home.events("tool", "end")
    asked = [python, "-c", "import sys; print(hasattr(sys, 'monitoring'))"]
    has_events = subprocess.run(asked, capture_output=True, check=True).stdout == b"True\n"
    if has_events or known_by_old:
        assert end["exit_code"] == code
    else:
        assert (end["exit_code"], end["outcome"]) == (None, "unknown")
        assert [warning["code"] for warning in end["warnings"]] == ["EXIT_CODE_UNKNOWN"]


def test_a_hook_for_crashes_that_exits_by_itself_leaves_the_exit_code_unknown(home: Home) -> None:
    """The interpreter asks the hook, and nobody else hears what it answered."""
    body = "parse()\ndef hook(*a):\n    sys.exit(5)\nsys.excepthook = hook\n1 / 0"
    assert run(home, body).returncode == 5
    assert home.end("tool")["exit_code"] is None


def test_a_script_is_recorded_with_the_params_of_its_parser(home: Home) -> None:
    """It begins when the command line is understood."""
    run(home, "parse()", "--level", "7")
    (begin,) = home.events("tool", "begin")
    assert (begin["command"], begin["params"]) == ("tool", {"level": 7})


@pytest.mark.parametrize(
    ("arguments", "code", "outcome"),
    [(["--level", "x"], 2, "usage_error"), (["--help"], 0, "success")],
)
def test_what_the_parser_ends_is_an_end_alone(
    home: Home, arguments: list[str], code: int, outcome: str
) -> None:
    """A usage error, or the help."""
    run(home, "parse()", *arguments)
    end = home.end("tool")
    assert (end["exit_code"], end["outcome"]) == (code, outcome)
    assert not home.events("tool", "begin")


def test_a_crash_inside_the_parser_shows_no_frame_of_ours(home: Home) -> None:
    """A function that the author gave as `type` raises something that argparse does not catch."""
    body = """
def level(text): raise RuntimeError("boom")
parser = argparse.ArgumentParser()
parser.add_argument("level", type=level)
parser.parse_args()
"""
    assert "boom" in run(home, body, "3").stderr
    assert home.end("tool")["outcome"] == "crashed"


def test_what_the_scripts_frames_hold_is_gone_when_it_was(home: Home) -> None:
    """No exception is kept until the process ends: handlers at exit come after its frames."""
    body = """
import atexit
class Held:
    def __del__(self): print("gone")
def main():
    held = Held()
    sys.exit(2)
parse()
atexit.register(lambda: print("at exit"))
main()
"""
    assert run(home, body).stdout == "gone\nat exit\n"


def test_a_swallowed_exit_leaves_no_trace_function_behind(home: Home) -> None:
    """In Python 3.11 one is there while an exit is on its way."""
    body = """
parse()
def swallow():
    try:
        sys.exit(3)
    except SystemExit:
        pass
for _ in range(1000):
    swallow()
print(sys.gettrace())
"""
    assert run(home, body).stdout == "None\n"


def test_a_shell_that_asks_for_completions_makes_no_entry(home: Home) -> None:
    """argcomplete calls the script with `_ARGCOMPLETE`."""
    run(home, "parse()", _ARGCOMPLETE="1")
    assert not home.data.exists()


def test_an_optparse_script_is_recorded_as_well(home: Home) -> None:
    """The call of a script is the same, whichever parser it uses."""
    body = """
if os.environ.get("WATCHED"):
    from tooltrail.integrations.optparse import watch
    watch()
import optparse
parser = optparse.OptionParser()
parser.add_option("-n", type="int")
parser.parse_args()
sys.exit(4)
"""
    run(home, body, "-n", "5", "bob")
    end = home.end("tool")
    assert (end["params"], end["exit_code"]) == ({"n": 5, "args": ["bob"]}, 4)
