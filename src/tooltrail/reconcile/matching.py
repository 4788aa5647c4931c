"""Say which line is which request, how sure that is, and why."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict

from .._typing import TYPE_CHECKING
from .clocks import EARLY_S, LATE_S, MOST_S, Offset, interval_of, offsets
from .order import Pair, most_matched, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .candidates import Candidates
    from .clocks import Interval
    from .requests import Request

SURE = 0.95  # from here on a pair is told as one; below, as a possibility
_PER_SECOND = 2.5  # what a second beyond the expected time costs, in natural logarithms
_MOST_ODDS = 12.0  # a line at the expected time, of a kind that is never seen elsewhere
_MOST_LINES = 200  # of one request: with more there is no telling anyway
_MOST_INTERVALS = 400_000
_ABSENT = 0.05  # how often, at least, the log is taken not to have a request's line
_MOST_ABSENT = 0.5
_NONE = 0.1  # below, all lines of a request together are taken for strangers'
_ORDERED_S = 0.02  # between two requests, for the earlier one to have the earlier line for sure
_CLOSE = 3.0  # what another pairing may cost more, and still be likely: SURE, as a logarithm
_TIME_ALONE = 0.5  # how sure a pair is at most that has nothing else in common
_FEW = {1: 0.6, 2: 0.8}  # how sure a pair is at most where so few requests tell the offset


class Match:
    """What was found for one request: lines with how sure each is, the likeliest first."""

    __slots__ = ("by_id", "concurrent", "lines", "time_alone")

    def __init__(self, lines: "list[tuple[int, float]]", *, by_id: bool = False) -> None:
        self.lines = lines
        self.by_id = by_id
        self.concurrent = False  # another request ran at that time, and they could be exchanged
        self.time_alone = False  # the likeliest line has nothing in common with it but the time

    @property
    def sure(self) -> bool:
        """Whether one line is it, and no other."""
        return bool(self.lines) and self.lines[0][1] >= SURE


class Matching:
    """The matches of all requests, and the offset that they rest on."""

    def __init__(
        self, candidates: "Candidates", window: float, offset: float | None, span: float
    ) -> None:
        self._candidates = candidates
        self._requests: list[Request] = list(candidates.requests)
        self._window = window
        self.given = offset is not None
        self.offsets = (
            [Offset(offset, 1.0, len(self._requests))]
            if offset is not None
            else offsets(self._intervals(), span)
        )
        self._times = {
            kind: [candidates.lines[place].at for place in places]
            for kind, places in candidates.by_kind.items()
        }
        self._in_order = {kind for kind, times in self._times.items() if times == sorted(times)}
        self.matches: list[Match] = []
        self._strays = self._stray_lines(span)
        self.short = 0  # how many of the requests that are not sure have no line for certain
        self._match()

    @property
    def offset(self) -> Offset | None:
        """The likeliest offset of the server's clock."""
        return self.offsets[0] if self.offsets else None

    def _intervals(self) -> "Iterator[Interval]":
        """Yield what the rarest requests say of the offset: there may be no end of the others."""
        left = _MOST_INTERVALS
        lines = self._candidates.lines
        order = sorted(range(len(self._requests)), key=lambda one: len(self._candidates.of(one)))
        for number in order:
            request = self._requests[number]
            places = self._candidates.of(number)
            left -= len(places)
            if left < 0:
                return
            for place in places:
                line = lines[place]
                if (
                    abs(line.at - request.end) <= MOST_S
                    and self._candidates.may_be(line, number)
                    and self._candidates.tells(place, number)
                ):
                    yield interval_of(request.start, request.end, line.at, line.fineness, number)

    def _match(self) -> None:
        found: list[dict[int, float]] = [defaultdict(float) for _ in self._requests]
        fixed = self._by_id()
        first: list[Pair] = []
        on_time: set[int] = set()
        for offset in self.offsets or [Offset(0.0, 1.0, 0)]:
            pairs = self._pairs(offset.seconds, fixed, on_time)
            first = first or pairs
            for (request, line), share in shares(pairs).items():
                found[request][line] += offset.weight * share * self._trust(offset)
        for number, lines in enumerate(found):
            if number in fixed:
                self.matches.append(Match([(fixed[number], 1.0)], by_id=True))
                continue
            ranked = sorted(lines.items(), key=lambda one: (-one[1], one[0]))
            if number not in on_time and sum(lines.values()) < _NONE:
                ranked = []
            self.matches.append(self._judged(number, ranked))
        _doubt_concurrent(self._requests, self.matches, first)
        unsure = {n for n, match in enumerate(self.matches) if match.lines and not match.sure}
        taken = {match.lines[0][0] for match in self.matches if match.sure}
        open_pairs = [p for p in first if p.request in unsure and p.line not in taken]
        asked = {p.request for p in first} & unsure
        may_be_none = sum(self._requests[number].unanswered for number in asked)
        self.short = max(0, len(asked) - most_matched(open_pairs) - may_be_none)

    def _judged(self, number: int, ranked: "list[tuple[int, float]]") -> Match:
        told = [
            (place, share if self._candidates.tells(place, number) else min(share, _TIME_ALONE))
            for place, share in ranked
        ]
        match = Match(sorted(told, key=lambda one: (-one[1], one[0])))
        match.time_alone = bool(told) and not self._candidates.tells(match.lines[0][0], number)
        return match

    def _trust(self, offset: Offset) -> float:
        """Return how far an offset is to be believed: a single request would fit any."""
        if self.given or self._candidates.named or abs(offset.seconds) <= EARLY_S + LATE_S + 1:
            return 1.0
        return _FEW.get(offset.agreeing, 1.0)

    def _by_id(self) -> dict[int, int]:
        """Return the requests of which an id stands in one line, and in no other's."""
        named, lines = self._candidates.named, self._candidates.lines
        return {
            request: places[0]
            for request, places in named.items()
            if len(places) == 1 and lines[places[0]].named == {request}
        }

    def _pairs(self, offset: float, fixed: dict[int, int], on_time: set[int]) -> "list[Pair]":
        """Return what may be a pair at this offset; put requests with a line on time in a set."""
        costs: dict[int, list[tuple[float, int]]] = {}
        for number, request in enumerate(self._requests):
            if number in fixed:
                continue
            found = [
                (cost, place)
                for place in self._near(number, offset)
                for cost in [self._cost(request, place, offset)]
                if cost is not None
            ]
            costs[number] = sorted(found)[:_MOST_LINES]
        late = [number for number, found in costs.items() if not found or found[0][0] > 0]
        on_time |= set(costs) - set(late)
        absent = min(_MOST_ABSENT, max(_ABSENT, len(late) / max(1, len(costs))))
        there = math.log((1 - absent) / absent)
        return [
            Pair(number, place, min(_MOST_ODDS, there - math.log(self._strays[number])) - cost)
            for number, found in costs.items()
            for cost, place in found
        ]

    def _near(self, number: int, offset: float) -> "list[int]":
        """Return the lines that may be a request, and stand near its time."""
        candidates = self._candidates
        if number in candidates.named:
            return candidates.named[number]
        places = candidates.of(number)
        kind = candidates.kinds[number]
        request = self._requests[number]
        low, high = request.start + offset - 1 - self._window, request.end + offset + self._window
        if kind in self._in_order:
            times = self._times[kind]
            places = places[bisect_left(times, low - EARLY_S) : bisect_right(times, high + LATE_S)]
        return [place for place in places if candidates.may_be(candidates.lines[place], number)]

    def _cost(self, request: "Request", place: int, offset: float) -> float | None:
        line = self._candidates.lines[place]
        early = request.start + offset - EARLY_S - (line.at + line.fineness)
        late = line.at - (request.end + offset + LATE_S)
        beyond = max(0.0, early, late)
        return None if beyond > self._window else beyond * _PER_SECOND

    def _stray_lines(self, span: float) -> list[float]:
        """Return how many lines of strangers are expected at the time of each request."""
        found = []
        for number, request in enumerate(self._requests):
            width = request.end - request.start + EARLY_S + LATE_S + 1
            found.append(max(1e-6, len(self._candidates.of(number)) * width / max(span, 60.0)))
        return found


