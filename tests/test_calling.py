"""`tooltrail.run`: the call is made, its result is whole, and the caller's half is recorded."""

import hashlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import PYTHON, Home
from tooltrail.errors import UsageError

OWN = "tooltrail"

RECORDED_TOOL = """
import sys, tooltrail
with tooltrail.invocation("deployctl", "deploy", {"env": "staging"}, version="1.2.3") as call:
    print("deployed")
    call.exit_code = int(sys.argv[1])
sys.exit(int(sys.argv[1]))
"""
ANSWERING_TOOL = """
import tooltrail
with tooltrail.invocation("deployctl", "deploy", envelope=True) as call:
    call.data = {"effect": "deployed"}
"""


def script(home: Home, code: str) -> list[str]:
    """Write a Python program; return the command that runs it."""
    path = home.path / f"tool-{hashlib.sha256(code.encode()).hexdigest()[:8]}.py"
    path.write_text(code)
    return [PYTHON, str(path)]


def shell(line: str) -> list[str]:
    return ["sh", "-c", line]


def test_the_result_says_all_of_a_call(home: Home) -> None:
    """Exit code, output, digests, ids and times; the same stands in the log."""
    result = tooltrail.run(shell("echo out; echo err >&2; exit 3"), operation="deploy")
    assert (result.exit_code, result.ok, result.outcome) == (3, False, "failure")
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert result.json is None
    assert result.meta == {}
    assert result.tool_ms is None
    assert result.request_id == result.caller_request_id
    assert result.error == {"code": "EXIT_CODE", "message": "exit code 3"}
    end = home.end(OWN)
    assert (end["recorder"], end["tool"], end["command"]) == ("caller", "sh", "deploy")
    assert end["params"] == {"argv": shell("echo out; echo err >&2; exit 3")}
    assert end["request_id"] == result.caller_request_id
    assert end["trace_id"] == result.trace_id
    assert end["exit_code"] == 3
    assert end["process"]["pid"] == os.getpid()
    assert 0 <= result.agent_ms <= end["duration_ms"]
    digest = "sha256:" + hashlib.sha256(b"out\n").hexdigest()
    assert end["output"]["stdout"] == {"bytes": 4, "sha256": digest}
    assert result.out.sha256 == digest
    receipt = result.caller_receipt
    assert receipt is not None
    assert receipt["seq"] == end["seq"]
    assert home.events(OWN, "begin")[0]["request_id"] == end["request_id"]


def test_nothing_of_a_call_shows_in_this_process(home: Home) -> None:
    """The environment is the same during the call, and no call counts as current."""
    before = dict(os.environ)
    seen: list[Any] = []

    def look() -> None:
        while not done.wait(0.01):
            seen.append((dict(os.environ) == before, tooltrail.current()))

    done = threading.Event()
    watcher = threading.Thread(target=look)
    watcher.start()
    tooltrail.run(["sleep", "0.2"])
    done.set()
    watcher.join()
    assert seen
    assert set(seen) == {(True, None)}


def test_a_tool_that_answers_in_the_envelope_tells_its_own_ids(home: Home) -> None:
    """`request_id`, `tool_ms` and the receipt are the tool's; the two records name each other."""
    result = tooltrail.run(script(home, ANSWERING_TOOL))
    assert result.json["data"] == {"effect": "deployed"}
    end = home.end("deployctl")
    assert result.request_id == end["request_id"] != result.caller_request_id
    assert result.meta["command"] == "deploy"
    assert result.tool_ms == result.json["meta"]["duration_ms"]
    assert result.receipt == result.json["meta"]["receipt"]
    assert end["parent_request_id"] == result.caller_request_id
    child = home.end(OWN)["child"]
    assert child["request_id"] == result.request_id
    assert child["receipt"] == result.receipt
    assert child["duration_ms"] == result.tool_ms


def test_a_tool_that_prints_text_tells_its_ids_through_the_meta_file(home: Home) -> None:
    """Observe mode: stdout stays text, `meta` and the receipt come all the same."""
    result = tooltrail.run([*script(home, RECORDED_TOOL), "4"])
    assert result.stdout == "deployed\n"
    assert result.json is None
    end = home.end("deployctl")
    assert result.request_id == end["request_id"]
    assert result.receipt is not None
    assert result.receipt["seq"] == end["seq"]
    assert result.exit_code == 4
    assert home.end(OWN)["child"]["request_id"] == end["request_id"]


