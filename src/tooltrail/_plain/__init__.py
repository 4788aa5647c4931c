"""Any value at all to JSON: what the log's own encoder hands over because it is not plain.

Total, deterministic and bounded, whatever a value's own methods do: docs/nasty-tools.md has the
table of what becomes of what. Not on the path of an ordinary call.
"""

import _json
from codecs import register_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_MAX_DEPTH = 200
_BIG = 1 << 4096  # str() of much larger integers raises
_MAX_WALKED = 2_000_000  # values that are looked at once more to find nothing to convert
_MAX_MADE = 4_000_000  # values that objects of the tool may turn into, all together
_MAX_LOGGED = 100_000  # the same, of what goes into a log
_TOO_DEEP, _HOLDS_ITSELF = "[nested too deeply]", "[holds itself]"
_CUT = "[cut off: its objects turn into too many values]"


def encode_any(value: "Any") -> str:
    """Write any value as one line of compact ASCII JSON, by the C encoder.

    What JSON cannot hold is written as the nearest thing that it can (`plain`). Never raises, but
    for a Ctrl-C or a signal that arrives meanwhile.
    """
    text = _encode(value) if _is_json(value) else None
    if text is None:
        text = _encode(plain(value, _MAX_MADE))
    return f'"{_TOO_DEEP}"' if text is None else text


def encode_parsed(value: "Any") -> str:
    """Write what a JSON parser returned: as it is, but for lone surrogates in it."""
    text = _encode(value)
    return encode_any(value) if text is None or "\\ud" in text else text


def _encode(value: "Any") -> str | None:
    encoder = _json.make_encoder(
        {}, words, _json.encode_basestring_ascii, None, ":", ",", False, False, False
    )
    try:
        return "".join(encoder(value, 0))
    except (RecursionError, ValueError, TypeError, RuntimeError):  # near the end of the stack,
        return None  # or another thread is changing the value


def settle(value: "Any") -> "tuple[Any, bool]":
    """Return a value as JSON holds it (itself, where it does), and whether any of it was cut."""
    if _is_json(value):
        return value, False
    making = _Making(_MAX_MADE)
    return making.plain(value, 0, (), False), making.left < 0


def plain(value: "Any", most: int = _MAX_LOGGED) -> "Any":
    """Turn any value into what JSON holds: dict with text keys, list, str, int, float, bool, None.

    Cycles, anything nested deeper than 200, and what is left when objects have turned into `most`
    values become a short note in their place; NaN and the infinities become their names.
    """
    return _Making(most).plain(value, 0, (), False)


def _is_json(value: "Any") -> bool:
    """Tell a value that needs no conversion; False, too, for one too large to look through."""
    try:
        return _is_plain_inside(value)
    except (RuntimeError, ValueError, TypeError):  # another thread is changing it
        return False


