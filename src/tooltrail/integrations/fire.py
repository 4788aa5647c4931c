"""Record a program that is driven by Python Fire: `main = instrument(main)`.

`main` is the function that calls `fire.Fire(component)`. Fire walks from member to member of the
component and calls what it meets; the path of their names is the command, of chained calls too
(`open close` where `open` returns something that has `close`), and the arguments that it parses for
each callable, with the defaults of those that were not given, are the params. The call begins
before the first callable of the component runs, and anew before each further one.
"""

import sys
from types import FunctionType

import fire.core

from .._wire import USAGE_ERROR
from ..entry import Ending, error_fields
from . import ProgramCall, Settings, active, is_outermost, program_name
from ._parsers import ParsingCall, given_arguments, is_told_in_response, running_program
from ._secret_types import with_masked_arguments
from .program import framed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeVar, overload

    _Main = TypeVar("_Main", bound=Callable[..., Any])

_CODES = {  # how Fire's messages begin
    "Could not consume arg: -": "NO_SUCH_OPTION",
    "Could not consume arg:": "NO_SUCH_COMMAND",
    "Cannot find key:": "NO_SUCH_COMMAND",
    "The function received no value": "MISSING_PARAMETER",
    "Missing required flags": "MISSING_PARAMETER",
    "Unexpected kwargs": "NO_SUCH_OPTION",
}


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
    """Return `main`, recorded whenever it is called, with the params that Fire finds.

    Also a decorator, with or without arguments. `tool` names the log and defaults to the program's
    name; `version` defaults to the `__version__` of the package that `main` comes from.

    By default the tool is only observed. With `envelope=True` Fire's result is the `data` of one
    JSON response, in place of what Fire prints, and the program ends by `SystemExit`. `--output
    [text|json|jsonl]` anywhere before a bare `--` is ours, unless something on the way takes a
    parameter of that name: then ours is `--output-format`. `audit-log` as the first argument is
    answered by us (`audit_log=True`: in observe mode too), unless the component is a function or
    has a member of that name.
    """
    _wrap_fire()
    return framed(main, Settings(tool, version, envelope, audit_log), ParsingCall)


def watch() -> None:
    """Observe, from now on, the outermost `fire.Fire` of a program that nobody instrumented."""
    _wrap_fire()
    _watched.append(True)


_watched: list[bool] = []  # whether programs are watched that nobody instrumented
_bare: "dict[str, Any]" = {}  # what of Fire is wrapped, by its name in `fire.core`


def _wrap_fire() -> None:
    core, own = fire.core, fire.core.Fire
    if _bare or not _is_known(core):
        return
    doubles = {"_CallAndUpdateTrace": _call, "_MakeParseFn": _make_parse, "Display": _display}
    doubles |= {"_PrintResult": _print_result, "_DisplayError": _display_error}
    for name, double in doubles.items():
        _bare[name] = getattr(core, name)
        setattr(core, name, double)
    # Its code and not its name: the author may have `from fire import Fire` already.
    _bare["Fire"] = FunctionType(own.__code__, own.__globals__, "Fire", own.__defaults__)
    vars(core)["_tooltrail_fire"] = _fire
    own.__code__ = _entry.__code__


def _is_known(core: "Any") -> bool:
    """Tell a Fire that is made as those since 0.5 are: of any other, the arguments are recorded."""
    code = _entry.__code__
    same = core.Fire.__code__.co_varnames[: code.co_argcount] == code.co_varnames
    parts = ("_CallAndUpdateTrace", "_MakeParseFn", "_PrintResult", "_DisplayError", "Display")
    return same and all(hasattr(core, name) for name in parts)


def _entry(component=None, command=None, name=None, serialize=None):  # type: ignore[no-untyped-def]
    return _tooltrail_fire(component, command, name, serialize)  # type: ignore[name-defined] # noqa: F821


class _Walk:
    """One `fire.Fire`: what was met on the way, and what it was given."""

    def __init__(self, running: ProgramCall) -> None:
        self.running = running
        self.trace: Any = None  # Fire's own, of the callable that is next
        self.params: dict[str, Any] = {}
        self.component: Any = None  # where it starts
        self.secret = False  # whether what is being parsed takes a secret


class _Asked:
    """What `fire.Fire` was called with, and from where: Fire looks at its caller's variables."""

    def __init__(self, *given: "Any", caller: "FrameType") -> None:
        self.component, self.command, self.name, self.serialize = given
        self._caller = caller

    def run(self) -> "Any":
        """Call Fire; where it wants its caller's variables, from a frame that has them."""
        given = (self.component, self.command, self.name, self.serialize)
        if self.component is not None and not _may_be_interactive(self.command):
            return _bare["Fire"](*given)
        from ._fire_options import call_from

        return call_from(self._caller, _bare["Fire"], given)


def _may_be_interactive(command: "Any") -> bool:
    given = command.split() if isinstance(command, str) else given_arguments(command)
    return "-i" in given or any(each.startswith("--i") for each in given)


def _walk() -> _Walk | None:
    """Return the outermost walk of the program that runs here, or None."""
    running = active.get()
    if not isinstance(running, ProgramCall):
        return None
    return running.parsing if isinstance(running.parsing, _Walk) else None


def _fire(component: "Any", command: "Any", name: "Any", serialize: "Any") -> "Any":
    asked = _Asked(component, command, name, serialize, caller=sys._getframe(2))
    if command is not None and not isinstance(command, (str, list, tuple)):
        return _bare["Fire"](component, command, name, serialize)  # it will refuse that
    running = running_program()
    if running is None:
        if not _watched or not is_outermost():
            return asked.run()
        with ProgramCall(Settings(auto=True), program_name()) as running:
            return running.observe(lambda: _walked(running, asked))
    if isinstance(running.parsing, _Walk):  # inside another
        return asked.run()
    return _walked(running, asked)