def test_the_meta_file_is_gone_afterwards(home: Home, tmp_path: Path) -> None:
    """It lives in TMPDIR for the call, 0600, and leaves nothing behind."""
    folder = tmp_path / "other"
    folder.mkdir()
    line = "stat -c %a $TOOL_META_FILE; ls $TMPDIR | wc -l"
    result = tooltrail.run(shell(line), env={**os.environ, "TMPDIR": str(folder)})
    assert result.stdout.split() == ["600", "1"]
    assert list(folder.iterdir()) == []


def test_without_a_place_for_the_meta_file_the_call_is_made(home: Home) -> None:
    """A TMPDIR that is not there costs the tool's ids, and nothing else."""
    env = {**os.environ, "TMPDIR": str(home.path / "missing")}
    result = tooltrail.run([*script(home, RECORDED_TOOL), "0"], env=env)
    assert result.ok
    assert result.meta == {}


def test_a_command_of_several_calls_has_no_id_of_its_own(home: Home) -> None:
    """None of them stands for the command."""
    tool = " ".join(script(home, RECORDED_TOOL))
    result = tooltrail.run(shell(f"{tool} 0 && {tool} 0"))
    assert result.request_id == result.caller_request_id
    assert "request_id" not in home.end(OWN)["child"]
    assert len(home.events("deployctl", "end")) == 2


