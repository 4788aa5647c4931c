"""Entries to JSON text and to hashes, without importing `json` or `hashlib`.

`import json` costs 3 ms over a Click host and 16 ms over a bare interpreter, which is more
than everything else that recording a call does. Entries are small and plain, so a few lines
of Python write them; whatever is not plain goes to `_plain`. The output is ASCII only:
control characters, ANSI escapes and bidi marks in other people's text are `\\u` escapes in
the log, so that `cat` of a log is safe.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _hashlib import HASH
    from collections.abc import Callable
    from typing import Any

try:  # the hash alone: hashlib costs 5 ms because it asks OpenSSL first
    if "_hashlib" in sys.modules:
        from _hashlib import openssl_sha256 as _sha256  # it is faster
    elif sys.version_info >= (3, 12):
        from _sha2 import sha256 as _sha256
    else:
        from _sha256 import sha256 as _sha256  # type: ignore[import-not-found, no-redef]
except ImportError:
    from hashlib import sha256 as _sha256

sha256: "Callable[[bytes], HASH]" = _sha256


class Encoded(str):
    """A value that is written as JSON already."""

    __slots__ = ()


def encode(value: "Any") -> str:
    """Write a value as one line of compact ASCII JSON; any value, and never raises.

    Lone surrogates, which Python makes of bytes that are not UTF-8, become `\\xNN` text, because
    most JSON parsers refuse them.
    """
    try:
        return _encode(value)
    except RecursionError:
        from ._plain import encode_any

        return encode_any(value)


def _encode(value: "Any") -> str:
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int and -_EXACT < value < _EXACT:
        return str(value)
    if kind is dict:
        members = [f"{_quoted(name)}:{_encode(item)}" for name, item in value.items()]
        return "{" + ",".join(members) + "}"
    if kind is list:
        return "[" + ",".join(map(_encode, value)) + "]"
    if kind is Encoded:
        return str(value)
    from ._plain import encode_any

    return encode_any(value)


_EXACT = 1 << 63


def _quoted(text: "Any") -> str:
    if (
        type(text) is str
        and text.isascii()
        and text.isprintable()
        and '"' not in text
        and "\\" not in text
    ):
        return f'"{text}"'
    from ._plain import encode_any, key

    return encode_any(text if type(text) is str else key(text))


def is_plain(value: "Any") -> bool:
    """Tell a value that JSON holds as it is, and that has nothing inside it."""
    kind = type(value)
    if kind is int:
        return bool(-_EXACT < value < _EXACT)
    return kind is str or kind is bool or value is None


def printable(text: str) -> str:
    """Return `text` with lone surrogates written as `\\xNN` or `\\uNNNN`; all else unchanged."""
    if text.isascii():
        return text
    from ._plain import printable as escaped

    return escaped(text)
