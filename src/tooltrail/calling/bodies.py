"""The output of a call as the log keeps it in full: redacted, cut, in a file of its own."""

from .._unrecorded import body_not_kept
from ..trail import bodies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._invocation import Invocation
    from .output import Output

_MARGIN = 65_536  # bytes: a secret that crosses the end of what is kept is seen whole


def kept(call: "Invocation", name: str, output: "Output") -> "dict[str, Any]":
    """Keep the text of a stream, and return what the entry says of it.

    What is not UTF-8 is kept as U+FFFD. Where it cannot be written, a warning says so.
    """
    fields = output.as_json()
    if not output.size:
        return fields
    content = output.content
    text = content[: bodies.MAX_BYTES + _MARGIN].decode("utf-8", "replace")
    folder = call.path.rpartition("/")[0]
    clean = call.redactor.body(text, f"output.{name}").encode("utf-8")
    try:
        fields |= bodies.keep(folder, clean)
    except OSError as error:
        body_not_kept(call, error)
        return fields
    if output.size > bodies.MAX_BYTES:
        fields["body_cut_from"] = output.size
    return fields
