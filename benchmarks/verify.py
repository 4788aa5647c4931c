"""How fast `verify` reads a healthy log, against a bare loop that hashes each of its lines.

The bare loop reads the same file and makes one SHA-256 of each line: it compares nothing. The
measuring is done by a second process, under the interpreter that has tooltrail installed. The
named peer checks a chain of its own, with as many lines of the same payload.
"""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import _measure
from _measure import RECORDS, Figure, Workshop

TITLE = "verify: lines of about 500 bytes, nothing wrong with them"
PEER = "matrym-hashchain"
_LINES = 100_000
_SEGMENTS = 4
_PEER_LINES = 10_000  # its append reads the last line each time, and parses all when it verifies
_PAYLOAD = "x" * 300
_LOG_ID = "log_01M81TKXJ4YVCYZFHHHM12ZS3G"


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Return the rates of the bare loop and of ours, on a log in one file, in four, compressed."""
    folder = place.folder / "verify"
    folder.mkdir()
    has_peer = place.install(PEER)
    if not has_peer:
        print(f"{PEER} could not be installed: left out", file=sys.stderr)
    command = [place.python, __file__, "--inside", str(folder), str(rounds), str(int(has_peer))]
    answer = subprocess.run(
        command, env=place.environment("verify"), stdout=subprocess.PIPE, check=True
    )
    rates: dict[str, list[float]] = json.loads(answer.stdout)
    figures = []
    for shape in ("one file", f"{_SEGMENTS} segments", "compressed"):
        bare = Figure(f"bare loop, {shape}", RECORDS, values=rates[f"bare {shape}"])
        at_least = None if shape == "compressed" else 0.5
        ours = Figure(f"tooltrail, {shape}", RECORDS, peer=bare, at_least=at_least)
        ours.values = rates[f"ours {shape}"]
        figures += [bare, ours]
    if has_peer:
        ours = next(figure for figure in figures if figure.name == "tooltrail, one file")
        figures.append(Figure(PEER, RECORDS, peer=ours, values=rates["peer"]))
    return figures


def make(folder: Path, lines: int, segments: int, *, compressed: bool = False) -> Path:
    """Write a log of so many lines, the last segment of it active; return that one's path."""
    folder.mkdir()
    seq, prev = 0, "0" * 64
    for number in range(segments):
        first, active = seq, number == segments - 1
        name = "audit.jsonl" if active else f"audit-{first:012d}.jsonl"
        bodies = [f'"event":"log","log":"{_LOG_ID}","tool":"bench","host":"here","open":[]}}']
        body = f'"event":"begin","request_id":"req_{"0" * 26}","params":{{"text":"{_PAYLOAD}"}}}}'
        bodies += [body] * (lines // segments - 2)
        bodies.append(body if active else f'"event":"seal","segment":"{name}"}}')
        written = []
        for body in bodies:
            line = (
                f'{{"v":1,"seq":{seq},"prev":"sha256:{prev}"'
                f',"logged_at":"2026-11-22T14:30:00.000Z",{body}'
            ).encode()
            written.append(line + b"\n")
            seq, prev = seq + 1, sha256(line).hexdigest()
        data = b"".join(written)
        if compressed and not active:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, 6))
        else:
            (folder / name).write_bytes(data)
    return folder / "audit.jsonl"


def bare(path: Path) -> int:
    """Read all files of a log, and hash each line; return how many there were."""
    lines = 0
    for file in sorted(path.parent.iterdir()):
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as log:
            for line in log:
                sha256(line).digest()
                lines += 1
    return lines


def inside(folder: str, rounds: int, has_peer: bool) -> None:
    """Make the logs, run the rounds, and print all rates as JSON."""
    from tooltrail.trust.verify import verify_log

    def ours(path: Path) -> int:
        report = verify_log(str(path))
        if report.verdict != "intact" or report.lines != _LINES:
            raise SystemExit(f"{report.verdict}, {report.lines} lines")
        return report.lines

    place = Path(folder)
    shapes = {
        "one file": make(place / "one", _LINES, 1),
        f"{_SEGMENTS} segments": make(place / "segments", _LINES, _SEGMENTS),
        "compressed": make(place / "compressed", _LINES, _SEGMENTS, compressed=True),
    }
    runs: list[tuple[str, Callable[[Path], int], Path]] = []
    for shape, path in shapes.items():
        runs += [(f"bare {shape}", bare, path), (f"ours {shape}", ours, path)]
    if has_peer:
        runs.append(("peer", *_peer(place / "peer.jsonl")))
    rates: dict[str, list[float]] = {}
    for number in range(-1, rounds):
        first = number % len(runs)
        for name, run, path in (*runs[first:], *runs[:first]):
            started = time.perf_counter()
            lines = run(path)
            taken = time.perf_counter() - started
            if number >= 0:  # the first time is to warm up
                rates.setdefault(name, []).append(lines / taken)
    json.dump(rates, sys.stdout)


def _peer(path: Path) -> tuple[Callable[[Path], int], Path]:
    """Make the peer's own log, and return what verifies it."""
    from hashchain import append, verify

    for number in range(_PEER_LINES):
        append(path, {"event": "begin", "number": number, "text": _PAYLOAD})

    def run(path: Path) -> int:
        if not verify(path):
            raise SystemExit("the peer's own log does not verify")
        return _PEER_LINES

    return run, path


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1")
    else:
        _measure.main(TITLE, measure)
