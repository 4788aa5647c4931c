"""Hang each call under its parent: circles are cut, and what is nested too deep is lifted."""

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .call import Call

MAX_DEPTH = 100  # of nested calls; JSON readers and terminals end soon after


def hang(known: "dict[str, Call]", moved: dict[str, str]) -> "list[Call]":
    """Put each call under its parent; return those that stand at the top."""
    parents: dict[str, str] = {}
    for key, call in known.items():
        parent = None if call.parent is None else moved.get(call.parent, call.parent)
        if parent is None:
            continue
        if parent in known:
            parents[key] = parent
        else:
            call.parent_missing = True
    for key in _cut_circles(known, parents):
        known[key].parent_missing = True
    _limit_depth(known, parents)
    for key, parent in parents.items():
        known[parent].children.append(known[key])
    return [call for key, call in known.items() if key not in parents]


def _cut_circles(known: "Iterable[str]", parents: dict[str, str]) -> list[str]:
    """Take the earliest call of each circle out of `parents`; return those taken out."""
    cut: list[str] = []
    done: set[str] = set()
    for key in list(parents):
        path: list[str] = []
        step: str | None = key
        while step is not None and step not in done:
            done.add(step)
            path.append(step)
            step = parents.get(step)
        if step in path:
            circle = set(path[path.index(step) :])
            earliest = next(each for each in known if each in circle)
            del parents[earliest]
            cut.append(earliest)
    return cut


def _limit_depth(known: "Mapping[str, Call]", parents: dict[str, str]) -> None:
    """Hang what is nested deeper than `MAX_DEPTH` under its ancestor at that depth."""
    depth: dict[str, int] = {}
    for key in list(parents):
        path: list[str] = []
        step: str | None = key
        while step is not None and step not in depth:
            path.append(step)
            step = parents.get(step)
        for below in reversed(path):
            parent = parents.get(below)
            if parent is None:
                depth[below] = 0
                continue
            if depth[parent] == MAX_DEPTH:
                parents[below] = parents[parent]
                known[below].too_deep = True
            depth[below] = min(depth[parent] + 1, MAX_DEPTH)
