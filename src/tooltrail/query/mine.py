"""Whose calls are mine: those of the session that asks, as far as the environment says."""

import os

from .._host import user_name
from .._invocation import current
from .._typing import TYPE_CHECKING, Any
from .._wire import CONTINUES, OWN_TOOL
from ..context import from_environment
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATED = "generated"


class OwnSession:
    """A session: by the trace that its calls belong to or continue, or by its agent's own id."""

    def __init__(self, trace_id: str | None, session: str | None) -> None:
        self.trace_id = trace_id
        self.session = session

    def holds(self, entry: "Mapping[str, Any]") -> bool:
        """Tell whether a call belongs to the session."""
        found = entry.get("trace_id")
        if self.trace_id and (found == self.trace_id or continues(found, self.trace_id)):
            return True
        caller = entry.get("caller")
        told = caller.get("session") if isinstance(caller, dict) else None
        return bool(self.session) and told == self.session


def continues(value: Any, wanted: str) -> bool:
    """Tell an id that extends another: `agent-session-42-step-7` does `agent-session-42`."""
    return (
        isinstance(value, str)
        and value.startswith(wanted)
        and value[len(wanted) :].startswith(CONTINUES)
    )


def own_session() -> OwnSession:
    """Return the session that this process belongs to.

    Raises `UsageError` where nothing in the environment says whose it is.
    """
    call = current()
    context = (
        call.context
        if call is not None
        else from_environment(OWN_TOOL, os.environ, user=user_name(os.geteuid()))
    )
    trace_id = None if context.trace_source == _GENERATED else context.trace_id
    session = context.agent.session if context.agent is not None else None
    if trace_id is None and session is None:
        raise UsageError(
            "nothing in the environment says whose session this is",
            hint="set TOOL_TRACE_ID, or ask for a trace by its id",
        )
    return OwnSession(trace_id, session)
