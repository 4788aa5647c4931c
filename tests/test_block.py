"""`with tooltrail.invocation(...)`: recording without any framework."""

import asyncio
import json
import os
import threading
from typing import Any

import pytest

import tooltrail
from conftest import Home, response_in

SCRIPT = """
import os, sys, signal
import tooltrail
with tooltrail.invocation("job", "back up", {"target": "/srv", "password": "hunter2hunter2"},
                          version="2.0", envelope=%(envelope)r) as call:
    what = sys.argv[1]
    print("printed")
    if what == "exit": sys.exit(3)
    if what == "crash": raise ValueError("no")
    if what == "error": raise tooltrail.CommandError("full", code="FULL", exit_code=5, hint="free")
    if what == "interrupt": raise KeyboardInterrupt
    if what == "osexit": sys.stdout.flush(); os._exit(6)
    if what == "code": call.exit_code = 4
    if what == "term": os.kill(os.getpid(), signal.SIGTERM)
    call.data = {"saved": 3}
print("after")
"""


@pytest.mark.parametrize(
    ("what", "code", "recorded", "outcome"),
    [
        ("ok", 0, 0, "success"),
        ("exit", 3, 3, "failure"),
        ("crash", 1, 1, "crashed"),
        ("error", 1, 5, "failure"),
        ("interrupt", -2, 130, "interrupted"),
        ("osexit", 6, 6, "failure"),
        ("code", 0, 4, "failure"),
    ],
)
def test_a_block_is_recorded_on_every_way_out(
    home: Home, what: str, code: int, recorded: int, outcome: str
) -> None:
    """Begin and end are written whatever happens; exceptions pass as they are."""
    done = home.python(SCRIPT % {"envelope": False}, what)
    assert done.returncode == code
    assert done.stdout.startswith("printed\n")
    begin, end = home.lines("job")[1:]
    assert begin["params"] == {"target": "/srv", "password": "[REDACTED]"}
    assert (end["exit_code"], end["outcome"]) == (recorded, outcome)
    assert (end["command"], end["version"]) == ("back up", "2.0")


@pytest.mark.parametrize(
    ("what", "code", "error"),
    [
        ("ok", 0, None),
        ("exit", 3, "EXIT_CODE"),
        ("crash", 1, "EXCEPTION"),
        ("error", 5, "FULL"),
        ("interrupt", -2, "INTERRUPTED"),
        ("osexit", 6, "EXIT_CODE"),
        ("code", 4, "EXIT_CODE"),
        ("term", -15, "TERMINATED"),
    ],
)
def test_a_block_in_envelope_mode_answers_on_every_way_out(
    home: Home, what: str, code: int, error: str | None
) -> None:
    """One response, whatever happened in the block; its exit code is the program's."""
    done = home.python(SCRIPT % {"envelope": True}, what)
    assert done.returncode == code
    printed, _, after = done.stdout.partition("\n")
    response = response_in(printed)
    assert after == ("after\n" if what == "ok" else "")
    assert (response["error"] or {}).get("code") == error
    assert response["warnings"][0]["message"] == "printed\n"
    assert response["meta"]["request_id"] == home.end("job")["request_id"]
    if what == "ok":
        assert response["data"] == {"saved": 3}


def test_the_environment_is_as_before_after_the_block(home: Home) -> None:
    """Inside, children find the call; outside, nothing is left of it."""
    before = dict(os.environ)
    exits = (os._exit, os.execv, os.execve)
    with tooltrail.invocation("job") as call:
        assert os.environ["TOOL_TRACE_ID"] == call.trace_id
        assert os.environ["TOOL_PARENT_REQUEST_ID"] == call.request_id
        assert tooltrail.current() is call
    assert dict(os.environ) == before
    assert (os._exit, os.execv, os.execve) == exits
    assert tooltrail.current() is None


