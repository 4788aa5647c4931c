"""What request a command line of HTTPie, xh or httpx asks for, by their own manuals."""

import re

from .._typing import TYPE_CHECKING
from .addresses import Asked, address
from .options import PERHAPS, PLAIN, UNKNOWN, Style, names_in, read

if TYPE_CHECKING:
    from collections.abc import Sequence

_HTTPIE = Style(
    valued=names_in(
        """
        auth auth-type bearer boundary cert cert-key cert-key-pass cert-key-type ciphers
        default-scheme format-options generate history-print http-version interface max-headers
        max-redirects output pretty print proxy raw resolve response-charset response-mime
        session session-read-only ssl style timeout unix-socket verify
        """
    ),
    flags=names_in(
        """
        all body check-status chunked compress continue curl curl-long debug download follow form
        headers help https ignore-netrc ignore-stdin ipv4 ipv6 json manual meta multipart native-tls
        offline path-as-is quiet sorted stream traceback unsorted verbose version
        """
    ),
    letters="sopaAP",
    plain_letters="jfxSvhmbdcqI46F",
    names={"I": "ignore-stdin", "f": "form"},
)
_HTTPX = Style(
    valued=names_in(
        """
        method params content data files json headers cookies auth proxy timeout download
        """
    ),
    flags=names_in("follow-redirects no-verify http2 verbose help"),
    letters="mpcdfjh",
    plain_letters="v",
    names={
        **{"m": "method", "p": "params", "c": "content", "d": "data", "f": "files", "j": "json"},
        "h": "headers",
    },
    pairs=names_in("params data files headers cookies auth"),
)
_BODY = ("content", "data", "files", "json")
_NO_REQUEST = ("curl", "curl-long", "help", "manual", "offline", "version")
_METHOD = re.compile(r"[A-Za-z]+")
_PORT = re.compile(r":(?!:)(\d*)(/.*|$)")
_ITEM = re.compile(r"(?:\\.|[^\\])*?(:=@|=@|:=|==|:@|=|@|:)", re.DOTALL)  # the first one counts
_DATA_ITEMS = ("=", ":=", "@", "=@", ":=@")


def asked_of_httpie(words: "Sequence[str]", scheme: str) -> list[Asked]:
    """Return the request that these arguments of `http`, `https` or `xh` ask for."""
    on: set[str] = set()
    values: dict[str, str] = {}
    plain: list[str] = []
    for name, value in read(words, _HTTPIE):
        if name == PLAIN:
            plain.append(value)
        elif name == PERHAPS:
            on.add(UNKNOWN)
        elif name in _HTTPIE.valued:
            values[name] = value
        else:
            on.add(name)
    method = plain.pop(0).upper() if len(plain) > 1 and _METHOD.fullmatch(plain[0]) else None
    if not plain or on & {*_NO_REQUEST}:
        return []
    scheme = "https" if "https" in on else values.get("default-scheme", scheme)
    found = address(_whole(plain[0]), scheme, as_is="path-as-is" in on)
    if found is None:
        return []
    if UNKNOWN in on:
        return [Asked(None)]
    separators = [item and item[1] for item in map(_ITEM.match, plain[1:])]
    host = None if any(word.lower().startswith("host:") for word in plain[1:]) else found.host
    if method is None and ({*separators} & {*_DATA_ITEMS} or "raw" in values):
        method = "POST"
    elif method is None and "ignore-stdin" in on:
        method = "GET"  # else it is POST where stdin is no terminal, which the record does not say
    return [Asked(method, host, found.path)]


def _whole(url: str) -> str:
    """Return the URL that a shorthand of HTTPie stands for: `:8000/x`, `:/x`, `://host`."""
    if url.startswith("://"):
        return url[3:]
    found = _PORT.match(url)
    if found is None:
        return url
    return "localhost" + (f":{found[1]}" if found[1] else "") + found[2]


def asked_of_httpx(words: "Sequence[str]") -> list[Asked]:
    """Return the request that these arguments of `httpx` ask for."""
    plain: list[str] = []
    values: dict[str, str] = {}
    sure = True
    for name, value in read(words, _HTTPX):
        if name == PLAIN:
            plain.append(value)
        elif name in (UNKNOWN, PERHAPS):
            sure = False
        elif name == "help":
            return []
        elif name != "headers" or value.lower() == "host":
            values[name] = value
    found = address(plain[0]) if plain and "://" in plain[0] else None
    if found is None:
        return []
    if not sure:
        return [Asked(None)]
    host = None if "headers" in values else found.host
    default = "POST" if values.keys() & {*_BODY} else "GET"
    return [Asked(values.get("method", default).upper(), host, found.path)]
