"""A trace as a shell script: what was called, where, and how it ended. Printed, never run.

Only what the agent itself called stands in it: what those programs called, they will call again.
Secrets are not in the record; each is a variable that the script asks for by name.
"""

import re
from itertools import pairwise

from .._typing import TYPE_CHECKING, Any
from .._wire import OPEN_OUTCOMES, RECORDER_TOOL, REDACTED, TIMED_OUT
from ..errors import UsageError
from .safe import duration, safe
from .words import call_words, ending_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..reconstruct import Call, Trace

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")
_NAME_BEFORE = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)\s*[=:]\s*(?:[A-Za-z]+ )?$")
_SET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOOKED_BACK = 50  # steps, for one that ran at the same time
_NAME_CHARS = 200
_KEYWORD = re.compile(
    r"if|then|else|elif|fi|for|while|until|do|done|case|esac|select|function|time|coproc|in|[!{}]"
)
_HEAD = """\
#!/usr/bin/env bash
# What was called in trace {trace}, as it was recorded{when}.
# Read it before you run it: it does all of it again. What the calls read from stdin, and what
# else was in their environment, was not recorded. A variable SECRET_… stands for every secret
# that was given by its name: where there were several, the record does not tell them apart.
set -u
"""
_RECORDED = """\
export TOOL_TRACE_ID="${TOOL_TRACE_ID:-REPLAY}"
recorded() { # STEP RECORDED NOW
  [ "$3" -eq "$2" ] && return
  echo "step $1 ended with exit code $3, and with $2 when it was recorded: stopped" >&2
  exit 1
}
"""


def pieces(trace: "Trace", start: str | None) -> "Iterator[str]":
    """Return the script in pieces; from the step with this number, or this request id, on.

    Raises `UsageError` where there is no such step.
    """
    calls = sorted(trace.roots, key=lambda call: call.launched_ms)
    first = _first(calls, start)
    return _script(trace, calls, first)


def _first(calls: "Sequence[Call]", start: str | None) -> int:
    if start is None:
        return 1
    ids = [call.request_id for call in calls]
    number = ids.index(start) + 1 if start in ids else int(start) if start.isdecimal() else 0
    if not 1 <= number <= len(calls):
        raise UsageError(
            f"--from: there is no step {start[:80]!r}",
            hint=f"give a number from 1 to {len(calls)}, or the request id of such a call",
        )
    return number


def _script(trace: "Trace", calls: "Sequence[Call]", first: int) -> "Iterator[str]":
    when = f" on {safe(trace.started)}" if trace.started else ""
    yield _HEAD.format(trace=safe(trace.trace_id, 300), when=when)
    for _, text in trace.gaps:
        yield f"# not seen: {safe(text, 400)}\n"
    secrets = _Secrets()
    steps = [
        "".join(_step(number, call, calls, secrets))
        for number, call in enumerate(calls, 1)
        if number >= first
    ]
    yield from secrets.asked()
    yield _RECORDED.replace("REPLAY", _replay(trace))
    if first > 1:
        yield f"\n# steps 1 to {first - 1} are left out\n"
    yield from steps


def _replay(trace: "Trace") -> str:
    return "replay-of-" + re.sub(r"[^A-Za-z0-9._/:-]", "-", trace.trace_id)[:200]


def _step(
    number: int, call: "Call", calls: "Sequence[Call]", secrets: "_Secrets"
) -> "Iterator[str]":
    shown = call.shown
    took = f", {duration(call.duration_ms)}" if call.duration_ms is not None else ""
    yield f"\n# {number}. {call_words(call.entry)} ({ending_words(shown)}{took})\n"
    near = range(max(0, number - 1 - _LOOKED_BACK), number - 1)
    beside = [at + 1 for at in near if _overlap(calls[at], call)]
    if beside:
        yield f"# it ran beside step {', '.join(map(str, beside[-5:]))}\n"
    if call.repeats:
        yield "# the same was called before\n"
    argv = _argv(call)
    if argv is None:
        yield "# its arguments were not recorded: it cannot be written down\n"
        return
    outer = call.wrapper or call.entry
    process = outer.get("process")
    cwd = process.get("cwd") if isinstance(process, dict) else None
    words = [secrets.word(argv, at) for at in range(len(argv))]
    if _KEYWORD.fullmatch(argv[0]):
        words[0] = f"'{argv[0]}'"  # quoted, it is a program's name
    words = [*_variables(outer, secrets), *_patience(call), *words]
    line = " ".join(words)
    yield f"(cd {_quoted(cwd)} || exit 125; {line})\n" if isinstance(cwd, str) else f"{line}\n"
    code = shown.get("exit_code")
    if isinstance(code, int) and shown.get("outcome") not in OPEN_OUTCOMES:
        yield f"recorded {number} {code} $?\n"
    else:
        yield "# how it ended is not known\n"


