"""What changed between two runs: two traces, or two calls.

The calls of two traces are aligned by tool, command and depth, as `diff` aligns lines. Of those
that stand beside each other it is said what differs: params, how they ended, what they gave back,
versions, where they ran, and how long they took, where that is more than noise.
"""

from array import array
from collections import Counter, defaultdict
from difflib import SequenceMatcher

from .._plain import encode_any
from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .call import Call

    Entry = dict[str, Any]

ALIKE, CHANGED, ONLY_A, ONLY_B, MOVED = "alike", "changed", "only_a", "only_b", "moved"
_MAX_CELLS = 1_000_000  # of two sequences that are aligned: more may take minutes
_NEAR = 200  # calls, within which the counterpart is looked for in long sequences
_MIN_SAMPLE = 5  # durations, from which on others tell what is noise
_NOISE_SHARE, _NOISE_MS = 0.5, 100  # where they do not: longer or shorter by both is more
_LONGEST = 1 << 62  # ms
_MARGIN_MS = 20  # beyond what is usual
_ABSENT = "(none)"
_FACTS = (
    ("version", ("version",)),
    ("operator", ("operator",)),
    ("recorder", ("recorder",)),
    ("host", ("process", "host")),
    ("user", ("process", "user")),
    ("cwd", ("process", "cwd")),
    ("executable", ("process", "executable")),
    ("agent", ("caller", "agent")),
    ("agent version", ("caller", "agent_version")),
    ("origin", ("origin",)),
    ("exit code", ("exit_code",)),
    ("outcome", ("outcome",)),
    ("signal", ("signal",)),
    ("error", ("error", "code")),
    ("error message", ("error", "message")),
    ("data", ("output", "data_sha256")),
    ("stdout", ("output", "stdout", "sha256")),
    ("stderr", ("output", "stderr", "sha256")),
)


