"""With what a script ended: nobody inside its process is told, and yet most of it can be known.

Whether its own code ran to its end stands in its frame: the last instruction is a return, or not.
An exception that is not `SystemExit` is left in `sys` by the interpreter, whatever hook prints it.
A `SystemExit` is gone when handlers at exit run, so it has to be seen on its way:

- From Python 3.12 on, an event tells which exception leaves the script's code.
- In 3.11 `sys.exit`, which is wrapped before the script comes to name it, puts a trace function on
  the script's frame, which is told of each exception that gets there, and on no other: up to then,
  and for every other frame, nothing is traced. Where somebody swallows the exit, the trace ends
  with it. A `SystemExit` that the script made by itself is not seen: its exit code stays unknown.

Nothing here keeps an exception alive: what its frames hold would live on until the process ends.
"""

import _thread
import sys

from ._parsers import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

_TOOL_IDS = (4, 3)  # of `sys.monitoring`; those that its documentation names are others
_MARK = "_tooltrail_mark"  # of a `SystemExit`
_HAS_EVENTS = hasattr(sys, "monitoring")

_open: "list[ScriptExit]" = []  # the one of this process, while its script runs


def prepare() -> None:
    """See to it, before the script names `sys.exit`, that what it does there is noticed."""
    if _HAS_EVENTS or hasattr(sys.exit, _MARK):
        return
    bare = sys.exit

    def exit(*status: "Any") -> "Any":
        try:
            return bare(*status)
        except SystemExit as error:
            _note(error)
            raise

    exit.__doc__, exit.__module__ = bare.__doc__, bare.__module__
    setattr(exit, _MARK, True)
    sys.exit = exit
    quitter = type(vars(sys.modules["builtins"]).get("exit"))
    if quitter.__name__ == "Quitter":  # `exit(3)`, as the interactive interpreter has it
        wrap(quitter, "__call__", _quit)


def _quit(bare: "Callable[..., Any]", quitter: "Any", code: "Any" = None) -> "Any":
    try:
        return bare(quitter, code)
    except SystemExit as error:
        _note(error)
        raise


def _note(error: SystemExit) -> None:
    if _open and _thread.get_ident() == main_thread():
        _open[0].raised(error)


class ScriptExit:
    """Watches the frame of a script for the way in which it is left; call in its main thread."""

    def __init__(self, script: "FrameType") -> None:
        self._script = script
        self._status: list[Any] = []  # of the `SystemExit` that ended it: one item, or none
        self._left = False
        self._late = False  # somebody exited when the script was over: its hook for crashes
        _open[:] = [self]
        if not self._watch_by_events():
            prepare()

    def exception(self) -> BaseException | None:
        """Return what ended the script, now that it has: None where it ran to its end.

        A `SystemExit` is made anew. Raises `LookupError` where it was one that nobody saw.
        """
        returned = _returned(self._script)
        del self._script
        _open.clear()
        if returned:
            return None
        if self._status:
            return SystemExit(self._status[0])
        crash = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        if isinstance(crash, BaseException) and not self._late:
            return crash
        raise LookupError("SystemExit")

    def swallowed(self) -> None:
        """Forget an exit: nobody comes to know of it but who caught it."""
        if script_frame() is self._script:
            self._status.clear()

    # -- Python 3.12 and later

    def _watch_by_events(self) -> bool:
        monitoring: Any = getattr(sys, "monitoring", None)
        if monitoring is None:
            return False
        tool = next((each for each in _TOOL_IDS if monitoring.get_tool(each) is None), None)
        if tool is None:
            return False
        code = self._script.f_code

        def left(unwound: "CodeType", _offset: int, error: BaseException) -> None:
            if unwound is code:
                self._left = True
                self._status[:] = [error.code] if isinstance(error, SystemExit) else []
            elif self._left and isinstance(error, SystemExit):
                self._late = True

        event = monitoring.events.PY_UNWIND
        monitoring.use_tool_id(tool, "tooltrail")
        monitoring.register_callback(tool, event, left)
        monitoring.set_events(tool, event)
        return True

    # -- Python 3.11

    def raised(self, error: SystemExit) -> None:
        """Have the script's frame tell what exception gets to it, while this one is on its way."""
        if script_frame() is not self._script:
            self._late = True
            return
        if sys.gettrace() is None:
            self._script.f_trace = self._traced
            self._script.f_trace_lines = False
            sys.settrace(_trace_nothing)
        vars(error)[_MARK] = _Mark(self)

    def _traced(self, _frame: "FrameType", event: str, told: "Any") -> "Any":
        if event == "exception":
            error = told[1]
            self._status[:] = [error.code] if isinstance(error, SystemExit) else []
        return self._traced


def _trace_nothing(_frame: "FrameType", _event: str, _told: "Any") -> None:
    return None


class _Mark:
    """Hangs on an exception, and goes with it."""

    def __init__(self, script: ScriptExit) -> None:
        self._script = script

    def __del__(self) -> None:
        """End the trace: the exception was swallowed, or the script is over."""
        if sys.gettrace() is _trace_nothing:
            sys.settrace(None)
        if _open:
            self._script.swallowed()


def main_thread() -> int | None:
    """Return the number of the process's main thread."""
    threading = sys.modules.get("threading")
    return threading.main_thread().ident if threading is not None else _thread.get_ident()


def script_frame() -> "FrameType | None":
    """Return the frame of the script's own code, where that is at the bottom of the stack."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != "<module>":
        return None
    return frame if frame.f_globals.get("__name__") == "__main__" else None


def _returned(frame: "FrameType") -> bool:
    """Tell whether a frame that has ended ran to its end, and was not left by an exception."""
    from opcode import opname

    code, last = frame.f_code.co_code, frame.f_lasti
    return 0 <= last < len(code) and opname[code[last]].startswith("RETURN")
