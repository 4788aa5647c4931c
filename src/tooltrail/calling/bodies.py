"""The output of a call as the log keeps it in full: redacted, cut, in a file of its own."""

from ..trail import bodies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .._invocation import Invocation
    from .output import Output

_MARGIN = 65_536  # bytes: a secret that crosses the end of what is kept is seen whole


def kept(call: "Invocation", name: str, output: "Output") -> "dict[str, Any]":
    """Keep the text of a stream, and return what the entry says of it.

    What is not UTF-8 is kept as U+FFFD. Raises `OSError` where it cannot be written.
    """
    fields = output.as_json()
    if not output.size:
        return fields
    content = output.content
    text = content[: bodies.MAX_BYTES + _MARGIN].decode("utf-8", "replace")
    folder = call.path.rpartition("/")[0]
    fields |= bodies.keep(folder, call.redactor.text(text, f"output.{name}").encode("utf-8"))
    if output.size > bodies.MAX_BYTES:
        fields["body_cut_from"] = output.size
    return fields
