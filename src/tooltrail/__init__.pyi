from ._block import invocation as invocation
from ._invocation import Invocation as Invocation
from ._invocation import current as current
from ._origin import mark_cached as mark_cached
from ._origin import mark_deduplicated as mark_deduplicated
from ._origin import mark_dry_run as mark_dry_run
from ._origin import mark_executed as mark_executed
from ._steps import step as step
from .calling.arun import arun as arun
from .calling.result import CallFailedError as CallFailedError
from .calling.result import Result as Result
from .calling.run import run as run
from .calling.session import Session as Session
from .calling.traced import get_audit_log as get_audit_log
from .calling.traced import traced_run as traced_run
from .errors import CommandError as CommandError
from .errors import NotRecordedError as NotRecordedError
from .errors import TooltrailError as TooltrailError
from .query.previous import last_success as last_success

__version__: str
__all__ = [
    "CallFailedError",
    "CommandError",
    "Invocation",
    "NotRecordedError",
    "Result",
    "Session",
    "TooltrailError",
    "__version__",
    "arun",
    "current",
    "get_audit_log",
    "invocation",
    "last_success",
    "mark_cached",
    "mark_deduplicated",
    "mark_dry_run",
    "mark_executed",
    "run",
    "step",
    "traced_run",
]
