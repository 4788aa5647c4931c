"""Codex's rollouts: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

Each line is `{timestamp, type, payload}`; rollouts of 2025's first half hold the payload bare, and
the session's head without a type. A command is a `function_call` (`shell`, `shell_command`,
`exec_command`) or a `local_shell_call`, its result a `function_call_output` of the same `call_id`.
"""

import json
from typing import TYPE_CHECKING, Any

from ..agents import codex
from .ran import Ran, nanoseconds, object_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

USUAL = ("~/.codex/sessions", "~/.codex/archived_sessions")
ENDINGS = (".jsonl",)
_WANTED = (b"_call", b"session_meta", b"turn_context", b'"instructions"')
_CALLS = ("function_call", "local_shell_call")
_OUTPUTS = ("function_call_output", "local_shell_call_output")
_NAMES = ("shell", "container.exec", "shell_command", "exec_command")
_WALL_TIME = "Wall time: "
_MAX_MS = 1 << 53


def read(source: "Source", path: str) -> "Iterator[Ran]":
    """Yield a rollout's commands: each when its result is read, the others at the end."""
    rollout = _Rollout()
    for number, line in enumerate(source.read(path)):
        if number and not any(word in line for word in _WANTED):
            if not line.endswith((b"}\n", b"}", b"}\r\n")):
                source.parse(line)
            continue
        fields = source.parse(line)
        if fields is not None:
            ran = rollout.take(fields)
            if ran is not None:
                yield ran
    yield from (ran for ran, _ in rollout.waiting.values())


class _Rollout:
    """What the lines before said: the session, where it is, and which calls are open."""

    def __init__(self) -> None:
        self.session = ""
        self.version: str | None = None
        self.cwd: str | None = None
        self.turn: str | None = None
        self.at: int | None = None
        self.waiting: dict[str, tuple[Ran, dict[str, Any]]] = {}

    def take(self, fields: dict[str, Any]) -> Ran | None:
        """Take a line; return the command that it ends."""
        payload = fields["payload"] if isinstance(fields.get("payload"), dict) else fields
        at = nanoseconds(fields.get("timestamp"))
        self.at = self.at if at is None else at
        kind = payload.get("type") if payload is not fields else fields.get("type")
        if fields.get("type") == "session_meta" or (kind is None and "id" in fields):
            self._head(payload)
        elif fields.get("type") == "turn_context":
            self.cwd = _text(payload, "cwd") or self.cwd
            self.turn = _text(payload, "turn_id")
        elif kind in _CALLS:
            self._begin(payload)
        elif kind in _OUTPUTS:
            began = self.waiting.pop(str(payload.get("call_id")), None)
            return None if began is None else _ended(*began, payload.get("output"), at)
        return None

    def _head(self, payload: dict[str, Any]) -> None:
        if not self.session:  # a fork repeats the heads of those that it continues
            self.session = _text(payload, "id") or ""
            self.version = _text(payload, "cli_version")
            self.cwd = _text(payload, "cwd")

    def _begin(self, payload: dict[str, Any]) -> None:
        given = _given(payload)
        call = _text(payload, "call_id") or _text(payload, "id")
        if given is None or call is None or self.at is None:
            return
        line = given.get("command", given.get("cmd"))
        told = {"tool_name": "shell", "tool_input": {"command": line}, "tool_use_id": call}
        event = codex.read({**told, "hook_event_name": "PreToolUse"})
        if event is None or not event.line:
            return
        ran = Ran(self.at, codex.NAME, self.session, call, _plain(event.line))
        ran.agent_version, ran.cwd = self.version, self.cwd
        ran.cwd = _text(given, "workdir") or _text(given, "working_directory") or self.cwd
        named = (
            ("tool_name", _text(payload, "name") or "local_shell"),
            ("turn", self.turn),
            ("intent", _text(given, "justification")),
        )
        ran.claims = {name: value for name, value in named if value}
        self.waiting.setdefault(call, (ran, told))


def _given(payload: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a shell call was given; None where it is another tool's."""
    if payload.get("type") == "local_shell_call":
        return object_in(payload, "action")
    if payload.get("name") not in _NAMES:
        return None
    given = _json(payload.get("arguments"))
    return given if isinstance(given, dict) else None


def _plain(line: str | list[str]) -> str | list[str]:
    """Return the line that `["bash", "-lc", line]` gives to its shell; else what was given."""
    if not isinstance(line, list) or len(line) != 3 or line[1] not in ("-c", "-lc"):
        return line
    is_shell = line[0].rpartition("/")[2] in ("bash", "sh", "zsh")
    return line[2] or line if is_shell else line


def _ended(ran: Ran, told: dict[str, Any], output: object, at: int | None) -> Ran:
    response = output
    if isinstance(output, str) and output.startswith("{"):
        held = _json(output)
        response = held if isinstance(held, dict) and "output" in held else output
    event = codex.read({**told, "hook_event_name": "PostToolUse", "tool_response": response})
    if event is None or event.ending is None:
        return ran
    ran.ending, ran.streams = event.ending, event.streams
    ran.duration_ms = _duration(response)
    if ran.duration_ms is None and at is not None and at >= ran.started_ns:
        ran.duration_ms = (at - ran.started_ns) // 1_000_000
    return ran


def _duration(response: object) -> int | None:
    seconds: Any = None
    if isinstance(response, dict):
        seconds = object_in(response, "metadata").get("duration_seconds")
    elif isinstance(response, str):
        for line in response[:400].split("\n")[:6]:
            if line.startswith(_WALL_TIME):
                seconds = line.removeprefix(_WALL_TIME).partition(" ")[0]
    try:
        ms = float(seconds) * 1000
    except (TypeError, ValueError):
        return None
    return int(ms) if 0 <= ms < _MAX_MS else None


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return None


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) and value else None
