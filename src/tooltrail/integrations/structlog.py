"""Put the ids of the running call on every event of structlog: a processor.

    structlog.configure(processors=[tooltrail.integrations.structlog.add_ids, ...])

structlog is not imported here: a processor is a plain function.
"""

from .._running import running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from typing import Any


def add_ids(
    logger: "Any",  # noqa: ARG001 - the arguments of a processor
    method_name: str,  # noqa: ARG001
    event_dict: "MutableMapping[str, Any]",
) -> "MutableMapping[str, Any]":
    """Add `request_id`, `trace_id`, `tool` and `command`, inside a call and where they are not."""
    call = running()
    if call is not None:
        for name in ("request_id", "trace_id", "tool", "command"):
            event_dict.setdefault(name, getattr(call, name))
    return event_dict
