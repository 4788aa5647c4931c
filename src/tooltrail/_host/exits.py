"""The ways out that run no `finally`: `os._exit` and `os.exec*`.

While a call is running they are wrapped, so that its entry is closed before the
process ends or becomes another program. All of `os.exec*` goes through
`os.execv` and `os.execve`. Code that took a reference to the originals before
the call is not seen; its call then reads as `vanished`.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_NAMES = ("_exit", "execv", "execve")


class Guard:
    """Wraps the exits between `install` and `remove`."""

    def __init__(self, on_exit: "Callable[[int], None]", on_exec: "Callable[[str], None]") -> None:
        self._on_exit = on_exit
        self._on_exec = on_exec
        self._originals: dict[str, Any] = {}
        self._ours: dict[str, Any] = {}

    def install(self) -> None:
        """Put the wrappers in place."""
        self._originals = {name: getattr(os, name) for name in _NAMES}
        self._ours = {"_exit": self._exit, "execv": self._execv, "execve": self._execve}
        for name, wrapper in self._ours.items():
            setattr(os, name, wrapper)

    def remove(self) -> None:
        """Put the originals back, but for one that somebody else has wrapped meanwhile."""
        for name, wrapper in self._ours.items():
            if getattr(os, name) == wrapper:
                setattr(os, name, self._originals[name])

    def _exit(self, status: int) -> "Any":
        self._on_exit(status)
        self._originals["_exit"](status)

    def _execv(self, path: "Any", argv: "Any") -> "Any":
        self._announce(path)
        self._originals["execv"](path, argv)

    def _execve(self, path: "Any", argv: "Any", env: "Any") -> "Any":
        self._announce(path)
        self._originals["execve"](path, argv, env)

    def _announce(self, path: "Any") -> None:
        """Close the entry, but only where the exec can work: `execvp` tries each folder of PATH."""
        if isinstance(path, int):
            self._on_exec(f"file descriptor {path}")
        elif os.path.isfile(path) and os.access(path, os.X_OK):
            self._on_exec(os.fsdecode(path))
