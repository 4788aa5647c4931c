"""`tooltrail import`: add what ran before tooltrail was there, out of transcripts."""

import os
import sys
import time

from .._host import say
from .._stdout import is_terminal
from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE
from ..entry import Ending, error_fields
from ..envelope import document, response
from ..errors import NotRecordedError, TooltrailError, UsageError
from ..query.options import JSON, TABLE
from ..query.window import parse_time
from ..render.deliver import fail, undelivered, write
from ..render.safe import safe
from ..transcripts.adding import Adding
from ..transcripts.source import Source
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

FORMATS = {  # each is a module of `transcripts`
    "claude-code": "claude_code",
    "codex": "codex",
    "git-trace2": "git_trace2",
    "jsonl": "own",
}
_SHOWN_FILES = 5
_PROGRESS_S = 1.0


def main(arguments: "Sequence[str]") -> int:
    """Import transcripts, each of their commands once."""
    made = _reading.parser(
        "import",
        "Add the commands of transcripts to the log tooltrail-import, each once.",
        [],
    )
    made.add_argument("format", choices=tuple(FORMATS), help="what the files are")
    made.add_argument("paths", metavar="PATH", nargs="*", help="files, or folders of them")
    made.add_argument("--since", metavar="TIME", help="leave out what began before")
    made.add_argument("--dry-run", action="store_true", help="read and count, write nothing")
    made.add_argument("--output", choices=(TABLE, "text", JSON), help="text on a terminal, or json")
    return _reading.run("import", made, arguments, _act)


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    try:
        adding, paths = _work(values)
    except TooltrailError as error:
        return fail(call, error, values["output"])
    unread = adding.source.unreadable
    code, details = int(bool(unread)), None
    if unread:
        count = f"{len(unread)} file{'s' if len(unread) > 1 else ''}"
        details = error_fields(
            "IMPORT_NOT_WHOLE", f"{count} could not be read", hint="data.unreadable names them"
        )
    call.finish(Ending(code, FAILURE if code else None, error=details))
    found = _found(adding, paths, dry_run=bool(values["dry_run"]))
    try:
        if values["output"] == JSON:
            answer = response(
                exit_code=code, data=found, error=details, warnings=call.warnings, meta=call.meta()
            )
            write([document(answer, indented=is_terminal())], False)
        else:
            write((f"{line}\n" for line in _lines(found)), True)
    except OSError as failure:
        return undelivered(call, failure)
    return code


def _work(values: dict[str, Any]) -> tuple[Adding, list[str]]:
    since = None if values["since"] is None else parse_time("--since", values["since"])
    name = FORMATS[values["format"]]
    module: Any = __import__(f"tooltrail.transcripts.{name}", fromlist=["read"])
    paths = list(values["paths"])
    if not paths:
        usual = [os.path.expandvars(os.path.expanduser(path)) for path in module.USUAL]
        paths = [path for path in usual if os.path.isdir(path)]
        if not paths:
            where = " or ".join(module.USUAL)
            raise UsageError(
                f"no PATH is given, and there is no {where}" if where else "PATH is missing",
                hint="name the files, or a folder of them",
            )
    adding = Adding(Source(paths, module.ENDINGS), since=since, dry_run=bool(values["dry_run"]))
    progress = _Progress()
    try:
        adding.run(module.read, progress.show)
    except NotRecordedError as error:
        error.hint = f"{adding.added} were added before it; run it again to go on from there"
        raise
    finally:
        progress.clear()
    return adding, paths


class _Progress:
    """A line on a terminal's stderr, once the work has taken a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_S
        self._wanted = bool(sys.stderr and sys.stderr.isatty())
        self._shown = False

    def show(self, adding: Adding) -> None:
        """Show how far it is, once a second."""
        if self._wanted and time.monotonic() >= self._next:
            self._next, self._shown = time.monotonic() + _PROGRESS_S, True
            mb = adding.source.bytes / 1e6
            say(f"\r{mb:,.0f} MB read, {adding.found} commands, {adding.added} new\x1b[K")

    def clear(self) -> None:
        """Take the line away again."""
        if self._shown:
            say("\r\x1b[K")


def _found(adding: Adding, paths: list[str], *, dry_run: bool) -> dict[str, Any]:
    source = adding.source
    return {
        "paths": paths,
        "dry_run": dry_run,
        "files": source.files,
        "lines": source.lines,
        "bytes": source.bytes,
        "commands": adding.found,
        "added": adding.added,
        "without_exit_code": adding.unknown_ends,
        "completed": adding.completed,
        "known": adding.known,
        "skipped": adding.skipped,
        "bad_lines": source.bad_lines,
        "first_bad_line": source.first_bad,
        "unreadable": source.unreadable,
    }


def _lines(found: dict[str, Any]) -> list[str]:
    verb = "would be added" if found["dry_run"] else "added"
    lines = [
        "read " + ", ".join(safe(path) for path in found["paths"]),
        f"{found['files']} files, {found['lines']} lines, {found['commands']} commands",
        f"{found['added']} {verb} ({found['without_exit_code']} without an exit code),"
        f" {found['known']} known already",
    ]
    if found["completed"]:
        done = "would get" if found["dry_run"] else "got"
        lines.append(f"{found['completed']} {done} the end that was not known before")
    lines += [f"{count} left out: {reason}" for reason, count in found["skipped"].items()]
    if found["bad_lines"]:
        where = safe(found["first_bad_line"])
        lines.append(f"{found['bad_lines']} lines could not be read, the first is {where}")
    unread = found["unreadable"]
    lines += [f"not read: {safe(each)}" for each in unread[:_SHOWN_FILES]]
    if len(unread) > _SHOWN_FILES:
        lines.append(f"and {len(unread) - _SHOWN_FILES} files more")
    return lines
