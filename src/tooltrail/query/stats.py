"""Statistics of calls: how many, how they ended, how long they took; by command, operator or day.

Quantiles are exact, by the nearest rank: p95 is a duration that occurred. How often each duration
occurred is counted, so that memory grows with how many different ones there are, not with calls.
"""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from math import ceil

from .._typing import TYPE_CHECKING, Any
from .._wire import GOOD_OUTCOMES, OPEN_OUTCOMES
from .search import Search
from .tally import can_be_counted, key_of, tally
from .window import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .gaps import Gap
    from .options import Query
    from .tally import Key

COMMAND, TOOL, OPERATOR, DAY, OUTCOME = "command", "tool", "operator", "day", "outcome"
BY = (COMMAND, TOOL, OPERATOR, DAY, OUTCOME)
QUANTILES = (50, 95, 99)
_PLACES = {COMMAND: (1, 2), TOOL: (1,), OPERATOR: (3,), DAY: (0,), OUTCOME: (5,)}


class Group:
    """The calls that have something in common: `name`, texts or None."""

    def __init__(self, name: tuple[str | None, ...]) -> None:
        self.name = name
        self.calls = 0
        self.failures = 0
        self.outcomes: Counter[str] = Counter()
        self._taken: Counter[int] = Counter()  # duration in ms -> how often
        self.before: Group | None = None  # the same in the window before

    def add(self, key: "Key", count: int) -> None:
        """Count so many calls more."""
        *_, exit_code, outcome, taken = key
        self.calls += count
        self.outcomes[outcome or "other"] += count
        if _is_failed(exit_code, outcome):
            self.failures += count
        if taken is not None and taken.isdigit():
            self._taken[int(taken)] += count

    @property
    def total_ms(self) -> int:
        """How long all of them took together."""
        return sum(taken * count for taken, count in self._taken.items())

    @property
    def max_ms(self) -> int | None:
        """The longest duration."""
        return max(self._taken, default=None)

    def quantile(self, percent: int) -> int | None:
        """Return the duration that so many of 100 calls did not exceed, in ms."""
        rank = ceil(self._taken.total() * percent / 100)
        for taken in sorted(self._taken):
            rank -= self._taken[taken]
            if rank <= 0:
                return taken
        return None

    def as_json(self, by: str) -> "dict[str, Any]":
        """Return it as a row."""
        names = ("tool", "command") if by == COMMAND else (by,)
        row: dict[str, Any] = dict(zip(names, self.name, strict=True))
        row |= {"calls": self.calls, "failures": self.failures}
        row["outcomes"] = dict(sorted(self.outcomes.items()))
        row |= {f"p{percent}_ms": self.quantile(percent) for percent in QUANTILES}
        row |= {"max_ms": self.max_ms, "total_ms": self.total_ms}
        if self.before is not None:
            row["before"] = {
                "calls": self.before.calls,
                "failures": self.before.failures,
                "p50_ms": self.before.quantile(50),
                "p95_ms": self.before.quantile(95),
            }
        return row


def _is_failed(exit_code: str | None, outcome: str | None) -> bool:
    """Tell what `search.is_failed` tells of an entry."""
    if exit_code is not None:
        return exit_code != "0"
    return outcome not in (*OPEN_OUTCOMES - {"vanished", "host_rebooted"}, *GOOD_OUTCOMES)


class Stats:
    """The groups of all calls that match, the most time-consuming first; days in order.

    Where the query has a `since`, each group has `before`: the same of the window of the same
    length that ends where this one begins.
    """

    def __init__(
        self, query: "Query", by: str, progress: "Callable[[str, int, int], None] | None" = None
    ) -> None:
        self.by = by
        self._progress = progress
        self._problems: list[Gap] = []
        found = self._grouped(query)
        window = _window_before(query)
        if window is not None:
            before = self._grouped(window)
            for name, group in found.items():
                group.before = before.get(name, Group(name))
        self.window_before = None if window is None else (window.since, window.until)
        order = _by_name if by == DAY else _by_time
        self.groups = sorted(found.values(), key=order)

    def problems(self) -> "list[Gap]":
        """Return what could not be seen."""
        return list(dict.fromkeys(self._problems))

    def _grouped(self, query: "Query") -> dict[tuple[str | None, ...], Group]:
        groups: dict[tuple[str | None, ...], Group] = {}
        for key, count in self._keys(query):
            name = tuple(key[place] for place in _PLACES[self.by])
            group = groups.get(name)
            if group is None:
                group = groups[name] = Group(name)
            group.add(key, count)
        return groups

    def _keys(self, query: "Query") -> "Iterator[tuple[Key, int]]":
        search = Search(query.but(), progress=self._progress)
        if not can_be_counted(query):
            yield from ((key_of(entry), 1) for entry in search)
            self._problems += search.problems()
            return
        for path in search.paths:
            try:
                found = tally(path, _PLACES[self.by], self._of(path))
            except FileNotFoundError:
                continue
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                self._problems.append(("LOG_NOT_READ_WHOLE", f"{path}: {reason}"))
                continue
            yield from found.counts.items()
            self._problems += [("LOG_NOT_READ_WHOLE", f"{path}: {text}") for text in found.unread]
            if found.bad_lines:
                text = f"{path}: {found.bad_lines} lines could not be read and were skipped"
                self._problems.append(("LOG_NOT_READ_WHOLE", text))
        self._problems += search.problems()

    def _of(self, path: str) -> "Callable[[int, int], None] | None":
        tell = self._progress
        name = path.split("/")[-2] if "/" in path else path
        return None if tell is None else lambda done, whole: tell(name, done, whole)


def _by_time(group: Group) -> tuple[Any, ...]:
    return (-group.total_ms, -group.calls, tuple(map(str, group.name)))


def _by_name(group: Group) -> tuple[str, ...]:
    return tuple(map(str, group.name))


def _window_before(query: "Query") -> "Query | None":
    """Return the query for the window before; None where this one has no beginning."""
    from .._host import now

    if query.since is None:
        return None
    begin, end = (datetime.fromisoformat(at) for at in (query.since, query.until or now()))
    try:
        since = written(begin - (end - begin))
        return query.but(since=since, until=written(begin - timedelta(milliseconds=1)))
    except OverflowError:
        return None


def summed(groups: "Iterable[Group]") -> dict[str, int]:
    """Return calls, failures and time of all groups."""
    total: dict[str, int] = defaultdict(int)
    for group in groups:
        total["calls"] += group.calls
        total["failures"] += group.failures
        total["total_ms"] += group.total_ms
    return {name: total[name] for name in ("calls", "failures", "total_ms")}
