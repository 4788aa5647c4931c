"""What the reading verbs share: their options, and their own recorded call."""

import argparse
import os

from .. import __version__
from .._block import RecordedBlock, invocation
from .._typing import TYPE_CHECKING, Any
from .._wire import OWN_TOOL, PURPOSE_AUDIT
from ..errors import UsageError
from ..query.options import JSON
from ..render.deliver import default_output, fail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import NoReturn

    from ..query.options import Option

_FALLBACK_COLUMNS = 80
# What reading verbs print beside JSON: there, what is wrong is said on stderr.
_TEXTS = frozenset(
    (
        *("table", "tree", "text", "summary", "jsonl", "csv"),
        *("script", "html", "perfetto", "otlp", "parquet", "markdown"),
    )
)


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours to answer.

    It is told how wide the terminal is: to find that out, argparse imports 3 ms of modules.
    """

    def _get_formatter(self) -> argparse.HelpFormatter:
        made: type[argparse.HelpFormatter] = self.formatter_class  # type: ignore[assignment]
        return made(prog=self.prog, width=_columns() - 2)

    def error(self, message: str) -> "NoReturn":
        """Raise a `UsageError` instead of printing and exiting."""
        hint = f"{self.prog} --help shows how it is called"
        raise UsageError(message, hint=self._meant(message) or hint)

    def _meant(self, message: str) -> str | None:
        """Return the option that may have been meant, where there is none such."""
        before, _, words = message.partition("unrecognized arguments: ")
        flag = words.split(" ")[0].partition("=")[0]
        if before or not flag.startswith("--"):
            return None
        from ._hints import nearest

        meant = nearest(flag, self._option_string_actions)
        return meant and f"did you mean {meant}? {self.prog} --help shows all of them"


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or _FALLBACK_COLUMNS
    except (OSError, ValueError):
        return _FALLBACK_COLUMNS


def parser(verb: str, description: str, options: "Iterable[Option]") -> argparse.ArgumentParser:
    """Return the parser of a reading verb, with the options of a query."""
    made = _Parser(prog=f"tooltrail {verb}", description=description, allow_abbrev=False)
    for option in options:
        if option.metavar is None:
            made.add_argument(option.name, action="store_true", help=option.explanation)
        else:
            made.add_argument(option.name, metavar=option.metavar, help=option.explanation)
    return made


def run(
    verb: str,
    made: argparse.ArgumentParser,
    arguments: "Sequence[str]",
    act: "Callable[[RecordedBlock, dict[str, Any]], int]",
) -> int:
    """Parse, and run `act` as a recorded call of tooltrail; return the exit code."""
    try:
        values = vars(made.parse_args(list(arguments)))
    except UsageError as error:
        return refuse(verb, error, arguments)
    values["output"] = values["output"] or default_output()
    given = {name: value for name, value in values.items() if value not in (None, False)}
    with _call(verb, given) as call:
        call.exit_code = act(call, values)
    return call.exit_code


def refuse(verb: str | None, error: UsageError, arguments: "Sequence[str]") -> int:
    """Answer a command line that is not understood, and record that it was tried."""
    with _call(verb, {}) as call:
        call.exit_code = fail(call, error, _asked_output(arguments))
    return call.exit_code


def _asked_output(arguments: "Sequence[str]") -> str:
    """Return the output that a command line asks for which was not understood."""
    for at, argument in enumerate(arguments):
        flag, assigned, value = argument.partition("=")
        if flag == "--output":
            asked = value if assigned else "".join(arguments[at + 1 : at + 2])
            return asked if asked in _TEXTS or asked == JSON else default_output()
    return default_output()


def _call(verb: str | None, params: dict[str, Any]) -> RecordedBlock:
    return invocation(OWN_TOOL, verb, params, version=__version__, purpose=PURPOSE_AUDIT)
