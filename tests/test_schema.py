"""The format: its document, its schemas and what is really written agree with each other."""

import fcntl
import hashlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import (
    ENTRY_VALIDATOR,
    ENVELOPE_VALIDATOR,
    LINE_VALIDATOR,
    PYTHON,
    Home,
    response_in,
)
from tooltrail._claims import clean_id
from tooltrail.context import child_traceparent, from_environment
from tooltrail.query.fold import LogEntries

DOCUMENT = (Path(__file__).parent.parent / "docs" / "format" / "entry-v1.md").read_text()
SCHEMAS = ("entry-v1.schema.json", "envelope-v1.schema.json")
EVENTS = ("log", "begin", "end", "undelivered")
GENESIS = "sha256:" + "0" * 64
HEAD = ["v", "seq", "prev", "logged_at", "clamped", "healed_bytes", "event", "supersedes"]

APP = """\
import os, sys, time
import click
from tooltrail.integrations.click import instrument
from tooltrail import CommandError

@click.group()
def cli(): pass

@cli.command()
@click.option("--env", default="staging")
@click.option("--token")
def deploy(env, token):
    return {"env": env}

@cli.command()
@click.argument("code", type=int)
def leave(code): sys.exit(code)

@cli.command()
def refuse(): raise CommandError("not today", code="NOT_TODAY", retryable=True, hint="wait")

@cli.command()
def crash(): raise ValueError("password=hunter22")

@cli.command()
def hard(): os._exit(7)

@cli.command()
def swap(): os.execv(sys.executable, [sys.executable, "-c", "pass"])

@cli.command()
@click.argument("path")
def stay(path):
    try:
        os.execv(path, [path])
    except OSError:
        return {"stayed": True}

@cli.command()
def nap():
    sys.stderr.write("ready\\n")
    sys.stderr.flush()
    time.sleep(60)

instrument(cli, tool="app", version="1.2.3", envelope=os.environ["MODE"] == "envelope",
           audit_log=True)
cli()
"""
MODES = ("observe", "envelope")


def fenced(language: str) -> list[str]:
    """Return the document's code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)\n```", DOCUMENT, re.DOTALL)


EXAMPLE = fenced("jsonl")[0].split("\n")
RESPONSE = fenced("json")[0]


def schema(name: str) -> dict[str, Any]:
    """Return a schema as the installed package has it."""
    text = resources.files("tooltrail").joinpath("schema", name).read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def hash_of(line: bytes) -> str:
    return "sha256:" + hashlib.sha256(line).hexdigest()


def check_chain(lines: list[bytes]) -> None:
    """Hold lines to the rules of the chain; torn ones have a place in it, but no number."""
    before, count = GENESIS, 0
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            before = hash_of(line)
            continue
        assert (event["seq"], event["prev"]) == (count, before)
        before, count = hash_of(line), count + 1


def check_log(home: Home, tool: str) -> list[dict[str, Any]]:
    """Hold a log to the schema, to the order of its members and to its chain; return its lines."""
    raw = home.log(tool).read_bytes()
    assert raw.endswith(b"\n")
    check_chain(raw.splitlines())
    lines = home.lines(tool)
    for line, text in zip(lines, raw.splitlines(), strict=True):
        assert not list(LINE_VALIDATOR.iter_errors(line)), line
        next_member = "log" if line["event"] == "log" else "request_id"
        expected = [name for name in HEAD if name in line] + [next_member]
        assert list(line)[: len(expected)] == expected
        assert text.isascii()
        assert json.dumps(line, separators=(",", ":")).encode() == text
    return lines


# -- the schemas themselves


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_valid_and_ship_in_the_package(name: str) -> None:
    """Each schema is found beside the code and is a JSON Schema of draft 2020-12."""
    found = schema(name)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(found)


def test_both_schemas_say_the_same_of_what_they_share() -> None:
    """A definition that is in both schemas is the same in both."""
    line, envelope = (schema(name)["$defs"] for name in SCHEMAS)
    shared = line.keys() & envelope.keys()
    assert {"request_id", "error", "warnings", "origin"} <= shared
    for name in shared:
        assert line[name] == envelope[name], name


# -- the document


def fields_in_tables(first_cell: str) -> set[str]:
    """Return the names in the first column of the tables that are headed `first_cell`."""
    names: set[str] = set()
    in_table = False
    for row in DOCUMENT.splitlines():
        if row.startswith(f"| {first_cell} |"):
            in_table = True
        elif not row.startswith("|"):
            in_table = False
        elif in_table:
            names.update(re.findall(r"^\| `([^`]+)`", row))
    return names


def fields_in_schema(node: dict[str, Any], defs: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield every property below a schema, nested ones with dots: `process.pid`."""
    if "$ref" in node:
        node = defs[node["$ref"].rpartition("/")[2]]
    for part in node.get("anyOf", ()):
        yield from fields_in_schema(part, defs, prefix)
    if isinstance(node.get("items"), dict):
        yield from fields_in_schema(node["items"], defs, prefix.removesuffix(".") + "[].")
    for name, below in node.get("properties", {}).items():
        yield prefix + name
        if isinstance(below, dict):
            yield from fields_in_schema(below, defs, f"{prefix}{name}.")


