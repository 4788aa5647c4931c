"""Receipts: found in anything that holds them, and held against the logs."""

import io
import json
import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import PYTHON, TOOLTRAIL, Home, response_in
from logs import LOG_ID, MadeLog, digest
from tooltrail.trail.registry import acknowledge, register
from tooltrail.trust import receipts as module
from tooltrail.trust.receipts import receipts_in
from tooltrail.trust.scope import Verification, verify

HASH = "0123456789abcdef" * 4
RECEIPT = {"log": LOG_ID, "seq": 17, "hash": f"sha256:{HASH}"}
FOUND = (LOG_ID, 17, HASH.encode())


def found(text: "str | bytes") -> list[tuple[str | None, int, bytes]]:
    data = text.encode() if isinstance(text, str) else text
    return list(receipts_in(io.BytesIO(data)))


# -- finding them


def test_a_receipt_in_a_response() -> None:
    """As `meta` has it, compact or laid out, in any order of members, with others beside."""
    response = {"ok": True, "data": {}, "meta": {"request_id": "r", "receipt": RECEIPT}}
    assert found(json.dumps(response)) == [FOUND]
    assert found(json.dumps(response, indent=4)) == [FOUND]
    assert found(json.dumps(response, separators=(",", ":"))) == [FOUND]
    assert found(json.dumps(dict(reversed(RECEIPT.items())))) == [FOUND]
    assert found(json.dumps({"more": 1, **RECEIPT, "at": "later"})) == [FOUND]
    assert found(json.dumps(RECEIPT, indent="\t").replace("\n", "\r\n")) == [FOUND]
    assert found(repr(RECEIPT)) == [FOUND]  # a transcript that Python printed


def test_a_receipt_of_a_log_without_an_id() -> None:
    """`log` is null where the first line was damaged."""
    assert found(json.dumps({**RECEIPT, "log": None})) == [(None, 17, HASH.encode())]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("depth", range(8))
def test_a_receipt_in_a_text_in_a_text(depth: int, indent: int | None) -> None:
    """A transcript holds what the tool printed as a JSON string, and that may be within another."""
    text = json.dumps({"meta": {"receipt": RECEIPT}}, indent=indent)
    for _ in range(depth):
        text = json.dumps({"content": [{"type": "text", "text": f"$ run\n{text}\n"}]})
    assert found(text) == [FOUND]


def test_other_ways_to_escape_a_quote() -> None:
    """Encoders that are made for HTML write them otherwise."""
    text = json.dumps(RECEIPT)
    assert found(text.replace('"', "\\u0022")) == [FOUND]
    assert found(text.replace('"', "&quot;")) == [FOUND]


def test_what_is_no_receipt() -> None:
    """Lines of a log, digests and parts of receipts are passed over."""
    made = MadeLog()
    made.call(1)
    made.erase(0, 1)
    made.seal()
    made.prune()
    assert found(made.files()["audit.jsonl"]) == []
    for text in (
        json.dumps({"log": LOG_ID, "seq": 17}),
        json.dumps({"log": LOG_ID, "hash": f"sha256:{HASH}"}),
        json.dumps({**RECEIPT, "hash": f"sha256:{HASH}0"}),
        json.dumps({**RECEIPT, "hash": f"sha256:{HASH[1:]}"}),
        json.dumps({**RECEIPT, "seq": -1}),
        json.dumps({**RECEIPT, "log": "other"}),
        json.dumps([RECEIPT])[1:-2],
        "sha256:" * 1000,
        "",
    ):
        assert found(text) == [], text


def test_receipts_among_anything_else() -> None:
    """Binary garbage, half a receipt and a million braces are no obstacle."""
    noise = random.Random(1).randbytes(50_000)
    text = json.dumps(RECEIPT).encode()
    assert found(noise + text + noise + text[:40] + text + b"{" * 100_000) == [FOUND] * 2


@settings(deadline=None)
@given(st.lists(st.integers(0, 400), max_size=12), st.integers(1, 300))
def test_where_a_block_ends_does_not_matter(gaps: list[int], block: int) -> None:
    """A file is read in blocks, and no receipt is lost or seen twice at their borders."""
    text = "".join("x" * gap + json.dumps({**RECEIPT, "seq": n}) for n, gap in enumerate(gaps))
    size, window = module._BLOCK_BYTES, module._WINDOW
    module._BLOCK_BYTES, module._WINDOW = block, 200
    try:
        assert [seq for _, seq, _ in found(text)] == list(range(len(gaps)))
    finally:
        module._BLOCK_BYTES, module._WINDOW = size, window


