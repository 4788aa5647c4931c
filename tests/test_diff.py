"""What changed between two runs: traces, calls, and the last good and the first bad one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Home
from tooltrail.query.held import MAX_CALLS
from tooltrail.reconstruct import Call, rebuild
from tooltrail.reconstruct.compare import (
    ALIKE,
    CHANGED,
    MOVED,
    ONLY_A,
    ONLY_B,
    Noise,
    Pair,
    compare,
)
from trace_world import record_many

APP = """\
import os, sys, time, tooltrail
command, *given = sys.argv[1:]
params = dict(word.split("=") for word in given)
with tooltrail.invocation("app", command, params, version=os.environ.get("V", "1")) as call:
    with tooltrail.step(params.get("step", "work")):
        time.sleep(float(params.get("sleep", 0)))
    call.exit_code = int(params.get("fail", 0))
sys.exit(call.exit_code)
"""


def calls(home: Home, trace: str, *each: str, **env: str) -> None:
    """Make calls of the app, one after the other."""
    for words in each:
        home.python(APP, *words.split(), env={"TOOL_TRACE_ID": trace, **env})


def told(home: Home, *arguments: str) -> dict[str, Any]:
    """Return what differs, as JSON."""
    done = home.tooltrail("diff", *arguments, "--output", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    return data


def differences(data: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """Return kind, command, and what changed from what to what."""
    return [
        (each["kind"], each["command"], {c["what"]: (c["a"], c["b"]) for c in each["changes"]})
        for each in data["differences"]
    ]


def test_two_traces_are_held_beside_each_other(home: Home) -> None:
    """What was changed, left out, added; what is alike is only counted."""
    calls(home, "a", "plan", "deploy env=prod", "verify fail=0", "clean")
    calls(home, "b", "plan", "deploy env=test", "verify fail=3", "rollback", V="1")
    data = told(home, "a", "b")
    assert (data["a"]["count"], data["b"]["count"], data["b"]["failed"]) == (4, 4, 1)
    assert data["alike"] == 1
    found = differences(data)
    assert found[0] == (CHANGED, "deploy", {"params.env": ("prod", "test")})
    assert found[1][:2] == (CHANGED, "verify")
    assert found[1][2]["exit code"] == (0, 3)
    assert found[1][2]["outcome"] == ("success", "failure")
    assert found[2:] == [(ONLY_A, "clean", {}), (ONLY_B, "rollback", {})]


def test_an_id_is_taken_as_it_is(home: Home) -> None:
    """A trace that continues another is not part of it here."""
    calls(home, "a", "plan")
    calls(home, "a-2", "plan", "deploy")
    data = told(home, "a", "a-2")
    assert (data["a"]["count"], data["b"]["count"]) == (1, 2)


def test_two_calls_are_compared_whatever_they_are(home: Home) -> None:
    """By their request ids: command, version, steps, and how long they took."""
    calls(home, "t", "plan")
    calls(home, "t", "deploy sleep=0.4 step=upload", V="2")
    first, second = (end["request_id"] for end in home.events("app", "end"))
    ((_, _, changed),) = differences(told(home, first, second))
    assert changed["command"] == ("plan", "deploy")
    assert changed["version"] == ("1", "2")
    assert changed["steps"] == (["work success"], ["upload success"])
    assert changed["took"][1] >= 400


def test_the_last_good_and_the_first_bad_run_are_found(home: Home) -> None:
    """Of the latest time that it broke, whatever other commands did meanwhile."""
    calls(home, "1", "deploy env=a", "deploy env=b fail=1", "deploy env=c", "verify fail=1")
    calls(home, "2", "deploy env=d fail=2", "deploy env=e fail=3")
    data = told(home, "--tool", "app", "--command", "deploy")
    ((_, _, changed),) = differences(data)
    assert changed["params.env"] == ("c", "d")
    assert changed["exit code"] == (0, 2)
    done = home.tooltrail("diff", "--tool", "app", "--command", "plan", "--output", "text")
    assert done.returncode == 1
    assert "no such call failed after one had gone well" in done.stderr


def test_outputs_folders_and_requests_are_compared(home: Home) -> None:
    """By their digests where they were captured; where a wrapped command ran."""
    (home.path / "elsewhere").mkdir()
    home.tooltrail("run", "--trace-id", "a", "--capture", "digest", "--", "echo", "one")
    home.tooltrail(
        *("run", "--trace-id", "b", "--capture", "digest", "--", "echo", "two"),
        cwd=home.path / "elsewhere",
    )
    ((_, _, changed),) = differences(told(home, "a", "b"))
    assert set(changed) == {"params.argv", "stdout", "cwd"}
    assert changed["params.argv"] == (["echo", "one"], ["echo", "two"])


def test_what_is_said_to_people(home: Home) -> None:
    """A sign for each call that is not alike, and what changed below it."""
    calls(home, "a", "plan", "deploy env=prod")
    calls(home, "b", "plan", "deploy env=test", "deploy env=test")
    lines = home.tooltrail("diff", "a", "b", "--output", "text").stdout.splitlines()
    assert lines[0].startswith("A a: 2 calls, 0 failed, ")
    assert lines[3:5] == ["= 1 call alike", "~ app deploy env=test"]
    assert lines[6] == "    params.env: prod -> test"
    assert lines[7].startswith("+ app deploy env=test  (only in B, exit code 0, ")
    assert ", called before as req_" in lines[7]
    same = home.tooltrail("diff", "a", "a", "--output", "text").stdout
    assert same.endswith("nothing differs beyond noise\n")


def test_the_exit_code_says_so_where_it_is_asked_to(home: Home) -> None:
    """As `git diff` does: 0 unless `--exit-code` is given; 1 is then recorded, too."""
    calls(home, "a", "plan")
    calls(home, "b", "deploy")
    assert home.tooltrail("diff", "a", "b").returncode == 0
    assert home.tooltrail("diff", "a", "b", "--exit-code").returncode == 1
    assert home.events("tooltrail", "end")[-1]["exit_code"] == 1
    assert home.tooltrail("diff", "a", "a", "--exit-code").returncode == 0
    assert home.tooltrail("diff", "a", "nobody", "--exit-code").returncode == 2
    assert home.tooltrail("diff", "a", "nobody").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "which two runs?"),
        (["a"], "diff takes two ids"),
        (["a", "b", "--tool", "x"], "--tool finds the two runs by itself"),
        (["--since", "1h"], "which two runs?"),
        (["a", "b", "c"], "unrecognized arguments"),
        (["--tool", "x", "--since", "yesterweek"], "--since"),
    ],
)
def test_wrong_questions_are_usage_errors(home: Home, arguments: list[str], says: str) -> None:
    """With what is wrong, and what to do."""
    done = home.tooltrail("diff", *arguments, "--output", "text")
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_ids_that_are_not_there_are_named(home: Home) -> None:
    """The first of them."""
    calls(home, "a", "plan")
    done = home.tooltrail("diff", "a", "nowhere", "--output", "text")
    assert done.returncode == 1
    assert "no call of 'nowhere' is in the logs that were read (2)" in done.stderr


def test_of_runs_too_long_for_memory_the_first_calls_are_compared(home: Home) -> None:
    """Which is said; and that nothing differs is then not known."""
    record_many(home, "long", MAX_CALLS + 5)
    done = home.tooltrail("diff", "long", "long", "--exit-code")
    answer = json.loads(done.stdout)
    message = "long: the first 10000 of its calls are here, 5 more are not"
    assert (done.returncode, answer["error"]["code"]) == (2, "TOO_MANY_CALLS")
    assert answer["data"]["alike"] == MAX_CALLS
    assert message in done.stderr
    assert {"code": "TOO_MANY_CALLS", "message": message} in answer["warnings"]


# -- the comparison itself


def made(*names: str, took: int | None = 10, **more: Any) -> list[Call]:
    """Return a trace with calls of these commands, in this order."""
    entries = [
        {
            "request_id": f"r{at}",
            "timestamp": f"2026-11-22T14:30:{at:02d}.000Z",
            "tool": "t",
            "command": name,
            "params": {},
            "exit_code": 0,
            "outcome": "success",
            "duration_ms": took,
            **more,
        }
        for at, name in enumerate(names)
    ]
    return rebuild("t", entries).calls()


def kinds(pairs: list[Pair]) -> list[str]:
    """Return the kind of each pair."""
    return [pair.kind for pair in pairs]


def test_a_call_that_came_at_another_place_is_moved() -> None:
    """Not gone and new."""
    found = compare(made("a", "b", "c"), made("b", "c", "a"))
    assert sorted(kinds(found)) == [ALIKE, ALIKE, MOVED]


NAMES = st.lists(st.sampled_from("abcd"), max_size=12)


@given(NAMES, NAMES)
def test_each_call_of_both_is_told_of_once(one: list[str], other: list[str]) -> None:
    """None is lost, none is doubled, and like is held against like."""
    a, b = made(*one), made(*other)
    pairs = compare(a, b)
    assert sorted(id(pair.a) for pair in pairs if pair.a) == sorted(map(id, a))
    assert sorted(id(pair.b) for pair in pairs if pair.b) == sorted(map(id, b))
    for pair in pairs:
        if pair.a and pair.b and len(pairs) > 1:
            assert pair.a.entry["command"] == pair.b.entry["command"]
    assert kinds(compare(a, a)) == [ALIKE] * len(a)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 500)), max_size=40))
def test_a_run_is_like_itself(taken: list[tuple[str, int]]) -> None:
    """Also a call that took longer than all others: it took as long in both."""
    run = made(*(name for name, _ in taken))
    for call, (_, ms) in zip(run, taken, strict=True):
        call.duration_ms = ms
    assert kinds(compare(run, run)) == [ALIKE] * len(run)


def test_durations_are_told_where_others_do_not_take_such_times() -> None:
    """With enough others their spread decides; without, what is far longer."""
    (a,), (b,) = made("x", took=100), made("x", took=160)
    noise = Noise()
    for ms in (98, 99, 100, 101, 102, 103, 104):
        noise.add(a.entry, ms)
    assert [change.what for change in compare([a], [b], noise)[0].changes] == ["took"]
    wide = Noise()
    for ms in (80, 90, 120, 150, 170, 180, 200):
        wide.add(a.entry, ms)
    assert compare([a], [b], wide)[0].kind == ALIKE
    assert compare([a], [b])[0].kind == ALIKE
    assert compare([a], made("x", took=900))[0].kind == CHANGED


def test_a_slowdown_is_no_noise_because_it_came_several_times(home: Home) -> None:
    """What B took does not say what is usual."""
    slow = [f"go sleep={0.3}"] * 3
    calls(home, "a", *["go"] * 3)
    calls(home, "b", *slow)
    data = told(home, "a", "b")
    took = [change for each in data["differences"] for change in each["changes"]]
    assert [change["what"] for change in took if change["what"] == "took"] == ["took"] * 3
    a, b = made(*"x" * 5, took=100), made(*"x" * 5, took=10_000)
    assert kinds(compare(a, b)) == [CHANGED] * 5


def test_wrapped_commands_are_told_apart_by_their_first_word(home: Home) -> None:
    """`git status` before `git add` is one more, and changes nothing."""
    for trace, verbs in (("a", ["add", "push"]), ("b", ["status", "add", "push"])):
        for verb in verbs:
            home.tooltrail("run", "--trace-id", trace, "--", "echo", verb, "x")
    data = told(home, "a", "b")
    assert [each["kind"] for each in data["differences"]] == [ONLY_B]
    assert data["alike"] == 2


def test_calls_with_the_same_params_are_held_against_each_other(home: Home) -> None:
    """Before those of the same command alone."""
    calls(home, "a", "deploy v=1", "verify", "deploy v=2", "verify")
    calls(home, "b", "deploy v=2", "verify")
    data = told(home, "a", "b")
    assert [each["kind"] for each in data["differences"]] == [ONLY_A, ONLY_A]


def test_thousands_of_calls_are_aligned_one_by_one() -> None:
    """Past what is aligned as a whole, each with the next that is equal."""
    names = [f"c{number % 37}" for number in range(4000)]
    a, b = made_many(["first", *names, "last"]), made_many(["other", *names[:2000], *names[2003:]])
    found = kinds(compare(a, b))
    assert found.count(ALIKE) > 3900
    assert len(found) < 4100


def made_many(names: list[str]) -> list[Call]:
    """Return so many calls, without putting them on a time line."""
    return [
        Call({"request_id": f"r{at}", "tool": "t", "command": name, "params": {}, "exit_code": 0})
        for at, name in enumerate(names)
    ]


def test_durations_beyond_all_measure_are_compared() -> None:
    """Whatever a line says."""
    a, b = made("x", "y", took=2**70), made("x", "y", took=-5)
    assert kinds(compare(a, b)) == [CHANGED, CHANGED]
