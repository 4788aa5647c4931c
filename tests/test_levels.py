"""How much is recorded of a call: nothing, that it was, what it was called with, what it gave."""

import gzip
import hashlib
import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import PYTHON, Home, response_in
from tooltrail.trail import bodies
from tooltrail.trail.lost import lost

# Each is a word that must not be in a log of the level `metadata`.
PARAM, ARGUMENT, MESSAGE, HINT, STRAY, DATA = (
    f"{word}-{'0123456789' * 2}" for word in ("param", "arg", "message", "hint", "stray", "data")
)
BLOCK = f"""
import sys, tooltrail
with tooltrail.invocation("job", "go", {{"what": "{PARAM}"}}, envelope="observe" not in sys.argv,
                          output="json") as call:
    print("{STRAY}")
    call.data = {{"text": "{DATA}"}}
    if "fail" in sys.argv:
        raise tooltrail.CommandError("{MESSAGE}", code="FULL", hint="{HINT}", retryable=True)
    if "crash" in sys.argv: raise ValueError("{MESSAGE}")
    if "exit" in sys.argv: sys.exit("{MESSAGE}")
"""
CLICK = f"""
import click
from tooltrail.integrations.click import instrument
@click.group()
def cli(): pass
@cli.command()
@click.argument("what")
@click.option("--size", type=int)
def go(what, size):
    print("{STRAY}")
    return {{"text": "{DATA}"}}
instrument(cli, tool="job", envelope=True)
cli(prog_name="job")
"""
WORDS = (PARAM, ARGUMENT, MESSAGE, HINT, STRAY, DATA)


def block(
    home: Home, level: str, *arguments: str, **env: str
) -> "subprocess.CompletedProcess[str]":
    return home.python(BLOCK, *arguments, cwd=home.path, env={"TOOLTRAIL_LEVEL": level, **env})


def kept(home: Home, tool: str = "job") -> list[str]:
    """Return which of the words are in a log."""
    text = home.log(tool).read_text()
    return [word for word in WORDS if word in text]


# -- none


def test_at_level_none_nothing_is_written_at_all(home: Home) -> None:
    """No line, no log, no folder, no count of what is missing: the user asked for that."""
    done = block(home, "none", ARGUMENT)
    assert (done.returncode, done.stderr) == (0, "")
    assert not home.data.exists()
    assert lost(str(home.log("job"))).count == 0


@pytest.mark.parametrize("how", ["ok", "fail", "crash", "exit"])
def test_at_level_none_a_response_is_complete_but_for_its_receipt(home: Home, how: str) -> None:
    """`meta` has every key as ever, its receipt is null, and there is nothing to warn of."""
    with_record = response_in(block(home, "params", how).stdout)
    done = block(home, "none", how)
    response = response_in(done.stdout)
    assert list(response["meta"]) == list(with_record["meta"])
    assert response["meta"]["receipt"] is None
    assert response["meta"]["request_id"].startswith("req_")
    assert response["meta"]["command"] == "go"
    for key in ("ok", "data", "error"):
        assert response[key] == with_record[key]
    assert [warning["code"] for warning in response["warnings"]] == ["STRAY_OUTPUT"]
    assert len(home.events("job", "end")) == 1


def test_at_level_none_the_environment_and_the_meta_file_are_as_ever(home: Home) -> None:
    """Who is not recorded still passes its ids on, so that others' calls find their place."""
    meta = home.path / "meta"
    meta.touch()
    code = """
import os, tooltrail
with tooltrail.invocation("job", "outer"):
    os.environ["TOOLTRAIL_LEVEL"] = "params"
    with tooltrail.invocation("job", "inner"): pass
"""
    env = {"TOOLTRAIL_LEVEL": "none", "TOOL_TRACE_ID": "t", "TOOL_META_FILE": str(meta)}
    home.python(code, env=env).check_returncode()
    (line,) = meta.read_text().splitlines()
    outer = json.loads(line)
    assert (outer["command"], outer["receipt"]) == ("outer", None)
    inner = home.end("job")
    assert (inner["command"], inner["trace_id"]) == ("inner", "t")
    assert inner["parent_request_id"] == outer["request_id"]


