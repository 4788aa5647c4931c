"""Any value at all to JSON: what the log's own encoder hands over because it is not plain.

Not on the path of an ordinary call.
"""

import _json
from codecs import register_error

from ._wire import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_DEPTH = 200
_BIG = 1 << 4096  # str() of much larger integers raises


def encode_any(value: "Any") -> str:
    """Write any value as one line of compact ASCII JSON, by the C encoder.

    Total: what JSON cannot hold is written as the nearest thing that it can (`plain`), and
    never raises.
    """
    text = _encode(value)
    if text is None or "\\ud" in text:
        text = _encode(plain(value))
    assert text is not None  # `plain` left only what JSON holds
    return text


def _encode(value: "Any") -> str | None:
    encoder = _json.make_encoder(
        {}, _plain_leaf, _json.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    try:
        return "".join(encoder(value, 0))
    except (Exception, SystemExit):  # of the value's own methods, too
        return None


def plain(value: "Any", depth: int = 0, within: tuple[int, ...] = ()) -> "Any":
    """Turn any value into what JSON holds: dict with text keys, list, str, int, float, bool, None.

    Cycles and anything nested deeper than 200 become a short note in their
    place; NaN and the infinities become their names.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return printable(str.__str__(value))
    if isinstance(value, int):
        number = int.__index__(value)
        return number if -_BIG < number < _BIG else hex(number)
    if isinstance(value, float):
        real = float.__float__(value)
        return real if real - real == 0 else repr(real)
    if depth > _MAX_DEPTH:
        return "[nested too deeply]"
    if id(value) in within:
        return "[holds itself]"
    within = (*within, id(value))
    if isinstance(value, dict):
        return {key(name): plain(item, depth + 1, within) for name, item in dict.items(value)}
    if isinstance(value, (list, tuple)):
        items = list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value)
        return [plain(item, depth + 1, within) for item in items]
    return plain(_plain_leaf(value), depth + 1, within)


def key(name: "Any") -> str:
    """Return the name of a member as JSON can have it: text without lone surrogates."""
    if name is None or isinstance(name, bool):
        return {None: "null", True: "true", False: "false"}[name]
    return printable(str.__str__(name) if isinstance(name, str) else words(name))


def _plain_leaf(value: "Any") -> "Any":
    """Turn one value of a type that JSON lacks into one that it has; never raises.

    An iterator is named, not read: reading it would take its items from the tool. Of an object's
    own attributes none is touched but what lies in its `__dict__`: asking a lazy file for one
    opens it, and empties it.
    """
    try:
        return _convert(value)
    except (Exception, SystemExit):
        return words(value)


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
    return words(_file_name(value, kind))


def _file_name(value: "Any", kind: type) -> "Any":
    """Return the name of a file, open or lazy; anything else as it is."""
    if kind.__module__ in ("_io", "io") and hasattr(kind, "read"):
        return getattr(value, "name", value)
    own = getattr(kind, "__dict__", {}).get("__dict__") and value.__dict__
    return own["name"] if isinstance(own, dict) and "name" in own and "mode" in own else value


def words(value: "Any") -> str:
    """Return `str(value)`, or what kept it from being made."""
    try:
        return str(value)
    except (Exception, SystemExit) as error:
        return f"[{type(value).__name__}: {type(error).__name__} in str()]"


def printable(text: str) -> str:
    """Return `text` with lone surrogates written as `\\xNN` or `\\uNNNN`; all else unchanged."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape_or_backslash").decode("utf-8")
    return text


def _escape_surrogates(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    codes = [ord(char) for char in error.object[error.start : error.end]]
    return "".join(
        f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
        for code in codes
    ), error.end


register_error("surrogateescape_or_backslash", _escape_surrogates)
