"""Deliver what a reading command found, as the answer of its own recorded call."""

import os
import sys
from errno import EBADF, EPIPE
from typing import TYPE_CHECKING, Any

from .._host import say
from .._stdout import is_terminal
from .._wire import FAILURE, USAGE_ERROR
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import NotFoundError, TooltrailError, UsageError
from ..query.options import JSON, TABLE, query_from
from ..query.search import Search
from ..reconstruct import rebuild
from ..trail.registry import register_found
from ..trail.segments import sealed_segments
from . import listing, summary, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .._invocation import Invocation

SUMMARY = "summary"
_FALLBACK_COLUMNS = 100


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
    paths: "Sequence[str] | None" = None,
) -> int:
    """Print the entries that the options ask for; finish `call`; return the exit code."""

    def print_it() -> None:
        fields = _fields(values.get("fields"))
        search = Search(query_from(values), paths)

        def tail() -> "dict[str, Any]":
            _note_problems(call, search)
            return _response_tail(call)

        pieces = listing.pieces(
            search, output, columns=terminal_columns(), tail=tail, fields=fields
        )
        write(pieces, output != JSON)
        if output != JSON:
            _note_problems(call, search)
        tidy(search.paths)

    return _deliver(call, output, print_it)


def _fields(text: str | None) -> list[str] | None:
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


def deliver_trace(
    call: "Invocation", trace_id: str, values: "Mapping[str, Any]", output: str
) -> int:
    """Print one trace as a tree; finish `call`; return the exit code."""

    def print_it() -> None:
        search = Search(query_from({**values, "trace_id": trace_id}))
        trace = rebuild(trace_id, search)
        _note_problems(call, search)
        tidy(search.paths)
        if not trace.roots:
            raise NotFoundError(
                f"no call of trace {trace_id!r} is in the {len(search.paths)} logs that were read",
                hint="tooltrail log --since 1d shows what there is, each call with its trace",
            )
        if output == JSON:
            answer = {"data": trace.as_json(), **_response_tail(call)}
            write([document(answer, indented=is_terminal())], False)
            return
        if output == SUMMARY:
            drawn: Iterable[str] = summary.lines(trace, [text for _, text in search.problems()])
        else:
            signs = tree.Signs(unicode=_prints_unicode())
            drawn = tree.lines(trace, columns=terminal_columns(), signs=signs)
        write((line + "\n" for line in drawn), True)

    return _deliver(call, output, print_it)


def _deliver(call: "Invocation", output: str, print_it: "Callable[[], None]") -> int:
    try:
        print_it()
    except TooltrailError as error:
        return fail(call, error, output)
    except OSError as error:
        return undelivered(call, error)
    call.finish(Ending(0))
    return 0


def fail(call: "Invocation", error: TooltrailError, output: str) -> int:
    """Say what went wrong, where the caller looks for it; return the exit code."""
    details = error_fields(error.code, error.message, hint=error.hint)
    outcome = USAGE_ERROR if error.exit_code == 2 else FAILURE
    call.finish(Ending(error.exit_code, outcome, error=details))
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
        hint = f"\nhint: {error.hint}" if error.hint else ""
        say(f"error: {error.message}{hint}\n")
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


def _response_tail(call: "Invocation") -> "dict[str, Any]":
    call.finish(Ending(0))
    return {"ok": True, "error": None, "warnings": call.warnings, "meta": call.meta()}


def _note_problems(call: "Invocation", search: Search) -> None:
    for code, problem in search.problems():
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
    """Print a stream of text to stdout. Raises `OSError` where it cannot be delivered."""
    if sys.stdout is None:
        raise OSError(EBADF, os.strerror(EBADF))
    if for_people and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    for piece in pieces:
        sys.stdout.write(piece)
    sys.stdout.flush()


def _prints_unicode() -> bool:
    try:
        "├█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
