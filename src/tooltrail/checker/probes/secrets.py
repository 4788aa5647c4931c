"""Canaries: made-up secrets, put wherever a secret can enter, and searched for afterwards."""

import os
import re

from ..._host import randomness
from ..._names import is_secret_name
from ..._typing import TYPE_CHECKING
from ..audit import files_below, holds
from ..report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Finding
from ..rubric import PROBE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..examination import Examination

# An option that takes a value: by how a help shows that.
_OPTION = re.compile(
    r"(?<![\w-])(--(?!no-|ask-|use-|get-|show-)[a-z0-9][a-z0-9_-]*)"
    r"(?:=[^\s,]|[ ]<|,[ ]-\w[ ]|[ ]+[A-Z][A-Z_]+\b|[ ](?:strings?|value|text)\b)"
)
_MOST_OPTIONS = 8  # of the command's own that are tried
_MOST_HELP = 400_000  # characters
_MOST_BYTES = 268_435_456  # of a log that are searched


def call_again(exam: "Examination") -> None:
    """Run the command with secrets in its environment and stdin, then among its arguments."""
    exam.canary_runs.append(
        exam.run(
            "secrets around the command",
            exam.argv,
            more={
                "CHECKED_API_TOKEN": _canary(exam, "a variable"),
                "CHECKED_PASSWORD": _canary(exam, "a variable"),
            },
            content=f"password: {_canary(exam, 'stdin')}\n".encode(),
            kind="canary",
        ).run
    )
    wrong = [
        *exam.argv,
        "--api-token",
        _canary(exam, "an option's value"),
        f"--password={_canary(exam, 'an option with =')}",
        "--header",
        f"Authorization: Bearer {_canary(exam, 'a header')}",
        f"https://deploy:{_canary(exam, 'the password of a URL')}@example.invalid/x",
    ]
    exam.canary_runs.append(exam.run("secrets among its arguments", wrong, kind="canary").run)
    for option in _own_options(exam):
        value = _canary(exam, f"its own {option}")
        label = f"a secret in {option}"
        exam.canary_runs.append(exam.run(label, [*exam.argv, option, value], kind="canary").run)


def _canary(exam: "Examination", place: str) -> str:
    made = f"cnRy{randomness(9).hex()}Zq7"
    exam.canaries[made] = place
    return made


def _own_options(exam: "Examination") -> list[str]:
    """Return the command's own options whose names mean a secret, by its help."""
    asked = exam.run("the command's help", [*exam.argv, "--help"], kind="help")
    texts = [each.run.stdout.text for each in exam.seen if each.kind == "help"]
    return secret_options(" ".join((*texts, asked.run.stderr.text))[:_MOST_HELP])


def secret_options(text: str) -> list[str]:
    """Return the options that a text of help names, and that take a secret as their value."""
    named = dict.fromkeys(_OPTION.findall(text))
    return [name for name in named if is_secret_name(name.lstrip("-"))][:_MOST_OPTIONS]


def look(exam: "Examination") -> "Iterator[Finding]":
    """Say where canaries turned up."""
    if not exam.canaries:
        yield Finding("log.secrets", UNKNOWN, "none was tried", needs=PROBE)
        yield Finding("output.secrets", UNKNOWN, "none was tried", needs=PROBE)
        return
    yield _in_log(exam)
    yield _in_output(exam)


def _in_log(exam: "Examination") -> Finding:
    listed = exam.listing is not None and exam.listing.fault is None
    since = exam.first.run.started
    paths = set() if exam.log is None else {exam.log.path, *_beside(exam.log.path, since)}
    if exam.runner.sandbox is not None:  # whatever else there is that tells of these calls
        home = exam.runner.sandbox.home
        paths |= {path for path in files_below(home, depth=6, names=()) if _tells(path, exam)}
    if not paths and not listed:
        return Finding("log.secrets", NOT_APPLICABLE, "there is no log")
    found = {canary for path in paths for canary in _held_by(path, exam.canaries)}
    if listed and exam.listing is not None:
        found |= {canary for canary in exam.canaries if canary in exam.listing.run.stdout.text}
    if found:
        places = sorted({exam.canaries[canary] for canary in found})
        message = f"{len(found)} of {len(exam.canaries)} are in it, from {', '.join(places)}"
        return Finding("log.secrets", FAILED, message, runs=exam.canary_runs)
    places = sorted(set(exam.canaries.values()))
    message = f"{len(exam.canaries)} were tried, in {', '.join(places)}"
    return Finding("log.secrets", PASSED, message, runs=exam.canary_runs)


def _beside(path: str, since: float) -> "Iterator[str]":
    """Yield the files near a log that were written to since then."""
    for other in files_below(os.path.dirname(path), depth=2):
        try:
            if os.stat(other).st_mtime >= since - 1:
                yield other
        except OSError:
            continue


def _tells(path: str, exam: "Examination") -> bool:
    """Tell a file that has the id of one of our calls: a log, of whatever form."""
    return any(holds(path, run.trace_id, run.started) for run in exam.canary_runs)


def _held_by(path: str, canaries: dict[str, str]) -> list[str]:
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError:
        return []
    return [canary for canary in canaries if canary.encode() in content]


def _in_output(exam: "Examination") -> Finding:
    for run in exam.canary_runs:
        if run.leaks:
            message = f"{run.label}: on {'; '.join(dict.fromkeys(run.leaks))}"
            return Finding("output.secrets", FAILED, message, runs=[run])
    return Finding("output.secrets", PASSED, "none turned up on stdout or stderr")
