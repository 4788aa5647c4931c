"""Make one call of two entries: a wrapper's, and that of the tool that it started.

The tool's entry is inside the wrapper's, and has the pid of the process that the wrapper started,
or the id that the tool told it. A program that made several calls of its own, or ended otherwise
than its one call, is no such pair: the wrapper stays their parent.

What a coding agent's hook or transcript tells of has no process: a call of the same trace that ran
in its time, and that nobody else made, is taken for made by it; of several calls at once, by the
one that names the tool.
"""

import re
from bisect import bisect_right

from .._typing import TYPE_CHECKING, Any
from .._wire import (
    OPEN_OUTCOMES,
    RECORDER_CALLER,
    RECORDER_HOOK,
    RECORDER_IMPORT,
    RECORDER_TOOL,
    RECORDER_WRAPPER,
)
from ..query.mine import continues

if TYPE_CHECKING:
    from .call import Call

    Entry = dict[str, Any]

_WORD = re.compile(r"[\w.+-]+")  # of a command line: a path's last part is one, too
_LEEWAY_MS = 20  # by which clocks that were read one after the other may differ
_AT_ONCE = 50  # calls of an agent, of which one may have made a call
_OUTSIDE = (RECORDER_WRAPPER, RECORDER_CALLER)  # who record a program that they started


def join_wrapped(known: "dict[str, Call]") -> dict[str, str]:
    """Make one call of a wrapper and the tool that it started; return where each id now lives."""
    _adopt(known)
    inside: dict[str, list[str]] = {}
    for key, call in known.items():
        outer_key = str(call.parent)
        outer = known.get(outer_key)
        if outer is not None and outer is not call and _is_wrapper_of(outer.entry, call.entry):
            inside.setdefault(outer_key, []).append(key)
    moved: dict[str, str] = {}
    for outer_key, keys in inside.items():
        if len(keys) == 1 and _ended_alike(known[outer_key].entry, known[keys[0]].entry):
            known[keys[0]].wrap(known.pop(outer_key).entry)
            moved[outer_key] = keys[0]
    return moved


def _adopt(known: "dict[str, Call]") -> None:
    """Give the calls that agents' hooks told of what ran in their time."""
    told = [(key, call) for key, call in known.items() if _is_told(call) and call.began is not None]
    told.sort(key=lambda each: each[1].began or 0)
    begins = [call.began or 0 for _, call in told]
    for call in known.values() if told else ():
        if call.parent in known or _is_told(call) or call.began is None:
            continue
        last = bisect_right(begins, call.began + _LEEWAY_MS)
        near = told[max(0, last - _AT_ONCE) : last]
        around = [each for each in near if _is_around(each[1], call)]
        named = [each for each in around if _names(each[1], call)]
        if len(around) == 1 or len(named) == 1:
            call.parent = (around if len(around) == 1 else named)[0][0]


def _is_told(call: "Call") -> bool:
    return call.entry.get("recorder") in (RECORDER_HOOK, RECORDER_IMPORT)


def _is_around(outer: "Call", inner: "Call") -> bool:
    begin, end = outer.began or 0, None
    if outer.duration_ms is not None:
        end = begin + outer.duration_ms + _LEEWAY_MS
    ours, theirs = outer.entry.get("trace_id"), inner.entry.get("trace_id")
    session = outer.entry.get("caller")
    name = session.get("session") if isinstance(session, dict) else None
    caller = inner.entry.get("caller")
    same = ours == theirs or continues(theirs, str(ours))
    same = same or (name is not None and isinstance(caller, dict) and caller.get("session") == name)
    began = inner.began or 0
    return same and begin - _LEEWAY_MS <= began and (end is None or began <= end)


def _names(outer: "Call", inner: "Call") -> bool:
    """Tell whether a command line names the tool of a call."""
    params = outer.entry.get("params")
    argv = params.get("argv") if isinstance(params, dict) else None
    words = " ".join(map(str, argv)) if isinstance(argv, list) else ""
    return str(inner.entry.get("tool")) in _WORD.findall(words)


def _ended_alike(outer: "Entry", inner: "Entry") -> bool:
    """Tell a process that was this one call from one that did more: a script with two calls."""
    if inner.get("outcome") in OPEN_OUTCOMES or outer.get("outcome") in OPEN_OUTCOMES:
        return True
    return inner.get("exit_code") in (None, outer.get("exit_code"))


def _is_wrapper_of(outer: "Entry", inner: "Entry") -> bool:
    if outer.get("recorder") in (RECORDER_HOOK, RECORDER_IMPORT):
        return inner.get("recorder") == RECORDER_TOOL and outer.get("tool") == inner.get("tool")
    if outer.get("recorder") not in _OUTSIDE or inner.get("recorder") in _OUTSIDE:
        return False
    process, child = inner.get("process"), outer.get("child")
    if isinstance(child, dict) and "request_id" in child:
        return bool(child["request_id"] == inner.get("request_id"))
    if not isinstance(process, dict):
        return False
    if isinstance(child, dict) and "pid" in child:
        return bool(child["pid"] == process.get("pid"))
    outer_process = outer.get("process")  # the wrapper was killed before it could name its child
    return (
        isinstance(outer_process, dict)
        and outer_process.get("pid") == process.get("parent_pid")
        and outer.get("tool") == inner.get("tool")
    )
