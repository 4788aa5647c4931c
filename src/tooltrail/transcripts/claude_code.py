"""Claude Code's transcripts: `~/.claude/projects/<folder>/<session>.jsonl`.

A command is a `tool_use` block of an assistant's message, its result a `tool_result` block of a
later user's message with the same id, beside which `toolUseResult` holds what a hook is given.
The two are read as the hooks are; a resumed session repeats lines of the one that it continues.
"""

from typing import TYPE_CHECKING, Any

from ..agents import claude_code
from .ran import Ran, nanoseconds, object_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

USUAL = ("~/.claude/projects",)
ENDINGS = (".jsonl",)
_CALL, _RESULT = b"tool_use", b"tool_result"  # "tool_use" is in "tool_use_id" as well


def read(source: "Source", path: str) -> "Iterator[Ran]":
    """Yield a transcript's commands: each when its result is read, the others at the end."""
    waiting: dict[str, tuple[Ran, dict[str, Any]]] = {}
    for line in source.read(path):
        called = b'"Bash"' in line and _CALL in line
        if not called and not (waiting and _RESULT in line):
            if not line.endswith((b"}\n", b"}", b"}\r\n")):
                source.parse(line)  # cut off, or none of ours: it is counted
            continue
        fields = source.parse(line)
        for block in _blocks(fields or {}):
            if block.get("type") == "tool_use":
                _begin(fields or {}, block, waiting)
            elif block.get("type") == "tool_result":
                began = waiting.pop(str(block.get("tool_use_id")), None)
                if began is not None:
                    yield _ended(*began, fields or {}, block)
    yield from (ran for ran, _ in waiting.values())


def _blocks(fields: dict[str, Any]) -> list[dict[str, Any]]:
    content = object_in(fields, "message").get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict)]


def _begin(
    fields: dict[str, Any], block: dict[str, Any], waiting: dict[str, tuple[Ran, dict[str, Any]]]
) -> None:
    told = {
        "hook_event_name": "PreToolUse",
        "tool_name": block.get("name"),
        "tool_input": block.get("input"),
        "tool_use_id": block.get("id"),
        "session_id": fields.get("sessionId"),
        "cwd": fields.get("cwd"),
        "prompt_id": fields.get("promptId"),
    }
    event, started = claude_code.read(told), nanoseconds(fields.get("timestamp"))
    if event is None or not event.line or not event.tool_call or started is None:
        return
    version = fields.get("version")
    ran = Ran(started, claude_code.NAME, event.session or "", event.tool_call, event.line)
    ran.cwd = event.cwd
    ran.agent_version = version if isinstance(version, str) else None
    named = (("tool_name", event.tool_name), ("turn", event.turn), ("intent", event.intent))
    ran.claims = {name: value for name, value in named if value}
    waiting.setdefault(event.tool_call, (ran, told))


def _ended(ran: Ran, told: dict[str, Any], fields: dict[str, Any], block: dict[str, Any]) -> Ran:
    response = fields.get("toolUseResult")
    if block.get("is_error") is True or isinstance(response, str):
        said = _text(block.get("content")) or (response if isinstance(response, str) else "")
        said = said.removeprefix("Error: ")
        event = claude_code.read({**told, "hook_event_name": "PostToolUseFailure", "error": said})
    elif isinstance(response, dict):
        event = claude_code.read(
            {**told, "hook_event_name": "PostToolUse", "tool_response": response}
        )
    else:
        return ran  # another version: that it came back is all that is told
    if event is None or event.ending is None:
        return ran  # put into the background: nobody tells how it ended
    ran.ending, ran.streams = event.ending, event.streams
    ended = nanoseconds(fields.get("timestamp"))
    if ended is not None and ended >= ran.started_ns:
        ran.duration_ms = (ended - ran.started_ns) // 1_000_000
    return ran


def _text(content: object) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
