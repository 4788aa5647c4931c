"""Deliver what a reading command found, as the answer of its own recorded call."""

import os
import sys
from collections.abc import Generator
from contextlib import suppress
from errno import EBADF, EPIPE

from .._ending import by_exception
from .._host import say
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE, USAGE_ERROR
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import TooltrailError, UsageError
from ..query.options import JSON, TABLE, query_from
from ..query.search import Search
from ..trail.registry import register_found
from ..trail.segments import sealed_segments
from . import listing
from .progress import Progress
from .safe import safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .._invocation import Invocation
    from ..query.gaps import Gap

_FALLBACK_COLUMNS = 100
_NAMED = 8  # tools


def default_output() -> str:
    """People read on a terminal, programs elsewhere."""
    return TABLE if is_terminal() else JSON


def terminal_columns() -> int | None:
    """Return the width to fit into, or None where output is no terminal: nothing is cut there."""
    if not is_terminal():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _FALLBACK_COLUMNS
    except (OSError, ValueError):
        return _FALLBACK_COLUMNS


def deliver_listing(
    call: "Invocation",
    values: "Mapping[str, Any]",
    output: str,
    paths: "list[str] | None" = None,
) -> int:
    """Print the entries that the options ask for; finish `call`; return the exit code."""
    if values.get("follow") or values.get("cursor_file"):
        from .following import deliver_following

        return deliver_following(call, values, output, paths)
    if values.get("prove_none"):
        from .absence import deliver_absence

        return deliver_absence(call, values, output, paths)

    progress = Progress(sys.stderr, "reading")

    def print_it() -> None:
        fields = fields_from(values.get("fields"))
        search = Search(query_from(values), paths, progress=progress if progress.shown else None)
        unknown = listing.Unknown(fields or ())

        def problems() -> "list[Gap]":
            return [*search.problems(), *unknown.told()]

        pieces = listing.pieces(
            unknown.among(progress.before(search)),
            output,
            columns=terminal_columns(),
            tail=lambda stopped: response_tail(call, problems(), stopped),
            fields=fields,
        )
        try:
            write(pieces, output != JSON)
        finally:
            progress.clear()
        if output != JSON:
            note_problems(call, problems())
        if output == TABLE and not unknown.any:
            say(f"tooltrail: no call was found in the logs that were read{_named(search.paths)}\n")
        tidy(search.paths)

    return deliver(call, output, print_it)


def _named(paths: "Sequence[str]") -> str:
    """Return whose logs were read, for people: `: deployctl, git and 3 more`; of none nothing."""
    tools = [safe(os.path.basename(os.path.dirname(path)), 40) for path in paths]
    more = f" and {len(tools) - _NAMED} more" if len(tools) > _NAMED else ""
    return f": {', '.join(tools[:_NAMED])}{more}" if tools else ": there is none"


def fields_from(text: str | None) -> list[str] | None:
    """Read `--fields`. Raises `UsageError` where a name is none."""
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not name or not all(part for part in name.split(".")):
            raise UsageError(
                f"--fields: {text[:80]!r} has a name that is none",
                hint="write names with commas between: timestamp,tool,params.env",
            )
    return list(dict.fromkeys(names))


def deliver(call: "Invocation", output: str, print_it: "Callable[[], None]") -> int:
    """Answer a call by what `print_it` prints; return the exit code, whatever becomes of it."""
    try:
        print_it()
    except TooltrailError as error:
        return fail(call, error, output)
    except OSError as error:
        return undelivered(call, error)
    call.finish(Ending(0))
    return 0


def deliver_found(
    call: "Invocation",
    output: str,
    found: "Callable[[], dict[str, Any]]",
    lines: "Callable[[], Iterable[str]]",
    *,
    code: int = 0,
    error: "dict[str, Any] | None" = None,
) -> int:
    """Answer with what was found, and an exit code that says what it comes to; finish `call`.

    `found` makes the `data` of a response, `lines` the same for people; only one of them is called.
    Return the exit code.
    """
    call.finish(Ending(code, FAILURE if code else None, error=error))
    try:
        if output == JSON:
            answer = response(
                exit_code=code,
                data=found(),
                error=call.error or error,
                warnings=call.warnings,
                meta=call.meta(),
            )
            write([document(answer, indented=is_terminal())], False)
        else:
            write((line + "\n" for line in lines()), True)
    except OSError as failure:
        return undelivered(call, failure)
    return code


