"""urllib3, 1.26 and 2, and with it requests and botocore.

`HTTPConnectionPool._make_request` is one exchange on one connection. Retries and redirects, of
urllib3 and of requests, come above it, and each passes through it with the host of its own.
"""

from .exchange import begin
from .replacing import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .replacing import Function

_TAKES = ("conn", "method", "url")


def patch(connectionpool: "ModuleType") -> None:
    """Observe the requests of every pool, those that exist already among them."""
    replace(connectionpool.HTTPConnectionPool, "_make_request", _TAKES, _make_request)


def _make_request(original: "Function") -> "Function":
    def _make_request(
        self: "Any", conn: "Any", method: "Any", url: "Any", *args: "Any", **named: "Any"
    ) -> "Any":
        whole = str(url)[:8].lower().startswith(("http://", "https://"))  # the pool is a proxy's
        exchange = begin(method, url=url) if whole else begin(method, host=self.host, target=url)
        if exchange is None:
            return original(self, conn, method, url, *args, **named)
        headers = exchange.extended(named.get("headers"), url)
        if headers is not None:
            named["headers"] = headers
        try:
            response = original(self, conn, method, url, *args, **named)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.answered(response)
        return response

    return _make_request
