"""Entries as rows for other programs, read back with those."""

import csv
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import duckdb
import pytest

from conftest import TOOLTRAIL, Home

CALLS = """
import tooltrail
for number in range(3):
    with tooltrail.invocation("deployctl", "deploy", {"env": "übergabe", "n": number}) as call:
        call.exit_code = 4 if number == 2 else 0
"""


@pytest.fixture
def busy(home: Home) -> Home:
    """Three calls of a tool, the last of which failed."""
    home.python(CALLS)
    return home


def entries(home: Home) -> list[dict]:
    """Return what `tooltrail log` lists."""
    done = home.tooltrail("log", "--output", "jsonl")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows_in(path: Path, columns: str = "*") -> list[tuple]:
    """Return what duckdb reads from a file."""
    return duckdb.sql(f"select {columns} from '{path}' order by seq").fetchall()


def test_parquet_is_read_back_by_duckdb_with_types(busy: Home, tmp_path: Path) -> None:
    """Ids, numbers, times and params are what the log lists."""
    out = tmp_path / "calls.parquet"
    done = busy.tooltrail("export", "--output", "parquet", "--to", str(out))
    assert (done.returncode, done.stdout) == (0, "")
    rows = rows_in(out, "request_id, exit_code, duration_ms, epoch_ms(timestamp), params")
    listed = entries(busy)
    assert [row[:3] for row in rows] == [
        (entry["request_id"], entry["exit_code"], entry["duration_ms"]) for entry in listed
    ]
    from datetime import datetime

    assert [row[3] for row in rows] == [
        round(datetime.fromisoformat(entry["timestamp"]).timestamp() * 1000) for entry in listed
    ]
    assert [json.loads(row[4]) for row in rows] == [entry["params"] for entry in listed]
    assert out.stat().st_mode & 0o777 == 0o600


def test_all_outputs_have_the_same_rows(busy: Home, tmp_path: Path) -> None:
    """CSV, JSON lines and Parquet differ in form alone."""
    for name in ("parquet", "csv", "jsonl"):
        done = busy.tooltrail("export", "--output", name, "--to", str(tmp_path / f"x.{name}"))
        assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    cells = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    assert [row["request_id"] for row in cells] == [row["request_id"] for row in lines]
    assert list(cells[0]) == list(lines[0])
    for path in tmp_path.glob("x.*"):
        assert rows_in(path, "request_id, exit_code::int") == [
            (row["request_id"], row["exit_code"]) for row in lines
        ]


def test_filters_apply_and_own_reading_is_left_out(busy: Home) -> None:
    """The filters are those of `log`, and so is what is listed without any."""
    entries(busy)  # a call that only reads
    done = busy.tooltrail("export", "--output", "jsonl", "--failed")
    assert [json.loads(line)["exit_code"] for line in done.stdout.splitlines()] == [4]
    done = busy.tooltrail("export", "--output", "jsonl")
    assert {json.loads(line)["tool"] for line in done.stdout.splitlines()} == {"deployctl"}


def test_parquet_goes_through_a_pipe(busy: Home, tmp_path: Path) -> None:
    """A pipe cannot be sought in, and need not be."""
    done = busy.run(TOOLTRAIL, "export", "--output", "parquet", text=False)
    out = tmp_path / "piped.parquet"
    out.write_bytes(done.stdout)
    assert len(rows_in(out, "request_id")) == 3


def test_an_empty_log_gives_a_file_with_columns(home: Home, tmp_path: Path) -> None:
    """No entry is an answer too."""
    out = tmp_path / "none.parquet"
    assert home.tooltrail("export", "--output", "parquet", "--to", str(out)).returncode == 0
    assert duckdb.sql(f"select count(*), count(trace_id) from '{out}'").fetchall() == [(0, 0)]


def test_parquet_is_not_put_onto_a_terminal(busy: Home) -> None:
    """It says where else it could go."""
    ours, theirs = os.openpty()
    done = busy.run(
        TOOLTRAIL, "export", "--output", "parquet", stdout=theirs, stderr=subprocess.PIPE
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert "--to" in done.stderr


def test_without_pyarrow_it_says_what_to_install(busy: Home, tmp_path: Path) -> None:
    """The other outputs work without it."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "pyarrow.py").write_text("raise ImportError('not here')")
    out = tmp_path / "x.parquet"
    env = {"PYTHONPATH": str(hidden)}
    done = busy.tooltrail("export", "--output", "parquet", "--to", str(out), env=env)
    assert done.returncode == 1
    assert "pip install 'tooltrail[parquet]'" in done.stderr
    assert not list(tmp_path.glob("*parquet*")) + list(tmp_path.glob(".*"))
    assert busy.tooltrail("export", "--output", "csv", env=env).returncode == 0


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(
    busy: Home, tmp_path: Path
) -> None:
    """The file of the last time stays as it was."""
    done = busy.tooltrail("export", "--output", "csv", "--to", str(tmp_path / "no" / "x.csv"))
    assert done.returncode == 1
    assert "no such file" in done.stderr
    out = tmp_path / "x.csv"
    out.write_text("before")
    limited = f"ulimit -f 0; exec {TOOLTRAIL} export --output csv --to {out}"
    done = busy.run("sh", "-c", "trap '' XFSZ; " + limited)
    assert done.returncode == 1
    assert out.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir() if "x.csv" in path.name] == ["x.csv"]


def test_a_full_disk_is_said(busy: Home) -> None:
    """A device is written to as it is; parquet and text alike."""
    for name in ("csv", "parquet"):
        done = busy.tooltrail("export", "--output", name, "--to", "/dev/full")
        assert done.returncode == 1
        assert "no space left" in done.stderr


def test_a_reader_that_goes_away_ends_it_without_a_traceback(busy: Home) -> None:
    """Parquet into a closed pipe, as text into one."""
    reading, writing = os.pipe()
    os.close(reading)
    done = busy.run(
        TOOLTRAIL, "export", "--output", "parquet", stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_interrupted_export_leaves_nothing(busy: Home, tmp_path: Path) -> None:
    """Ctrl-C in the middle: neither the file nor a part of it."""
    log = busy.log("deployctl")
    log.write_bytes(log.read_bytes() * 8000)
    out = tmp_path / "x.jsonl"
    running = subprocess.Popen(
        [TOOLTRAIL, "export", "--output", "jsonl", "--to", out], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".x.jsonl*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    log.unlink()  # it is long to validate
    assert running.returncode == -signal.SIGINT
    assert not list(tmp_path.glob("*x.jsonl*")) + list(tmp_path.glob(".x.jsonl*"))
