"""Make text that came from outside safe to show, to a person's terminal and to a model alike.

Arguments, ids and error texts are whatever somebody chose to write: control
characters, ANSI escapes and bidi marks become visible escapes, and the length is
capped.
"""

from functools import lru_cache

from .._encode import encode
from .._typing import Any

_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_WIDE = frozenset({"W", "F"})
_MAX_SCALAR_CHARS = 400
_MIN_FOLDED = 11  # columns behind the indentation, however narrow the terminal


def safe(value: Any, limit: int = _MAX_SCALAR_CHARS) -> str:
    """Return a value as one line of printable text of at most `limit` characters."""
    if value.__class__ is int:
        text = str(value)
    else:
        text = value if isinstance(value, str) else "" if value is None else encode(value)
    if len(text) <= limit and text.isprintable():
        return text
    cut = text[: limit + 1]
    if not cut.isprintable():
        cut = "".join(map(_visible, cut))
    return cut if len(cut) <= limit else cut[: max(0, limit - 1)] + "…"


@lru_cache(4096)
def _visible(char: str) -> str:
    from unicodedata import category

    if char.isprintable() or category(char) not in _ESCAPED:
        return char
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def width(text: str) -> int:
    """Return how many columns a terminal gives a printable text."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


@lru_cache(4096)
def _columns_of(char: str) -> int:
    from unicodedata import category, east_asian_width

    if category(char) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(char) in _WIDE else 1


def fit(text: str, columns: int) -> str:
    """Cut a printable text to a number of columns, with an ellipsis where something is gone."""
    if width(text) <= columns:
        return text
    kept, room = 0, columns - 1
    for char in text:
        room -= width(char)
        if room < 0:
            break
        kept += 1
    return text[:kept] + "…" if columns > 0 else ""


def folded(text: str, columns: int | None, indent: str) -> list[str]:
    """Break a printable text into lines of so many columns, those after the first indented.

    None is one line, however long.
    """
    if columns is None or width(text) <= columns:
        return [text]
    import textwrap

    room = max(columns, len(indent) + _MIN_FOLDED)
    broken = textwrap.wrap(text, room, subsequent_indent=indent, break_on_hyphens=False)
    return [fit(line, room) for line in broken]


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill a text with spaces up to a number of columns."""
    if text.isascii():
        return text.rjust(columns) if right else text.ljust(columns)
    space = " " * max(0, columns - width(text))
    return space + text if right else text + space


def duration(ms: int | None) -> str:
    """Write a duration: 7 ms, 4.52 s, 3 min 05 s, 2 h 07 min; nothing where it is not known."""
    if ms is None:
        return ""
    if ms < 1000:
        return f"{ms} ms"
    if ms < 60_000:
        return f"{ms / 1000:.2f} s"
    minutes, seconds = divmod(ms // 1000, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