@pytest.mark.parametrize("command", ["run", "log", "trace", "click", "click usage error"])
def test_at_level_none_every_way_of_recording_is_silent(home: Home, command: str) -> None:
    """Wrapped commands, Click tools, usage errors and reading commands leave nothing behind."""
    env = {"TOOLTRAIL_LEVEL": "none", "TOOLTRAIL_POLICY": "closed"}
    if command == "run":
        done = home.tooltrail("run", "--", "sh", "-c", "echo ran; exit 3", env=env)
        assert (done.returncode, done.stdout, done.stderr) == (3, "ran\n", "")
    elif command.startswith("click"):
        arguments = ["go", "x"] if command == "click" else ["go", "--wrong"]
        done = home.python(CLICK, *arguments, env=env)
        assert done.returncode == (0 if command == "click" else 2)
        assert response_in(done.stdout)["meta"]["receipt"] is None
    else:
        done = home.tooltrail(command, *["t"] * (command == "trace"), env=env)
        assert done.returncode == (1 if command == "trace" else 0)
    assert not home.data.exists()


def test_at_level_none_a_log_that_cannot_be_written_is_nobodys_concern(home: Home) -> None:
    """`closed` refuses what should be recorded and cannot be, not what should not."""
    home.log("job").mkdir(parents=True)
    done = block(home, "none", TOOLTRAIL_POLICY="closed")
    assert (done.returncode, done.stderr) == (0, "")


# -- metadata


@pytest.mark.parametrize("how", ["ok", "fail", "crash", "exit", "observe"])
def test_metadata_keeps_that_a_call_was_and_not_what_it_said(home: Home, how: str) -> None:
    """No params, no arguments, no error message, no hint, nothing that was printed or returned."""
    block(home, "metadata", how, ARGUMENT)
    begin, end = home.lines("job")[1:]
    for line in (begin, end):
        assert line["level"] == "metadata"
        assert line["params"] == {}
        assert line["process"]["argv"] == []
        assert (line["tool"], line["command"]) == ("job", "go")
    assert end["outcome"] == {"ok": "success", "observe": "success", "crash": "crashed"}.get(
        how, "failure"
    )
    assert kept(home) == []


def test_metadata_keeps_an_errors_code_and_what_programs_need(home: Home) -> None:
    """`code` and `retryable` stay; the message is replaced by words that say so."""
    block(home, "metadata", "fail")
    error = home.end("job")["error"]
    assert (error["code"], error["retryable"]) == ("FULL", True)
    assert set(error) == {"code", "message", "retryable"}


def test_metadata_takes_nothing_from_the_response(home: Home) -> None:
    """What the caller gets is the same; only the log knows less."""
    response = response_in(block(home, "metadata", "fail").stdout)
    assert response["error"]["message"] == MESSAGE
    assert response["error"]["hint"] == HINT
    assert response["warnings"][0]["message"] == STRAY + "\n"
    assert response["meta"]["receipt"]["seq"] == home.end("job")["seq"]


def test_metadata_still_vouches_for_the_output(home: Home) -> None:
    """A digest tells nobody what was said, and lets whoever has it prove it."""
    response = response_in(block(home, "metadata").stdout)
    output = home.end("job")["output"]
    encoded = json.dumps(response["data"], separators=(",", ":")).encode()
    assert output == {
        "data_bytes": len(encoded),
        "data_sha256": "sha256:" + hashlib.sha256(encoded).hexdigest(),
    }


def test_metadata_of_a_usage_error_holds_nothing_of_the_command_line(home: Home) -> None:
    """Click's messages repeat what was typed; the log at this level does not."""
    done = home.python(CLICK, "go", "x", "--size", ARGUMENT, env={"TOOLTRAIL_LEVEL": "metadata"})
    assert done.returncode == 2
    assert ARGUMENT in response_in(done.stdout)["error"]["message"]
    end = home.end("job")
    assert (end["outcome"], end["error"]["code"]) == ("usage_error", "BAD_PARAMETER")
    assert kept(home) == []


def test_metadata_of_a_wrapped_command_has_its_name_alone(home: Home) -> None:
    """The program and how it ended are kept, its arguments are not."""
    home.tooltrail(
        "run", "--", "sh", "-c", f"exit 3 # {ARGUMENT}", env={"TOOLTRAIL_LEVEL": "metadata"}
    )
    end = home.end("tooltrail")
    assert (end["tool"], end["exit_code"], end["params"]) == ("sh", 3, {})
    assert kept(home, "tooltrail") == []


