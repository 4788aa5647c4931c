"""In what two records of the same call differ. What only one of them has is no difference."""

from .._typing import TYPE_CHECKING, Any
from .._wire import REDACTED
from . import bodies

if TYPE_CHECKING:
    from .record import Record

    Difference = dict[str, Any]


def differences(outer: "Record", inner: "Record", tolerance: float) -> "list[Difference]":
    """Return what differs: each with `field`, and what the caller and the tool say.

    `tolerance`, in seconds, is for times alone.
    """
    found = [
        *_exit_codes(outer, inner),
        *_arguments(outer, inner),
        *_times(outer, inner, tolerance),
        *_outputs(outer, inner),
    ]
    return [{"field": field, "caller": said, "tool": told} for field, said, told in found]


def _exit_codes(outer: "Record", inner: "Record") -> "list[tuple[str, Any, Any]]":
    said, told = outer.entry.get("exit_code"), inner.entry.get("exit_code")
    if said is None or told is None or said == told or not is_same_process(outer, inner):
        return []
    return [("exit_code", said, told)]


def _arguments(outer: "Record", inner: "Record") -> "list[tuple[str, Any, Any]]":
    if is_same_process(outer, inner) and same_arguments(outer, inner) is False:
        return [("argv", outer.argv, inner.argv)]
    return []


def _times(outer: "Record", inner: "Record", tolerance: float) -> "list[tuple[str, Any, Any]]":
    found: list[tuple[str, Any, Any]] = []
    if outer.start is None or inner.start is None:
        return found
    early = inner.start < outer.start - tolerance
    late = outer.end is not None and inner.start > outer.end + tolerance
    if early or late:
        found.append(("timestamp", outer.entry["timestamp"], inner.entry["timestamp"]))
    took, own = outer.entry.get("duration_ms"), inner.entry.get("duration_ms")
    told = outer.child.get("duration_ms")
    room = tolerance * 1000
    if isinstance(own, int) and isinstance(told, int) and abs(own - told) > room:
        found.append(("duration_ms", told, own))
    elif isinstance(own, int) and isinstance(took, int) and own > took + room:
        found.append(("duration_ms", took, own))
    return found


def _outputs(outer: "Record", inner: "Record") -> "list[tuple[str, Any, Any]]":
    """Hold the `data` that the caller got against the digest of it that the tool wrote."""
    output = inner.entry.get("output")
    told = output.get("data_sha256") if isinstance(output, dict) else None
    if not told or outer.child.get("request_id") != inner.request_id:
        return []
    got = bodies.data_sha256(outer.entry)
    return [("output", got, told)] if got is not None and got != told else []


def is_same_process(outer: "Record", inner: "Record") -> bool:
    """Tell whether the tool was the process that the caller started, not one inside of it."""
    pid = outer.child.get("pid")
    if pid is not None:
        return bool(pid == inner.pid)
    return bool(outer.argv) and _names_it(outer.argv[0], inner)


def same_arguments(outer: "Record", inner: "Record") -> bool | None:
    """Tell whether both sides saw the same arguments; None where that cannot be told.

    The caller may have named an interpreter first, and what either side has taken out as a
    secret may be anything.
    """
    said, told = outer.argv, inner.argv
    if not said or not told or not any(_names_it(word, inner) for word in said):
        return None  # through a script or a shell: its arguments are its own
    rest = told[1:]
    tail = said[len(said) - len(rest) :] if len(rest) < len(said) else None
    if tail is None:
        return False
    return all(_same(left, right) for left, right in zip(tail, rest, strict=True))


def _names_it(word: Any, inner: "Record") -> bool:
    told = inner.argv
    name = str(told[0]).rpartition("/")[2] if told else inner.tool
    return bool(name) and str(word).rpartition("/")[2] in (name, inner.tool)


def _same(left: Any, right: Any) -> bool:
    return left == right or REDACTED in str(left) or REDACTED in str(right)
