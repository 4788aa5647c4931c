"""Fresh or replayed: what a tool says of its result, and the last call that computed it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import Home, response_in
from logs import MadeLog
from tooltrail.entry import Ending
from tooltrail.query import previous as module

REQUEST_ID = "req_01M81TKXJ0T2EK26P71RZJ8S22"


# -- marking


MARKS: dict[str, tuple[Callable[[], None], dict[str, str]]] = {
    "executed": (tooltrail.mark_executed, {"origin": "executed"}),
    "dry run": (tooltrail.mark_dry_run, {"origin": "dry_run"}),
    "cached": (
        lambda: tooltrail.mark_cached(REQUEST_ID),
        {"origin": "cached", "origin_request_id": REQUEST_ID},
    ),
    "deduplicated": (
        lambda: tooltrail.mark_deduplicated("job-7.of_another"),
        {"origin": "deduplicated", "origin_request_id": "job-7.of_another"},
    ),
}


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_is_in_the_response_and_in_the_entry(
    home: Home, capsys: pytest.CaptureFixture[str], mark: str
) -> None:
    """Whoever reads one response knows whether it comes from this run."""
    act, expected = MARKS[mark]
    with tooltrail.invocation("job", envelope=True, output="json"):
        act()
    meta = response_in(capsys.readouterr().out)["meta"]
    for told in (meta, home.end("job")):
        assert {name: told[name] for name in told if name.startswith("origin")} == expected


def test_the_last_mark_counts_and_leaves_nothing_of_the_one_before(home: Home) -> None:
    """A cache that turned out to be stale is no cache."""
    with tooltrail.invocation("job"):
        tooltrail.mark_cached(REQUEST_ID)
        tooltrail.mark_executed()
    assert home.end("job")["origin"] == "executed"
    assert "origin_request_id" not in home.end("job")


def test_a_mark_is_the_innermost_calls(home: Home) -> None:
    """The call around it computed its own result."""
    with tooltrail.invocation("job", "outer"), tooltrail.invocation("job", "inner"):
        tooltrail.mark_cached(REQUEST_ID)
    origins = {end["command"]: end["origin"] for end in home.events("job", "end")}
    assert origins == {"inner": "cached", "outer": "executed"}


def test_outside_of_a_call_a_mark_does_nothing(home: Home) -> None:
    """Nor in one that has ended already."""
    tooltrail.mark_cached(REQUEST_ID)
    tooltrail.mark_deduplicated(None)
    tooltrail.mark_dry_run()
    tooltrail.mark_executed()
    with tooltrail.invocation("job") as call:
        call.finish(Ending(0))
        tooltrail.mark_dry_run()
        assert call.origin == "executed"
    assert home.end("job")["origin"] == "executed"


BAD_IDS: list[Any] = [
    None,
    "",
    17,
    b"req_x",
    "no id",
    "x" * 257,
    "größe",
    "a\n",
    ["req_x"],
    object(),
]


@pytest.mark.parametrize("given", BAD_IDS, ids=lambda value: repr(value)[:20])
def test_an_id_that_is_none_is_a_warning_and_the_mark_stays(
    home: Home, capsys: pytest.CaptureFixture[str], given: Any
) -> None:
    """The tool goes on; that its result is a replay is told all the same."""
    with tooltrail.invocation("job", envelope=True, output="json") as call:
        tooltrail.mark_cached(given)
        call.data = 1
    answer = response_in(capsys.readouterr().out)
    assert answer["ok"] is True
    assert answer["meta"]["origin"] == "cached"
    assert "origin_request_id" not in answer["meta"]
    end = home.end("job")
    assert end["origin"] == "cached"
    assert [one["code"] for one in end["warnings"]] == ["ORIGIN_ID_IGNORED"]
    assert answer["warnings"] == end["warnings"]


def test_a_secret_is_no_id(home: Home) -> None:
    """What has the format of a key is not written, whatever it was given for."""
    with tooltrail.invocation("job"):
        tooltrail.mark_cached("ghp_" + "a1B2c3D4e5F6" * 3)
    assert b"a1B2c3" not in home.log("job").read_bytes()
    assert "origin_request_id" not in home.end("job")


def test_readers_show_what_was_replayed(home: Home) -> None:
    """In the table, in the tree and in JSON."""
    for command, act in (("fresh", None), ("stored", "cached"), ("again", "dry")):
        with tooltrail.invocation("job", command) as call:
            if act == "cached":
                tooltrail.mark_cached(REQUEST_ID)
            elif act == "dry":
                tooltrail.mark_dry_run()
        if command == "fresh":
            trace = call.trace_id
            home_environment = {"TOOL_TRACE_ID": trace}
    table = home.tooltrail("log", "--output", "table").stdout
    assert "(cached) job stored" in table
    assert "(dry run) job again" in table
    assert "(executed)" not in table
    told = json.loads(home.tooltrail("log", "--output", "json").stdout)["data"]["entries"]
    assert [entry["origin"] for entry in told] == ["executed", "cached", "dry_run"]
    code = f"""
