"""urllib.request: `AbstractHTTPHandler.do_open` is one exchange, below redirects and logins."""

from .exchange import begin
from .replacing import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .replacing import Function


def patch(request: "ModuleType") -> None:
    """Observe the requests of every opener, those that exist already among them."""
    replace(request.AbstractHTTPHandler, "do_open", ("http_class", "req"), _do_open)


def _do_open(original: "Function") -> "Function":
    def do_open(self: "Any", http_class: "Any", req: "Any", **named: "Any") -> "Any":
        exchange = begin(req.get_method(), url=req.full_url)  # `host` may be the proxy's
        if exchange is None:
            return original(self, http_class, req, **named)
        added = exchange.headers_to_add(req.header_items, req.full_url)
        for name, value in added.items():
            req.add_unredirected_header(name, value)
        try:
            response = original(self, http_class, req, **named)
        except BaseException as error:
            reason = getattr(error, "reason", None)  # an URLError says why by another exception
            exchange.failed(reason if isinstance(reason, BaseException) else error)
            raise
        finally:
            for name in added:
                req.unredirected_hdrs.pop(name.capitalize(), None)
        exchange.answered(response)
        return response

    return do_open
