"""What argparse and optparse have in common: a parser that the author's own function calls.

The parser's class is wrapped once; outside of a recorded program its methods do what they did.
Only the outermost parse counts: those of subcommands are parts of it. A second one (after a
pre-parser, say) tells more, and begins the call anew: the later begin line counts. A parse of
anything but the command line is none of ours.
"""

import sys
from functools import update_wrapper

from .._wire import FAILURE, PURPOSE_AUDIT, TEXT, USAGE_ERROR
from ..entry import Ending, error_fields
from . import AUDIT_LOG, ProgramCall, _leave_no_trace_in, active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

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

    def ending(self, error: BaseException | None, value: "Any" = None) -> Ending:
        """Return how the program ended: by a wrong command line, whichever exit code that has."""
        ending, told = super().ending(error, value), self.told
        if told is None or told.outcome != USAGE_ERROR or ending.outcome != FAILURE:
            return ending
        parsing = parse_of(self)
        if parsing is None or not parsing.refused:  # it was got over, or acted upon
            return ending
        return Ending(ending.exit_code, USAGE_ERROR, error=told.error)


class Parsing:
    """One outermost parse, from its start until it has told what is called."""

    def __init__(self, running: ProgramCall, parser: "Any", given: list[str]) -> None:
        self.running = running
        self.given = given  # what is parsed: not always `sys.argv`
        self.parsers: list[Any] = [parser]  # the root's, and those of the subcommands on the way
        self.names: list[str] = []  # of those subcommands
        self.params: Mapping[str, Any] = {}
        self.open = True
        self.partial = False  # a pre-parser's, which left some over
        self.refused = False


def running_program() -> ProgramCall | None:
    """Return the recorded program whose own parse this could be, or None."""
    running = active.get()
    return running if isinstance(running, ProgramCall) else None


def parse_of(running: ProgramCall) -> Parsing | None:
    """Return the parse that the program is at, or was at last."""
    return running.parsing if isinstance(running.parsing, Parsing) else None


def is_own(running: ProgramCall, args: "Any") -> bool:
    """Tell whether a parse is one of the program's command line, and not of something else.

    A second one is where it is given the same again, or what the first of several left of it.
    """
    if running.parsing is None or args is None:
        return True
    before = parse_of(running)
    if before is None:  # Fire's own flags
        return False
    given, left = given_arguments(args), iter(before.given)
    if not given and before.given:
        return before.partial
    return all(argument in left for argument in given)


def wrap(owner: "Any", name: str, double: "Callable[..., Any]") -> None:
    """Replace a method of a class by `double(bare, self, ...)`, once, where the class has it."""
    bare = vars(owner).get(name)
    if bare is None or hasattr(bare, "_tooltrail"):
        return

    def method(self: "Any", *args: "Any", **kwargs: "Any") -> "Any":
        return double(bare, self, *args, **kwargs)

    update_wrapper(method, bare)
    method._tooltrail = True  # type: ignore[attr-defined]
    setattr(owner, name, method)


def parse(
    running: ProgramCall,
    parser: "Any",
    given: list[str],
    run: "Callable[[], Any]",
    tell: "Callable[[Parsing, Any], None]",
) -> "Any":
    """Run the outermost parse of a program; `tell` begins the call by what came of it."""
    before = parse_of(running)
    parsing = running.parsing = Parsing(running, parser, given)
    if before is not None:
        parsing.params = before.params
        if len(before.given) > len(given):
            parsing.given = before.given  # the whole of it
    running.told = None
    try:
        parsed = run()
    except SystemExit as error:
        code = error.code
        running.call.contained(lambda: _stopped(parsing, code))
        raise
    except Exception as error:
        _failed(parsing, error)
        raise
    finally:
        parsing.open = False
    try:
        tell(parsing, parsed)
    except Exception as error:  # the tool's own objects may do anything when they are looked at
        failure = error
        running.call.contained(lambda: _raise(failure))
    return parsed


def _raise(error: Exception) -> None:
    raise error


def values_of(space: "Any", names: "Iterable[str]") -> dict[str, "Any"]:
    """Return what a parse filled in: all that a namespace holds, or what it has by these names."""
    try:
        return dict(vars(space))
    except Exception:  # one with slots, or with properties of its own
        found = {}
        for name in names:
            try:
                found[name] = getattr(space, name)
            except Exception:
                continue
        return found