class Change:
    """One thing that differs: what, how it was in A and in B, and what there is to say of it."""

    def __init__(self, what: str, a: Any, b: Any, note: str = "") -> None:
        self.what = what
        self.a = a
        self.b = b
        self.note = note

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object."""
        return {"what": self.what, "a": self.a, "b": self.b, "note": self.note or None}


class Pair:
    """A call of A and the one of B that stands in its place; one of them may be missing."""

    def __init__(
        self, kind: str, a: "Call | None", b: "Call | None", changes: "Sequence[Change]" = ()
    ) -> None:
        self.kind = kind
        self.a = a
        self.b = b
        self.changes = list(changes)

    def as_json(self) -> "dict[str, Any]":
        """Return it as an object; calls by their request ids."""
        one = self.a or self.b
        entry = {} if one is None else one.entry
        return {
            "kind": self.kind,
            "tool": entry.get("tool"),
            "command": entry.get("command"),
            "a": self.a and self.a.request_id,
            "b": self.b and self.b.request_id,
            "changes": [change.as_json() for change in self.changes],
        }


def compare(a: "Sequence[Call]", b: "Sequence[Call]", others: "Noise | None" = None) -> list[Pair]:
    """Return the calls of both in order, each with its counterpart.

    `others` is how long calls like these took elsewhere; those of A are added to it.
    """
    noise = others or Noise()
    for call in a if len(a) > 1 else ():
        noise.add(call.entry, call.duration_ms)
    pairs = list(_aligned(a, b))
    for pair in pairs:
        if pair.a is not None and pair.b is not None:
            pair.changes = list(changes(pair.a, pair.b, noise))
            if pair.kind == ALIKE and pair.changes:
                pair.kind = CHANGED
    return pairs


def changes(a: "Call", b: "Call", noise: "Noise") -> "Iterator[Change]":
    """Yield what differs between two calls."""
    one, other = a.shown, b.shown
    for what in ("tool", "command"):
        if one.get(what) != other.get(what):
            yield Change(what, one.get(what), other.get(what))
    yield from _params(one.get("params"), other.get("params"))
    for what, path in _FACTS:
        before, after = _at(one, path), _at(other, path)
        if before != after and not (None in (before, after) and path[0] == "output"):
            yield Change(what, before, after)
    yield from _listed("requests", _requests(one), _requests(other))
    yield from _listed("steps", _steps(a), _steps(b))
    if noise.tells(a, b):
        yield Change("took", a.duration_ms, b.duration_ms, noise.words(a.entry))


class Noise:
    """How long calls of each tool and command take, and so what is no more than noise."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
        self._known: dict[tuple[str, str], tuple[int, int] | None] = {}  # what is usual

    def add(self, entry: "Entry", duration_ms: int | None) -> None:
        """Note how long one call took; None says nothing."""
        if duration_ms is not None:
            self._taken[_key(entry)].append(min(max(duration_ms, 0), _LONGEST))
            self._known.clear()

    def forget(self, entry: "Entry", duration_ms: int | None) -> None:
        """Take back one that was noted."""
        if duration_ms is not None:
            self._taken[_key(entry)].remove(min(max(duration_ms, 0), _LONGEST))
            self._known.clear()

    def tells(self, a: "Call", b: "Call") -> bool:
        """Tell whether two calls took times that differ by more than noise."""
        if a.duration_ms is None or b.duration_ms is None:
            return False
        longer, shorter = max(a.duration_ms, b.duration_ms), min(a.duration_ms, b.duration_ms)
        usual = self._usual(a.entry)
        if usual is None:
            return longer - shorter > max(_NOISE_MS, _NOISE_SHARE * shorter)
        margin = max(_MARGIN_MS, usual[1] - usual[0])
        unusual = longer > usual[1] + margin or shorter < usual[0] - margin
        return unusual and longer - shorter > margin

    def words(self, entry: "Entry") -> str:
        """Say how long such calls usually take."""
        usual = self._usual(entry)
        count = len(self._taken[_key(entry)])
        return (
            "" if usual is None else f"9 of 10 of {count} such calls: {usual[0]} to {usual[1]} ms"
        )

    def _usual(self, entry: "Entry") -> tuple[int, int] | None:
        key = _key(entry)
        if key not in self._known:
            taken = sorted(self._taken[key])
            edge = max(1, len(taken) // 20)
            enough = len(taken) >= _MIN_SAMPLE
            self._known[key] = (taken[edge], taken[-1 - edge]) if enough else None
        return self._known[key]


def _key(entry: "Entry") -> tuple[str, str]:
    return str(entry.get("tool")), str(entry.get("command"))


# -- which call stands for which


def _aligned(a: "Sequence[Call]", b: "Sequence[Call]") -> "Iterator[Pair]":
    if len(a) == len(b) == 1:
        yield Pair(ALIKE, a[0], b[0])
        return
    exact = [_whole(call) for call in a], [_whole(call) for call in b]
    alike = _keys(a), _keys(b)
    pairs: list[Pair] = []
    for tag, low, high, start, stop in _blocks(*exact):
        if tag == "equal":
            pairs += map(lambda x, y: Pair(ALIKE, x, y), a[low:high], b[start:stop])
            continue
        for kind, one, last, other, end in _blocks(alike[0][low:high], alike[1][start:stop]):
            left, right = a[low:high][one:last], b[start:stop][other:end]
            if kind == "equal":
                pairs += map(lambda x, y: Pair(ALIKE, x, y), left, right)
            else:
                pairs += (Pair(ONLY_A, call, None) for call in left)
                pairs += (Pair(ONLY_B, None, call) for call in right)
    yield from _with_moves(pairs)


def _keys(calls: "Sequence[Call]") -> list[tuple[int, str, str, str]]:
    depth = {id(child): 0 for call in calls for child in call.children}
    for call in calls:  # parents come before their children
        for child in call.children:
            depth[id(child)] = depth.get(id(call), 0) + 1
    return [(depth.get(id(call), 0), *_key(call.entry), _verb(call)) for call in calls]


def _verb(call: "Call") -> str:
    """Return the first argument of a program without commands: of `git push`, `push`."""
    params = call.entry.get("params")
    argv = params.get("argv") if isinstance(params, dict) else None
    if call.entry.get("command") is not None or not isinstance(argv, list):
        return ""
    return next((str(word) for word in argv[1:] if not str(word).startswith("-")), "")


def _blocks(
    left: "Sequence[Any]", right: "Sequence[Any]"
) -> "Iterator[tuple[str, int, int, int, int]]":
    """Yield how one sequence becomes the other; what both begin and end with costs nothing."""
    shorter = min(len(left), len(right))
    head = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    rest = shorter - head
    tail = next((at for at in range(rest) if left[-1 - at] != right[-1 - at]), rest)
    if head:
        yield "equal", 0, head, 0, head
    middle = left[head : len(left) - tail], right[head : len(right) - tail]
    if len(middle[0]) * len(middle[1]) > _MAX_CELLS:
        yield from _in_step(*middle, head)
    else:
        matcher = SequenceMatcher(None, *middle, autojunk=False)
        for tag, low, high, start, stop in matcher.get_opcodes():
            yield tag, low + head, high + head, start + head, stop + head
    if tail:
        yield "equal", len(left) - tail, len(left), len(right) - tail, len(right)


def _in_step(
    left: "Sequence[Any]", right: "Sequence[Any]", head: int
) -> "Iterator[tuple[str, int, int, int, int]]":
    """Align long sequences roughly: each with the next that is equal, not far behind."""
    at = other = 0
    while at < len(left) and other < len(right):
        near = range(_NEAR)
        skip = next((n for n in near if right[other + n : other + n + 1] == [left[at]]), None)
        back = next((n for n in near if left[at + n : at + n + 1] == [right[other]]), None)
        if skip is None and back is None:
            yield "replace", at + head, at + 1 + head, other + head, other + 1 + head
            at, other = at + 1, other + 1
        elif back is None or (skip is not None and skip <= back):
            skipped = skip or 0
            if skipped:
                yield "insert", at + head, at + head, other + head, other + skipped + head
            other += skipped
            yield "equal", at + head, at + 1 + head, other + head, other + 1 + head
            at, other = at + 1, other + 1
        else:
            yield "delete", at + head, at + back + head, other + head, other + head
            at += back
    if at < len(left):
        yield "delete", at + head, len(left) + head, other + head, other + head
    if other < len(right):
        yield "insert", at + head, at + head, other + head, len(right) + head


def _with_moves(pairs: "Sequence[Pair]") -> "Iterator[Pair]":
    """Make one pair of a call that is gone here and is there, the same, in another place."""
    gone: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.kind == ONLY_A and pair.a is not None:
            gone[_whole(pair.a)].append(pair)
    moved: set[int] = set()
    for pair in pairs:
        if pair.kind == ONLY_B and pair.b is not None and gone[_whole(pair.b)]:
            source = gone[_whole(pair.b)].pop(0)
            pair.kind, pair.a = MOVED, source.a
            moved.add(id(source))
    return (pair for pair in pairs if id(pair) not in moved)


def _whole(call: "Call") -> str:
    return encode_any([*_key(call.entry), call.entry.get("params")])


# -- what differs


def _at(entry: "Entry", path: "Iterable[str]") -> Any:
    value: Any = entry
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _params(a: Any, b: Any) -> "Iterator[Change]":
    before = a if isinstance(a, dict) else {}
    after = b if isinstance(b, dict) else {}
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if encode_any(one) != encode_any(other):
            yield Change(f"params.{name}", one, other)


def _requests(entry: "Entry") -> list[str]:
    items = entry.get("downstream")
    return [
        f"{item.get('method')} {item.get('host')} {item.get('status') or item.get('error')}"
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict)
    ]


def _steps(call: "Call") -> list[str]:
    return [f"{step.name} {step.outcome}" for step in call.steps]


def _listed(what: str, a: "Sequence[str]", b: "Sequence[str]") -> "Iterator[Change]":
    """Yield what one list has more than the other; where both have the same, its order."""
    if a == b:
        return
    less, more = Counter(a) - Counter(b), Counter(b) - Counter(a)
    if less or more:
        yield Change(what, sorted(less.elements()), sorted(more.elements()))
    else:
        yield Change(what, list(a), list(b), "the same in another order")
