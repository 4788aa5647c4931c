"""`tooltrail.run`: in place of `subprocess.run`, for a program that calls tools for an agent."""

import os
import subprocess

from .._typing import TYPE_CHECKING
from .call import DIGEST, Call
from .output import MAX_KEPT
from .result import CallFailedError, Result
from .waiting import KILL_AFTER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO, Any

    from .session import Session


def run(
    cmd: "Sequence[str | os.PathLike[str]]",
    *,
    operation: str | None = None,
    session: "Session | str | None" = None,
    timeout: float | None = None,
    input: str | bytes | None = None,
    capture: str = DIGEST,
    check: bool = False,
    cwd: "str | os.PathLike[str] | None" = None,
    env: "Mapping[str, str] | None" = None,
    stdin: "int | IO[Any] | None" = subprocess.DEVNULL,
    trace_id: str | None = None,
    operator: str | None = None,
    max_output: int = MAX_KEPT,
    kill_after: float = KILL_AFTER,
    cancel: int | None = None,
) -> Result:
    """Run a command, record the call, and return what it came to.

    `cmd` is a list of arguments, never a line for a shell. `operation` says what the call is
    for; it becomes the entry's command. `session`, a `Session` or its id, ties it to the other
    calls of that session. `timeout`, in seconds, ends all that the call has started: SIGTERM,
    and `kill_after` seconds later SIGKILL; so does a byte that can be read from the descriptor
    `cancel`. `input` is what the command reads on stdin; without it stdin is empty, or what
    `stdin` names, as `subprocess.Popen` takes it. `capture` says what the log keeps of the
    output: `none`; `digest`, its size and SHA-256; `full`, also the text, redacted, up to 1 MB.
    `max_output`, in bytes, is what the result keeps of each stream. `cwd`, `env`: as
    `subprocess.run` takes them. `trace_id`, `operator`: else as the environment says.

    Never raises because of what the command does: a missing command is exit code 127, a timeout
    124. Raises `CallFailedError` where `check` is true and the exit code is not 0; `UsageError`
    for arguments that make no call; `NotRecordedError` where the policy is `closed` and the call
    could not be recorded: then nothing was run.
    """
    owner = None
    if session is not None:
        from .session import Session

        owner = session if isinstance(session, Session) else Session(session)
        trace_id = trace_id or owner.trace_id(operation)
        operator = operator or owner.id
    call = Call(
        cmd,
        operation=operation,
        capture=capture,
        cwd=cwd,
        env=env,
        trace_id=trace_id,
        operator=operator,
        max_output=max_output,
    )
    if owner is not None:
        owner.link(call)
    if isinstance(input, str):
        input = input.encode("utf-8", "surrogateescape")
    result = call.make(input, stdin, timeout, kill_after, cancel)
    if owner is not None:
        owner.remember(call, result)
    if check and not result.ok:
        raise CallFailedError(result)
    return result
