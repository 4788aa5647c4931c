"""A trace as a whole: found by what is at hand, with blame for its time and its blind spots."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tooltrail
from conftest import PYTHON, TOOLTRAIL, Home
from tooltrail.query import held
from tooltrail.query.similar import traces_like
from tooltrail.reconstruct import Call, Trace, rebuild
from tooltrail.render import trace as showing
from trace_world import record_many

CAPS = 10_000
NOON = 1_795_435_200_000  # ms


def told(home: Home, *arguments: str) -> dict[str, Any]:
    """Return the data of a trace as JSON."""
    done = home.tooltrail("trace", *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    data: dict[str, Any] = json.loads(done.stdout)["data"]
    return data


def stamp(ms: int) -> str:
    """Return so many ms after noon as the log writes it."""
    seconds, rest = divmod(NOON + ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def entry(name: str, start: int, took: int | None, **more: Any) -> dict[str, Any]:
    """Return an entry of a call of `name`: its start in ms after noon, its duration in ms."""
    return {
        "request_id": name,
        "timestamp": stamp(start),
        "logged_at": stamp(start + (took or 0)),
        "tool": name.rstrip("0123456789"),
        "command": "go",
        "params": {"n": name},
        "recorder": "tool",
        "outcome": "success",
        "exit_code": 0,
        "duration_ms": took,
        "process": {"host": "here", "boot_id": "boot-1"},
        **more,
    }


def on(host: str) -> dict[str, Any]:
    """Return what an entry says that was made on another host."""
    return {"process": {"host": host, "boot_id": f"boot-{host}"}}


def starts(trace: Trace) -> dict[str, int]:
    """Return when each call began."""
    return {call.request_id: call.start_ms for call in trace.calls()}


# -- which trace


def test_a_trace_is_found_by_the_last_call_and_by_any_call_in_it(home: Home) -> None:
    """`--last`, `--request-id`, and a request id in the place of a trace's."""
    for trace in ("first", "second"):
        home.tooltrail("run", "--trace-id", trace, "--", "true")
    home.tooltrail("log")  # reading is not the last call
    assert told(home, "--last")["trace_id"] == "second"
    request_id = told(home, "first")["calls"][0]["request_id"]
    assert told(home, "--request-id", request_id)["trace_id"] == "first"
    assert told(home, request_id)["trace_id"] == "first"


def test_half_an_id_is_enough_where_one_trace_alone_begins_so(home: Home) -> None:
    """Several that begin so are named; nothing is guessed."""
    for trace in ("deploy-2026-a", "deploy-2026-b", "other-7"):
        home.tooltrail("run", "--trace-id", trace, "--", "true")
    assert told(home, "deploy-2026-a")["count"] == 1
    assert told(home, "other")["trace_id"] in ("other", "other-7")
    assert told(home, "oth" + "er-")["trace_id"] == "other-7"
    done = home.tooltrail("trace", "deploy-20", "--output", "tree")
    assert done.returncode == 1
    assert "these begin so: deploy-2026-a, deploy-2026-b" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["x", "--last"], ["--last", "--request-id", "req_1"]])
def test_a_trace_is_named_in_exactly_one_way(home: Home, arguments: list[str]) -> None:
    """Anything else is a usage error that says what to give."""
    done = home.tooltrail("trace", *arguments, "--output", "tree")
    assert done.returncode == 2
    assert "give its ID, or --last, or --request-id R" in done.stderr


def test_there_is_no_last_call_in_an_empty_home(home: Home) -> None:
    """An answer, not a traceback."""
    done = home.tooltrail("trace", "--last", "--output", "tree")
    assert done.returncode == 1
    assert "no call is in the logs that were read" in done.stderr
    done = home.tooltrail("trace", "--request-id", "req_none", "--output", "tree")
    assert "no call 'req_none' is in" in done.stderr


