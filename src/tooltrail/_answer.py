"""Envelope mode: one call, one response, on every way out."""

import os
import sys

from ._encode import sha256
from ._host import flush_failure
from ._plain import encode_any
from ._signals import Answered
from ._stdout import Capture, deliver, is_terminal
from .envelope import JSON, TEXT, document, response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    from ._invocation import Invocation
    from .entry import Ending

_STRAY_CHARS = 4000  # of stray output that a response repeats


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

    def hand_over(self) -> None:
        """Let the command answer by itself: it prints its own response."""
        self._capture.stop()

    def take_printed(self) -> str:
        """Return what the command printed so far, and stop diverting: it is not stray."""
        self._capture.stop()
        printed, self._capture.text = self._capture.text, ""
        return printed

    def give(self, ending: "Ending", data: "Any" = None) -> int:
        """Write the end line, print the response, and return the exit code that is now due."""
        call = self.call
        if call.pid != os.getpid():  # a forked child: the response is its parent's
            return ending.exit_code or 0
        self._signals.hold()
        self._capture.stop()
        if self._capture.text:
            call.warnings.append(self._stray())
        call.finish(ending, output=None if data is None else _digest(data))
        failure = None
        if self.output != TEXT:
            answer = response(
                exit_code=call.exit_code or 0,
                data=data,
                error=call.error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            failure = deliver(document(answer, indented=self.output == JSON and is_terminal()))
        else:
            failure = flush_failure()
        call.leave_meta()
        if failure is None:
            return call.exit_code or 0
        due = call.exit_code or 1
        call.undelivered(due, f"stdout: {failure}")
        return due

    def _stray(self) -> dict[str, str]:
        text = self.call.redact_text(self._capture.text, "stray_output")
        return {"code": "STRAY_OUTPUT", "message": text[:_STRAY_CHARS]}


def _digest(data: "Any") -> "dict[str, Any]":
    encoded = encode_any(data).encode("ascii")
    return {"data_bytes": len(encoded), "data_sha256": sha256(encoded).hexdigest()}
