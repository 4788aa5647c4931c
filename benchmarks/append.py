"""How fast `append` is, against the same by hand and against sqlite3; with and without the disk.

Eight writers at once must lose, tear and fork nothing; that is checked after each benchmark.

The measuring is done by a second process, under the interpreter that has tooltrail installed.
"""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256

import _measure
import by_hand
from _measure import RECORDS, Figure, Workshop

TITLE = "append: one line of about 500 bytes, the log opened each time"
WRITERS = 8
METHODS = ("by hand", "by hand with a time", "tooltrail", "sqlite3", "write + fdatasync", "durable")
_CHAINED = ("by hand", "by hand with a time", "tooltrail", "durable")
_APPENDS = {"write + fdatasync": 25, "durable": 25}  # of one process in one round; else
_MOST_APPENDS = 200
_BODY = '{"event":"begin","params":{"text":"' + "x" * 465 + '"}}'


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Return the rates of one process and of eight at once."""
    folder = place.folder / "append"
    folder.mkdir()
    command = [place.python, __file__, "--inside", str(folder), str(rounds)]
    answer = subprocess.run(
        command, env=place.environment("append"), stdout=subprocess.PIPE, check=True
    )
    rates: dict[str, list[float]] = json.loads(answer.stdout)
    return [figure for writers in (1, WRITERS) for figure in _figures(writers, rates)]


def _figures(writers: int, rates: dict[str, list[float]]) -> list[Figure]:
    label = f"{writers} at once" if writers > 1 else "1 process"
    made: list[Figure] = []

    def figure(method: str, peer: Figure | None = None, at_least: float | None = None) -> Figure:
        found = Figure(f"{method}, {label}", RECORDS, peer=peer, at_least=at_least)
        found.values = rates[f"{writers} {method}"]
        made.append(found)
        return found

    alone = writers == 1
    plain = figure("by hand")
    dated = figure("by hand with a time", plain)
    figure("tooltrail", plain, 0.8 if alone else None)
    figure("tooltrail", dated)
    figure("tooltrail", figure("sqlite3"), None if alone else 1.2)
    figure("durable", figure("write + fdatasync"), 0.8 if alone else None)
    return made


def by_hand_dated(path: str, tool: str, body: str) -> None:
    """Do the same, with the time in the line, as the format has it."""
    by_hand.append(path, tool, body, dated=True)


def to_sqlite(path: str, _tool: str, body: str) -> None:
    """Insert one record into sqlite3 in the mode that is usual for logs; opened once a process."""
    connection = _connections.get(path)
    if connection is None:
        connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)")
        _connections[path] = connection
    connection.execute("INSERT INTO log (body) VALUES (?)", (body,))


_connections: dict[str, sqlite3.Connection] = {}


def written_and_synced(path: str, _tool: str, body: str) -> None:
    """Append the bare record and sync it, without a chain and without a lock."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(fd, f"{body}\n".encode("ascii"))
    os.fdatasync(fd)
    os.close(fd)


def inside(folder: str, rounds: int) -> None:
    """Run the rounds, check all logs, and print all rates as JSON."""
    from tooltrail.trail import append

    def durable(path: str, tool: str, body: str) -> None:
        append(path, tool, body, durable=True)

    by_hand.sha256 = sha256  # OpenSSL's
    written = (by_hand.append, by_hand_dated, append, to_sqlite, written_and_synced, durable)
    methods = dict(zip(METHODS, written, strict=True))
    rates: dict[str, list[float]] = {}
    for writers in (1, WRITERS):
        for number in range(rounds):
            first = number % len(METHODS)
            for name in (*METHODS[first:], *METHODS[:first]):
                path = f"{folder}/{name}-{writers}.jsonl"
                appends = _APPENDS.get(name, _MOST_APPENDS)
                taken = _time(writers, methods[name], path, appends)
                rates.setdefault(f"{writers} {name}", []).append(writers * appends / taken)
        for name in _CHAINED:
            expected = writers * _APPENDS.get(name, _MOST_APPENDS) * rounds
            check(f"{folder}/{name}-{writers}.jsonl", expected + (name in ("tooltrail", "durable")))
    json.dump(rates, sys.stdout)


def _time(
    writers: int, append: Callable[[str, str, str], object], path: str, appends: int
) -> float:
    """Return how many seconds it took until the last of the writers was done."""
    if writers == 1:
        return _append_all(append, path, appends)
    gate, opener = os.pipe()
    for _ in range(writers):
        if os.fork() == 0:
            os.close(opener)
            os.read(gate, 1)  # returns when the parent closes its end
            _append_all(append, path, appends)
            os._exit(0)
    os.close(gate)
    time.sleep(0.01)  # all of them wait now
    started = time.perf_counter()
    os.close(opener)
    statuses = [os.wait()[1] for _ in range(writers)]
    taken = time.perf_counter() - started
    if any(statuses):
        raise SystemExit("a writer failed")
    return taken


def _append_all(append: Callable[[str, str, str], object], path: str, appends: int) -> float:
    started = time.perf_counter()
    for _ in range(appends):
        append(path, "bench", _BODY)
    return time.perf_counter() - started


def check(path: str, expected: int) -> None:
    """Fail unless every line is there, whole, counted without a gap and chained."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    if lines.pop() or len(lines) != expected:
        raise SystemExit(f"{len(lines)} lines instead of {expected}")
    before = None
    for seq, line in enumerate(lines):
        entry = json.loads(line)
        if entry["seq"] != seq:
            raise SystemExit(f"line {seq} says {entry['seq']}")
        if before is not None and entry["prev"] != "sha256:" + sha256(before).hexdigest():
            raise SystemExit(f"line {seq} does not continue the chain")
        before = line


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], int(sys.argv[3]))
    else:
        _measure.main(TITLE, measure)
