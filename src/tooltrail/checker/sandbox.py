"""A throw-away HOME for the commands that are looked at, and where possible no network."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress

from .._typing import TYPE_CHECKING
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

_FOLDERS = {
    "XDG_DATA_HOME": ".local/share",
    "XDG_CONFIG_HOME": ".config",
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_RUNTIME_DIR": ".run",
    "TMPDIR": "tmp",
}
# Ways to start a program without a network, the first that works is taken.
_CUT_OFF = (
    ("unshare", "--net", "--"),
    ("unshare", "--map-current-user", "--net", "--"),
    ("unshare", "--map-root-user", "--net", "--"),
)
_PATIENCE = 5  # seconds for a try


class Sandbox:
    """A home that lasts as long as the block. Files elsewhere are where they were: it is no jail.

    `variables` are for a command's environment; `before` comes before its words. `note` says
    what it keeps apart. Entering it raises `UsageError` where there is no room for it.
    """

    def __init__(self) -> None:
        self.home = ""
        self.variables: dict[str, str] = {}
        self.before: tuple[str, ...] = ()
        self.note = ""

    def __enter__(self) -> "Self":
        try:
            self._make_home()
        except OSError as error:
            raise UsageError(f"--sandbox: no home could be made: {error}") from error
        try:
            self.before = _cut_off()
        except BaseException:  # Ctrl-C: nobody would leave what was not entered
            self.__exit__()
            raise
        self.note = "a throw-away HOME, " + (
            "no network" if self.before else "and the network as it is: it could not be cut off"
        )
        return self

    def _make_home(self) -> None:
        self.home = tempfile.mkdtemp(prefix="tooltrail-check-")
        # The home holds what `pip install --user` installed; it is not what is kept apart.
        base = os.environ.get("PYTHONUSERBASE") or os.path.expanduser("~/.local")
        self.variables = {"HOME": self.home, "PYTHONUSERBASE": base}
        for name, folder in _FOLDERS.items():
            path = f"{self.home}/{folder}"
            os.makedirs(path, mode=0o700, exist_ok=True)
            self.variables[name] = path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.home, onerror=_allow_and_try_again)


def _allow_and_try_again(function: "Callable[[str], object]", path: str, _: object) -> None:
    """Remove what is in a folder that may not be written to: Go's modules are so."""
    with suppress(OSError):
        os.chmod(os.path.dirname(path), 0o700)
        if os.path.isdir(path) and not os.path.islink(path):
            os.chmod(path, 0o700)
            shutil.rmtree(path, ignore_errors=True)
        else:
            function(path)


def _cut_off() -> tuple[str, ...]:
    for words in _CUT_OFF:
        program = shutil.which(words[0])
        if program is None:
            return ()
        before = (program, *words[1:])
        try:
            tried = subprocess.run(
                (*before, "true"),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if tried.returncode == 0:
            return before
    return ()
