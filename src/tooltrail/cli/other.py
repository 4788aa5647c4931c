"""`tooltrail` without a verb: help, version, and the answer to a verb that is none."""

import sys

from .. import __version__
from .._typing import TYPE_CHECKING
from ..errors import UsageError
from . import USAGE, VERBS, _reading
from ._hints import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: "Sequence[str]") -> int:
    """Answer `--help` and `--version`; refuse anything else."""
    if arguments and arguments[0] in ("--help", "-h", "help"):
        sys.stdout.write(USAGE.format(**VERBS))
        return 0
    if arguments and arguments[0] == "--version":
        sys.stdout.write(f"tooltrail {__version__}\n")
        return 0
    wrong = f"no such verb: {arguments[0]}" if arguments else "no verb was given"
    meant = nearest(arguments[0], VERBS) if arguments else None
    hint = f"{f'did you mean {meant}? ' if meant else ''}tooltrail --help lists the verbs"
    return _reading.refuse(None, UsageError(wrong, hint=hint), arguments)
