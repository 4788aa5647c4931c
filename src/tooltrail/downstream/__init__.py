"""The HTTP requests of a call: its context goes out with them, and request ids come back.

Loaded when the tool comes to import an HTTP client, or had one when its call began; never
otherwise, and no client is imported from here. Each is patched at the place where one request
meets the network, below redirects, retries and authentication, so that an item is one exchange,
each hop is judged by its own host, and `requests` and `botocore` are seen once, in `urllib3`.

What fails in here fails no request: it becomes a warning of the call.
"""

import sys

from .._host import HTTP_CLIENTS
from .._imports import after_import, waited_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_armed: list[bool] = []


def watch() -> None:
    """Have every client patched when it has been imported: now, where it is already."""
    if not _armed:
        _armed.append(True)
        for name in HTTP_CLIENTS:
            after_import(name, _patch)


def arriving(
    finder: object, name: str, path: "Sequence[str] | None", target: "ModuleType | None"
) -> "ModuleSpec | None":
    """Take over from the finder that found a client: return its spec, by which it is patched.

    None where the client is there already, or nobody finds it.
    """
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]  # a finder by its manners
    watch()
    return waited_for(name, path, target)


def _patch(module: "ModuleType") -> None:
    """Patch a client that has just been imported, by the module that knows it."""
    try:
        family = module.__name__.partition(".")[0].removesuffix("2")  # httpx2 is httpx again
        _FAMILIES[family](module)
    except Exception as error:
        from .exchange import warn

        warn(f"{module.__name__} is not observed: {type(error).__name__}")


def _urllib3(module: "ModuleType") -> None:
    from .urllib3_pool import patch

    patch(module)


def _urllib(module: "ModuleType") -> None:
    from .urllib_handler import patch

    patch(module)


def _httpx(module: "ModuleType") -> None:
    from .httpx_transport import patch

    patch(module)


def _aiohttp(module: "ModuleType") -> None:
    from .aiohttp_client import patch

    patch(module)


def _botocore(module: "ModuleType") -> None:
    from .botocore_signer import patch

    patch(module)


_FAMILIES = {
    "aiohttp": _aiohttp,
    "botocore": _botocore,
    "httpx": _httpx,
    "urllib": _urllib,
    "urllib3": _urllib3,
}
