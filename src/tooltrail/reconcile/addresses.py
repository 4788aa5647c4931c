"""The addresses that clients are given: where a request goes, and as which path it arrives."""

import re
from itertools import product
from math import prod
from typing import NamedTuple
from urllib.parse import urlsplit

from .._wire import REDACTED

_MOST = 100  # requests of one pattern; beyond, they are taken as one that may be any
_HIDDEN = "\ue000"  # stands for what was taken out: its brackets would read as a pattern
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,3}(?=[^/])")
_OTHER = re.compile(r"(?i)(?:ftp|dict|ldap|imap|smtp|pop3)\.")  # what curl takes such hosts for
_GLOB = re.compile(
    r"\\([\[\]{}])|(\[[0-9A-Fa-f]*:[0-9A-Fa-f:.]+(?:%[^\]]*)?\])|\{([^{}\[\]]*)\}"
    r"|\[([^{}\[\]]*)\]|([{}\[\]])"
)
_NUMBERS = re.compile(r"(\d{1,9})-(\d{1,9})(?::(\d{1,9}))?", re.ASCII)
_LETTERS = re.compile(r"(?:([a-z])-([a-z])|([A-Z])-([A-Z]))(?::(\d{1,3}))?", re.ASCII)


class Asked(NamedTuple):
    """A request that arguments ask for; None: it cannot be told, and may be any."""

    method: str | None
    host: str | None = None
    path: str | None = None
    doubtful: bool = False  # it may not have been sent, for what is there already
    after_failure: bool = True  # it was sent, where an earlier one failed


class Address(NamedTuple):
    """Where a URL leads; None: it cannot be told."""

    host: str | None
    path: str | None
    names_file: bool | None = True  # the path has something behind its last slash


def address(url: str, scheme: str = "http", *, as_is: bool = False) -> Address | None:
    """Return where a URL leads, or None where that is not by HTTP.

    `scheme` is taken where the URL has none. Clients squash `/a/../b` unless it goes `as_is`.
    """
    text = url.strip().replace(REDACTED, _HIDDEN)
    found = _SCHEME.match(text)
    if found is not None:
        scheme, rest = found[1].lower(), text[found.end() :]
    elif text.startswith(("/", "-")) or not text:
        return None
    else:
        scheme, rest = "ftp" if _OTHER.match(text) else scheme.lower(), text
    if scheme not in ("http", "https"):
        return None
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host = parts.hostname
    except ValueError:
        return Address(None, None)
    if host is None or _HIDDEN in host:
        return Address(None, None)
    names_file = bool(parts.path.rpartition("/")[2]) or (None if parts.query else False)
    return Address(host.removesuffix("."), _sent(parts.path or "/", as_is=as_is), names_file)


def _sent(path: str, *, as_is: bool) -> str | None:
    """Return a path as a client sends it, or None where clients differ."""
    if _HIDDEN in path or not path.isascii() or "\\" in path:
        return None
    if as_is:
        return path
    if any("%" in part and _dots(part) in (".", "..") for part in path.split("/")):
        return None
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == "..":
            kept[-1:] = []
        elif part != ".":
            kept.append(part)
    return "/" + "/".join(kept) + ("/" if parts[-1] in (".", "..") and kept else "")


def _dots(part: str) -> str:
    return part.lower().replace("%2e", ".")


def expanded(url: str) -> list[str] | None:
    """Return the URLs that curl makes of a pattern, in its order: `{a,b}`, `[1-3]`, `[a-z:2]`.

    None where it is no pattern that can be told, or one of too many.
    """
    url = url.replace(REDACTED, _HIDDEN)
    pieces: list[list[str]] = []
    at = 0
    for found in _GLOB.finditer(url):
        pieces.append([url[at : found.start()]])
        at = found.end()
        choices = _choices(found)
        if choices is None:
            return None
        pieces.append(choices)
    pieces.append([url[at:]])
    if prod(map(len, pieces)) > _MOST:
        return None
    return ["".join(chosen) for chosen in product(*pieces)]


def _choices(found: "re.Match[str]") -> list[str] | None:
    escaped, ipv6, names, span, stray = found.groups()
    if escaped or ipv6:
        return [escaped or ipv6]
    if stray:
        return None
    if names is not None:
        return None if "\\" in names or not names else names.split(",")
    return _span(span)


def _span(text: str) -> list[str] | None:
    numbers = _NUMBERS.fullmatch(text)
    if numbers is not None:
        low, high, step = int(numbers[1]), int(numbers[2]), int(numbers[3] or 1)
        if not step or not 0 <= (high - low) // step < _MOST:
            return None
        width = len(numbers[1]) if numbers[1].startswith("0") else 0
        return [f"{number:0{width}d}" for number in range(low, high + 1, step)]
    letters = _LETTERS.fullmatch(text)
    if letters is None:
        return None
    first, last, step = letters[1] or letters[3], letters[2] or letters[4], int(letters[5] or 1)
    if not step or last < first:
        return None
    return [chr(code) for code in range(ord(first), ord(last) + 1, step)]
