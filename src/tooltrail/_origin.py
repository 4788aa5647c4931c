"""Fresh or replayed: what the running call says of its own result.

Outside of a call these do nothing. None of them ever raises: an id that a cache has lost is no
reason to fail a deploy. What a tool says of its result is kept even then, with a warning in the
response and in the entry in place of the id.
"""

from ._running import running
from ._wire import (
    ORIGIN_CACHED,
    ORIGIN_DEDUPLICATED,
    ORIGIN_DRY_RUN,
    ORIGIN_EXECUTED,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._invocation import Invocation


def mark_cached(origin_request_id: str | None) -> None:
    """Say that the running call answers with a result that an earlier call computed and kept.

    `origin_request_id` is that call's `meta.request_id`. It and the origin go into the response's
    `meta` and into the entry. An id that is none (1 to 256 of `0-9A-Za-z_.-`) is left out, and
    the warning `ORIGIN_ID_IGNORED` says so.
    """
    _mark(ORIGIN_CACHED, origin_request_id)


def mark_deduplicated(origin_request_id: str | None) -> None:
    """Say that the running call did nothing, because another call does or did the same.

    As `mark_cached`; for what an idempotency key or a lock kept from happening twice.
    """
    _mark(ORIGIN_DEDUPLICATED, origin_request_id)


def mark_dry_run() -> None:
    """Say that the running call only showed what it would do."""
    _mark(ORIGIN_DRY_RUN)


def mark_executed() -> None:
    """Say that the running call computed its result itself, which is so unless it is marked."""
    _mark(ORIGIN_EXECUTED)


def _mark(origin: str, *origin_request_id: object) -> None:
    call = running()
    if call is None:
        return
    call.origin = origin
    call.origin_request_id = None
    if origin_request_id:
        call.contained(lambda: _name_origin(call, origin_request_id[0]))


def _name_origin(call: "Invocation", given: object) -> None:
    from .context import is_request_id

    if is_request_id(given) and call.redactor.identifier(given, "origin_request_id") == given:
        call.origin_request_id = str(given)
        return
    kind = "text" if isinstance(given, str) else type(given).__name__
    message = f"the result is {call.origin}, but what was given for its call is no request id"
    call.warnings.append({"code": "ORIGIN_ID_IGNORED", "message": f"{message}: {kind}"})
