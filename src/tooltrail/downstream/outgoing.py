"""Which headers a request takes along: to hosts that the setting allows, and to no other."""

from ..context import child_traceparent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from .._invocation import Invocation

TRACEPARENT, REQUEST_ID = "traceparent", "X-Request-ID"
# How the schemes of `Authorization` begin that sign headers: AWS, Google, Aliyun, Tencent, Azure,
# HTTP signatures. Whoever checks one may count a header that came later as tampering.
_SIGNING_SCHEMES = ("aws", "goog", "acs", "oss", "sharedkey", "signature", "credential=")
_SIGNATURE_PARAMETERS = ("sig",)  # Azure; the others have "signature" in their names


def headers_to_add(
    call: "Invocation",
    host: str,
    headers: "Callable[[], Iterable[tuple[Any, Any]]]",
    target: "Any",
) -> dict[str, str]:
    """Return the headers that tell `host` of the call, and are not there yet.

    None for a host that is not allowed, and none for a request that is signed: it must arrive as
    it was when it was signed.
    """
    propagate = call.settings.propagate
    if propagate is None or not propagate.allows(host):
        return {}
    there = {_text(name).lower(): _text(value) for name, value in headers()}
    if is_signed(there, _text(target)):
        return {}
    offered = {TRACEPARENT: child_traceparent(call.context, call.request_id)}
    if propagate.request_id:
        offered[REQUEST_ID] = call.request_id
    return {name: value for name, value in offered.items() if name.lower() not in there}


def is_signed(headers: "Mapping[str, str]", target: str) -> bool:
    """Tell a request that bears a signature: in `Authorization`, another header, or the query.

    `headers` have their names in lower case; `target` is a URL or a path with its query.
    """
    scheme = headers.get("authorization", "").lstrip().lower()
    if scheme.startswith(_SIGNING_SCHEMES) or "hmac" in scheme.partition(" ")[0]:
        return True
    if any("signature" in name for name in headers):
        return True
    names = (part.partition("=")[0].lower() for part in target.partition("?")[2].split("&"))
    return any("signature" in name or name in _SIGNATURE_PARAMETERS for name in names)


def _text(value: "Any") -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