def test_every_field_of_a_line_is_documented_and_every_documented_field_is_in_the_schema() -> None:
    """The tables of the document and the schema of a line name the same fields."""
    defs = schema("entry-v1.schema.json")["$defs"]
    kinds = (rule["$ref"].rpartition("/")[2] for rule in schema("entry-v1.schema.json")["oneOf"])
    named = {name for kind in kinds for name in fields_in_schema(defs[kind], defs)}
    assert named == fields_in_tables("field")


def test_every_key_of_a_response_is_documented_and_every_documented_key_is_in_the_schema() -> None:
    """The tables of the document and the schema of a response name the same keys."""
    envelope = schema("envelope-v1.schema.json")
    assert set(envelope["properties"]) == fields_in_tables("key")
    assert set(envelope["$defs"]["meta"]["properties"]) == fields_in_tables("meta key")
    for name in envelope["$defs"]["receipt"]["properties"]:
        assert f"`{name}`" in DOCUMENT


def test_an_entry_has_the_fields_of_its_end_but_for_those_of_the_line() -> None:
    """What reading prints of a call is the end line without what belongs to the line alone."""
    defs = schema("entry-v1.schema.json")["$defs"]
    kept = {name for name, rule in defs["entry"]["properties"].items() if rule is not False}
    of_the_line = {"v", "prev", "event", "supersedes", "healed_bytes", "healed_prev"}
    assert kept == set(defs["end"]["properties"]) - of_the_line


def test_every_enumerated_value_is_documented() -> None:
    """No value of an enumeration is in the schema alone."""
    defs = schema("entry-v1.schema.json")["$defs"]
    for name in ("outcome", "open_outcome", "recorder", "origin"):
        for value in defs[name]["enum"]:
            assert f"`{value}`" in DOCUMENT, value


def test_the_document_names_no_path_of_a_persons_machine() -> None:
    """The example is neutral."""
    assert not re.search(r"/(root|home|tmp|work|Users)/", DOCUMENT)


def test_the_worked_example_validates_and_its_chain_verifies() -> None:
    """Each line of the document's log is valid, and each `prev` is the hash of the line before."""
    for text in EXAMPLE:
        assert not list(LINE_VALIDATOR.iter_errors(json.loads(text))), text
    check_chain([text.encode("ascii") for text in EXAMPLE])
    assert {json.loads(text)["event"] for text in EXAMPLE} == set(EVENTS)


def test_the_worked_response_validates_and_its_receipt_names_a_line() -> None:
    """The document's response fits the log above it: ids, receipt, and the digest of its data."""
    answer = response_in(RESPONSE)
    receipt = answer["meta"]["receipt"]
    line = json.loads(EXAMPLE[receipt["seq"]])
    assert receipt["hash"] == hash_of(EXAMPLE[receipt["seq"]].encode())
    assert receipt["log"] == json.loads(EXAMPLE[0])["log"]
    for name in ("request_id", "trace_id", "duration_ms", "timestamp", "command", "version"):
        assert answer["meta"][name] == line[name]
    data = json.dumps(answer["data"], separators=(",", ":")).encode()
    assert line["output"] == {
        "data_bytes": len(data),
        "data_sha256": "sha256:" + hashlib.sha256(data).hexdigest(),
    }


