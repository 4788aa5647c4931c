"""Processes that a call starts: each finds the call that started it, at whatever depth."""

import os
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, Home, needs
from tooltrail.context import w3c_span_id

# What each way to start a program is, as the body of a function `start(name)` of a tool. `child`
# is a script that records one call named by its argument.
WAYS = {
    "subprocess.run": "subprocess.run([sys.executable, child, name], check=True)",
    "subprocess.Popen": "assert subprocess.Popen([sys.executable, child, name]).wait() == 0",
    "subprocess shell": "subprocess.run(f'{sys.executable} {child} {name}; true', shell=True)",
    "subprocess without close_fds": (  # by posix_spawn
        "subprocess.run([sys.executable, child, name], close_fds=False, restore_signals=False)"
    ),
    "subprocess with env": (
        "subprocess.run([sys.executable, child, name], env={**os.environ, 'A': 'b'}, check=True)"
    ),
    "os.popen": "os.popen(f'{sys.executable} {child} {name}').close()",
    "os.posix_spawn": (
        "os.waitpid(os.posix_spawn(sys.executable, [sys.executable, child, name], os.environ), 0)"
    ),
    "os.spawnv": "os.spawnv(os.P_WAIT, sys.executable, [sys.executable, child, name])",
    "os.fork and exec": (
        "pid = os.fork()\n"
        "    if pid == 0: os.execv(sys.executable, [sys.executable, child, name])\n"
        "    os.waitpid(pid, 0)"
    ),
    "pty.spawn": "import pty; pty.spawn([sys.executable, child, name])",
    "asyncio": "asyncio.run(by_asyncio(name))",
    "multiprocessing fork": "by_multiprocessing('fork', name)",
    "multiprocessing spawn": "by_multiprocessing('spawn', name)",
    "process pool": "by_pool('spawn', name)",
    "process pool fork": "by_pool('fork', name)",
    "sh": "subprocess.run(['sh', '-c', f'sh -c \"{sys.executable} {child} {name}\"; true'])",
    "env": "subprocess.run(['env', 'B=c', sys.executable, child, name])",
}
# These cannot be told the inner call: they belong to the outermost one.
OUTERMOST = {
    "os.system": "os.system(f'{sys.executable} {child} {name}')",
    "multiprocessing forkserver": "by_multiprocessing('forkserver', name)",
}

TOOL = """
import asyncio, concurrent.futures, multiprocessing, os, subprocess, sys
import tooltrail

child = {child!r}

def record(name):
    with tooltrail.invocation("child", name): pass

def by_multiprocessing(method, name):
    process = multiprocessing.get_context(method).Process(target=record, args=(name,))
    process.start(); process.join()
    assert process.exitcode == 0, process.exitcode

def by_pool(method, name):
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        pool.submit(record, name).result()

async def by_asyncio(name):
    process = await asyncio.create_subprocess_exec(sys.executable, child, name)
    assert await process.wait() == 0

def start(name):
    {way}

def main():
    with tooltrail.invocation("tool", "outer"):
        start("first")
        with tooltrail.invocation("tool", "inner"):
            start("second")
            with tooltrail.invocation("tool", "innermost"):
                start("third")
        start("fourth")

if __name__ == "__main__":
    main()
"""
CHILD = """
import sys, tooltrail
with tooltrail.invocation("child", sys.argv[1]): pass
"""


def run_tool(home: Home, way: str, code: str = TOOL) -> dict[str, dict[str, Any]]:
    """Run the tool that starts its children in this way; return all ends by command."""
    child = home.path / "child.py"
    child.write_text(CHILD)
    done = home.python(code.replace("{child!r}", repr(str(child))).replace("{way}", way))
    assert (done.returncode, done.stderr) == (0, "")
    return ends(home)


def ends(home: Home) -> dict[str, dict[str, Any]]:
    """Return every end line of both tools, by command."""
    return {
        line["command"]: line for tool in ("tool", "child") for line in home.events(tool, "end")
    }


@pytest.mark.parametrize("way", [*WAYS, *OUTERMOST])
def test_a_child_has_the_call_that_started_it_as_parent(home: Home, way: str) -> None:
    """Whichever of nested calls that is, and by whatever means; all are of one trace."""
    found = run_tool(home, WAYS.get(way) or OUTERMOST[way])
    assert set(found) == {"outer", "inner", "innermost", "first", "second", "third", "fourth"}
    parents = {"first": "outer", "second": "inner", "third": "innermost", "fourth": "outer"}
    for name, parent in parents.items():
        expected = "outer" if way in OUTERMOST else parent
        assert found[name]["parent_request_id"] == found[expected]["request_id"], (way, name)
    assert len({end["trace_id"] for end in found.values()}) == 1


def test_the_call_within_which_a_forkserver_was_started_is_its_childrens(home: Home) -> None:
    """The server has the environment that it was started with, and hands on that."""
    code = TOOL.replace('        start("first")\n', "")
    found = run_tool(home, "by_multiprocessing('forkserver', name)", code)
    for name in ("second", "third", "fourth"):
        assert found[name]["parent_request_id"] == found["inner"]["request_id"]


