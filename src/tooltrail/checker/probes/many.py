"""Many calls at once: whether their ids are their own, and the log has every one of them, whole."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from ..._typing import TYPE_CHECKING, Any
from ..audit import absent_fields, entry_of
from ..examination import Seen, not_tried
from ..report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Finding
from ..responses import response_of
from ..rubric import REPEAT
from .audit_log import contradictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..examination import Examination
    from ..runner import Run

MOST = 1000
_AT_ONCE = 16
_REMEMBERED = 4096  # bytes of a stream: there may be many calls
KIND = "parallel"


def call_again(exam: "Examination") -> None:
    """Run the command as often as was asked for, many at a time."""
    options = exam.options
    stuck: list[Run] = []

    def one(number: int) -> Seen:
        label = f"parallel call {number + 1}"
        trace_id = exam.trace_id(f"parallel-{number + 1}")
        if exam.gives_up() or len(stuck) > _AT_ONCE:
            run = not_tried(label, exam.argv, trace_id)
        else:
            run = exam.runner.run(label, exam.argv, trace_id)
        if not run.finished:
            stuck.append(run)
        answer = response_of(run, options.meta_path, meta_file=options.meta_file)
        run.forget(_REMEMBERED)
        return Seen(run, answer, KIND)

    with ThreadPoolExecutor(min(_AT_ONCE, options.repeat)) as pool:
        try:
            made = list(pool.map(one, range(options.repeat)))
        except BaseException:  # Ctrl-C: begin none of the others
            pool.shutdown(wait=False, cancel_futures=True)
            exam.runner.cancel()
            raise
    exam.seen += made
    exam.look_at_log(made[-1])


def look(exam: "Examination") -> "Iterator[Finding]":
    """Say what became of them."""
    made = [each for each in exam.seen if each.kind == KIND]
    if not made:
        yield Finding("many.ids", UNKNOWN, "no calls were made in parallel", needs=REPEAT)
        yield Finding("many.entries", UNKNOWN, "no calls were made in parallel", needs=REPEAT)
        return
    stuck = [each.run for each in made if not each.run.finished]
    if stuck:
        message = f"{len(stuck)} of {len(made)} did not end: {stuck[0].reason}"
        yield Finding("many.ids", UNKNOWN, message, runs=stuck)
        yield Finding("many.entries", UNKNOWN, message, runs=stuck)
        return
    yield _ids(made)
    yield _entries(exam, made)


def _ids(made: list[Seen]) -> Finding:
    with_id = [each for each in made if each.response.request_id]
    if not with_id:
        return Finding("many.ids", NOT_APPLICABLE, "no response has an id")
    ids = {each.response.request_id for each in with_id}
    if len(ids) < len(with_id):
        message = f"{len(with_id)} calls, {len(ids)} ids"
        return Finding("many.ids", FAILED, message, runs=[each.run for each in with_id])
    mixed = [
        each.run for each in with_id if each.response.meta.get("trace_id") != each.run.trace_id
    ]
    if mixed:
        return Finding("many.ids", FAILED, "a call answers with another's trace id", runs=mixed)
    return Finding("many.ids", PASSED, f"{len(with_id)} calls, {len(ids)} ids")


def _entries(exam: "Examination", made: list[Seen]) -> Finding:
    entries: Any = exam.entries()
    if entries is None:
        return Finding("many.entries", NOT_APPLICABLE, "there is no log")
    torn = 0 if exam.log is None else _torn_lines(exam.log.path)
    if torn:
        return Finding("many.entries", FAILED, f"{torn} lines of the log are no JSON")
    pairs = [(each, entry_of(entries, each.run, each.response.request_id)) for each in made]
    lost = [each.run for each, found in pairs if not found]
    if lost:
        message = f"{len(lost)} of {len(made)} calls have no entry"
        return Finding("many.entries", FAILED, message, runs=lost)
    for each, found in pairs:
        if len(found) > 1 and each.response.request_id and exam.listing and not exam.listing.fault:
            message = f"{each.run.label} has {len(found)} entries"
            return Finding("many.entries", FAILED, message, runs=[each.run])
        lacking = absent_fields(found[0])
        if lacking:
            message = f"the entry of {each.run.label} lacks {', '.join(lacking)}"
            return Finding("many.entries", FAILED, message, runs=[each.run])
        for name, wanted, said in contradictions(each, found[0]):
            message = f"{each.run.label}: {name} is {said!r}, and was {wanted}"
            return Finding("many.entries", FAILED, message, runs=[each.run])
    return Finding("many.entries", PASSED, f"{len(made)} calls at once, {len(made)} entries")


def _torn_lines(path: str) -> int:
    """Count the lines of a log of JSON lines that are none; 0 where it is another kind of file."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.path.getsize(path) - 4_194_304))
            lines = file.read().split(b"\n")[1:-1]
    except OSError:
        return 0
    good = sum(map(_is_json, lines))
    return len(lines) - good if good * 2 > len(lines) else 0


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