def fail(call: "Invocation", error: TooltrailError, output: str) -> int:
    """Say what went wrong, where the caller looks for it; return the exit code."""
    details = error_fields(error.code, error.message, hint=error.hint)
    outcome = USAGE_ERROR if error.exit_code == 2 else FAILURE
    call.finish(Ending(error.exit_code, outcome, error=details))
    details = call.error or details  # without the secrets that the command line had
    if output == JSON:
        answer = response(
            exit_code=error.exit_code,
            data=None,
            error=details,
            warnings=call.warnings,
            meta=call.meta(),
        )
        try:
            write([document(answer, indented=is_terminal())], False)
        except OSError as failure:
            return undelivered(call, failure)
    else:
        hint = f"\nhint: {details['hint']}" if details.get("hint") else ""
        say(f"error: {details['message']}{hint}\n")
    return error.exit_code


def undelivered(call: "Invocation", error: OSError) -> int:
    """The reader went away, or the disk is full: end with 1, and let the log say so."""
    reason = (error.strerror or str(error)).lower()
    if error.errno != EPIPE:
        say(f"error: stdout: {reason}\n")
    if call.finished:
        call.undelivered(1, f"stdout: {reason}")
    else:
        details = error_fields("UNDELIVERED", f"stdout: {reason}")
        call.finish(Ending(1, FAILURE, error=details))
    sys.stdout = None  # or the interpreter tries to flush it again
    return 1


def response_tail(
    call: "Invocation", problems: "Iterable[Gap]" = (), stopped: BaseException | None = None
) -> "dict[str, Any]":
    """Finish a call that went well, or was stopped; return what its response has beside `data`.

    `problems` are what could not be seen.
    """
    note_problems(call, problems)
    ending = Ending(0) if stopped is None else by_exception(stopped)
    call.finish(ending)
    return {
        "ok": stopped is None,
        "error": ending.error,
        "warnings": call.warnings,
        "meta": call.meta(),
    }


def note_problems(call: "Invocation", problems: "Iterable[Gap]") -> None:
    """Say what could not be seen: on stderr, and among the warnings of the response."""
    for code, problem in problems:
        call.warnings.append({"code": code, "message": problem})
        say(f"tooltrail: {problem}\n")


def tidy(paths: "Sequence[str]") -> None:
    """Do after reading what no writer has time for.

    Register logs whose first writer died too early; compress sealed segments, and prune where
    that was configured, in the background.
    """
    register_found(paths)
    grown = [path for path in paths if sealed_segments(path)]
    if grown:
        from ..trust.retain import start

        start(grown)


def write(pieces: "Iterable[str]", for_people: bool) -> None:
    """Print a stream of text to stdout. Raises `OSError` where it cannot be delivered.

    A generator that is stopped by Ctrl-C or SIGTERM may yield once more: what makes it whole.
    """
    if sys.stdout is None:
        raise OSError(EBADF, os.strerror(EBADF))
    if for_people and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    pieces = iter(pieces)
    try:
        plain = for_people and not prints_unicode()
        for piece in pieces:
            sys.stdout.write(piece.replace("…", "~") if plain else piece)
    except listing.STOPS as stopped:  # while it was written, not while it was made
        if isinstance(pieces, Generator):
            with suppress(*listing.STOPS, StopIteration):
                sys.stdout.write(pieces.throw(stopped))
        raise
    finally:
        sys.stdout.flush()


def prints_unicode() -> bool:
    """Tell whether stdout takes the characters that trees are drawn with."""
    try:
        "├█".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def uses_colour() -> bool:
    """Tell whether to colour: on a terminal that can, unless NO_COLOR is set (no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
