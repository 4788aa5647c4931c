"""Traces for the tests of what exports them: one that real programs made, one that is fixed."""

import json
import subprocess
import time
from typing import Any

from hypothesis import strategies as st

from conftest import PYTHON, TOOLTRAIL, Home
from strategies import json_values, wild_text
from tooltrail.query.options import Query
from tooltrail.query.search import Search
from tooltrail.reconstruct import Trace, rebuild

TOOL = """
import os, subprocess, sys, time, tooltrail

run = [sys.argv[1], "run", "--"]
with tooltrail.invocation("job", command="build", params={"env": "test", "token": "s3cr3t-t0ken"}):
    with tooltrail.step("fetch", attempts=2):
        with tooltrail.step("unpack"): time.sleep(0.02)
        subprocess.run([*run, "sh", "-c", "exit 0"])
    try:
        with tooltrail.step("check"): raise OSError("no such thing")
    except OSError: pass
    beside = [subprocess.Popen([*run, "sleep", "0.6"]), subprocess.Popen([*run, "sleep", "0.7"])]
    for each in beside: each.wait()
    subprocess.run([*run, "sh", "-c", "kill -9 $$"])
    print(os.environ.get("TRACEPARENT"))
    sys.exit(3)
"""


def trace_of(trace_id: str) -> Trace:
    """Return a trace that was recorded here."""
    return rebuild(trace_id, Search(Query(trace_id=trace_id)))


def record_many(home: Home, trace_id: str, count: int) -> None:
    """Record a call, and write down `count` in all that are like it."""
    home.tooltrail("run", "--trace-id", trace_id, "--", "true")
    log = home.log("tooltrail")
    end = json.loads(log.read_text().splitlines()[-1])
    with log.open("a") as file:
        for number in range(1, count):
            end["request_id"] = f"req_{number:026d}"
            file.write(json.dumps(end, separators=(",", ":")) + "\n")


def recorded(home: Home, trace_id: str = "agent-7", **env: str) -> Trace:
    """Run a tool with steps under `tooltrail run`; it runs others in turn, at once, and in vain."""
    script = home.path / "job"
    script.write_text(f"#!{PYTHON}\n{TOOL}")
    script.chmod(0o755)
    env = {"TOOL_TRACE_ID": trace_id, **env}
    done = home.tooltrail("run", "--", str(script), TOOLTRAIL, env=env)
    assert done.returncode == 3, done.stderr
    return trace_of(trace_id)


