"""Pass the trace id into the commands of a session, where the agent has a file for that.

Claude Code runs the lines of the file that `CLAUDE_ENV_FILE` names before each Bash command; a
hook at the start of the session may add to it.
"""

import os

from .._claims import Agent
from .._wire import TOOL_OPERATOR, TOOL_TRACE_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .event import Event

_ENV_FILE = "CLAUDE_ENV_FILE"
_MAX_BYTES = 1 << 20  # of a file that we look into
_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-")


def pass_on(event: "Event") -> None:
    """Add the session's trace id and operator to its variables, once, unless they are set."""
    path = os.environ.get(_ENV_FILE)
    if not path or not event.session or not _SAFE.issuperset(event.session):
        return
    identity = Agent(event.agent, "", event.session).identity
    lines = "".join(
        f'[ -n "${{{name}-}}" ] || export {name}={identity}\n'
        for name in (TOOL_TRACE_ID, TOOL_OPERATOR)
    )
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    fd = os.open(path, flags, 0o600)
    try:
        there = os.pread(fd, _MAX_BYTES, 0)
        if lines.encode() not in there:
            start = "" if not there or there.endswith(b"\n") else "\n"
            os.write(fd, (start + lines).encode())
    finally:
        os.close(fd)
