"""Keep our frames out of the traceback of a tool that crashes: its stderr stays what it was.

A frame cannot take itself out of a traceback that is still passing through it,
so this is done in `sys.excepthook`, for the one exception that is on its way.
"""

import sys
from types import TracebackType

_OURS = __file__.rpartition("_tracebacks")[0]


class _Hook:
    """Stands before the hook that was there, for the exception that is on its way out."""

    def __init__(self) -> None:
        self.previous = sys.excepthook
        self.leaving: int | None = None  # the id of the exception, which nothing here keeps alive

    def __call__(
        self, kind: type[BaseException], value: BaseException, trace: TracebackType | None
    ) -> None:
        if id(value) == self.leaving:
            _strip(value, set())
            trace = value.__traceback__
        self.previous(kind, value, trace)


def hide_our_frames(error: BaseException) -> None:
    """Print `error`, should nobody catch it, without the frames of this package."""
    hook = sys.excepthook
    if not isinstance(hook, _Hook):
        hook = sys.excepthook = _Hook()
    hook.leaving = id(error)


def _strip(error: BaseException | None, seen: set[int]) -> None:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _without_ours(error.__traceback__)
    _strip(error.__cause__, seen)
    _strip(error.__context__, seen)


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    steps: list[TracebackType] = []
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(_OURS):
            steps.append(trace)
        trace = trace.tb_next
    kept: TracebackType | None = None
    for step in reversed(steps):
        kept = TracebackType(kept, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return kept
