"""Where a tool leaves its `meta` when its stdout has no room for it: `TOOL_META_FILE`."""

import os
from stat import S_ISREG

from ._encode import encode
from ._stdout import write_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


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