def _argv(call: "Call") -> list[str] | None:
    """Return the words that were called, as the outermost recorder saw them."""
    entry = call.wrapper or call.entry
    params, process = entry.get("params"), entry.get("process")
    argv: Any = params.get("argv") if isinstance(params, dict) else None
    if entry.get("recorder") == RECORDER_TOOL or not isinstance(argv, list):
        argv = process.get("argv") if isinstance(process, dict) else None
    if not isinstance(argv, list) or not argv or not all(isinstance(word, str) for word in argv):
        return None
    if entry.get("recorder") != RECORDER_TOOL:
        return argv
    if argv[0] in ("-c", "-m", "-", ""):
        return None  # the program itself is not among its arguments
    executable = process.get("executable") if isinstance(process, dict) else None
    interpreted = isinstance(executable, str) and "python" in executable.rpartition("/")[2]
    return [str(executable), *argv] if interpreted else argv


def _patience(call: "Call") -> "Sequence[str]":
    """Return the words that end a call as its caller did, when its time was up."""
    took = call.duration_ms
    ended = call.shown.get("outcome") == TIMED_OUT and isinstance(took, int)
    return ("timeout", f"{took / 1000:.3f}") if ended and took else ()


def _variables(entry: "dict[str, Any]", secrets: "_Secrets") -> "Iterator[str]":
    """Yield the assignments that stood before the command."""
    params = entry.get("params")
    given = params.get("environment") if isinstance(params, dict) else None
    for name, value in given.items() if isinstance(given, dict) else ():
        if _SET.fullmatch(str(name)):
            yield f"{name}={secrets.filled(str(value), str(name))}"


def _overlap(one: "Call", other: "Call") -> bool:
    return other.launched_ms < one.end_ms and one.launched_ms < other.end_ms


class _Secrets:
    """The variables that stand for what was taken out."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._unnamed = 0

    def asked(self) -> "Iterator[str]":
        """Yield a line for each, which stops the script where it is not set."""
        for name in self._names:
            yield f': "${{{name}:?a secret that was taken out of the record: set it}}"\n'

    def word(self, argv: "Sequence[str]", at: int) -> str:
        """Return one word of a command line for the shell."""
        option = argv[at - 1] if at and argv[at - 1].startswith("-") else ""
        return self.filled(argv[at], "" if "=" in option else option)

    def filled(self, text: str, name: str) -> str:
        """Quote a text, with a variable for each secret in it; `name` says what it may be."""
        if REDACTED not in text:
            return _quoted(text)
        parts = text.split(REDACTED)
        made = _quoted(parts[0]) if parts[0] else ""
        for before, after in pairwise(parts):
            found = _NAME_BEFORE.search(before[-_NAME_CHARS:])
            variable = self._variable(found[1] if found else name if not before else "")
            made += f'"${variable}"' + (_quoted(after) if after else "")
        return made

    def _variable(self, name: str) -> str:
        made = re.sub(r"[^A-Za-z0-9]+", "_", name.strip("-")).strip("_").upper()
        if not made:
            self._unnamed += 1
            made = str(self._unnamed)
        made = f"SECRET_{made}"  # no variable that is set anyway
        self._names[made] = None
        return made


def _quoted(text: str) -> str:
    """Quote a word for bash; what a terminal would act on becomes an escape."""
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "'\\''") + "'"
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return "\\" + char
    if char.isprintable():
        return char
    return "".join(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
