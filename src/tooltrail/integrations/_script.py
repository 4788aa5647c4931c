"""A program that is a bare script, `python deploy.py`: no function of it can be recorded.

Its call begins at its parse and ends with the process. How a script ends is not told to anybody
inside the process but in part: `sys.excepthook` is called for a crash, `sys.exit` may be wrapped,
and whether the script's own code ran to its end is in its frame. `raise SystemExit(main())` is
seen from Python 3.12 on, by events of the script's own code. Where the script was left by a
`SystemExit` that nobody saw, the exit code stays unknown, and the entry says so.
"""

import _thread
import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

from .._wire import UNKNOWN
from ..entry import Ending
from . import ProgramCall, Settings, is_outermost, program_name
from ._parsers import wrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

_UNKNOWN = {
    "code": "EXIT_CODE_UNKNOWN",
    "message": "the script raised SystemExit by itself: what it exited with was not seen",
}

_exits: list[Any] = []  # what the script was last about to exit with: one item, or none
_prepared: list[bool] = []


def prepare() -> None:
    """See to it, before the script's own code comes to it, that its exit code is noticed."""
    frame = _script_frame()
    if _prepared or frame is None:
        return
    _prepared.append(True)
    bare = sys.exit

    def exit(*status: Any) -> Any:
        _note(*status)
        return bare(*status)

    sys.exit = exit
    quitter = type(vars(sys.modules["builtins"]).get("exit"))
    if quitter.__name__ == "Quitter":
        wrap(quitter, "__call__", _quit)
    if hasattr(sys, "monitoring"):  # 3.12
        _watch_raised(frame.f_code)


def _quit(bare: "Callable[..., Any]", quitter: Any, code: Any = None) -> Any:
    _note(code)
    return bare(quitter, code)


def _note(*status: Any) -> None:
    if _thread.get_ident() == _main_thread():
        _exits[:] = status[:1] or [None]


def _watch_raised(script: "CodeType") -> None:
    """Note what a script gives `SystemExit`, by events of the code that names it alone."""
    monitoring: Any = sys.modules["sys"].monitoring
    named = list(_naming_exit(script))
    tool = next((free for free in (4, 3) if monitoring.get_tool(free) is None), None)
    if not named or tool is None:
        return
    call = monitoring.events.CALL

    def called(_code: "CodeType", _offset: int, function: Any, argument: Any) -> None:
        if function is SystemExit:
            _note(None if argument is monitoring.MISSING else argument)

    monitoring.use_tool_id(tool, "tooltrail")
    monitoring.register_callback(tool, call, called)
    for code in named:
        monitoring.set_local_events(tool, code, call)


def _naming_exit(code: "CodeType") -> "list[CodeType]":
    """Return the code that names `SystemExit`, of a script and the functions in it."""
    inner = [
        part
        for const in code.co_consts
        if hasattr(const, "co_consts")
        for part in _naming_exit(const)
    ]
    return [code, *inner] if "SystemExit" in code.co_names else inner


def script_call() -> ProgramCall | None:
    """Open the call of the script that runs now, or return None: this is none, or not its own."""
    if not is_outermost() or _thread.get_ident() != _main_thread():
        return None
    frame = _script_frame()
    if frame is None:
        return None
    running = ScriptCall(Settings(auto=True), program_name())
    running.open(frame)
    return running


def _main_thread() -> int | None:
    threading = sys.modules.get("threading")
    return threading.main_thread().ident if threading is not None else _thread.get_ident()


def _script_frame() -> "FrameType | None":
    """Return the frame of the script's own code, where that is at the bottom of the stack."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    if frame is None or frame.f_code.co_name != "<module>":
        return None
    return frame if frame.f_globals.get("__name__") == "__main__" else None


class ScriptCall(ProgramCall):
    """The call of a script: open until the process ends."""

    def open(self, frame: "FrameType") -> None:
        """Enter the call, and see to it that its end is noticed."""
        self.__enter__()
        self._script = frame
        self._pid = os.getpid()
        self._crash: BaseException | None = None
        self._bare_hook = sys.excepthook
        sys.excepthook = self._hook
        atexit.register(self._close)

    def _hook(self, kind: Any, error: BaseException, trace: Any) -> None:
        self._crash = error
        self._bare_hook(kind, error, trace)

    def _close(self) -> None:
        """Write how the script ended. Runs at exit, when its frames are gone but the first."""
        if os.getpid() != self._pid:
            return
        if sys.excepthook == self._hook:
            sys.excepthook = self._bare_hook
        error, self._crash = self._crash, None
        if error is None and not _returned(self._script):
            error = SystemExit(*_exits) if _exits else None
            if error is None:
                self._end_unknown()
        del self._script
        if not self.call.finished:
            self.finish(error)
        self.__exit__()

    def _end_unknown(self) -> None:
        def write() -> None:
            self.call.warnings.append(_UNKNOWN)
            self.call.finish(Ending(None, UNKNOWN))
            self.call.leave_meta()

        self.call.contained(write)


def _returned(frame: "FrameType") -> bool:
    """Tell whether a frame that has ended ran to its end, and was not left by an exception."""
    from opcode import opname

    code, last = frame.f_code.co_code, frame.f_lasti
    return 0 <= last < len(code) and opname[code[last]].startswith("RETURN")