import tooltrail
with tooltrail.invocation("job", "outer"), tooltrail.invocation("job", "inner"):
    tooltrail.mark_deduplicated({REQUEST_ID!r})
"""
    home.python(code, env=home_environment)
    tree = home.tooltrail("trace", trace, "--output", "tree").stdout
    assert "(deduplicated) job inner" in tree
    assert f"replayed (deduplicated) job inner: the result of {REQUEST_ID}" in tree
    data = json.loads(home.tooltrail("trace", trace, "--output", "json").stdout)["data"]
    inner = data["calls"][1]["children"][0]
    assert (inner["origin"], inner["origin_request_id"]) == ("deduplicated", REQUEST_ID)
    assert "origin_request_id" not in data["calls"][1]


# -- the last success


def record(command: str = "sync", params: dict[str, Any] | None = None, **more: Any) -> str:
    """Record a successful call that is not asked; return its id."""
    with tooltrail.invocation("job", command, params or {}, **more) as call:
        pass
    return call.request_id


def ask(
    command: str = "sync",
    params: dict[str, Any] | None = None,
    *,
    within: str | None = None,
    any_version: bool = False,
    **more: Any,
) -> tuple[str | None, list[dict[str, str]]]:
    """Ask inside a call of its own, which then fails so that it is never found; and its warnings.

    What is found is told by its id.
    """
    with tooltrail.invocation("job", command, params or {}, **more) as call:
        found = tooltrail.last_success(within, any_version=any_version)
        call.exit_code = 9
    return found and found.request_id, call.warnings


def test_the_last_success_is_the_newest_call_with_the_same_command_and_params(home: Home) -> None:
    """In whatever order the params stand; another command, and other params, are other calls."""
    assert ask() == (None, [])
    record(params={"a": 1, "b": [1, 2]})
    newest = record(params={"b": [1, 2], "a": 1})
    record(params={"a": 1, "b": [2, 1]})
    record(params={"a": 1})
    record("sync all", {"a": 1, "b": [1, 2]})
    assert ask(params={"a": 1, "b": [1, 2]}) == (newest, [])
    assert ask(params={"b": (1, 2), "a": 1}) == (newest, [])
    assert ask(params={"a": True, "b": [1, 2]})[0] is None
    assert ask("syn", {"a": 1, "b": [1, 2]})[0] is None


def test_a_tool_says_unchanged_since_an_earlier_call(home: Home) -> None:
    """The use that it is for, with real processes: data is compared by the digest in the log."""
    code = """
import sys, tooltrail
with tooltrail.invocation("job", "status", {"site": "x"}, envelope=True) as call:
    call.data = {"release": sys.argv[1], "größe": 1.5}
    previous = tooltrail.last_success(within="24h")
    if previous is not None and previous.gave(call.data):
        tooltrail.mark_cached(previous.request_id)
"""
    answers = [
        response_in(home.python(code, release).stdout) for release in ("1", "1", "1", "2", "1")
    ]
    first, second, third, fourth, fifth = (answer["meta"] for answer in answers)
    assert first["origin"] == fourth["origin"] == "executed"
    for later in (second, third):  # what was replayed is no origin
        assert (later["origin"], later["origin_request_id"]) == ("cached", first["request_id"])
    assert fifth["origin"] == "executed"  # its newest predecessor gave something else


def test_what_is_told_of_the_last_success(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """Id, begin, duration, and the digest of its data; without a digest nothing is the same."""
    with tooltrail.invocation("job", "sync", envelope=True, output="json") as call:
        call.data = {"n": 1}
    with tooltrail.invocation("job", "sync"):
        found = tooltrail.last_success()
    assert found is not None
    end = home.events("job", "end")[0]
    assert (found.request_id, found.timestamp) == (end["request_id"], end["timestamp"])
    assert (found.duration_ms, found.data_sha256) == (
        end["duration_ms"],
        end["output"]["data_sha256"],
    )
    assert found.gave({"n": 1})
    assert not found.gave({"n": 2})
    assert not found.gave(None)
    with tooltrail.invocation("job", "sync"):
        observed = tooltrail.last_success()
    assert observed is not None
    assert observed.data_sha256 is None
    assert not observed.gave({"n": 1})


def test_only_a_success_that_was_executed_counts(home: Home) -> None:
    """Not what failed, crashed, was replayed, was a dry run, did not end, or is itself."""
    good = record()
    with pytest.raises(SystemExit), tooltrail.invocation("job", "sync"):
        raise SystemExit(1)
    with pytest.raises(KeyError), tooltrail.invocation("job", "sync"):
        raise KeyError
    with tooltrail.invocation("job", "sync"):
        tooltrail.mark_cached(good)
    with tooltrail.invocation("job", "sync"):
        tooltrail.mark_dry_run()
    call = tooltrail.Invocation("job")
    with call:
        call.begin("sync", {})
    with tooltrail.invocation("job", "sync"):
        assert tooltrail.last_success().request_id == good  # type: ignore[union-attr]
        assert tooltrail.last_success().request_id == good  # type: ignore[union-attr]


def test_a_success_whose_response_never_arrived_does_not_count(home: Home) -> None:
    """Its caller saw a failure, and the log says so later."""
    good = record()
    with tooltrail.Invocation("job") as call:
        call.begin("sync", {})
        call.finish(Ending(0))
        call.undelivered(1, "stdout: broken pipe")
    assert ask()[0] == good


def test_another_version_or_folder_is_another_call(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Unless any version will do; a relative path means something else in another folder."""
    old = record(version="1")
    assert ask(version="2")[0] is None
    assert ask(version="2", any_version=True)[0] == old
    assert ask(version="1")[0] == old
    monkeypatch.chdir(tmp_path)
    assert ask(version="1")[0] is None


