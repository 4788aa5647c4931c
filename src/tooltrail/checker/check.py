"""Look at a command: run it, then what else is allowed, then its log; and say what that makes."""

from .._typing import TYPE_CHECKING
from . import mending, rubric
from .examination import SEED_TRACE, Examination, Options
from .probes import audit_log, child, failures, killed, many, response, secrets, trace_id
from .program import Program
from .report import FAILED, UNKNOWN, Finding, Report
from .runner import DEADLINE, Runner
from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_SAID = 20_000  # characters of a text of help, by which a framework is known
STEPS = 3  # that are named, to the next level


def check(
    argv: "Sequence[str]",
    options: Options,
    *,
    deadline: float = DEADLINE,
    sandboxed: bool = False,
) -> Report:
    """Return the report on a command.

    It is run once, and more than that only where `options` allow it. `deadline`, in seconds, is
    for each run. Never raises because of what the command does.
    """
    if not sandboxed:
        return _check(argv, options, Runner(deadline=deadline))
    with Sandbox() as sandbox:
        return _check(argv, options, Runner(deadline=deadline, sandbox=sandbox))


def _check(argv: "Sequence[str]", options: Options, runner: Runner) -> Report:
    program = Program(argv, options.tool)
    exam = Examination(list(argv), options, runner, program)
    exam.expect_log()
    first = exam.run("the command", argv, trace_id=SEED_TRACE, children=True)
    report = Report(list(argv), [], sandbox=runner.sandbox.note if runner.sandbox else None)
    report.allowed = _allowed(options)
    if not first.run.finished:
        report.problem = f"{first.run.how.replace('_', ' ')}: {first.run.reason}"
        report.steps = [_unfinished(first.run.how)]
        return report
    if first.run.exit_code:
        message = f"the command itself ended with exit code {first.run.exit_code}"
        report.notes.append(f"{message}: how it answers when it succeeds was not seen")
    report.findings = list(_findings(exam))
    said = "\n".join(
        text[:_MOST_SAID]
        for seen in exam.seen
        if seen.kind in response.IDLE
        for text in (seen.run.stderr.text, seen.run.stdout.text)
    )
    has_ids = any(seen.response.request_id for seen in exam.seen)
    report.framework = program.framework(said)
    report.log = None if exam.log is None else exam.log.path
    for finding in report.findings:
        if finding.status == FAILED:
            finding.mend = mending.mend_for(finding.id, report.framework, has_ids=has_ids)
    made = rubric.verdict(report.findings)
    report.score, report.at_least, report.at_most = made.score, made.at_least, made.at_most
    report.steps = _steps(report, made)
    return report


def _findings(exam: Examination) -> "Iterator[Finding]":
    """Make the calls that are allowed, then yield what they showed, in the order of the levels."""
    options = exam.options
    early = None
    if options.probe:
        early = audit_log.ask(exam, "audit-log early")
        failures.call_again(exam)
        trace_id.call_again(exam)
        secrets.call_again(exam)
    if options.repeat:
        many.call_again(exam)
    exam.listing = audit_log.ask(exam)
    found = [
        *response.look(exam),
        *trace_id.look(exam),
        *child.look(exam),
        *audit_log.look(exam, early),
        *many.look(exam),
        *secrets.look(exam),
        *killed.look(exam),
    ]
    places = list(rubric.CHECKS)
    order = sorted(found, key=lambda each: places.index(each.id))
    yield from order


def _allowed(options: Options) -> list[str]:
    allowed = [rubric.PROBE] if options.probe else []
    if options.repeat:
        allowed.append(f"{rubric.REPEAT} {options.repeat}")
    return allowed


def _unfinished(how: str) -> str:
    if how == "timed_out":
        return "name a call that ends by itself, or give it more time: --deadline 120"
    if how == "flooded":
        return "name a call that prints less"
    return "name a command that can be run here"


def _steps(report: Report, made: rubric.Verdict) -> list[str]:
    """Return what to do next: what failed for the next level, else what has yet to be looked at."""
    wanted = [each for each in report.findings if rubric.missing(each, made)]
    failed = [each for each in wanted if each.status == FAILED]
    if failed:
        return list(dict.fromkeys(each.mend or each.message for each in failed))[:STEPS]
    needs = dict.fromkeys(
        each.needs for each in report.findings if each.status == UNKNOWN and each.needs
    )
    unknown = [f"look at more: {_with(need)}" for need in needs if need is not None]
    if made.score == rubric.HIGHEST:
        unknown = []
    advice = [
        each.mend or each.message
        for each in report.of_status(FAILED)
        if rubric.CHECKS[each.id].level is None
    ]
    return [*unknown, *advice][:STEPS]


def _with(need: str) -> str:
    return {
        rubric.PROBE: "--probe calls the command some 25 times more, wrongly and with odd ids, too",
        rubric.REPEAT: "--repeat 20 makes as many calls at once",
        rubric.LOG_FILE: "--log-file PATH says where its log is",
        rubric.AUDIT_LOG: "--tool 'PROGRAM' says how to reach its audit-log;"
        " --audit-log 'tooltrail log --tool NAME', where it has none of its own",
    }[need]
