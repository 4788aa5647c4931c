"""A second reader of the log, written from docs/format/entry-v1.md and sharing no code with it.

It knows the chain, the segments and the marks of a crash, and nothing of how tooltrail writes
them: what both agree on is in the document.
"""

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

_GENESIS = "sha256:" + "0" * 64
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_HEAD = re.compile(rb'\{"v":1,"seq":\d+,"prev":"sha256:[0-9a-f]{64}","logged_at":"[^"]{24}"')
_PAGE = 4096  # bytes; SIGKILL ends a write between two pages, and nowhere else
_SEALED = re.compile(r"audit-(\d{12,})\.jsonl(\.gz)?")


def digest(line: bytes) -> str:
    """Return the hash of a line without its newline (section 4)."""
    return "sha256:" + hashlib.sha256(line).hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return the files of the log whose active segment is `path`, in order (section 12.1)."""
    sealed: dict[int, Path] = {}
    for file in path.parent.iterdir() if path.name == "audit.jsonl" else ():
        found = _SEALED.fullmatch(file.name)
        if found and not (found[2] and file.with_suffix("").exists()):
            sealed[int(found[1])] = file
    files = [sealed[first] for first in sorted(sealed)]
    if path.exists() and not (files and path.samefile(files[-1])):
        files.append(path)
    return files


def sound(line: bytes) -> "dict[str, Any] | None":
    """Return the event of a line that is one: JSON, with the head of version 1."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and _HEAD.match(line) else None


class Check:
    """One log, held to the format: `problems` is empty where it keeps to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.hashes: dict[str, dict[str, Any]] = {}  # hash of a sound line -> its event
        self.stumps: list[bytes] = []  # torn lines that the next writer marked
        self.unmarked: list[bytes] = []  # lines that are none, and nobody said why
        self.ends_a_page: set[bytes] = set()  # torn where the kernel itself tears a write
        self.tail: bytes | None = None  # what stands after the last newline of all
        self.log_ids: list[str] = []
        self.segments = 0
        self._prev, self._seq, self._at = _GENESIS, -1, ""
        self._line: bytes | None = None  # the line before
        self._pending: list[bytes] = []  # what stands before, and is no line
        self._walk()

    def problem(self, where: str, what: str) -> None:
        """Note what does not keep to the format."""
        self.problems.append(f"{self.path.parent.name}/{where}: {what}")

    def events_of(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event."""
        return [line for line in self.events if line["event"] == event]

    @property
    def open_calls(self) -> set[str]:
        """Return the calls that began and have no end."""
        ended = {line["request_id"] for line in self.events_of("end")}
        return {line["request_id"] for line in self.events_of("begin")} - ended

    def _walk(self) -> None:
        files = files_of(self.path)
        self.segments = len(files)
        expected_open: list[str] | None = None
        for file in files:
            reader = _Segment(self, file, active=file == self.path, expected_open=expected_open)
            reader.read()
            expected_open = reader.still_open
        if self.tail is None:
            self.unmarked += self._pending

    def take(self, where: str, line: bytes) -> "dict[str, Any] | None":
        """Take the next line of the chain; return its event where it is a sound one."""
        event = sound(line)
        if event is None:
            self._pending.append(line)  # several: whoever closes one off may die in its turn
        else:
            self._take_sound(where, event)
            self.events.append(event)
            self.hashes[digest(line)] = event
        self._prev, self._line = digest(line), line
        return event

    def _take_sound(self, where: str, event: dict[str, Any]) -> None:
        at = event["logged_at"]
        if event["prev"] != self._prev:
            self.problem(where, "prev is not the hash of the line before")
        if event["seq"] != self._seq + 1:
            self.problem(where, f"seq {event['seq']} follows {self._seq}")
        if not _TIME.fullmatch(at) or at < self._at:
            self.problem(where, f"logged_at {at} follows {self._at}")
        if event.get("clamped") and at != self._at:
            self.problem(where, "clamped, and not the time of the line before")
        healed = event.get("healed_bytes")
        if healed is not None and healed != len(self._line or b""):
            self.problem(where, f"healed_bytes {healed} after a line of {len(self._line or b'')}")
        (self.stumps if healed else self.unmarked).extend(self._pending)
        self._pending.clear()
        self._seq, self._at = event["seq"], at


