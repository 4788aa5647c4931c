"""One value of a type that JSON lacks, to one that it has: each kind in its documented form.

What pydantic's JSON mode writes of a type is what stands here, wherever it has a form for it.
"""

from _collections_abc import Mapping, MappingView, Sequence, Set

from .._wire import REDACTED
from . import class_name, pass_on, without_addresses, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_NOTHING: "Any" = object()


class Members:
    """What an object turned into: names and values, not all of them made yet."""

    def __init__(self, pairs: "Iterable[tuple[Any, Any]]") -> None:
        self.pairs = pairs


class Items:
    """What an object turned into: values, not all of them made yet."""

    def __init__(self, items: "Iterable[Any]", *, unordered: bool = False) -> None:
        self.items = items
        self.unordered = unordered


def convert(value: "Any", kind: "Any") -> "Any":
    """Turn one value of a type that JSON lacks into one that it has, or that is nearer to it.

    An iterator is named, not read: reading it would take its items from the tool. Of an object's
    own attributes none is touched but those of its declared fields and what lies in its
    `__dict__`: asking a lazy file for one opens it, and empties it.
    """
    if any(_says_secret(class_name(base)) for base in kind.__mro__):
        return REDACTED
    for turn in (_scalar, _record, _collection):
        turned = turn(value, kind)
        if turned is not _NOTHING:
            return turned
    return without_addresses(words(_file_name(value, kind)))


def _says_secret(name: str) -> bool:
    """Tell `SecretStr`, `SecretBytes` and `Secret` from a `Secretary`."""
    return name.startswith("Secret") and not name[6:7].islower()


def _scalar(value: "Any", kind: "Any") -> "Any":
    if issubclass(kind, (bytes, bytearray)):
        base = bytes if issubclass(kind, bytes) else bytearray
        return base.decode(value, "utf-8", "backslashreplace")
    if kind is memoryview:
        return value.tobytes()
    if issubclass(kind, BaseException):
        text = words(value)
        return f"{class_name(kind)}: {text}" if text else class_name(kind)
    if hasattr(kind, "isoformat"):
        return value.isoformat()
    if hasattr(kind, "total_seconds") and hasattr(kind, "microseconds"):
        return _duration(value.days, value.seconds, value.microseconds)
    if hasattr(kind, "__fspath__"):
        return value.__fspath__()
    if issubclass(kind, complex):
        return complex.__repr__(value).strip("()")
    if class_name(kind) == "Pattern" and kind.__module__ == "re":
        return value.pattern
    return _NOTHING


def _duration(days: int, seconds: int, microseconds: int) -> str:
    """Write a time span as an ISO 8601 duration, as pydantic does: `P1DT2H0.5S`, `-PT1S`."""
    total = (days * 86_400 + seconds) * 1_000_000 + microseconds
    rest, micros = divmod(abs(total), 1_000_000)
    rest, seconds = divmod(rest, 60)
    rest, minutes = divmod(rest, 60)
    days, hours = divmod(rest, 24)
    years, days = divmod(days, 365)
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    date = f"{years}Y" * bool(years) + f"{days}D" * bool(days)
    clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
    clock += f"{seconds}{fraction}S" * bool(seconds or micros)
    text = date + ("T" + clock if clock else "") or "T0S"
    return ("-P" if total < 0 else "P") + text


def _record(value: "Any", kind: "Any") -> "Any":
    """Turn an object with declared fields into their names and values."""
    if hasattr(kind, "__dataclass_fields__"):
        fields = kind.__dataclass_fields__
        return _fields(value, (name for name in fields if _is_field(fields[name])))
    if hasattr(kind, "__attrs_attrs__"):
        return _fields(value, (field.name for field in kind.__attrs_attrs__))
    if hasattr(kind, "__struct_fields__"):  # msgspec
        return _fields(value, kind.__struct_fields__)
    if hasattr(kind, "model_dump") or (hasattr(kind, "__fields__") and hasattr(kind, "dict")):
        return _dumped(value, kind)
    if hasattr(kind, "__members__"):  # an Enum
        return value.value
    if class_name(kind) in ("SimpleNamespace", "Namespace") and kind.__module__ in (
        "types",
        "argparse",
    ):
        return _own(value)
    return _NOTHING


def _is_field(field: "Any") -> bool:
    """Tell a dataclass's field from a class variable."""
    return getattr(getattr(field, "_field_type", None), "name", "_FIELD") == "_FIELD"


def _fields(value: "Any", names: "Iterable[str]") -> Members:
    made = ((name, _fetched(getattr, value, name)) for name in names)
    return Members(pair for pair in made if pair[1] is not _NOTHING)


def _fetched(fetch: "Callable[[Any, Any], Any]", value: "Any", name: "Any") -> "Any":
    """Return a part of an object; a note where it cannot be had, nothing where it was not set."""
    try:
        return fetch(value, name)
    except AttributeError:
        return _NOTHING
    except BaseException as error:
        pass_on(error)
        return f"[{class_name(type(error))}]"


def _dumped(value: "Any", kind: "Any") -> "Any":
    """Return what pydantic makes of its model; of one that it refuses, the fields."""
    try:
        if hasattr(kind, "model_dump"):
            return value.model_dump(warnings=False)
        return value.dict()
    except BaseException as error:
        pass_on(error)
        return _own(value)


def _own(value: "Any") -> "dict[str, Any]":
    return dict(object.__getattribute__(value, "__dict__"))


def _collection(value: "Any", kind: "Any") -> "Any":
    if class_name(kind) == "DataFrame" and hasattr(kind, "to_dict"):
        return value.to_dict("records")
    if hasattr(kind, "tolist"):  # numpy, pandas, array, torch
        return str(value) if class_name(kind) in ("datetime64", "timedelta64") else value.tolist()
    if issubclass(kind, Mapping) or (hasattr(kind, "keys") and hasattr(kind, "__getitem__")):
        names = value.keys()
        return Members((name, _fetched(kind.__getitem__, value, name)) for name in names)
    if issubclass(kind, Set) and not issubclass(kind, MappingView):
        return Items(value, unordered=True)
    if issubclass(kind, (Sequence, MappingView)) and kind is not range:
        return Items(value)
    return _NOTHING


def _file_name(value: "Any", kind: type) -> "Any":
    """Return the name of a file, open or lazy; anything else as it is."""
    if kind.__module__ in ("_io", "io") and hasattr(kind, "read"):
        return getattr(value, "name", value)
    own = getattr(kind, "__dict__", {}).get("__dict__") and _own(value)
    return own["name"] if own and "name" in own and "mode" in own else value
