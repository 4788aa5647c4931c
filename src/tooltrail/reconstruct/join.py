"""Make one call of two entries: a wrapper's, and that of the tool that it started.

The tool's entry is inside the wrapper's, and has the pid of the process that the wrapper started,
or the id that the tool told it. A program that made several calls of its own, or ended otherwise
than its one call, is no such pair: the wrapper stays their parent.
"""

from typing import TYPE_CHECKING, Any

from .._wire import OPEN_OUTCOMES, RECORDER_CALLER, RECORDER_WRAPPER

if TYPE_CHECKING:
    from .call import Call

    Entry = dict[str, Any]

_OUTSIDE = (RECORDER_WRAPPER, RECORDER_CALLER)  # who record a program that they started


def join_wrapped(known: "dict[str, Call]") -> dict[str, str]:
    """Make one call of a wrapper and the tool that it started; return where each id now lives."""
    inside: dict[str, list[str]] = {}
    for key, call in known.items():
        outer_key = str(call.entry.get("parent_request_id"))
        outer = known.get(outer_key)
        if outer is not None and outer is not call and _is_wrapper_of(outer.entry, call.entry):
            inside.setdefault(outer_key, []).append(key)
    moved: dict[str, str] = {}
    for outer_key, keys in inside.items():
        if len(keys) == 1 and _ended_alike(known[outer_key].entry, known[keys[0]].entry):
            known[keys[0]].wrap(known.pop(outer_key).entry)
            moved[outer_key] = keys[0]
    return moved


def _ended_alike(outer: "Entry", inner: "Entry") -> bool:
    """Tell a process that was this one call from one that did more: a script with two calls."""
    if inner.get("outcome") in OPEN_OUTCOMES or outer.get("outcome") in OPEN_OUTCOMES:
        return True
    return inner.get("exit_code") in (None, outer.get("exit_code"))


def _is_wrapper_of(outer: "Entry", inner: "Entry") -> bool:
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
