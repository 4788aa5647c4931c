"""Codex's hook events (openai/codex, codex-rs/hooks/schema and developers.openai.com/codex/hooks).

`PostToolUse` holds what the model is shown of the output, and neither exit code nor duration
(openai/codex#34289). The exit code is taken from the forms in which Codex puts it there; where it
puts none, it is not known.
"""

from .event import BEGIN, BOTH, END, Event, command, ended_with, exit_code, mapping, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NAME = "codex"
_SHELL_TOOLS = frozenset(("Bash", "shell", "local_shell", "shell_command", "exec_command"))
_KINDS = {"PreToolUse": BEGIN, "PostToolUse": END}
_EXITED = ("Process exited with code ", "Exit code: ")
_HEAD = ("Chunk ID: ", "Wall time: ", "Original token count: ", "Total output lines: ", *_EXITED)
_BODY = ("Output:", "Final output:")
_CUT = "Warning: truncated output (original token count: "


def read(fields: "Mapping[str, Any]") -> Event | None:
    """Return what one event says, or None where it is of no command."""
    kind = _KINDS.get(text(fields, "hook_event_name") or "")
    if kind is None or fields.get("tool_name") not in _SHELL_TOOLS:
        return None
    event = Event(kind, NAME, fields)
    event.line = command(mapping(fields, "tool_input"))
    event.turn = text(fields, "turn_id")
    if kind == END:
        _read_response(event, fields.get("tool_response"))
    return event


def _read_response(event: Event, response: object) -> None:
    code, output = None, response
    if isinstance(response, dict):
        code = exit_code(response.get("exit_code", mapping(response, "metadata").get("exit_code")))
        output = response.get("output")
    elif isinstance(response, str):
        code, output = _parted(response)
    if isinstance(output, str) and not output.startswith(_CUT):
        event.streams[BOTH] = output
    event.ending = ended_with(code)


def _parted(shown: str) -> tuple[int | None, str]:
    """Return exit code and output of a text with Codex's own head; else no code, and the text."""
    code, rest = None, shown
    while True:
        line, newline, after = rest.partition("\n")
        if line.rstrip() in _BODY:
            return code, after
        if not newline or not line.startswith(_HEAD):
            return None, shown
        for name in _EXITED:
            number = line.removeprefix(name).strip()
            if line.startswith(name) and number.isascii() and number.isdigit() and len(number) < 11:
                code = exit_code(int(number))
        rest = after
