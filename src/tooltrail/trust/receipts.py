"""Receipts that others have kept, held against the logs.

A response bears `meta.receipt`: the log's id, a line's number and its hash. Whoever kept the
response can tell a log that was cut or rewritten since, without any service. They are found in
anything that holds them: transcripts, JSON lines, pretty-printed JSON, JSON inside JSON strings.
"""

import re
from bisect import bisect_left, insort

from .._typing import IO, TYPE_CHECKING, Any
from .ends import prune_of
from .findings import (
    EDITED,
    ERASED,
    FAILURES,
    HOLDS,
    MISSING,
    NOT_ASKED,
    PRUNED,
    REMOVED,
    TRUNCATED,
    UNKNOWN,
    Finding,
    counted,
)
from .lines import hash_of, original_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .findings import LogReport
    from .walk import Walk

_HASH = b"sha256:"
_BLOCK_BYTES = 1 << 20
_WINDOW = 16384  # one receipt, with its quotes escaped over and over, is far shorter
# A quotation mark as it is, or escaped for a string within a string, at any depth.
_QUOTE = rb"""(?:\\*["']|\\+u0022|&quot;|&#34;)"""
_SPACE = rb"(?:\s|\\+[nrt])*"
_COLON = _SPACE + b":" + _SPACE
_HASH_MEMBER = re.compile(
    _QUOTE + b"hash" + _QUOTE + _COLON + _QUOTE + b"sha256:([0-9a-f]{64})" + _QUOTE
)
_SEQ_MEMBER = re.compile(_QUOTE + b"seq" + _QUOTE + _COLON + rb"(\d{1,18})(?!\d)")
_LOG_MEMBER = re.compile(
    _QUOTE
    + b"log"
    + _QUOTE
    + _COLON
    + b"(?:(null|None)|"
    + _QUOTE
    + rb"(log_\w{1,64})"
    + _QUOTE
    + b")"
)
_TOLD = 100  # receipts that do not hold, which are told one by one


