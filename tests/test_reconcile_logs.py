"""Logs that are not what they seem: an application's, packed ones, odd numbers, long banners."""

import gzip
import json
import signal
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import TOOLTRAIL, Home, needs, response_in
from server_logs import python_server
from tooltrail.reconcile.server_log import ServerLog
from tooltrail.reconcile.times import read_time

pytestmark = needs("curl")
BANNER = "starting worker, all is well\n"


def called(home: Home, folder: Path, *paths: str) -> list[str]:
    """Make recorded calls of curl to a real server; return the lines of its combined log."""
    with python_server(folder, "combined", 0) as (port, log):
        for path in paths:
            done = home.tooltrail("run", "--", "curl", "-s", f"http://127.0.0.1:{port}{path}")
            assert done.returncode == 0
    return log.read_text().splitlines(keepends=True)


def reconcile(home: Home, log: Path, content: bytes | str, *more: str, code: int) -> dict[str, Any]:
    """Write a log, hold the calls against it, and return `data` of the answer."""
    log.write_bytes(content.encode() if isinstance(content, str) else content)
    done = home.tooltrail("reconcile", "--server-log", str(log), *more, "--output", "json")
    assert done.returncode == code, done.stdout + done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    return data


def ends(home: Home) -> list[float]:
    """Return when the recorded calls ended."""
    return [
        datetime.fromisoformat(end["timestamp"]).timestamp() + end["duration_ms"] / 1000
        for end in home.events("tooltrail", "end")
        if end.get("recorder") == "wrapper"
    ]


def stamp(at: float) -> str:
    """Return a time as applications log it."""
    return datetime.fromtimestamp(at, UTC).isoformat()


@pytest.mark.parametrize("format_name", ["auto", "json", "logfmt"])
def test_lines_of_an_application_that_tell_of_no_request_are_no_evidence(
    home: Home, tmp_path: Path, format_name: str
) -> None:
    """However well their times fit: neither a request nor the server's clock is in them."""
    called(home, tmp_path, "/a", "/b", "/c")
    beats: list[dict[str, Any]] = [
        {"time": stamp(at + 0.07), "level": "info", "msg": "heartbeat", "host": "web-1"}
        for at in ends(home)
    ]
    assert len(beats) == 3
    text = "".join(
        json.dumps(beat) + "\n"
        if format_name != "logfmt"
        else " ".join(f"{name}={value}" for name, value in beat.items()) + "\n"
        for beat in beats
    )
    data = reconcile(home, tmp_path / "app.log", text, "--format", format_name, code=1)
    assert data["counts"] == {"not_covered": 3}
    assert data["offset"] is None
    assert data["no_request_lines"] == data["lines"] == 3
    assert data["strangers"] == 0
    assert any("say nothing of a request" in note for note in data["notes"])


def test_an_application_may_log_requests_between_other_lines(home: Home, tmp_path: Path) -> None:
    """Those are found, and the others are counted apart."""
    with python_server(tmp_path, "json", 0) as (port, log):
        for path in ("/a", "/b"):
            home.tooltrail("run", "--", "curl", "-s", f"http://127.0.0.1:{port}{path}")
    beats = [json.dumps({"ts": at + 0.01, "msg": "heartbeat"}) + "\n" for at in ends(home)]
    first, second = log.read_text().splitlines(keepends=True)
    text = first + beats[0] * 60 + second + beats[1]
    data = reconcile(home, tmp_path / "app.log", text, code=0)
    assert data["counts"] == {"matched": 2}
    assert [seen["lines"][0]["line"] for seen in data["requests"]] == [1, 62]
    assert (data["lines"], data["no_request_lines"], data["strangers"]) == (63, 61, 0)


