"""What a verification has to say: a verdict, the first line that is wrong, and a plain sentence."""

from .._typing import Any

EDITED = "edited"
REMOVED = "removed"
INSERTED = "inserted"
REORDERED = "reordered"
TRUNCATED = "truncated"
FORKED = "forked"
MISSING = "missing"  # a registered log that is gone
FAILURES = (EDITED, REMOVED, INSERTED, REORDERED, TRUNCATED, FORKED, MISSING)

# Recorded by the log itself, or the trace of a crash: reported, and fine.
TORN = "torn"
PRUNED = "pruned"
ERASED = "erased"

INTACT = "intact"
UNREADABLE = "unreadable"  # it could not be checked

# What a receipt may come to, beside a verdict.
HOLDS = "holds"
UNKNOWN = "unknown"  # its log is not here
NOT_ASKED = "not_asked"  # its log is here, and was not among those to verify

_MOST = 100  # findings of one log that are told one by one


class Finding:
    """One thing that is wrong, or worth saying: where it begins, and what it is."""

    __slots__ = ("line", "message", "segment", "seq", "verdict")

    def __init__(
        self,
        verdict: str,
        message: str,
        *,
        segment: str | None = None,
        line: int | None = None,
        seq: int | None = None,
    ) -> None:
        self.verdict = verdict
        self.message = message
        self.segment = segment  # the file's name
        self.line = line  # its number in that file, from 1
        self.seq = seq  # by its place in the chain, where that is known

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.logs[].findings[]` has it."""
        return {name: getattr(self, name) for name in _ORDER}


_ORDER = ("verdict", "segment", "line", "seq", "message")


class LogReport:
    """What became of one log."""

    def __init__(self, path: str, tool: str | None = None) -> None:
        self.path = path
        self.log: str | None = None  # the id
        self.tool = tool
        self.segments = 0
        self.lines = 0
        self.first_seq: int | None = None
        self.last_seq: int | None = None
        self.head: str | None = None  # the hash of the last whole line
        self.findings: list[Finding] = []
        self.more_findings = 0
        self.notes: list[Finding] = []
        self.unreadable: str | None = None  # why it could not be checked
        self.witnessed_to: int | None = None  # the highest seq that somebody outside vouches for
        self.unvouched: dict[int, Finding] = {}  # by seq: lines that no other vouches for
        self.ids: set[str] = set()

    @property
    def verdict(self) -> str:
        """The first finding's, in the order of the file; `intact` where there is none."""
        if self.findings:
            return self.findings[0].verdict
        return UNREADABLE if self.unreadable is not None else INTACT

    @property
    def name(self) -> str:
        """The tool, or where that is not known the path."""
        return self.tool or self.path

    def add(self, finding: Finding) -> None:
        """Add a finding, unless enough of them are told already."""
        if len(self.findings) < _MOST:
            self.findings.append(finding)
        else:
            self.more_findings += 1

    def note(self, finding: Finding) -> None:
        """Add something that is worth saying, and fine."""
        self.notes.append(finding)

    def as_json(self) -> dict[str, Any]:
        """Return it as `data.logs[]` has it."""
        return {
            "path": self.path,
            "log": self.log,
            "tool": self.tool,
            "segments": self.segments,
            "lines": self.lines,
            "first_seq": self.first_seq,
            "last_seq": self.last_seq,
            "head": self.head,
            "verdict": self.verdict,
            "findings": [finding.as_json() for finding in self.findings],
            "more_findings": self.more_findings,
            "notes": [note.as_json() for note in self.notes],
        }


def exit_code(verdicts: "set[str]") -> int:
    """Return 1 where something is wrong, 3 where something could not be checked, else 0."""
    if verdicts & set(FAILURES):
        return 1
    return 3 if verdicts & {UNREADABLE, UNKNOWN} else 0


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 line`, `3 lines`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
