"""Which logs there are to verify, and what all of them together come to."""

import os
import re
import stat
import sys

from .._typing import TYPE_CHECKING, Any
from .._wire import LOG_NAME, OWN_TOOL
from ..errors import UsageError
from ..settings import settings_for
from ..trail import data_home, log_path
from ..trail.read import logs_in
from ..trail.registry import REGISTRY_NAME, is_forbidden, registered, registry_path
from ..trail.segments import first_log_id, open_plainly, sealed_segments, segments
from . import checkpoint as held_states
from . import findings as words
from .checkpoint import UNCHECKED, hold_file
from .findings import MISSING, NOT_ASKED, Finding, LogReport, exit_code
from .receipts import Receipts, receipts_in
from .verify import truncated_to_nothing, verify_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..trail.registry import Registered
    from .checkpoint import Held

    Progress = Callable[[str, int, int], None]  # whose log, bytes read, bytes in all

_FIRST_BYTES = 4096
_OF_CHECKPOINT = {held_states.TRUNCATED: words.TRUNCATED, held_states.REWRITTEN: words.EDITED}
_SEALED = re.compile(r"audit-\d{12,}\.jsonl(\.gz)?")


class Target:
    """One log to verify: the path of its active segment, and the tool where that is known."""

    __slots__ = ("path", "tool")

    def __init__(self, path: str, tool: str | None = None) -> None:
        self.path = path
        self.tool = tool


class Verification:
    """What became of all logs that were verified."""

    def __init__(
        self, reports: "list[LogReport]", receipts: Receipts | None, held: "list[Held] | None"
    ) -> None:
        self.reports = reports
        self.receipts = receipts
        self.held = held  # what each checkpoint came to

    @property
    def exit_code(self) -> int:
        """1 where something is wrong, 3 where something could not be checked, else 0."""
        verdicts = {report.verdict for report in self.reports}
        verdicts |= {words.UNREADABLE for report in self.reports if report.unreadable is not None}
        if any(held.state == UNCHECKED for held in self.held or ()):
            verdicts.add(words.UNKNOWN)
        return exit_code(verdicts | set(self.receipts.counts() if self.receipts else ()))

    def unknowns(self) -> list[str]:
        """Say what could not be known, a sentence each; the last one always holds."""
        said = [
            f"{report.name} could not be checked: {report.unreadable}"
            for report in self.reports
            if report.unreadable is not None
        ]
        if self.receipts is not None:
            said += _of_receipts(self.receipts)
        said += [held.message for held in self.held or () if held.state == UNCHECKED]
        said += _of_ends([report for report in self.reports if report.verdict == words.INTACT])
        said.append("integrity is not completeness: what was never recorded leaves no trace here")
        return said

    def as_json(self) -> dict[str, Any]:
        """Return it as `data` of the response has it."""
        return {
            "logs": [report.as_json() for report in self.reports],
            "receipts": None if self.receipts is None else self.receipts.as_json(),
            "checkpoints": None
            if self.held is None
            else [
                {"state": held.state, "path": held.path, "message": held.message}
                for held in self.held
            ],
            "unknowns": self.unknowns(),
        }


def _of_receipts(receipts: Receipts) -> list[str]:
    counts = receipts.counts()
    said = []
    if counts.get(words.UNKNOWN):
        said.append(
            f"receipts whose log is not here, so that nobody can say: {counts[words.UNKNOWN]}"
        )
    if counts.get(NOT_ASKED):
        said.append(f"receipts of logs that were not to be verified: {counts[NOT_ASKED]}")
    return said


def _of_ends(reports: "list[LogReport]") -> list[str]:
    said = []
    bare = [report for report in reports if report.lines and report.witnessed_to is None]
    if bare:
        which = ", ".join(f"{report.name} (seq {report.last_seq})" for report in bare)
        said.append(
            "cannot vouch that nothing was cut off after the last line, that the last line is as"
            f" it was written, or that the log was not written anew as a whole: {which}; nobody"
            " outside holds a receipt or a checkpoint of it"
        )
    for report in reports:
        if report.unvouched:
            first = next(iter(report.unvouched.values()))
            more = f" (and {len(report.unvouched) - 1} more)" if len(report.unvouched) > 1 else ""
            said.append(
                f"cannot vouch for line {first.line} of {first.segment} of {report.name}{more}:"
                f" {first.message}"
            )
        witnessed, last = report.witnessed_to, report.last_seq
        if witnessed is not None and last is not None and witnessed < last:
            said.append(
                f"cannot vouch for the end of {report.name}: nobody outside vouches for what comes"
                f" after seq {witnessed}; it ends at seq {last}"
            )
    return said


