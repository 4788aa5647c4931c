"""What a wrapper saw of the processes below it, in words: `tooltrail run --instrument`."""

from .._typing import TYPE_CHECKING, Any
from .safe import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = {
    "too_old": "Python is too old",
    "isolated": "isolated (-I)",
    "ignores_environment": "ignores the environment (-E)",
    "no_site": "reads no start-up files (-S)",
    "environment_dropped": "its environment was dropped",
    "failed": "could not start recording",
}


def lines(seen: "dict[str, Any]") -> "Iterator[str]":
    """Yield the counts, and a line for each blind spot."""
    counts = {name: safe(seen.get(name)) for name in ("processes", "interpreters", "recorded")}
    yield (
        f"below    at least {counts['processes']} processes, {counts['interpreters']} of them"
        f" Python; {counts['recorded']} recorded themselves"
    )
    spots = seen.get("blind")
    for spot in spots if isinstance(spots, list) else ():
        if isinstance(spot, dict):
            reason = str(spot.get("reason"))
            what = spot.get("executable") or f"Python {spot.get('version')}"
            yield f"blind    {safe(what)} x{safe(spot.get('processes'))}: " + _REASONS.get(
                reason, safe(reason)
            )