def test_the_worked_example_reads_as_the_document_says(tmp_path: Path) -> None:
    """The example's eight lines are four calls, with the outcomes that the document tells."""
    log = tmp_path / "audit.jsonl"
    log.write_text("\n".join(EXAMPLE) + "\n")
    read = LogEntries(str(log))
    entries = list(read.read(lambda _: True))
    assert read.bad_lines == 0
    for entry in entries:
        assert not list(ENTRY_VALIDATOR.iter_errors(entry)), entry
    outcomes = [entry["outcome"] for entry in entries]
    assert outcomes[:2] == ["success", "usage_error"]
    assert outcomes[2] in ("unknown", "host_rebooted")
    assert outcomes[3:] == ["failure"]
    assert entries[3]["exit_code"] == 1


def test_the_worked_traceparent_is_right() -> None:
    """The document's derivation is what hashing gives, and what the code does."""
    begin = json.loads(EXAMPLE[1])
    trace = hashlib.sha256(begin["trace_id"].encode()).hexdigest()[:32]
    span = hashlib.sha256(begin["request_id"].encode()).hexdigest()[:16]
    assert f"\n    TRACEPARENT=00-{trace}-{span}-01\n" in DOCUMENT
    context = from_environment("app", {"TOOL_TRACE_ID": begin["trace_id"]}, user="x")
    assert child_traceparent(context, begin["request_id"]) == f"00-{trace}-{span}-01"


def test_a_callers_long_id_is_cut_to_256_characters() -> None:
    """A cut id is as long as the document allows, and still tells two long ids apart."""
    first, second = clean_id("x" * 300), clean_id("x" * 299 + "y")
    assert len(first) == len(second) == 256
    assert first[:230] == "x" * 230
    assert first != second


# -- what is really written


@pytest.fixture
def app(home: Home) -> Path:
    """Return a Click tool as a script."""
    script = home.path / "app.py"
    script.write_text(APP)
    return script


WAYS_OUT = {
    "success": (["deploy", "--token", "abcdefgh"], 0),
    "exit code": (["leave", "3"], 3),
    "error": (["refuse"], 1),
    "exception": (["crash"], 1),
    "usage error": (["deploy", "--nonsense"], 2),
    "no such command": (["nonsense"], 2),
    "bad value": (["leave", "x"], 2),
    "help": (["--help"], 0),
    "os._exit": (["hard"], 7),
}


@pytest.mark.parametrize("way", WAYS_OUT)
@pytest.mark.parametrize("mode", MODES)
def test_every_way_out_of_a_click_tool_writes_valid_lines(
    home: Home, app: Path, mode: str, way: str
) -> None:
    """Lines, response and entry of a call are valid, however it ended."""
    arguments, code = WAYS_OUT[way]
    done = home.run(PYTHON, app, *arguments, env={"MODE": mode})
    assert done.returncode == code, done.stderr
    lines = check_log(home, "app")
    assert lines[-1]["event"] == "end"
    assert lines[-1]["exit_code"] == code
    if mode == "envelope":
        answer = response_in(done.stdout)
        assert answer["ok"] is (code == 0)
        assert answer["meta"]["receipt"]["hash"] == hash_of(
            home.log("app").read_bytes().splitlines()[-1]
        )


@pytest.mark.parametrize("mode", MODES)
def test_exec_writes_valid_lines(home: Home, app: Path, mode: str) -> None:
    """A call that became another program ends as `replaced`, without an exit code."""
    assert home.run(PYTHON, app, "swap", env={"MODE": mode}).returncode == 0
    end = check_log(home, "app")[-1]
    assert (end["outcome"], end["exit_code"]) == ("replaced", None)


