"""botocore: the headers go in before the request is signed, so that the signature covers them.

The exchange itself is one of urllib3's, which botocore uses.
"""

from .exchange import begin
from .replacing import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from .replacing import Function

_STANDARD = "standard"  # the signing type of what is sent now; the others are sent by others, later
_TAKES = ("operation_name", "request", "region_name", "signing_type")


def patch(signers: "ModuleType") -> None:
    """Add to the requests of every client, those that exist already among them."""
    replace(signers.RequestSigner, "sign", _TAKES, _sign)


def _sign(original: "Function") -> "Function":
    def sign(
        self: "Any",
        operation_name: "Any",
        request: "Any",
        region_name: "Any" = None,
        signing_type: "Any" = _STANDARD,
        *args: "Any",
        **named: "Any",
    ) -> "Any":
        exchange = begin("", url=request.url) if signing_type == _STANDARD else None
        if exchange is not None:
            added = exchange.headers_to_add(request.headers.items, request.url)
            for name, value in added.items():
                request.headers[name] = value
        return original(self, operation_name, request, region_name, signing_type, *args, **named)

    return sign
