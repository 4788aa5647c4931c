"""aiohttp: an exchange begins where a connection is asked for, and ends with the response's start.

Redirects, the retry of a connection that was dropped, and middlewares come above, each with a
`ClientRequest` of its own; `TraceConfig`, the public way, sees no such retry and only sessions
that are made after it.
"""

from .exchange import begin
from .replacing import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .exchange import Exchange
    from .replacing import Function

_EXCHANGE = "_tooltrail_exchange"  # of a connection, from when it was asked for


def patch(client: "ModuleType") -> None:
    """Observe the requests of every session, those that exist already among them."""
    replace(client.BaseConnector, "connect", ("req",), _connect)
    replace(client.ClientRequest, "send", ("conn",), _send)
    replace(client.ClientResponse, "start", ("connection",), _start)


def _connect(original: "Function") -> "Function":
    async def connect(self: "Any", req: "Any", *args: "Any", **named: "Any") -> "Any":
        exchange = begin(req.method, host=req.url.raw_host, target=req.url.raw_path_qs)
        if exchange is None:
            return await original(self, req, *args, **named)
        headers = exchange.extended(req.headers, req.url.raw_path_qs)
        if headers is not None:
            _set(req, "headers", headers)
        try:
            connection = await original(self, req, *args, **named)
        except BaseException as error:
            exchange.failed(error)
            raise
        _set(connection, _EXCHANGE, exchange)
        return connection

    return connect


def _send(original: "Function") -> "Function":
    async def send(self: "Any", conn: "Any") -> "Any":
        try:
            return await original(self, conn)
        except BaseException as error:
            _ended(conn, error)
            raise

    return send


def _start(original: "Function") -> "Function":
    async def start(self: "Any", connection: "Any") -> "Any":
        try:
            response = await original(self, connection)
        except BaseException as error:
            _ended(connection, error)
            raise
        exchange = _taken_from(connection)
        if exchange is not None:
            exchange.answered(self)
        return response

    return start


def _ended(connection: "Any", error: BaseException) -> None:
    exchange = _taken_from(connection)
    if exchange is not None:
        exchange.failed(error)


def _taken_from(connection: "Any") -> "Exchange | None":
    exchange: Exchange | None = getattr(connection, _EXCHANGE, None)
    _set(connection, _EXCHANGE, None)
    return exchange


def _set(owner: "Any", name: str, value: "Any") -> None:
    try:
        setattr(owner, name, value)
    except AttributeError:  # a version with slots: the request goes on unobserved
        return