@pytest.mark.parametrize("mode", MODES)
def test_an_exec_that_failed_writes_valid_lines(home: Home, app: Path, mode: str) -> None:
    """The end that supersedes the first one is valid too, and is the one that is read."""
    broken = home.path / "broken"
    broken.write_bytes(b"\0no program")
    broken.chmod(0o755)
    home.run(PYTHON, app, "stay", str(broken), env={"MODE": mode})
    first, second = check_log(home, "app")[-2:]
    assert "supersedes" not in first
    assert second["supersedes"] is True
    (entry,) = LogEntries(str(home.log("app"))).read(lambda _: True)
    assert (entry["outcome"], entry["seq"]) == ("success", second["seq"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("mode", MODES)
def test_a_signal_leaves_valid_lines(
    home: Home, app: Path, mode: str, number: signal.Signals
) -> None:
    """A call that a signal ended has a valid log, and a valid response where it could give one."""
    process = subprocess.Popen(
        [PYTHON, app, "nap"],
        env=home.environment(MODE=mode),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(number)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == -number
    last = check_log(home, "app")[-1]
    if mode == "envelope" and number == signal.SIGTERM:
        assert (last["event"], last["signal"]) == ("end", "SIGTERM")
        assert response_in(printed)["ok"] is False
    else:
        assert last["event"] == "begin"
        (entry,) = LogEntries(str(home.log("app"))).read(lambda _: True)
        assert entry["outcome"] in ("vanished", "unknown")
        assert not list(ENTRY_VALIDATOR.iter_errors(entry))


def test_an_undelivered_response_writes_a_valid_line(home: Home, app: Path) -> None:
    """A response that nobody could read is corrected in the log by a valid line."""
    with open("/dev/full", "w") as full:
        done = home.run(
            PYTHON, app, "deploy", env={"MODE": "envelope"}, stdout=full, stderr=subprocess.PIPE
        )
    last = check_log(home, "app")[-1]
    assert (last["event"], last["exit_code"]) == ("undelivered", done.returncode)
    (entry,) = LogEntries(str(home.log("app"))).read(lambda _: True)
    assert not list(ENTRY_VALIDATOR.iter_errors(entry))
    assert (entry["exit_code"], entry["outcome"]) == (1, "failure")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["sh", "-c", "exit 0"], 0),
        (["sh", "-c", "exit 4"], 4),
        (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL),
        (["no-such-command-at-all"], 127),
        (["/"], 126),
    ],
)
def test_the_wrapper_writes_valid_lines(home: Home, command: list[str], code: int) -> None:
    """Lines and entry of a wrapped command are valid, however it ended."""
    done = home.tooltrail("run", "--operation", "op", "--", *command)
    assert done.returncode == code
    lines = check_log(home, "tooltrail")
    assert [line["event"] for line in lines] == ["log", "begin", "end"]


def test_meta_in_a_file_is_the_meta_of_a_response(home: Home) -> None:
    """The line that a wrapped call leaves in `TOOL_META_FILE` is valid `meta`."""
    file = home.path / "meta"
    file.touch()
    home.tooltrail("run", "--", "true", env={"TOOL_META_FILE": str(file)})
    meta = json.loads(file.read_text())
    wrapped = {"ok": True, "data": None, "error": None, "warnings": [], "meta": meta}
    assert not list(ENVELOPE_VALIDATOR.iter_errors(wrapped))


def test_what_reading_commands_print_is_valid(home: Home, app: Path) -> None:
    """Entries are valid in both outputs, in a response that is one too, as are its failures."""
    home.run(PYTHON, app, "deploy", env={"MODE": "envelope"})
    home.run(PYTHON, app, "leave", "3", env={"MODE": "observe"})
    home.tooltrail("run", "--", "true")
    answer = response_in(home.tooltrail("log", "--all", "--output", "json").stdout)
    lines = home.tooltrail("log", "--all", "--output", "jsonl").stdout.splitlines()
    entries = answer["data"]["entries"] + [json.loads(line) for line in lines]
    assert len(entries) >= 7
    for entry in entries:
        assert not list(ENTRY_VALIDATOR.iter_errors(entry)), entry
    assert "running" in {entry["outcome"] for entry in entries}  # the reading call itself
    own = home.run(PYTHON, app, "audit-log", env={"MODE": "envelope"})
    assert len(response_in(own.stdout)["data"]["entries"]) == 2
    for wrong in (["nonsense"], ["log", "--limit", "x"], ["trace", "no-such-id"]):
        assert response_in(home.tooltrail(*wrong).stdout)["ok"] is False


def test_claims_of_any_kind_leave_valid_lines(home: Home) -> None:
    """Whatever a caller's variables hold, the lines are valid and the response of reading too."""
    claims = {
        "TOOL_TRACE_ID": "a\x1b[31mb\u202e" + "\N{COLLISION SYMBOL}" * 10,
        "TOOL_OPERATOR": "some\nbody",
        "TOOL_PARENT_REQUEST_ID": "no id",
        "TRACEPARENT": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "CLAUDE_CODE_SESSION_ID": "5e55",
        "AI_AGENT": "claude-code_2.1.0_cli",
    }
    home.tooltrail("run", "--", "true", env=claims)
    end = check_log(home, "tooltrail")[-1]
    assert end["caller"] == {
        "agent": "claude-code",
        "agent_version": "2.1.0",
        "session": "5e55",
        "source": "CLAUDE_CODE_SESSION_ID",
        "traceparent": claims["TRACEPARENT"],
    }
    assert {warning["code"] for warning in end["warnings"]} == {"ID_ESCAPED", "PARENT_IGNORED"}


