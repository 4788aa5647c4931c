"""`tooltrail check`: how observable a command is, 0 to 3, with the evidence."""

from argparse import SUPPRESS, RawDescriptionHelpFormatter

from .._typing import TYPE_CHECKING, Any
from ..checker.check import check
from ..checker.examination import Options
from ..checker.many_commands import check_all, commands_in
from ..checker.probes.many import MOST
from ..checker.program import words_of
from ..checker.report import Report
from ..checker.runner import DEADLINE
from ..errors import UsageError
from ..query.options import JSON, TABLE
from ..render.checked import MARKDOWN, Checked, deliver
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._block import RecordedBlock

_LONGEST = 3600.0  # seconds
_OF_ONE = ("tool", "audit_log", "log_file")  # what is another for each command
_MORE = """\
By default the command is run once, with TOOL_TRACE_ID=test-123, and the rest is read from what it
answered and from its log. Many tools act whatever their arguments are: what calls the command
again is asked for.

score:
  0  no request_id, no timing, no audit log
  1  meta.request_id on some responses
  2  meta.request_id and meta.duration_ms on all; TOOL_TRACE_ID is propagated
  3  meta.trace_id is the caller's; audit-log --output jsonl; an append-only log
  ?  what was not allowed, or did not end, leaves it open

exit codes:
  0  the command was looked at; with --require, and reached that score
  1  it did not reach it, or could not be looked at
  2  the command line was not understood

  tooltrail check -- deployctl status
  tooltrail check --probe --repeat 20 --sandbox --require 3 -- deployctl plan --env test
"""


def main(arguments: "Sequence[str]") -> int:
    """Look at a command, and say what it scores."""
    own, separator, command = _divided(arguments)
    made = _reading.parser("check", "Say how observable a command is: 0 to 3, and why.", ())
    made.usage = "tooltrail check [OPTIONS] -- CMD ARG..."
    made.formatter_class = RawDescriptionHelpFormatter
    made.epilog = _MORE
    made.set_defaults(argv=command if separator else None)
    made.add_argument("stray", nargs="*", help=SUPPRESS)
    made.add_argument(
        "--probe", action="store_true", help="call the command again: wrongly, with odd ids, ..."
    )
    made.add_argument("--repeat", metavar="N", help="call it so many times in parallel, too")
    made.add_argument(
        "--sandbox",
        action="store_true",
        help="with a throw-away HOME, and no network where that can be",
    )
    made.add_argument(
        "--tool", metavar="CMD", help="the words that reach the program: 'python deploy.py'"
    )
    made.add_argument(
        "--audit-log",
        metavar="CMD",
        help="what lists its log, where it has no audit-log: 'tooltrail log --tool NAME'",
    )
    made.add_argument("--log-file", metavar="PATH", help="where its log is")
    made.add_argument(
        "--meta-path", metavar="NAME", default="meta", help="where a response keeps its ids (meta)"
    )
    made.add_argument(
        "--meta-file", action="store_true", help="count the ids that it leaves in TOOL_META_FILE"
    )
    made.add_argument("--deadline", metavar="SECONDS", help="for each call (30)")
    made.add_argument("--require", metavar="N", help="exit code 1 below this score")
    made.add_argument(
        "--all", metavar="FILE", dest="list", help="score the commands of a list, one a line"
    )
    made.add_argument(
        "--output", choices=(TABLE, JSON, MARKDOWN), help="table on a terminal, json elsewhere"
    )
    return _reading.run("check", made, own, _act)


def _divided(arguments: "Sequence[str]") -> tuple[list[str], bool, list[str]]:
    """Return our own arguments, whether there was a `--`, and what stands after it."""
    given = list(arguments)
    if "--" not in given:
        return given, False, []
    at = given.index("--")
    return given[:at], True, given[at + 1 :]


def _act(call: "RecordedBlock", values: dict[str, Any]) -> int:
    return deliver(call, lambda: _work(values), values["output"])


def _work(values: dict[str, Any]) -> Checked:
    argv, listed, stray = values["argv"], values["list"], values["stray"]
    if stray:
        raise UsageError(
            f"{stray[0][:80]!r} is none of check's options", hint="tooltrail check -- CMD ARG..."
        )
    if (argv is None) == (listed is None) or argv == []:
        raise UsageError(
            "which command?" if not argv else "a command and --all do not go together",
            hint="tooltrail check -- CMD ARG..., or --all FILE",
        )
    for name in _OF_ONE if listed is not None else ():
        if values[name] is not None:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option} is for one command, and --all names many")
    require = _number("--require", values["require"], 0, 3)
    deadline = _deadline(values["deadline"])
    options = Options(
        probe=values["probe"],
        repeat=_number("--repeat", values["repeat"], 2, MOST) or 0,
        tool=_words("--tool", values["tool"]),
        audit_log=_words("--audit-log", values["audit_log"]),
        log_file=values["log_file"],
        meta_path=_meta_path(values["meta_path"]),
        meta_file=values["meta_file"],
    )
    sandboxed = values["sandbox"]
    reports: list[Report]
    if listed is None:
        reports = [check(argv, options, deadline=deadline, sandboxed=sandboxed)]
    else:
        commands = commands_in(listed)
        reports = list(check_all(commands, options, deadline=deadline, sandboxed=sandboxed))
    return Checked(reports, is_list=listed is not None, require=require)


def _meta_path(text: str) -> str:
    if not all(text.split(".")):
        raise UsageError("--meta-path: an empty name", hint="write meta, or result.meta")
    return text


def _words(option: str, line: str | None) -> list[str] | None:
    return None if line is None else words_of(option, line)


def _number(option: str, text: str | None, least: int, most: int) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise UsageError(f"{option}: {text[:40]!r} is no whole number from {least} to {most}")
    return int(text)


def _deadline(text: str | None) -> float:
    if text is None:
        return DEADLINE
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"--deadline: {text[:40]!r} is no number of seconds up to {_LONGEST:g}")
    return seconds
