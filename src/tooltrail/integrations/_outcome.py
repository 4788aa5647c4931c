"""How a framework's call ended, and its one response in envelope mode: off the plain path."""

from .._ending import by_exception, by_exit_code, undelivered
from .._stdout import is_terminal, print_text
from .._wire import CRASHED, FORMATS, JSON, TEXT
from ..entry import Ending
from ..envelope import data_as_text
from ..errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from . import FrameworkCall

OUTPUT_OPTIONS = ("--output", "--output-format")  # the second where the author has the first
OUTPUT_HELP = "How to answer: text on a terminal, json elsewhere."
AUDIT_LOG_HELP = "Show what this tool was called with, and how each call ended."


def ending_of_call(
    running: "FrameworkCall", error: BaseException | None, value: "Any" = None
) -> Ending:
    """Return how a call ended by what left its main function, or what that returned.

    An integer that is returned is the exit code, as `sys.exit(main())` has it. Where the
    framework said more of the same ending (a usage error, say), that is what is told.
    """
    if not running.call.begun and running.call.command is None:
        running.call.describe(running.call.tool, {})
    if error is not None:
        ending = by_exception(error)
        if isinstance(error, CommandError) and running.answer is None:
            ending.exit_code = 1  # nobody turns it into an exit code
    else:
        ending = by_exit_code(value) if is_exit_code(value) else Ending(0)
    told: Ending | None = getattr(running, "told", None)
    return told if told is not None and told.exit_code == ending.exit_code else ending


def is_exit_code(value: "Any") -> bool:
    """Tell whether what a main function returned is its exit code: an int, but not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def answer(running: "FrameworkCall", args: "Sequence[str]", run: "Callable[[bool], Any]") -> "Any":
    """Run the tool for one response, in which every ending of it is told."""
    with Answering(running, args) as text:
        run(text)


class Answering:
    """The block in which a tool runs for one response: entering tells whether that is text."""

    def __init__(self, running: "FrameworkCall", args: "Sequence[str]") -> None:
        from .._answer import Answer

        running.guessed_from, guess = _first_guess(args)
        output = guess or (TEXT if is_terminal() else JSON)
        self._running = running
        self._answer = running.answer = Answer(running.call, output)

    def __enter__(self) -> bool:
        self._answer.__enter__()
        return self._answer.output == TEXT

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        """Answer, and end the program by `SystemExit`, by its signal, or by its crash."""
        try:
            _give(self._running, failure)
        finally:
            self._answer.__exit__()


def _give(running: "FrameworkCall", failure: BaseException | None) -> None:
    from .._signals import Terminated, die_by

    assert running.answer is not None
    ending = running.ending(failure)  # what was returned is data, unless it was the exit code
    if not running.call.begun and ending.exit_code == 0 and running.answer.output != TEXT:
        running.value = {"text": running.answer.take_printed()}  # --help, --version
    if running.lost is not None and not ending.exit_code:
        ending = undelivered(running.lost, 1)
    due = ending.exit_code or 0
    if not running.call.finished:
        due = running.answer.give(ending, running.value if ending.exit_code == 0 else None)
    if isinstance(failure, Terminated):
        die_by(failure.number)
    if ending.outcome == CRASHED and failure is not None:
        raise failure
    raise SystemExit(due)


def show(running: "FrameworkCall", value: "Any") -> None:
    """Keep what the command returned, and print it where the output is text."""
    running.value = value
    assert running.answer is not None
    if running.answer.output == TEXT and not running.call.finished:
        running.lost = print_text(data_as_text(value))


def forget_guess(running: "FrameworkCall", taken: "set[str]") -> None:
    """Take back what was read off an `--output` that turns out to be the author's."""
    if running.answer is not None and running.guessed_from in taken:
        running.guessed_from = None
        running.answer.switch(TEXT if is_terminal() else JSON)


def choose(running: "FrameworkCall | None", output: str | None) -> None:
    """Answer in the format that the caller asked for, now that it is parsed."""
    if running is not None and running.answer is not None and output is not None:
        running.answer.switch(output)


def read_the_log(
    running: "FrameworkCall", values: "dict[str, Any]", output: str | None, *, verify: bool
) -> int:
    """Answer `TOOL audit-log` on stdout, and return its exit code; `values` by option's key."""
    from ..render.deliver import default_output, deliver_listing

    output, path = output or default_output(), running.call.path
    if running.answer is not None:
        running.answer.hand_over(rows=output != JSON or bool(values.get("follow")))
    if verify:
        from ..render.verdict import deliver_verification

        return deliver_verification(running.call, [path], {}, output)
    return deliver_listing(running.call, values, output, [path])


def _first_guess(args: "Sequence[str]") -> "tuple[str | None, str | None]":
    """Read `--output` off arguments that are not parsed yet: usage errors need it too."""
    guess: tuple[str | None, str | None] = None, None
    for position, argument in enumerate(args):
        if argument == "--":
            break
        flag, assigned, value = argument.partition("=")
        if flag in OUTPUT_OPTIONS:
            value = value if assigned else "".join(args[position + 1 : position + 2])
            guess = (flag, value) if value in FORMATS else guess
    return guess