@needs("make")
def test_children_at_any_depth_form_a_tree(home: Home) -> None:
    """Through make and sh, and a recorded child that starts one of its own."""
    child = home.path / "child.py"
    child.write_text(
        CHILD.replace(": pass", ":\n    if sys.argv[2:]: "
        "import subprocess; subprocess.run([sys.executable, *sys.argv[:1], *sys.argv[2:]])")
    )  # fmt: skip
    makefile = home.path / "Makefile"
    makefile.write_text(f"all:\n\t@sh -c '{PYTHON} {child} a b c; {PYTHON} {child} d'\n")
    done = home.python(
        "import subprocess, tooltrail\n"
        "with tooltrail.invocation('tool', 'outer'), tooltrail.invocation('tool', 'inner'):\n"
        f"    subprocess.run(['make', '-f', {str(makefile)!r}], check=True)\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = ends(home)
    parents = {"inner": "outer", "a": "inner", "b": "a", "c": "b", "d": "inner"}
    for name, parent in parents.items():
        assert found[name]["parent_request_id"] == found[parent]["request_id"], name


CONCURRENT = """
import asyncio, contextvars, subprocess, sys, threading, tooltrail

child = {child!r}
barrier = threading.Barrier(3)

def in_thread(name):
    with tooltrail.invocation("tool", name):
        barrier.wait()
        subprocess.run([sys.executable, child, name + "/child"], check=True)
        barrier.wait()

async def in_task(name):
    with tooltrail.invocation("tool", name):
        await asyncio.sleep(0.01)
        process = await asyncio.create_subprocess_exec(sys.executable, child, name + "/child")
        await process.wait()

async def tasks():
    await asyncio.gather(*(in_task(f"task{n}") for n in range(3)))

threads = [threading.Thread(target=in_thread, args=(f"thread{n}",)) for n in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
asyncio.run(tasks())
"""


def test_children_of_concurrent_calls_are_kept_apart(home: Home) -> None:
    """Calls in threads and in tasks that are each other's nothing: so are their children."""
    found = run_tool(home, "", CONCURRENT)
    assert len(found) == 12
    for name in (f"{kind}{n}" for kind in ("thread", "task") for n in range(3)):
        call, child = found[name], found[f"{name}/child"]
        assert child["parent_request_id"] == call["request_id"]
        assert child["trace_id"] == call["trace_id"]
    assert len({end["trace_id"] for end in found.values()}) == 6


def test_a_child_of_a_thread_without_context_is_the_outermost_calls(home: Home) -> None:
    """Nobody can know which call such a thread works for; the environment is the outermost's."""
    code = TOOL.replace("import tooltrail\n", "import contextvars, threading, tooltrail\n")
    way = (
        "worker = threading.Thread(target=contextvars.Context().run,"
        " args=(subprocess.run, [sys.executable, child, name]))\n    worker.start(); worker.join()"
    )
    found = run_tool(home, way, code)
    for name in ("first", "second", "third", "fourth"):
        assert found[name]["parent_request_id"] == found["outer"]["request_id"]


SHOW = (
    "import os\\n"
    "for name in ('TOOL_TRACE_ID', 'TOOL_PARENT_REQUEST_ID', 'TRACEPARENT', 'A', 'KEPT'):"
    " print(name, ascii(os.environ.get(name)))"
)
ENVIRONMENTS = """
import os, subprocess, sys, tooltrail
show = "{show}"
os.environ["KEPT"] = os.fsdecode(b"\\xff kept")
with tooltrail.invocation("tool", "outer") as outer:
    with tooltrail.invocation("tool", "inner") as inner:
        os.environ["TOOL_TRACE_ID"] = "changed"
        {way}
        print(inner.request_id)
"""


def shown(home: Home, way: str) -> tuple[dict[str, str], str]:
    """Return the variables that a child of the inner call had, and the inner call's id."""
    done = home.python(ENVIRONMENTS.replace("{show}", SHOW).replace("{way}", way))
    assert (done.returncode, done.stderr) == (0, "")
    *lines, inner = done.stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines), inner


RUNS = {
    "fork_exec": "subprocess.run([sys.executable, '-c', show]{env}, check=True)",
    "posix_spawn": (
        "subprocess.run([sys.executable, '-c', show]{env}, check=True, close_fds=False,"
        " restore_signals=False)"
    ),
}