def test_blocks_inside_blocks_form_a_tree(home: Home) -> None:
    """The inner call has the outer one as parent, and shares its trace."""
    with (
        tooltrail.invocation("job", "outer") as outer,
        tooltrail.invocation("job", "inner") as inner,
    ):
        assert os.environ["TOOL_PARENT_REQUEST_ID"] == outer.request_id
    first, second = home.events("job", "end")
    assert (first["command"], second["command"]) == ("inner", "outer")
    assert first["parent_request_id"] == outer.request_id
    assert first["trace_id"] == outer.trace_id == inner.trace_id


def test_calls_in_other_threads_and_tasks_are_kept_apart(home: Home) -> None:
    """A task inside a call has it as parent; a thread that is not inside it has not."""

    async def task(name: str) -> None:
        with tooltrail.invocation("job", name):
            await asyncio.sleep(0.01)

    async def tasks() -> None:
        with tooltrail.invocation("job", "outer"):
            await asyncio.gather(task("a"), task("b"))

    def thread() -> None:
        with tooltrail.invocation("job", "thread"):
            pass

    asyncio.run(tasks())
    with tooltrail.invocation("job", "main"):
        worker = threading.Thread(target=thread)
        worker.start()
        worker.join()
    ends: dict[str, Any] = {line["command"]: line for line in home.events("job", "end")}
    assert ends["a"]["parent_request_id"] == ends["outer"]["request_id"]
    assert ends["b"]["parent_request_id"] == ends["outer"]["request_id"]
    assert ends["thread"]["parent_request_id"] is None
    assert ends["thread"]["trace_id"] != ends["main"]["trace_id"]


def test_a_forked_child_writes_no_end_for_its_parent(home: Home) -> None:
    """What a child of `fork` does on its way out is not the end of the parent's call."""
    code = """
import os, sys, multiprocessing
import tooltrail

def work():
    with tooltrail.invocation("job", "child"): pass
    sys.exit(9)

if __name__ == "__main__":
    with tooltrail.invocation("job", "parent"):
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start(); process.join()
        if os.fork() == 0: sys.exit(8)
        os.wait()
"""
    assert home.python(code).returncode == 0
    assert len(home.events("job", "end")) == 2
    ends = {line["command"]: line for line in home.events("job", "end")}
    assert sorted(ends) == ["child", "parent"]
    assert ends["child"]["parent_request_id"] == ends["parent"]["request_id"]
    assert ends["parent"]["exit_code"] == 0


def test_secrets_that_the_author_declares_are_not_written(home: Home) -> None:
    """`secrets` names params whose names alone would not tell."""
    with tooltrail.invocation("job", params={"where": "sw0rdf1sh", "to": "x"}, secrets=["where"]):
        pass
    assert "sw0rdf1sh" not in home.log("job").read_text()
    assert home.end("job")["params"] == {"where": "[REDACTED]", "to": "x"}


def test_params_of_any_type_are_recorded_as_json(home: Home) -> None:
    """What JSON lacks is written as the nearest thing that it has; iterators are left unread."""
    numbers = iter([1, 2, 3])
    with tooltrail.invocation(
        "job", params={"set": {2, 1}, "bytes": b"\xff", "nan": float("nan"), "lazy": numbers}
    ):
        assert list(numbers) == [1, 2, 3]
    params = home.end("job")["params"]
    assert (params["set"], params["bytes"], params["nan"]) == ([1, 2], "\\xff", "nan")