@pytest.mark.parametrize(
    ("printed", "parsed"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff{"a": 1}\n', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ('{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        ("12", 12),
        ("", None),
        ("{not json", None),
        ("hello", None),
        ("[" * 100_000, None),
        ('{"a": 1} trailing', None),
    ],
    ids=["object", "bom", "list", "lines", "number", "nothing", "broken", "text", "deep", "more"],
)
def test_json_is_what_there_is_of_it(home: Home, printed: str, parsed: Any) -> None:
    """A document, a list of lines, or None; never an exception."""
    file = home.path / "printed"
    file.write_text(printed)
    assert tooltrail.run(["cat", str(file)]).json == parsed


@pytest.mark.parametrize(
    "meta",
    ["7", "null", "[]", '"x"', '{"request_id": 7}', '{"request_id": "", "duration_ms": "soon"}'],
)
def test_a_meta_that_is_none_is_none(home: Home, meta: str) -> None:
    """A tool's JSON may have a `meta` of any kind."""
    result = tooltrail.run(["printf", "%s", f'{{"ok": true, "meta": {meta}}}'])
    assert result.meta == {}
    assert result.tool_ms is None
    assert result.request_id == result.caller_request_id
    assert set(home.end(OWN)["child"]) == {"pid"}


@pytest.mark.parametrize(
    "meta",
    [
        {"request_id": "a b"},
        {"request_id": "x" * 300},
        {"request_id": "ghp_" + "a1B2" * 9},
        {"request_id": "r1", "receipt": {"log": "x", "seq": -1, "hash": "no"}},
        {"request_id": "r1", "duration_ms": True, "receipt": 5},
        {"request_id": "r1", "duration_ms": -5, "receipt": {"seq": 1}},
        {"request_id": "r1", "duration_ms": 1e300},
    ],
    ids=["spaces", "long", "secret", "receipt", "kinds", "negative", "endless"],
)
def test_what_a_tool_says_is_kept_only_where_it_can_be_so(home: Home, meta: Any) -> None:
    """Ids, receipts and times from outside are checked before they are written."""
    result = tooltrail.run(["printf", "%s", json.dumps({"meta": meta})])
    child = home.end(OWN)["child"]
    assert child.get("request_id") in (None, "r1")
    assert "receipt" not in child
    assert "duration_ms" not in child
    assert result.meta["request_id"] == meta["request_id"]
    assert b"ghp_" not in home.log(OWN).read_bytes()


def test_input_of_any_size_does_not_deadlock(home: Home) -> None:
    """A command that echoes what it reads gets 5 MB in and out at once."""
    text = "0123456789" * 500_000
    result = tooltrail.run(["cat"], input=text)
    assert result.stdout == text
    assert tooltrail.run(["true"], input=text).ok  # which reads none of it
    assert tooltrail.run(["cat"], input=b"\xff\0\xfe").out.content == b"\xff\0\xfe"


def test_stdin_is_empty_unless_it_is_given(home: Home, tmp_path: Path) -> None:
    """A command that asks gets the end of its input, not the agent's own stdin."""
    assert tooltrail.run(["cat"]).stdout == ""
    file = tmp_path / "in"
    file.write_text("given")
    with file.open() as stdin:
        assert tooltrail.run(["cat"], stdin=stdin).stdout == "given"


def test_output_is_kept_to_a_cap_with_its_size_and_digest(home: Home) -> None:
    """The first and the last half stay; size and digest are of the whole."""
    code = "import sys; sys.stdout.buffer.write(b'a' * 700 + b'b' * 3_000_000 + b'c' * 700)"
    result = tooltrail.run([PYTHON, "-c", code], max_output=1000)
    assert result.out.size == 3_001_400
    assert result.out.content == b"a" * 500 + b"c" * 500
    assert result.out.cut == 3_000_400
    assert "[... 3000400 bytes left out ...]" in result.stdout
    whole = b"a" * 700 + b"b" * 3_000_000 + b"c" * 700
    assert result.out.sha256 == "sha256:" + hashlib.sha256(whole).hexdigest()
    assert result.json is None


def test_bytes_that_are_not_text_are_safe(home: Home) -> None:
    """They are whole in `content`, and U+FFFD in the text."""
    result = tooltrail.run(["printf", r"\377\376ok\000"])
    assert result.out.content == b"\xff\xfeok\0"
    assert result.stdout == "\ufffd\ufffdok\0"


@pytest.mark.parametrize("capture", ["none", "digest", "full"])
def test_capture_says_what_the_log_keeps(home: Home, capture: str) -> None:
    """Nothing, digests, or the text without its secrets; the result has all of it."""
    key = "ghp_" + "a1B2" * 9
    result = tooltrail.run(["echo", "token", key], capture=capture)
    assert key in result.stdout
    end = home.end(OWN)
    assert ("output" in end) == (capture != "none")
    assert result.out.sha256 == end.get("output", {}).get("stdout", {}).get("sha256")
    bodies = [path for path in home.data.rglob("*.gz") if "bodies" in path.parts]
    assert bool(bodies) == (capture == "full")
    if capture == "full":
        import gzip

        assert gzip.decompress(bodies[0].read_bytes()) == b"token [REDACTED]\n"
        assert end["output"]["stdout"]["body_bytes"] == len(b"token [REDACTED]\n")
    everything = b"".join(path.read_bytes() for path in home.data.rglob("*") if path.is_file())
    assert key.encode() not in everything


def test_level_full_keeps_the_output_too(home: Home) -> None:
    """What was configured counts like `capture='full'`."""
    code = "import tooltrail; tooltrail.run(['echo', 'hello'])"
    home.run(PYTHON, "-c", code, env={"TOOLTRAIL_LEVEL": "full"})
    assert home.end(OWN)["output"]["stdout"]["body_bytes"] == 6


@pytest.mark.parametrize(
    ("command", "cwd", "exit_code", "code"),
    [
        (["no-such-command-anywhere"], None, 127, "COMMAND_NOT_FOUND"),
        (["/no/such/command"], None, 127, "COMMAND_NOT_FOUND"),
        (["/etc"], None, 126, "COMMAND_CANNOT_RUN"),
        (["true"], "/no/such/folder", 126, "COMMAND_CANNOT_RUN"),
    ],
)
def test_what_cannot_be_started_is_a_result(
    home: Home, command: list[str], cwd: str | None, exit_code: int, code: str
) -> None:
    """As a shell has it: 127 where it is missing, 126 where it cannot run."""
    result = tooltrail.run(command, cwd=cwd)
    assert result.exit_code == exit_code
    assert result.outcome == "not_started"
    assert result.error is not None
    assert result.error["code"] == code
    assert home.end(OWN)["error"] == result.error


def test_a_script_whose_interpreter_is_missing_is_told_from_a_missing_one(home: Home) -> None:
    """The file is there: who looks for it would look in vain for what is wrong."""
    script = home.path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    result = tooltrail.run([script])
    assert result.exit_code == 127
    assert result.error is not None
    assert result.error["message"] == "the interpreter that it names was not found"
    (home.path / "empty").mkdir()
    for cwd, message in ((home.path, "the interpreter"), (home.path / "empty", "command not")):
        result = tooltrail.run(["./script"], cwd=cwd)
        assert result.error is not None
        assert result.error["message"].startswith(message)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("git status", "one text"),
        (Path("git"), "one text"),
        ([], "no command"),
        ([""], "no command"),
        (["echo", "a\0b"], "NUL"),
        (["sleep", 1], r"cmd\[1\] is of type int"),
        ([None], r"cmd\[0\] is of type NoneType"),
    ],
)
def test_what_is_no_command_is_refused(home: Home, command: Any, message: str) -> None:
    """Before anything is recorded, with words that help."""
    with pytest.raises(UsageError, match=message):
        tooltrail.run(command)
    with pytest.raises(UsageError, match="capture="):
        tooltrail.run(["true"], capture="all")
    assert home.lines(OWN) == []