def _is_plain_inside(value: "Any") -> bool:
    level, left = [value], _MAX_WALKED
    for _ in range(_MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                left -= len(item)
                if left < 0 or not all(map(_is_clean, item)):
                    return False
                deeper.extend(item.values())
            elif kind is list or kind is tuple:
                left -= len(item)
                if left < 0:
                    return False
                deeper.extend(item)
            elif not _is_plain_leaf(item, kind):
                return False
        if not deeper:
            return True
        level = deeper
    return False


def _is_plain_leaf(item: "Any", kind: type) -> bool:
    if kind is str:
        return _is_clean(item)
    if kind is int:
        return bool(-_BIG < item < _BIG)
    if kind is float:
        return bool(item - item == 0)
    return item is None or kind is bool


def _is_clean(text: "Any") -> bool:
    """Tell text without lone surrogates."""
    return type(text) is str and (text.isascii() or printable(text) is text)


class _Making:
    """One pass over a value, and how much its objects may still turn into.

    Plain containers that are met for the first time are in memory already. Counted is what may
    have no end: all that a conversion made, and what a container that was met before holds.
    """

    __slots__ = ("_met", "left")

    def __init__(self, most: int) -> None:
        self.left = most
        self._met: set[int] = set()

    def plain(self, value: "Any", depth: int, within: tuple[int, ...], made: bool) -> "Any":
        """Return a value as JSON holds it; `within` are the ids of those that it is inside of."""
        kind = type(value)
        if value is None or kind is bool:
            return value
        if issubclass(kind, str):
            text = printable(str.__str__(value))
            if made:
                self.left -= len(text) >> 6
            return text
        if issubclass(kind, int):
            number = int.__index__(value)
            return number if -_BIG < number < _BIG else hex(number)
        if issubclass(kind, float):
            real = float.__float__(value)
            return real if real - real == 0 else repr(real)
        if depth > _MAX_DEPTH:
            return _TOO_DEEP
        if id(value) in within:
            return _HOLDS_ITSELF
        try:
            return self._inside(value, kind, depth + 1, (*within, id(value)), made)
        except RecursionError:
            return _TOO_DEEP

    def _inside(
        self, value: "Any", kind: type, depth: int, within: tuple[int, ...], made: bool
    ) -> "Any":
        if issubclass(kind, (dict, list, tuple, set, frozenset)):
            counted = made or id(value) in self._met
            if not made:
                self._met.add(id(value))
            if issubclass(kind, dict):
                return self._members(list(dict.items(value)), depth, within, counted)
            items = self._items(_own_items(value, kind), depth, within, counted)
            return sorted(items, key=_order) if issubclass(kind, (set, frozenset)) else items
        if self.left < 0:
            return _CUT
        try:
            from .kinds import Items, Members, convert
        except Exception:  # no file can be opened any more, or the package is gone
            return f"[{class_name(kind)}]"
        try:
            turned = convert(value, kind)
            if isinstance(turned, Members):
                return self._members(turned.pairs, depth, within, True)
            if isinstance(turned, Items):
                items = self._items(turned.items, depth, within, True)
                return sorted(items, key=_order) if turned.unordered else items
        except RecursionError:
            raise
        except BaseException as error:
            pass_on(error)
            turned = without_addresses(words(value))
        return self.plain(turned, depth, within, True)

    def _members(
        self, pairs: "Iterable[Any]", depth: int, within: tuple[int, ...], counted: bool
    ) -> "dict[str, Any]":
        members: dict[str, Any] = {}
        numbers: dict[str, int] = {}
        for name, item in pairs:
            if counted and self._is_spent():
                members[_CUT] = None
                break
            text = key(name)
            if text in members:  # two names that are the same as text
                text = _numbered(text, members, numbers)
            members[text] = self.plain(item, depth, within, counted)
        return members

    def _items(
        self, values: "Iterable[Any]", depth: int, within: tuple[int, ...], counted: bool
    ) -> "list[Any]":
        items = []
        for item in values:
            if counted and self._is_spent():
                items.append(_CUT)
                break
            items.append(self.plain(item, depth, within, counted))
        return items

    def _is_spent(self) -> bool:
        self.left -= 1
        return self.left < 0


def _own_items(value: "Any", kind: type) -> "list[Any]":
    """Return what is in a container, past the methods of a subclass."""
    for base in (list, tuple, set, frozenset):
        if issubclass(kind, base):
            return list(base.__iter__(value))
    return []


def _order(item: "Any") -> "tuple[int, Any, str]":
    """Sort what came out of a set: numbers, then text, then all else by its JSON."""
    kind = type(item)
    if kind is int or kind is float:
        return 0, item, ""
    return (1, 0, item) if kind is str else (2, 0, encode_any(item))


def _numbered(name: str, members: "dict[str, Any]", numbers: dict[str, int]) -> str:
    number = numbers.get(name, 2)
    while f"{name}_{number}" in members:
        number += 1
    numbers[name] = number + 1
    return f"{name}_{number}"


def key(name: "Any") -> str:
    """Return the name of a member as JSON can have it: text without lone surrogates.

    A name that is no text is converted as a value would be; what that makes is written as JSON.
    """
    if issubclass(type(name), str):
        return printable(str.__str__(name))
    made = plain(name, 1000)
    return made if isinstance(made, str) else encode_any(made)


def words(value: "Any") -> str:
    """Return `str(value)`, or what kept it from being made."""
    try:
        return str.__str__(str(value))
    except BaseException as error:
        pass_on(error)
        return f"[{class_name(type(value))}: {class_name(type(error))} in str()]"


_NAME: "Any" = vars(type)["__name__"]


def class_name(kind: type) -> str:
    """Return the name of a class, whatever its metaclass says."""
    name: str = _NAME.__get__(kind)
    return name


def pass_on(error: BaseException) -> None:
    """Raise what is none of a value's: a Ctrl-C, a signal. All else that it raises is its own."""
    if isinstance(error, KeyboardInterrupt) or class_name(type(error)) == "Terminated":
        raise error


def without_addresses(text: str) -> str:
    """Take out where objects are in memory: `<Thing object at 0x7f…>` is another on each run."""
    parts = text.split(" at 0x")
    clean = parts[0]
    for part in parts[1:]:
        rest = part.lstrip("0123456789abcdef")
        is_address = len(part) - len(rest) >= _MIN_ADDRESS_DIGITS and rest[:1] in (">", ",", ";")
        clean += rest if is_address else " at 0x" + part
    return clean


_MIN_ADDRESS_DIGITS = 6


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
