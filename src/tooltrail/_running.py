"""The call that is running here, for those that have something to say about it.

A thread that the tool started with an empty context belongs to the only call that runs in the
process, which is what a command-line tool is; where several run, nobody can know to which.

The core is not imported for it: where nothing has loaded the core, no call can be running, and a
library that names its steps costs a program that nobody records next to nothing.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._invocation import Invocation


def running() -> "Invocation | None":
    """Return the call of this thread or task that has not ended, or the only one, or None."""
    core = sys.modules.get("tooltrail._invocation")
    process = getattr(core, "process", None)  # not there while the core is being imported
    if core is None or process is None:
        return None
    call: Invocation | None = core.current()
    if call is None and len(process.running) == 1:
        call = process.running[0]
    return None if call is None or call.finished else call