def _doubt_concurrent(requests: "list[Request]", matches: list[Match], pairs: "list[Pair]") -> None:
    """Doubt the pairs of requests that ran at once: their lines may stand in any order."""
    odds = {(pair.request, pair.line): pair.odds for pair in pairs}
    eligible: dict[int, list[int]] = defaultdict(list)
    lines_of: dict[int, list[int]] = defaultdict(list)
    for pair in pairs:
        eligible[pair.line].append(pair.request)
        lines_of[pair.request].append(pair.line)
    chosen = {n: match.lines[0][0] for n, match in enumerate(matches) if match.lines}
    for one, line in chosen.items():
        if matches[one].by_id or (one, line) not in odds:
            continue
        rivals = {
            other
            for other in eligible[line]
            if other != one and _at_once(requests[one], requests[other])
        }
        rest = max((odds[one, place] for place in lines_of[one] if place != line), default=0.0)
        if any(_exchangeable(one, other, chosen, odds, rest) for other in rivals):
            matches[one].concurrent = True
            matches[one].lines = [(place, min(share, 0.5)) for place, share in matches[one].lines]


def _exchangeable(
    one: int, other: int, chosen: dict[int, int], odds: "dict[tuple[int, int], float]", rest: float
) -> bool:
    """Tell whether another request at the same time could as well have this one's line.

    `rest` is the gain of the best line that is then left for this one.
    """
    line, theirs = chosen[one], chosen.get(other)
    as_it_is = odds[one, line] + (0.0 if theirs is None else odds.get((other, theirs), 0.0))
    if theirs is None or theirs == line:
        return odds[one, line] - odds[other, line] < _CLOSE
    exchanged = odds[other, line] + rest
    return as_it_is - exchanged < _CLOSE


def _at_once(one: "Request", other: "Request") -> bool:
    return one.start < other.end + _ORDERED_S and other.start < one.end + _ORDERED_S
