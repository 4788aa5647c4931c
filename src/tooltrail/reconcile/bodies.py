"""The output that a caller kept whole: what `data` was in it."""

import gzip
import json
import os
import zlib

from .._encode import encode, sha256
from .._typing import Any
from .._wire import ALGORITHM, OWN_TOOL
from ..settings import settings_for
from ..trail import data_home

_MAX_BYTES = 1_000_000  # what is kept is cut there


def data_sha256(entry: "dict[str, Any]") -> str | None:
    """Return the digest of `data` in the response that a call's stdout was, or None.

    None too where the stdout was not kept as it came: a secret was taken out, or it was cut.
    """
    output = entry.get("output")
    stdout = output.get("stdout") if isinstance(output, dict) else None
    if not isinstance(stdout, dict) or stdout.get("body") != stdout.get("sha256"):
        return None
    digest = str(stdout.get("body")).removeprefix(ALGORITHM)
    if len(digest) != 64 or not digest.isalnum():
        return None
    home = data_home(configured=settings_for(OWN_TOOL).data_home)
    path = os.path.join(home, OWN_TOOL, "bodies", digest[:2], f"{digest}.gz")
    try:
        with gzip.open(path, "rb") as file:
            response = json.loads(file.read(_MAX_BYTES + 1))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error):
        return None
    if not isinstance(response, dict) or not {"ok", "data", "meta"} <= set(response):
        return None
    text = encode(response["data"]).encode("ascii")
    return ALGORITHM + sha256(text).hexdigest()
