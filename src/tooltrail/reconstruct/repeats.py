"""Find the calls of a trace that were made more than once."""

from typing import TYPE_CHECKING

from .._wire import REDACTED
from ..settings import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .call import Call


def mark(calls: "Iterable[Call]") -> None:
    """Set `repeats` of each call before which there was one with the same words, in its folder.

    Where params were not recorded, or hold what was taken out, nothing can be said.
    """
    seen: dict[str, str] = {}
    for call in calls:
        entry = call.entry
        params = entry.get("params")
        if not isinstance(params, dict) or entry.get("level") == METADATA or "erased" in entry:
            continue
        process = entry.get("process")
        cwd = process.get("cwd") if isinstance(process, dict) else None
        called = repr((entry.get("tool"), entry.get("command"), cwd, sorted(params.items())))
        if REDACTED not in called:
            call.repeats = seen.get(called)
            seen[called] = call.request_id
