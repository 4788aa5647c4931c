"""A whole session of an agent: one id, which each of its operations extends."""

import os
import threading

from .._host import randomness
from .._typing import TYPE_CHECKING
from .._wire import TOOL_TRACE_ID
from ..redact import Redactor
from .run import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .call import Call
    from .result import Result

_REMEMBERED = 1000  # operations whose last attempt is known


_MAX_OPERATION = 100  # characters of it in an id, so that the id's end is not cut off


class Session:
    """The calls of one agent session: `tooltrail trace ID` shows all of them.

    `id` is the session's; without one it is the trace that the environment names, else
    `agent-session-` and 8 hex digits. Each call is a trace of its own that continues it,
    `agent-session-3f2a9c1e-deploy-9c1e`, and the operator of all of them is the session.

    A call that repeats one that failed, the same command in the same folder for the same
    operation, is recorded as a retry: `attempt` counts, and `retry_of` names the record of the
    attempt before it.
    """

    def __init__(self, id: str | None = None) -> None:
        self.id = id or os.environ.get(TOOL_TRACE_ID) or f"agent-session-{randomness(4).hex()}"
        self._failed: dict[object, tuple[int, str]] = {}
        self._lock = threading.Lock()

    def trace_id(self, operation: str | None) -> str:
        """Return a new id for one operation: the session's, extended."""
        told = None if operation is None else Redactor().text(operation, "operation")
        parts = (self.id, None if told is None else told[:_MAX_OPERATION], randomness(2).hex())
        return "-".join(part for part in parts if part)

    def run(self, cmd: "Sequence[str | os.PathLike[str]]", **options: "Any") -> "Result":
        """Make a call of this session; the options are those of `tooltrail.run`."""
        return run(cmd, session=self, **options)

    async def arun(self, cmd: "Sequence[str | os.PathLike[str]]", **options: "Any") -> "Result":
        """Make a call of this session without blocking the event loop."""
        from .arun import arun

        return await arun(cmd, session=self, **options)

    def link(self, call: "Call") -> None:
        """Have a call know the attempt that it repeats."""
        with self._lock:
            attempts, last = self._failed.get(_key(call), (0, None))
        if last is not None:
            call.attempt, call.retry_of = attempts + 1, last

    def remember(self, call: "Call", result: "Result") -> None:
        """Note how a call ended, for the next attempt."""
        with self._lock:
            self._failed.pop(_key(call), None)
            if not result.ok:
                self._failed[_key(call)] = result.attempt, result.caller_request_id
                while len(self._failed) > _REMEMBERED:
                    del self._failed[next(iter(self._failed))]

    def __repr__(self) -> str:
        return f"Session({self.id!r})"


def _key(call: "Call") -> tuple[str | None, tuple[str, ...], str]:
    try:
        folder = os.path.abspath(os.fsdecode(call.cwd or "."))
    except OSError:  # the one that we are in was removed
        folder = ""
    return call.operation, tuple(call.command_line), folder
