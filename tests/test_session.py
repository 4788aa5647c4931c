"""A session's calls belong together; and the two functions of the document that asked for this."""

import json
import re

import pytest

import tooltrail
from conftest import PYTHON, Home
from test_calling import ANSWERING_TOOL, script

OWN = "tooltrail"


def test_each_operation_extends_the_sessions_id(home: Home) -> None:
    """`agent-session-42-deploy-9c1e`: found by the start of it."""
    session = tooltrail.Session("agent-session-42")
    first = session.run(["true"], operation="deploy")
    second = session.run(["true"], operation="deploy")
    third = session.run(["true"])
    assert re.fullmatch(r"agent-session-42-deploy-[0-9a-f]{4}", first.trace_id)
    assert re.fullmatch(r"agent-session-42-[0-9a-f]{4}", third.trace_id)
    assert first.trace_id != second.trace_id
    ends = home.events(OWN, "end")
    assert {end["operator"] for end in ends} == {"agent-session-42"}
    trace = json.loads(home.tooltrail("trace", "agent-session-42").stdout)
    assert trace["data"]["count"] == 3


def test_a_session_has_an_id_of_its_own_or_the_environments(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`agent-session-` and eight digits; under a trace, that trace."""
    assert re.fullmatch(r"agent-session-[0-9a-f]{8}", tooltrail.Session().id)
    monkeypatch.setenv("TOOL_TRACE_ID", "ci-77")
    assert tooltrail.Session().id == "ci-77"
    assert tooltrail.run(["true"], session="s", operation="x").trace_id.startswith("s-x-")


def test_a_retry_is_linked_to_the_attempt_that_it_repeats(home: Home) -> None:
    """The same command for the same operation, after a failure; a success ends the row."""
    session = tooltrail.Session("s")
    flaky = ["sh", "-c", f"test -e {home.path}/there"]
    first = session.run(flaky, operation="verify")
    other = session.run(["false"], operation="verify")
    elsewhere = session.run(flaky, operation="verify", cwd="/")
    second = session.run(flaky, operation="verify")
    (home.path / "there").touch()
    third = session.run(flaky, operation="verify")
    again = session.run(flaky, operation="verify")
    assert (first.attempt, first.retry_of) == (1, None)
    assert (other.attempt, other.retry_of) == (1, None)
    assert (elsewhere.attempt, elsewhere.retry_of) == (1, None)
    assert (second.attempt, second.retry_of) == (2, first.caller_request_id)
    assert (third.attempt, third.retry_of) == (3, second.caller_request_id)
    assert (again.attempt, again.retry_of) == (1, None)
    ends = home.events(OWN, "end")
    assert [end.get("attempt") for end in ends] == [None, None, None, 2, 3, None]
    assert ends[4]["retry_of"] == ends[3]["request_id"]
    tree = home.tooltrail("trace", "s", "--output", "tree").stdout
    assert f"attempt 3, after {second.caller_request_id} failed" in tree
    calls = json.loads(home.tooltrail("trace", "s").stdout)["data"]["calls"]
    assert [call.get("attempt") for call in calls] == [None, None, None, 2, 3, None]


def test_the_caller_and_the_tool_are_one_call_in_the_trace(home: Home) -> None:
    """Two records, one row, with the tool's own id."""
    session = tooltrail.Session("s")
    result = session.run(script(home, ANSWERING_TOOL), operation="deploy")
    data = json.loads(home.tooltrail("trace", "s").stdout)["data"]
    (call,) = data["calls"]
    assert call["request_id"] == result.request_id
    assert call["wrapper_request_id"] == result.caller_request_id


def test_traced_run_is_the_seeds(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """Its signature, its return value, and its line on stdout."""
    command = script(home, ANSWERING_TOOL)
    response = tooltrail.traced_run(command, "deploy")
    meta = response["meta"]
    line = capsys.readouterr().out
    found = re.fullmatch(
        r"\[TRACE\] op=deploy trace=(agent-session-[0-9a-f]{8})-deploy-[0-9a-f]{4}"
        r" request_id=(\S+) agent_ms=(\d+) tool_ms=(\d+)\n",
        line,
    )
    assert found is not None, line
    assert found[2] == meta["request_id"]
    assert int(found[4]) == meta["duration_ms"]
    assert meta["trace_id"] == line.split("trace=")[1].split()[0]
    tooltrail.traced_run(command, operation="verify")
    assert f"trace={found[1]}-verify-" in capsys.readouterr().out  # the same session


def test_traced_run_says_unknown_and_raises_where_the_seed_does(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON without `meta` is fine; no JSON is a RuntimeError."""
    assert tooltrail.traced_run(["echo", '{"ok": true}'], "x") == {"ok": True}
    assert "request_id=unknown" in (line := capsys.readouterr().out)
    assert "tool_ms=unknown" in line
    with pytest.raises(RuntimeError, match="No JSON from x"):
        tooltrail.traced_run(["echo", "text"], "x")


AUDITED = """
import click
from tooltrail.integrations.click import instrument

@click.group()
def cli(): ...

@cli.command()
def deploy(): ...

instrument(cli, tool="deployctl", audit_log=True)
cli()
"""


def test_get_audit_log_returns_the_tools_entries(home: Home) -> None:
    """Parsed, without the call that asked for them."""
    path = home.path / "deployctl"
    path.write_text(f"#!{PYTHON}\n{AUDITED}")
    path.chmod(0o755)
    tooltrail.run([str(path), "deploy"])
    tooltrail.run([str(path), "nonsense"])
    entries = tooltrail.get_audit_log(str(path), since="1h")
    assert [entry["exit_code"] for entry in entries] == [0, 2]
    assert entries[0]["command"] == "deploy"
    assert entries == tooltrail.get_audit_log(str(path))


LISTS_ITSELF = """\
import json, sys, tooltrail
from tooltrail._invocation import current
with tooltrail.invocation("lister", sys.argv[1], {}):
    print(json.dumps({"request_id": "req_other"}))
    print(json.dumps({"request_id": current().request_id}))
"""


def test_get_audit_log_leaves_its_own_call_out_of_any_tools_list(home: Home) -> None:
    """Also where the tool is not ours, and lists the call that asks."""
    path = home.path / "lister"
    path.write_text(f"#!{PYTHON}\n{LISTS_ITSELF}")
    path.chmod(0o755)
    assert tooltrail.get_audit_log(str(path)) == [{"request_id": "req_other"}]


def test_get_audit_log_of_a_tool_that_has_none_says_so(home: Home) -> None:
    """With what to do instead."""
    with pytest.raises(tooltrail.TooltrailError, match="exit code") as caught:
        tooltrail.get_audit_log("ls")
    assert caught.value.hint is not None
    assert "tooltrail log --tool ls" in caught.value.hint
    with pytest.raises(tooltrail.TooltrailError, match="nosuchtool audit-log: command not found"):
        tooltrail.get_audit_log("nosuchtool")


def test_an_audit_log_that_ended_badly_is_no_whole_one(home: Home) -> None:
    """And one with lines that only Python would break is read line by line."""
    path = home.path / "partly"
    path.write_text(
        '#!/bin/sh\nprintf \'{"request_id":"r1","msg":"a\\342\\200\\250b"}\\n\'; exit $FAIL\n'
    )
    path.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIL", "0")
        assert [entry["request_id"] for entry in tooltrail.get_audit_log(str(path))] == ["r1"]
        patch.setenv("FAIL", "3")
        with pytest.raises(tooltrail.TooltrailError, match="exit code 3"):
            tooltrail.get_audit_log(str(path))
