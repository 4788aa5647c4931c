"""Tell the calls that may be meant, though nobody can say: what is asked of them is not known.

A wrapped command has no command's name; a secret was taken out of a param; a call has no end. Each
condition of a query is true of a call, or false, or not known.
"""

from .._typing import TYPE_CHECKING, Any
from .._wire import OPEN_OUTCOMES, RECORDER_TOOL, REDACTED, REPLACED
from ..settings import METADATA
from .search import has_end, holds_text, is_listed, matches_identity, matches_window, satisfies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import Query

    Entry = dict[str, Any]

_SHELLS = frozenset(
    ("sh", "bash", "zsh", "dash", "ksh", "fish", "env", "sudo", "xargs", "nohup", "timeout")
)
_OF_THE_END = ("exit_code", "outcome", "origin", "failed", "slower_than")


def why_possible(query: "Query", entry: "Entry") -> str | None:
    """Return why a call that does not match may be meant all the same; None where it cannot be."""
    if not matches_identity(query, entry) or not is_listed(query, entry):
        return None
    reasons = list(_conditions(query, entry))
    if None in reasons:
        return None
    return next((reason for reason in reasons if reason), None)


def _conditions(query: "Query", entry: "Entry") -> "Iterator[str | None]":
    """Yield for each condition: nothing where it holds, why it is not known, or None: it fails."""
    told_by_others = entry.get("recorder") != RECORDER_TOOL
    words = " ".join(_argv(entry))
    in_a_shell = told_by_others and entry.get("tool") in _SHELLS
    bare = entry.get("level") == METADATA or "erased" in entry or _params(entry) is None
    hidden = REDACTED in str(_params(entry))
    if query.tool is not None and entry.get("tool") != query.tool:
        yield "run by a shell, which may have called the tool" if in_a_shell else None
    if query.command is not None and not satisfies(query, entry, "command"):
        verb = query.command.split()[0]
        unnamed = entry.get("command") is None and told_by_others
        yield "whose command is not known" if unnamed and (bare or verb in words) else None
    if query.param is not None and not satisfies(query, entry, "param"):
        inside = in_a_shell and query.param[1] in words
        yield "whose params are not known" if bare or hidden or inside else None
    if not holds_text(query, entry):
        taken_out = bare or hidden or entry.get("redactions")
        yield "of which something was taken out" if taken_out else None
    for name in _OF_THE_END:
        if not satisfies(query, entry, name):
            yield "whose end is not known" if _end_is_unknown(entry, name) else None
    if not matches_window(query, entry):
        open_then = query.until is None or str(entry.get("timestamp", "")) <= query.until
        vague = entry.get("clamped") or not has_end(entry)
        yield "of which it is not known when they ended" if open_then and vague else None


def _argv(entry: "Entry") -> list[str]:
    params = _params(entry) or {}
    argv = params.get("argv")
    return [str(word) for word in argv] if isinstance(argv, list) else []


def _params(entry: "Entry") -> "dict[str, Any] | None":
    params = entry.get("params")
    return params if isinstance(params, dict) else None


def _end_is_unknown(entry: "Entry", name: str) -> bool:
    if not has_end(entry) or entry.get("outcome") in OPEN_OUTCOMES | {REPLACED}:
        return True
    return name == "slower_than" and not isinstance(entry.get("duration_ms"), int)
