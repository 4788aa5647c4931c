"""Where a tool's log is: `${XDG_DATA_HOME:-~/.local/share}/<tool>/audit.jsonl`.

Never taken from the current directory or a repository: a control plane that a
checkout can move is one that an attacker can.
"""

import os

from .._wire import LOG_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_MAX_NAME_CHARS = 100


def tool_name(raw: str) -> str:
    """Bring a tool's name to `[a-z0-9._-]`, without a leading dot or dash, so that it is a folder.

    `/usr/bin/Python3` gives `python3`; a name of which nothing is left gives `unnamed`.
    """
    base = raw.rstrip("/").rpartition("/")[2].lower()
    name = "".join(char if char in _NAME_CHARS else "-" for char in base)
    return name.lstrip(".-")[:_MAX_NAME_CHARS] or "unnamed"


def data_home(environment: "Mapping[str, str] | None" = None) -> str:
    """Return the folder that holds all logs of the effective user.

    `XDG_DATA_HOME` counts where it is absolute and not another user's. `HOME` likewise: under
    sudo it may still be the caller's, and then the user database says where home is.
    """
    environment = os.environ if environment is None else environment
    configured = environment.get("XDG_DATA_HOME", "")
    if os.path.isabs(configured) and not _is_anothers(configured):
        return configured
    home = environment.get("HOME", "")
    if not os.path.isabs(home) or _is_anothers(home):
        home = _home_of_user() or home or "/"
    return f"{home.rstrip('/')}/.local/share"


def log_path(tool: str, home: str | None = None) -> str:
    """Return the path of the log that `tool` writes."""
    return f"{data_home() if home is None else home}/{tool_name(tool)}/{LOG_NAME}"


def _is_anothers(path: str) -> bool:
    try:
        return os.stat(path).st_uid != os.geteuid()
    except OSError:
        return False  # not there yet: it will be ours


def _home_of_user() -> str | None:
    from pwd import getpwuid

    try:
        return getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return None
