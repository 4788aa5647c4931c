"""What `tooltrail run` says for itself: its help, a refusal, the line of `--json-meta`."""

import sys

from .. import __version__
from .._encode import encode
from .._host import say
from .._invocation import Invocation
from .._signals import name_of
from .._typing import TYPE_CHECKING
from .._wire import OWN_TOOL, USAGE_ERROR
from ..entry import Ending, error_fields
from ._hints import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_HELP = "tooltrail run --help shows how it is called"
USAGE = """\
usage: tooltrail run [OPTIONS] -- CMD ARG...

Run CMD with its stdin, stdout, stderr, exit code and signals as they are, and
record the call: what ran, for whom, under which trace, for how long, how it ended.

options:
  --trace-id ID      the trace that the call belongs to (else from the environment)
  --operator NAME    who makes the call (else TOOL_OPERATOR, the agent, or the user)
  --operation NAME   what the call is for; it becomes the entry's command
  --instrument       every Python CLI that CMD starts, at any depth, records itself too
  --timeout TIME     end CMD, and all that it started, when it takes longer: 30, 90s, 5m, 1h
  --capture WHAT     what the record keeps of CMD's output: none (the default); digest, its
                     size and SHA-256; full, the text as well, redacted, up to 1 MB. What
                     goes to a terminal is not captured
  --json-meta        at the end, one line of JSON on stderr: the ids, the time, how it ended
  --help             show this

exit code: CMD's own; 124 if its time was up; 127 if there is no such command, 126 if it
cannot be run, 125 if nothing was run because it could not be recorded and the policy is
`closed`.
"""


def refuse(message: str, options: "Iterable[str]") -> int:
    """Say what is wrong with the command line, and record that it was tried.

    `options` are those that there are.
    """
    argv = ["tooltrail", "run", *sys.argv[2:]]
    with Invocation(OWN_TOOL, version=__version__, argv=argv) as call:
        call.describe("run", {})
        error = error_fields("USAGE_ERROR", message, hint="see tooltrail run --help")
        call.finish(Ending(2, USAGE_ERROR, error=error))
        call.leave_meta()
    flag = message.removeprefix("no such option: ")
    meant = None if flag == message else nearest(flag, options)
    say(f"error: {message}\nhint: {f'did you mean {meant}? ' if meant else ''}{_HELP}\n")
    return 2


def say_meta(call: Invocation, ending: Ending, told: "dict[str, Any]") -> None:
    """Tell the caller of the call, in one line on stderr."""
    signal = None if ending.signal is None else name_of(ending.signal)
    how = {"exit_code": ending.exit_code, "outcome": ending.outcome, "signal": signal}
    say(encode({**call.meta(), **how, "told": told or None}) + "\n")