def test_a_line_that_shares_nothing_but_the_time_is_never_sure(home: Home, tmp_path: Path) -> None:
    """A status alone, where the call knows method and path: it may be, and no more."""
    called(home, tmp_path, "/a", "/b", "/c")
    text = "".join(json.dumps({"time": stamp(at), "status": 200}) + "\n" for at in ends(home))
    data = reconcile(home, tmp_path / "app.log", text, code=0)
    assert data["counts"] == {"ambiguous": 3}
    assert data["offset"] is None
    assert all(seen["confidence"] <= 0.5 for seen in data["requests"])
    assert all("neither says" in seen["reason"] for seen in data["requests"])


def test_more_requests_than_lines_leave_no_strangers_and_not_less(
    home: Home, tmp_path: Path
) -> None:
    """One line may be each of three requests: it is one of ours, and two have none."""
    lines = called(home, tmp_path, "/a?{1,2,3}")
    assert len(lines) == 3
    data = reconcile(home, tmp_path / "one.log", lines[0], code=1)
    assert data["counts"] == {"ambiguous": 3}
    assert data["at_least_missing"] == 2
    assert data["strangers"] == 0


@pytest.mark.parametrize(
    "value",
    [
        *('"' + "9" * 5000 + '"', "9" * 5000, "9" * 400, "-1", "1e999", "-1e999", "NaN", "1e308"),
        *('"inf"', '"\u00b2"', '"\u0662\u0660\u0660"', '"1e99"', "true", "null", "[]", "{}"),
        *('"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"99/Nov/9999:99:99:99"'),
    ],
)
def test_no_number_in_a_line_makes_reading_fail(tmp_path: Path, value: str) -> None:
    """In any field, in any format; the lines around it are read."""
    good = '{"time":"2026-11-23T05:00:00Z","method":"GET","path":"/a","status":200}\n'
    for field in ("time", "ts", "status", "method", "path", "host", "request"):
        odd = f'{{"{field}":{value},"x":1}}\n{{"time":"2026-11-23T05:00:00Z","{field}":{value}}}\n'
        for text in (odd, odd.replace('{"', "").replace('":', "=").replace(',"', " ")):
            log = tmp_path / "app.log"
            log.write_text(good + text + good)
            read = [line for line, _ in ServerLog(str(log), "json", 1.79e9).read()]
            assert [line.number for line in read if line.status == 200][:1] == [1]
            assert read[-1].number == 4
            assert all(line.status is None or 100 <= line.status <= 999 for line in read)


def test_a_record_with_numbers_that_are_too_large_is_read(home: Home, tmp_path: Path) -> None:
    """As a writer in another language, or a hand, may leave them; the others are found."""
    lines = called(home, tmp_path, "/a", "/b")
    log = home.log("tooltrail")
    text = log.read_text()
    end = next(line for line in text.splitlines() if '"event":"end"' in line)
    took = f'"duration_ms":{json.loads(end)["duration_ms"]}'
    log.write_text(text.replace(end, end.replace(took, f'"duration_ms":{"9" * 400}')))
    data = reconcile(home, tmp_path / "a.log", "".join(lines), code=0)
    assert data["counts"] == {"matched": 1}
    assert data["requests"][0]["request"]["path"] == "/b"


