"""`tooltrail mcp`: answer an agent's questions about the logs, over stdin and stdout."""

import sys

from .. import __version__
from .._block import invocation
from .._typing import TYPE_CHECKING
from .._wire import OWN_TOOL, PURPOSE_AUDIT
from ..errors import TooltrailError, UsageError
from ..query.mine import OwnSession, own_session
from ..render.deliver import fail
from . import _reading

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = (
    "Serve read-only tools over the Model Context Protocol (stdio): audit_query, audit_failed,"
    " audit_trace, audit_summary. Only calls of the agent's own session are shown, unless it"
    " asks for everything."
)


def main(arguments: "Sequence[str]") -> int:
    """Serve until stdin ends; return the exit code."""
    made = _reading.parser("mcp", _DESCRIPTION, [])
    made.add_argument(
        "--session",
        metavar="ID",
        help="whose calls are shown: a trace id, or an agent's session (else the environment says)",
    )
    try:
        asked = made.parse_args(list(arguments)).session
    except UsageError as error:
        return _reading.refuse("mcp", error, arguments)
    with invocation(OWN_TOOL, "mcp", {}, version=__version__, purpose=PURPOSE_AUDIT) as call:
        try:
            from ..mcp_server import server
        except ImportError as error:
            missing = TooltrailError(
                f"the MCP SDK is not installed ({error})",
                hint=f"{sys.executable} -m pip install 'tooltrail[mcp]'",
            )
            call.exit_code = fail(call, missing, "")
            return call.exit_code
        server(OwnSession(asked, asked) if asked else _own()).run("stdio")
    return 0


def _own() -> OwnSession | None:
    try:
        return own_session()
    except UsageError:
        return None
