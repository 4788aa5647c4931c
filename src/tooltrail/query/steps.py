"""The steps that an entry tells of, as a tree with times: tolerant of whatever stands there."""

from .._typing import TYPE_CHECKING, Any
from .._wire import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_DEPTH = 20  # that is told; what is deeper stands there


class StepTaken:
    """One step of a call: when it began after the call, and how long it took, in ms.

    `duration_ms` of one that went on when the call ended is the rest of the call; None where that
    is not known.
    """

    def __init__(self, item: "Mapping[str, Any]", parent: "StepTaken | None") -> None:
        self.name = str(item.get("name", ""))
        self.outcome = str(item.get("outcome", SUCCESS))
        self.offset_ms = _ms(item.get("offset_ms")) or 0
        self.duration_ms = _ms(item.get("duration_ms"))
        self.parent = parent
        self.children: list[StepTaken] = []
        self.depth: int = 0 if parent is None else min(parent.depth + 1, _MAX_DEPTH)

    @property
    def own_ms(self) -> int:
        """How long it took while none of its own steps ran, in ms."""
        return own_time(self.offset_ms, self.duration_ms, self.children)


def own_time(start_ms: int, duration_ms: int | None, parts: "Iterable[StepTaken]") -> int:
    """Return how much of a time none of its parts covers, in ms."""
    whole = duration_ms or 0
    end, covered = start_ms, 0
    for part in sorted(parts, key=lambda part: part.offset_ms):
        begin = max(end, part.offset_ms)
        end = max(end, min(part.offset_ms + (part.duration_ms or 0), start_ms + whole))
        covered += max(0, end - begin)
    return max(0, whole - covered)


def steps_of(entry: "Mapping[str, Any]", duration_ms: int | None) -> list[StepTaken]:
    """Return the steps of a call, in the order that they began; `duration_ms` is the call's."""
    items = entry.get("steps")
    found: list[StepTaken | None] = []
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            found.append(None)
            continue
        place = item.get("parent")
        parent = found[place] if isinstance(place, int) and 0 <= place < len(found) else None
        step = StepTaken(item, parent)
        if step.duration_ms is None and duration_ms is not None:
            step.duration_ms = max(0, duration_ms - step.offset_ms)
        if step.parent is not None:
            step.parent.children.append(step)
        found.append(step)
    return [step for step in found if step is not None]


def _ms(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
