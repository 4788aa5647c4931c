"""What only some calls of a Fire CLI need: `--output`, `audit-log`, and the caller's variables."""

import argparse
import warnings
from inspect import isroutine

from .._typing import TYPE_CHECKING, Any
from .._wire import FORMATS, PURPOSE_AUDIT
from . import AUDIT_LOG
from ._fire_arguments import member, takes
from ._outcome import OUTPUT_OPTIONS, choose, forget_guess, read_the_log
from ._parsers import given_arguments, is_told_in_response, note_error, running_program

if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from . import ProgramCall


def without_ours(running: "ProgramCall", component: Any, command: Any) -> list[str]:
    """Return what Fire is to see; answer `audit-log` here, which ends by `SystemExit`."""
    if isinstance(command, str):
        from shlex import split

        command = split(command)
    given = given_arguments(command)
    running.call.argv = [*running.call.argv[:1], *given]
    if given[:1] == [AUDIT_LOG] and not isroutine(component) and not member(component, AUDIT_LOG):
        _read_the_log(running, given[1:])
    return given if running.answer is None else _without_output(running, component, given)


def _without_output(running: "ProgramCall", component: Any, given: list[str]) -> list[str]:
    end = given.index("--") if "--" in given else len(given)
    taken = {
        name
        for name in OUTPUT_OPTIONS
        if takes(component, given[:end], name.lstrip("-").replace("-", "_"))
    }
    forget_guess(running, taken)
    free = next((name for name in OUTPUT_OPTIONS if name not in taken), None)
    left: list[str] = []
    arguments = iter(given[:end])
    for argument in arguments:
        name, assigned, value = argument.partition("=")
        if name != free:
            left.append(argument)
            continue
        value = value if assigned else next(arguments, "")
        if value not in FORMATS:
            _refuse(running, f"{free}: {value!r} is none of {', '.join(FORMATS)}")
        running.guessed_from = None  # it was meant for us
        choose(running, value)
    return left + given[end:]


def _refuse(running: "ProgramCall", message: str) -> "NoReturn":
    note_error(running, f"option {message}", f"{running.call.tool} --help shows how it is called")
    running.call.describe(running.call.tool, {})
    if not is_told_in_response(running):
        from .._host import say

        say(f"ERROR: {message}\n")
    raise SystemExit(2)


class _Parser(argparse.ArgumentParser):
    """The parser of `audit-log`: its errors are told in the response."""

    def error(self, message: str) -> "NoReturn":
        """Answer a wrong command line."""
        running = running_program()
        if running is not None:
            note_error(running, message, f"{self.prog} --help shows how it is called")
            running.call.describe(AUDIT_LOG, {})
            if is_told_in_response(running):
                raise SystemExit(2)
        super().error(message)


def _read_the_log(running: "ProgramCall", arguments: list[str]) -> None:
    from ._argparse_options import add_reading_options

    parser = _Parser(f"{running.call.tool} {AUDIT_LOG}")
    keys = add_reading_options(parser)
    asked = vars(parser.parse_args(arguments))
    running.arrive(AUDIT_LOG, asked, purpose=PURPOSE_AUDIT)
    values = {key: asked[key] for key in keys}
    raise SystemExit(read_the_log(running, values, asked["output"], verify=asked["verify"]))


def call_from(frame: "FrameType", function: Any, given: tuple[Any, ...]) -> Any:
    """Call a function so that it finds the variables of this frame in those of its caller.

    No name is added to them: what is called, and with what, are constants of the calling code.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a text cannot be called
        places = tuple(f"{number}" for number in range(len(given) + 1))
        source = f"'0'({', '.join(map(repr, places[1:]))})"
        code = compile(source, __file__, "eval")
    wanted = dict(zip(places, (function, *given), strict=True))
    constants = tuple(wanted.get(each, each) for each in code.co_consts)
    return eval(code.replace(co_consts=constants), frame.f_globals, frame.f_locals)
