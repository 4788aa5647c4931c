"""Match requests to lines in order: over all matchings in which no two pairs cross.

A server writes its lines in the order in which requests end, so of two requests the one that
ended first has the earlier line. How sure a pair is, is the share of the matchings that hold it,
each weighed by the odds of all its pairs. They are summed from both ends, in O(pairs * log lines),
with a tree of prefix sums. Sums are kept as logarithms: they outgrow any float.
"""

from collections import defaultdict
from math import exp, log1p
from typing import NamedTuple

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NOTHING = float("-inf")  # the logarithm of 0


class Pair(NamedTuple):
    """A request and a line that may be it, by their places.

    `odds` is a logarithm: how much likelier the line is this request's than a stranger's.
    """

    request: int
    line: int
    odds: float


def shares(pairs: "Sequence[Pair]") -> dict[tuple[int, int], float]:
    """Return how sure each pair is, from 0 to 1, given that lines stand in order.

    The shares of one request add up to 1 with that of its having no line.
    """
    upwards, everything = _sums(pairs)
    downwards, _ = _sums([Pair(-pair.request, -pair.line, pair.odds) for pair in pairs])
    return {
        (pair.request, pair.line): min(
            1.0,
            exp(
                upwards[pair.request, pair.line]
                + downwards[-pair.request, -pair.line]
                - pair.odds
                - everything
            ),
        )
        for pair in pairs
    }


def _sums(pairs: "Iterable[Pair]") -> tuple[dict[tuple[int, int], float], float]:
    """Return the sum over the matchings that end with each pair, and over all there are."""
    by_request: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_request[pair.request].append(pair)
    used = sorted({pair.line for found in by_request.values() for pair in found})
    places = {line: place for place, line in enumerate(used, 1)}
    tree = [_NOTHING] * (len(places) + 1)
    sums: dict[tuple[int, int], float] = {}
    for request in sorted(by_request):
        found = [
            (pair.line, pair.odds + _add(0.0, _up_to(tree, places[pair.line] - 1)))
            for pair in by_request[request]
        ]
        for line, value in found:
            sums[request, line] = value
            _put(tree, places[line], value)
    return sums, _add(0.0, _up_to(tree, len(places)))


def _add(one: float, other: float) -> float:
    if one < other:
        one, other = other, one
    return one if other == _NOTHING else one + log1p(exp(other - one))


def _up_to(tree: list[float], place: int) -> float:
    total = _NOTHING
    while place > 0:
        total = _add(total, tree[place])
        place -= place & -place
    return total


def _put(tree: list[float], place: int, value: float) -> None:
    while place < len(tree):
        tree[place] = _add(tree[place], value)
        place += place & -place


def most_matched(pairs: "Iterable[Pair]") -> int:
    """Return how many requests can have a line of their own at once, whatever the order.

    Each line goes to the request that has the fewest chances left: the most there are, where the
    lines of a request stand in a row.
    """
    last: dict[int, int] = {}
    by_line: dict[int, list[int]] = defaultdict(list)
    for pair in pairs:
        last[pair.request] = max(last.get(pair.request, pair.line), pair.line)
        by_line[pair.line].append(pair.request)
    taken: set[int] = set()
    for line in sorted(by_line):
        free = [request for request in by_line[line] if request not in taken]
        if free:
            taken.add(min(free, key=lambda request: last[request]))
    return len(taken)
