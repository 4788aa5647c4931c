"""Calls that a wrapper saw killed: the one case in which somebody knows what became of them.

A tool that is killed leaves a begin line and nothing more. Where `tooltrail run` was its parent,
the wrapper's own end line has the pid of the process that it started, and the signal.
"""

import os

from .._typing import TYPE_CHECKING, Any
from .._wire import KILLED, LOG_NAME, ORIGIN_EXECUTED, OWN_TOOL
from ..trail.find import lines_with
from ..trail.read import parse
from ..trail.segments import snapshot

if TYPE_CHECKING:
    Entry = dict[str, Any]

_LITERAL = b'"outcome":"killed"'


class SeenKilled:
    """What the wrappers of one data home saw; their log is read when it is first asked."""

    def __init__(self, path: str) -> None:
        home = os.path.dirname(os.path.dirname(path))
        self._log = os.path.join(home, OWN_TOOL, LOG_NAME)
        self._ends: dict[tuple[Any, Any], Entry] | None = None

    def complete(self, entry: "Entry") -> None:
        """Say of a call that vanished how it ended, where its wrapper saw that."""
        process = entry.get("process")
        pid = process.get("pid") if isinstance(process, dict) else None
        parent = entry.get("parent_request_id")
        if pid is None or parent is None:
            return
        if self._ends is None:
            self._ends = _read_ends(self._log)
        seen = self._ends.get((parent, pid))
        if seen is not None:
            entry["outcome"] = KILLED
            entry["origin"] = ORIGIN_EXECUTED
            for name in ("exit_code", "signal", "error"):
                entry[name] = seen.get(name)


def _read_ends(path: str) -> "dict[tuple[Any, Any], Entry]":
    ends: dict[tuple[Any, Any], Entry] = {}
    try:
        for line in lines_with(snapshot(path), _LITERAL):
            end = parse(line) or {}
            child = end.get("child")
            if end.get("outcome") == KILLED and isinstance(child, dict):
                ends[end.get("request_id"), child.get("pid")] = end
    except OSError:
        return ends  # what cannot be read is said where that log is asked for
    return ends
