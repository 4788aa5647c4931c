"""What holds for every framework inside one process: test runners, and a hundred calls."""

import textwrap

import pytest

from conftest import PYTHON, Home
from frameworks.tool import APPS, DISTINCT, Done, environment, finished, module_of

_CALL = {  # runs one command line, as the framework's own test runner or a caller in Python does
    "click": """
        from click.testing import CliRunner
        def call(*arguments):
            done = CliRunner().invoke(app.cli, list(arguments))
            return done.exit_code, done.stdout, done.stderr""",
    "typer": """
        from typer.testing import CliRunner
        def call(*arguments):
            done = CliRunner().invoke(app.app, list(arguments))
            return done.exit_code, done.stdout, done.stderr""",
    "cyclopts": "def call(*arguments): return captured(lambda: app.app(list(arguments)))",
    "argparse": "def call(*arguments): return captured(lambda: app.main(list(arguments)))",
    "optparse": "def call(*arguments): return captured(lambda: app.main(list(arguments)))",
    "fire": "def call(*arguments): return captured(lambda: app.main(list(arguments)))",
    "program": """
        def call(*arguments):
            sys.argv[1:] = arguments
            return captured(app.main)""",
}
_HEAD = """
import contextlib, gc, io, os, signal, sys
import {module} as app

def captured(run):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run() and 0
        except SystemExit as error:
            code = error.code
        except Exception as error:
            code = repr(error)
    return code, out.getvalue(), err.getvalue()

def state():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    streams = sys.stdout, sys.stderr, sys.__stdout__, sys.exit, sys.excepthook, sys.unraisablehook
    files = sorted(os.listdir("/proc/self/fd"))
    hooked = os._exit, os.execv, os.execve, os.fork, handlers, streams, files
    return {{**os.environ, **dict(enumerate(hooked))}}

def change(before):
    return [pair for pair in zip(before.items(), state().items()) if pair[0] != pair[1]]

def kept():
    gc.collect()
    ours = ("Invocation", "ClickCall", "CycloptsCall", "ProgramCall", "ParsingCall", "Answer")
    return [each for each in gc.get_objects() if type(each).__name__ in ours]
"""


def in_process(home: Home, framework: str, mode: str, code: str) -> Done:
    """Run code that has `call(*arguments)`, `state()` and `kept()`."""
    head = _HEAD.format(module=module_of(framework))
    text = "\n".join([head, textwrap.dedent(_CALL[framework]), textwrap.dedent(code)])
    env = environment(home, framework, mode, PYTHONPATH=str(APPS))
    done = finished([PYTHON, "-c", text], env)
    assert done.returncode == 0, done.stderr.decode()
    return done


_LINES = """
for line in ("deploy prod", "give text", "leave 7", "leave text", "crash", "deploy prod --nope",
             "--help"):
    print(line, call(*line.split()))
"""


@pytest.mark.parametrize("framework", DISTINCT)
def test_a_test_runner_is_given_the_same(home: Home, framework: str) -> None:
    """Exit codes, output and exceptions of an observed tool are what its author's tests expect."""
    wanted, done = [in_process(home, framework, mode, _LINES) for mode in ("bare", "observe")]
    assert done.stdout.decode() == wanted.stdout.decode()
    assert done.stderr == wanted.stderr
    ends = home.events("spec", "end")
    assert [end["outcome"] for end in ends[:5]] == [
        "success", "success", "failure", "failure", "crashed",
    ]  # fmt: skip
    assert len(ends) == 7


@pytest.mark.parametrize("framework", DISTINCT)
def test_a_hundred_calls_in_one_process(home: Home, framework: str) -> None:
    """Output as ever, an entry each, and nothing is left behind: no variable, hook or object."""
    in_process(
        home,
        framework,
        "observe",
        """
        first, before = call("deploy", "prod"), state()
        assert "deploying to prod" in first[1], first
        assert all(call("deploy", "prod") == first for _ in range(95))
        call("leave", "7")
        assert not change(before), change(before)
        hook = sys.excepthook
        for _ in range(3):
            call("crash")
        # A traceback that is still to be printed is cleaned by a hook: one, however many crash.
        sys.excepthook = getattr(sys.excepthook, "previous", sys.excepthook)
        assert sys.excepthook is hook
        assert not change(before), change(before)
        assert not kept(), kept()
        """,
    )
    ends = home.events("spec", "end")
    assert len(ends) == len({end["request_id"] for end in ends}) == 100
    assert len({end["trace_id"] for end in ends}) == 100, "each is a trace of its own"
    assert len({begin["request_id"] for begin in home.events("spec", "begin")}) == 100
    assert [end["outcome"] for end in ends] == ["success"] * 96 + ["failure"] + ["crashed"] * 3


@pytest.mark.parametrize("framework", DISTINCT)
def test_many_responses_in_one_process(home: Home, framework: str) -> None:
    """In a test runner, too, each call is answered once, by a response on its stdout."""
    in_process(
        home,
        framework,
        "envelope",
        """
        import json
        call("deploy", "prod")
        before, ids = state(), set()
        for number in range(20):
            code, out, err = call("deploy", "prod")
            response = json.loads(out)
            assert (code or 0, response["data"]) == (0, {"env": "prod", "replicas": 3}), out
            ids.add(response["meta"]["request_id"])
        code, out, err = call("leave", "7")
        assert code == 7 and json.loads(out)["ok"] is False
        assert len(ids) == 20
        assert not change(before), change(before)
        assert not kept(), kept()
        """,
    )
    assert len(home.events("spec", "end")) == 22
