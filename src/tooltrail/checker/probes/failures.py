"""Calls that do not succeed, and calls that ask what there is: each is a response as well."""

from ..._typing import TYPE_CHECKING
from ..examination import SEED_TRACE

if TYPE_CHECKING:
    from ..examination import Examination

UNTRACED = "untraced"
NO_SUCH = "tooltrail-check-no-such"


def call_again(exam: "Examination") -> None:
    """Call the command wrongly, twice; ask it for help and for its version; call it once more."""
    program = exam.program
    # Under the trace id of the first call: a request id that is made of it would be there twice.
    exam.run("the command again", exam.argv, trace_id=SEED_TRACE, children=True)
    exam.run("the command without a trace id", exam.argv, traced=False, kind=UNTRACED)
    exam.run("a usage error", [*exam.argv, f"--{NO_SUCH}-option"], kind="usage_error")
    if program.rest:
        wrong = program.with_words(f"{NO_SUCH}-command")
        exam.run("an unknown command", wrong, kind="unknown_command")
    exam.run("help", program.with_words("--help"), kind="help")
    exam.run("version", program.with_words("--version"), kind="version")