# -- what is not valid

LINES = [json.loads(text) for text in EXAMPLE]
REQUIRED = [
    pytest.param(line, name, id=f"{line['seq']}-{name}")
    for line in LINES
    for name in line
    if name not in ("redactions", "output")
]
WRONG = [
    ("v", 2),
    ("v", "1"),
    ("seq", -1),
    ("seq", "2"),
    ("seq", 1.5),
    ("prev", "0" * 64),
    ("prev", "sha256:" + "A" * 64),
    ("logged_at", "2026-11-22T14:30:00Z"),
    ("logged_at", "2026-11-22T14:30:00.000+00:00"),
    ("clamped", False),
    ("healed_bytes", 0),
    ("event", "finish"),
    ("supersedes", "yes"),
    ("request_id", "req-abc123"),
    ("request_id", "req_01m81tkxj0t2ek26p71rzj8s22"),
    ("trace_id", ""),
    ("trace_id", "x" * 257),
    ("trace_id", "a\nb"),
    ("trace_id", None),
    ("parent_request_id", "no id"),
    ("timestamp", 1795357800),
    ("tool", "Deployctl"),
    ("tool", ".hidden"),
    ("command", ["deploy"]),
    ("exit_code", "0"),
    ("exit_code", None),
    ("exit_code", 256),
    ("exit_code", True),
    ("outcome", "running"),
    ("outcome", "killed"),
    ("duration_ms", 4521.5),
    ("duration_ms", None),
    ("signal", 15),
    ("error", "it failed"),
    ("error", {"message": "it failed"}),
    ("origin_request_id", "no id"),
    ("origin", "guessed"),
    ("output", {"data_sha256": "0" * 64}),
    ("child", {"pid": "4711"}),
    ("params", ["--env"]),
    ("recorder", "nobody"),
    ("trace_source", ""),
    ("purpose", "fun"),
    ("caller", {"session": "42"}),
    ("process", {"pid": 1}),
    ("redactions", []),
    ("redactions", [{"where": "params.token"}]),
    ("warnings", ["careful"]),
]


@pytest.mark.parametrize(("line", "name"), REQUIRED)
def test_a_line_without_a_field_is_not_valid(line: dict[str, Any], name: str) -> None:
    """Every field that is always there is required."""
    assert not LINE_VALIDATOR.is_valid({key: line[key] for key in line if key != name})


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_field_of_the_wrong_type_is_not_valid(name: str, value: Any) -> None:
    """A value that no writer of v1 writes is refused, for each field."""
    assert LINE_VALIDATOR.is_valid(LINES[2])
    assert not LINE_VALIDATOR.is_valid({**LINES[2], name: value})


def test_fields_of_a_later_version_are_valid() -> None:
    """A line, its objects and an entry may hold what v1 does not know."""
    for line in LINES:
        later = {**line, "later": 1}
        for name in ("caller", "process", "error", "output"):
            if isinstance(line.get(name), dict):
                later[name] = {**line[name], "later": 1}
        assert LINE_VALIDATOR.is_valid(later)


@pytest.mark.parametrize("name", ["v", "prev", "event", "supersedes", "healed_bytes"])
def test_an_entry_has_nothing_that_belongs_to_the_line(name: str) -> None:
    """An entry bears none of the fields that tell of one line of a log."""
    of_the_line = {"v", "prev", "event"}
    entry = {key: value for key, value in LINES[2].items() if key not in of_the_line}
    assert ENTRY_VALIDATOR.is_valid(entry)
    assert not ENTRY_VALIDATOR.is_valid({**entry, name: LINES[2].get(name, True)})