def test_of_a_trace_too_long_for_memory_the_first_calls_are_shown(home: Home) -> None:
    """And it is said how many are not."""
    record_many(home, "long", CAPS + 5)
    data = told(home, "long")
    assert data["count"] == CAPS
    assert data["gaps"][0] == {
        "code": "TOO_MANY_CALLS",
        "message": "the first 10000 of its calls are here, 5 more are not"
        " (--since and --until narrow it)",
    }


def test_what_made_the_calls_that_are_shown_is_shown_though_it_ended_later(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree of calls without what they hang from would be none."""
    monkeypatch.setattr(held, "MAX_CALLS", 3)
    code = (
        "import tooltrail\nfor n in range(5):\n  with tooltrail.invocation('app', f'go {n}'): pass"
    )
    home.tooltrail("run", "--trace-id", "deep", "--", PYTHON, "-c", code)
    with tooltrail.invocation("tooltrail", "trace") as call:
        trace, _ = showing._find(call, {"trace_id": "deep"}, None)
    assert "the first 3 of its calls are here, 2 more are not" in trace.gaps[0][1]
    assert [call.entry["tool"] for call in trace.roots] == [Path(PYTHON).name]
    assert [call.entry["command"] for call in trace.roots[0].children] == ["go 0", "go 1", "go 2"]


def test_a_call_s_id_stands_for_the_whole_trace(home: Home) -> None:
    """However it is given: what was made by others of its calls is there, too."""
    inner = f"{TOOLTRAIL} run -- true; {TOOLTRAIL} run -- sh -c '{TOOLTRAIL} run -- true'"
    home.tooltrail("run", "--trace-id", "nest-1", "--", "sh", "-c", inner)
    (outer,) = [end for end in home.events("tooltrail", "end") if end["tool"] == "sh"][1:]
    assert told(home, "nest-1")["count"] == 4
    assert told(home, "--request-id", outer["request_id"])["count"] == 4
    assert told(home, outer["request_id"])["count"] == 4


def test_half_an_id_says_what_the_whole_one_says(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many calls have no room; and that nothing is found, where nothing is."""
    code = "import tooltrail\nfor n in range(5):\n  with tooltrail.invocation('app', f'go {n}'): 0"
    home.python(code, env={"TOOL_TRACE_ID": "bulk-trace-abc"})
    monkeypatch.setattr(held, "MAX_CALLS", 3)
    with tooltrail.invocation("tooltrail", "trace") as call:
        trace, _ = showing._find(call, {"trace_id": "bulk-tr"}, None)
    assert "the first 3 of its calls are here, 2 more are not" in trace.gaps[0][1]
    done = home.tooltrail("trace", "bulk-tr", "--until", "2020-01-01", "--output", "tree")
    assert done.returncode == 1
    assert "no call of trace 'bulk-tr' is in the logs" in done.stderr


def test_of_many_ids_that_begin_so_it_says_that_there_are_more(home: Home) -> None:
    """Five are named."""
    for number in range(7):
        home.tooltrail("run", "--trace-id", f"many{number}x", "--", "true")
    done = home.tooltrail("trace", "many", "--output", "tree")
    assert "these begin so: many0x, many1x, many2x, many3x, many4x and more" in done.stderr


def test_a_trace_whose_reader_is_gone_ends_with_words(home: Home) -> None:
    """stdout is closed: no traceback."""
    home.tooltrail("run", "--trace-id", "s1", "--", "true")
    done = home.run("sh", "-c", f"{TOOLTRAIL} trace s1 --output tree >&-")
    assert done.returncode == 1
    assert done.stderr == "error: stdout: bad file descriptor\n"


def test_a_param_of_zero_is_shown(home: Home) -> None:
    """It is a value like any other; only what says nothing is left out."""
    params = "{'replicas': 0, 'dry': False, 'name': '', 'more': None, 'list': []}"
    code = f"import tooltrail\nwith tooltrail.invocation('app', 'scale', {params}): 0"
    home.python(code, env={"TOOL_TRACE_ID": "z-1"})
    shown = home.tooltrail("trace", "z-1", "--output", "tree").stdout
    assert "+ app scale replicas=0" in shown
    assert "dry" not in shown


def test_only_a_trace_s_own_id_is_completed(home: Home) -> None:
    """Not what stands in the params of a call under the same name."""
    code = (
        "import tooltrail\nwith tooltrail.invocation('app', 'go', {'trace_id': 'abcdef-1'}): pass"
    )
    home.python(code, env={"TOOL_TRACE_ID": "T-1"})
    paths = [str(home.log("app"))]
    assert b'"trace_id":"abcdef-1"' in home.log("app").read_bytes()
    assert traces_like(paths, "abcd") == []
    assert traces_like(paths, "T-1") == []  # fewer than four characters begin too many


# -- clocks


def test_a_host_whose_clock_is_ahead_is_put_right_by_what_was_called_there() -> None:
    """A call on another host ran while the one that made it did: its whole clock is moved."""
    ahead = 3_600_000
    trace = rebuild(
        "t",
        [
            entry("a", 0, 1000),
            entry("b", ahead + 200, 500, parent_request_id="a", **on("there")),
            entry("c", ahead + 300, 100, parent_request_id="b", **on("there")),
            entry("d", 2000, 1000),
            entry("e", ahead + 2100, 500, parent_request_id="d", **on("there")),
        ],
    )
    moved = starts(trace)
    assert 0 <= moved["b"] <= 500
    assert moved["c"] - moved["b"] == 100
    assert moved["e"] - moved["b"] == 1900
    assert trace.duration_ms == 3000
    (said,) = trace.corrections
    assert said.startswith("the clock of there is taken to be 59 min 5")
    assert "ahead of that of here" in said
    (deep,) = trace.roots[0].children[0].children
    assert deep.moved_ms == deep.as_json()["moved_ms"] < 0


def test_a_clock_a_year_behind_is_put_right() -> None:
    """The same the other way; calls with sound clocks stay where they are."""
    year = 365 * 86_400_000
    trace = rebuild(
        "t",
        [
            entry("a", 0, 1000),
            entry("b", -year, 500, parent_request_id="a", **on("there")),
        ],
    )
    assert starts(trace) == {"a": 0, "b": 0}
    assert "365 d 00 h behind that of here" in trace.corrections[0]
    assert trace.started == stamp(0)


def test_containers_of_one_machine_have_one_clock() -> None:
    """Another host name, the same boot: nothing is moved, though the call outlived its parent."""
    container = {"process": {"host": "c0ffee", "boot_id": "boot-1"}}
    trace = rebuild(
        "t", [entry("a", 0, 100), entry("b", 5000, 10, parent_request_id="a", **container)]
    )
    assert starts(trace) == {"a": 0, "b": 5000}
    assert trace.corrections == []


def test_a_call_that_began_before_its_parent_is_put_at_its_begin() -> None:
    """With all that it made, at the same distance."""
    trace = rebuild(
        "t",
        [
            entry("a", 10_000, 5000),
            entry("b", 2000, 1000, parent_request_id="a"),
            entry("c", 2400, 100, parent_request_id="b"),
        ],
    )
    assert starts(trace) == {"a": 0, "b": 0, "c": 400}
    assert trace.corrections == [
        "1 call began before what made it, by the clock, by up to 8.00 s: put at its begin"
    ]


def test_a_clock_that_was_put_back_does_not_turn_the_order_round() -> None:
    """A log's lines are in the order they were written; a writer that was behind has said so."""
    jump = 3_600_000
    late = {"logged_at": stamp(1000), "clamped": True}
    trace = rebuild(
        "t",
        [
            entry("x1", 0, 1000, seq=2),
            entry("x2", 2000 - jump, 500, **late, seq=4),
            entry("x3", 3000 - jump, 500, **late, seq=6),
        ],
    )
    assert list(starts(trace)) == ["x1", "x2", "x3"]
    assert starts(trace)["x3"] - starts(trace)["x2"] == 1000
    assert trace.corrections[0].startswith("the clock of here was put back by about 59 min 5")


def test_a_machine_that_slept_is_no_clock_that_was_put_back() -> None:
    """A call's time stands still meanwhile, so that its end seems early; no line was clamped."""
    asleep = entry("x1", 0, 1000, seq=9, logged_at=stamp(3_600_000))
    trace = rebuild("t", [asleep, entry("x2", 3_590_000, 1000, seq=7)])
    assert starts(trace) == {"x1": 0, "x2": 3_590_000}
    assert trace.corrections == []


# -- blame


def test_each_call_says_what_its_time_went_by_with() -> None:
    """Own, children, start-up, the way out, the log, and the gap before it."""
    outer = entry("w", 1000, 700, recorder="wrapper", child={"pid": 7}, tool="a")
    inner = entry(
        *("a", 1200, 400),
        parent_request_id="w",
        process={"pid": 7, "boot_id": "boot-1"},
        logged_at=stamp(1630),
    )
    below = entry("b", 1300, 150, parent_request_id="a")
    trace = rebuild("t", [entry("first", 0, 600), outer, inner, below])
    first, call = trace.roots
    assert first.blame.as_json() == {"own_ms": 600, "children_ms": 0, "log_wait_ms": 0}
    assert call.blame.as_json() == {
        "own_ms": 250,
        "children_ms": 150,
        "startup_ms": 200,
        "shutdown_ms": 70,
        "log_wait_ms": 30,
        "gap_ms": 400,
        "gap_owner": "the agent",
    }
    assert call.children[0].blame.gap_owner == "a"
    assert trace.shares() == {
        "own": 600 + 250 + 150,
        "startup": 200,
        "shutdown": 70,
        "log": 30,
        "gap": 400,
    }


def test_the_critical_path_leaves_out_what_ran_beside_it() -> None:
    """Of calls at once, the one that ended last is what the trace waited for."""
    trace = rebuild(
        "t",
        [
            entry("a", 0, 1000),
            entry("fast", 1000, 200),
            entry("slow", 1000, 900),
            entry("z", 1900, 100),
        ],
    )
    assert [call.request_id for call in trace.critical_path()] == ["a", "slow", "z"]
    assert {call.request_id: call.critical for call in trace.calls()}["fast"] is False


TIMES = st.integers(0, 3000)
FAMILY = st.lists(
    st.tuples(TIMES, st.one_of(st.none(), TIMES), st.integers(-3, 12), st.booleans()), max_size=14
)


@given(FAMILY)
def test_the_parts_of_the_critical_path_make_up_the_whole(family: list[tuple[Any, ...]]) -> None:
    """No moment is blamed twice, and none is left out; a call's own time and its children's too."""
    entries = []
    for number, (start, took, parent, by_wrapper) in enumerate(family):
        more: dict[str, Any] = {"recorder": "wrapper"} if by_wrapper else {}
        if 0 <= parent < number:
            more["parent_request_id"] = f"c{parent}"
        entries.append(entry(f"c{number}", start, took, **more))
    trace = rebuild("t", entries)
    calls: list[Call] = trace.calls()
    begin = min((call.launched_ms for call in trace.roots), default=0)
    end = max((call.gone_ms for call in calls), default=0)
    assert sum(trace.shares().values()) == end - begin
    at = begin
    for part in trace.path:
        assert (part.start_ms, part.ms > 0) == (at, True)
        at = part.end_ms
    for call in calls:
        blame = call.blame
        if call.duration_ms is None:
            assert blame.own_ms is None
        else:
            assert (blame.own_ms or 0) + (blame.children_ms or 0) == call.duration_ms
    json.dumps(trace.as_json())


def test_what_was_called_again_is_said_to_be(home: Home) -> None:
    """The same tool, command and params; with other params, or secrets in them, it is not known."""
    for words in (["a"], ["b"], ["a"], ["--token", "sk-secret-value-1"], ["--token", "sk-other-9"]):
        home.tooltrail("run", "--trace-id", "t", "--", "echo", *words)
    calls = told(home, "t")["calls"]
    assert [call.get("repeats") for call in calls] == [
        None,
        None,
        calls[0]["request_id"],
        None,
        None,
    ]


def test_params_are_the_same_where_their_values_and_types_are() -> None:
    """In any order, with lists in them; 1 is not true, and what was taken out is not known."""
    given: list[Any] = [{"n": 1}, {"n": True}, {"n": 1}, {"n": True}, {"n": ["a"]}, {"n": ["a"]}]
    given += [{"a": "x", "b": 2}, {"b": 2, "a": "x"}, {"n": "[REDACTED]"}, {"n": "[REDACTED]"}]
    calls = [entry(f"r{at}", at * 10, 1, params=params) for at, params in enumerate(given)]
    repeats = [call.repeats for call in rebuild("t", calls).calls()]
    assert repeats == [None, None, "r0", "r1", None, "r4", None, "r6", None, None]


def test_an_open_call_went_on_as_long_as_what_it_made() -> None:
    """An agent's loop that was killed: its children are on the path, and their time is there."""
    killed = entry("w", 0, None, recorder="wrapper", outcome="vanished", exit_code=None)
    inner = [entry(f"a{n}", n * 1000, 900, parent_request_id="w") for n in range(3)]
    trace = rebuild("t", [killed, *inner])
    assert trace.duration_ms == 2900
    assert sum(trace.shares().values()) == 2900
    assert all(call.critical for call in trace.calls())


def test_what_outlives_its_root_is_part_of_the_whole() -> None:
    """The root's time, the pause after it, and that of what it left behind."""
    left = entry("b", 3000, 2000, parent_request_id="a")
    trace = rebuild("t", [entry("a", 0, 100), left])
    assert trace.duration_ms == 5000
    assert trace.shares() == {"own": 2100, "startup": 0, "shutdown": 0, "log": 0, "gap": 2900}


def test_a_replaced_call_ends_as_its_wrapper_saw() -> None:
    """Another program went on under its pid, and failed."""
    outer = entry("w", 0, 500, recorder="wrapper", child={"pid": 7}, exit_code=3, outcome="failure")
    inner = entry("a", 10, 20, parent_request_id="w", outcome="replaced", exit_code=None)
    trace = rebuild("t", [outer, {**inner, "process": {"pid": 7}}])
    assert [call.request_id for call in trace.failed()] == ["a"]
    assert trace.roots[0].shown["exit_code"] == 3


def hook(name: str, start: int, took: int, *argv: str) -> dict[str, Any]:
    """Return what an agent's hook told of a command."""
    told = entry(name, start, took, recorder="hook", params={"argv": list(argv)}, command=None)
    return {**told, "tool": argv[0], "process": {"pid": None}, "trace_id": "claude-code-s"}


def test_what_an_agents_hook_told_of_is_no_second_call() -> None:
    """The tool's own record is the same call; a shell's line is the parent of what it ran."""
    own = {"trace_id": "claude-code-s", "operator": "claude-code-s"}
    trace = rebuild(
        "claude-code-s",
        [
            hook("h1", 0, 500, "a", "go"),
            entry("a1", 50, 400, **own),
            hook("h2", 1000, 500, "bash", "-c", "b go && c go"),
            entry("b1", 1050, 100, **own),
            entry("c1", 1200, 100, **own),
            entry("d1", 9000, 100, **own),
        ],
    )
    first, second, alone = trace.roots
    assert (first.request_id, (first.wrapper or {})["request_id"]) == ("a1", "h1")
    assert [call.request_id for call in second.children] == ["b1", "c1"]
    assert alone.request_id == "d1"


def test_of_hooks_at_once_the_one_that_names_the_tool_has_it() -> None:
    """Where none or several do, nothing is guessed."""
    both = [hook("h1", 0, 500, "a", "go"), hook("h2", 0, 500, "b", "go")]
    own = {"trace_id": "claude-code-s"}
    trace = rebuild("t", [*both, entry("b1", 50, 400, **own), entry("x1", 60, 10, **own)])
    joined = {call.request_id: (call.wrapper or {}).get("request_id") for call in trace.roots}
    assert joined == {"h1": None, "b1": "h2", "x1": None}


def test_a_tool_is_named_by_whole_words() -> None:
    """`go` is not in `cargo`."""
    own = {"trace_id": "claude-code-s"}
    both = [hook("h1", 0, 500, "cargo", "build"), hook("h2", 0, 500, "sh", "-c", "/opt/bin/go x")]
    trace = rebuild("t", [*both, entry("go1", 50, 400, **own)])
    assert [call.request_id for call in trace.roots] == ["h1", "h2"]
    assert [call.request_id for call in trace.roots[1].children] == ["go1"]


def test_a_job_that_ran_later_on_another_host_does_not_move_its_clock() -> None:
    """One call alone may have been made to run later."""
    later = entry("b", 60_000, 100, parent_request_id="a", **on("there"))
    trace = rebuild("t", [entry("a", 0, 200), later])
    assert starts(trace)["b"] == 60_000
    assert trace.corrections == []


# -- blind spots


def test_above_the_report_stands_what_it_cannot_show(home: Home) -> None:
    """Commands that recorded nothing themselves, calls without an end, lost lines."""
    app = "import tooltrail, sys\nwith tooltrail.invocation('app', 'go', {}): pass\n"
    env = {"TOOL_TRACE_ID": "t"}
    home.tooltrail("run", "--", sys.executable, "-c", app, env=env)
    home.tooltrail("run", "--", "true", env=env)
    home.python(app.replace("pass", "__import__('os').kill(__import__('os').getpid(), 9)"), env=env)
    gaps = {gap["code"]: gap["message"] for gap in told(home, "t")["gaps"]}
    assert gaps["NOT_RECORDED_INSIDE"].startswith("what happened inside 1 of 2 commands that were")
    assert gaps["NOT_RECORDED_INSIDE"].endswith("(true)")
    assert gaps["END_UNKNOWN"] == "1 call without an end: vanished"
    tree = home.tooltrail("trace", "t", "--output", "tree").stdout.splitlines()
    assert tree[1] == f"not seen {gaps['NOT_RECORDED_INSIDE']}"
    assert "not seen" in home.tooltrail("trace", "t", "--output", "summary").stdout


# -- shown


def test_colours_only_where_they_are_wanted(home: Home) -> None:
    """On a terminal, unless NO_COLOR says no; what they mean is there in signs as well."""
    home.tooltrail("run", "--trace-id", "t", "--", "false")

    def shown(**more: str) -> str:
        pid, terminal = pty.fork()
        if pid == 0:
            given = home.environment(LC_ALL="C.UTF-8", TERM="xterm", **more)
            os.execve(TOOLTRAIL, ["tooltrail", "trace", "t"], given)
        text = b""
        try:
            while read := os.read(terminal, 65536):
                text += read
        except OSError:
            pass
        os.waitpid(pid, 0)
        os.close(terminal)
        return text.decode()

    assert "\x1b[31m" in shown()
    plain = shown(NO_COLOR="1")
    assert "\x1b" not in plain
    assert "x false" in plain


# -- the script


def in_shell(
    home: Home, command: list[str], cwd: Path | None = None, **env: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command as it stands."""
    given = home.environment(**env)
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, check=False)


def replayed(home: Home, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Print a trace as a script and run that, in a real shell."""
    script = home.tooltrail("trace", *arguments, "--output", "script")
    assert script.returncode == 0, script.stderr
    return in_shell(home, ["bash", "-c", script.stdout], **env)


def test_the_script_does_the_same_again(home: Home, tmp_path: Path) -> None:
    """Each word as it was, whatever is in it; the same folder, the same exit codes."""
    nasty = [
        "two words",
        "it's",
        '"$HOME" `id` \\',
        "a\nb\tc",
        "\x1b[31m\u202e",
        "größe",
        "",
        "*",
        "~",
    ]
    show = "import sys, os; print(os.getcwd(), sys.argv[1:])"
    folder = tmp_path / "a folder's"
    folder.mkdir()
    command = [TOOLTRAIL, "run", "--trace-id", "t", "--", sys.executable, "-c", show, *nasty]
    first = in_shell(home, command, folder)
    home.tooltrail("run", "--trace-id", "t", "--", "sh", "-c", "exit 3")
    again = replayed(home, "t")
    assert again.stdout == first.stdout
    assert again.returncode == 0, again.stderr
    script = home.tooltrail("trace", "t", "--output", "script").stdout
    assert all(char.isprintable() or char == "\n" for char in script)


def test_the_script_stops_where_a_step_ends_otherwise(home: Home, tmp_path: Path) -> None:
    """What follows was done after something else had happened."""
    once = f"test -e {tmp_path}/done && exit 5; touch {tmp_path}/done"
    home.tooltrail("run", "--trace-id", "t", "--", "sh", "-c", once)
    home.tooltrail("run", "--trace-id", "t", "--", "touch", f"{tmp_path}/after")
    (tmp_path / "after").unlink()
    again = replayed(home, "t")
    assert again.returncode == 1
    assert "step 1 ended with exit code 5, and with 0 when it was recorded: stopped" in again.stderr
    assert not (tmp_path / "after").exists()
    assert replayed(home, "t", "--from", "2").returncode == 0
    assert (tmp_path / "after").exists()


def test_the_script_waits_no_longer_than_the_caller_did(home: Home) -> None:
    """What was ended when its time was up is ended again."""
    command = ["sh", "-c", "echo begun; sleep 60"]
    home.tooltrail("run", "--trace-id", "t", "--timeout", "0.2", "--", *command)
    again = replayed(home, "t")
    assert (again.stdout, again.returncode) == ("begun\n", 0), again.stderr


def test_the_script_asks_for_secrets_by_name(home: Home) -> None:
    """It has none of them, and does nothing until they are given."""
    secret = "hunter2-horse-battery"
    words = ["--api-token", secret, f"--password={secret}", f"https://me:{secret}@host/"]
    home.tooltrail("run", "--trace-id", "t", "--", "echo", *words)
    script = home.tooltrail("trace", "t", "--output", "script").stdout
    assert secret not in script
    assert replayed(home, "t").returncode != 0
    names = {"SECRET_API_TOKEN": "one", "SECRET_PASSWORD": "two", "SECRET_ME": "three"}
    again = replayed(home, "t", **names)
    assert again.stdout == "--api-token one --password=two https://me:three@host/\n"


def test_what_an_agent_called_stands_in_the_script_once(home: Home) -> None:
    """Not what its programs called in turn: they will call that again."""
    inner = f"{TOOLTRAIL} run -- echo inner"
    home.tooltrail("run", "--trace-id", "t", "--", "sh", "-c", inner)
    assert replayed(home, "t").stdout == "inner\n"


@pytest.mark.parametrize("step", ["0", "9", "-1", "req_none", "x"])
def test_a_step_that_is_not_there_is_a_usage_error(home: Home, step: str) -> None:
    """It says which there are."""
    home.tooltrail("run", "--trace-id", "t", "--", "true")
    done = home.tooltrail("trace", "t", "--output", "script", f"--from={step}")
    assert done.returncode == 2
    assert "give a number from 1 to 1" in done.stderr
    done = home.tooltrail("trace", "t", "--output", "tree", "--from=1")
    assert done.returncode == 2
