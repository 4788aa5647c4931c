"""Named steps: what the entry says of them, however step and call end."""

import asyncio
import contextvars
import json
import threading
from contextlib import ExitStack
from typing import Any

import pytest

import tooltrail
from conftest import Home
from tooltrail._steps import MAX_STEPS
from tooltrail.entry import Ending
from tooltrail.query.steps import steps_of
from tooltrail.reconstruct import rebuild
from tooltrail.render import tree


def steps(home: Home, tool: str = "job") -> dict[str, dict[str, Any]]:
    """Return the steps of a tool's only call, by name, each with its parent's name."""
    kept = home.end(tool)["steps"]
    named = {}
    for item in kept:
        outer = kept[item["parent"]]["name"] if "parent" in item else None
        named[item["name"]] = {**item, "inside": outer}
    return named


# -- timing and nesting


def test_a_step_has_its_own_time_in_the_entry(home: Home) -> None:
    """Begin and duration are its own, and lie within the call's."""
    code = """
import time, tooltrail
with tooltrail.invocation("job"):
    time.sleep(0.05)
    with tooltrail.step("upload"): time.sleep(0.1)
"""
    assert home.python(code).stderr == ""
    (upload,) = home.end("job")["steps"]
    assert (upload["name"], upload["outcome"]) == ("upload", "success")
    assert upload["offset_ms"] >= 50
    assert upload["duration_ms"] >= 100
    assert upload["offset_ms"] + upload["duration_ms"] <= home.end("job")["duration_ms"] + 1
    assert upload.keys() == {"name", "offset_ms", "duration_ms", "outcome"}


def test_a_call_without_steps_says_nothing_of_them(home: Home) -> None:
    """No empty list is kept."""
    with tooltrail.invocation("job"):
        pass
    assert not {"steps", "steps_dropped"} & home.end("job").keys()


def test_steps_in_steps_name_the_one_that_they_are_part_of(home: Home) -> None:
    """A parent is the innermost step that is open, and a later sibling has none."""
    with tooltrail.invocation("job"):
        with tooltrail.step("outer"), tooltrail.step("middle"):
            with tooltrail.step("first"):
                pass
            with tooltrail.step("second"):
                pass
        with tooltrail.step("after"):
            pass
    found = steps(home)
    assert {name: item["inside"] for name, item in found.items()} == {
        "outer": None,
        "middle": "outer",
        "first": "middle",
        "second": "middle",
        "after": None,
    }
    assert [item["name"] for item in home.end("job")["steps"]] == list(found)


def test_a_step_belongs_to_the_innermost_call(home: Home) -> None:
    """A call inside a step is no part of it, and afterwards the step goes on as before."""
    with tooltrail.invocation("job"), tooltrail.step("outer"):
        with tooltrail.invocation("other"), tooltrail.step("theirs"):
            pass
        with tooltrail.step("inner"):
            pass
    assert steps(home)["inner"]["inside"] == "outer"
    assert "parent" not in steps(home, "other")["theirs"]
    assert set(steps(home)) == {"outer", "inner"}


def test_tasks_have_the_step_in_which_they_were_made_as_parent(home: Home) -> None:
    """Concurrent tasks do not take each other's steps for their own."""

    async def part(name: str) -> None:
        async with tooltrail.step(name):
            await asyncio.sleep(0.01)
            with tooltrail.step(f"{name}/inner"):
                await asyncio.sleep(0.01)

    async def main() -> None:
        with tooltrail.step("all"):
            await asyncio.gather(part("a"), part("b"), part("c"))

    with tooltrail.invocation("job"):
        asyncio.run(main())
    found = steps(home)
    assert len(found) == 7
    for name in "abc":
        assert found[name]["inside"] == "all"
        assert found[f"{name}/inner"]["inside"] == name
        assert found[name]["outcome"] == "success"


