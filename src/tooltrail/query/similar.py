"""Find the traces whose ids begin as one that was asked for: for who copied half of it."""

from .._encode import encode
from .._typing import TYPE_CHECKING
from ..trail.find import lines_with
from ..trail.read import parse
from ..trail.segments import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED = 5  # of many that begin so
_MIN_CHARS = 4  # fewer begin too many


def traces_like(paths: "Iterable[str]", start: str) -> list[str]:
    """Return the ids of traces that begin so, in order; one more than `NAMED` stands for many."""
    if len(start) < _MIN_CHARS:
        return []
    literal = b'"trace_id":' + encode(start)[:-1].encode("ascii")
    found: dict[str, None] = {}
    for path in paths:
        try:
            for line in lines_with(snapshot(path), literal):
                found[str((parse(line) or {}).get("trace_id"))] = None
                if len(found) > NAMED:
                    break
        except OSError:
            continue  # the search has said so
    return [trace_id for trace_id in sorted(found) if trace_id.startswith(start)][: NAMED + 1]