def _failed(parsing: Parsing, error: Exception) -> None:
    """Note an exception that leaves a parse: of a function of the author's, mostly."""
    running = parsing.running
    if type(error).__name__ == "ArgumentError":  # `exit_on_error=False`: the author answers
        note_error(running, str(error), f"{parsing.parsers[0].prog} --help shows how it is called")
        running.call.contained(lambda: _refuse(parsing))
    if running.settings.auto:  # should it end the program, no frame of ours is to be seen
        _leave_no_trace_in(error)


def arrive(
    parsing: Parsing,
    params: "Mapping[str, Any]",
    left: "Sequence[str] | None" = None,
    *,
    holds_left: str = "",
) -> None:
    """Begin: the command line is understood, but for what was `left`.

    A second parser may know some of that for a secret, so the first begin line does without it,
    and without the param that `holds_left`.
    """
    running = parsing.running
    call, parsing.params, parsing.partial = running.call, params, bool(left)
    call.argv = [*call.argv[:1], *parsing.given]
    purpose = PURPOSE_AUDIT if parsing.names == [AUDIT_LOG] else None
    command = " ".join(parsing.names or _names_in_prog(parsing)) or call.tool
    if not left:
        running.arrive(command, params, purpose=purpose)
        return
    from ._secret_types import with_masked_arguments

    known = {name: value for name, value in params.items() if name != holds_left}
    with_masked_arguments(
        call, parsing.names, lambda: running.arrive(command, known, purpose=purpose)
    )
    call.describe(command, params, purpose=purpose)  # the end line has all of it


def _names_in_prog(parsing: Parsing) -> list[str]:
    """Return `db migrate` of a parser that is named `tool db migrate`, as one of many may be."""
    parser = parsing.parsers[0]
    named = parser.get_prog_name() if hasattr(parser, "get_prog_name") else parser.prog
    names = str(named).split()[1:]
    return names if all(name in parsing.given for name in names) else []


def forget_unmeant_guess(running: ProgramCall) -> None:
    """Take back an `--output` that the parser did not meet: it was meant for something else."""
    if running.answer is not None and running.guessed_from is not None:
        from ._outcome import OUTPUT_OPTIONS, forget_guess

        running.call.contained(lambda: forget_guess(running, set(OUTPUT_OPTIONS)))


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
    parsing = parse_of(running)
    if parsing is not None:
        from ._parser_secrets import without_value

        message = without_value(message, parsing.parsers)
    error = error_fields(code or USAGE_ERROR.upper(), message, hint=hint)
    running.told = Ending(2, USAGE_ERROR, error=error)


def _tells_of_commands(running: ProgramCall, message: str) -> bool:
    """Tell whether the choice is that of a subcommand: then its names are in the message."""
    parsing = parse_of(running)
    actions = [] if parsing is None else getattr(parsing.parsers[-1], "_actions", [])
    names = [name for action in actions if hasattr(action, "add_parser") for name in action.choices]
    return any(repr(name) in message or f" {name}" in message for name in names)


def _stopped(parsing: Parsing, code: "Any") -> None:
    """Say what was called where its parser ended it: a usage error, `--help`, a version."""
    running = parsing.running
    if not code:
        running.told = Ending(0)
    elif running.told is None:
        note_error(running, "the command line was not understood", "--help shows how it is called")
    if running.told is not None and isinstance(code, int):
        running.told.exit_code = code & 0xFF
    _refuse(parsing, refused=bool(code))


def _refuse(parsing: Parsing, *, refused: bool = True) -> None:
    """Describe a call that its parser ended, without the secrets that it did not come to."""
    from ._parser_secrets import hide_in_refused
    from ._secret_types import with_masked_arguments

    call, names, parsing.refused = parsing.running.call, parsing.names, refused
    call.argv = [*call.argv[:1], *parsing.given]
    command = " ".join(names or _names_in_prog(parsing)) or call.tool
    params = parsing.params if call.begun else {}

    def describe() -> None:
        call.describe(command, params)

    if hide_in_refused(call, parsing.parsers, names, parsing.given):
        with_masked_arguments(call, names, describe)
    else:
        describe()


def readable_twice(args: "Any") -> "tuple[Any, Any]":
    """Return what a parser is given: for us to read, and for it, which may be able to only once."""
    if args is None or hasattr(args, "__len__"):
        return args, args
    held = list(args)
    return held, (each for each in held)


def given_arguments(args: "Any") -> list[str]:
    """Return what a parser is given, as text: by default what the program was."""
    return [str(argument) for argument in (sys.argv[1:] if args is None else args)]
