"""Say in few words what a call was and how it ended: the same in every view."""

from .._typing import TYPE_CHECKING, Any
from .._wire import (
    GOOD_OUTCOMES,
    ORIGIN_EXECUTED,
    RECORDER_TOOL,
    RUNNING,
    UNKNOWN,
    USAGE_ERROR,
)
from .safe import safe

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_VALUE_CHARS = 60
_NUMBERS = (int, float)


def call_words(entry: "Mapping[str, Any]") -> str:
    """Return what was called: tool, command and params, as somebody would have typed it.

    Before it, in brackets, where the result comes from, unless it was computed by this call.
    """
    origin = origin_words(entry)
    return f"({origin}) {_called(entry)}" if origin else _called(entry)


def origin_words(entry: "Mapping[str, Any]") -> str:
    """Return where the result comes from: `cached`, `deduplicated`, `dry run`; else nothing."""
    origin = entry.get("origin")
    return "" if origin in (None, ORIGIN_EXECUTED) else safe(origin, 40).replace("_", " ")


def _called(entry: "Mapping[str, Any]") -> str:
    tool, command = safe(entry.get("tool") or "?"), entry.get("command")
    if "erased" in entry:
        return f"{tool} (erased)"
    params = entry.get("params")
    params = params if isinstance(params, dict) else {}
    argv = params.get("argv")
    if entry.get("recorder") != RECORDER_TOOL and isinstance(argv, list):
        words = [tool, *(_argument(argument) for argument in argv[1:])]
        return " ".join(([f"[{safe(command)}]"] if command else []) + words)
    process = entry.get("process")
    refused = process.get("argv") if isinstance(process, dict) else None
    if entry.get("outcome") == USAGE_ERROR and isinstance(refused, list) and refused:
        return " ".join([tool, *(_argument(argument) for argument in refused[1:])])
    words = [tool] if command in (None, entry.get("tool")) else [tool, safe(command)]
    given = (
        f"{name if name.isidentifier() else safe(name)}={_argument(value)}"
        for name, value in params.items()
        if value or type(value) in _NUMBERS  # not what was left away, but 0
    )
    return " ".join([*words, *given])


def _argument(value: Any) -> str:
    text = safe(value, _MAX_VALUE_CHARS)
    return f"'{text}'" if not text or " " in text else text


def exit_words(entry: "Mapping[str, Any]") -> str:
    """Return how the call ended: its exit code, the signal, or how it stands without an end."""
    if entry.get("signal"):
        return safe(entry["signal"])
    if entry.get("exit_code") is not None:
        return safe(entry["exit_code"])
    return safe(entry.get("outcome") or "other")


def ending_words(entry: "Mapping[str, Any]") -> str:
    """Return how the call ended, in a sentence: `exit code 3`, `SIGKILL`, `vanished`."""
    words = exit_words(entry)
    return f"exit code {words}" if words.isdigit() else words


def mark(entry: "Mapping[str, Any]") -> str:
    """Return one sign for the outcome: ok `+`, running `~`, unknown `?`, anything else `x`."""
    outcome = entry.get("outcome")
    if entry.get("exit_code") in (0, None) and outcome in GOOD_OUTCOMES:
        return "+"
    if outcome == RUNNING:
        return "~"
    return "?" if outcome == UNKNOWN else "x"


def error_words(entry: "Mapping[str, Any]") -> str:
    """Return the error's code and message in one line, or nothing."""
    error = entry.get("error")
    if not isinstance(error, dict):
        return ""
    code, message = safe(error.get("code")), safe(error.get("message"), 200)
    return "" if code in ("EXIT_CODE", "SIGNAL") else f"{code}: {message}"
