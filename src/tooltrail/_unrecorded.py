"""What happens when a line could not be written: say it once, and count it."""

from . import _host
from ._wire import PURPOSE_AUDIT
from .errors import NotRecordedError
from .settings import CLOSED
from .trail.lost import note

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._invocation import Invocation


def unrecorded(call: "Invocation", error: Exception) -> str:
    """Tell, on stderr and in the response's warnings, that a call is not recorded; say why.

    Where the policy is `closed` and the call has not run yet, it is going to be refused.
    """
    if isinstance(error, NotRecordedError):
        code, reason = error.code, error.message
    else:
        code, reason = "RECORDER_FAILED", f"{call.path}: {type(error).__name__}: {error}"
    call.warnings.append({"code": code, "message": f"this call is not recorded: {reason}"})
    note(call.path, call.tool, call.request_id, reason)
    if call.settings.policy == CLOSED and not call.finished and call.purpose != PURPOSE_AUDIT:
        say(f"refused, because the policy is closed: {reason}")
    else:
        say(f"this call is not recorded: {reason}")
    return reason


def body_not_kept(call: "Invocation", error: OSError) -> None:
    """Tell that what a call gave back could not be kept; its digest is recorded all the same."""
    reason = (error.strerror or str(error)).lower()
    message = f"what the call gave back is not kept: {reason}"
    call.warnings.append({"code": "BODY_NOT_KEPT", "message": message})
    say(message)


def say(message: str) -> None:
    """Say one line on stderr; the response's warnings say it as well."""
    _host.say(f"tooltrail: {message}\n")
