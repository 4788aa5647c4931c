"""`tooltrail hook`: record what a coding agent or a shell runs.

`hook handle` runs before and after each command of an agent, so this module imports nothing for
the other verbs.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_HANDLE = "handle"


def main(arguments: "Sequence[str]") -> int:
    """Handle one event of an agent, or install, look at and take away the hooks."""
    if arguments and arguments[0] == _HANDLE:
        _handle(arguments[1] if len(arguments) > 1 else "")
    from ._hooks import main as others

    return others(arguments)


def _handle(agent: str) -> None:
    """Record the event on stdin and end with 0, whatever happens."""
    try:
        from ..agents.handle import handle

        handle(agent)
    finally:
        os._exit(0)  # without the interpreter's own end, which takes time and may complain