def test_metadata_of_what_was_asked_of_the_log_holds_no_question(home: Home) -> None:
    """A reading command is a call too."""
    home.tooltrail("log", "--command", ARGUMENT, env={"TOOLTRAIL_LEVEL": "metadata"})
    assert home.end("tooltrail")["command"] == "log"
    assert kept(home, "tooltrail") == []


# -- params


def test_params_is_what_is_recorded_where_nothing_was_said(home: Home) -> None:
    """The entry names its level only where it is another."""
    block(home, "params", "fail", ARGUMENT)
    asked = home.lines("job")[1:]
    home.python(BLOCK, "fail", ARGUMENT)
    not_asked = home.lines("job")[3:]
    for line in (*asked, *not_asked):
        assert "level" not in line
        assert line["params"] == {"what": PARAM}
        assert ARGUMENT in line["process"]["argv"]
    assert not_asked[1]["error"]["message"] == MESSAGE
    assert DATA not in home.log("job").read_text()
    assert not (home.log("job").parent / "bodies").exists()


# -- full


def answers(home: Home, expression: str, **env: str) -> dict[str, Any]:
    """Return the `output` of a call's entry whose data is what a Python expression gives."""
    code = f"""
import tooltrail
with tooltrail.invocation("job", "go", {{"secret_key": "hunter2hunter2"}}, envelope=True,
                          output="json") as call:
    call.data = {expression}
"""
    done = home.python(code, env={"TOOLTRAIL_LEVEL": "full", **env})
    assert (done.returncode, done.stderr) == (0, "")
    assert response_in(done.stdout)["ok"]
    output: dict[str, Any] = home.events("job", "end")[-1]["output"]
    return output


def body_of(home: Home, output: dict[str, Any]) -> Path:
    return Path(bodies.body_path(str(home.log("job").parent), output["body"]))


def test_full_keeps_what_a_call_gave_back_under_its_hash(home: Home) -> None:
    """The entry's `output.body` is the SHA-256 of the body, which is its file's name."""
    output = answers(home, '{"text": "é", "n": [1, None, 2.5]}')
    assert home.end("job")["level"] == "full"
    file = body_of(home, output)
    assert file.parent.parent == home.log("job").parent / "bodies"
    content = gzip.decompress(file.read_bytes())
    assert json.loads(content) == {"text": "é", "n": [1, None, 2.5]}
    digest = hashlib.sha256(content).hexdigest()
    assert output["body"] == f"sha256:{digest}"
    assert (file.name, file.parent.name) == (f"{digest}.gz", digest[:2])
    assert output["body_bytes"] == len(content) == output["data_bytes"]
    assert output["body"] == output["data_sha256"]  # nothing was taken out
    assert bodies.read(str(home.log("job").parent), output["body"]) == content


def test_full_keeps_no_secret(home: Home) -> None:
    """What is a secret in params is one in a body; the digest of the data is of the whole."""
    key = "ghp_" + "0123456789abcdef" * 2 + "0123"
    output = answers(
        home,
        f'{{"password": "sw0rdf1sh!", "text": "key {key}", "echo": "hunter2hunter2", "n": 1}}',
    )
    content = gzip.decompress(body_of(home, output).read_bytes()).decode()
    for secret in ("sw0rdf1sh!", key, "hunter2hunter2"):
        assert secret not in content
    assert json.loads(content)["n"] == 1
    assert output["body"] != output["data_sha256"]
    where = {redaction["where"] for redaction in home.end("job")["redactions"]}
    assert "output.data.password" in where


def test_full_keeps_the_same_output_once(home: Home) -> None:
    """Content names the file: a call that gives the same again adds none."""
    first = answers(home, '"the same"')
    inode = body_of(home, first).stat().st_ino
    second = answers(home, '"the same"')
    other = answers(home, '"another"')
    assert first["body"] == second["body"] != other["body"]
    assert body_of(home, second).stat().st_ino == inode
    assert len(list((home.log("job").parent / "bodies").rglob("*.gz"))) == 2


def test_full_cuts_what_is_longer_than_a_megabyte(home: Home) -> None:
    """1,000,000 bytes are kept, and the entry says of how many."""
    output = answers(home, '["x" * 1000] * 1200')
    size = 1200 * 1003 + 1
    assert output["data_bytes"] == output["body_cut_from"] == size
    assert output["body_bytes"] == 1_000_000
    content = bodies.read(str(home.log("job").parent), output["body"])
    assert len(content) == 1_000_000
    assert content.startswith(b'["xxx')


