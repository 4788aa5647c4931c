"""Claude Code's transcripts: `~/.claude/projects/<folder>/<session>.jsonl`.

A command is a `tool_use` block of an assistant's message, its result a `tool_result` block of a
later user's message with the same id, beside which `toolUseResult` holds what a hook is given.
The two are read as the hooks are. Of a command in the background a notice tells the end, which
stands in a message of its own, in the queue of messages or beside another one, or the result of
the tool with which the model asked for it; a resumed session repeats lines of the one before.
"""

from .._typing import TYPE_CHECKING, Any
from .._wire import KILLED
from ..agents import claude_code
from ..agents.event import ended_with, exit_code, not_allowed
from ..entry import Ending, error_fields
from .ran import Ran, nanoseconds, object_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

USUAL = ("$CLAUDE_CONFIG_DIR/projects", "~/.claude/projects", "~/.config/claude/projects")
ENDINGS = (".jsonl",)
_CALL, _RESULT = b"tool_use", b"tool_result"  # "tool_use" is in "tool_use_id" as well
_NOTICE = "<task-notification>"
_OF_THE_BACKGROUND = (_NOTICE.encode(), b'"exitCode"', b'"task_id"')
_EXIT_CODE, _MAX_DIGITS = "exit code ", 10
_STOPPED = ("killed", "stopped")


def read(source: "Source", path: str) -> "Iterator[Ran]":
    """Yield a transcript's commands: each when its end is read, the others at last."""
    session = _Session()
    for line in source.read(path):
        if session.may_need(line):
            fields = source.parse(line)
            if fields is not None:
                yield from session.take(fields)
        elif not line.endswith((b"}\n", b"}", b"}\r\n")):
            source.parse(line)  # cut off, or none of ours: it is counted
    yield from session.rest()


