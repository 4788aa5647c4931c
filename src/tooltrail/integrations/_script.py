"""A program that is a bare script, `python deploy.py`: no function of it can be recorded.

Its call begins at its parse and ends with the process. With what it ended is found out by
`_script_exit`; where nobody can know, the exit code stays unknown, and the entry says so.
"""

import _thread
import atexit
import os

from .._wire import UNKNOWN
from ..entry import Ending
from . import ProgramCall, Settings, is_outermost, program_name
from ._script_exit import ScriptExit, main_thread, prepare, script_frame
from .program import is_completing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

__all__ = ["prepare", "script_call"]

_UNKNOWN = {
    "code": "EXIT_CODE_UNKNOWN",
    "message": "the script raised SystemExit by itself: what it exited with was not seen",
}


def script_call() -> ProgramCall | None:
    """Open the call of the script that runs now, or return None: this is none, or not its own."""
    if not is_outermost() or is_completing() or _thread.get_ident() != main_thread():
        return None
    frame = script_frame()
    if frame is None:
        return None
    running = ScriptCall(Settings(auto=True), program_name())
    running.open(frame)
    return running


class ScriptCall(ProgramCall):
    """The call of a script: open until the process ends."""

    def open(self, frame: "FrameType") -> None:
        """Enter the call, and see to it that its end is noticed."""
        self.__enter__()
        self._pid = os.getpid()
        self._exit = ScriptExit(frame)
        atexit.register(self._close)

    def _close(self) -> None:
        """Write how the script ended. Runs at exit, when its frames are gone but the first."""
        if os.getpid() != self._pid or self._aside:
            return
        try:
            error = self._exit.exception()
        except LookupError:
            self._end_unknown()
        else:
            self.finish(error)
        self.__exit__()

    def _end_unknown(self) -> None:
        """Write the end of a call whose exit code nobody saw."""

        def write() -> None:
            self.call.warnings.append(_UNKNOWN)
            self.call.finish(Ending(None, UNKNOWN))
            self.call.leave_meta()

        self.call.contained(write)
