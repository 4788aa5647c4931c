"""Calls held against the log of a server: real nginx, a real Python server, real clients."""

import gzip
import json
import os
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from conftest import Home, needs, response_in
from server_logs import nginx, python_server

pytestmark = needs("curl")

CLI = """
import sys, urllib.request, urllib.error
import click
from tooltrail.integrations.click import instrument

@click.command()
@click.argument("urls", nargs=-1)
def fetch(urls):
    for url in urls:
        try:
            urllib.request.urlopen(url, timeout=10).read()
        except urllib.error.HTTPError as error:
            click.echo(error.code)

instrument(fetch, tool="fetcher")
fetch(prog_name="fetcher")
"""


def reconcile(home: Home, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run `tooltrail reconcile` and return `data` of its answer."""
    done = home.tooltrail("reconcile", *arguments, "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    return data


def curl(home: Home, url: str) -> None:
    """Make one recorded call of curl."""
    assert home.tooltrail("run", "--", "curl", "-s", url).returncode == 0


def shifted(log: Path, seconds: int) -> Path:
    """Return a copy of a combined log whose clock is off by so many seconds."""

    def moved(found: re.Match[str]) -> str:
        at = time.strptime(found[1][:20], "%d/%b/%Y:%H:%M:%S")
        from calendar import timegm

        zone = int(found[1][21:24]) * 3600
        there = time.gmtime(timegm(at) - zone + seconds)
        return time.strftime("[%d/%b/%Y:%H:%M:%S +0000]", there)

    copy = log.with_name("shifted.log")
    copy.write_text(re.sub(r"\[([^\]]+)\]", moved, log.read_text()))
    return copy


@needs("nginx")
@pytest.mark.parametrize("skew", [0, 7, -7205])
def test_calls_are_found_in_the_log_of_nginx_though_its_clock_is_off(
    home: Home, tmp_path: Path, skew: int
) -> None:
    """By method, path, time and order, with strangers in between, whatever the skew."""
    with nginx(tmp_path) as port:
        base = f"http://127.0.0.1:{port}"
        for number, path in enumerate(("/a", "/b", "/a", "/gone", "/c")):
            curl(home, f"{base}{path}")
            for stranger in ("/x", "/y", "/health")[: number % 3 + 1]:
                urllib.request.urlopen(base + stranger).close()
            time.sleep(1.2)
    text = (tmp_path / "access.log").read_text().splitlines()
    ours = [number for number, line in enumerate(text, 1) if "curl/" in line]
    data = reconcile(home, "--server-log", str(shifted(tmp_path / "access.log", skew)))
    assert data["format"] == "combined"
    assert abs(data["offset"]["seconds"] - skew) <= 1.5
    assert data["counts"] == {"matched": 5}
    assert [seen["lines"][0]["line"] for seen in data["requests"]] == ours
    assert data["strangers"] == len(text) - 5
    assert all(0.95 <= seen["confidence"] <= 1 and seen["reason"] for seen in data["requests"])


@needs("nginx")
def test_an_id_that_nginx_logged_and_sent_settles_which_line_it_is(
    home: Home, tmp_path: Path
) -> None:
    """A Click tool keeps the id that came back in a header; the log has it, so no time is asked."""
    with nginx(tmp_path) as port:
        base = f"http://127.0.0.1:{port}"
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: urllib.request.urlopen(base + "/named").close(), range(12)))
        assert home.python(CLI, f"{base}/named", f"{base}/named").returncode == 0
    data = reconcile(home, "--server-log", str(tmp_path / "access.json"))
    assert data["counts"] == {"matched": 2}
    assert [seen["confidence"] for seen in data["requests"]] == [1.0, 1.0]
    lines = (tmp_path / "access.json").read_text().splitlines()
    for seen in data["requests"]:
        (identity,) = [i for i in seen["request"]["ids"] if not i.startswith("req_")]
        assert identity in lines[seen["lines"][0]["line"] - 1]


@pytest.mark.parametrize("kind", ["json", "combined"])
def test_calls_are_found_in_the_log_of_a_python_server(
    home: Home, tmp_path: Path, kind: str
) -> None:
    """A Click tool tells method and status alone, and strangers ask for the same."""
    with python_server(tmp_path, kind, 11.0) as (port, log):
        base = f"http://127.0.0.1:{port}"
        for path in ("/a", "/missing", "/b", "/missing"):
            urllib.request.urlopen(base + "/other").close()
            time.sleep(2.6)
            assert home.python(CLI, base + path).returncode == 0
            time.sleep(2.6)
    data = reconcile(home, "--server-log", str(log))
    assert data["format"] == kind
    sure = [seen for seen in data["requests"] if seen["state"] == "matched"]
    assert set(data["counts"]) <= {"matched", "ambiguous"}
    assert abs(data["offset"]["seconds"] - 11) <= 1.5
    paths = {"/a": 0, "/missing": 1, "/b": 2}
    assert len(sure) >= 2
    for seen in sure:
        assert seen["lines"][0]["path"] in paths


def test_what_is_not_in_the_log_is_missing(home: Home, tmp_path: Path) -> None:
    """A line that was taken out is told, with exit code 1; the others are found all the same."""
    with python_server(tmp_path, "combined", 0) as (port, log):
        for path in ("/a", "/b", "/c", "/d"):
            curl(home, f"http://127.0.0.1:{port}{path}")
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if "/c " not in line))
    data = reconcile(home, "--server-log", str(log), code=1)
    assert data["counts"] == {"matched": 3, "missing": 1}
    (gone,) = [seen for seen in data["requests"] if seen["state"] == "missing"]
    assert gone["request"]["path"] == "/c"
    said = home.tooltrail("reconcile", "--server-log", str(log), "--output", "text").stdout
    assert "x missing" in said
    assert "/c" in said


def test_calls_at_once_that_look_alike_are_said_to_be_ambiguous(home: Home, tmp_path: Path) -> None:
    """Two lines in the same second could each be either call."""
    with python_server(tmp_path, "combined", 0) as (port, log), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: curl(home, f"http://127.0.0.1:{port}/a"), range(2)))
    data = reconcile(home, "--server-log", str(log))
    states = [seen["state"] for seen in data["requests"]]
    if set(states) == {"matched"}:  # they happened to run one after the other
        first, second = (seen["request"] for seen in data["requests"])
        assert first["started"] + first["duration_ms"] / 1000 <= second["started"]
    else:
        assert states == ["ambiguous", "ambiguous"]
        assert all(len(seen["lines"]) == 2 for seen in data["requests"])


LINE = '1.2.3.4 - - [22/Nov/2026:14:30:00 +0000] "GET / HTTP/1.1" 200 5 "-" "x"\n'


@pytest.mark.parametrize(
    ("content", "format_name", "words"),
    [
        (b"hello\nworld\n", "auto", "line 1 does not fit"),
        (LINE.encode(), "json", "line 1 does not fit"),
        (b"\x7fELF\0\0\0\0", "auto", "not text"),
        (b"\x28\xb5\x2f\xfd1234", "auto", "zstd"),
        (LINE.replace("Nov", "Mai").encode(), "auto", "month 'Mai'"),
        (LINE.encode(), "regex=(", "no regular expression"),
        (LINE.encode(), "regex=(?P<path>/)", "?P<time>"),
        (LINE.encode(), "xml", "not known"),
        (gzip.compress(LINE.encode(), mtime=0)[:-12], "auto", "cannot be read to its end"),
    ],
    ids=["prose", "json", "binary", "zstd", "month", "pattern", "no-time", "unknown", "cut-gzip"],
)
def test_what_is_no_such_log_is_refused_in_clear_words(
    home: Home, tmp_path: Path, content: bytes, format_name: str, words: str
) -> None:
    """With exit code 2, and what was expected."""
    home.tooltrail("run", "--", "curl", "-s", "http://127.0.0.1:9/")
    log = tmp_path / "access.log"
    log.write_bytes(content)
    done = home.tooltrail(
        "reconcile", "--server-log", str(log), "--format", format_name, "--output", "text"
    )
    assert done.returncode == 2
    assert words in done.stderr


def test_a_fifo_is_refused_and_stdin_is_read(home: Home, tmp_path: Path) -> None:
    """Opening a FIFO that nobody writes to would wait for ever."""
    with python_server(tmp_path, "combined", 0) as (port, log):
        curl(home, f"http://127.0.0.1:{port}/a")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = home.tooltrail("reconcile", "--server-log", str(pipe), "--output", "text")
    assert done.returncode == 2
    assert "not a plain file" in done.stderr
    done = home.tooltrail("reconcile", "--server-log", "-", input=log.read_text())
    assert done.returncode == 0
    assert response_in(done.stdout)["data"]["counts"] == {"matched": 1}


def test_a_log_may_be_packed_damaged_or_empty(home: Home, tmp_path: Path) -> None:
    """What cannot be read is counted; an empty log covers nothing."""
    with python_server(tmp_path, "combined", 0) as (port, log):
        curl(home, f"http://127.0.0.1:{port}/a")
    packed = tmp_path / "access.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes() + b"\x1b[31mgarbage\n" + b"127.0.0.1 - - [2"))
    data = reconcile(home, "--server-log", str(packed))
    assert data["counts"] == {"matched": 1}
    assert data["unread_lines"] == 2
    assert "line 2, and the last line is cut" in data["notes"][0]
    empty = tmp_path / "empty.log"
    empty.touch()
    data = reconcile(home, "--server-log", str(empty), code=1)
    assert data["counts"] == {"not_covered": 1}


def test_other_formats_are_read(home: Home, tmp_path: Path) -> None:
    """logfmt, a pattern of one's own, and times without a zone or a year."""
    with python_server(tmp_path, "json", 0) as (port, log):
        curl(home, f"http://127.0.0.1:{port}/a")
    fields = json.loads(log.read_text())
    at = time.gmtime(fields["ts"])
    texts = {
        "logfmt": time.strftime("time=%Y-%m-%dT%H:%M:%SZ", at)
        + ' method=GET path="/a?b=c" status=200',
        "regex=^(?P<time>.{15}) web: (?P<request>.*)$": time.strftime("%b %d %H:%M:%S", at)
        + " web: GET /a HTTP/1.1",
        "common": time.strftime('127.0.0.1 - - [%d/%b/%Y %H:%M:%S] "GET /a HTTP/1.1" 200 -', at),
    }
    for format_name, text in texts.items():
        log.write_text(text + "\n")
        data = reconcile(home, "--server-log", str(log), "--format", format_name)
        assert data["counts"] == {"matched": 1}, (format_name, data)
    assert any("no zone" in note for note in data["notes"])


def test_no_request_and_other_hosts_are_said(home: Home, tmp_path: Path) -> None:
    """There is nothing to look for, or not for that host."""
    log = tmp_path / "access.log"
    log.write_text(LINE)
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "text")
    assert done.returncode == 2
    assert "none of these calls is known to have made an HTTP request" in done.stderr
    home.tooltrail("run", "--", "curl", "-s", "http://127.0.0.1:9/")
    done = home.tooltrail(
        "reconcile", "--server-log", str(log), "--host", "example.com", "--output", "text"
    )
    assert done.returncode == 2
    assert "none of the 1 requests went there" in done.stderr
    done = home.tooltrail("reconcile", "--host", "example.com", "--output", "text")
    assert done.returncode == 2
    assert "--server-log FILE" in done.stderr
