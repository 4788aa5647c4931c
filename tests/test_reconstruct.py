"""Entries to a trace: any entries, in any order, and none is dropped."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tooltrail._encode import encode
from tooltrail.reconstruct import Trace, rebuild
from tooltrail.render import tree

NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
WORDS = st.sampled_from(["", "x", "two words", "\x1b[31m", "größe", "\u202e", "界"])
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {"request_id": NAMES, "timestamp": st.sampled_from(["2026-11-22T14:30:00.000Z", "x", ""])},
        optional={
            "parent_request_id": st.one_of(st.none(), NAMES),
            "duration_ms": st.one_of(st.none(), st.integers(0, 10_000)),
            "exit_code": st.one_of(st.none(), st.integers(0, 255)),
            "outcome": st.sampled_from(["success", "failure", "vanished", "teleported"]),
            "recorder": st.sampled_from(["tool", "wrapper"]),
            "tool": WORDS,
            "command": st.one_of(st.none(), WORDS),
            "params": st.one_of(st.none(), st.dictionaries(WORDS, WORDS)),
            "process": st.one_of(st.none(), st.just({"pid": 1, "parent_pid": 2})),
            "child": st.just({"pid": 1}),
        },
    ),
    max_size=12,
)


def shape(trace: Trace) -> list[tuple[str, int]]:
    """Return each call with the number of its children, in the order of the trace."""
    return [(call.request_id, len(call.children)) for call in trace.calls()]


def entry(request_id: str, start: str, **more: Any) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "timestamp": f"2026-11-22T14:30:{start}Z",
        "tool": "t",
        "exit_code": 0,
        "outcome": "success",
        "duration_ms": 10,
        **more,
    }


@given(ENTRIES)
def test_every_entry_is_in_the_trace_once(entries: list[dict[str, Any]]) -> None:
    """Orphans, circles, doubled ids and nonsense included: each is a call, or a call's wrapper."""
    trace = rebuild("t", entries)
    calls = trace.calls()
    assert len(calls) + sum(call.wrapper is not None for call in calls) >= len(entries) - len(
        [one for one in entries if one.get("recorder") == "wrapper"]
    )
    told = [id(call.entry) for call in calls]
    assert len(told) == len(set(told))
    json.dumps(trace.as_json())
    for columns in (None, 20, 80):
        assert list(tree.lines(trace, columns=columns, signs=tree.Signs(unicode=True)))


@given(ENTRIES, st.randoms())
def test_the_order_in_which_entries_come_does_not_matter(
    entries: list[dict[str, Any]], shuffler: random.Random
) -> None:
    """A trace is what its entries say, not how they were read."""
    unique = list({one["request_id"]: one for one in entries}.values())
    for number, one in enumerate(unique):
        one["timestamp"] = f"2026-11-22T14:30:{number:02d}.000Z"
    shuffled = unique[:]
    shuffler.shuffle(shuffled)
    assert shape(rebuild("t", unique)) == shape(rebuild("t", shuffled))


def test_children_stand_under_their_parents_in_the_order_they_began() -> None:
    """Even when their entries come first."""
    trace = rebuild(
        "t",
        [
            entry("late", "02.000", parent_request_id="root"),
            entry("early", "01.500", parent_request_id="root"),
            entry("root", "01.000", duration_ms=5000),
        ],
    )
    (root,) = trace.roots
    assert [child.request_id for child in root.children] == ["early", "late"]
    assert [child.start_ms for child in root.children] == [500, 1000]
    assert trace.duration_ms == 5000
    assert root.own_ms == 4980


def test_a_missing_parent_is_marked() -> None:
    """A call whose parent is not among the entries stands at the top, and says so."""
    (call,) = rebuild("t", [entry("a", "01.000", parent_request_id="gone")]).roots
    assert call.as_json()["parent_missing"] is True


def test_a_circle_of_parents_is_cut() -> None:
    """Two calls that claim each other as parent are both shown."""
    trace = rebuild(
        "t",
        [
            entry("a", "01.000", parent_request_id="b"),
            entry("b", "02.000", parent_request_id="a"),
            entry("self", "03.000", parent_request_id="self"),
        ],
    )
    assert {call.request_id for call in trace.calls()} == {"a", "b", "self"}


def test_a_trace_nested_a_thousand_deep_is_drawn() -> None:
    """What is nested deeper than any reader follows is kept, at the last depth, and marked."""
    deep = [
        entry(f"r{number:04d}", "01.000", parent_request_id=f"r{number - 1:04d}")
        for number in range(3000)
    ]
    trace = rebuild("t", deep)
    assert len(trace.calls()) == 3000
    data = json.loads(encode(trace.as_json()))
    assert len(data["calls"]) == 1
    assert sum(call.too_deep for call in trace.calls()) == 3000 - 101
    assert len(list(tree.lines(trace, columns=100, signs=tree.Signs(unicode=True)))) > 3000


def test_children_that_ran_at_once_are_not_taken_off_twice() -> None:
    """Ten children in parallel leave their parent the time in which none of them ran."""
    children = [
        entry(f"c{number}", "01.000", parent_request_id="root", duration_ms=11_000)
        for number in range(10)
    ]
    trace = rebuild("t", [entry("root", "01.000", duration_ms=100_000), *children])
    slowest = trace.slowest()
    assert slowest is not None
    assert (slowest.request_id, slowest.own_ms) == ("root", 89_000)


def test_an_entry_without_a_time_does_not_move_the_others() -> None:
    """Its start is not known; the trace is as long as the others make it."""
    lost = {**entry("lost", "01.000"), "timestamp": None}
    trace = rebuild("t", [entry("a", "01.000"), entry("b", "02.000"), lost])
    assert trace.duration_ms == 1010


def wrapped(*inner: dict[str, Any], exit_code: int = 0) -> Trace:
    """Make a wrapper's entry around entries of the process that it started."""
    outer = entry(
        "outer", "01.000", recorder="wrapper", child={"pid": 7}, exit_code=exit_code, tool="python"
    )
    own = {"parent_request_id": "outer", "process": {"pid": 7}, "recorder": "tool"}
    return rebuild("t", [outer, *({**one, **own} for one in inner)])


def test_a_wrapper_stays_where_its_program_did_more_than_one_call() -> None:
    """A script with two calls, or one that ended otherwise than its call, is a call itself."""
    assert len(wrapped(entry("a", "02.000")).calls()) == 1
    assert len(wrapped(entry("a", "02.000"), entry("b", "03.000")).calls()) == 3
    ended = wrapped(entry("a", "02.000"), exit_code=3)
    assert [call.request_id for call in ended.failed()] == ["outer"]


def test_each_wrapped_tool_of_a_trace_becomes_one_call() -> None:
    """Two wrapped tools, two calls: each with its own wrapper's id."""
    pairs = []
    for name, pid in (("a", 7), ("b", 8)):
        outer = entry(f"w{name}", "01.000", recorder="wrapper", child={"pid": pid})
        inner = entry(name, "01.500", parent_request_id=f"w{name}", process={"pid": pid})
        pairs += [outer, {**inner, "recorder": "tool"}]
    calls = rebuild("t", pairs).calls()
    assert [(call.request_id, (call.wrapper or {})["request_id"]) for call in calls] == [
        ("a", "wa"),
        ("b", "wb"),
    ]