def test_check_raises_with_the_result(home: Home) -> None:
    """The message has the last line of stderr; the result is there."""
    with pytest.raises(tooltrail.CallFailedError, match="exit code 2: no luck") as caught:
        tooltrail.run(shell("echo first >&2; echo no luck >&2; exit 2"), check=True)
    assert caught.value.result.exit_code == 2
    assert tooltrail.run(["true"], check=True).ok


def test_a_signal_is_told_as_such(home: Home) -> None:
    """128 + n, and the signal's name."""
    result = tooltrail.run(shell("kill -9 $$"))
    assert (result.exit_code, result.signal, result.outcome) == (137, "SIGKILL", "killed")
    assert home.end(OWN)["signal"] == "SIGKILL"


def test_the_environment_that_is_given_is_the_commands(home: Home) -> None:
    """With our variables added; its trace id counts, unless one is named."""
    env = {"PATH": os.environ["PATH"], "TOOL_TRACE_ID": "from-env", "X": "1"}
    line = "echo $X $TOOL_TRACE_ID $TOOL_PARENT_REQUEST_ID ${HOME-nohome}"
    result = tooltrail.run(shell(line), env=env)
    assert result.stdout.split() == ["1", "from-env", result.caller_request_id, "nohome"]
    assert tooltrail.run(shell(line), env=env, trace_id="named").trace_id == "named"


def test_a_call_inside_a_recorded_call_is_its_child(home: Home) -> None:
    """The tree is whole where a recorded tool uses `tooltrail.run`."""
    code = """
import tooltrail
with tooltrail.invocation("outer") as call:
    inner = tooltrail.run(["sh", "-c", "echo $TOOL_PARENT_REQUEST_ID"])
    print(call.request_id, inner.caller_request_id, inner.stdout)
"""
    outer, inner, seen = home.python(code).stdout.split()
    assert seen == inner
    assert home.end(OWN)["parent_request_id"] == outer


def test_many_threads_keep_their_calls_apart(home: Home) -> None:
    """Each command finds its own call in its environment."""
    found: list[bool] = []

    def call() -> None:
        for _ in range(5):
            result = tooltrail.run(shell("echo $TOOL_PARENT_REQUEST_ID"))
            found.append(result.stdout.strip() == result.caller_request_id)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 40
    assert len(home.events(OWN, "end")) == 40


def test_a_full_disk_costs_the_record_and_not_the_call(home: Home) -> None:
    """The log's folder cannot be made: the result is whole, and stderr says why once."""
    (home.path / ".local").write_text("in the way")
    code = "import tooltrail; r = tooltrail.run(['echo', 'x']); print(r.stdout, r.caller_receipt)"
    done = home.run(PYTHON, "-c", code)
    assert done.stdout.split() == ["x", "None"]
    assert done.stderr.count("not recorded") == 1


def test_where_the_policy_is_closed_nothing_is_run(home: Home) -> None:
    """An exception, not an exit: the agent's program goes on."""
    (home.path / ".local").write_text("in the way")
    code = """
import tooltrail
try:
    tooltrail.run(["touch", "made"])
except tooltrail.NotRecordedError as error:
    print("refused:", error)
"""
    done = home.run(PYTHON, "-c", code, env={"TOOLTRAIL_POLICY": "closed"}, cwd=home.path)
    assert "refused:" in done.stdout
    assert not (home.path / "made").exists()


def test_a_shim_is_never_run(home: Home) -> None:
    """It would record the call once more: the real program behind it runs."""
    shims = home.data / "tooltrail" / "shims"
    shims.mkdir(parents=True)
    shim = shims / "true"
    shim.write_text("#!/bin/sh\necho shim\n")
    shim.chmod(0o755)
    link = home.path / "link"
    link.symlink_to(shims)
    env = {**os.environ, "PATH": f"{shims}:{link}/:{os.environ['PATH']}"}
    assert tooltrail.run(["true"], env=env).stdout == ""
    assert home.tooltrail("run", "--", "true", env=env).stdout == ""


def test_importing_it_needs_nothing_from_outside(home: Home) -> None:
    """The standard library is enough."""
    code = "import sys, tooltrail; tooltrail.run(['true'])\nprint(*sys.modules)"
    loaded = home.run(
        PYTHON,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(Path(tooltrail.__file__).parent.parent)!r})\n{code}",
    )
    tops = {name.partition(".")[0] for name in loaded.stdout.split()}
    known = sys.stdlib_module_names | {"tooltrail", "__main__", "_sha2", "_sha256"}
    assert tops <= known, loaded.stderr
