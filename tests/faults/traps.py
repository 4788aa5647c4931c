"""Kill the process that we are in at a chosen system call: before it, after it, or half-way.

The code under test is as it is; only the functions of `os` through which it reaches the kernel
are wrapped, in a process that has not long to live.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

SYSTEM_CALLS = (
    "open", "read", "pread", "write", "close", "fstat", "stat", "link", "rename", "unlink",
    "mkdir", "chmod", "fchmod", "ftruncate", "fsync", "fdatasync", "listdir",
)  # fmt: skip
LINE, ROTATION, ANYWHERE = "line", "rotation", "anywhere"
BEFORE, AFTER, TORN = "before", "after", "torn"
_PACKAGE = f"{os.sep}tooltrail{os.sep}"
_write, _kill, _readlink = os.write, os.kill, os.readlink


def tell(fd: int, **said: Any) -> None:
    """Say something to the parent, in one write that a pipe takes whole."""
    _write(fd, (json.dumps(said) + "\n").encode())


def die() -> None:
    """End here and now, as a crash does."""
    _kill(os.getpid(), signal.SIGKILL)


class Trap:
    """Springs at the `at`-th system call that counts.

    `place` says which count: a `line` that is written to a log, what follows the first step of a
    `rotation`, or anything `anywhere`. `share` is how much of a torn write gets through.
    """

    def __init__(self, place: str, at: int, how: str, share: float, tell_fd: int) -> None:
        self.place = place
        self.left = at
        self.how = how
        self.share = share
        self.tell_fd = tell_fd
        self.rotating = False

    def set(self) -> None:
        """Wrap the system calls of this process."""
        for name in SYSTEM_CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if not self._counts(name, arguments):
                return original(*arguments, **more)
            if self.left > 0:
                self.left -= 1
                return original(*arguments, **more)
            return self._spring(name, original, arguments, more)

        return call

    def _counts(self, name: str, arguments: tuple[Any, ...]) -> bool:
        if self.place == LINE:
            return name == "write" and _log_behind(arguments[0]) is not None
        if self.place == ROTATION and not self.rotating:
            self.rotating = name == "link" or any(
                isinstance(a, str) and a.endswith(".next") for a in arguments
            )
            return self.rotating
        return True

    def _spring(
        self, name: str, original: Callable[..., Any], arguments: tuple[Any, ...], more: Any
    ) -> None:
        how = self.how
        if how == TORN and not (name == "write" and _log_behind(arguments[0])):
            how = BEFORE
        told: dict[str, Any] = {"died": f"{how} {name} in {_caller()}"}
        if how == AFTER:
            original(*arguments, **more)
        elif how == TORN:
            fd, data = arguments
            told["file"] = _log_behind(fd)
            prefix = bytes(data)[: max(1, int(len(data) * self.share))]
            original(fd, prefix)
            stump = prefix.rpartition(b"\n")[2]
            told["stump"] = sha256(stump).hexdigest() if stump else None
        tell(self.tell_fd, **told)
        die()


def _log_behind(fd: int) -> str | None:
    """Return the path of the log, registry or prepared segment that a descriptor writes to."""
    try:
        path = _readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return None
    return path if path.endswith((".jsonl", ".jsonl.next")) else None


def _caller() -> str:
    """Name the function of the package that is at work."""
    frame = sys._getframe(1)
    while frame is not None and _PACKAGE not in frame.f_code.co_filename:
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return "Python itself"
    module = os.path.basename(frame.f_code.co_filename).removesuffix(".py")
    return f"{module}.{frame.f_code.co_name}"
