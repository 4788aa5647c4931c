"""Values as OTLP/JSON has them: 64-bit numbers are texts, and each value says its type."""

from ..._encode import encode
from ..._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_TEXT_CHARS = 8_000  # of one value
_MAX_LIST_CHARS = 32_000  # of all texts of a list or an object together
_LARGEST = 1 << 63


def attributes(values: "Mapping[str, Any]") -> "list[dict[str, Any]]":
    """Return attributes in OTLP's form; those that are None are left out."""
    return [
        {"key": name, "value": any_value(value)}
        for name, value in values.items()
        if value is not None
    ]


def prefixed(prefix: str, values: "Mapping[str, Any]") -> "dict[str, Any]":
    """Return attributes with names below `prefix`, of an object of any content.

    What there is no room for is left out, and counted in `<prefix>_left_out`.
    """
    made: dict[str, Any] = {}
    room = _MAX_LIST_CHARS
    for name, value in values.items():
        item = _flat(value)
        room -= len(cut(item if isinstance(item, str) else encode(item))) + len(str(name))
        if room < 0:
            return made | {f"{prefix}_left_out": len(values) - len(made)}
        made[f"{prefix}.{name}"] = item
    return made


def any_value(value: Any) -> "dict[str, Any]":
    """Return one value in OTLP's form; a text that is very long is cut."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -_LARGEST <= value < _LARGEST:
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in _fitting(value)]}}
    return {"stringValue": cut(value if isinstance(value, str) else encode(value))}


def _flat(value: Any) -> Any:
    """Return what an attribute may hold: a scalar, a list of texts, or the JSON of anything."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return encode(value)


def _fitting(values: "list[Any]") -> "Iterable[Any]":
    """Yield the texts of a list as far as there is room; then one that says how many are left."""
    room = _MAX_LIST_CHARS
    for at, item in enumerate(values):
        text = cut(item if isinstance(item, str) else encode(item))
        room -= len(text) + 1
        if room < 0:
            yield f"…[{len(values) - at} more]"
            return
        yield text


def cut(text: str, most: int = _MAX_TEXT_CHARS) -> str:
    """Return a text of at most `most` characters; behind what is kept, how many are not."""
    return text if len(text) <= most else f"{text[:most]}…[{len(text) - most} more characters]"
