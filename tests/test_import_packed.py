"""Transcripts that are packed with gzip, whatever they are called."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from conftest import Home, response_in

LINES = "".join(
    json.dumps({"argv": ["ls", str(n)], "timestamp": f"2026-11-20T10:00:0{n}Z", "exit_code": 0})
    + "\n"
    for n in range(3)
).encode()


def imported(home: Home, path: Path, code: int = 0) -> dict[str, Any]:
    """Import a file of the own format, and return `data` of the answer."""
    done = home.tooltrail("import", "jsonl", str(path), "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    return data


@pytest.mark.parametrize("name", ["b.jsonl", "b.jsonl.gz", "b"])
def test_a_packed_file_is_told_by_its_first_bytes(home: Home, name: str) -> None:
    """Not by its name; several members are one file."""
    path = home.path / name
    path.write_bytes(gzip.compress(LINES[:50]) + gzip.compress(LINES[50:]))
    data = imported(home, path)
    assert (data["added"], data["bad_lines"], data["unreadable"]) == (3, 0, [])
    assert imported(home, path)["known"] == 3


def test_a_plain_file_may_be_called_gz(home: Home) -> None:
    """It is read as what it is."""
    path = home.path / "a.jsonl.gz"
    path.write_bytes(LINES)
    assert imported(home, path)["added"] == 3


@pytest.mark.parametrize("damage", ["cut", "garbage", "changed"])
def test_what_is_sound_of_a_damaged_file_is_imported_and_the_rest_is_said(
    home: Home, damage: str
) -> None:
    """With exit code 1, and the file's name."""
    first, second = gzip.compress(LINES), gzip.compress(LINES)
    broken = bytearray(second)
    broken[-6] ^= 0xFF  # in the checksum
    path = home.path / "b.jsonl"
    path.write_bytes(
        first + {"cut": second[:-9], "garbage": b"garbage", "changed": bytes(broken)}[damage]
    )
    data = imported(home, path, code=1)
    assert data["added"] == 3
    (said,) = data["unreadable"]
    assert said.startswith(str(path))
    assert "packed" in said
