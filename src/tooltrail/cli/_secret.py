"""A secret that is asked about: it comes on stdin, and goes nowhere."""

import os
import sys

from ..errors import UsageError
from ..trust.tombstones import MIN_SECRET_CHARS

_MAX_SECRET_BYTES = 65_536


def read_secret() -> str:
    """Read a secret from stdin, one line, and forget where else it stands.

    Raises `UsageError` where there is none, where it is too short to be looked for, or where it
    stands in an argument as well.
    """
    text = _line_of_stdin()
    for name in [name for name, value in os.environ.items() if text and text in value]:
        del os.environ[name]  # or this very call would be recorded with it
    if text and any(text in argument for argument in sys.argv):
        del sys.argv[1:]
        raise UsageError(
            "the secret stands in an argument too, where every process can read it",
            hint="give it on stdin alone; the shell's history may hold it now",
        )
    if len(text) < MIN_SECRET_CHARS:
        raise UsageError(
            f"a secret of fewer than {MIN_SECRET_CHARS} characters would be found everywhere",
            hint="look for the calls by their request ids",
        )
    return text


def _line_of_stdin() -> str:
    if sys.stdin is None:
        raise UsageError("--secret-stdin: stdin is closed")
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("secret: ", sys.stderr)
    data = sys.stdin.buffer.read(_MAX_SECRET_BYTES + 1)
    line = data.removesuffix(b"\n").removesuffix(b"\r")
    if len(data) > _MAX_SECRET_BYTES or b"\n" in line:
        raise UsageError("--secret-stdin takes one line of at most 65,536 bytes")
    return line.decode("utf-8", "surrogateescape")
