"""Gemini CLI's hook events (google-gemini/gemini-cli, docs/hooks/reference.md and tools/shell.ts).

There is no id of the tool call: an `AfterTool` belongs to the newest `BeforeTool` of the session
that told of the same command and has no end yet. The result is the text for the model: `Output: `
and the output, then lines of which `Exit Code: N` is there only where it is not 0; since 0.61 all
of it between two tags.
"""

from .event import (
    BEGIN,
    BOTH,
    END,
    STARTED,
    Event,
    command,
    ended_with,
    exit_code,
    failed,
    interrupted,
    mapping,
    text,
    timed_out,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NAME = "gemini-cli"
_SHELL_TOOL = "run_shell_command"
_KINDS = {"BeforeTool": BEGIN, "AfterTool": END}
_OUTPUT = "Output: "
_EMPTY = "(empty)"
_TAIL = ("Error: ", "Exit Code: ", "Signal: ", "Background PIDs: ", "Process Group PGID: ")
_TAGS = ("<untrusted_context>\n", "\n</untrusted_context>")
_BACKGROUND = ("Command moved to background", "Command is running in background")
_CANCELLED = "Command was cancelled by user"
_TIMED_OUT = "Command was automatically cancelled because it exceeded the timeout"


def read(fields: "Mapping[str, Any]") -> Event | None:
    """Return what one event says, or None where it is of no command."""
    kind = _KINDS.get(text(fields, "hook_event_name") or "")
    if kind is None or fields.get("tool_name") != _SHELL_TOOL:
        return None
    event = Event(kind, NAME, fields)
    given = mapping(fields, "tool_input")
    event.line = command(given)
    event.intent = text(given, "description")
    event.cwd = text(given, "dir_path") if _is_absolute(given.get("dir_path")) else event.cwd
    if kind == END:
        _read_response(event, mapping(fields, "tool_response"))
    return event


def _is_absolute(path: object) -> bool:
    return isinstance(path, str) and path.startswith("/")


def _read_response(event: Event, response: "Mapping[str, Any]") -> None:
    shown = _shown(response.get("llmContent"))
    if shown.startswith(_TAGS[0]) and shown.endswith(_TAGS[1]):
        shown = shown[len(_TAGS[0]) : -len(_TAGS[1])]
    if shown.startswith(_BACKGROUND):
        event.kind = STARTED
    elif shown.startswith(_TIMED_OUT):
        event.ending = timed_out()
    elif shown.startswith(_CANCELLED):
        event.ending = interrupted()
    elif shown.startswith(_OUTPUT):
        _read_result(event, shown)
    elif response.get("error"):
        message = text(mapping(response, "error"), "message")
        event.ending = failed(message.partition("\n")[0] if message else "the tool call failed")
    else:
        event.ending = ended_with(None)  # a summary by the model: it says nothing for certain


def _shown(content: object) -> str:
    """Return the text of a result, which is text or a list of parts."""
    if isinstance(content, list):
        return "".join(_shown(part) for part in content[:1000] if isinstance(part, (str, dict)))
    if isinstance(content, dict):
        return text(content, "text") or ""
    return content if isinstance(content, str) else ""


def _read_result(event: Event, shown: str) -> None:
    lines = shown.split("\n")
    told: dict[str, str] = {}
    while len(lines) > 1:
        name = next((each for each in _TAIL if lines[-1].startswith(each)), None)
        if name is None or name in told:
            break
        told[name] = lines.pop()[len(name) :].strip()
    output = "\n".join(lines)[len(_OUTPUT) :]
    event.streams[BOTH] = "" if output == _EMPTY else output
    number = told.get("Exit Code: ", "")
    if number.isascii() and number.isdigit() and len(number) < 11:
        event.ending = ended_with(exit_code(int(number)))
    elif told.get("Signal: "):
        event.ending = failed(f"ended by signal {told['Signal: '][:20]}")
    elif told.get("Error: "):
        event.ending = failed(told["Error: "])
    else:
        event.ending = ended_with(None if number else 0)
