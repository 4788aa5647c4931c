"""The HTTP requests that the recorded calls made, as a server should have seen them."""

from collections import defaultdict

from .._typing import TYPE_CHECKING, Any
from .._wire import NOT_STARTED, REDACTED
from .clients import asked_of, unanswered
from .record import STARTED_IT, TOLD_OF_IT, Record, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NOT_IDS = ("server-timing", "traceresponse")
_MIN_ID_CHARS = 8  # a shorter one may stand in a line by chance


class Request:
    """One request. Times are seconds since 1970 on the caller's clock; None: not known.

    Of a request that the tool's own record tells, `path` is the digest of the path.
    """

    __slots__ = (
        *("call", "end", "host", "ids", "method", "number", "path", "start", "status"),
        "unanswered",
    )

    def __init__(
        self,
        call: Record,
        *,
        start: float,
        end: float,
        host: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
    ) -> None:
        self.call = call
        self.number = 0  # of the request, in its call
        self.start = start
        self.end = max(start, end)
        self.host = host
        self.method = method
        self.path = path
        self.status = status
        self.ids: list[str] = []
        self.unanswered = False  # no response is known of: the server may never have seen it

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.requests[].request` has it."""
        return {
            "request_id": self.call.request_id,
            "number": self.number,
            "tool": self.call.tool,
            "started": round(self.start, 3),
            "duration_ms": round((self.end - self.start) * 1000),
            "host": self.host,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ids": self.ids,
        }


def requests_of(records: "Iterable[Record]") -> list[Request]:
    """Return the requests of these calls, in the order that they ended.

    A call that a wrapper or a hook recorded as well is taken once, from the record that tells
    most of its requests.
    """
    records = list(records)
    told = {one.parent for one in records if one.entry.get("downstream") and one.parent}
    wrapped: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for record in records:
        if record.entry.get("recorder") in STARTED_IT:
            wrapped[_called(record)].append(record)
    found: list[Request] = []
    for record in records:
        if record.start is None or record.only_reads:
            continue
        if record.entry.get("recorder") in TOLD_OF_IT and any(
            record.holds(inner, 1.0) for inner in wrapped.get(_called(record), ())
        ):
            continue
        if record.entry.get("downstream"):
            found += _observed(record)
        elif record.request_id not in told and record.outside:
            found += _from_arguments(record)
    return sorted(found, key=lambda request: (request.end, request.start))


def _called(record: Record) -> tuple[str, ...]:
    return (str(record.entry.get("trace_id")), *map(str, record.argv[1:]))


def _observed(record: Record) -> "Iterator[Request]":
    items = record.entry["downstream"]
    for number, item in enumerate(items if isinstance(items, list) else (), 1):
        offset = milliseconds(item.get("offset_ms")) if isinstance(item, dict) else None
        if offset is None:
            continue
        start = (record.start or 0.0) + offset / 1000
        status = item.get("status")
        made = Request(
            record,
            start=start,
            end=start + (milliseconds(item.get("duration_ms")) or 0) / 1000,
            host=_text(item.get("host")),
            method=_text(item.get("method")),
            path=_text(item.get("path_sha256")),
            status=status if isinstance(status, int) else None,
        )
        made.number = number
        made.unanswered = made.status is None
        ids = item.get("request_ids")
        made.ids = [
            text
            for name, text in (ids.items() if isinstance(ids, dict) else ())
            if name not in _NOT_IDS and isinstance(text, str) and len(text) >= _MIN_ID_CHARS
        ]
        if len(items) == 1:
            made.ids.append(record.request_id)  # where it went out as X-Request-ID
        yield made


def _from_arguments(record: Record) -> "Iterator[Request]":
    """Yield the requests that the command line of a known client asks for."""
    argv = [word if isinstance(word, str) else REDACTED for word in record.argv]
    if record.entry.get("outcome") == NOT_STARTED or record.end is None:
        return
    exit_code = record.entry.get("exit_code")
    asked = asked_of(argv)
    for number, one in enumerate(asked, 1):
        made = Request(
            record,
            start=record.start or 0.0,
            end=record.end,
            host=one.host,
            method=one.method,
            path=one.path,
        )
        made.number = number
        made.unanswered = (
            unanswered(argv, exit_code)
            or bool(record.entry.get("signal"))
            or one.doubtful
            or not (one.after_failure or exit_code == 0)
        )
        if len(asked) == 1:
            made.ids = [record.request_id]
        yield made


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
