"""The least that records a call in chained lines, written by hand: it checks nothing.

What is left of tooltrail's price above this one's is ours: contexts, redaction, settings, a log
that was replaced, torn or full, and everything that a call can end by. It imports what costs a
process the least; where many lines are written, OpenSSL's `sha256` is faster.
"""

import os
import time
from fcntl import LOCK_EX, flock

try:
    from _sha2 import sha256
except ImportError:  # before 3.12
    from _sha256 import sha256


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def append(path: str, _tool: str, body: str, dated: bool = False) -> None:
    """Append one line with its `seq` and the hash of the line before."""
    fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    flock(fd, LOCK_EX)
    size = os.fstat(fd).st_size
    tail = os.pread(fd, 4096, max(0, size - 4096))
    last = tail[tail.rfind(b"\n", 0, -1) + 1 : -1]
    seq = int(last[13 : last.index(b",", 13)]) + 1 if size else 0
    prev = sha256(last).hexdigest()
    at = time.strftime('"logged_at":"%Y-%m-%dT%H:%M:%SZ",', time.gmtime()) if dated else ""
    os.write(fd, f'{{"v":1,"seq":{seq},"prev":"sha256:{prev}",{at}{body[1:]}\n'.encode("ascii"))
    os.close(fd)


def call(command: str) -> "Iterator[None]":
    """Write a call's begin at the first step, its end at the second."""
    path = os.environ["HOME"] + "/by-hand.jsonl"
    trace_id = os.environ.get("TOOL_TRACE_ID") or os.urandom(16).hex()
    said = (
        f'"request_id":"{os.urandom(16).hex()}","trace_id":"{trace_id}","tool":"hello",'
        f'"command":"{command}","params":{{}},"operator":"{os.getuid()}",'
        f'"process":{{"pid":{os.getpid()},"cwd":"{os.getcwd()}"}}'
    )
    began = time.monotonic()
    append(path, "hello", f'{{"event":"begin",{said}}}', dated=True)
    yield
    took = int((time.monotonic() - began) * 1000)
    end = f'{{"event":"end",{said},"exit_code":0,"duration_ms":{took}}}'
    append(path, "hello", end, dated=True)
    yield