class Receipt:
    """One receipt, and what became of it."""

    __slots__ = ("hash", "line", "log", "message", "segment", "seq", "status")

    def __init__(self, log: str | None, seq: int, line_hash: bytes) -> None:
        self.log = log
        self.seq = seq
        self.hash = line_hash  # hex digits
        self.status = ""  # not known yet
        self.message = ""
        self.segment: str | None = None  # where the line with this number stands
        self.line: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.receipts.results[]` has it."""
        return {
            "log": self.log,
            "seq": self.seq,
            "hash": "sha256:" + self.hash.decode("ascii"),
            "status": self.status,
            "message": self.message,
        }


def receipts_in(file: IO[bytes]) -> "Iterator[tuple[str | None, int, bytes]]":
    """Yield the log, number and hash of each receipt in a file, which is read as a stream."""
    held = b""
    done = 0  # how far `held` was searched
    while True:
        read = file.read(_BLOCK_BYTES)
        held += read
        end = len(held) - _WINDOW if read else len(held)
        at = held.find(_HASH, done)
        while 0 <= at < end:
            found = _receipt_around(held, at)
            if found is not None:
                yield found
            at = held.find(_HASH, at + 1)
        if not read:
            return
        done = max(done, end)
        keep = max(0, done - _WINDOW)
        held, done = held[keep:], done - keep


def _receipt_around(text: bytes, at: int) -> "tuple[str | None, int, bytes] | None":
    """Return the receipt whose hash stands at `at`: the object around it, if it is one."""
    start = text.rfind(b"{", max(0, at - _WINDOW), at)
    end = text.find(b"}", at, at + _WINDOW)
    if start < 0 or end < 0:
        return None
    members = text[start:end]
    line_hash, seq, log = (
        pattern.search(members) for pattern in (_HASH_MEMBER, _SEQ_MEMBER, _LOG_MEMBER)
    )
    if line_hash is None or seq is None or log is None:
        return None
    return None if log[1] else log[2].decode("ascii"), int(seq[1]), line_hash[1]


class Receipts:
    """All receipts that were handed over, by log and number."""

    def __init__(self) -> None:
        self.found = 0  # with those that were found more than once
        self.by_log: dict[str | None, dict[int, list[Receipt]]] = {}
        self._seqs: dict[str | None, list[int]] = {}
        self._walk: Walk | None = None

    def add(self, log: str | None, seq: int, line_hash: bytes) -> None:
        """Add a receipt; one that is known already changes nothing."""
        self.found += 1
        lines = self.by_log.setdefault(log, {})
        known = lines.setdefault(seq, [])
        if not known:
            insort(self._seqs.setdefault(log, []), seq)
        if all(receipt.hash != line_hash for receipt in known):
            known.append(Receipt(log, seq, line_hash))

    def __iter__(self) -> "Iterator[Receipt]":
        for lines in self.by_log.values():
            for receipts in lines.values():
                yield from receipts

    def of(self, log: str | None) -> "Iterator[Receipt]":
        """Yield the receipts of one log, in the order of its lines."""
        lines = self.by_log.get(log, {})
        for seq in self._seqs.get(log, ()):
            yield from lines[seq]

    def begin(self, walk: "Walk") -> None:
        """Get ready for a walk over one log."""
        self._walk = walk
        watch = self._watch(None)
        if watch is not None:
            walk.watch(watch)

    def opened(self, log: str) -> "Callable[[int, Sequence[bytes], int], None] | None":
        """Return what has to see the lines of this log, where it has receipts."""
        for receipt in self.of(log):
            receipt.status, receipt.segment, receipt.line = "", None, None
        return self._watch(log)

    def _watch(self, log: str | None) -> "Callable[[int, Sequence[bytes], int], None] | None":
        seqs = self._seqs.get(log)
        if not seqs:
            return None
        lines_of = self.by_log[log]

        def watch(first: int, lines: "Sequence[bytes]", place: int) -> None:
            start = bisect_left(seqs, first)
            for seq in seqs[start : bisect_left(seqs, first + len(lines), start)]:
                line = lines[seq - first]
                for receipt in lines_of[seq]:
                    self._compare(receipt, line, place + seq - first)

        return watch

    def _compare(self, receipt: Receipt, line: bytes, place: int) -> None:
        if receipt.status in (HOLDS, ERASED):
            return
        if hash_of(line) == receipt.hash:
            receipt.status = HOLDS
        elif original_hash(line) == receipt.hash:
            receipt.status = ERASED
        elif receipt.log is not None:
            receipt.status = EDITED
        if receipt.line is None and self._walk is not None:
            part = self._walk.parts[-1]
            receipt.segment, receipt.line = part.name, place - part.start + 1

    def judge(self, report: "LogReport", walk: "Walk") -> None:
        """Say what the receipts of one log come to, now that it was read."""
        wrong: dict[str, list[Receipt]] = {}
        for log in walk.ids:
            for receipt in self.of(log):
                _judge(receipt, report, walk)
                if receipt.status in FAILURES:
                    wrong.setdefault(receipt.status, []).append(receipt)
        self._witness(report, walk)
        for receipts in wrong.values():
            report.add(_finding(receipts, report))

    def _witness(self, report: "LogReport", walk: "Walk") -> None:
        for log in (None, *walk.ids):
            for receipt in self.of(log):
                if receipt.status in (HOLDS, ERASED) and receipt.seq <= (report.last_seq or 0):
                    report.witnessed_to = max(report.witnessed_to or 0, receipt.seq)
                    report.unvouched.pop(receipt.seq, None)

    def settle(self, missing: set[str], elsewhere: set[str]) -> None:
        """Say what the receipts are whose log was not read: gone, not asked for, or not here."""
        for receipt in self:
            if receipt.status:
                continue
            if receipt.log in missing:
                receipt.status, receipt.message = MISSING, "its log was here, and is gone"
            elif receipt.log in elsewhere:
                receipt.status, receipt.message = NOT_ASKED, "its log was not asked for"
            else:
                receipt.status, receipt.message = UNKNOWN, "its log is not here"

    def counts(self) -> dict[str, int]:
        """Return how many receipts came to what."""
        counts: dict[str, int] = {}
        for receipt in self:
            counts[receipt.status] = counts.get(receipt.status, 0) + 1
        return counts

    def as_json(self) -> dict[str, Any]:
        """Return them as `data.receipts` has them: those that do not hold, one by one."""
        others = [receipt for receipt in self if receipt.status != HOLDS]
        return {
            "found": self.found,
            "distinct": sum(1 for _ in self),
            "counts": self.counts(),
            "results": [receipt.as_json() for receipt in others[:_TOLD]],
            "more_results": max(0, len(others) - _TOLD),
        }


def _judge(receipt: Receipt, report: "LogReport", walk: "Walk") -> None:
    last = -1 if report.last_seq is None else report.last_seq
    first = walk.runs[0] if walk.runs else None
    if receipt.status == ERASED:
        receipt.message = "the line was erased since; it stands for the one that the receipt names"
    elif receipt.seq > last and receipt.status != HOLDS:
        receipt.status = TRUNCATED
        receipt.message = f"the log ends at seq {last}" if last >= 0 else "the log has no line"
    elif receipt.status == EDITED:
        receipt.message = "another line stands there"
    elif (
        not receipt.status
        and first is not None
        and receipt.seq < first.first_seq
        and prune_of(walk, first) is not None
    ):
        _judge_pruned(receipt, first.first_seq, first.first_prev)
    elif not receipt.status:
        receipt.status, receipt.message = REMOVED, "there is no line with this number"


def _judge_pruned(receipt: Receipt, first_seq: int, first_prev: bytes) -> None:
    receipt.status, receipt.message = PRUNED, "the line was pruned since"
    if receipt.seq == first_seq - 1 and receipt.hash != first_prev:
        receipt.status, receipt.message = EDITED, "another line stood there when it was pruned"


def _finding(receipts: "Sequence[Receipt]", report: "LogReport") -> Finding:
    """Return one finding for all receipts of a log that fail in the same way."""
    first = receipts[0]
    more = "" if len(receipts) == 1 else f", and so say {len(receipts) - 1} more"
    if first.status == TRUNCATED:
        last = receipts[-1].seq
        gone = last - (-1 if report.last_seq is None else report.last_seq)
        message = (
            f"{first.message}, but a receipt was given for seq {last}: at least"
            f" {counted(gone, 'line')} {'is' if gone == 1 else 'are'} gone from the end{more}"
        )
        return Finding(TRUNCATED, message, segment=report.path.rpartition("/")[2], seq=last)
    message = f"a receipt was given for another line with this number: {first.message}{more}"
    return Finding(first.status, message, segment=first.segment, line=first.line, seq=first.seq)
