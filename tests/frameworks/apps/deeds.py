"""What the commands of the one tool do that is written in each framework: see `test_contract`."""

import os
import subprocess
import sys
import time
from typing import Any

import tooltrail

MODE = os.environ.get("SPEC_MODE", "bare")  # or `observe`, `envelope`
HOW = {"tool": "spec", "version": "9.9", "envelope": MODE == "envelope"}


def deploy(env: str, replicas: int, force: bool, token: str | None) -> dict[str, Any]:
    """Print what is done, to both streams, and return what came of it."""
    print(f"deploying to {env}: {replicas}, {force}, {bool(token)}")
    print("a warning", file=sys.stderr)
    return {"env": env, "replicas": replicas}


def migrate(steps: int) -> dict[str, Any]:
    """Do something in a nested command."""
    print(f"migrating {steps}")
    return {"steps": steps}


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
    print("ready", flush=True)
    time.sleep(30)


def flood() -> None:
    """Print until nobody listens."""
    while True:
        print("x" * 4000)


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