def _walked(running: "Any", asked: _Asked) -> "Any":
    walk = running.parsing = _Walk(running)
    walk.component = asked.component
    if running.settings.audit_log:
        from ._fire_options import without_ours

        asked.command = without_ours(running, asked.component, asked.command)
    elif asked.command is not None:
        running.call.contained(lambda: _note_arguments(running, asked.command))
    try:
        result = asked.run()
    except fire.core.FireExit as error:
        _note_exit(walk, error.code or 0, error.trace)
        raise
    finally:
        running.parsing = None
    if not running.call.begun:  # nothing was called: a member was looked at
        _arrive(walk, [])
    else:
        _describe(walk)
    if running.answer is not None and not running.call.finished:
        _keep(running, result)
    return result


def _keep(running: "Any", result: "Any") -> None:
    if is_told_in_response(running):
        from ._outcome import show

        show(running, result)
    else:
        running.value = result  # Fire has printed it


def _note_arguments(running: ProgramCall, command: "Any") -> None:
    if isinstance(command, str):
        from shlex import split

        command = split(command)
    running.call.argv = [*running.call.argv[:1], *given_arguments(command)]


def _call(
    component: "Any", args: "Any", component_trace: "Any", *more: "Any", **named: "Any"
) -> "Any":
    walk = _walk()
    if walk is not None:
        walk.trace = component_trace
    return _bare["_CallAndUpdateTrace"](component, args, component_trace, *more, **named)


def _make_parse(function: "Any", metadata: "Any") -> "Any":
    parse = _bare["_MakeParseFn"](function, metadata)
    walk = _walk()
    if walk is None:
        return parse
    walk.running.call.contained(lambda: _declare_secrets(walk, function))

    def parse_and_begin(args: "Any") -> "Any":
        parsed = parse(args)
        walk.secret = False  # what was one is a param now
        (values, named), _, left, *_ = parsed
        walk.running.call.contained(lambda: _note_params(walk, function, values, named))
        _arrive(walk, left)
        return parsed

    return parse_and_begin


def _declare_secrets(walk: _Walk, function: "Any") -> None:
    from ._fire_arguments import declared_flags, secrets_of

    names = secrets_of(function)
    if names:
        walk.secret = True
        walk.running.call.declare_secrets(declared_flags(names))


def _note_params(walk: _Walk, function: "Any", values: "Any", named: "Any") -> None:
    from ._fire_arguments import params_of

    owner = str(getattr(function, "__name__", type(function).__name__))
    for key, value in params_of(function, values, named).items():
        walk.params[f"{owner}.{key}" if key in walk.params else key] = value


def _arrive(walk: _Walk, left: "list[str]") -> None:
    """Begin before a callable runs; the arguments that are left may be another's secrets."""
    path, call = _path(walk), walk.running.call
    if not left:
        walk.running.arrive(path, walk.params)
        return
    with_masked_arguments(call, path.split(), lambda: walk.running.arrive(path, walk.params))
    _describe(walk)  # the end line has all of it


def _describe(walk: _Walk) -> None:
    walk.running.call.describe(_path(walk) or walk.running.call.tool, walk.params)


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


def _note_exit(walk: _Walk, code: int, trace: "Any") -> None:
    """Note what Fire ends by itself: a usage error, or its help."""
    walk.trace, call = trace, walk.running.call
    if code and not walk.secret:
        call.contained(lambda: _hide_after_misspelt(walk))
    if walk.secret and code:  # nobody knows which of the arguments it would have been
        path = _path(walk).split()
        hidden = [each for each in call.argv[1:] if each not in path and each[:1] != "-"]
        call.contained(lambda: call.redactor.learn(hidden))
        with_masked_arguments(call, path, lambda: _describe(walk))
    else:
        _describe(walk)
    walk.running.told = Ending(0)
    if code:
        last = trace.elements[-1]
        message = str(last.ErrorAsStr()) if last.HasError() else "the command line is wrong"
        error = next((name for start, name in _CODES.items() if message.startswith(start)), None)
        hint = f"{call.tool} --help shows how it is called"
        details = error_fields(error or USAGE_ERROR.upper(), message, hint=hint)
        walk.running.told = Ending(code, USAGE_ERROR, error=details)


def _hide_after_misspelt(walk: _Walk) -> None:
    """Take the arguments of a command that does not exist for secrets, where it may be misspelt."""
    from ._fire_arguments import any_takes_secret

    if any_takes_secret(walk.component):
        call, path = walk.running.call, _path(walk).split()
        words = [each for each in call.argv[1:] if each not in path and each[:1] != "-"]
        call.redactor.learn(words[1:])


def _display_error(trace: "Any") -> None:
    running = running_program()
    if running is None or not is_told_in_response(running):
        _bare["_DisplayError"](trace)


def _display(lines: "Any", out: "Any") -> None:
    """Show help, and Fire's trace: on stdout where that is kept for the response."""
    running = running_program()
    if running is not None and is_told_in_response(running):
        print("\n".join(lines))
    else:
        _bare["Display"](lines, out)


def _print_result(component_trace: "Any", *more: "Any", **named: "Any") -> "Any":
    """Print what Fire's walk came to, unless it is the data of a response."""
    walk = _walk()
    if walk is not None:
        walk.trace = component_trace
        if is_told_in_response(walk.running):
            return None
    return _bare["_PrintResult"](component_trace, *more, **named)