def test_threads_that_carry_the_context_know_the_step(home: Home) -> None:
    """Many at once: no step is lost, and each is inside the right one."""
    barrier = threading.Barrier(8)

    def work(number: int) -> None:
        barrier.wait()
        for turn in range(20):
            with tooltrail.step(f"{number}"), tooltrail.step(f"{number}.{turn}"):
                pass

    with tooltrail.invocation("job"), tooltrail.step("all"):
        threads = [
            threading.Thread(target=contextvars.copy_context().run, args=(work, number))
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    kept = home.end("job")["steps"]
    assert len(kept) == 1 + 8 * 20 * 2
    for item in kept[1:]:
        number, dot, _ = item["name"].partition(".")
        assert kept[item["parent"]]["name"] == (number if dot else "all")
        assert item["outcome"] == "success"


@pytest.mark.parametrize("calls", [1, 2])
def test_a_thread_without_the_context_belongs_to_the_only_call(home: Home, calls: int) -> None:
    """Which of several calls a plain thread works for, nobody can know: nothing is recorded."""

    def work() -> None:
        assert tooltrail.current() is None
        with tooltrail.step("elsewhere"):
            done.append(True)

    done: list[bool] = []
    with ExitStack() as outer:
        for _ in range(calls - 1):
            outer.enter_context(tooltrail.invocation("other"))
        outer.enter_context(tooltrail.invocation("job"))
        outer.enter_context(tooltrail.step("here"))
        context = contextvars.Context()  # as a thread has it that inherits none
        worker = threading.Thread(target=context.run, args=(work,))
        worker.start()
        worker.join()
    assert done
    assert set(steps(home)) == ({"here", "elsewhere"} if calls == 1 else {"here"})


def test_one_step_may_be_used_again_and_at_once(home: Home) -> None:
    """A step that was made once is entered twice, inside itself, and from two threads."""
    part = tooltrail.step("part")
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with part:
            inside.set()
            leave.wait(30)
            raise_at_the_end.append(1)

    raise_at_the_end: list[int] = []
    with tooltrail.invocation("job"):
        worker = threading.Thread(target=contextvars.copy_context().run, args=(hold,))
        with part, part:
            worker.start()
            inside.wait(30)
        with part:
            pass
        leave.set()
        worker.join()
    kept = home.end("job")["steps"]
    assert [item["outcome"] for item in kept] == ["success"] * 4
    assert [item.get("parent") for item in kept] == [None, 0, None, None]
    assert kept[2]["duration_ms"] >= kept[3]["duration_ms"]


def test_a_step_may_be_left_in_another_context_than_it_was_entered_in(home: Home) -> None:
    """Fixtures and generators do that: the step ends, and is not taken for the next one's."""
    with tooltrail.invocation("job"):
        part = tooltrail.step("first")
        contextvars.copy_context().run(part.__enter__)
        part.__exit__(None, None, None)
        again = tooltrail.step("second")
        again.__enter__()
        contextvars.copy_context().run(again.__exit__, None, None, None)
        with tooltrail.step("third"):
            pass
    found = steps(home)
    assert {item["outcome"] for item in found.values()} == {"success"}
    assert {item["inside"] for item in found.values()} == {None}


# -- as a decorator


def test_each_call_of_a_decorated_function_is_a_step(home: Home) -> None:
    """Values, arguments and names are the function's own; recursion nests."""

    @tooltrail.step("count")
    def count(down: int) -> int:
        """Count."""
        return 0 if down == 0 else 1 + count(down - 1)

    assert count(1) == 1  # outside of a call
    with tooltrail.invocation("job"):
        assert count(2) == 2
    assert (count.__name__, count.__doc__) == ("count", "Count.")
    assert [item.get("parent") for item in home.end("job")["steps"]] == [None, 0, 1]


def test_a_decorated_coroutine_is_timed_until_it_is_done(home: Home) -> None:
    """Not only until it was made."""

    @tooltrail.step("fetch")
    async def fetch(value: str) -> str:
        await asyncio.sleep(0.05)
        return value

    with tooltrail.invocation("job"):
        assert asyncio.run(fetch("x")) == "x"
    (item,) = home.end("job")["steps"]
    assert item["duration_ms"] >= 50
    assert asyncio.iscoroutinefunction(fetch)


def test_a_generator_function_is_refused_when_it_is_decorated() -> None:
    """It returns before its work is done; so does an async one. And the name is not optional."""

    def lines() -> Any:
        yield 1

    async def later() -> Any:
        yield 1

    for function in (lines, later):
        with pytest.raises(TypeError, match=r"put `with step\(\.\.\.\)` into it"):
            tooltrail.step("read")(function)
    with pytest.raises(TypeError, match="takes the name of the step"):
        tooltrail.step(lines)  # type: ignore[arg-type]


# -- how steps end


def test_an_exception_passes_and_is_told_in_the_step_that_it_left(home: Home) -> None:
    """One that is caught between two steps has failed the inner one only."""
    with tooltrail.invocation("job"), tooltrail.step("outer"):
        error = ValueError("no room, password=hunter22hunter22")
        with pytest.raises(ValueError, match="no room") as caught, tooltrail.step("inner"):
            raise error
        assert caught.value is error
        with (
            pytest.raises(tooltrail.CommandError),
            tooltrail.step("coded"),
        ):
            raise tooltrail.CommandError("not today", code="NOT_TODAY")
    found = steps(home)
    assert found["outer"]["outcome"] == "success"
    assert found["inner"]["outcome"] == "failure"
    assert found["inner"]["error"] == {
        "code": "EXCEPTION",
        "message": "no room, password=[REDACTED]",
        "type": "ValueError",
    }
    assert found["coded"]["error"]["code"] == "NOT_TODAY"
    assert {"where": "steps[].error.message", "rule": "name"}.items() <= {
        **home.end("job")["redactions"][0]
    }.items()


WAYS_OUT = {
    "sys.exit(3)": (3, "SystemExit"),
    "raise KeyboardInterrupt": (130, "KeyboardInterrupt"),
    "os.kill(os.getpid(), signal.SIGINT)": (130, "KeyboardInterrupt"),
    "os._exit(4)": (4, None),
    "os.execv('/bin/sh', ['sh', '-c', 'exit 5'])": (None, None),
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_a_step_that_was_open_when_the_call_ended_is_unfinished(home: Home, way: str) -> None:
    """However the call ended, its end line has the step; where it was unwound, with its time."""
    code = f"""
import os, signal, sys, time, tooltrail
with tooltrail.invocation("job"):
    with tooltrail.step("done"): pass
    with tooltrail.step("open"):
        with tooltrail.step("inner"): {way}; time.sleep(20)
"""
    home.python(code)
    exit_code, kind = WAYS_OUT[way]
    assert home.end("job")["exit_code"] == exit_code
    found = steps(home)
    assert found["done"]["outcome"] == "success"
    for name in ("open", "inner"):
        assert found[name]["outcome"] == "unfinished"
        assert found[name].get("error", {}).get("type") == kind
        assert (found[name]["duration_ms"] is None) is (kind is None)
    assert found["inner"]["inside"] == "open"


def test_a_crash_fails_the_steps_that_it_leaves(home: Home) -> None:
    """And the traceback that the tool prints is the one that it prints without steps."""
    body = "    {}raise ValueError('x')\n"
    code = "import tooltrail\nwith tooltrail.invocation('job'):\n"
    bare = home.python(code + body.format(""))
    stepped = home.python(code + body.format("") .replace("raise", "\n      raise").replace(
        "    \n", "    with tooltrail.step('s'):\n"))  # fmt: skip
    assert bare.returncode == stepped.returncode == 1
    assert "tooltrail/_" not in stepped.stderr
    kept = home.events("job", "end")[1]["steps"]
    assert [item["outcome"] for item in kept] == ["failure"]


def test_a_cancelled_task_leaves_its_step_unfinished(home: Home) -> None:
    """A cancellation ends more than the step; a timeout that it became fails the one around."""

    async def main() -> None:
        with tooltrail.step("outer"):
            try:
                async with asyncio.timeout(0.02):
                    with tooltrail.step("slow"):
                        await asyncio.sleep(30)
            except TimeoutError:
                pass

    with tooltrail.invocation("job"):
        asyncio.run(main())
    found = steps(home)
    assert found["slow"]["outcome"] == "unfinished"
    assert found["slow"]["error"]["type"] == "CancelledError"
    assert found["outer"]["outcome"] == "success"


def test_a_thread_that_outlives_the_call_leaves_its_step_open(home: Home) -> None:
    """What happens after the end line is written changes nothing, and breaks nothing."""
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with tooltrail.step("late"):
            inside.set()
            leave.wait(30)
        with tooltrail.step("too late"):
            done.append(True)

    done: list[bool] = []
    with tooltrail.invocation("job"):
        worker = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        worker.start()
        inside.wait(30)
    leave.set()
    worker.join()
    assert done
    (item,) = home.end("job")["steps"]
    assert (item["name"], item["outcome"], item["duration_ms"]) == ("late", "unfinished", None)


def test_steps_that_end_while_the_end_line_is_written_do_not_cost_it(home: Home) -> None:
    """Threads that go on all the time: each call has its end, and it is valid."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                with tooltrail.step("part", n=1):
                    raise ValueError("x")
            except ValueError:
                pass

    for _ in range(20):
        with tooltrail.invocation("job") as call:
            stop.clear()
            threads = [
                threading.Thread(target=contextvars.copy_context().run, args=(work,))
                for _ in range(4)
            ]
            for thread in threads:
                thread.start()
        assert call.receipt is not None
        stop.set()
        for thread in threads:
            thread.join()
    assert len(home.events("job", "end")) == 20


def test_a_forked_child_writes_no_step_of_its_parent(home: Home) -> None:
    """The step is the parent's; in the child the name goes nowhere."""
    code = """
import os, tooltrail
with tooltrail.invocation("job"):
    with tooltrail.step("whole"):
        if os.fork() == 0:
            with tooltrail.step("child"): pass
            os._exit(0)
        os.wait()
"""
    assert home.python(code).stderr == ""
    assert set(steps(home)) == {"whole"}
    assert steps(home)["whole"]["outcome"] == "success"


# -- what is kept


def test_no_more_than_a_thousand_steps_are_kept_and_the_rest_counted(home: Home) -> None:
    """The first ones; a step inside one that was not kept is not kept either."""
    with tooltrail.invocation("job"):
        for number in range(MAX_STEPS + 40):
            with tooltrail.step(f"{number}"), tooltrail.step("inner"):
                pass
    end = home.end("job")
    assert len(end["steps"]) == MAX_STEPS == 1000
    assert end["steps_dropped"] == 2 * (MAX_STEPS + 40) - MAX_STEPS
    assert end["steps"][-1]["parent"] == MAX_STEPS - 2


def test_names_are_text_without_secrets_and_not_long(home: Home) -> None:
    """A name may be any value; what is cut is cut after the secret is out."""
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    with tooltrail.invocation("job", params={"password": "correct-horse-7battery"}):
        with tooltrail.step(f"login with {token}"):
            pass
        with tooltrail.step("x" * 240 + f" {token}"):
            pass
        with tooltrail.step("as correct-horse-7battery"):
            pass
        with tooltrail.step(404):  # type: ignore[arg-type]
            pass
        with tooltrail.step("größe \x1b[31m \udcff"):
            pass
    raw = home.log("job").read_bytes()
    assert b"a1B2c3" not in raw
    assert b"horse" not in raw
    assert raw.isascii()
    names = [item["name"] for item in home.end("job")["steps"]]
    assert names[0] == "login with [REDACTED]"
    assert len(names[1]) <= 256
    assert names[1].startswith("x" * 240)
    assert names[2:4] == ["as [REDACTED]", "404"]
    assert {"steps[].name"} <= {one["where"] for one in home.end("job")["redactions"]}


def test_fields_are_plain_and_without_secrets(home: Home) -> None:
    """Numbers stay numbers, objects become text, secrets go by name, long texts are cut."""

    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with (
        tooltrail.invocation("job"),
        tooltrail.step(
            "s",
            n=3,
            share=0.5,
            ok=True,
            none=None,
            api_token="hunter22hunter22",
            text="y" * 300,
            many=[1, 2],
            odd=Odd(),
            name="own",
        ),  # fmt: skip
    ):
        pass
    (item,) = home.end("job")["steps"]
    fields = item["fields"]
    assert (fields["n"], fields["share"], fields["ok"], fields["none"]) == (3, 0.5, True, None)
    assert fields["api_token"] == "[REDACTED]"
    assert fields["text"] == "y" * 256
    assert fields["many"] == "[1, 2]"
    assert fields["name"] == "own"
    assert "RuntimeError" in fields["odd"]
    (redaction,) = home.end("job")["redactions"]
    assert redaction["where"] == "steps[].fields.api_token"


def test_what_a_step_lost_to_redaction_is_told_though_the_call_was_described_anew(
    home: Home,
) -> None:
    """A group's callback has steps before the command's own params are known."""
    with tooltrail.Invocation("job") as call:
        call.begin("group", {"token": "hunter22hunter22"})
        with tooltrail.step("login", secret="s3cr3t-s3cr3t-77"):
            pass
        call.begin("group command", {})
        call.finish(Ending(0))
    assert [one["where"] for one in home.end("job")["redactions"]] == ["steps[].fields.secret"]


def test_at_level_metadata_steps_keep_names_and_times_only(home: Home) -> None:
    """Neither fields nor an error's message."""
    code = """
import tooltrail
with tooltrail.invocation("job"):
    try:
        with tooltrail.step("upload", path="/srv/x"): raise ValueError("/srv/x is gone")
    except ValueError: pass
"""
    assert home.python(code, env={"TOOLTRAIL_LEVEL": "metadata"}).stderr == ""
    (item,) = home.end("job")["steps"]
    assert item["name"] == "upload"
    assert item["error"] == {"message": "[NOT KEPT]", "code": "EXCEPTION", "type": "ValueError"}
    assert "fields" not in item
    assert b"/srv/x" not in home.log("job").read_bytes()


# -- nothing else changes


def test_outside_of_a_call_a_step_does_nothing(home: Home) -> None:
    """It does not even load the core, and its errors pass unchanged."""
    code = """
import sys, tooltrail
with tooltrail.step("x", a=1): pass
try:
    with tooltrail.step("x"): raise KeyError("y")
except KeyError as error: print(repr(error))
tooltrail.mark_cached("req_x")
print(sorted(name for name in sys.modules if name.startswith("tooltrail")))
"""
    done = home.python(code)
    loaded = ["tooltrail", *(f"tooltrail.{n}" for n in ("_host", "_origin", "_running"))]
    assert done.stdout == f"KeyError('y')\n{[*loaded, 'tooltrail._steps', 'tooltrail._wire']}\n"
    assert not home.data.exists()


def test_a_plain_step_loads_nothing_expensive(home: Home) -> None:
    """No module beyond those of the call itself and of the steps."""
    code = """
import sys, tooltrail
with tooltrail.invocation("job"): pass
before = set(sys.modules)
with tooltrail.invocation("job"):
    with tooltrail.step("a", n=1), tooltrail.step("b"): pass
print(sorted(set(sys.modules) - before))
"""
    added = home.python(code).stdout
    assert added == "['tooltrail._running', 'tooltrail._steps']\n"


def test_a_click_tools_steps_are_in_its_entry_in_both_modes(home: Home) -> None:
    """The response stays what it was; the entry tells the steps, of a usage error none."""
    code = """
import sys, click, tooltrail
from tooltrail.integrations.click import instrument

@click.command()
@click.option("--n", type=int, default=1)
def cli(n):
    with tooltrail.step("work"): pass
    return {"n": n}

instrument(cli, tool="job", envelope="envelope" in sys.argv.pop(1))
cli()
"""
    assert home.python(code, "observe").returncode == 0
    answer = json.loads(home.python(code, "envelope").stdout)
    assert answer["data"] == {"n": 1}
    assert "steps" not in answer["meta"]
    home.python(code, "observe", "--n", "x")
    first, second, usage = home.events("job", "end")
    for end in (first, second):
        assert [item["name"] for item in end["steps"]] == ["work"]
    assert "steps" not in usage


# -- reading


TRACED = """
import sys, time, tooltrail
with tooltrail.invocation("deployctl", "deploy", {"env": "x"}):
    with tooltrail.step("build"): time.sleep(0.02)
    with tooltrail.step("upload"):
        with tooltrail.step("largest"): time.sleep(0.3)
        with tooltrail.step("rest\\x1b[31m"): pass
    with tooltrail.invocation("verifyctl"): pass
    try:
        with tooltrail.step("announce"): raise OSError("nobody there")
    except OSError: pass
    with tooltrail.step("wait"): sys.exit(3)
"""


def test_a_trace_shows_the_steps_under_their_call_and_names_the_slowest(home: Home) -> None:
    """With their own times, nested, with a sign where one failed or was cut short."""
    home.python(TRACED, env={"TOOL_TRACE_ID": "t-1", "PYTHONIOENCODING": "utf-8"})
    shown = home.tooltrail("trace", "t-1", "--output", "tree", env={"PYTHONIOENCODING": "utf-8"})
    rows = [line.partition("  ")[2] for line in shown.stdout.splitlines()]
    text = "\n".join(rows)
    assert shown.stderr == ""
    for expected in (
        "    │  · build",
        "    │  · upload",
        "    │    · largest",
        "    │    · rest\\x1b[31m",
        "  x │  · announce",
        "  ~ │  · wait",
    ):
        assert expected in text, expected
    assert text.index("· wait") < text.index("└─ verifyctl")
    (verdict,) = (line for line in shown.stdout.splitlines() if line.startswith("slowest step"))
    assert verdict.startswith("slowest step  largest of deployctl deploy env=x: 3")
    data = json.loads(home.tooltrail("trace", "t-1", "--output", "json").stdout)["data"]
    (call,) = data["calls"]
    assert [item["name"] for item in call["steps"]][:3] == ["build", "upload", "largest"]
    assert data["slowest_step"]["name"] == "largest"
    assert data["slowest_step"]["request_id"] == call["request_id"]
    assert data["slowest_step"]["own_ms"] >= 300


def test_a_trace_draws_the_longest_steps_of_many(home: Home) -> None:
    """And says how many it left out, those that the entry did not keep among them."""
    code = """
import time, tooltrail
with tooltrail.invocation("job"):
    for number in range(1100):
        with tooltrail.step(f"step {number}"):
            if number == 500: time.sleep(0.05)
"""
    home.python(code, env={"TOOL_TRACE_ID": "t-1"})
    shown = home.tooltrail("trace", "t-1", "--output", "tree").stdout
    assert "step 500" in shown
    assert len(shown.splitlines()) < 40
    assert "and 1080 more steps" in shown


def test_steps_of_any_shape_are_read(home: Home) -> None:
    """What another writer made of them breaks no reader, and what is open reaches to the end."""
    items: list[Any] = [
        None, 7, "x", [], {}, {"name": 5, "offset_ms": "x", "duration_ms": -1, "parent": -3},
        {"name": "a", "offset_ms": 10, "duration_ms": None, "outcome": "teleported", "parent": 99},
        {"name": "b", "offset_ms": 10**30, "duration_ms": True, "parent": 6},
        {"name": "c", "offset_ms": 0, "duration_ms": 5, "parent": 0},
    ]  # fmt: skip
    found = steps_of({"steps": items}, 100)
    assert [(step.name, step.duration_ms) for step in found] == [
        ("", 100), ("5", 100), ("a", 90), ("b", 0), ("c", 5)
    ]  # fmt: skip
    assert [step.depth for step in found] == [0, 0, 0, 1, 0]
    for nonsense in (None, 7, "x", {}, {"a": 1}):
        assert steps_of({"steps": nonsense}, None) == []
    entry = {"request_id": "a", "timestamp": "2026-11-22T14:30:00.000Z", "duration_ms": 100}
    for steps_given in (items, 7, {}, [[]]):
        trace = rebuild("t", [{**entry, "steps": steps_given, "steps_dropped": "x"}])
        for columns in (None, 30, 120):
            assert list(tree.lines(trace, columns=columns, signs=tree.Signs(unicode=False)))
        assert json.dumps(trace.as_json())
