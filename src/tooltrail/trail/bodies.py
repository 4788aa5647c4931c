"""Output bodies, at the recording level `full`: kept beside the log, named by their content.

`bodies/<first two hex digits>/<SHA-256>.gz` of what is left after redaction. The same output
twice is one file; the entry holds its hash, so that the chain vouches for it.
"""

import gzip
import os
import zlib
from errno import EBADMSG

from .. import _host
from .._encode import sha256
from .._wire import ALGORITHM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BODIES_NAME = "bodies"
MAX_BYTES = 1_000_000  # of one body; what is longer is cut there, and says so


def body_path(folder: str, digest: str) -> str:
    """Return where the body with this hash (`sha256:<64 hex>`) is, in a log's folder."""
    name = digest.removeprefix(ALGORITHM)
    return f"{folder}/{BODIES_NAME}/{name[:2]}/{name}.gz"


def keep(folder: str, content: bytes) -> "dict[str, Any]":
    """Keep a body in a log's folder; return what its entry's `output` says of it.

    Raises `OSError` where it cannot be written, and then nothing is left behind.
    """
    kept = content[:MAX_BYTES]
    digest = ALGORITHM + sha256(kept).hexdigest()
    path = body_path(folder, digest)
    if os.path.exists(path):
        os.utime(path)  # it is of this call as well, and goes when the last such call is pruned
    else:
        _write(path, gzip.compress(kept, mtime=0))
    fields: dict[str, Any] = {"body": digest, "body_bytes": len(kept)}
    if len(kept) < len(content):
        fields["body_cut_from"] = len(content)
    return fields


def read(folder: str, digest: str) -> bytes:
    """Return a body. Raises `OSError` where it is not there, or is not what its name says."""
    try:
        with gzip.open(body_path(folder, digest), "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (EOFError, zlib.error) as error:
        raise OSError(EBADMSG, f"{digest}: the body was changed") from error
    if ALGORITHM + sha256(content).hexdigest() != digest:
        raise OSError(EBADMSG, f"{digest}: the body was changed")
    return content


def _write(path: str, data: bytes) -> None:
    from .recover import make_folder

    make_folder(os.path.dirname(path))
    unfinished = f"{path}.{_host.randomness(4).hex()}"
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            os.fchmod(fd, 0o600)
            file.write(data)
        os.replace(unfinished, path)
    except OSError:
        os.unlink(unfinished)
        raise