def test_one_stderr_line_tells_that_a_call_is_not_recorded(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once a call, not once a line of it."""
    home.log("job").mkdir(parents=True)
    with tooltrail.invocation("job") as call:
        pass
    assert capsys.readouterr().err.count("\n") == 1
    assert call.receipt is None
    assert call.warnings[0]["code"] == "NOT_RECORDED"


def test_a_tools_own_trace_variable_wins(home: Home) -> None:
    """`<TOOL>_TRACE_ID` is taken before `TOOL_TRACE_ID`, and the entry says so."""
    code = "import tooltrail\nwith tooltrail.invocation('my-job'): pass"
    home.python(code, env={"MY_JOB_TRACE_ID": "mine", "TOOL_TRACE_ID": "general"})
    end = home.end("my-job")
    assert (end["trace_id"], end["trace_source"]) == ("mine", "MY_JOB_TRACE_ID")


def test_an_id_of_one_megabyte_in_the_environment_of_the_process(home: Home) -> None:
    """No environment variable can be that long for exec, but one can be set in the process."""
    os.environ["TOOL_TRACE_ID"] = "x" * 1_000_000
    try:
        with tooltrail.invocation("job") as call:
            assert len(call.trace_id) == 256
    finally:
        del os.environ["TOOL_TRACE_ID"]
    assert home.end("job")["warnings"][0]["code"] == "ID_ESCAPED"


def test_a_traceparent_is_continued(home: Home) -> None:
    """A W3C context that came in keeps its trace id in what goes out."""
    inbound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    code = """
import os, json, tooltrail
with tooltrail.invocation("job"): print(os.environ["TRACEPARENT"])
"""
    printed = home.python(code, env={"TRACEPARENT": inbound}).stdout.strip()
    version, trace_id, span_id, flags = printed.split("-")
    assert (version, trace_id, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "00")
    assert span_id != "00f067aa0ba902b7"
    end = home.end("job")
    assert (end["trace_id"], end["trace_source"]) == (trace_id, "TRACEPARENT")
    assert end["caller"]["traceparent"] == inbound
    assert json.dumps(end)


def circle() -> list[object]:
    made: list[object] = []
    made.append(made)
    return made


def deep() -> list[object]:
    made: list[object] = []
    for _ in range(2000):
        made = [made]
    return made


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(name)


@pytest.mark.parametrize(
    "value",
    [circle(), deep(), Hostile(), {Hostile(): 1}],
    ids=["circle", "deep", "hostile", "hostile key"],
)
def test_params_that_cannot_be_written_do_not_stop_the_call(home: Home, value: object) -> None:
    """Whatever is in the params, the block runs, and is recorded."""
    ran = False
    with tooltrail.invocation("job", params={"value": value}):
        ran = True
    assert ran
    assert home.end("job")["exit_code"] == 0


def test_a_key_in_an_id_that_must_be_escaped_is_not_written(home: Home) -> None:
    """Neither the id nor the warning about it holds the key."""
    key = "ghp_" + "0123456789abcdef" * 2 + "0123"
    home.python(
        "import tooltrail\nwith tooltrail.invocation('job'): pass",
        env={"TOOL_TRACE_ID": f"x\n{key}", "TOOL_OPERATOR": key},
    )
    assert key not in home.log("job").read_text()
    assert home.end("job")["operator"] == "[REDACTED]"


def test_many_threads_may_record_at_once(home: Home) -> None:
    """Calls that come and go in threads disturb neither each other nor the environment."""
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(30):
                with tooltrail.invocation("job"):
                    pass
        except BaseException as error:
            failures.append(error)

    before = dict(os.environ)
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(home.events("job", "end")) == 180
    assert dict(os.environ) == before


def test_an_exec_that_fails_is_followed_by_the_real_end(home: Home) -> None:
    """The entry was closed for the new program; since there was none, the later end counts."""
    broken = home.path / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    file = home.path / "meta"
    file.touch()
    code = f"""
import os, tooltrail
with tooltrail.invocation("job", envelope=True) as call:
    for _ in range(2):
        try: os.execv({str(broken)!r}, ["broken"])
        except OSError: print("stray")
    call.data = 1
"""
    done = home.python(code, env={"TOOL_META_FILE": str(file)})
    response = response_in(done.stdout)
    assert (response["ok"], response["data"]) == (True, 1)
    assert response["warnings"][0]["message"] == "stray\nstray\n"
    entries = home.tooltrail("log", "--output", "jsonl").stdout.splitlines()
    assert [json.loads(line)["outcome"] for line in entries] == ["success"]
    last = json.loads(file.read_text().splitlines()[-1])
    assert last["receipt"] == response["meta"]["receipt"]
