"""Say what held records came to: for people in lines, for programs as one response."""

from collections.abc import Iterator
from datetime import UTC, datetime

from .._typing import TYPE_CHECKING, Any
from ..entry import error_fields
from ..errors import TooltrailError
from ..reconcile import ledgers, server
from ..trust.findings import counted
from .deliver import deliver_found, fail, terminal_columns, tidy
from .safe import fit, folded, safe
from .words import call_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .._invocation import Invocation
    from ..reconcile.ledgers import Held, Reconciled
    from ..reconcile.server import Seen, ServerReconciled

_CODE = "NOT_RECONCILED"
_BLIND = "! "  # before what could not be seen
_MARKS = {
    **dict.fromkeys((ledgers.AGREE, server.MATCHED, ledgers.KILLED), "+"),
    **dict.fromkeys((*ledgers.WRONG, *server.WRONG), "x"),
    ledgers.AMBIGUOUS: "?",
}
_QUIET = (ledgers.AGREE, ledgers.INSIDE, ledgers.NO_LOG, server.MATCHED)
_ORDER = (*ledgers.STATES, *server.STATES)


def deliver(
    call: "Invocation", work: "Callable[[], Reconciled | ServerReconciled]", output: str
) -> int:
    """Do the work, print what it came to, finish `call`; return the exit code."""
    try:
        found = work()
    except TooltrailError as error:
        return fail(call, error, output)
    code = found.exit_code
    details = error_fields(_CODE, _summary(found), hint="data tells each") if code else None
    for gap, message in found.gaps:
        call.warnings.append({"code": gap, "message": message})
    tidy([])
    columns = terminal_columns()
    return deliver_found(
        call,
        output,
        found.as_json,
        lambda: _fitted(lines(found), columns),
        code=code,
        error=details,
    )


def _fitted(told: "Iterable[str]", columns: int | None) -> Iterator[str]:
    """Cut lines that are too long for a terminal; what could not be seen is told whole."""
    for line in told:
        if columns is not None and not line.startswith(_BLIND):
            yield fit(line, columns)
        else:
            yield from folded(line, columns, " " * len(_BLIND))


def _summary(found: "Reconciled | ServerReconciled") -> str:
    counts = ", ".join(f"{count} {_words(state)}" for state, count in found.counts().items())
    return counts or "there is nothing to hold against each other"


def lines(found: "Reconciled | ServerReconciled") -> Iterator[str]:
    """Yield what was found as lines of text: blind spots first, then what is to be looked at."""
    for _, message in found.gaps:
        yield f"{_BLIND}{safe(message)}"
    if isinstance(found, ledgers.Reconciled):
        yield from _ledgers(found)
    else:
        yield from _server(found)


def _ledgers(found: "Reconciled") -> Iterator[str]:
    if not found.calls:
        yield "no call was recorded there, on either side"
    for held in found.calls:
        if held.state not in _QUIET:
            yield from _call(held)
    receipts = found.receipts
    if receipts.found:
        statuses = ", ".join(f"{count} {status}" for status, count in receipts.counts().items())
        yield f"receipts that callers kept: {statuses}"
        for receipt in receipts:
            if receipt.status not in ("holds", "erased", "pruned"):
                where = f"{receipt.log}, seq {receipt.seq}"
                yield f"x receipt    {safe(where)}: {receipt.status}: {safe(receipt.message)}"
    yield f"{counted(len(found.calls), 'call')}: {_summary(found)}"


def _call(held: "Held") -> Iterator[str]:
    entry = held.record.entry
    started = safe(entry.get("timestamp")).replace("T", " ").removesuffix("Z")
    yield f"{_MARKS.get(held.state, '-')} {_words(held.state):11} {started}  {call_words(entry)}"
    yield f"    {safe(held.reason)}; {safe(entry.get('request_id'))}"
    for one in held.differences:
        said, told = safe(one["caller"], 120), safe(one["tool"], 120)
        yield f"    {one['field']}: the caller says {said}, the tool {told}"


def _server(found: "ServerReconciled") -> Iterator[str]:
    for note in found.notes():
        yield f"- {safe(note)}"
    offset = found.matching.offset
    if offset is not None:
        given = "as given" if found.matching.given else f"{offset.agreeing} requests agree"
        yield f"the server's clock is {_ahead(offset.seconds)} ({given})"
    for seen in found.requests:
        yield from _request(seen)
    total = counted(len(found.requests), "request")
    yield f"{total}: {_summary(found)}; lines of others: {found.strangers}"


def _ahead(seconds: float) -> str:
    if abs(seconds) < 1:
        return "the callers', to a second"
    return f"{abs(seconds):.1f} s {'ahead' if seconds > 0 else 'behind'}"


def _request(seen: "Seen") -> Iterator[str]:
    request = seen.request
    started = datetime.fromtimestamp(request.start, UTC).isoformat(" ", "milliseconds")[:23]
    parts: list[Any] = [request.method, request.host, request.path, request.status]
    said = " ".join(safe(part, 120) for part in parts if part is not None)
    sure = "" if seen.confidence is None else f" {seen.confidence:.2f}"
    at = f"  line {seen.lines[0][0].number}" if seen.state == server.MATCHED else ""
    mark = _MARKS.get(seen.state, "-")
    yield f"{mark} {_words(seen.state):11} {started}  {safe(request.call.tool)}: {said}{at}{sure}"
    if seen.state == server.MATCHED:
        return
    yield f"    {safe(seen.reason)}; {request.call.request_id}"
    if seen.state == server.AMBIGUOUS:
        which = ", ".join(f"line {line.number} ({share:.2f})" for line, share in seen.lines)
        yield f"    it may be {which}"


def _words(state: str) -> str:
    return state.replace("_", " ")