class _Session:
    """The commands that are still to come back, or to end."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Ran, dict[str, Any]]] = {}
        self._background: dict[str, Ran] = {}  # by their tool call
        self._tasks: dict[str, str] = {}  # background task -> tool call

    def may_need(self, line: bytes) -> bool:
        """Tell by the bytes whether a line may say anything of a command."""
        if b'"Bash"' in line and _CALL in line:
            return True
        if self._waiting and _RESULT in line:
            return True
        return bool(self._background) and any(word in line for word in _OF_THE_BACKGROUND)

    def take(self, fields: dict[str, Any]) -> "Iterator[Ran]":
        """Take a line; yield the commands that it ends."""
        for block in _blocks(fields):
            if block.get("type") == "tool_use":
                self._begin(fields, block)
            elif block.get("type") == "tool_result":
                began = self._waiting.pop(str(block.get("tool_use_id")), None)
                if began is not None and not self._goes_on(began[0], fields):
                    yield _ended(*began, fields, block)
        if self._background:
            yield from self._ended_in_background(fields)

    def rest(self) -> "Iterator[Ran]":
        """Yield the commands of which no end is told."""
        yield from (ran for ran, _ in self._waiting.values())
        yield from self._background.values()

    def _begin(self, fields: dict[str, Any], block: dict[str, Any]) -> None:
        began = _begun(fields, block)
        if began is not None and began[0].tool_call not in self._background:
            self._waiting.setdefault(began[0].tool_call, began)

    def _goes_on(self, ran: Ran, fields: dict[str, Any]) -> bool:
        task = object_in(fields, "toolUseResult").get("backgroundTaskId")
        if isinstance(task, str) and task:
            self._tasks[task] = ran.tool_call
            self._background[ran.tool_call] = ran
            return True
        return False

    def _ended_in_background(self, fields: dict[str, Any]) -> "Iterator[Ran]":
        told = [_notice(text) for text in _notices(fields)]
        told.append(_asked(object_in(fields, "toolUseResult")))
        for call, task, ending in told:
            ran = self._background.pop(call or self._tasks.get(task, ""), None)
            if ran is not None and ending is not None:
                ran.ending = ending
                _took(ran, fields)
                yield ran
            elif ran is not None:
                self._background[ran.tool_call] = ran


def _begun(fields: dict[str, Any], block: dict[str, Any]) -> tuple[Ran, dict[str, Any]] | None:
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
        return None
    version = fields.get("version")
    ran = Ran(started, claude_code.NAME, event.session or "", event.tool_call, event.line)
    ran.cwd = event.cwd
    ran.agent_version = version if isinstance(version, str) else None
    named = (("tool_name", event.tool_name), ("turn", event.turn), ("intent", event.intent))
    ran.claims = {name: value for name, value in named if value}
    return ran, told


def _ended(ran: Ran, told: dict[str, Any], fields: dict[str, Any], block: dict[str, Any]) -> Ran:
    response = fields.get("toolUseResult")
    if block.get("is_error") is True or isinstance(response, str):
        said = _text(block.get("content")) or (response if isinstance(response, str) else "")
        said = said.removeprefix("Error: ")
        if isinstance(fields.get("toolDenialKind"), str):
            ran.ending = not_allowed(said.partition("\n")[0])
            return ran
        event = claude_code.read({**told, "hook_event_name": "PostToolUseFailure", "error": said})
    elif isinstance(response, dict):
        event = claude_code.read(
            {**told, "hook_event_name": "PostToolUse", "tool_response": response}
        )
    else:
        return ran  # another version: that it came back is all that is told
    if event is not None and event.ending is not None:
        ran.ending, ran.streams = event.ending, event.streams
        _took(ran, fields)
    return ran


def _took(ran: Ran, fields: dict[str, Any]) -> None:
    ended = nanoseconds(fields.get("timestamp"))
    if ended is not None and ended >= ran.started_ns:
        ran.duration_ms = (ended - ran.started_ns) // 1_000_000


def _blocks(fields: dict[str, Any]) -> list[dict[str, Any]]:
    content = object_in(fields, "message").get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict)]


def _notices(fields: dict[str, Any]) -> list[str]:
    """Return the notices of a line: what begins with one, and is no tool's output."""
    texts = [
        fields.get("content"),
        object_in(fields, "attachment").get("prompt"),
        object_in(fields, "message").get("content"),
        *(block.get("text") for block in _blocks(fields)),
    ]
    found = [text for text in texts if isinstance(text, str) and text.startswith(_NOTICE)]
    return [part for text in found for part in text.split(_NOTICE)[1:]]


def _notice(text: str) -> tuple[str, str, Ending | None]:
    """Return tool call, task and ending of a notice; the call is empty in older versions."""
    status, summary = _tag(text, "status"), _tag(text, "summary")
    said = summary.rpartition('"')[2]  # what stands after the command, which may say anything
    _, found, number = said.partition(_EXIT_CODE)
    digits = number.rstrip(").")
    is_number = found and digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS
    code = int(digits) if is_number else None
    return _tag(text, "tool-use-id"), _tag(text, "task-id"), _ending(status, code)


def _asked(response: dict[str, Any]) -> tuple[str, str, Ending | None]:
    """Return the same of the result of `TaskOutput`, of the older `BashOutput`, or `TaskStop`."""
    told = object_in(response, "task") or response
    task = told.get("task_id", told.get("shellId"))
    status = str(told.get("status"))
    if str(told.get("message")).startswith("Successfully stopped"):
        status = "stopped"
    return "", task if isinstance(task, str) else "", _ending(status, told.get("exitCode"))


def _ending(status: str, code: object) -> Ending | None:
    if status in _STOPPED:
        return Ending(None, KILLED, error=error_fields("KILLED", "stopped by its user or agent"))
    number = exit_code(code)
    return None if status not in ("completed", "failed") or number is None else ended_with(number)


def _tag(text: str, name: str) -> str:
    _, _, rest = text.partition(f"<{name}>")
    value, end, _ = rest.partition(f"</{name}>")
    return value if end else ""


def _text(content: object) -> str:
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return "\n".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
