"""What argparse and optparse have in common: a parser that the author's own function calls.

The parser's class is wrapped once; outside of a recorded program its methods do what they did.
Only the outermost parse counts: those of subcommands are parts of it. A second one (after a
pre-parser, say) tells more, and begins the call anew: the later begin line counts.
"""

import sys
from functools import update_wrapper
from typing import TYPE_CHECKING, Any

from .._names import is_secret_name
from .._wire import PURPOSE_AUDIT, REDACTED, USAGE_ERROR
from ..entry import Ending, error_fields
from ..envelope import TEXT
from . import AUDIT_LOG, ProgramCall, active
from ._secret_types import with_masked_arguments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CODES = {  # how a message of either parser begins: the codes of Click's errors
    "unrecognized arguments": "NO_SUCH_OPTION",
    "no such option": "NO_SUCH_OPTION",
    "the following arguments are required": "MISSING_PARAMETER",
    "one of the arguments": "MISSING_PARAMETER",
    "argument ": "BAD_PARAMETER",
    "option ": "BAD_PARAMETER",
}


class ParsingCall(ProgramCall):
    """A program whose main function calls a parser: begins when that has parsed."""


class Parsing:
    """One outermost parse, from its start until it has told what is called."""

    def __init__(self, running: ProgramCall, parser: Any, given: list[str]) -> None:
        self.running = running
        self.given = given  # what is parsed: not always `sys.argv`
        self.parsers: list[Any] = [parser]  # the root's, and those of the subcommands on the way
        self.names: list[str] = []  # of those subcommands
        self.open = True


def running_program() -> ProgramCall | None:
    """Return the recorded program whose own parse this could be, or None."""
    running = active.get()
    return running if isinstance(running, ProgramCall) else None


def parse_of(running: ProgramCall) -> Parsing | None:
    """Return the parse that the program is at, or was at last."""
    return running.parsing if isinstance(running.parsing, Parsing) else None


def wrap(owner: Any, name: str, double: "Callable[..., Any]") -> None:
    """Replace a method of a class by `double(bare, self, ...)`, once, where the class has it."""
    bare = vars(owner).get(name)
    if bare is None or hasattr(bare, "_tooltrail"):
        return

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return double(bare, self, *args, **kwargs)

    update_wrapper(method, bare)
    method._tooltrail = True  # type: ignore[attr-defined]
    setattr(owner, name, method)


def parse(
    running: ProgramCall,
    parser: Any,
    given: list[str],
    run: "Callable[[], Any]",
    tell: "Callable[[Parsing, Any], None]",
) -> Any:
    """Run the outermost parse of a program; `tell` begins the call by what came of it."""
    parsing = running.parsing = Parsing(running, parser, given)
    try:
        parsed = run()
    except SystemExit as error:
        _stopped(parsing, error)
        raise
    finally:
        parsing.open = False
    tell(parsing, parsed)
    return parsed


def arrive(parsing: Parsing, params: "Mapping[str, Any]") -> None:
    """Begin: the command line is understood."""
    running = parsing.running
    if not running.call.begun:
        running.call.argv = [*running.call.argv[:1], *parsing.given]
    reads = parsing.names == [AUDIT_LOG]
    running.arrive(" ".join(parsing.names), params, purpose=PURPOSE_AUDIT if reads else None)


def note_error(running: ProgramCall, message: str, hint: str) -> None:
    """Note that the parser, or the author by it, refuses the command line."""
    running.call.contained(lambda: _note_error(running, str(message), hint))


def is_told_in_response(running: ProgramCall) -> bool:
    """Tell whether an error goes into a JSON response: then it is not printed for a person, too."""
    return running.answer is not None and running.answer.output != TEXT


def _note_error(running: ProgramCall, message: str, hint: str) -> None:
    code = next((code for start, code in _CODES.items() if message.startswith(start)), None)
    if "invalid choice" in message and _tells_of_commands(running, message):
        code = "NO_SUCH_COMMAND"
    error = error_fields(code or USAGE_ERROR.upper(), _without_value(message), hint=hint)
    running.told = Ending(2, USAGE_ERROR, error=error)


def _tells_of_commands(running: ProgramCall, message: str) -> bool:
    """Tell whether the choice is that of a subcommand: then its names are in the message."""
    parsing = parse_of(running)
    actions = [] if parsing is None else getattr(parsing.parsers[-1], "_actions", [])
    names = [name for action in actions if hasattr(action, "add_parser") for name in action.choices]
    return any(repr(name) in message or f" {name}" in message for name in names)


def _without_value(message: str) -> str:
    """Take the value out of a message on a param whose name means a secret."""
    for start in ("argument ", "option "):
        subject, colon, _ = message.removeprefix(start).partition(": ")
        names = [name.strip().split("=")[0].lstrip("-") for name in subject.split("/")]
        if message.startswith(start) and colon and any(map(is_secret_name, names)):
            return f"{start}{subject}: {REDACTED}"
    return message


def _stopped(parsing: Parsing, error: SystemExit) -> None:
    """Describe a call that its parser ended: a usage error, `--help`, a version."""
    running = parsing.running
    told = running.told
    if told is not None and isinstance(error.code, int):
        told.exit_code = error.code & 0xFF
    elif error.code:
        note_error(running, "the command line was not understood", "--help shows how it is called")
        if isinstance(error.code, int) and running.told is not None:
            running.told.exit_code = error.code & 0xFF
    else:
        running.told = Ending(0)
    call = running.call
    if call.begun:
        return
    call.argv = [*call.argv[:1], *parsing.given]
    names = parsing.names

    def describe() -> None:
        call.describe(" ".join(names) or call.tool, {})

    if any(takes_secret_argument(parser) for parser in parsing.parsers):
        with_masked_arguments(call, names, describe)
    else:
        describe()


def takes_secret_argument(parser: Any) -> bool:
    """Tell whether a secret stands among a parser's arguments, where no flag announces it."""
    return any(
        not action.option_strings and is_secret_name(str(action.dest))
        for action in getattr(parser, "_actions", ())
    )


def given_arguments(args: Any) -> list[str]:
    """Return what a parser is given, as text: by default what the program was."""
    return [str(argument) for argument in (sys.argv[1:] if args is None else args)]
