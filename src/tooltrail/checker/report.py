"""A finding, the evidence for it, and the report that they make together."""

from dataclasses import dataclass, field

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..redact import Redactor
    from .runner import Run

PASSED = "passed"
FAILED = "failed"
UNKNOWN = "unknown"  # the probe was not allowed, or could not finish
NOT_APPLICABLE = "not_applicable"

_MOST_RUNS = 3  # of one finding that are shown
_SEEN_CHARS = 300
_MOST_NAMES = 4  # of runs, in a sentence


@dataclass
class Finding:
    """One thing that was looked at.

    `id` is a key of `rubric.CHECKS`, which says what level it counts for. `message`: one sentence.
    `seen`: what was seen, as it was. `runs`: which runs showed it. `needs`: the option that would
    let an unknown one be known. `mend`: what its author can do.
    """

    id: str
    status: str
    message: str
    seen: str = ""
    runs: "list[Run]" = field(default_factory=list)
    needs: str | None = None
    mend: str | None = None


@dataclass
class Report:
    """What became of one command. `score` is 0 to 3, or None where it cannot be told.

    Then `at_least` and `at_most` say between what. `problem`: why the command itself could not
    be looked at, or None. `steps`: what to do next, most urgent first. `notes`:
    what else whoever reads the score should know.
    """

    argv: list[str]
    findings: list[Finding]
    score: int | None = None
    at_least: int = 0
    at_most: int = 3
    problem: str | None = None
    framework: str | None = None
    allowed: list[str] = field(default_factory=list)
    sandbox: str | None = None
    log: str | None = None
    notes: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def of_status(self, *statuses: str) -> "Iterable[Finding]":
        """Return the findings of these statuses, in order."""
        return [each for each in self.findings if each.status in statuses]

    def as_json(self, redactor: "Redactor") -> dict[str, Any]:
        """Return it as `data` of the response has it; without secrets that the command line had."""
        from .rubric import CHECKS

        command = redactor.argv(self.argv, "command")  # from which it learns what is secret

        def clean(text: str) -> str:
            return redactor.text(text, "finding")

        return {
            "score": self.score,
            "at_least": self.at_least,
            "at_most": self.at_most,
            "problem": None if self.problem is None else clean(self.problem),
            "command": command,
            "framework": self.framework,
            "allowed": self.allowed,
            "sandbox": self.sandbox,
            "log": self.log,
            "notes": [clean(note) for note in self.notes],
            "next_steps": self.steps,
            "findings": [
                {
                    "id": each.id,
                    "title": CHECKS[each.id].title,
                    "level": CHECKS[each.id].level,
                    "status": each.status,
                    "message": clean(each.message),
                    "requirement": CHECKS[each.id].requirement,
                    "parents": list(CHECKS[each.id].parents),
                    "needs": each.needs,
                    "mend": each.mend,
                    "evidence": {
                        "seen": clean(shown(each.seen)) or None,
                        "runs": [
                            {
                                "what": run.label,
                                "argv": redactor.argv(run.argv, "command"),
                                "trace_id": shown(run.trace_id, 60),
                                "ended": run.how,
                                "exit_code": run.exit_code,
                                "wall_ms": run.wall_ms,
                            }
                            for run in each.runs[:_MOST_RUNS]
                        ],
                        "more_runs": max(0, len(each.runs) - _MOST_RUNS),
                    },
                }
                for each in self.findings
            ],
        }


def names_of(runs: "Sequence[Run]") -> str:
    """Return which runs these are, the first few by name."""
    labels = list(dict.fromkeys(run.label for run in runs))
    more = len(labels) - _MOST_NAMES
    return ", ".join(labels[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def shown(text: object, limit: int = _SEEN_CHARS) -> str:
    """Return what a command said, cut short and on one line, with nothing that moves a cursor."""
    from unicodedata import category

    whole = text if isinstance(text, str) else repr(text)
    line = "".join(
        char
        if char.isprintable() or category(char) == "Zs"
        else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in whole[: limit + 1]
    )
    return line if len(line) <= limit else line[: limit - 1] + "…"
