"""How far a server's clock is off, told by the matches themselves.

Each line that may be a request says: if I am it, the offset is between here and there (the line
was written while the request was under way, and a log of whole seconds hides up to one of them).
The offset that most requests agree on, each weighed by how unlikely that is by chance, is the
best. Others that do nearly as well are kept: where they would lead to other pairs, no pair is
sure. A clock that is right, and one that is off by a time zone, are a little likelier than any
other beforehand.
"""

import math
from typing import NamedTuple

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EARLY_S, LATE_S = 0.25, 0.75  # a line may be written this long before or after, at no cost
MOST_S = 26 * 3600.0  # no clock is looked for beyond: a time zone on either side, and some more
_KEPT = 12  # offsets
_NEAR = 4.0  # in natural logarithms: what is less likely than the best by more is dropped
_LEAST_CHANCE = 0.02
_RIGHT_S = 2.0
_ZONE_S = 900.0


class Offset(NamedTuple):
    """One possible offset: add it to a caller's time to get the server's, in seconds."""

    seconds: float
    weight: float  # how likely, of all that do nearly as well
    agreeing: int  # requests that have a line there


class Interval(NamedTuple):
    """The offsets at which one line may be one request."""

    low: float
    high: float
    request: int


def interval_of(start: float, end: float, at: float, fineness: float, request: int) -> Interval:
    """Return the offsets at which a line of this time may be a request from `start` to `end`."""
    return Interval(at - end - LATE_S, at + fineness - start + EARLY_S, request)


def offsets(intervals: "Iterable[Interval]", span: float) -> list[Offset]:
    """Return the possible offsets, the likeliest first; none where no line fits any request.

    `span` is how many seconds the log goes over.
    """
    every = list(intervals)
    if not every:
        return []
    found = _best(every, _weights(every, span))
    top = found[0][0] if found else 0.0
    near = [each for each in found if each[0] > top - _NEAR]
    total = sum(math.exp(score - top) for score, _, _ in near)
    return [
        Offset(seconds, math.exp(score - top) / total, agreeing)
        for score, seconds, agreeing in near[:_KEPT]
    ]


def _weights(intervals: "Sequence[Interval]", span: float) -> dict[int, float]:
    """Return what a request that has a line at an offset says for it, by how rare that is."""
    covered: dict[int, float] = {}
    for each in intervals:
        covered[each.request] = covered.get(each.request, 0.0) + each.high - each.low
    return {
        request: -math.log(min(0.9, max(_LEAST_CHANCE, width / (span + MOST_S / 26))))
        for request, width in covered.items()
    }


def _best(
    intervals: "Sequence[Interval]", weights: "dict[int, float]"
) -> list[tuple[float, float, int]]:
    """Return score, offset and number of agreeing requests of each peak, the best first."""
    edges = sorted(
        [(each.low, 0, each.request) for each in intervals]
        + [(each.high, 1, each.request) for each in intervals]
    )
    peaks: list[tuple[float, float, int]] = []
    fitting: dict[int, int] = dict.fromkeys(weights, 0)  # lines at this offset, of each request
    score, agreeing, begun, rising = 0.0, 0, 0.0, False
    for at, is_end, request in edges:
        if is_end:
            if rising:
                peaks += _of_peak(score, begun, at, agreeing)
            rising = False
            fitting[request] -= 1
            if not fitting[request]:
                score -= weights[request]
                agreeing -= 1
        else:
            if not fitting[request]:
                score += weights[request]
                agreeing += 1
            fitting[request] += 1
            begun, rising = at, True
    peaks.sort(key=lambda peak: (-peak[0], abs(peak[1])))
    return peaks


def _of_peak(
    score: float, low: float, high: float, agreeing: int
) -> list[tuple[float, float, int]]:
    """Return the peak at the likeliest offset in it."""
    if abs(low + high) / 2 > MOST_S:
        return []
    middle = min(max(0.0, low), high) if low - 0.2 <= 0.0 <= high + 0.2 else (low + high) / 2
    return [(score + _beforehand(middle), middle, agreeing)]


def _beforehand(seconds: float) -> float:
    """Return how likely an offset is before any line is read, as a logarithm."""
    if abs(seconds) <= _RIGHT_S:
        return 0.8
    if abs(seconds) <= 60.0:
        return 0.6
    zone = abs(seconds / _ZONE_S - round(seconds / _ZONE_S)) * _ZONE_S
    return 0.3 if zone <= 60.0 else 0.0
