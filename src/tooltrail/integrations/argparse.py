"""Record a program that parses with argparse: `main = instrument(main)`.

Its author's own function calls the parser, so the function is what is recorded; the outermost
`parse_args` in it says which subcommand was called, and with what. Whatever else the program
does with parsers before or afterwards is its own affair.
"""

import argparse

from .._encode import is_plain
from . import Settings
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
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, TypeVar, overload

    from . import ProgramCall

    _Main = TypeVar("_Main", bound=Callable[..., Any])

_PARSES = (
    "parse_args",
    "parse_intermixed_args",
    "parse_known_args",
    "parse_known_intermixed_args",
)


if TYPE_CHECKING:

    @overload
    def instrument(
        main: _Main,
        *,
        tool: str | None = None,
        version: str | None = None,
        envelope: bool = False,
        audit_log: bool = False,
    ) -> _Main: ...

    @overload
    def instrument(
        main: None = None,
        *,
        tool: str | None = None,
        version: str | None = None,
        envelope: bool = False,
        audit_log: bool = False,
    ) -> Callable[[_Main], _Main]: ...


def instrument(
    main: "Callable[..., Any] | None" = None,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
    audit_log: bool = False,
) -> "Any":
    """Return `main`, recorded whenever it is called, with the params that its parser finds.

    `main` is the function that calls `parse_args` and then acts; also a decorator, with or without
    arguments. `tool` names the log and defaults to the program's name; `version` defaults to the
    `__version__` of the package that `main` comes from.

    By default the tool is only observed: its stdout, stderr and exit code stay what they were; an
    integer that `main` returns is its exit code, as `sys.exit(main())` has it. With
    `envelope=True` the parser and those of its subcommands gain `--output [text|json|jsonl]`, what
    else `main` returns is the `data` of one JSON response, the program ends by `SystemExit`, and
    where there are subcommands there is `audit-log`, which `audit_log=True` adds in observe mode
    too. An author's own `--output` or `audit-log` is never replaced.
    """
    _wrap_parsers()
    return framed(main, Settings(tool, version, envelope, audit_log), ParsingCall)


def watch() -> None:
    """Observe, from now on, what the parsers of programs find that nobody instrumented."""
    _wrap_parsers()
    _watched.append(True)


_watched: list[bool] = []  # whether programs are watched that nobody instrumented


def _wrap_parsers() -> None:
    for name in _PARSES:
        wrap(argparse.ArgumentParser, name, _double_of(known="known" in name))
    wrap(argparse.ArgumentParser, "error", _error)


def _double_of(*, known: bool) -> "Callable[..., Any]":
    """Return what stands in for a method that parses; `known` where it leaves some over."""

    def double(
        bare: "Callable[..., Any]", parser: "Any", args: "Any" = None, namespace: "Any" = None
    ) -> "Any":
        running = running_program() or _script()
        if running is None:
            return bare(parser, args, namespace)
        args, theirs = readable_twice(args)
        parsing = parse_of(running)
        if parsing is not None and parsing.open:  # a part of a parse: that of a subcommand
            running.call.contained(lambda: _descend(parsing, parser))
            return bare(parser, theirs, namespace)
        if not is_own(running, args):
            return bare(parser, theirs, namespace)
        _wrap_own_errors(parser)
        if running.settings.audit_log:
            running.call.contained(lambda: _extend(running, parser))
        given = given_arguments(args)

        def tell(parsing: Parsing, parsed: "Any") -> None:
            space, left = parsed if known else (parsed, None)
            _tell(parsing, space, left)

        return parse(running, parser, given, lambda: bare(parser, theirs, namespace), tell)

    return double


def _wrap_own_errors(parser: "Any") -> None:
    """Hear of the errors of a parser whose author answers them by an `error` of his own."""
    for kind in type(parser).__mro__:
        if kind is argparse.ArgumentParser:
            return
        wrap(kind, "error", _own_error)


def _script() -> "ProgramCall | None":
    """Open a call for a program that is a bare script, where such are watched."""
    if not _watched:
        return None
    from ._script import script_call

    return script_call()


def _error(bare: "Callable[..., Any]", parser: "Any", message: str) -> "Any":
    running = running_program()
    if running is not None:
        note_error(running, message, f"{parser.prog} --help shows how it is called")
        if is_told_in_response(running):
            raise SystemExit(2)
    return bare(parser, message)


def _own_error(bare: "Callable[..., Any]", parser: "Any", message: str) -> "Any":
    """Note an error that the author answers himself."""
    running = running_program()
    if running is not None:
        note_error(running, message, f"{parser.prog} --help shows how it is called")
    return bare(parser, message)


def _descend(parsing: Parsing, parser: "Any") -> None:
    """Note the subcommand whose parser this is, by the first of its names."""
    for action in _subparsers(parsing.parsers[-1]):
        for name, each in action.choices.items():
            if each is parser:
                parsing.parsers.append(parser)
                parsing.names.append(str(name))
                return


def _destinations(parsing: Parsing) -> list[str]:
    return [str(action.dest) for parser in parsing.parsers for action in parser._actions]


def _tell(parsing: Parsing, space: "Any", left: "Sequence[str] | None") -> None:
    running = parsing.running
    running.call.contained(lambda: _declare_secrets(parsing, space))
    forget_unmeant_guess(running)
    hidden = {action.dest for parser in parsing.parsers for action in _subparsers(parser)}
    params = {
        name: value
        for name, value in values_of(space, _destinations(parsing)).items()
        if name not in hidden and not callable(value)
    }
    remainder = _remainder(parsing, params)
    arrive(parsing, params, left or params.get(remainder), holds_left=remainder)
    reader = getattr(parsing.parsers[-1], "_tooltrail_reads", None)
    if reader is not None:
        raise SystemExit(reader(running, params))


def _remainder(parsing: Parsing, params: "dict[str, Any]") -> str:
    """Return the param that took the rest of the command line as it came, or nothing."""
    for parser in parsing.parsers:
        for action in parser._actions:
            if action.nargs == argparse.REMAINDER and params.get(action.dest):
                return str(action.dest)
    return ""


def _declare_secrets(parsing: Parsing, space: "Any") -> None:
    secrets = secrets_of(parsing.parsers)
    if secrets:
        declare(secrets, parsing.running.call)
    given = values_of(space, _destinations(parsing))
    values = [each for each in given.values() if not _is_simple(each)]
    if values:
        from ._secret_types import learn_values

        learn_values(values, parsing.running.call)


def _is_simple(value: "Any") -> bool:
    return is_plain(value) or (type(value) is list and all(map(is_plain, value)))


def _subparsers(parser: "Any") -> "Iterator[Any]":
    """Yield the actions that hold a parser's subcommands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield action


def _extend(running: "ProgramCall", parser: "Any") -> None:
    from ._argparse_options import extend

    extend(running, parser)
