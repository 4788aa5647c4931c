"""Say what a checked command scores: for people in lines, for programs as one response."""

from collections.abc import Iterator
from dataclasses import dataclass

from .._ending import by_exception
from .._signals import Answered, Terminated, die_by
from .._typing import TYPE_CHECKING, Any
from .._wire import OWN_TOOL
from ..checker import rubric
from ..checker.report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Report
from ..entry import error_fields
from ..errors import TooltrailError
from ..secondhand import Teller
from .deliver import deliver_found, fail, terminal_columns
from .safe import fit, folded, pad, safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._invocation import Invocation

MARKDOWN = "markdown"
_CODE = "NOT_OBSERVABLE_ENOUGH"
_NOT_LOOKED_AT = "NOT_CHECKED"
_MARKS = {PASSED: "+", FAILED: "x", UNKNOWN: "?", NOT_APPLICABLE: "-"}
_COLUMNS = 100
_COMMAND_CHARS = 60  # of a command, in a table


@dataclass
class Checked:
    """What was asked for and found. `require`: the least score that is good enough, or None."""

    reports: list[Report]
    is_list: bool = False
    require: int | None = None

    @property
    def exit_code(self) -> int:
        """0 where every command was looked at, and is as good as was asked for."""
        return 1 if any(self._falls_short(report) for report in self.reports) else 0

    def _falls_short(self, report: Report) -> bool:
        if report.problem is not None:
            return True
        return self.require is not None and report.at_least < self.require

    def error(self) -> dict[str, Any] | None:
        """Return why it is not good enough, or None."""
        short = [report for report in self.reports if self._falls_short(report)]
        if not short:
            return None
        problem = short[0].problem
        if problem is not None and len(self.reports) == 1:
            return error_fields(_NOT_LOOKED_AT, problem, hint=short[0].steps[0])
        least = "they could not be looked at" if self.require is None else f"not {self.require}"
        message = f"{len(short)} of {len(self.reports)} commands: {least}"
        if len(self.reports) == 1:
            message = f"it scores {score_of(short[0])}, and {self.require} is required"
        return error_fields(_CODE, message, hint="data tells why")

    def as_json(self) -> dict[str, Any]:
        """Return it as `data` of the response, without the secrets of the commands."""
        teller = Teller()
        settings = teller.settings(OWN_TOOL)
        made = [report.as_json(teller.redactor(settings)) for report in self.reports]
        return {"reports": made} if self.is_list else made[0]


def score_of(report: Report) -> str:
    """Return a score as it is written: 2, or `?` where it is not known."""
    return "?" if report.score is None else str(report.score)


def deliver(call: "Invocation", work: "Callable[[], Checked]", output: str) -> int:
    """Do the work, print what it came to, finish `call`; return the exit code."""
    try:
        with Answered():  # a command that runs, and its home, go with us
            found = work()
    except Terminated as stopped:
        call.finish(by_exception(stopped))
        die_by(stopped.number)
        return 128 + stopped.number
    except TooltrailError as error:
        return fail(call, error, output)
    except OSError as error:  # of our own making: no descriptors, no processes, no room
        return fail(call, TooltrailError(f"the command could not be run: {error}"), output)
    data = found.as_json()
    reports = data["reports"] if found.is_list else [data]
    return deliver_found(
        call,
        output,
        lambda: data,
        lambda: _lines(found, reports, output),
        code=found.exit_code,
        error=found.error(),
    )


def _lines(found: Checked, reports: list[dict[str, Any]], output: str) -> Iterator[str]:
    if output == MARKDOWN:
        yield from markdown(reports)
    elif found.is_list:
        yield from table(reports, terminal_columns())
    else:
        yield from lines(reports[0], terminal_columns())


def lines(report: dict[str, Any], columns: int | None = None) -> Iterator[str]:
    """Yield a report for people: the score, what each level asks, what was found, what to do."""
    width = columns or _COLUMNS
    score, command = report["score"], " ".join(safe(word, 200) for word in report["command"])
    yield fit(f"{_score(report)}  {command}", width) if columns else f"{_score(report)}  {command}"
    if report["problem"] is not None:
        yield f"   it could not be looked at: {safe(report['problem'])}"
    if report["sandbox"] is not None:
        yield f"   in {safe(report['sandbox'])}"
    yield from (f"   ! {safe(note)}" for note in report["notes"])
    for level in range(1, rubric.HIGHEST + 1):
        mine = [each for each in report["findings"] if each["level"] == level]
        if mine:
            yield ""
            yield from folded(f"{level}  {rubric.LEVELS[level]}", width, "   ")
            for finding in mine:
                yield from _finding(finding, width)
    advice = [each for each in report["findings"] if each["level"] is None]
    if advice:
        yield ""
        yield "-  counts for no level"
        for finding in advice:
            yield from _finding(finding, width)
    if report["next_steps"]:
        yield ""
        yield "next" if score != rubric.HIGHEST else "could be better"
        for number, step in enumerate(report["next_steps"], 1):
            yield from folded(f"{number}. {safe(step, 600)}", width, "   ")


def _score(report: dict[str, Any]) -> str:
    if report["score"] is not None:
        return f"{report['score']} of {rubric.HIGHEST}"
    return f"? of {rubric.HIGHEST} (between {report['at_least']} and {report['at_most']})"


def _finding(finding: dict[str, Any], width: int) -> Iterator[str]:
    message = safe(finding["message"])
    told = folded(f"{_MARKS[finding['status']]} {finding['title']}: {message}", width - 3, "  ")
    yield from (f"   {line}" for line in told)
    if finding["status"] != FAILED:
        return
    evidence = finding["evidence"]
    for run in evidence["runs"][:1]:
        words = " ".join(safe(word, 120) for word in run["argv"])
        yield fit(f"     ran: {words} -> exit code {run['exit_code']}, {run['wall_ms']} ms", width)
    if evidence["seen"]:
        yield fit(f"     saw: {safe(evidence['seen'])}", width)


_HEADS = ("score", "command", "why not more")


def table(reports: list[dict[str, Any]], columns: int | None) -> Iterator[str]:
    """Yield a line for each command: its score, and what stands before the next level."""
    rows = [_row(report) for report in reports]
    widths = [max(len(row[at]) for row in (_HEADS, *rows)) for at in (0, 1)]
    for row in (_HEADS, *rows):
        line = f"{pad(row[0], widths[0])}  {pad(row[1], widths[1])}  {row[2]}"
        yield line if columns is None else fit(line, columns)


def markdown(reports: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the same as a table of Markdown."""
    yield "| " + " | ".join(_HEADS) + " |"
    yield "|---|---|---|"
    for report in reports:
        score, command, why = (cell.replace("|", "\\|") for cell in _row(report))
        command = command.replace("`", "'")
        yield f"| {score} | `{command}` | {why} |"


def _row(report: dict[str, Any]) -> tuple[str, str, str]:
    score = "?" if report["score"] is None else str(report["score"])
    command = safe(" ".join(report["command"]), _COMMAND_CHARS)
    if report["problem"] is not None:
        return score, command, safe(report["problem"], 200)
    return score, command, safe("; ".join(why(report)), 200)


def why(report: dict[str, Any]) -> list[str]:
    """Return the titles of what stands between a command and the next level."""
    level = (report["at_least"] if report["score"] is None else report["score"]) + 1
    found = [each for each in report["findings"] if each["level"] == level]
    failed = [f"not so: {each['title']}" for each in found if each["status"] == FAILED]
    return failed or [f"not known: {each['title']}" for each in found if each["status"] == UNKNOWN]
