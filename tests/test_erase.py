"""Erasing takes a call's content out of a log, and nothing else: place, chain and proofs stay."""

import gzip
import hashlib
import json
import os
import resource
import stat
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tooltrail
from conftest import LINE_VALIDATOR, PYTHON, TOOLTRAIL, Home, response_in
from tooltrail._encode import encode
from tooltrail.settings.kinds import Retention
from tooltrail.trail import append
from tooltrail.trail.bodies import body_path, keep
from tooltrail.trail.segments import lines_of, sealed_segments, snapshot
from tooltrail.trust.checkpoint import HOLDS, checkpoint_of, hold_to
from tooltrail.trust.erase import Order, erase, find
from tooltrail.trust.retain import compress, prune
from tooltrail.trust.tombstones import Secret, call_line, tombstone
from tooltrail.trust.verify import verify_log

SECRET = "hunter2-correct-horse"
REASON = "a password was typed as an argument"


def record(tool: str = "t", **params: Any) -> str:
    """Record one call, and return its id."""
    with tooltrail.invocation(tool, "deploy", params or {"note": SECRET}) as call:
        return call.request_id


def lines_in(path: Path) -> list[bytes]:
    """Return every line of a log, from all its segments."""
    return [line for segment, size in snapshot(str(path)) for line in lines_of(segment, size)]


def events_in(path: Path) -> list[dict[str, Any]]:
    """Return every event of a log."""
    return [json.loads(line) for line in lines_in(path)]


def assert_sound(path: Path) -> None:
    """The verifier, which is written apart from all this, finds the log intact."""
    report = verify_log(str(path))
    assert [finding.message for finding in report.findings] == []
    assert report.verdict == "intact"


def grow(path: Path, calls: int, secret_in: int | None = None, rotate_at: int = 3000) -> list[str]:
    """Write calls of begin and end to a log that is sealed early; return their ids."""
    ids = []
    for number in range(calls):
        with tooltrail.invocation("scratch", "x") as made:
            request_id = made.request_id
        text = SECRET if number == secret_in else "nothing"
        for line in (Path.home() / ".local/share/scratch/audit.jsonl").read_bytes().splitlines():
            event = json.loads(line)
            if event.get("request_id") == request_id:
                for name in ("v", "seq", "prev", "logged_at", "clamped"):
                    event.pop(name, None)
                event |= {"tool": path.parent.name, "params": {"text": text}}
                append(str(path), path.parent.name, encode(event), rotate_at=rotate_at)
        ids.append(request_id)
    return ids