def test_a_large_file_is_read_as_a_stream(tmp_path: Path) -> None:
    """Memory does not grow with a transcript."""
    big = tmp_path / "big"
    with big.open("wb") as file:
        for number in range(64):
            file.write(os.urandom(1 << 20))
            file.write(json.dumps({**RECEIPT, "seq": number}).encode())
    code = (
        "import resource, sys\n"
        "from tooltrail.trust.receipts import receipts_in\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(sum(1 for _ in receipts_in(open(sys.argv[1], 'rb'))))\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert after - before < 20_000, after - before\n"
    )
    done = subprocess.run([PYTHON, "-c", code, big], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("64\n", "")


# -- holding them against a log


def log_of(lines: int) -> tuple[MadeLog, list[dict[str, Any]]]:
    """Return a log, and the receipts of all its lines."""
    made = MadeLog()
    for number in range(lines - 1):
        made.call(number)
    return made, [made.receipt(line) for line in made.segments[0]]


def check(
    tmp_path: Path, made: MadeLog, *receipts: dict[str, Any], log: str = "logs/demo"
) -> Verification:
    """Verify a log with receipts, which are handed over as JSON lines."""
    path = made.write(tmp_path / log)
    kept = tmp_path / "kept.jsonl"
    kept.write_text("".join(json.dumps({"meta": {"receipt": each}}) + "\n" for each in receipts))
    return verify([str(path)], [str(kept)])


def counts(verified: Verification) -> dict[str, int]:
    assert verified.receipts is not None
    return verified.receipts.counts()


def test_receipts_that_hold(tmp_path: Path) -> None:
    """With one for the last line there is nothing left that verify cannot vouch for."""
    made, receipts = log_of(6)
    verified = check(tmp_path, made, *receipts, receipts[2])
    assert (counts(verified), verified.exit_code) == ({"holds": 6}, 0)
    assert verified.receipts is not None
    assert verified.receipts.found == 7
    assert verified.unknowns() == [
        "integrity is not completeness: what was never recorded leaves no trace here"
    ]


def test_what_comes_after_the_last_receipt(tmp_path: Path) -> None:
    """A receipt vouches for its line and those before it, and verify says how far that is."""
    made, receipts = log_of(6)
    verified = check(tmp_path, made, receipts[1], receipts[3])
    assert verified.exit_code == 0
    assert "after seq 3; it ends at seq 5" in verified.unknowns()[0]


def test_a_tail_that_was_cut_off(tmp_path: Path) -> None:
    """The receipts of the lines that are gone say how many there were, at least."""
    made, receipts = log_of(9)
    del made.segments[0][4:]
    verified = check(tmp_path, made, *receipts)
    assert (counts(verified), verified.exit_code) == ({"holds": 4, "truncated": 5}, 1)
    (finding,) = verified.reports[0].findings
    assert (finding.verdict, finding.seq) == ("truncated", 8)
    assert "at least 5 lines are gone" in finding.message


def test_a_log_that_was_written_anew(tmp_path: Path) -> None:
    """Its chain fits, but other lines stand where those of the receipts stood."""
    _, receipts = log_of(6)
    other = MadeLog()
    other.call(0)
    for number in range(5):
        other.call(number, forged=True)
    verified = check(tmp_path, other, *receipts)
    assert counts(verified) == {"holds": 2, "edited": 4}
    (finding,) = verified.reports[0].findings
    assert (finding.verdict, finding.segment, finding.line) == ("edited", "audit.jsonl", 3)
    assert "3 more" in finding.message
    assert verified.exit_code == 1


def test_a_tail_that_was_cut_off_and_grew_again(tmp_path: Path) -> None:
    """The lines that took the place of those that are gone have other hashes."""
    made, receipts = log_of(6)
    made.segments[0].pop()
    made.seq, made.prev = 5, digest(made.segments[0][-1])
    made.call(8, other=True)
    made.call(9)
    verified = check(tmp_path, made, receipts[5])
    assert (counts(verified), verified.reports[0].verdict) == ({"edited": 1}, "edited")
    assert verified.reports[0].findings[0].line == 6


def test_an_edit_of_the_last_line(tmp_path: Path) -> None:
    """Nobody but a receipt can tell."""
    made, receipts = log_of(4)
    last = made.segments[0][-1]
    made.segments[0][-1] = last.replace(b"req_0", b"req_1")
    assert check(tmp_path, made, receipts[2]).exit_code == 0
    verified = check(tmp_path, made, receipts[3])
    assert verified.exit_code == 1
    assert verified.reports[0].findings[0].line == 4


def test_in_a_broken_log_receipts_tell_what_is_left(tmp_path: Path) -> None:
    """Lines that are still there hold, wherever they stand; those in the gap were removed."""
    made, receipts = log_of(8)
    lines = made.segments[0]
    made.segments[0] = [*lines[:2], *lines[4:6], lines[7], lines[6]]
    verified = check(tmp_path, made, *receipts)
    assert counts(verified) == {"holds": 6, "removed": 2}
    assert verified.reports[0].verdict == "removed"


def test_erased_and_pruned_lines(tmp_path: Path) -> None:
    """A tombstone stands for its line, and what was pruned cannot be looked at any more."""
    made, receipts = log_of(5)
    made.seal()
    seal = made.receipt(made.segments[0][-1])
    made.erase(0, 2)
    verified = check(tmp_path, made, *receipts, seal)
    assert (counts(verified), verified.exit_code) == ({"holds": 5, "erased": 1}, 0)
    made.prune()
    verified = check(tmp_path, made, *receipts, seal)
    assert (counts(verified), verified.exit_code) == ({"pruned": 6}, 0)
    other = {**seal, "hash": f"sha256:{HASH}"}
    assert check(tmp_path, made, other).exit_code == 1  # the prune line knows its hash
    first = tmp_path / "logs" / "demo" / "audit.jsonl"
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join(line for line in lines if b'"prune"' not in line))
    verified = verify([str(first)], [str(tmp_path / "kept.jsonl")])
    assert counts(verified) == {"removed": 1}


