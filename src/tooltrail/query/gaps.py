"""What the logs cannot tell because it never got into them, or is no longer there."""

import os
from typing import TYPE_CHECKING

from ..trail.find import first_time
from ..trail.lost import lost
from ..trail.registry import registered
from ..trail.segments import first_log_id, segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..trail.registry import Registered

Gap = tuple[str, str]  # a code for programs, a sentence for people


def gaps(paths: "Iterable[str]", homes: "Iterable[str]", since: str | None) -> "Iterator[Gap]":
    """Yield the calls that these logs did not take, and the logs of these homes that are gone."""
    for path in paths:
        missed = lost(path, since or "")
        if missed.count:
            yield "CALLS_NOT_RECORDED", f"{path}: {missed}"
    for home in homes:
        yield from _gone(home)


def pruned(paths: "Iterable[str]") -> "Iterator[Gap]":
    """Yield the logs whose first lines are gone because they had become old."""
    for path in paths:
        first = segments(path)[0]
        if first.first_seq:
            since = first_time(first)
            yield (
                "LOG_PRUNED",
                f"{path}: what was recorded before {since or f'line {first.first_seq}'} was pruned",
            )


def _gone(home: str) -> "Iterator[Gap]":
    try:
        known = registered(home)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        yield "LOG_NOT_READ_WHOLE", f"{home}: the list of logs cannot be read: {reason}"
        return
    for log in known:
        if log.acknowledged is None and not is_there(log):
            yield (
                "LOG_MISSING",
                f"the log {log.log} of {log.tool} is gone from {log.path}"
                " (tooltrail verify tells more)",
            )


def is_there(log: "Registered") -> bool:
    """Tell whether a log that was registered is where it was, or cannot be told from another."""
    files = [segment for segment in segments(log.path) if os.path.lexists(segment.file())]
    ids = {first_log_id(segment) for segment in files}
    return log.log in ids or (bool(files) and None in ids)  # unreadable, or its start is damaged