def test_full_keeps_a_long_text_up_to_its_megabyte(home: Home) -> None:
    """What a body may hold does not depend on whether it is one text or many."""
    output = answers(home, '"x" * 900_000')
    assert output["body_bytes"] == output["data_bytes"] == 900_002
    assert "body_cut_from" not in output


@pytest.mark.parametrize("data", ["None", "''", "[]", "0", "False"])
def test_full_keeps_small_and_empty_output(home: Home, data: str) -> None:
    """Only where nothing was given back is there nothing to keep."""
    code = (
        "import tooltrail\nwith tooltrail.invocation('job', envelope=True, output='json') as call:"
        f" call.data = {data}"
    )
    home.python(code, env={"TOOLTRAIL_LEVEL": "full"}).check_returncode()
    assert ("output" in home.end("job")) == (data != "None")


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_bodies_have_the_modes_of_the_log(home: Home, umask: int) -> None:
    """Files 0600 and folders 0700, whatever the umask."""
    script = home.path / "tool.py"
    script.write_text(
        f"import os; os.umask({umask})\nimport tooltrail\n"
        "with tooltrail.invocation('job', envelope=True) as call: call.data = 'x' * 100"
    )
    home.run(PYTHON, script, env={"TOOLTRAIL_LEVEL": "full"}).check_returncode()
    found = list((home.log("job").parent / "bodies").rglob("*"))
    assert len(found) == 2
    for path in found:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize(
    "change", ["replaced", "a byte", "cut", "empty", "no gzip", "longer", "gone", "a folder"]
)
def test_a_body_that_was_changed_is_refused(home: Home, change: str) -> None:
    """Whoever reads a body gets what the entry vouches for, or an `OSError`."""
    output = answers(home, '"the truth, " * 20')
    file = body_of(home, output)
    data = file.read_bytes()
    if change == "gone":
        file.unlink()
    elif change == "a folder":
        file.unlink()
        file.mkdir()
    else:
        middle = len(data) // 2
        file.write_bytes(
            {
                "replaced": gzip.compress(b'"a lie"'),
                "a byte": data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :],
                "cut": data[:-9],
                "empty": b"",
                "no gzip": b'"the truth"',
                "longer": gzip.compress(b"x" * 3_000_000),
            }[change]
        )
    with pytest.raises(OSError):  # noqa: PT011 - each has a reason of its own
        bodies.read(str(home.log("job").parent), output["body"])


def test_a_body_that_cannot_be_kept_costs_the_call_nothing_else(home: Home) -> None:
    """The entry is there, without a body, with a receipt; one warning says what is missing."""
    home.log("job").parent.mkdir(parents=True)
    (home.log("job").parent / "bodies").write_text("a file in the folder's place")
    done = block(home, "full")
    assert done.returncode == 0
    output = home.end("job")["output"]
    assert set(output) == {"data_bytes", "data_sha256"}
    response = response_in(done.stdout)
    assert response["meta"]["receipt"]["seq"] == home.end("job")["seq"]
    codes = [warning["code"] for warning in response["warnings"]]
    assert sorted(codes) == ["BODY_NOT_KEPT", "STRAY_OUTPUT"]


def test_a_body_that_cannot_be_kept_is_no_call_that_is_not_recorded(home: Home) -> None:
    """What is said of it is true: the call is recorded, its output is not kept."""
    home.log("job").parent.mkdir(parents=True)
    (home.log("job").parent / "bodies").write_text("a file in the folder's place")
    done = block(home, "full")
    assert home.end("job")["exit_code"] == 0
    assert "this call is not recorded" not in done.stderr


@pytest.mark.parametrize("how", ["fail", "observe"])
def test_full_keeps_no_body_where_there_is_no_data(home: Home, how: str) -> None:
    """A failed call has none; and what a tool prints by itself is not ours to keep."""
    block(home, "full", how)
    assert "output" not in home.end("job")
    assert not (home.log("job").parent / "bodies").exists()


def test_full_works_for_click_too(home: Home) -> None:
    """The return value of a command is its body."""
    done = home.python(CLICK, "go", "x", env={"TOOLTRAIL_LEVEL": "full"})
    assert response_in(done.stdout)["data"] == {"text": DATA}
    output = home.end("job")["output"]
    content = bodies.read(str(home.log("job").parent), output["body"])
    assert json.loads(content) == {"text": DATA}
