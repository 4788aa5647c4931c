"""What envelope mode adds to a Fire CLI: `--output` and `audit-log`, before Fire sees them."""

import sys
from typing import TYPE_CHECKING, Any

from .._wire import PURPOSE_AUDIT
from ..envelope import FORMATS
from . import AUDIT_LOG
from ._outcome import OUTPUT_OPTIONS, choose, forget_guess, read_the_log
from ._parsers import given_arguments

if TYPE_CHECKING:
    from . import ProgramCall

_DEPTH = 3  # of members of members that are looked at


def without_ours(running: "ProgramCall", component: Any, command: Any) -> list[str]:
    """Return what Fire is to see; answer `audit-log` here, which ends by `SystemExit`."""
    if isinstance(command, str):
        from shlex import split

        command = split(command)
    given = given_arguments(command)
    running.call.argv = [*running.call.argv[:1], *given]
    if given[:1] == [AUDIT_LOG] and not hasattr(component, AUDIT_LOG.replace("-", "_")):
        _read_the_log(running, given[1:])
    if running.answer is None:
        return given
    taken = {option for option in OUTPUT_OPTIONS if _takes(component, option[2:].replace("-", "_"))}
    forget_guess(running, taken)
    free = next((option for option in OUTPUT_OPTIONS if option not in taken), None)
    return given if free is None else _without_output(running, given, free)


def _takes(component: Any, name: str, depth: int = 0) -> bool:
    """Tell whether a component, or what it has as members, takes a parameter of this name."""
    function = getattr(component, "__func__", component)
    if isinstance(component, type):
        function = vars(component).get("__init__")
    code = getattr(function, "__code__", None)
    if code is not None:
        count = code.co_argcount + code.co_kwonlyargcount
        if name in code.co_varnames[:count]:
            return True
    if depth == _DEPTH or (code is not None and not isinstance(component, type)):
        return False
    holders = [component] if isinstance(component, dict) else []
    holders += [vars(one) for one in (component, type(component)) if hasattr(one, "__dict__")]
    return any(
        _takes(member, name, depth + 1)
        for holder in holders
        for key, member in list(holder.items())
        if not str(key).startswith("_")
    )


def _without_output(running: "ProgramCall", given: list[str], option: str) -> list[str]:
    left: list[str] = []
    arguments = iter(given)
    for argument in arguments:
        if argument == "--":
            return [*left, argument, *arguments]
        name, assigned, value = argument.partition("=")
        if name != option:
            left.append(argument)
            continue
        if not assigned:
            value = next(arguments, "")
        if value in FORMATS:
            choose(running, value)
        else:  # no format of ours: the component's own
            left += [argument] if assigned else [argument, value]
    return left


def _read_the_log(running: "ProgramCall", arguments: list[str]) -> None:
    import argparse

    from ._argparse_options import add_reading_options

    parser = argparse.ArgumentParser(f"{running.call.tool} {AUDIT_LOG}")
    keys = add_reading_options(parser)
    asked = vars(parser.parse_args(arguments))
    running.arrive(AUDIT_LOG, asked, purpose=PURPOSE_AUDIT)
    values = {key: asked[key] for key in keys}
    sys.exit(read_the_log(running, values, asked["output"], verify=asked["verify"]))
