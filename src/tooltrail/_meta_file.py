"""Where a tool leaves its `meta` when its stdout has no room for it: `TOOL_META_FILE`."""

import os
from stat import S_ISREG

from ._encode import encode
from ._host import say
from ._stdout import write_all
from ._wire import TOOL_META_FILE
from .envelope import meta_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._invocation import Invocation


def leave(call: "Invocation", told: "Mapping[str, Any] | None") -> None:
    """Append a call's `meta`, or what a command told, to the file; where it cannot be, say so."""
    try:
        failure = leave_meta(call.context.meta_file, told or meta_of(call))
    except Exception as error:  # it must not become the tool's
        failure = f"{type(error).__name__}: {error}"
    if failure is not None:
        say(f"tooltrail: {TOOL_META_FILE} was not written: {failure}\n")


def leave_meta(path: str | None, meta: "Mapping[str, Any]") -> str | None:
    """Append `meta` to the file that `TOOL_META_FILE` names; return why it was not, or None.

    The file must exist, be a plain file of this user, and no link of either kind: the variable
    is inherited, and must not be a way to write into somebody's files.
    """
    if not path:
        return None
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    try:
        status = os.fstat(fd)
        if not S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_nlink != 1:
            return "it is not a plain file of this user"
        write_all(fd, (encode(meta) + "\n").encode("ascii"))
    except OSError as error:
        return (error.strerror or str(error)).lower()
    finally:
        os.close(fd)
    return None
