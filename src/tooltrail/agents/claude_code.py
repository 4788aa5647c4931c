"""Claude Code's hook events (code.claude.com/docs/en/hooks, as of version 2.1.330).

A Bash call that exits with 0 gives `PostToolUse`, any other `PostToolUseFailure`, whose `error`
begins with the line `Exit code N`. Neither comes where the user or a rule did not let it run.
"""

from .event import (
    BEGIN,
    BOTH,
    END,
    SESSION,
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

    from ..entry import Ending

NAME = "claude-code"
_SHELL_TOOL = "Bash"
_KINDS = {"PreToolUse": BEGIN, "PostToolUse": END, "PostToolUseFailure": END}
_EXIT_CODE = "Exit code "
_TIMED_OUT = "Command timed out after "
_CUT_CHARS = 10_000  # of an error: a longer one has its middle taken out


def read(fields: "Mapping[str, Any]") -> Event | None:
    """Return what one event says, or None where it is of no command."""
    name = text(fields, "hook_event_name") or ""
    if name == "SessionStart":
        return Event(SESSION, NAME, fields)
    kind = _KINDS.get(name)
    given = mapping(fields, "tool_input")
    if kind is None or fields.get("tool_name") != _SHELL_TOOL:
        return None
    event = Event(kind, NAME, fields)
    event.line = command(given)
    event.turn = text(fields, "prompt_id")
    event.intent = text(given, "description")
    if name == "PostToolUse":
        _read_response(event, fields)
    elif kind == END:
        _read_failure(event, fields)
    return event


def _read_response(event: Event, fields: "Mapping[str, Any]") -> None:
    response = mapping(fields, "tool_response")
    if response.get("backgroundTaskId"):
        event.kind = STARTED
        return
    for name in ("stdout", "stderr"):
        stream = response.get(name)
        is_cut = name == "stdout" and "persistedOutputPath" in response
        if isinstance(stream, str) and not is_cut:
            event.streams[name] = stream
    if response.get("interrupted") is True:
        event.ending = interrupted()
    elif response.get("returnCodeInterpretation"):
        event.ending = ended_with(None)  # a grep that found nothing: not 0, and which is not told
    else:
        event.ending = ended_with(0)


def _read_failure(event: Event, fields: "Mapping[str, Any]") -> None:
    said = text(fields, "error") or ""
    first, _, output = said.partition("\n")
    code = None
    if first.startswith(_EXIT_CODE):
        number = first[len(_EXIT_CODE) :].strip()
        if number.isascii() and number.isdigit() and len(number) < 11:
            code = exit_code(int(number))
        if len(said) < _CUT_CHARS:
            event.streams[BOTH] = output
    event.ending = _ending(code, first, output, fields.get("is_interrupt") is True)


def _ending(code: int | None, first: str, output: str, broken_off: bool) -> "Ending":
    if broken_off:
        return interrupted(code)
    if code == 143 and (output.startswith(_TIMED_OUT) or f"\n{_TIMED_OUT}" in output):
        return timed_out(code)
    if first.startswith(_TIMED_OUT):
        return timed_out()
    return failed(first or "the tool call failed") if code is None else ended_with(code)
