"""Envelope mode: one call, one response, on every way out."""

import os
import sys

from . import _ending, errors  # noqa: F401 - loaded while they can be: a response is due
from ._encode import sha256
from ._host import flush_failure
from ._plain import encode_any, settle
from ._signals import Answered
from ._stdout import Capture
from ._unrecorded import body_not_kept
from ._wire import ALGORITHM, JSON, STRAY_OUTPUT, TEXT
from .entry import Ending, error_fields
from .envelope import document, response
from .settings import FULL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ._invocation import Invocation

_STRAY_CHARS = 4000  # of stray output that a response repeats
_SEARCHED_CHARS = 65_536  # of it that is searched: more than is shown, so no secret is cut in two
# What a command returns that did not run: what is to be done about it.
_UNREAD = {
    "coroutine": "await it, or run it with asyncio.run, before the command returns",
    "generator": "return a list of what it yields",
    "async_generator": "return a list of what it yields",
}


class Answer:
    """The one response of a call in envelope mode: enter it before the command, `give` it after.

    In between, stdout is diverted (unless the output is text) and SIGTERM and SIGHUP raise
    `Terminated`.
    """

    def __init__(self, call: "Invocation", output: str) -> None:
        self.call = call
        self.output = output
        self._capture = Capture()
        self._signals = Answered()

    def __enter__(self) -> "Self":
        self._signals.__enter__()
        if self.output != TEXT:
            self._capture.start()
            self.call.before_exec = self._capture.stop
            self.call.after_failed_exec = self._capture.start
        self.call.before_os_exit = self.give
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.stop()
        self._signals.__exit__()

    def switch(self, output: str) -> None:
        """Answer in another format than was guessed before the arguments were parsed."""
        if output != TEXT and self.output == TEXT:
            self._capture.start()
        elif output == TEXT and self.output != TEXT:
            sys.stdout.write(self.take_printed())
        self.output = output

    def hand_over(self, *, rows: bool) -> None:
        """Let the command answer by itself: it prints its own response.

        Where that is `rows`, and it is stopped, no envelope follows them.
        """
        self._capture.stop()
        if rows:
            self.output = TEXT

    def take_printed(self) -> str:
        """Return what the command printed so far, and stop diverting: it is not stray."""
        self._capture.stop()
        return self._capture.forget()

    def give(self, ending: "Ending", data: "Any" = None) -> int:
        """Write the end line, print the response, and return the exit code that is now due."""
        call = self.call
        if call.pid != os.getpid():  # a forked child: the response is its parent's
            return ending.exit_code or 0
        self._signals.hold()
        self._capture.stop()
        if not ending.exit_code and type(data).__name__ in _UNREAD:
            ending = _unread(type(data).__name__)
        if self._capture.size:
            call.contained(lambda: call.warnings.append(self._stray()))
        data, encoded = (None, "null") if ending.exit_code else self._settled(data)
        call.finish(ending, output=None if data is None else self._output(data, encoded))
        failure = None
        if self.output != TEXT:
            answer = response(
                exit_code=call.exit_code or 0,
                data=None,
                error=call.error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            indented = self.output == JSON and self._capture.is_terminal()
            failure = self._capture.deliver(document(answer, indented=indented, data=encoded))
        else:
            failure = flush_failure()
        call.leave_meta()
        if failure is None:
            return call.exit_code or 0
        due = call.exit_code or 1
        call.undelivered(due, f"stdout: {failure}")
        return due

    def _stray(self) -> dict[str, str]:
        """Return the warning that tells what else was printed, without its secrets."""
        text = self.call.redactor.text(self._capture.text[:_SEARCHED_CHARS], "stray_output")
        shown = text[:_STRAY_CHARS]
        if len(self._capture.text) > _STRAY_CHARS or self._capture.is_cut:
            shown += f"\n[cut off: {self._capture.size:,} bytes in all; the rest is not kept]"
        return {"code": STRAY_OUTPUT, "message": shown}

    def _settled(self, data: "Any") -> "tuple[Any, str]":
        """Return data as JSON holds it, and written as JSON; what that lost is in `warnings`."""
        settled, cut = settle(data)
        if cut:
            message = "data is cut off: its objects turn into too many values"
            self.call.warnings.append({"code": "DATA_CUT", "message": message})
        return settled, encode_any(settled)

    def _output(self, data: "Any", text: str) -> "dict[str, Any]":
        """Return what the entry keeps of `data`: size and digest, and at level `full` a body."""
        encoded = text.encode("ascii")
        output: dict[str, Any] = {
            "data_bytes": len(encoded),
            "data_sha256": ALGORITHM + sha256(encoded).hexdigest(),
        }
        if self.call.level == FULL:
            try:
                output |= self._body(data)
            except OSError as error:
                body_not_kept(self.call, error)
        return output

    def _body(self, data: "Any") -> "dict[str, Any]":
        from .trail.bodies import keep

        clean = encode_any(self.call.redactor.body(data, "output.data"))
        return keep(os.path.dirname(self.call.path), clean.encode("ascii"))


def _unread(kind: str) -> Ending:
    """Return the ending of a command that returned without having done, or said, anything yet."""
    message = f"the command returned a {kind}, which nobody runs"
    return Ending(1, error=error_fields("NOT_READ", message, hint=_UNREAD[kind]))
