"""One request and its answer: an item of its call's `downstream`.

An exchange belongs to the call that runs in the thread or task that makes the request (`running`):
calls that run at once stay apart. Where none runs there is no
exchange, and the client does what it would do without us.
"""

from .. import _host
from .._encode import sha256
from .._running import running
from .._wire import ALGORITHM
from ..settings import METADATA, NONE
from .ids import printable_id, request_ids

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .._invocation import Invocation

MAX_ITEMS = 100  # of one entry: beyond, they are counted
_MAX_HOST_CHARS = 253  # RFC 1035, 2.3.4, without the dot at the end
_MAX_METHOD_CHARS = 20
_MAX_ERROR_CHARS = 256
_WARNING = "DOWNSTREAM"


def begin(
    method: "Any", *, host: "Any" = None, target: "Any" = None, url: "Any" = None
) -> "Exchange | None":
    """Begin an exchange with `host` or the host of `url`; None where no call runs. Never raises.

    `target` is the path with the query, where there is no `url`.
    """
    call = running()
    if call is None:
        return None
    try:
        made = Exchange(call, _method(method), _host_name(host, url))
        made.path = _path(target, url)
        return made
    except Exception as error:
        _failed(call, error)
        return None


class Exchange:
    """A request that is under way; `answered` or `failed` makes it an item. Nothing here raises."""

    __slots__ = ("_call", "_offset_ms", "_started_ns", "host", "method", "path")

    def __init__(self, call: "Invocation", method: str, host: str) -> None:
        self._call = call
        self.method = method
        self.host = host
        self.path: bytes | None = None
        self._offset_ms = call.elapsed_ms()
        self._started_ns = _host.monotonic_ns()

    def headers_to_add(
        self, headers: "Callable[[], Iterable[tuple[Any, Any]]]", target: "Any" = ""
    ) -> dict[str, str]:
        """Return the headers by which the service learns of the call: for most hosts, none.

        `headers` gives what the request bears already, and is asked only where the host is
        allowed; `target` is its URL or path with the query.
        """
        if self._call.settings.propagate is None:
            return {}
        try:
            from .outgoing import headers_to_add

            return headers_to_add(self._call, self.host, headers, target)
        except Exception as error:
            _failed(self._call, error)
            return {}

    def extended(self, headers: "Any", target: "Any") -> "Any":
        """Return a copy of the request's headers with those to add, or None where none is added.

        The tool's own stay as they are: it may use them again, and a redirect takes them along.
        """
        added = {} if headers is None else self.headers_to_add(lambda: headers.items(), target)
        if not added:
            return None
        try:
            more = headers.copy()
            more.update(added)
        except Exception as error:
            _failed(self._call, error)
            return None
        return more

    def answered(self, response: "Any", status: str = "status") -> None:
        """Keep that the response's headers came, and the ids in them.

        `status` is the name of the attribute that holds the response's status.
        """
        try:
            self._keep(status=int(getattr(response, status)), headers=response.headers)
        except Exception as error:
            _failed(self._call, error)

    def failed(self, error: BaseException) -> None:
        """Keep that no response came, and the name of the exception that said so."""
        try:
            self._keep(error=type(error).__name__[:_MAX_ERROR_CHARS])
        except Exception as failure:
            _failed(self._call, failure)

    def _keep(self, *, status: int | None = None, headers: "Any" = (), error: str = "") -> None:
        call = self._call
        if call.level == NONE:
            return
        duration_ms = (_host.monotonic_ns() - self._started_ns) // 1_000_000
        observed: dict[str, Any] = call.observed
        if len(observed.get("downstream", ())) >= MAX_ITEMS:
            observed["downstream_dropped"] = observed.get("downstream_dropped", 0) + 1
            return
        item: dict[str, Any] = {}
        if call.level != METADATA:  # a host may be an argument, and of those nothing is kept
            item["host"] = call.redactor.text(self.host, "downstream[].host")[:_MAX_HOST_CHARS]
            if self.path is not None:
                item["path_sha256"] = ALGORITHM + sha256(self.path).hexdigest()
        item["method"] = self.method
        if status is not None:
            item["status"] = status
        item["duration_ms"] = duration_ms
        item["offset_ms"] = self._offset_ms
        ids = {
            name: printable_id(call.redactor.text(text, f"downstream[].request_ids.{name}"))
            for name, text in request_ids(headers).items()
        }
        if ids:
            item["request_ids"] = ids
        if error:
            item["error"] = error
        observed.setdefault("downstream", []).append(item)


def warn(message: str) -> None:
    """Say in the warnings of the call that runs here, once, what is not observed."""
    call = running()
    if call is not None and all(warning["message"] != message for warning in call.warnings):
        call.warnings.append({"code": _WARNING, "message": message})


def _failed(call: "Invocation", error: Exception) -> None:
    """Note a failure of ours. Its text is left out: it may hold anything."""
    if all(warning["code"] != _WARNING for warning in call.warnings):
        message = f"an HTTP request was not noted: {type(error).__name__}"
        call.warnings.append({"code": _WARNING, "message": message})


def _method(method: "Any") -> str:
    """Return the method; what cannot be one is `_OTHER`, as OpenTelemetry writes it."""
    text = method.decode("latin-1") if isinstance(method, bytes) else str(method)
    sound = text.isascii() and text.isalpha() and len(text) <= _MAX_METHOD_CHARS
    return text.upper() if sound else "_OTHER"


def _path(target: "Any", url: "Any") -> bytes | None:
    """Return the path as it goes over the wire, without the query; None where it is not known."""
    given = target if url is None else url
    if given is None:
        return None
    text = given if isinstance(given, bytes) else str(given).encode("utf-8", "replace")
    scheme, mark, rest = text.partition(b"://")
    if mark and scheme.isalpha():
        text = b"/" + rest.partition(b"/")[2] if b"/" in rest.partition(b"?")[0] else b"/"
    return text.partition(b"?")[0].partition(b"#")[0] or b"/"


def _host_name(host: "Any", url: "Any") -> str:
    """Return a host in one spelling: lower case, without brackets, port, userinfo or last dot."""
    if url is not None:
        from urllib.parse import urlsplit

        host = urlsplit(url.decode("latin-1") if isinstance(url, bytes) else str(url)).hostname
    text = host.decode("latin-1") if isinstance(host, bytes) else str(host or "")
    return text.strip("[]").lower().removesuffix(".")[:_MAX_HOST_CHARS]
