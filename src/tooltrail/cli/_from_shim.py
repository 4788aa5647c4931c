"""What a shim starts, by this path: `tooltrail run`, or the program alone where that is broken.

An upgrade of Python or half an installation leaves this file without the package around it;
the call must then go on without us. `-E` and `-P` keep a caller's PYTHONHOME from ending the
wrapper, and this folder from shadowing the standard library.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys
from errno import ENOEXEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_SHIMS = "/tooltrail/shims"  # as `_child.SHIMS`, which may be what is missing


def main() -> "NoReturn":
    """Run `tooltrail` with the arguments of this process, or the command among them."""
    if _signal.getsignal(_signal.SIGINT) == _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # as `run`: end, no traceback
    try:
        from tooltrail.cli import main as tooltrail
        from tooltrail.cli import run
    except Exception:
        run_alone(sys.argv[3:])  # after `run --`
    assert run
    sys.exit(tooltrail())


def run_alone(command: list[str]) -> "NoReturn":
    """Become the program, found in PATH without the shims; it is not recorded."""
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them from its start
        _signal.signal(number, _signal.SIG_DFL)
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = f"{folder or '.'}/{command[0]}"
        if os.path.realpath(folder or ".").endswith(_SHIMS) or not os.path.isfile(path):
            continue
        if os.access(path, os.X_OK):
            try:
                os.execv(path, command)
            except OSError as error:
                if error.errno != ENOEXEC or _is_machine_code(path):
                    sys.stderr.write(f"{path}: {os.strerror(error.errno or 0)}\n")
                    sys.exit(126)
                # a script that does not say of what
                os.execv("/bin/sh", ["sh", path, *command[1:]])
    sys.stderr.write(f"{command[0]}: command not found\n")
    sys.exit(127)


def _is_machine_code(path: str) -> bool:
    """Do as `_child.is_machine_code`, which may be what is missing."""
    with open(path, "rb", 0) as program:
        start = program.read(128)
    return start.startswith(b"\x7fELF") or b"\0" in start.partition(b"\n")[0]


if __name__ == "__main__":
    main()
