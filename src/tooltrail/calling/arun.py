"""`tooltrail.arun`: the same call, without blocking an asyncio event loop."""

import asyncio
import os
import threading
from contextvars import copy_context

from .._typing import TYPE_CHECKING
from .run import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .result import Result


async def arun(cmd: "Sequence[str | os.PathLike[str]]", **options: "Any") -> "Result":
    """Make a call as `tooltrail.run` does, with the same options, and await its result.

    Each call has a thread of its own, so any number run at once. Cancelled, it ends all that the
    call has started, finishes the record, and only then raises `CancelledError`.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()
    ear, mouth = os.pipe()

    def settle(result: "Result | None", error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        elif result is not None:
            done.set_result(result)

    def work() -> None:
        result, failure = None, None
        try:
            result = run(cmd, cancel=ear, **options)
        except BaseException as error:  # whatever it is belongs to the one who awaits
            failure = error
        loop.call_soon_threadsafe(settle, result, failure)

    thread = threading.Thread(
        target=copy_context().run, args=(work,), name="tooltrail-arun", daemon=True
    )
    thread.start()
    try:
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            os.write(mouth, b"x")
            await _until(done)
            raise
    finally:
        os.close(ear)
        os.close(mouth)


async def _until(done: "asyncio.Future[Result]") -> None:
    """Wait for the end of a call that was told to end, however often we are cancelled."""
    while not done.done():
        try:
            await asyncio.wait([done])
        except asyncio.CancelledError:
            continue
    if not done.cancelled():
        done.exception()  # it is looked at: nobody else will
