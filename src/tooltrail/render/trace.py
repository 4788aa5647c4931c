"""Deliver one trace: find its calls, rebuild it, and show it in the form that was asked for."""

import gc
import sys

from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from ..envelope import document
from ..errors import NotFoundError, UsageError
from ..query.gaps import begun_late
from ..query.held import calls_of
from ..query.options import JSON, Query, query_from
from ..query.search import Search
from ..query.similar import NAMED, traces_like
from ..reconstruct import rebuild
from ..reconstruct.blind import spots
from .deliver import (
    deliver,
    note_problems,
    prints_unicode,
    response_tail,
    terminal_columns,
    tidy,
    uses_colour,
    write,
)
from .progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._invocation import Invocation
    from ..reconstruct import Trace

    Entry = dict[str, Any]
    Tell = Callable[[str, int, int], None]

TREE, SUMMARY, HTML, PERFETTO, OTLP, SCRIPT = (
    *("tree", "summary", "html", "perfetto", "otlp", "script"),
)
OUTPUTS = (TREE, SUMMARY, JSON, HTML, SCRIPT, PERFETTO, OTLP)
_REQUEST = "req_"
_TOLD_IN_IT = (TREE, SUMMARY, HTML)  # which show what the search could not see


def deliver_trace(call: "Invocation", values: "Mapping[str, Any]", output: str) -> int:
    """Print one trace; finish `call`; return the exit code.

    `values` are those of the query, and `trace_id`, `request_id` or `last` to say which.
    """

    progress = Progress(sys.stderr, "reading")

    def print_it() -> None:
        gc.disable()  # all of a trace stays to the end: looking for what could go costs a seventh
        shown = progress if progress.shown else None
        try:
            trace, search = _find(call, values, shown)
        finally:
            progress.clear()
        problems = search.problems()
        trace.gaps += [*problems, *begun_late(search.paths), *spots(trace.calls())]
        note_problems(call, [] if output in _TOLD_IN_IT else problems)
        tidy(search.paths)
        if output == JSON:
            answer = {"data": trace.as_json(), **response_tail(call)}
            write([document(answer, indented=is_terminal())], False)
        else:
            write(_pieces(trace, output, values), True)

    return deliver(call, output, print_it)


def _find(
    call: "Invocation", values: "Mapping[str, Any]", progress: "Tell | None"
) -> "tuple[Trace, Search]":
    """Return the trace that is meant, and the search that found it.

    Raises `NotFoundError`, once what could not be read was said.
    """
    query = query_from({name: values.get(name) for name in ("since", "until", "exact", "all")})
    trace_id: str | None = values.get("trace_id")
    request_id: str | None = values.get("request_id")
    what = f"no call of trace {trace_id!r} is"
    hint = "tooltrail log --since 1d shows what there is, each call with its ids"
    if trace_id is None:
        search, trace_id = _trace_of_call(query, request_id)
        what = f"no call {request_id!r} is" if request_id else "no call is"
    tried: set[str] = set()
    while trace_id is not None and trace_id not in tried:
        tried.add(trace_id)
        query = query.but(trace_id=trace_id)
        search = Search(query, progress=progress)
        kept, left_out = calls_of(search)
        if kept:
            trace = rebuild(trace_id, kept)
            trace.gaps = [
                (code, f"{text} (--since and --until narrow it)") for code, text in left_out
            ]
            return trace, search
        if trace_id.startswith(_REQUEST):
            query.trace_id, request_id = None, trace_id
            search, trace_id = _trace_of_call(query, request_id)
            continue
        like = traces_like(search.paths, trace_id)
        trace_id = like[0] if len(like) == 1 else None
        if len(like) > 1:
            more = " and more" if len(like) > NAMED else ""
            hint = f"these begin so: {', '.join(like[:NAMED])}{more}"
    note_problems(call, search.problems())
    raise NotFoundError(f"{what} in the logs that were read ({search.count_read()})", hint=hint)


def _trace_of_call(window: Query, request_id: str | None) -> "tuple[Search, str | None]":
    """Return the trace of one call; of the last one where none is named; and how it was sought."""
    search = Search(window.but(request_id=request_id, tail=None if request_id else 1))
    entry = next(iter(search), None)
    return search, None if entry is None else str(entry.get("trace_id"))


def _pieces(trace: "Trace", output: str, values: "Mapping[str, Any]") -> "Iterable[str]":
    if output == SUMMARY:
        from . import summary

        return (line + "\n" for line in summary.lines(trace, [text for _, text in trace.gaps]))
    if output == TREE:
        from . import tree

        signs = tree.Signs(unicode=prints_unicode())
        drawn = tree.lines(trace, columns=terminal_columns(), signs=signs, colour=uses_colour())
        return (line + "\n" for line in drawn)
    if output == SCRIPT:
        from . import script

        return script.pieces(trace, values.get("from"))
    module = __import__(f"{__package__}.{output}", fromlist=["pieces"])
    pieces: Iterable[str] = module.pieces(trace)
    return pieces


def which_trace(values: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return the query's values with the one way in which a trace was named.

    Raises `UsageError` where it was named in none, or in several.
    """
    named = [name for name in ("id", "last", "request_id") if values.get(name)]
    if len(named) != 1:
        wrong = "a trace is named in one way only" if named else "which trace?"
        raise UsageError(wrong, hint="give its ID, or --last, or --request-id R")
    return {**values, "trace_id": values.get("id")}