def erasing(home: Home, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run `tooltrail erase` with a reason."""
    return home.tooltrail("erase", *arguments, "--reason", REASON, **options)


# -- what becomes of a call


def test_a_call_keeps_its_place_and_loses_its_content(home: Home) -> None:
    """Which call, when, and how it ended stay; what it was called with does not."""
    before = record(note="harmless")
    erased = record()
    after = record(note="harmless too")
    original = lines_in(home.log("t"))
    done = erasing(home, erased)
    assert (done.returncode, done.stderr) == (0, "")
    assert SECRET not in home.log("t").read_text()
    lines = lines_in(home.log("t"))
    kept = {"v", "seq", "prev", "logged_at", "event", "request_id", "trace_id"}
    kept |= {"parent_request_id", "timestamp", "tool", "recorder", "erased"}
    for was, now in zip(original, lines, strict=False):
        if json.loads(was).get("request_id") != erased:
            assert now == was
            continue
        old, new = json.loads(was), json.loads(now)
        assert set(new) == kept | (
            {"exit_code", "outcome", "duration_ms"} if new["event"] == "end" else set()
        )
        assert {name: new[name] for name in new if name != "erased"} == {
            name: old[name] for name in new if name != "erased"
        }
        assert new["erased"]["hash"] == "sha256:" + hashlib.sha256(was[:-1]).hexdigest()
        assert new["erased"]["reason"] == REASON
    events = [event for event in events_in(home.log("t")) if event["event"] == "erase"]
    assert [event["request_id"] for event in events] == [erased, erased]
    for event, now in zip(events, [lines[3], lines[4]], strict=True):
        assert event["line"]["now"] == "sha256:" + hashlib.sha256(now[:-1]).hexdigest()
        assert event["line"]["was"] == json.loads(now)["erased"]["hash"]
    assert_sound(home.log("t"))
    entries = json.loads(home.tooltrail("log", "--tool", "t").stdout)["data"]["entries"]
    assert [entry["request_id"] for entry in entries] == [before, erased, after]
    assert (entries[1]["exit_code"], entries[1]["outcome"]) == (0, "success")
    assert entries[1].get("params") in (None, {})


def test_who_erased_is_recorded_and_the_call_is_one(home: Home) -> None:
    """The operator that the caller claims to be; and erasing is no reading of the log."""
    erased = record()
    erasing(home, erased, env={"TOOL_OPERATOR": "dora"})
    (first, _) = [event for event in events_in(home.log("t")) if event["event"] == "erase"]
    assert first["by"] == "dora"
    end = home.end("tooltrail")
    assert (end["command"], end["operator"]) == ("erase", "dora")
    assert "purpose" not in end
    assert end["params"]["ids"] == [erased]


def test_erasing_twice_changes_nothing_more(home: Home) -> None:
    """A tombstone is not erased again."""
    erased = record()
    erasing(home, erased)
    before = home.log("t").read_bytes()
    done = erasing(home, erased, "--output", "json")
    assert response_in(done.stdout)["data"]["calls"] == []
    assert home.log("t").read_bytes() == before


def test_a_dry_run_only_tells(home: Home) -> None:
    """Nothing is written to the log."""
    erased = record()
    before = home.log("t").read_bytes()
    done = erasing(home, erased, "--dry-run")
    (call,) = response_in(done.stdout)["data"]["calls"]
    assert (call["request_id"], call["lines"]) == (erased, 2)
    assert home.log("t").read_bytes() == before
    assert "would be erased" in erasing(home, erased, "--dry-run", "--output", "table").stdout


def test_receipts_and_checkpoints_from_before_still_hold(home: Home) -> None:
    """The tombstone has the hash that they name."""
    path = home.log("t")
    with tooltrail.invocation("t", "deploy", {"note": SECRET}) as call:
        pass
    assert call.receipt is not None
    checkpoint = checkpoint_of(str(path))
    receipt = call.receipt.as_json()
    erasing(home, call.request_id)
    (end,) = [event for event in events_in(path) if event["event"] == "end"]
    assert end["erased"]["hash"] == receipt["hash"]
    assert end["seq"] == receipt["seq"]
    assert hold_to(checkpoint, str(path)).state == HOLDS
    assert_sound(path)


def test_a_tombstone_that_nobody_vouches_for_is_an_edit(home: Home) -> None:
    """Only a later `erase` line makes it one: without it, verify and checkpoints say so."""
    path = home.log("t")
    record()
    record(note="later")
    checkpoint = checkpoint_of(str(path))
    lines = lines_in(path)
    called = call_line(lines[1])
    assert called is not None
    lines[1] = tombstone(called, "2026-11-22T14:30:00.000Z", "eve", "none of your business")
    path.write_bytes(b"".join(lines))
    assert verify_log(str(path)).verdict == "edited"
    assert hold_to(checkpoint, str(path)).wrong


def test_a_call_that_still_runs_is_named(home: Home) -> None:
    """Its end will be written whole: it has to be erased again."""
    with tooltrail.invocation("t", "deploy", {"note": SECRET}) as call:
        done = erasing(home, call.request_id)
        assert "no end yet" in done.stderr + done.stdout
    assert SECRET in home.log("t").read_text()
    erasing(home, call.request_id)
    assert SECRET not in home.log("t").read_text()
    assert_sound(home.log("t"))


def test_every_line_of_a_call_is_replaced(home: Home) -> None:
    """Also one that says that the response could not be delivered."""
    with tooltrail.invocation("t", "deploy", {"note": "x"}) as call:
        pass
    call.undelivered(1, f"stdout: {SECRET}")
    erasing(home, call.request_id)
    assert SECRET not in home.log("t").read_text()
    assert {"begin", "end", "undelivered"} == {
        event["event"] for event in events_in(home.log("t")) if "erased" in event
    }
    assert_sound(home.log("t"))


# -- by secret


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        'quo"ted\\back\\slash',
        "späße-für-alle",
        "tab\tand\x1bescape",
        "\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511\U0001f511",
        "a/b+c d%20&e=f",
    ],
)
def test_a_secret_is_found_however_it_is_written(home: Home, secret: str) -> None:
    """As JSON escapes it, in names, in values, in JSON inside of text, in URLs."""
    calls = [
        record(note=f"before {secret} after"),
        record(**{secret: 1}),
        record(list=[{"deep": [secret]}]),
        record(text=json.dumps({"inner": secret})),
        record(text=json.dumps(json.dumps({"inner": secret}, ensure_ascii=False))),
    ]
    record(note="harmless")
    done = erasing(home, "--secret-stdin", "--output", "json", input=secret + "\n")
    assert done.returncode == 0, done.stdout
    data = response_in(done.stdout)["data"]
    assert {call["request_id"] for call in data["calls"]} == set(calls)
    assert data["left"] == []
    for event in events_in(home.log("t")):
        assert secret not in json.dumps(event, ensure_ascii=False)
    assert sum("erased" in event for event in events_in(home.log("t"))) == 10
    assert_sound(home.log("t"))


@given(st.text(min_size=6, max_size=30), st.text(max_size=5), st.booleans())
def test_no_escaping_hides_a_secret(secret: str, around: str, ascii_only: bool) -> None:
    """Whatever JSON writer wrote the line, the secret is found in it."""
    body = {"event": "end", "params": {"x": around + secret + around}}
    line = json.dumps(body, ensure_ascii=ascii_only)
    assert Secret(secret).is_in_line(line.encode("utf-8", "surrogatepass") + b"\n")
    upper = json.dumps(body).replace("\\u00", "\\u00").replace("/", "\\/")
    assert Secret(secret).is_in_line(upper.encode() + b"\n")


def test_kept_fields_with_the_secret_are_dropped_too(home: Home) -> None:
    """A trace id can hold one: then not even that is kept, in old tombstones neither."""
    home.python(
        "import tooltrail\nwith tooltrail.invocation('t', 'x'): pass",
        env={"TOOL_TRACE_ID": f"trace-{SECRET}"},
    )
    (end,) = home.events("t", "end")
    erasing(home, end["request_id"])
    assert SECRET in home.log("t").read_text()
    assert_sound(home.log("t"))
    checkpoint = checkpoint_of(str(home.log("t")))
    done = erasing(home, "--secret-stdin", "--output", "json", input=SECRET)
    assert (done.returncode, response_in(done.stdout)["data"]["left"]) == (0, [])
    assert SECRET not in home.log("t").read_text()
    tombstones = [event for event in events_in(home.log("t")) if "erased" in event]
    assert len(tombstones) == 2
    assert not any("trace_id" in event for event in tombstones)
    assert_sound(home.log("t"))
    assert hold_to(checkpoint, str(home.log("t"))).state == HOLDS


def test_the_secret_is_nowhere_in_what_erasing_leaves(home: Home) -> None:
    """Not in its own record, not in an error, not through the environment."""
    record()
    record("u")
    done = erasing(
        home,
        "--secret-stdin",
        input=SECRET,
        env={"TOOL_TRACE_ID": f"x-{SECRET}", "TOOL_OPERATOR": SECRET},
    )
    assert done.returncode == 0
    assert SECRET not in done.stdout + done.stderr
    for file in home.data.rglob("*"):
        assert file.is_dir() or SECRET.encode() not in file.read_bytes(), file
    for tool in ("t", "u", "tooltrail"):
        assert_sound(home.log(tool))


def test_a_secret_in_an_argument_is_refused_and_not_recorded(home: Home) -> None:
    """The reason goes into the log for ever."""
    record()
    done = home.tooltrail("erase", "--secret-stdin", "--reason", f"it was {SECRET}", input=SECRET)
    assert done.returncode == 2
    assert SECRET not in done.stdout + done.stderr
    assert SECRET not in home.log("tooltrail").read_text()
    assert SECRET in home.log("t").read_text()


@pytest.mark.parametrize("variable", ["HOME", "XDG_DATA_HOME", "TOOLTRAIL_DATA_HOME"])
@pytest.mark.parametrize("verb", ["erase", "log"])
@pytest.mark.parametrize("secret", [SECRET, "s3cr3t"])
def test_a_secret_in_a_path_leaves_the_home_where_it_is_and_is_not_recorded(
    home: Home, tmp_path: Path, variable: str, verb: str, secret: str
) -> None:
    """What locates things is never dropped; the call's own entry holds the secret nowhere."""
    folder = tmp_path / f"x{secret}x"
    folder.mkdir()
    program = folder / "program"
    program.symlink_to(TOOLTRAIL)
    logs = folder / ".local" / "share" if variable == "HOME" else folder
    env = {variable: str(folder), "TOOL_OPERATOR": f"op-{secret}", "TOOLTRAIL_TRACE_ID": secret}
    code = "import sys, tooltrail\nwith tooltrail.invocation('t', params={'a': sys.argv[1]}): pass"
    home.python(code, secret, env=env)
    (end,) = (event for event in events_in(logs / "t" / "audit.jsonl") if event["event"] == "end")
    before = sorted(home.path.rglob("*"))
    words = ["--reason", REASON] if verb == "erase" else []
    arguments = [verb, "--secret-stdin", "--output", "json", *words]
    done = home.run(program, *arguments, env=env, cwd=folder, input=secret)
    assert end["request_id"] in done.stdout, done.stdout + done.stderr
    if verb == "erase":  # the registry says where the logs are, and that is told
        left_in = response_in(done.stdout)["data"]["left"]
        assert (done.returncode, left_in) == (1, [str(logs / "tooltrail" / "logs.jsonl")])
    assert sorted(home.path.rglob("*")) == before
    left = (logs / "t" / "audit.jsonl").read_text()
    assert (secret in left) is (verb == "log")
    own = (logs / "tooltrail" / "audit.jsonl").read_text()
    assert secret not in own
    (begun, ended) = (
        e for e in map(json.loads, own.splitlines()) if e["event"] in ("begin", "end")
    )
    for event in (begun, ended):
        assert not list(LINE_VALIDATOR.iter_errors(event))
        assert event["process"]["cwd"] == str(tmp_path / "x[REDACTED]x")
        assert {"where": "process.cwd", "rule": "value"} in event["redactions"]
        assert event["operator_source"] != "TOOL_OPERATOR"
    assert_sound(logs / "tooltrail" / "audit.jsonl")


@pytest.mark.parametrize("verb", ["erase", "log"])
def test_a_secret_in_the_path_of_the_program_alone_is_no_argument(
    home: Home, tmp_path: Path, verb: str
) -> None:
    """Where tooltrail is installed is nobody's mistake, and is not recorded with the secret."""
    record()
    program = tmp_path / SECRET
    program.symlink_to(TOOLTRAIL)
    words = ["--reason", REASON] if verb == "erase" else []
    done = home.run(program, verb, "--secret-stdin", *words, input=SECRET)
    assert done.returncode == 0, done.stdout
    assert home.end("tooltrail")["process"]["argv"][0] == str(tmp_path / "[REDACTED]")
    assert SECRET not in home.log("tooltrail").read_text()


@pytest.mark.parametrize("given", ["", "\n", "short", "one line\nand another", "x" * 70_000])
def test_what_is_no_secret_to_look_for_is_refused(home: Home, given: str) -> None:
    """Too short would be found everywhere; more than a line is a mistake."""
    record(note="short one line")
    before = home.log("t").read_bytes()
    done = erasing(home, "--secret-stdin", input=given)
    assert done.returncode == 2
    assert home.log("t").read_bytes() == before


def test_a_secret_that_is_nowhere_is_no_error(home: Home) -> None:
    """It can be run again and again."""
    record(note="harmless")
    before = home.log("t").read_bytes()
    done = erasing(home, "--secret-stdin", "--output", "table", input=SECRET)
    assert done.returncode == 0
    assert "nowhere left" in done.stdout
    assert home.log("t").read_bytes() == before


def test_lines_that_cannot_be_replaced_are_told(home: Home) -> None:
    """A torn line has no head, and a `log` line is no call: that the secret is there is said."""
    record()
    path = home.log("t")
    with path.open("ab") as log:
        log.write(b'{"v":1,"seq":3,"prev":"sha256:' + SECRET.encode())
    later = record(note="after the tear")
    torn = len(lines_in(path)) - 2
    done = erasing(home, "--secret-stdin", "--output", "json", input=SECRET)
    assert done.returncode == 1
    answer = response_in(done.stdout)
    assert answer["data"]["left"] == [f"{path}:{torn}"]
    assert answer["error"]["code"] == "NOT_ERASED"
    assert SECRET not in done.stdout + done.stderr
    assert [event["request_id"] for event in home_events(path) if "erased" not in event] == [
        later,
        later,
    ]
    table = erasing(home, "--secret-stdin", "--output", "table", input=SECRET)
    assert (table.returncode, f"{path}:{torn}" in table.stderr) == (1, True)


def home_events(path: Path) -> list[dict[str, Any]]:
    """Return the events of calls, whatever else is in the log."""
    found = []
    for line in lines_in(path):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if event["event"] in ("begin", "end"):
            found.append(event)
    return found


def test_bodies_go_with_the_calls_that_gave_them_back(home: Home) -> None:
    """A body that a call which stays gave back too is kept, unless the secret is in it."""
    folder = str(home.log("t").parent)
    os.makedirs(folder)
    own, shared, bad = (
        keep(folder, content)
        for content in (b"mine", b"ours", f'{{"password":"{SECRET}"}}'.encode())
    )
    ids = []
    for fields in (own, shared, shared, bad):
        with tooltrail.invocation("t", "x") as call:
            pass
        ids.append(call.request_id)
        end = json.loads(home.log("t").read_bytes().splitlines()[-1])
        for name in ("v", "seq", "prev", "logged_at"):
            del end[name]
        append(str(home.log("t")), "t", encode({**end, "supersedes": True, "output": fields}))
    erasing(home, ids[0], ids[1])
    assert not os.path.exists(body_path(folder, own["body"]))
    assert os.path.exists(body_path(folder, shared["body"]))
    done = erasing(home, "--secret-stdin", "--output", "json", input=SECRET)
    data = response_in(done.stdout)["data"]
    assert (done.returncode, data["bodies"], data["left"]) == (0, 1, [])
    assert [call["request_id"] for call in data["calls"]] == [ids[3]]
    assert not os.path.exists(body_path(folder, bad["body"]))
    assert_sound(home.log("t"))


# -- the files


def test_sealed_and_compressed_segments_are_rewritten_as_what_they_are(home: Home) -> None:
    """Each keeps its name, its mode and its age; those without the call are not touched."""
    path = home.log("t")
    ids = grow(path, 24, secret_in=1)
    ids += grow(path, 12, secret_in=0)
    sealed = sealed_segments(str(path))
    assert len(sealed) > 8
    for segment in sealed[:4]:
        compress(segment)
    os.chmod(sealed[6].path, 0o640)
    before = {segment.file(): os.stat(segment.file()) for segment in sealed}
    checkpoint = checkpoint_of(str(path))
    done = erasing(home, "--tool", "t", "--secret-stdin", "--output", "json", input=SECRET)
    assert (done.returncode, response_in(done.stdout)["data"]["left"]) == (0, [])
    touched = [file for file, status in before.items() if os.stat(file).st_ino != status.st_ino]
    assert 0 < len(touched) < len(before)
    assert touched[0].endswith(".gz")
    for file, status in before.items():
        assert os.stat(file).st_mode == status.st_mode
        assert os.stat(file).st_mtime_ns == status.st_mtime_ns
        content = Path(file).read_bytes()
        content = gzip.decompress(content) if file.endswith(".gz") else content
        assert SECRET.encode() not in content
    assert not list(path.parent.glob("*.erasing"))
    assert {event["request_id"] for event in events_in(path) if "erased" in event} == {
        ids[1],
        ids[24],
    }
    assert_sound(path)
    assert hold_to(checkpoint, str(path)).state == HOLDS
    prune(str(path), Retention(max_segments=4))
    assert_sound(path)
    assert hold_to(checkpoint_of(str(path)), str(path)).state == HOLDS


def test_a_log_without_its_active_segment_is_erased_from(home: Home) -> None:
    """The next segment is begun for the `erase` lines, as a writer would."""
    path = home.log("t")
    ids = grow(path, 12, secret_in=0)
    path.unlink()
    assert erasing(home, ids[0]).returncode == 0
    assert SECRET.encode() not in b"".join(lines_in(path))
    assert path.exists()


CRASH = """
import os, sys
from types import SimpleNamespace
from tooltrail.trust import rewrite
from tooltrail.cli.erase import main
step, survived = sys.argv.pop(1), int(sys.argv.pop(1))
def dying(*arguments):
    global survived
    if not survived: os._exit(9)
    survived -= 1
    return getattr(os, step)(*arguments)
rewrite.os = SimpleNamespace(**{**vars(os), step: dying})
sys.argv[0] = "tooltrail"
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    ("step", "survived"), [("write", 0), ("rename", 0), ("rename", 1), ("fsync", 0), ("fsync", 3)]
)
def test_what_a_crash_left_is_finished_by_erasing_again(
    home: Home, step: str, survived: int
) -> None:
    """At each step the log is whole, and the `erase` lines that are there are used."""
    path = home.log("t")
    ids = grow(path, 24, secret_in=2)
    ids += grow(path, 1, secret_in=0, rotate_at=1 << 30)
    checkpoint = checkpoint_of(str(path))
    arguments = [ids[2], ids[24], "--tool", "t", "--reason", REASON]
    died = home.run(PYTHON, "-c", CRASH, step, str(survived), *arguments)
    assert died.returncode == 9
    assert hold_to(checkpoint, str(path)).state == HOLDS
    lines = lines_in(path)
    assert all(
        json.loads(line)["prev"] == (json.loads(before).get("erased") or {}).get("hash")
        or json.loads(line)["prev"] == "sha256:" + hashlib.sha256(before[:-1]).hexdigest()
        for before, line in pairwise(lines)
    )
    assert SECRET.encode() in b"".join(lines)
    assert list(path.parent.glob("*.erasing"))
    assert erasing(home, "--tool", "t", ids[2], ids[24]).returncode == 0
    assert SECRET.encode() not in b"".join(lines_in(path))
    assert not list(path.parent.glob("*.erasing"))
    erases = [event for event in events_in(path) if event["event"] == "erase"]
    assert len(erases) == 4
    assert_sound(path)
    assert hold_to(checkpoint, str(path)).state == HOLDS


def test_a_full_disk_changes_nothing(home: Home) -> None:
    """What was half written is removed again, and the log is as it was."""
    path = home.log("t")
    for _ in range(40):
        record(note=SECRET)
    (first,) = {event["request_id"] for event in events_in(path)[1:2]}
    before = {file: file.read_bytes() for file in path.parent.iterdir()}

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    env = {"PYTHONDONTWRITEBYTECODE": "1"}  # or what is compiled now is cut to the limit
    done = erasing(home, first, preexec_fn=little_room, env=env)
    assert done.returncode == 1
    assert "as it was" in done.stdout + done.stderr
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_file_that_cannot_be_written_is_said(home: Home) -> None:
    """And nothing is changed."""
    erased = record()
    before = home.log("t").read_bytes()
    in_the_way = home.log("t").parent / "audit.jsonl.erasing"
    in_the_way.mkdir()
    done = erasing(home, erased, "--output", "table")
    assert done.returncode == 1
    assert f"{in_the_way}: " in done.stderr
    assert "as it was" in done.stderr
    assert home.log("t").read_bytes() == before


def test_a_second_name_of_the_file_is_said(home: Home) -> None:
    """Under it, the secret would stay: that is not called erased."""
    erased = record()
    other = home.path / "backup"
    os.link(home.log("t"), other)
    before = home.log("t").read_bytes()
    done = erasing(home, erased)
    assert done.returncode == 1
    assert "hard link" in done.stdout + done.stderr
    assert home.log("t").read_bytes() == before
    other.unlink()
    assert erasing(home, erased).returncode == 0


def test_a_log_that_stays_locked_is_said(home: Home) -> None:
    """As for an append, the wait has an end."""
    erased = record()
    holder = (
        "import fcntl, sys, time\nlog = open(sys.argv[1])\nfcntl.flock(log, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen(
        [PYTHON, "-c", holder, str(home.log("t"))], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            done = erasing(home, erased)
        finally:
            process.kill()
    assert done.returncode == 1
    assert "held its lock" in done.stdout + done.stderr
    assert SECRET in home.log("t").read_text()


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("req_01M81TKXJ0T2EK26P71RZJ8S22",), 1),
        ((), 2),
        (("--tool", "nosuch", "req_01M81TKXJ0T2EK26P71RZJ8S22"), 1),
    ],
)
def test_what_cannot_be_erased_is_said(
    home: Home, arguments: tuple[str, ...], exit_code: int
) -> None:
    """An id that no log knows stops everything before anything is changed."""
    erased = record()
    done = erasing(home, *arguments, *([erased] if exit_code == 1 else []))
    assert done.returncode == exit_code
    assert "Traceback" not in done.stderr
    assert SECRET in home.log("t").read_text()


def test_a_reason_is_needed(home: Home) -> None:
    """It is what remains of the call."""
    erased = record()
    assert home.tooltrail("erase", erased).returncode == 2
    assert home.tooltrail("erase", erased, "--reason", " ").returncode == 2
    assert SECRET in home.log("t").read_text()


def test_it_says_what_it_cannot_do(home: Home) -> None:
    """Blocks of the old file, snapshots and backups are not ours to erase."""
    erased = record()
    assert "backups" in erasing(home, erased, "--output", "table").stdout
    assert (
        "backups" in response_in(erasing(home, erased, "--output", "json").stdout)["data"]["note"]
    )


WRITER = """
import sys, tooltrail
for number in range(int(sys.argv[2])):
    with tooltrail.invocation("t", "write", {"n": number, "by": sys.argv[1]}): pass
print("done")
"""


def test_nothing_is_lost_while_others_write(home: Home) -> None:
    """Four processes record while calls are erased: every line of theirs is there, once."""
    path = home.log("t")
    ids = [record() for _ in range(8)]
    code = WRITER
    writers = [
        subprocess.Popen(
            [PYTHON, "-c", code, str(number), "150"],
            env=home.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    rounds = 0
    waiting = list(ids)
    while any(writer.poll() is None for writer in writers) or waiting:
        wanted = {waiting.pop()} if waiting else {record()}
        order = Order(wanted, "test", REASON)
        erase(find(str(path), order), order)
        rounds += 1
    for writer in writers:
        out, err = writer.communicate()
        assert (writer.returncode, out, err) == (0, "done\n", "")
    assert rounds >= 8
    ends = [event for event in events_in(path) if event["event"] == "end"]
    written = sorted(
        (event["params"]["by"], event["params"]["n"])
        for event in ends
        if event.get("command") == "write"
    )
    assert written == sorted((str(by), n) for by in range(4) for n in range(150))
    assert SECRET not in path.read_text()
    assert [event["seq"] for event in events_in(path)] == list(range(len(lines_in(path))))
    assert not (path.parent / "lost.jsonl").exists()
    assert_sound(path)


def test_a_call_that_is_recorded_meanwhile_is_erased_too(home: Home) -> None:
    """The secret may come again between the search and the lock."""
    path = home.log("t")
    record()
    order = Order(set(), "test", REASON, Secret(SECRET))
    found = find(str(path), order)
    later = record()
    erase(found, order)
    assert later in order.ids
    assert SECRET not in path.read_text()
    assert_sound(path)


def test_the_file_stays_its_owners(home: Home) -> None:
    """The mode is that of before: 0600, unless the owner chose another."""
    erased = record()
    erasing(home, erased)
    assert stat.S_IMODE(home.log("t").stat().st_mode) == 0o600
