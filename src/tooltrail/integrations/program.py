"""Record a program by the function that it starts with: `main = instrument(main)`.

For a hand-written command line, and for the frameworks in which the author's own function calls
the parser (argparse, optparse, Fire): theirs are this, and what the parser knows beside it.
"""

import os
import sys

from .._host import say
from .._wire import TEXT
from . import ProgramCall, Settings, program_name, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, overload

    _Main = TypeVar("_Main", bound=Callable[..., Any])

_COPIED = ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__")
_DOUBLE = "_tooltrail_double"  # of a recorded function: itself, and what it records
_COROUTINE = 0x80  # CO_COROUTINE of a code object's flags: `inspect` costs several ms


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
    """Return `main`, recorded whenever it is called: a program's call from its start to its end.

    Also a decorator: `@instrument`, or `@instrument(tool="nightly")`. `tool` names the log and
    defaults to the program's name; `version` defaults to `__version__` of the package that `main`
    comes from. What was called is in `params` as `argv`. A coroutine function stays one.

    By default the program is only observed, and an integer that `main` returns is its exit code,
    as `sys.exit(main())` has it. With `envelope=True` anything else that `main` returns is the
    `data` of one JSON response, and the program ends by `SystemExit` with its exit code.
    """
    return framed(main, Settings(tool, version, envelope), RawProgramCall)


class RawProgramCall(ProgramCall):
    """A program that nothing is known of but its arguments: begins at once."""

    def start(self) -> None:
        """Begin before `main` runs."""
        self.arrive(None, self.arguments())


def framed(main: "Any", settings: Settings, kind: type[ProgramCall]) -> "Any":
    """Return a function that runs `main` as a call of this kind; without `main`, a decorator."""
    if main is None:
        return lambda function: framed(function, settings, kind)
    if not callable(main):
        raise TypeError(f"instrument() takes a function, not {type(main).__name__}")
    double, original = getattr(main, _DOUBLE, (None, None))
    if double is main:  # again, with other settings; and not a wrapper that took our attributes
        return framed(original, settings, kind)

    def begin() -> ProgramCall:
        return kind(settings, program_name(), version=version_of(main))

    def run_main(*args: "Any", **kwargs: "Any") -> "Any":
        if is_completing():
            return main(*args, **kwargs)
        with begin() as running:

            def run(_text: bool = True) -> "Any":
                running.start()
                try:
                    value = main(*args, **kwargs)
                except Exception as error:
                    _tell(running, error)
                    raise
                if running.answer is not None:
                    _keep(running, value)
                return value

            if settings.envelope:
                return running.reply(sys.argv[1:], run)
            return running.observe(run)

    async def run_coroutine(*args: "Any", **kwargs: "Any") -> "Any":
        if is_completing():
            return await main(*args, **kwargs)
        with begin() as running:
            if settings.envelope:
                from ._outcome import Answering

                with Answering(running, sys.argv[1:]):
                    running.start()
                    try:
                        _keep(running, await main(*args, **kwargs))
                    except Exception as error:
                        _tell(running, error)
                        raise
            with running.observing():
                running.start()
                running.value = await main(*args, **kwargs)
            return running.value

    flags = getattr(getattr(main, "__code__", None), "co_flags", 0)
    recorded = run_coroutine if flags & _COROUTINE else run_main
    _dress(recorded, main)
    setattr(recorded, _DOUBLE, (recorded, main))
    return recorded


def _dress(double: "Any", function: "Any") -> None:
    """Have the double look like the function: what `functools.update_wrapper` does, unimported."""
    for name in _COPIED:
        if hasattr(function, name):
            setattr(double, name, getattr(function, name))
    vars(double).update(getattr(function, "__dict__", {}))
    double.__wrapped__ = function


def is_completing() -> bool:
    """Tell a shell that asks for completions, by argcomplete: no call of the tool."""
    return "_ARGCOMPLETE" in os.environ


def _tell(running: ProgramCall, error: Exception) -> None:
    """Print an author's error for a person, where the response is text."""
    from ..errors import CommandError

    if not isinstance(error, CommandError) or running.answer is None:
        return
    if running.answer.output == TEXT:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        say(f"error: {error.message}{hint}\n")


def _keep(running: ProgramCall, value: "Any") -> None:
    """Take what `main` returned for the exit code, or for the data of the response."""
    from ._outcome import is_exit_code, show

    if value is running.value:  # shown already, or nothing
        return
    if is_exit_code(value):
        raise SystemExit(value)  # and not `sys.exit`, which may be the tool's own by now
    if value is not None and not running.call.finished:
        show(running, value)
