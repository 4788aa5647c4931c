"""Record a program that parses with optparse: `main = instrument(main)`.

As for argparse: the author's own function is recorded, and the outermost `parse_args` in it says
with what it was called. optparse knows no subcommands, and so `audit-log` is not added.
"""

import optparse

from .._wire import FORMATS
from . import Settings, active
from ._parser_secrets import declare, secrets_of
from ._parsers import (
    Parsing,
    ParsingCall,
    arrive,
    forget_unmeant_guess,
    given_arguments,
    is_own,
    is_told_in_response,
    note_error,
    parse,
    parse_of,
    readable_twice,
    running_program,
    values_of,
    wrap,
)
from .program import framed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    from . import ProgramCall

    _Main = TypeVar("_Main", bound=Callable[..., Any])


if TYPE_CHECKING:

    @overload
    def instrument(
        main: _Main,
        *,
        tool: str | None = None,
        version: str | None = None,
        envelope: bool = False,
    ) -> _Main: ...

    @overload
    def instrument(
        main: None = None,
        *,
        tool: str | None = None,
        version: str | None = None,
        envelope: bool = False,
    ) -> Callable[[_Main], _Main]: ...


def instrument(
    main: "Callable[..., Any] | None" = None,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
) -> "Any":
    """Return `main`, recorded whenever it is called, with the params that its parser finds.

    All is as in `tooltrail.integrations.argparse`; the arguments that are no options are the param
    `args`.
    """
    _wrap_parsers()
    return framed(main, Settings(tool, version, envelope), ParsingCall)


def watch() -> None:
    """Observe, from now on, what the parsers of programs find that nobody instrumented."""
    _wrap_parsers()
    _watched.append(True)


_watched: list[bool] = []  # whether programs are watched that nobody instrumented


def _wrap_parsers() -> None:
    wrap(optparse.OptionParser, "parse_args", _parse_args)
    wrap(optparse.OptionParser, "error", _error)


def _parse_args(
    bare: "Callable[..., Any]", parser: "Any", args: "Any" = None, values: "Any" = None
) -> "Any":
    running = running_program() or _script()
    if running is None:
        return bare(parser, args, values)
    args, theirs = readable_twice(args)
    parsing = parse_of(running)
    if parsing is not None and parsing.open:
        return bare(parser, theirs, values)
    if not is_own(running, args):
        return bare(parser, theirs, values)
    for kind in type(parser).__mro__:
        if kind is not optparse.OptionParser:
            wrap(kind, "error", _own_error)
    if running.answer is not None:
        running.call.contained(lambda: _add_output(running, parser))
    return parse(
        running, parser, given_arguments(args), lambda: bare(parser, theirs, values), _tell
    )


def _script() -> "ProgramCall | None":
    """Open a call for a program that is a bare script, where such are watched."""
    if not _watched:
        return None
    from ._script import script_call

    return script_call()


def _error(bare: "Callable[..., Any]", parser: "Any", message: str) -> "Any":
    running = running_program()
    if running is not None:
        note_error(running, message, f"{parser.get_prog_name()} --help shows how it is called")
        if is_told_in_response(running):
            raise SystemExit(2)
    return bare(parser, message)


def _own_error(bare: "Callable[..., Any]", parser: "Any", message: str) -> "Any":
    """Note an error that the author answers himself."""
    running = running_program()
    if running is not None:
        note_error(running, message, f"{parser.get_prog_name()} --help shows how it is called")
    return bare(parser, message)


def _tell(parsing: Parsing, parsed: "Any") -> None:
    options, arguments = parsed
    secrets = secrets_of(parsing.parsers)
    if secrets:
        parsing.running.call.contained(lambda: declare(secrets, parsing.running.call))
    forget_unmeant_guess(parsing.running)
    names = [str(option.dest) for option in parsing.parsers[0]._get_all_options() if option.dest]
    values = values_of(options, names)
    params = {name: value for name, value in values.items() if not callable(value)}
    if not arguments:
        arrive(parsing, params)
        return
    # Those behind the first are another parser's, where this one stops there.
    left = None if parsing.parsers[0].allow_interspersed_args else arguments
    arrive(parsing, {**params, "args": list(arguments)}, left, holds_left="args")


def _add_output(running: "ProgramCall", parser: "Any") -> None:
    from ._outcome import OUTPUT_HELP, OUTPUT_OPTIONS, choose, forget_guess

    if hasattr(parser, "_tooltrail_extended"):
        return
    parser._tooltrail_extended = True
    taken = {name for name in OUTPUT_OPTIONS if parser.has_option(name)}
    forget_guess(running, taken)
    free = next((name for name in OUTPUT_OPTIONS if name not in taken), None)
    if free is None:
        return

    def chosen(_option: "Any", _name: str, value: str, _parser: "Any") -> None:
        if value not in FORMATS:
            raise optparse.OptionValueError(
                f"option {free}: invalid choice: {value!r} (choose from {', '.join(FORMATS)})"
            )
        running = active.get()
        if running is not None:
            running.guessed_from = None  # it was meant for us
            choose(running, value)

    option = optparse.Option(
        free, action="callback", callback=chosen, type="string", metavar="FORMAT", help=OUTPUT_HELP
    )
    option.dest = None  # nothing of it is among the author's values
    parser.add_option(option)
