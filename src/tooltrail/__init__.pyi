from ._block import invocation as invocation
from ._invocation import Invocation as Invocation
from ._invocation import current as current
from ._origin import mark_cached as mark_cached
from ._origin import mark_deduplicated as mark_deduplicated
from ._origin import mark_dry_run as mark_dry_run
from ._origin import mark_executed as mark_executed
from ._steps import step as step
from .errors import CommandError as CommandError
from .errors import NotRecordedError as NotRecordedError
from .errors import TooltrailError as TooltrailError
from .query.previous import last_success as last_success

__version__: str
__all__ = [
    "CommandError",
    "Invocation",
    "NotRecordedError",
    "TooltrailError",
    "__version__",
    "current",
    "invocation",
    "last_success",
    "mark_cached",
    "mark_deduplicated",
    "mark_dry_run",
    "mark_executed",
    "step",
]
