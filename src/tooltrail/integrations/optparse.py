"""Record a program that parses with optparse: `main = instrument(main)`.

As for argparse: the author's own function is recorded, and the outermost `parse_args` in it says
with what it was called. optparse knows no subcommands, and so `audit-log` is not added.
"""

import optparse
from typing import TYPE_CHECKING, Any

from ..envelope import FORMATS
from . import Settings, active
from ._parsers import (
    Parsing,
    ParsingCall,
    arrive,
    given_arguments,
    is_told_in_response,
    note_error,
    parse,
    parse_of,
    running_program,
    wrap,
)
from .program import framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import ProgramCall


def instrument(
    main: "Callable[..., Any] | None" = None,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
) -> Any:
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
    bare: "Callable[..., Any]", parser: Any, args: Any = None, values: Any = None
) -> Any:
    running = running_program() or _script()
    if running is None:
        return bare(parser, args, values)
    parsing = parse_of(running)
    if parsing is not None and parsing.open:
        return bare(parser, args, values)
    if running.answer is not None:
        running.call.contained(lambda: _add_output(running, parser))
    return parse(running, parser, given_arguments(args), lambda: bare(parser, args, values), _tell)


def _script() -> "ProgramCall | None":
    """Open a call for a program that is a bare script, where such are watched."""
    if not _watched:
        return None
    from ._script import script_call

    return script_call()


def _error(bare: "Callable[..., Any]", parser: Any, message: str) -> Any:
    running = running_program()
    if running is not None:
        note_error(running, message, f"{parser.get_prog_name()} --help shows how it is called")
        if is_told_in_response(running):
            parser.exit(2)
    return bare(parser, message)


def _tell(parsing: Parsing, parsed: Any) -> None:
    options, arguments = parsed
    params = {name: value for name, value in vars(options).items() if not callable(value)}
    arrive(parsing, {**params, "args": list(arguments)} if arguments else params)


def _add_output(running: "ProgramCall", parser: Any) -> None:
    from ._outcome import OUTPUT_HELP, OUTPUT_OPTIONS, choose, forget_guess

    if hasattr(parser, "_tooltrail_extended"):
        return
    parser._tooltrail_extended = True
    taken = {name for name in OUTPUT_OPTIONS if parser.has_option(name)}
    forget_guess(running, taken)
    free = next((name for name in OUTPUT_OPTIONS if name not in taken), None)
    if free is None:
        return

    def chosen(_option: Any, _name: str, value: str, _parser: Any) -> None:
        if value not in FORMATS:
            raise optparse.OptionValueError(
                f"option {free}: invalid choice: {value!r} (choose from {', '.join(FORMATS)})"
            )
        choose(active.get(), value)

    parser.add_option(
        free, action="callback", callback=chosen, type="string", nargs=1, help=OUTPUT_HELP
    )