def verify(
    names: "Sequence[str] | None",
    receipt_files: "Sequence[str]" = (),
    checkpoint_files: "Sequence[str]" = (),
    *,
    key: str | None = None,
    home: str | None = None,
    progress: "Progress | None" = None,
) -> Verification:
    """Verify the logs of these tools, or at these paths; without any, all that there are.

    `key` is a file with the keys that may have signed the checkpoints. Raises `UsageError` for a
    name that stands for no log, for a file without any receipt, and for checkpoints without a key;
    `NoteError` for a checkpoint that none of the keys has signed.
    """
    if checkpoint_files and key is None:
        raise UsageError("--checkpoint needs --key FILE", hint="the .pub file of the key")
    home = home or data_home(configured=settings_for(OWN_TOOL).data_home)
    receipts = read_receipts(receipt_files) if receipt_files else None
    asked = [_target(name, home) for name in names] if names else _all(home)
    reports = [_verify_one(target, receipts, progress) for target in _distinct(asked)]
    homes = {home, *(_home_of(report.path) for report in reports)} if names else {home}
    known = [each for place in sorted(homes) for each in _registered(place)]
    _compare(reports, known, everything=not names)
    if receipts is not None:
        ours = {log_id for report in reports for log_id in report.ids}
        gone = {
            each.log for each in known if each.acknowledged is None and not _is_there(each.path)
        }
        receipts.settle(gone - ours, _ids_in(home, known) - ours)
    held = None
    if key is not None and checkpoint_files:
        held = [_hold(note, key, reports) for note in checkpoint_files]
    return Verification(reports, receipts, held)


def _hold(note: str, key: str, reports: "list[LogReport]") -> "Held":
    """Hold the log that a checkpoint is of to it, and let its report say what came of that."""
    held = hold_file(note, key, [report.path for report in reports])
    for report in reports:
        if report.path != held.path:
            continue
        if held.wrong:
            report.add(Finding(_OF_CHECKPOINT.get(held.state, MISSING), held.message))
        elif held.last_seq is not None:
            report.witnessed_to = max(report.witnessed_to or 0, held.last_seq)
            for seq in [seq for seq in report.unvouched if seq <= held.last_seq]:
                del report.unvouched[seq]
    return held


def read_receipts(files: "Sequence[str]") -> Receipts:
    """Return the receipts in these files; `-` is stdin. Raises `UsageError` where one has none."""
    receipts = Receipts()
    for name in files:
        before = receipts.found
        try:
            if name == "-":
                _add_all(receipts, receipts_in(sys.stdin.buffer))
            else:
                with open(name, "rb") as file:
                    _add_all(receipts, receipts_in(file))
        except (OSError, AttributeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"--receipts {name}: {reason.lower()}") from error
        if receipts.found == before:
            raise UsageError(
                f"--receipts {name}: there is no receipt in it",
                hint='a receipt is {"log": "log_...", "seq": N, "hash": "sha256:..."}, as'
                " `meta.receipt` of a response has it",
            )
    return receipts


def _add_all(receipts: Receipts, found: "Iterable[tuple[str | None, int, bytes]]") -> None:
    for receipt in found:
        receipts.add(*receipt)


def _target(name: str, home: str) -> Target:
    """Return the log that a tool's name or a path stands for."""
    if "/" not in name and not name.endswith((".jsonl", ".gz")):
        path = log_path(name, home)
        if not _is_there(path) and not _knows(_registered(home), path):
            tools = sorted({os.path.basename(os.path.dirname(each.path)) for each in _all(home)})
            raise UsageError(
                f"{name} has no log in {home}",
                hint=f"these have one: {', '.join(tools)}" if tools else "no tool has one yet",
            )
        return Target(path, name)
    folder, base = os.path.split(os.path.abspath(name))
    path = os.path.join(folder, LOG_NAME if _SEALED.fullmatch(base) else base)
    _refuse_what_is_no_log(name, path)
    return Target(path)


