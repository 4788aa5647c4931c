"""What the logs cannot tell because it never got into them, or is no longer there."""

import os
from itertools import pairwise

from .._typing import TYPE_CHECKING
from ..trail import index
from ..trail.find import first_time
from ..trail.lost import lost
from ..trail.registry import is_forbidden, registered
from ..trail.segments import first_log_id, first_seq_of, segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..trail.registry import Registered

Gap = tuple[str, str]  # a code for programs, a sentence for people


def gaps(paths: "Iterable[str]", homes: "Iterable[str]", since: str | None) -> "Iterator[Gap]":
    """Yield what these logs did not take, or lost, and the logs of these homes that are gone."""
    for path in paths:
        yield from _holes(path)
        missed = lost(path, since or "")
        if missed.count:
            yield "CALLS_NOT_RECORDED", f"{path}: {missed}"
    for home in homes:
        yield from _gone(home)


def begun_late(paths: "Iterable[str]") -> "Iterator[Gap]":
    """Yield the logs whose first lines are gone: because they had become old, it may be."""
    for path in paths:
        first = segments(path)[0]
        if first.first_seq:
            since = first_time(first) or f"line {first.first_seq}"
            yield (
                "LOG_PRUNED",
                f"{path}: what was recorded before {since} is not there any more"
                " (tooltrail verify tells whether it was pruned)",
            )


def _holes(path: str) -> "Iterator[Gap]":
    """Yield the places where a segment is gone from the midst of a log."""
    for segment, following in pairwise(segments(path)):
        last, first = index.last_seq(segment), first_seq_of(following)
        if last is not None and first is not None and first > last + 1:
            yield (
                "LOG_PRUNED",
                f"{path}: lines {last + 1} to {first - 1} are gone, between {segment.name} and"
                f" {following.name} (tooltrail verify tells more)",
            )


def _gone(home: str) -> "Iterator[Gap]":
    try:
        known = registered(home)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield "LOG_NOT_READ_WHOLE", f"{home}: the list of logs cannot be read: {reason}"
        return
    for log in known:
        if log.acknowledged is not None or is_there(log):
            continue
        if is_forbidden(log.path):
            yield "LOG_NOT_READ_WHOLE", f"{log.path}: permission denied"
        else:
            yield (
                "LOG_MISSING",
                f"the log {log.log} of {log.tool} is gone from {log.path}"
                f" (tooltrail verify tells more; `tooltrail verify --acknowledge {log.log} --reason"
                " TEXT` says that it was meant)",
            )


def is_there(log: "Registered") -> bool:
    """Tell whether a log that was registered is where it was, or cannot be told from another."""
    files = [segment for segment in segments(log.path) if os.path.lexists(segment.file())]
    ids = {first_log_id(segment) for segment in files}
    return log.log in ids or (bool(files) and None in ids)  # unreadable, or its start is damaged
