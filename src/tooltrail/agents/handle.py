"""`tooltrail hook handle AGENT`: read one event on stdin and record it; silent, whatever happens.

An agent takes what a hook prints for an answer, and some exit codes for a refusal of the command.
So nothing here may print, fail, or take long: what cannot be recorded is counted with the log's
other losses.
"""

import _signal  # type: ignore[import-not-found]
import os
from contextlib import suppress

from .._wire import OWN_TOOL
from . import AGENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .event import Event

MAX_BYTES = 32 << 20  # of an event: the model that reads the output is shown far less
_CHUNK = 1 << 20
_LIMIT_S, _LAST_LIMIT_S = 10, 1  # for all of it; then for noting that it took too long


class _TooLateError(BaseException):
    """The time is up. No part of the recorder may contain it."""


class _UnreadableError(Exception):
    """The event is not one that can be read."""


def handle(agent: str) -> None:
    """Record the event on stdin, of the agent of this name, and nothing else."""
    _be_silent()
    _limit_time()
    try:
        event = _event(agent)
        if event is not None:
            _act_on(event)
    except BaseException as error:
        with suppress(BaseException):
            _note(agent, error)


def _be_silent() -> None:
    """Let nothing reach the agent, not even what the interpreter has to say at its end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(nowhere, fd)
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # Ctrl-C is for the command, not for us


def _limit_time() -> None:
    """End in time, though stdin stays open or a file system hangs."""
    fired: list[bool] = []

    def stop(*_: object) -> None:
        if fired:
            os._exit(0)
        fired.append(True)
        raise _TooLateError

    _signal.signal(_signal.SIGALRM, stop)
    _signal.setitimer(_signal.ITIMER_REAL, _LIMIT_S, _LAST_LIMIT_S)


def _event(agent: str) -> "Event | None":
    if agent not in AGENTS:
        raise _UnreadableError(f"no agent is called {agent[:40]!r}")
    content = _read_all(0)
    if not content.strip():
        raise _UnreadableError("an event without content")
    from .._child import json_parser

    try:
        fields: Any = json_parser()(
            content.decode("utf-8", "surrogateescape").lstrip("\ufeff \t\r\n")
        )
    except (ValueError, StopIteration, RecursionError) as error:
        raise _UnreadableError("an event that is not JSON") from error
    if not isinstance(fields, dict):
        raise _UnreadableError("an event that is not an object")
    module = __import__(f"{__package__}.{AGENTS[agent]}", fromlist=["read"])
    event: Event | None = module.read(fields)
    return event


def _read_all(fd: int) -> bytes:
    """Read to the end, since an agent may take a closed pipe for a failure; keep so much."""
    chunks, size = [], 0
    while chunk := os.read(fd, _CHUNK):
        size += len(chunk)
        if size <= MAX_BYTES:
            chunks.append(chunk)
        else:
            chunks.clear()
    if size > MAX_BYTES:
        raise _UnreadableError(f"an event of {size} bytes")
    return b"".join(chunks)


def _act_on(event: "Event") -> None:
    from .event import SESSION

    if event.kind == SESSION:
        from .trace_variables import pass_on

        pass_on(event)
        return
    from .record import record

    record(event)


def _note(agent: str, error: BaseException) -> None:
    """Count an event that was not recorded."""
    from ..errors import NotRecordedError
    from ..settings import settings_for
    from ..trail import log_path
    from ..trail.lost import note

    if isinstance(error, NotRecordedError):
        reason = error.reason
    elif isinstance(error, _UnreadableError):
        reason = f"hook of {agent[:40]}: {error}"
    elif isinstance(error, _TooLateError):
        reason = f"hook of {agent[:40]}: not done within {_LIMIT_S} s"
    else:
        reason = f"hook of {agent[:40]}: {type(error).__name__}"  # its words may hold the event's
    note(log_path(OWN_TOOL, settings_for(OWN_TOOL).data_home), OWN_TOOL, "", reason)
