"""What the commands of the one tool do that is written in each framework: see `test_contract`."""

import datetime
import enum
import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import tooltrail

MODE = os.environ.get("SPEC_MODE", "bare")  # or `observe`, `envelope`
HOW = {"tool": "spec", "version": "9.9", "envelope": MODE == "envelope"}
OWN = bool(os.environ.get("SPEC_OWN"))  # the author has an `--output` and an `audit-log`, too


class Color(enum.Enum):
    """Names and values are the same: frameworks differ in which of them is typed."""

    red = "red"
    blue = "blue"


def deploy(
    env: str, replicas: int, force: bool, token: str | None, output: Any = None
) -> dict[str, Any]:
    """Print what is done, to both streams, and return what came of it."""
    print(f"deploying to {env}: {replicas}, {force}, {bool(token)}")
    print("a warning", file=sys.stderr)
    if OWN:
        print(f"to {output}")
    return {"env": env, "replicas": replicas}


def migrate(steps: int) -> dict[str, Any]:
    """Do something in a nested command."""
    print(f"migrating {steps}")
    return {"steps": steps}


def types(**given: Any) -> None:
    """Take each kind of value, and show what the framework made of it."""
    print(sorted((name, repr(value)) for name, value in given.items()))


def give(what: str) -> Any:
    """Return something, of a kind that JSON holds, or not."""
    print("giving")
    cycle: list[Any] = [1]
    cycle.append(cycle)
    kinds = {
        "object": {"a": [1, {"b": None}], "c": True},
        "list": [1, "two", None],
        "text": "words",
        "nothing": None,
        "odd": {
            "when": datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC),
            "where": Path("/srv"),
            "much": float("nan"),
            "some": {3, 1, 2},
            "raw": b"\xff",
            "color": Color.red,
        },
        "cycle": cycle,
        "lazy": (number for number in range(3)),
    }
    return kinds[what]


def ask(password: str | None = None) -> None:
    """Ask for a secret, unless the framework did so."""
    password = getpass.getpass("Password: ") if password is None else password
    print(f"got {len(password)} characters")


def own_log() -> None:
    """Be the author's own `audit-log`."""
    print("the author's own log")


def late(times: int) -> dict[str, Any]:
    """Be a command that comes from a plugin."""
    print(f"late, {times} times")
    return {"times": times}


def crash() -> None:
    """Fail by an exception that nobody catches."""
    raise RuntimeError("the disk is made of cheese")


def leave(how: str) -> None:
    """End by `sys.exit`, with whatever."""
    sys.exit(
        {"none": None, "text": "sorry", "big": 300}.get(how)
        if how[0] not in "0123456789"
        else int(how)
    )


def refuse() -> None:
    """Fail as tooltrail has an author fail; without it, by an ordinary exit."""
    if MODE == "bare":
        sys.exit(4)
    raise tooltrail.CommandError("no such release", code="NO_RELEASE", exit_code=4, hint="see list")


def slow() -> None:
    """Say that it runs, and go on until a signal comes."""
    Path(os.environ["CHILD_SAID"]).write_text("ready")
    time.sleep(30)


def flood() -> None:
    """Print until nobody listens."""
    while True:
        print("x" * 4000, flush=True)  # a pipe takes that whole, or not at all


def child() -> None:
    """Tell what a child is told."""
    code = "import os; print('parent', os.environ.get('TOOL_PARENT_REQUEST_ID', 'none'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    with open(os.environ["CHILD_SAID"], "w") as file:
        file.write(done.stdout)


def jump() -> None:
    """End without a goodbye."""
    sys.stdout.flush()
    os._exit(6)


PLAIN = (crash, refuse, slow, flood, child, jump)  # without parameters
