"""httpx and httpx2: a transport's `handle_request` is one exchange, below redirects and auth."""

from .exchange import begin
from .replacing import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .exchange import Exchange
    from .replacing import Function


def patch(default: "ModuleType") -> None:
    """Observe the requests of every transport that meets the network, sync and async."""
    replace(default.HTTPTransport, "handle_request", ("request",), _handle_request)
    replace(default.AsyncHTTPTransport, "handle_async_request", ("request",), _handle_async_request)


def _handle_request(original: "Function") -> "Function":
    def handle_request(self: "Any", request: "Any") -> "Any":
        exchange = begin(request.method, host=request.url.raw_host, target=request.url.raw_path)
        if exchange is None:
            return original(self, request)
        try:
            response = original(self, _with_context(exchange, request))
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.answered(response, "status_code")
        return response

    return handle_request


def _handle_async_request(original: "Function") -> "Function":
    async def handle_async_request(self: "Any", request: "Any") -> "Any":
        exchange = begin(request.method, host=request.url.raw_host, target=request.url.raw_path)
        if exchange is None:
            return await original(self, request)
        try:
            response = await original(self, _with_context(exchange, request))
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.answered(response, "status_code")
        return response

    return handle_async_request


def _with_context(exchange: "Exchange", request: "Any") -> "Any":
    """Return the request, or where headers go along a copy: a redirect takes over the tool's own.

    `copy.copy` would not do: httpx leaves the stream out of what it copies.
    """
    headers = exchange.extended(request.headers, request.url.raw_path)
    if headers is None:
        return request
    try:
        sent = object.__new__(type(request))
        vars(sent).update(vars(request), headers=headers)
    except TypeError:  # a request of the tool's own that has slots
        return request
    return sent
