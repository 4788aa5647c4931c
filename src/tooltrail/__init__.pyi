from ._block import invocation as invocation
from ._invocation import Invocation as Invocation
from ._invocation import current as current
from .errors import CommandError as CommandError
from .errors import NotRecordedError as NotRecordedError
from .errors import TooltrailError as TooltrailError

__version__: str
__all__ = [
    "CommandError",
    "Invocation",
    "NotRecordedError",
    "TooltrailError",
    "__version__",
    "current",
    "invocation",
]
