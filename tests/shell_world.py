"""What the tests of the shells' hooks share: installing one, waiting, and a terminal."""

import os
import pty
import select
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from conftest import Home
from tooltrail import shells, userfile

T = TypeVar("T")
_PATIENCE_S = 20


def install(home: Home, name: str) -> Path:
    """Install a shell's hook into a home; return the hook's path."""
    for edit in shells.install(name, command=["tooltrail"], home=str(home.path), project=None):
        Path(edit.path).parent.mkdir(parents=True, exist_ok=True)
        userfile.apply(edit)
    return Path(shells.hook_path(name))


def until(look: Callable[[], T], good: Callable[[T], bool]) -> T:
    """Look again and again until what is seen is good; fail where it never is."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        seen = look()
        if good(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


class Terminal:
    """A program in a pseudo-terminal, to type to."""

    def __init__(self, argv: list[str], environment: dict[str, str]) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, environment)
        self.shown = b""

    def type(self, line: str, answer: str) -> str:
        """Type a line, wait until an answer is shown, and return what was shown since."""
        before = len(self.shown)
        os.write(self.fd, line.encode() + b"\n")
        deadline = time.monotonic() + _PATIENCE_S
        while answer.encode() not in self.shown[before:]:
            assert time.monotonic() < deadline, self.shown[before:]
            if select.select([self.fd], [], [], 0.1)[0]:
                self.shown += os.read(self.fd, 65_536)
        return self.shown[before:].decode(errors="replace")

    def end(self) -> int:
        """Wait for the program's end; return its exit code."""
        while True:
            try:
                if not os.read(self.fd, 65_536):
                    break
            except OSError:  # the other side is closed
                break
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