def _content(file: Path) -> bytes:
    """Return what a segment holds; a reading command may be compressing it right now."""
    if file.suffix != ".gz":
        try:
            return file.read_bytes()
        except FileNotFoundError:
            file = file.with_name(file.name + ".gz")
    return gzip.decompress(file.read_bytes())


class _Segment:
    """One file of a log: what stands first and last in it, and who is in its `open`."""

    def __init__(
        self, check: Check, file: Path, *, active: bool, expected_open: "list[str] | None"
    ) -> None:
        self.check = check
        self.file = file
        self.active = active
        self.expected_open = expected_open  # None: there is no segment before
        self.still_open: list[str] = []
        self._first: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None

    def read(self) -> None:
        *lines, tail = _content(self.file).split(b"\n")
        offset = 0
        for number, line in enumerate(lines, 1):
            self._read_line(f"{self.file.name}:{number}", line)
            if (offset + len(line)) % _PAGE == 0:
                self.check.ends_a_page.add(line)
            offset += len(line) + 1
        if tail:
            self.check.tail = tail
            if not self.active:
                self.check.problem(self.file.name, "a sealed segment ends without a newline")
        if not self.active:
            self._end_of_sealed()

    def _read_line(self, where: str, line: bytes) -> None:
        event = self.check.take(where, line)
        if event is None:
            return
        if self._last is not None and self._last["event"] == "seal":
            self.check.problem(where, "a line after the seal")
        if self._first is None:
            self._first = event
            self._open_segment(where, event)
        elif event["event"] == "log":
            self.check.problem(where, "a log line inside a segment")
        if event["event"] == "begin" and event["request_id"] not in self.still_open:
            self.still_open.append(event["request_id"])
        elif event["event"] == "end" and event["request_id"] in self.still_open:
            self.still_open.remove(event["request_id"])
        self._last = event

    def _open_segment(self, where: str, event: dict[str, Any]) -> None:
        if event["event"] != "log":
            self.check.problem(where, f"a segment opens with {event['event']}")
            return
        if self.check.log_ids and event["log"] != self.check.log_ids[0]:
            self.check.problem(where, f"log {event['log']} goes on as {self.check.log_ids[0]}")
        if not event.get("tool"):
            self.check.problem(where, "a log line without its tool")
        self.check.log_ids.append(event["log"])
        if sorted(event["open"]) != sorted(self.expected_open or []):
            said, true = set(event["open"]), set(self.expected_open or [])
            self.check.problem(
                where, f"open: {len(said - true)} too many, {len(true - said)} missing"
            )

    def _end_of_sealed(self) -> None:
        name = self.file.name.removesuffix(".gz")
        if self._last is None or self._last["event"] != "seal":
            self.check.problem(name, "a sealed segment does not end in a seal")
        elif self._last.get("segment") != name:
            self.check.problem(name, f"its seal names it {self._last.get('segment')}")
        if self._first is not None and name != f"audit-{self._first['seq']:012d}.jsonl":
            self.check.problem(name, f"its first line has seq {self._first['seq']}")


def receipt_problem(check: Check, receipt: "dict[str, Any] | None", request_id: str) -> str:
    """Say what is wrong with a receipt that a response showed, or nothing."""
    if receipt is None:
        return f"{request_id}: answered without a receipt"
    event = check.hashes.get(receipt["hash"])
    if event is None:
        return f"{request_id}: no line has the receipt's hash"
    if event["seq"] != receipt["seq"]:
        return f"{request_id}: the receipt says seq {receipt['seq']}, the line {event['seq']}"
    if event["event"] != "end" or event["request_id"] != request_id:
        return f"{request_id}: the receipt names a line of another kind"
    if receipt["log"] is not None and receipt["log"] not in check.log_ids:
        return f"{request_id}: the receipt is of another log"
    return ""
