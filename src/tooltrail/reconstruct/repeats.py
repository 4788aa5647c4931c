"""Find the calls of a trace that were made more than once."""

from .._typing import TYPE_CHECKING
from .._wire import REDACTED
from ..settings import METADATA

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from typing import Any

    from .call import Call


def mark(calls: "Iterable[Call]") -> None:
    """Set `repeats` of each call before which there was one with the same words, in its folder.

    Where params were not recorded, or hold what was taken out, nothing can be said.
    """
    seen: dict[Hashable, Call] = {}
    for call in calls:
        entry = call.entry
        params = entry.get("params")
        if not isinstance(params, dict) or entry.get("level") == METADATA or "erased" in entry:
            continue
        process = entry.get("process")
        cwd = process.get("cwd") if isinstance(process, dict) else None
        called = (entry.get("tool"), entry.get("command"), cwd)
        try:
            key: tuple[Hashable, ...] = (*called, frozenset(params.items()))
            before = seen.get(key)
        except TypeError:  # a list among them
            key = (*map(repr, called), _words(params))
            before = seen.get(key)
        if before is not None:
            words = _words(params)
            if words != _words(before.entry["params"]):  # 1 and true make the same key
                key = (*called, words)
                before = seen.get(key)
            if before is not None and REDACTED not in words:
                call.repeats = before.request_id
        seen[key] = call


def _words(params: "dict[str, Any]") -> str:
    return repr(sorted(params.items()))
