"""The rows of a call's steps in a drawn trace: the longest of them, in the order they began."""

from .._typing import TYPE_CHECKING
from .._wire import FAILURE, UNFINISHED
from .safe import safe

if TYPE_CHECKING:
    from ..query.steps import StepTaken

_MAX_ROWS = 20  # of one call
_MAX_NAME_CHARS = 80


def shown(steps: "list[StepTaken]") -> "tuple[list[StepTaken], int]":
    """Return the steps that are drawn, and how many are not: the longest, and what they are in."""
    if len(steps) <= _MAX_ROWS:
        return steps, 0
    kept: set[int] = set()
    for step in sorted(steps, key=lambda step: -(step.duration_ms or 0)):
        around = _with_outer(step)
        if len(kept | around) > _MAX_ROWS:
            break
        kept |= around
    drawn = [step for step in steps if id(step) in kept]
    return drawn, len(steps) - len(drawn)


def _with_outer(step: "StepTaken | None") -> set[int]:
    found = set()
    while step is not None:
        found.add(id(step))
        step = step.parent
    return found


def mark(step: "StepTaken") -> str:
    """Return one sign for how the step ended: nothing where it went well."""
    return {FAILURE: "x", UNFINISHED: "~"}.get(step.outcome, " ")


def words(step: "StepTaken", dot: str) -> str:
    """Return the step's name at its depth."""
    return f"{'  ' * step.depth}{dot} {safe(step.name, _MAX_NAME_CHARS)}"