def test_secrets_are_told_apart_by_their_fingerprints(home: Home) -> None:
    """Both read `[REDACTED]` in the log; without a fingerprint nothing matches."""
    one, other = "a1b2c3d4e5f6g7h8i9", "z1y2x3w4v5u6t7s8r9"
    first = record(params={"token": one})
    second = record(params={"token": other})
    assert ask(params={"token": one})[0] == first
    assert ask(params={"token": other})[0] == second
    assert ask(params={"token": "k1k2k3k4k5l6m7n8o9"})[0] is None
    record(params={"token": "hunter2"})
    assert ask(params={"token": "hunter2"}) == (None, [])
    assert ask(params={"token": "hunter3"}) == (None, [])
    assert ask(params={"token": "[REDACTED]"})[0] is None


@pytest.mark.parametrize("level", ["metadata", "none"])
def test_where_no_params_are_kept_nothing_is_the_same(
    home: Home, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """Two calls of which only the command is known may have done different things."""
    record(params={"a": 1})
    monkeypatch.setenv("TOOLTRAIL_LEVEL", level)
    record(params={"a": 1})
    record()
    assert ask(params={"a": 1}) == (None, [])
    assert ask() == (None, [])


def test_a_call_at_level_metadata_is_never_found(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its params look empty, and are not known."""
    monkeypatch.setenv("TOOLTRAIL_LEVEL", "metadata")
    record(params={"a": 1})
    monkeypatch.delenv("TOOLTRAIL_LEVEL")
    assert ask()[0] is None


def test_only_what_ended_within_the_time_is_found(home: Home) -> None:
    """A duration back from now, or a time; one that is none is a warning, never an exception."""
    old = record()
    assert ask(within="1h") == (old, [])
    assert ask(within="2000-01-01") == (old, [])
    assert ask(within="2999-01-01T00:00:00Z") == (None, [])
    assert ask(within="0s") == (None, [])
    found, warnings = ask(within="soon")
    assert found is None
    assert [one["code"] for one in warnings] == ["PREVIOUS_UNKNOWN"]
    assert "'soon' is not a time" in warnings[0]["message"]


def test_outside_of_a_call_or_before_its_params_are_known_there_is_none(home: Home) -> None:
    """Nothing to compare with."""
    record()
    assert tooltrail.last_success() is None
    with tooltrail.Invocation("job") as call:
        assert tooltrail.last_success() is None
        call.begin("sync", {})
        assert tooltrail.last_success() is not None


# -- where it looks


LINE: dict[str, Any] = {
    "request_id": REQUEST_ID, "trace_id": "t", "parent_request_id": None,
    "timestamp": "2026-11-22T14:00:00.000Z", "tool": "job", "command": "sync", "exit_code": 0,
    "outcome": "success", "duration_ms": 7, "signal": None, "error": None, "origin": "executed",
    "operator": "me", "params": {"n": 1}, "version": None, "recorder": "tool",
    "trace_source": "generated", "operator_source": "user", "caller": {},
}  # fmt: skip


def made_log(home: Home) -> MadeLog:
    """Return a log under construction, of the tool that asks."""
    home.log("job").parent.mkdir(parents=True)
    return MadeLog("job")


def add_call(log: MadeLog, request_id: str, **more: Any) -> None:
    """Add the end line of a call as the tests here make them."""
    process = {"pid": 1, "parent_pid": 1, "start_ticks": 1, "pid_namespace": "1", "boot_id": "x",
               "host": "h", "uid": 0, "user": "me", "executable": "/x",
               "cwd": str(Path.cwd()), "argv": []}  # fmt: skip
    log.add("end", **{**LINE, "request_id": request_id, "process": process, **more})


def id_of(number: int) -> str:
    return f"req_01M81TKXJ0T2EK26P71R{number:06d}"


@pytest.mark.parametrize("compress", [False, True])
def test_sealed_segments_are_looked_at_the_newest_first(home: Home, compress: bool) -> None:
    """Also where a reading command has compressed them."""
    log = made_log(home)
    for number in range(3):
        add_call(log, id_of(number), params={"n": 1 if number < 2 else 2})
        log.seal(compress=compress)
    log.write(home.log("job").parent)
    assert len(list(home.log("job").parent.glob("*.gz"))) == (3 if compress else 0)
    assert ask(params={"n": 1}) == (id_of(1), [])
    assert ask(params={"n": 2}) == (id_of(2), [])
    assert ask(params={"n": 1}, within="1h") == (None, [])


def test_lines_longer_than_what_is_read_at_once_are_found(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks are cut at lines, wherever the lines begin."""
    log = made_log(home)
    for number in range(40):
        add_call(log, id_of(number), params={"n": number, "text": "x" * (number * 37)})
    log.write(home.log("job").parent)
    for size in (64, 700, 1000, 4096):
        monkeypatch.setattr(module, "_BLOCK_BYTES", size)
        for number in (0, 7, 39):
            params = {"n": number, "text": "x" * (number * 37)}
            assert ask(params=params) == (id_of(number), [])


def test_damaged_and_strange_lines_are_passed_over(home: Home) -> None:
    """Nothing that stands in the log reaches the tool."""
    good = record(params={"n": 1})
    strange = [
        b"\0\xff nonsense",
        b'{"event":"end","command":"sync"',
        b'{"event":"end","command":"sync","outcome":"success"} trailing',
        b'["event":"end","command":"sync"]',
        b'{"event":"undelivered"}',
        json.dumps({"event": "end", **LINE, "process": 7, "redactions": "x"}).encode(),
        json.dumps({"event": "end", **LINE, "params": [], "process": {"cwd": []}}).encode(),
        json.dumps({"event": "end", **LINE, "redactions": [7], "process": {"cwd": str(Path.cwd())}},
                   separators=(",", ":")).encode(),
    ]  # fmt: skip
    path = home.log("job").parent / "lost.jsonl"  # written by hand: not held to the schema
    before = home.log("job").read_bytes()
    home.log("job").write_bytes(before + b"\n".join(strange) + b"\n")
    with tooltrail.Invocation("job") as call:
        call.describe("sync", {"n": 1})
        call.begun = True
        found = tooltrail.last_success()
    assert found is not None
    assert found.request_id == good
    assert call.warnings == []
    home.log("job").rename(path)


def test_a_log_that_cannot_be_read_is_a_warning(home: Home) -> None:
    """A pipe in its place makes nobody wait."""
    import os

    with tooltrail.Invocation("job") as call:
        call.begin("sync", {})
        home.log("job").unlink()
        assert tooltrail.last_success() is None  # gone: as if it had never been
        os.mkfifo(home.log("job"))
        assert tooltrail.last_success() is None
    assert [one["code"] for one in call.warnings] == ["PREVIOUS_UNKNOWN"]
    assert "not a plain file" in call.warnings[0]["message"]


def test_a_search_that_takes_too_long_is_given_up(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tool goes on without an answer, and says so; a recent call is found all the same."""
    record(params={"n": 1})
    for number in range(20):
        record(params={"n": 100 + number})
    recent = record(params={"n": 2})
    monkeypatch.setattr(module, "_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(module, "_SEARCH_NS", -1)
    assert ask(params={"n": 2}) == (recent, [])
    found, warnings = ask(params={"n": 1})
    assert found is None
    assert [one["code"] for one in warnings] == ["PREVIOUS_UNKNOWN"]


def test_a_log_of_100_mb_is_not_read_for_a_recent_call(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its end is: what is far from there is not looked at, even where it is no log at all."""
    home.log("job").parent.mkdir(parents=True)
    record(params={"n": 1})
    start = home.log("job").read_bytes()
    with open(home.log("job"), "wb") as log:
        log.truncate(100_000_000)
        log.seek(0, 2)
        log.write(b"\n" + start)
    read: list[int] = []
    original = module._last_in

    def counted(block: bytes, *more: Any) -> Any:
        read.append(len(block))
        return original(block, *more)

    monkeypatch.setattr(module, "_last_in", counted)
    with tooltrail.Invocation("job") as call:
        call.describe("sync", {"n": 1})
        call.begun = True
        assert tooltrail.last_success() is not None
    assert sum(read) <= 2 << 20
    home.log("job").unlink()