def test_a_client_that_was_ended_may_never_have_sent_its_request(
    home: Home, tmp_path: Path
) -> None:
    """No line of it is in the log, and nothing is missing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with subprocess.Popen([TOOLTRAIL, "run", "--", "curl", "-s", url]) as process:
            silent.settimeout(30)
            peer, _ = silent.accept()
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            peer.close()
    at = datetime.fromisoformat(home.end("tooltrail")["timestamp"]).timestamp()
    text = "".join(
        json.dumps({"time": stamp(at + late), "method": "GET", "path": "/x", "status": 200}) + "\n"
        for late in (-60, 60)
    )
    data = reconcile(home, tmp_path / "a.log", text, code=0)
    assert data["counts"] == {"unanswered": 1}


def test_a_long_banner_before_the_first_request_is_passed_over(home: Home, tmp_path: Path) -> None:
    """It is counted; only what holds no request anywhere near its start is no log."""
    lines = called(home, tmp_path, "/a")
    data = reconcile(home, tmp_path / "a.log", BANNER * 300 + "\n" * 5000 + lines[0], code=0)
    assert data["counts"] == {"matched": 1}
    assert data["format"] == "combined"
    assert data["unread_lines"] == 300
    assert data["requests"][0]["lines"][0]["line"] == 5301
    log = tmp_path / "prose.log"
    log.write_text(BANNER * 100_000)
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "text")
    assert done.returncode == 2
    assert "line 1 does not fit" in done.stderr


@pytest.mark.parametrize("content", ["", "\n", "\n \n\t\n" * 100, "#Version: 1.0\n\n"])
@pytest.mark.parametrize("format_name", ["auto", "json", "combined"])
def test_a_log_of_blank_lines_is_an_empty_one(
    home: Home, tmp_path: Path, content: str, format_name: str
) -> None:
    """It covers nothing."""
    called(home, tmp_path, "/a")
    data = reconcile(home, tmp_path / "a.log", content, "--format", format_name, code=1)
    assert data["counts"] == {"not_covered": 1}
    assert data["lines"] == data["unread_lines"] == data["strangers"] == 0
    assert "holds no line" in data["notes"][0]


@pytest.mark.parametrize(
    ("start", "host"),
    [
        ("[::1]:443 ::1 - - [", "::1"),
        ("[2001:db8::2] 2001:db8::1 - bob [", "2001:db8::2"),
        ("example.com:443 ::1 - - [", "example.com"),
        ("::1 - - [", None),
        ("[::1] - - [", None),
        ("1.2.3.4 - - [", None),
    ],
)
def test_a_host_and_an_address_of_ipv6_are_read(
    tmp_path: Path, start: str, host: str | None
) -> None:
    """With brackets, as in URLs, and with a port."""
    log = tmp_path / "a.log"
    log.write_text(f'{start}22/Nov/2026:14:30:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"\n')
    ((line, _),) = ServerLog(str(log), "auto", 0.0).read()
    assert (line.host, line.method, line.path, line.status) == (host, "GET", "/a", 200)


@pytest.mark.parametrize(
    ("number", "fineness"),
    [
        (1.79535780025e18, 1e-6),
        (1795357800250000000, 1e-9),
        (1.79535780025e15, 1e-6),
        (1795357800250.0, 1e-3),
        ("1.79535780025E+9", 1.0),
        ("1795357800.250000000000000", 1e-9),
    ],
)
def test_times_as_floats_are_read_whatever_their_unit(number: object, fineness: float) -> None:
    """Python and JavaScript write large ones with an exponent."""
    found = read_time(str(number), 0.0)
    assert found is not None
    assert found.at == pytest.approx(1795357800.25, abs=1e-5)
    assert found.fineness == pytest.approx(fineness)


@pytest.mark.parametrize("tail", [b"garbage", b"\x1f", b"\0\0\0x", b"127.0.0.1 - - [2"])
def test_what_follows_a_packed_log_is_left_out_and_said(
    home: Home, tmp_path: Path, tail: bytes
) -> None:
    """All that was packed is read, its last line too, which has no end."""
    lines = called(home, tmp_path, "/a", "/b")
    packed = gzip.compress(lines[0].encode()) + gzip.compress(lines[1].rstrip().encode())
    data = reconcile(home, tmp_path / "a.log", packed + tail, code=0)
    assert data["counts"] == {"matched": 2}
    assert any("what follows the end of the packed log" in note for note in data["notes"])
    data = reconcile(home, tmp_path / "b.log", packed + b"\0" * 700, code=0)
    assert data["counts"] == {"matched": 2}
    assert not any("packed" in note for note in data["notes"])


def test_a_packed_log_is_read_from_stdin_too(home: Home, tmp_path: Path) -> None:
    """It is told by its first bytes, as a file is."""
    (line,) = called(home, tmp_path, "/a")
    done = home.tooltrail(
        "reconcile", "--server-log", "-", "--output", "json",
        input=gzip.compress(line.encode()), text=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert response_in(str(done.stdout, "ascii"))["data"]["counts"] == {"matched": 1}  # type: ignore[call-overload]