def test_a_response_has_its_five_keys_and_no_other() -> None:
    """A response with a key too few or too many is not valid; `meta` may hold more."""
    answer = json.loads(RESPONSE)
    for name in answer:
        assert not ENVELOPE_VALIDATOR.is_valid({k: v for k, v in answer.items() if k != name})
    assert not ENVELOPE_VALIDATOR.is_valid({**answer, "extra": 1})
    for name in answer["meta"]:
        meta = {key: value for key, value in answer["meta"].items() if key != name}
        assert not ENVELOPE_VALIDATOR.is_valid({**answer, "meta": meta})
    assert ENVELOPE_VALIDATOR.is_valid({**answer, "meta": {**answer["meta"], "cwd": "/srv"}})


@pytest.mark.parametrize(
    "change",
    [
        {"ok": 1},
        {"ok": False},
        {"error": {"code": "X", "message": "ok and an error"}},
        {"ok": False, "error": {"code": "X"}},
        {"warnings": None},
        {"warnings": ["text"]},
        {"meta": None},
    ],
)
def test_a_response_that_contradicts_itself_is_not_valid(change: dict[str, Any]) -> None:
    """A failure has an error, a success has none, and every key has its type."""
    answer = json.loads(RESPONSE)
    assert ENVELOPE_VALIDATOR.is_valid(answer)
    assert not ENVELOPE_VALIDATOR.is_valid({**answer, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": "1"},
        {"schema_version": "1.0.0"},
        {"duration_ms": 1.5},
        {"command": None},
        {"request_id": "agent-session-42"},
        {"receipt": {"seq": 1}},
        {"origin": "somewhere"},
    ],
)
def test_meta_of_the_wrong_type_is_not_valid(change: dict[str, Any]) -> None:
    """Each key of `meta` is held to its type."""
    answer = json.loads(RESPONSE)
    assert not ENVELOPE_VALIDATOR.is_valid({**answer, "meta": {**answer["meta"], **change}})


# -- a writer that knows only the document


def foreign_append(path: Path, body: dict[str, Any]) -> None:
    """Append a line by section 2 of the document, with nothing of tooltrail's code."""
    with open(
        path, "r+b", buffering=0, opener=lambda p, _: os.open(p, os.O_RDWR | os.O_APPEND)
    ) as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        content = log.read()
        torn = not content.endswith(b"\n")
        last = content.removesuffix(b"\n").rpartition(b"\n")[2]
        sound = [line for line in content.splitlines() if is_json(line)][-1]
        head = json.loads(sound)
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        made = {"v": 1, "seq": head["seq"] + 1, "prev": hash_of(last)}
        made |= {"logged_at": max(now, head["logged_at"])}
        made |= {"clamped": True} if now < head["logged_at"] else {}
        made |= {"healed_bytes": len(last)} if torn else {}
        line = json.dumps({**made, **body}, separators=(",", ":")).encode("ascii")
        log.write((b"\n" if torn else b"") + line + b"\n")


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def body_of(line: dict[str, Any], number: int) -> dict[str, Any]:
    """Return an example line's own members, as another call's."""
    of_the_chain = ("v", "seq", "prev", "logged_at")
    body = {key: value for key, value in line.items() if key not in of_the_chain}
    return {**body, "request_id": f"req_{number:026d}", "trace_id": "foreign"}


def test_a_writer_that_knows_only_the_document_takes_part(home: Home, app: Path) -> None:
    """Lines of another writer and ours make one chain, torn lines and unknown events included."""
    log = home.log("app")
    observe = {"MODE": "observe"}
    home.run(PYTHON, app, "deploy", env=observe)
    foreign_append(log, body_of(LINES[1], 1))
    foreign_append(log, body_of(LINES[2], 1))
    home.run(PYTHON, app, "leave", "3", env=observe)
    with log.open("ab") as file:
        file.write(b'{"v":1,"seq":99,"prev":"sha2')
    home.run(PYTHON, app, "deploy", env=observe)
    with log.open("ab") as file:
        file.write(b'{"torn')
    foreign_append(log, body_of(LINES[2], 2))
    foreign_append(log, {"event": "note", "request_id": f"req_{3:026d}", "text": "of v1.1"})
    home.run(PYTHON, app, "deploy", env=observe)
    check_chain(log.read_bytes().splitlines())
    read = LogEntries(str(log))
    entries = list(read.read(lambda _: True))
    assert [entry["trace_id"] == "foreign" for entry in entries] == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    assert read.bad_lines == 2
    healed = [line for line in log.read_bytes().splitlines() if b'"healed_bytes":' in line]
    assert [json.loads(line)["healed_bytes"] for line in healed] == [28, 6]