def test_a_receipt_of_a_torn_numbers_successor(tmp_path: Path) -> None:
    """A number that a torn line had is given again: the receipt is of the line that has it."""
    made, receipts = log_of(4)
    made.tear(180)
    receipts.append(made.receipt(made.call(9)))
    assert counts(check(tmp_path, made, *receipts)) == {"holds": 5}


def test_two_receipts_for_one_line(tmp_path: Path) -> None:
    """At most one of them can hold: somebody was given another log."""
    made, receipts = log_of(4)
    verified = check(tmp_path, made, receipts[2], {**receipts[2], "hash": f"sha256:{HASH}"})
    assert counts(verified) == {"holds": 1, "edited": 1}
    assert verified.exit_code == 1


def test_a_receipt_without_a_log(tmp_path: Path) -> None:
    """It holds where any of the logs has that line, and else nobody can say."""
    made, receipts = log_of(4)
    assert counts(check(tmp_path, made, {**receipts[2], "log": None})) == {"holds": 1}
    verified = check(tmp_path, made, {**receipts[2], "log": None, "hash": f"sha256:{HASH}"})
    assert (counts(verified), verified.exit_code) == ({"unknown": 1}, 3)


def test_a_receipt_of_a_log_that_is_not_here(tmp_path: Path) -> None:
    """Nothing is wrong, and something could not be checked."""
    made, receipts = log_of(4)
    other = {**RECEIPT, "log": "log_" + "0" * 26}
    verified = check(tmp_path, made, receipts[1], other)
    assert (counts(verified), verified.exit_code) == ({"holds": 1, "unknown": 1}, 3)
    assert "log is not here" in verified.unknowns()[0]
    lines = made.segments[0]
    lines[1], lines[2] = lines[2], lines[1]
    assert check(tmp_path, made, receipts[1], other).exit_code == 1  # what is wrong wins


