"""Calls that do not succeed, and calls that ask what there is: each is a response as well."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..examination import Examination

NO_SUCH = "tooltrail-check-no-such"


def call_again(exam: "Examination") -> None:
    """Call the command wrongly, twice; ask it for help and for its version; call it once more."""
    program = exam.program
    exam.run("the command again", exam.argv, children=True)
    exam.run("a usage error", [*exam.argv, f"--{NO_SUCH}-option"], kind="usage_error")
    if program.rest:
        wrong = program.with_words(f"{NO_SUCH}-command")
        exam.run("an unknown command", wrong, kind="unknown_command")
    exam.run("help", program.with_words("--help"), kind="help")
    exam.run("version", program.with_words("--version"), kind="version")
