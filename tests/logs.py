"""Logs made by hand, by the rules of docs/format: whole, rotated, pruned, erased, torn.

A `MadeLog` is a list of segments, each a list of lines; tests change those as they like, and
write them out. Everything in it is fixed: two logs made in the same way are the same bytes.
"""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
LOG_ID = "log_01M81TKXJ4YVCYZFHHHM12ZS3G"
KEPT = ("v", "seq", "prev", "logged_at", "clamped", "healed_bytes", "event", "request_id", "tool")


def digest(line: bytes) -> str:
    """Return the SHA-256 of a line as hex digits."""
    return hashlib.sha256(line).hexdigest()


def compact(event: dict[str, Any]) -> bytes:
    """Return an event as one line of compact ASCII JSON, without a newline."""
    return json.dumps(event, separators=(",", ":")).encode("ascii")


def segment_name(first_seq: int) -> str:
    """Return the name of a sealed segment."""
    return f"audit-{first_seq:012d}.jsonl"


_PROCESS = {
    "pid": 1, "parent_pid": 0, "start_ticks": 1, "pid_namespace": "1",
    "boot_id": "11111111-1111-4111-8111-111111111111", "host": "elsewhere", "uid": 0,
    "user": "root", "executable": "/bin/made", "cwd": "/", "argv": ["made"],
}  # fmt: skip


def ended_call(number: int, trace_id: str) -> dict[str, Any]:
    """Return what the end line of a call says, beside the event."""
    return {
        "request_id": f"req_{number:026d}", "trace_id": trace_id, "parent_request_id": None,
        "timestamp": "2026-11-22T14:00:00.000Z", "tool": "demo", "command": f"do {number % 3}",
        "exit_code": number % 2, "outcome": "failure" if number % 2 else "success",
        "duration_ms": number % 50, "signal": None, "error": None, "origin": "executed",
        "operator": f"somebody-{number % 7}", "params": {"n": number}, "version": None,
        "recorder": "tool", "trace_source": "TOOL_TRACE_ID", "operator_source": "TOOL_OPERATOR",
        "caller": {}, "process": _PROCESS,
    }  # fmt: skip


class MadeLog:
    """A log under construction. The last of `segments` is the active one."""

    def __init__(self, tool: str = "demo", log_id: str = LOG_ID) -> None:
        self.tool = tool
        self.log_id = log_id
        self.segments: list[list[bytes]] = [[]]
        self.names: list[str] = []  # of the sealed ones
        self.compressed: set[str] = set()
        self.torn = b""  # at the very end
        self.seq = 0  # of the next line
        self.prev = GENESIS
        self.digests: list[str] = []  # of all lines ever written, as they were
        self.gone = 0  # lines that were pruned
        self._clock = 0
        self._open()

    def _open(self) -> None:
        self.add("log", log=self.log_id, tool=self.tool, host="build-7", open=[])

    def add(self, event: str, *, clamped: bool = False, **fields: Any) -> bytes:
        """Add one line, healing a torn one before it; return it."""
        self._clock += 0 if clamped else 1
        head: dict[str, Any] = {
            "v": 1,
            "seq": self.seq,
            "prev": f"sha256:{self.prev}",
            "logged_at": f"2026-11-22T14:{self._clock // 60 % 60:02d}:{self._clock % 60:02d}.000Z",
        }
        if clamped:
            head["clamped"] = True
        if self.torn:
            head["prev"] = f"sha256:{digest(self.torn)}"
            head["healed_bytes"] = len(self.torn)
            self._put(self.torn)
            self.torn = b""
        line = compact({**head, "event": event, **fields})
        self._put(line)
        self.seq += 1
        return line

    def _put(self, line: bytes) -> None:
        self.segments[-1].append(line)
        self.prev = digest(line)
        self.digests.append(self.prev)

    def call(self, number: int = 0, **fields: Any) -> bytes:
        """Add a line that is about as small as one can be."""
        return self.add("note", request_id=f"req_{number:026d}", **fields)

    def garbage(self, line: bytes) -> None:
        """Put in a line that is none; the next one is chained to it."""
        self._put(line)

    def tear(self, size: int) -> None:
        """Leave the first bytes of the next line, as a writer that dies does."""
        before = (self.seq, self._clock)
        line = self.add("note", request_id="req_" + "9" * 26)
        self.segments[-1].pop()
        self.digests.pop()
        self.seq, self._clock = before
        self.prev = self.digests[-1]
        self.torn = line[: max(1, min(size, len(line) - 1))]

    def seal(self, *, compress: bool = False) -> None:
        """Seal the active segment and begin the next one."""
        first = len(self.digests) - len(self.segments[-1])
        name = segment_name(next(s for s in map(self._seq_of, self.segments[-1]) if s is not None))
        assert first >= 0
        self.add("seal", segment=name)
        self.names.append(name)
        if compress:
            self.compressed.add(name)
        self.segments.append([])
        self._open()

    @staticmethod
    def _seq_of(line: bytes) -> int | None:
        try:
            seq: int = json.loads(line)["seq"]
        except (ValueError, KeyError, TypeError):
            return None
        return seq

    def prune(self, count: int = 1, *, delete: bool = True) -> None:
        """Record that the first sealed segments are pruned, and take them out."""
        names, parts = self.names[:count], self.segments[:count]
        last = parts[-1][-1]
        self.gone += sum(map(len, parts))
        first_seq, last_seq = int(names[0][6:18]), self._seq_of(last)
        self.add(
            "prune",
            segments=names,
            first_seq=first_seq,
            last_seq=last_seq,
            last_hash=f"sha256:{digest(last)}",
            lines=self.gone,
            tree=[],
            by="me",
            reason="max_age 30d",
        )
        if delete:
            del self.names[:count], self.segments[:count]

    def erase(self, segment: int, at: int, *, record: bool = True) -> None:
        """Replace a line by a tombstone, after recording that."""
        line = self.segments[segment][at]
        event = json.loads(line)
        erased = {
            "hash": f"sha256:{digest(line)}",
            "at": "2026-11-22T15:00:00.000Z",
            "by": "me",
            "reason": "a token",
        }
        tombstone = compact(
            {**{name: event[name] for name in KEPT if name in event}, "erased": erased}
        )
        if record:
            self.add(
                "erase",
                request_id=event["request_id"],
                line={
                    "seq": event["seq"],
                    "was": erased["hash"],
                    "now": f"sha256:{digest(tombstone)}",
                },
                by="me",
                reason="a token",
            )
        self.segments[segment][at] = tombstone

    def files(self) -> dict[str, bytes]:
        """Return the files of the log by name."""
        found = {}
        for name, lines in zip([*self.names, "audit.jsonl"], self.segments, strict=True):
            data = b"".join(line + b"\n" for line in lines)
            if name in self.compressed:
                found[name + ".gz"] = gzip.compress(data, mtime=0)
            else:
                found[name] = data
        found["audit.jsonl"] += self.torn
        return found

    def write(self, folder: Path, files: dict[str, bytes] | None = None) -> Path:
        """Write the log, and nothing else, into a folder; return the active segment's path."""
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        for name, data in (self.files() if files is None else files).items():
            (folder / name).write_bytes(data)
        return folder / "audit.jsonl"

    def receipt(self, line: bytes) -> dict[str, Any]:
        """Return the receipt of a line."""
        return {"log": self.log_id, "seq": self._seq_of(line), "hash": f"sha256:{digest(line)}"}