@pytest.mark.parametrize("how", RUNS)
def test_what_the_tool_has_set_itself_stays(home: Home, how: str) -> None:
    """Of our variables only those are replaced that hold the outermost call's values."""
    seen, inner = shown(home, RUNS[how].replace("{env}", ""))
    assert seen["TOOL_TRACE_ID"] == "'changed'"
    assert seen["TOOL_PARENT_REQUEST_ID"] == repr(inner)
    assert seen["KEPT"] == r"'\udcff kept'"

    given = ", env={'A': 'b', 'TOOL_PARENT_REQUEST_ID': 'req_mine', 'TRACEPARENT': "
    given += "os.environ['TRACEPARENT']}"
    seen, inner = shown(home, RUNS[how].replace("{env}", given))
    assert (seen["A"], seen["TOOL_PARENT_REQUEST_ID"]) == ("'b'", "'req_mine'")
    assert (seen["TOOL_TRACE_ID"], seen["KEPT"]) == ("None", "None")
    (call,) = (end for end in home.events("tool", "end") if end["request_id"] == inner)
    expected = w3c_span_id(inner)
    assert seen["TRACEPARENT"].strip("'").split("-")[2] == expected
    assert call["command"] == "inner"


@pytest.mark.parametrize("how", RUNS)
def test_an_empty_environment_stays_empty(home: Home, how: str) -> None:
    """A child that is to know nothing of its caller knows nothing."""
    seen, _ = shown(home, RUNS[how].replace("{env}", ", env={}"))
    assert set(seen.values()) == {"None"}


def test_a_program_that_is_not_there_fails_as_it_does_without_us(home: Home) -> None:
    """The same error, the same text; and afterwards Python's own functions are in place."""
    code = """
import os, subprocess, _posixsubprocess, tooltrail
before = (subprocess._fork_exec, _posixsubprocess.fork_exec, os.posix_spawn, os.posix_spawnp)

def fail():
    for options in ({}, {"close_fds": False, "restore_signals": False}):
        try: subprocess.run(["/no/such/program"], **options)
        except FileNotFoundError as error: print(error)

fail()
with tooltrail.invocation("tool", "outer"), tooltrail.invocation("tool", "inner"):
    fail()
    assert subprocess._fork_exec is not before[0]
after = (subprocess._fork_exec, _posixsubprocess.fork_exec, os.posix_spawn, os.posix_spawnp)
assert after == before
with tooltrail.invocation("tool", "outer"), tooltrail.invocation("tool", "again"): fail()
"""
    done = home.python(code)
    assert done.stderr == ""
    assert done.stdout == "[Errno 2] No such file or directory: '/no/such/program'\n" * 6


def test_subprocess_that_is_imported_inside_an_inner_call_works_ever_after(home: Home) -> None:
    """It takes our function for Python's own, and keeps it: in later calls, and outside of any."""
    child = home.path / "child.py"
    child.write_text(CHILD)
    done = home.python(f"""
import sys, tooltrail
assert "subprocess" not in sys.modules
def start(name): subprocess.run([sys.executable, {str(child)!r}, name], check=True)
with tooltrail.invocation("tool", "outer"):
    with tooltrail.invocation("tool", "inner"):
        import subprocess
        start("a")
    start("b")
start("c")
with tooltrail.invocation("tool", "outer2"):
    with tooltrail.invocation("tool", "inner2"): start("d")
""")
    assert (done.returncode, done.stderr) == (0, "")
    found = ends(home)
    for name, parent in {"a": "inner", "b": "outer", "d": "inner2"}.items():
        assert found[name]["parent_request_id"] == found[parent]["request_id"]
    assert found["c"]["parent_request_id"] is None


def test_a_call_that_is_alone_knows_nothing_of_this(home: Home) -> None:
    """The module is loaded when the first inner call begins, and not before."""
    code = """
import os, sys, tooltrail
spawn = os.posix_spawn
for _ in range(2):
    with tooltrail.invocation("tool"): assert os.posix_spawn is spawn
assert "tooltrail._children" not in sys.modules
with tooltrail.invocation("tool"), tooltrail.invocation("tool"): assert os.posix_spawn is not spawn
assert os.posix_spawn is spawn
"""
    assert home.python(code).stderr == ""


def test_a_forked_child_of_an_inner_call_finds_it_by_its_environment(home: Home) -> None:
    """And the parent's own environment stays the outermost call's."""
    with (
        tooltrail.invocation("tool", "outer") as outer,
        tooltrail.invocation("tool", "inner") as inner,
    ):
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(writing, os.environ["TOOL_PARENT_REQUEST_ID"].encode())
            os._exit(0)
        os.waitpid(pid, 0)
        os.close(writing)
        with os.fdopen(reading) as told:
            assert told.read() == inner.request_id
        assert os.environ["TOOL_PARENT_REQUEST_ID"] == outer.request_id
    assert "TOOL_PARENT_REQUEST_ID" not in os.environ


def test_the_tools_own_hooks_are_left_in_place(home: Home) -> None:
    """Who wraps `os.posix_spawn` while an inner call runs finds it wrapped as it was left."""
    code = """
import os, sys, tooltrail
with tooltrail.invocation("tool"), tooltrail.invocation("tool"):
    theirs = os.posix_spawn
    def mine(*given): return theirs(*given)
    os.posix_spawn = mine
assert os.posix_spawn is mine
os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
with tooltrail.invocation("tool"), tooltrail.invocation("tool"):
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
assert os.posix_spawn is mine
"""
    assert home.python(code).stderr == ""
