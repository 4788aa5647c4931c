"""Values to JSON text, without importing `json`.

`import json` costs about 3 ms over a Click host and 16 ms over a bare
interpreter, which is more than everything else that recording a call does; the
C encoder behind it costs nothing. The output is ASCII only: control
characters, ANSI escapes and bidi marks in other people's text are `\\u` escapes
in the log, so that `cat` of a log is safe.
"""

from ._wire import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _hashlib import HASH
    from typing import Any

try:
    import _json
except ImportError:  # not CPython
    _json = None  # type: ignore[assignment]

try:  # the hash alone: hashlib costs 5 ms because it asks OpenSSL first
    from _sha2 import sha256 as _sha256  # type: ignore[import-not-found]  # Python 3.12 and later
except ImportError:
    try:
        from _sha256 import sha256 as _sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256 as _sha256

_MAX_DEPTH = 200
_BIG = 1 << 4096  # str() of much larger integers raises


def sha256(data: bytes = b"") -> "HASH":
    """Return a SHA-256 object over `data`."""
    made: HASH = _sha256(data)
    return made


def encode(value: "Any") -> str:
    """Write a value as one line of compact ASCII JSON.

    Total: what JSON cannot hold is written as the nearest thing that it can
    (`plain`), and never raises. Lone surrogates, which Python makes of bytes
    that are not UTF-8, become `\\xNN` text, because most JSON parsers refuse
    them.
    """
    text = _encode(value)
    if text is None or "\\ud" in text:
        text = _encode(plain(value))
    assert text is not None  # `plain` left only what JSON holds
    return text


def _encode(value: "Any") -> str | None:
    try:
        if _json is None:
            import json

            return json.dumps(value, default=_plain_leaf, separators=(",", ":"), allow_nan=False)
        encoder = _json.make_encoder(
            {}, _plain_leaf, _json.encode_basestring_ascii, None, ":", ",", False, False, False
        )
        return "".join(encoder(value, 0))
    except (TypeError, ValueError, RecursionError):
        return None


def plain(value: "Any", depth: int = 0) -> "Any":
    """Turn any value into what JSON holds: dict with text keys, list, str, int, float, bool, None.

    Cycles and anything nested deeper than 200 become a short note in their
    place; NaN and the infinities become their names.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return printable(str(value))
    if isinstance(value, int):
        return int(value) if -_BIG < value < _BIG else hex(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else repr(float(value))
    if depth > _MAX_DEPTH:
        return "[nested too deeply]"
    if isinstance(value, dict):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return plain(_plain_leaf(value), depth + 1)


def _key(key: "Any") -> str:
    return printable(key) if isinstance(key, str) else printable(str(key))


def _plain_leaf(value: "Any") -> "Any":
    """Turn one value of a type that JSON lacks into one that it has; never raises.

    An iterator is named, not read: reading it would take its items from the tool.
    """
    try:
        return _convert(value)
    except Exception:
        return _words(value)


def _convert(value: "Any") -> "Any":
    kind = type(value)
    if kind.__name__.startswith("Secret"):  # pydantic's SecretStr and its like
        return REDACTED
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if hasattr(kind, "isoformat"):
        return value.isoformat()
    if hasattr(kind, "__fspath__"):
        return value.__fspath__()
    if hasattr(kind, "__dataclass_fields__"):
        return {name: getattr(value, name, None) for name in kind.__dataclass_fields__}
    if hasattr(kind, "model_dump"):
        return value.model_dump()
    if hasattr(kind, "__members__"):  # an Enum
        return value.value
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__"):
        return {key: value[key] for key in value}
    return _words(value.name if hasattr(value, "read") and hasattr(value, "name") else value)


def _words(value: "Any") -> str:
    try:
        return str(value)
    except Exception as error:
        return f"[{type(value).__name__}: {type(error).__name__} in str()]"


def printable(text: str) -> str:
    """Return `text` with lone surrogates written as `\\xNN` or `\\uNNNN`; all else unchanged."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape_or_backslash").decode("utf-8")
    return text


def _escape_surrogates(error: UnicodeError) -> "tuple[str, int]":
    assert isinstance(error, UnicodeEncodeError)
    codes = [ord(char) for char in error.object[error.start : error.end]]
    return "".join(
        f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
        for code in codes
    ), error.end


def _register() -> None:
    from _codecs import register_error

    register_error("surrogateescape_or_backslash", _escape_surrogates)


_register()
