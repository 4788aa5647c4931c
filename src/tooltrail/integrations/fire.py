"""Record a program that is driven by Python Fire: `main = instrument(main)`.

`main` is the function that calls `fire.Fire(component)`. Fire walks from member to member of the
component and calls what it meets; the path of their names is the command, and the arguments that
it parses for each callable, with the defaults of those that were not given, are the params. The
call begins before the first callable of the component runs, and anew before each further one.
"""

from typing import TYPE_CHECKING, Any

import fire
import fire.core

from .._wire import USAGE_ERROR
from ..entry import Ending, error_fields
from . import ProgramCall, Settings, active, is_outermost, program_name
from ._parsers import ParsingCall, given_arguments, is_told_in_response, running_program
from .program import framed

if TYPE_CHECKING:
    from collections.abc import Callable


def instrument(
    main: "Callable[..., Any] | None" = None,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
    audit_log: bool = False,
) -> Any:
    """Return `main`, recorded whenever it is called, with the params that Fire finds.

    Also a decorator, with or without arguments. `tool` names the log and defaults to the program's
    name; `version` defaults to the `__version__` of the package that `main` comes from.

    By default the tool is only observed. With `envelope=True` Fire's result is the `data` of one
    JSON response, in place of what Fire prints, and the program ends by `SystemExit`; `--output
    [text|json|jsonl]` anywhere before a bare `--` is ours, and never gets to the component, and
    `audit-log` as the first argument is answered by us (`audit_log=True`: in observe mode too).
    A component with a member of that name keeps it; where something in it takes a parameter
    `output`, ours is `--output-format`.
    """
    _wrap_fire()
    return framed(main, Settings(tool, version, envelope, audit_log), ParsingCall)


def watch() -> None:
    """Observe, from now on, the outermost `fire.Fire` of a program that nobody instrumented."""
    _wrap_fire()
    _watched.append(True)


_watched: list[bool] = []  # whether programs are watched that nobody instrumented
_bare: dict[str, Any] = {}  # what of Fire is wrapped, by its name in `fire.core`


def _wrap_fire() -> None:
    if _bare:
        return
    doubles = {"Fire": _fire, "_CallAndUpdateTrace": _call, "_MakeParseFn": _make_parse}
    doubles |= {"_PrintResult": _print_result, "_DisplayError": _display_error}
    doubles["Display"] = _display
    for name, double in doubles.items():
        _bare[name] = getattr(fire.core, name)
        setattr(fire.core, name, double)
    fire.Fire = _fire


class _Walk:
    """One `fire.Fire`: what was met on the way, and what it was given."""

    def __init__(self, running: ProgramCall) -> None:
        self.running = running
        self.trace: Any = None  # Fire's own, of the callable that is next
        self.callable: Any = None
        self.params: dict[str, Any] = {}


def _walk() -> _Walk | None:
    """Return the outermost walk of the program that runs here, or None."""
    running = active.get()
    if not isinstance(running, ProgramCall):
        return None
    return running.parsing if isinstance(running.parsing, _Walk) else None


def _fire(
    component: Any = None, command: Any = None, name: Any = None, serialize: Any = None
) -> Any:
    running = running_program()
    if running is None:
        if not _watched or not is_outermost():
            return _bare["Fire"](component, command, name, serialize)
        with ProgramCall(Settings(auto=True), program_name()) as running:
            return running.observe(lambda: _walked(running, component, command, name, serialize))
    if isinstance(running.parsing, _Walk):  # inside another
        return _bare["Fire"](component, command, name, serialize)
    return _walked(running, component, command, name, serialize)


def _walked(running: Any, component: Any, command: Any, name: Any, serialize: Any) -> Any:
    running.parsing = _Walk(running)
    if running.settings.audit_log:
        from ._fire_options import without_ours

        command = without_ours(running, component, command)
    elif command is not None:
        running.call.contained(lambda: _note_arguments(running, command))
    try:
        result = _bare["Fire"](component, command, name, serialize)
    except fire.core.FireExit as stopped:
        ending = stopped
        running.call.contained(lambda: _note_exit(running, ending))
        raise
    finally:
        walk, running.parsing = running.parsing, None
    if not running.call.begun:  # nothing was called: a member was looked at
        _arrive(walk)
    if running.answer is not None and not running.call.finished:
        from ._outcome import show

        show(running, result)
    return result


def _note_arguments(running: ProgramCall, command: Any) -> None:
    if isinstance(command, str):
        from shlex import split

        command = split(command)
    running.call.argv = [*running.call.argv[:1], *given_arguments(command)]


def _call(component: Any, args: Any, component_trace: Any, *more: Any, **named: Any) -> Any:
    walk = _walk()
    if walk is not None:
        walk.trace, walk.callable = component_trace, component
    return _bare["_CallAndUpdateTrace"](component, args, component_trace, *more, **named)


def _make_parse(function: Any, metadata: Any) -> Any:
    parse = _bare["_MakeParseFn"](function, metadata)
    walk = _walk()
    if walk is None:
        return parse

    def parse_and_begin(args: Any) -> Any:
        parsed = parse(args)
        (values, named), *_ = parsed
        walk.running.call.contained(lambda: _note_params(walk, function, values, named))
        _arrive(walk)
        return parsed

    return parse_and_begin


def _note_params(walk: _Walk, function: Any, values: Any, named: Any) -> None:
    from fire.inspectutils import GetFullArgSpec

    spec = GetFullArgSpec(function)
    names = list(spec.args)
    params = dict(zip(names, values, strict=False))
    if spec.varargs is not None and len(values) > len(names):
        params[spec.varargs] = list(values[len(names) :])
    params |= {**spec.kwonlydefaults, **named}
    for key, value in params.items():
        walk.params[f"{_name_of(function)}.{key}" if key in walk.params else key] = value


def _arrive(walk: Any) -> None:
    walk.running.arrive(_path(walk), walk.params)


def _path(walk: _Walk) -> str:
    """Return the names of the members on the way: `db migrate`; none for the component itself."""
    if walk.trace is None:
        return ""
    names = [
        str(element.args[0])
        for element in walk.trace.elements
        if element.args and element._action == "Accessed property"
    ]
    return " ".join(names)


def _name_of(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _note_exit(running: ProgramCall, error: Any) -> None:
    """Note what Fire ends by itself: a usage error, or its help."""
    code = error.code or 0
    walk = running.parsing
    trace = error.trace
    if isinstance(walk, _Walk):
        walk.trace = trace
        if not running.call.begun:
            running.call.describe(_path(walk) or running.call.tool, {})
    if not code:
        running.told = Ending(0)
        return
    last = trace.elements[-1]
    message = last.ErrorAsStr() if last.HasError() else "the command line was not understood"
    hint = f"{running.call.tool} --help shows how it is called"
    running.told = Ending(code, USAGE_ERROR, error=error_fields("USAGE_ERROR", message, hint=hint))


def _display_error(trace: Any) -> None:
    running = running_program()
    if running is None or not is_told_in_response(running):
        _bare["_DisplayError"](trace)


def _display(lines: Any, out: Any) -> None:
    """Show help, and Fire's trace: on stdout where that is kept for the response."""
    running = running_program()
    told = running is not None and is_told_in_response(running)
    if told:
        print("\n".join(lines))
    else:
        _bare["Display"](lines, out)


def _print_result(*args: Any, **named: Any) -> Any:
    """Print what Fire's walk came to, unless it is the data of a response."""
    running = active.get()
    if running is None or running.answer is None:
        return _bare["_PrintResult"](*args, **named)
    return None