def _refuse_what_is_no_log(name: str, path: str) -> None:
    if sealed_segments(path) or _knows(_registered(_home_of(path)), path):
        return
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if isinstance(error, PermissionError):
            return  # it is reported as one that could not be checked
        reason = (error.strerror or str(error)).lower()
        raise UsageError(
            f"{name}: {reason}", hint="give the name of a tool, or a log's path"
        ) from error
    if stat.S_ISDIR(mode):
        raise UsageError(f"{name} is a folder", hint=f"the log in it would be {name}/{LOG_NAME}")
    if not stat.S_ISREG(mode):
        raise UsageError(f"{name} is no plain file, and no log")
    try:
        with open_plainly(path) as file:
            start = file.read(_FIRST_BYTES)
    except OSError:
        return
    if start and b'"prev":"' not in start:
        raise UsageError(f"{name} is no log of tooltrail", hint="docs/format says what one is")


def _all(home: str) -> list[Target]:
    """Return every log of a data home: those that are there, and those that ought to be."""
    paths = set(logs_in(home, LOG_NAME))
    try:
        folders = os.listdir(home)
    except OSError:
        folders = []
    paths |= {path for name in folders if sealed_segments(path := f"{home}/{name}/{LOG_NAME}")}
    paths |= {each.path for each in _registered(home) if _is_there(each.path)}
    targets = [Target(path) for path in sorted(paths)]
    registry = registry_path(home)
    return (
        [*targets, Target(registry, f"{OWN_TOOL}/{REGISTRY_NAME}")]
        if _is_there(registry)
        else targets
    )


def _distinct(targets: "Iterable[Target]") -> list[Target]:
    return list({os.path.realpath(target.path): target for target in targets}.values())


def _home_of(path: str) -> str:
    return os.path.dirname(os.path.dirname(path))


def _registered(home: str) -> "list[Registered]":
    try:
        return registered(home) if os.path.isfile(registry_path(home)) else []
    except OSError:
        return []  # the registry is verified as a log of its own, and cannot be read there either


def _knows(known: "Iterable[Registered]", path: str) -> bool:
    return any(each.path == path and each.acknowledged is None for each in known)


def _is_there(path: str) -> bool:
    return os.path.isfile(path) or bool(sealed_segments(path))


def _verify_one(
    target: Target, receipts: Receipts | None, progress: "Progress | None"
) -> LogReport:
    if not _is_there(target.path) and not _may_be_there(target.path):
        return LogReport(target.path, target.tool)  # `_compare` says what it is
    if progress is None:
        return verify_log(target.path, tool=target.tool, receipts=receipts)
    name, total = target.tool or target.path, _bytes_of(target.path)
    done = 0

    def read(size: int, _segment: str) -> None:
        nonlocal done
        done += size
        progress(name, done, total)

    return verify_log(target.path, tool=target.tool, receipts=receipts, progress=read)


def _may_be_there(path: str) -> bool:
    """Tell a path of which the system does not let us know."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _bytes_of(path: str) -> int:
    total = 0
    for segment in segments(path):
        try:
            total += os.stat(segment.file()).st_size
        except OSError:
            continue
    return total


def _compare(
    reports: "list[LogReport]", known: "Iterable[Registered]", *, everything: bool
) -> None:
    """Hold what was found against what was registered."""
    ids = {log_id for report in reports for log_id in report.ids}
    for each in known:
        if each.acknowledged is not None or each.log in ids:
            continue
        report = next((report for report in reports if report.path == each.path), None)
        if report is None:
            if not everything:
                continue
            report = LogReport(each.path, each.tool)
            reports.append(report)
        damaged = any(finding.verdict != MISSING for finding in report.findings)
        if report.unreadable is not None or (damaged and not report.ids):
            continue  # nobody can tell which log it is
        report.log = report.log or each.log
        report.tool = report.tool or each.tool
        if is_forbidden(report.path):
            report.unreadable = "permission denied"
        else:
            report.add(_gone(report, each))


def _gone(report: LogReport, each: "Registered") -> Finding:
    if not _is_there(report.path):
        what = "it is no plain file any more" if os.path.lexists(report.path) else "it is gone"
        return Finding(MISSING, f"{each.log} was registered here, and {what}")
    if not report.lines:
        return truncated_to_nothing(report, each.log)
    return Finding(MISSING, f"{each.log} was registered here, and another log stands in its place")


def _ids_in(home: str, known: "Iterable[Registered]") -> set[str]:
    """Return the ids of all logs that are there, by their first lines."""
    paths = {*logs_in(home, LOG_NAME), registry_path(home)}
    paths |= {each.path for each in known}
    found: set[str] = set()
    for path in paths:
        for segment in segments(path)[:1]:
            log_id = first_log_id(segment)
            if log_id is not None:
                found.add(log_id)
    return found