@pytest.fixture
def two_logs(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two registered logs, and a file with receipts of both."""
    monkeypatch.setattr("conftest._validate", lambda log: None)
    kept = tmp_path / "kept"
    with kept.open("w") as file:
        for tool in ("one", "two"):
            made = MadeLog(tool, f"log_{tool.upper():0>26}")
            file.write(json.dumps(made.receipt(made.call(1))))
            path = made.write(home.data / tool)
            register(str(path), made.log_id, tool)
    return kept


def test_receipts_of_logs_that_were_not_asked_for(home: Home, two_logs: Path) -> None:
    """A transcript holds receipts of many tools: those of others are counted, and no matter."""
    verified = verify(["one"], [str(two_logs)])
    assert (counts(verified), verified.exit_code) == ({"holds": 1, "not_asked": 1}, 0)
    assert counts(verify(None, [str(two_logs)])) == {"holds": 2}


def test_receipts_of_a_registered_log_that_is_gone(home: Home, two_logs: Path) -> None:
    """The registry knows it: it is missing, also where only another log was asked for."""
    shutil.rmtree(home.data / "two")
    verified = verify(["one"], [str(two_logs)])
    assert (counts(verified), verified.exit_code) == ({"holds": 1, "missing": 1}, 1)
    acknowledge(str(home.data), "log_" + "TWO".rjust(26, "0"), "me", "archived")
    verified = verify(["one"], [str(two_logs)])
    assert (counts(verified), verified.exit_code) == ({"holds": 1, "unknown": 1}, 3)


# -- the command


def test_receipts_that_real_calls_gave(home: Home, tmp_path: Path) -> None:
    """What a tool in envelope mode printed is all that is needed to find a cut tail."""
    code = (
        "import tooltrail\n"
        "with tooltrail.invocation('demo', 'go', envelope=True, output='json') as call:\n"
        "    call.data = {}\n"
    )
    transcript = tmp_path / "transcript"
    with transcript.open("w") as file:
        for _ in range(3):
            answer = home.python(code).stdout
            response_in(answer)
            file.write(json.dumps({"role": "tool", "content": json.dumps({"text": answer})}) + "\n")
    done = home.tooltrail("verify", "demo", "--receipts", str(transcript))
    answer = response_in(done.stdout)
    assert done.returncode == 0
    assert answer["data"]["receipts"] == {
        "found": 3, "distinct": 3, "counts": {"holds": 3}, "results": [], "more_results": 0,
    }  # fmt: skip
    log = home.log("demo")
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:-1]))
    done = home.tooltrail("verify", "demo", "--receipts", "-", input=transcript.read_text())
    answer = response_in(done.stdout)
    assert done.returncode == 1
    assert answer["data"]["logs"][0]["verdict"] == "truncated"
    (result,) = answer["data"]["receipts"]["results"]
    assert (result["status"], result["seq"]) == ("truncated", len(lines) - 1)
    text = home.tooltrail(
        "verify", "demo", "--receipts", str(transcript), "--output", "table"
    ).stdout
    assert "3 receipts, 2 of them hold; 1 truncated" in text


def test_receipts_from_several_files_and_a_pipe(home: Home, tmp_path: Path) -> None:
    """The option may be repeated, and a file may be one that a shell made."""
    made, receipts = log_of(3)
    path = made.write(tmp_path / "logs" / "demo")
    for number, receipt in enumerate(receipts):
        (tmp_path / f"kept{number}").write_text(json.dumps(receipt))
    command = (
        f"{TOOLTRAIL} verify {path} --receipts {tmp_path}/kept0 --receipts <(cat {tmp_path}/kept1)"
        f" --receipts - < {tmp_path}/kept2"
    )
    done = home.run("bash", "-c", command, stdin=None)
    assert response_in(done.stdout)["data"]["receipts"]["counts"] == {"holds": 3}


def test_a_file_without_a_receipt_is_a_usage_error(home: Home, tmp_path: Path) -> None:
    """Nothing was checked, and whoever handed the file over has to know that."""
    made, receipts = log_of(3)
    path = str(made.write(tmp_path / "logs" / "demo"))
    empty, good = tmp_path / "empty", tmp_path / "good"
    empty.write_text("no receipt here: sha256:" + HASH)
    good.write_text(json.dumps(receipts[0]))
    for name, reason in (
        (str(empty), "there is no receipt in it"),
        (str(tmp_path / "nothing"), "no such file"),
        (str(tmp_path), "is a directory"),
        ("-", "there is no receipt in it"),
    ):
        done = home.tooltrail(
            "verify", path, "--receipts", str(good), "--receipts", name, "--output", "table"
        )
        assert done.returncode == 2, name
        assert f"--receipts {name}: {reason}" in done.stderr
