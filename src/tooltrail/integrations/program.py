"""Record a program by the function that it starts with: `main = instrument(main)`.

For a hand-written command line, and for the frameworks in which the author's own function calls
the parser (argparse, optparse, Fire): theirs are this, and what the parser knows beside it.
"""

import sys
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from . import ProgramCall, Settings, program_name, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

_Main = TypeVar("_Main", bound="Callable[..., Any]")


def instrument(
    main: _Main, *, tool: str | None = None, version: str | None = None, envelope: bool = False
) -> _Main:
    """Return `main`, recorded whenever it is called: a program's call from its start to its end.

    `tool` names the log and defaults to the program's name; `version` defaults to `__version__` of
    the package that `main` comes from. What was called is in `params` as `argv`.

    By default the program is only observed, and an integer that `main` returns is its exit code,
    as `sys.exit(main())` has it. With `envelope=True` anything else that `main` returns is the
    `data` of one JSON response, and the program ends by `SystemExit` with its exit code.
    """
    if not callable(main):
        raise TypeError(f"instrument() takes a function, not {type(main).__name__}")
    return framed(main, Settings(tool, version, envelope), RawProgramCall)


class RawProgramCall(ProgramCall):
    """A program that nothing is known of but its arguments: begins at once."""

    def start(self) -> None:
        """Begin before `main` runs."""
        self.arrive(None, {"argv": self.call.argv[1:]})


def framed(main: _Main, settings: Settings, kind: type[ProgramCall]) -> _Main:
    """Return a function that runs `main` as a call of this kind."""

    def run_main(*args: Any, **kwargs: Any) -> Any:
        with kind(settings, program_name(), version=version_of(main)) as running:
            if not settings.envelope:
                return running.observe(lambda: _started(running, main, args, kwargs))

            def run(_text: bool) -> None:
                from ._outcome import is_exit_code, show

                value = _started(running, main, args, kwargs)
                if is_exit_code(value):
                    sys.exit(value)
                if value is not None:
                    show(running, value)

            return running.reply(sys.argv[1:], run)

    update_wrapper(run_main, main)
    return run_main  # type: ignore[return-value]


def _started(running: ProgramCall, main: "Callable[..., Any]", args: Any, kwargs: Any) -> Any:
    running.start()
    return main(*args, **kwargs)
