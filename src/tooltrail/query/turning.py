"""Find where it broke: the last run of a command that went well, and the first that did not."""

from .._typing import TYPE_CHECKING, Any
from .._wire import OPEN_OUTCOMES
from .search import is_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Entry = dict[str, Any]


def turning_point(
    entries: "Iterable[Entry]", each: "Callable[[Entry], None]"
) -> "tuple[Entry, Entry] | None":
    """Return the last good entry before the latest run of failures, and the first bad one.

    None where nothing failed after something had gone well. `each` is called with every entry.
    Calls without an end are neither.
    """
    good: Entry | None = None
    found: tuple[Entry, Entry] | None = None
    broken = False
    for entry in entries:
        each(entry)
        if entry.get("outcome") in OPEN_OUTCOMES:
            continue
        if not is_failed(entry):
            good, broken = entry, False
        elif good is not None and not broken:
            found, broken = (good, entry), True
    return found