def still_running(home: Home, trace_id: str = "open-1") -> "tuple[Trace, subprocess.Popen[str]]":
    """Return a trace with a call that has not ended, and the call; who asks has to end it."""
    process = subprocess.Popen(
        [TOOLTRAIL, "run", "--", "sh", "-c", "echo up; exec sleep 60"],
        env=home.environment(TOOL_TRACE_ID=trace_id),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return trace_of(trace_id), process


NOON = 1_795_435_200_000  # ms


def stamp(ms: int) -> str:
    """Return so many ms after noon as the log writes it."""
    seconds, rest = divmod(NOON + ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"


def entry(name: str, start: int, took: int | None, **more: Any) -> dict[str, Any]:
    """Return an entry of a call of `name`: its start in ms after noon, its duration in ms."""
    return {
        "request_id": name,
        "trace_id": "fixed",
        "timestamp": stamp(start),
        "logged_at": stamp(start + (took or 0) + 1),
        "tool": name.rstrip("0123456789"),
        "command": "go",
        "operator": "agent-7",
        "params": {"n": name},
        "recorder": "tool",
        "outcome": "success",
        "exit_code": 0,
        "duration_ms": took,
        "process": {"host": "here", "boot_id": "boot-1", "pid": 7},
        **more,
    }


def fixed() -> Trace:
    """Return a trace with one of each: steps, requests, a wrapper, another host, a retry, …"""
    there = {"host": "there", "boot_id": "boot-2", "pid": 9}
    lost = {"outcome": "vanished", "exit_code": None}
    failed = {"outcome": "failure", "exit_code": 3, "error": {"code": "E_NET", "message": "down"}}
    steps = [
        {"name": "fetch", "offset_ms": 100, "duration_ms": 300, "outcome": "success"},
        {
            **{"name": "check", "offset_ms": 120, "duration_ms": 30, "outcome": "failure"},
            **{"parent": 0, "error": {"code": "EXCEPTION", "message": "no", "type": "OSError"}},
            "fields": {"tries": 2, "where": "größe"},
        },
    ]
    requests = [
        {
            **{"method": "GET", "host": "api.test", "status": 503, "offset_ms": 130},
            **{"duration_ms": 10, "request_ids": {"x-request-id": "abc"}},
        }
    ]
    trace = rebuild(
        "fixed",
        [
            entry(
                *("job1", 50, 2000),
                **{"steps": steps, "downstream": requests, "parent_request_id": "run1"},
                **{"version": "1.2.3", "warnings": [{"code": "DATA_CUT", "message": "long"}]},
                params={"env": "test", "token": "[REDACTED]", "deep": {"a": [1]}},
                redactions=[{"where": "params.token", "rule": "name"}],
            ),
            entry(
                *("run1", 0, 2100),
                **{"tool": "job", "recorder": "wrapper", "child": {"pid": 7}, "command": None},
                params={"argv": ["job", "build"]},
                caller={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            ),
            entry("first1", 300, 90, parent_request_id="job1", **failed),
            entry(*("first2", 500, 400), parent_request_id="job1", attempt=2, retry_of="first1"),
            entry("beside1", 600, 400, parent_request_id="job1"),
            entry("far1", -89_300, 100, parent_request_id="job1", process=there),
            entry("lost1", 1200, None, parent_request_id="job1", **lost),
            entry("left1", 1300, 10, parent_request_id="gone1"),
        ],
    )
    trace.gaps = [("NOT_RECORDED_INSIDE", "what happened inside is not known")]
    return trace


_ANY = st.one_of(json_values, wild_text, st.integers(), st.just({}), st.just([]))
_MS = st.one_of(st.integers(0, 3_000), st.integers(), st.none(), st.just(10**30), _ANY)
_NAME = st.one_of(st.sampled_from(["a", "b", "c", "d", "e", "f"]), _ANY)
_WHEN = st.one_of(
    st.integers(0, 5_000).map(stamp),
    st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "x", "2026-11-22"]),
    _ANY,
)


def _some(**fields: Any) -> Any:
    return st.one_of(st.fixed_dictionaries({}, optional=fields), _ANY)


_STEP = _some(
    **{"name": _NAME, "offset_ms": _MS, "duration_ms": _MS, "outcome": _NAME, "fields": _ANY},
    **{"error": _some(code=_NAME, message=_NAME, type=_NAME), "parent": st.integers(-1, 5)},
)
_REQUEST = _some(
    **{"method": _NAME, "host": _NAME, "offset_ms": _MS, "duration_ms": _MS, "error": _NAME},
    **{"status": st.one_of(st.integers(), _ANY), "path_sha256": _NAME, "request_ids": _ANY},
)
_OUTCOMES = st.sampled_from(["success", "failure", "running", "vanished", "unknown", "odd"])
_RECORDERS = st.sampled_from(["tool", "wrapper", "caller", "hook", "import", "odd"])
_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
JUNK = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            **{"request_id": _NAME, "parent_request_id": _NAME, "trace_id": _NAME},
            **{"timestamp": _WHEN, "logged_at": _WHEN, "duration_ms": _MS, "tool": _NAME},
            **{"command": _NAME, "operator": _NAME, "params": _some(argv=_ANY), "error": _ANY},
            **{"exit_code": _MS, "outcome": _OUTCOMES, "recorder": _RECORDERS, "signal": _NAME},
            **{"steps": st.one_of(st.lists(_STEP, max_size=5), _ANY)},
            **{"downstream": st.one_of(st.lists(_REQUEST, max_size=3), _ANY)},
            **{"child": _some(pid=_MS, request_id=_NAME), "origin_request_id": _NAME},
            **{"process": _some(host=_NAME, pid=_MS, argv=_ANY, executable=_NAME, boot_id=_NAME)},
            **{"caller": _some(traceparent=st.one_of(st.just(_PARENT), _NAME), agent=_NAME)},
            **{"attempt": _MS, "retry_of": _NAME, "warnings": _ANY, "redactions": _ANY},
        },
    ),
    max_size=8,
)
