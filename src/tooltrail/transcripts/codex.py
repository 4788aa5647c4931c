"""Codex's rollouts: `~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl`.

Each line is `{timestamp, type, payload}`; rollouts of 2025's first half hold the payload bare, and
the session's head without a type. A command is a `function_call` (`shell`, `shell_command`,
`exec_command`) or a `local_shell_call`, its result a `function_call_output` of the same `call_id`.
A result may say that the program still runs, as a session with a number: then it ends with that
`write_stdin` to the session whose result says so. Versions that note `exec_command_end` tell the
end there, with exit code and duration.
"""

import json

from .._typing import TYPE_CHECKING, Any
from ..agents import codex
from .ran import Ran, nanoseconds, object_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .source import Source

USUAL = (
    *("$CODEX_HOME/sessions", "$CODEX_HOME/archived_sessions"),
    *("~/.codex/sessions", "~/.codex/archived_sessions"),
)
ENDINGS = (".jsonl",)
_WANTED = (b"_call", b"session_meta", b"turn_context", b"exec_command_end", b'"instructions"')
_CALLS = ("function_call", "local_shell_call")
_OUTPUTS = ("function_call_output", "local_shell_call_output")
_NAMES = ("shell", "container.exec", "shell_command", "exec_command")
_WRITE, _END = "write_stdin", "exec_command_end"
_WALL_TIME = "Wall time: "
_RUNS = "Process running with session ID "
_HEAD_CHARS, _HEAD_LINES = 400, 8  # of a result, within which Codex says how the command stands
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
    yield from rollout.rest()


_Call = tuple[Ran, dict[str, Any]]  # with what a hook would be told of it


class _Rollout:
    """What the lines before said: the session, where it is, and which calls are open."""

    def __init__(self) -> None:
        self.session = ""
        self.version: str | None = None
        self.cwd: str | None = None
        self.turn: str | None = None
        self.at: int | None = None
        self._waiting: dict[str, _Call] = {}
        self._running: dict[str, _Call] = {}  # by the number of their session
        self._writes: dict[str, str] = {}  # call of a `write_stdin` -> that number

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
            return self._output(str(payload.get("call_id")), payload.get("output"), at)
        elif kind == _END:
            return self._exec_end(payload, at)
        return None

    def rest(self) -> "Iterator[Ran]":
        """Yield the commands of which no end is told."""
        yield from (ran for ran, _ in self._waiting.values())
        yield from (ran for ran, _ in self._running.values())

    def _output(self, call: str, output: object, at: int | None) -> Ran | None:
        response = _response(output)
        number = self._writes.pop(call, None)
        open_calls, key = (self._waiting, call) if number is None else (self._running, number)
        began = open_calls.pop(key, None)
        if began is None:
            return None
        runs = _running(response)
        if runs is None:
            return _ended(*began, response, at, whole=number is None)
        self._running[runs] = began
        return None

    def _exec_end(self, payload: dict[str, Any], at: int | None) -> Ran | None:
        call = str(payload.get("call_id"))
        began = self._waiting.pop(call, None)
        for number, running in list(self._running.items()):
            if running[0].tool_call == call:
                began = self._running.pop(number)
        if began is None:
            return None
        duration = object_in(payload, "duration")
        seconds, more = duration.get("secs"), duration.get("nanos")
        metadata: dict[str, Any] = {"exit_code": payload.get("exit_code")}
        if isinstance(seconds, int) and isinstance(more, int):
            metadata["duration_seconds"] = seconds + more / 1e9
        response = {"output": payload.get("aggregated_output"), "metadata": metadata}
        return _ended(*began, response, at, whole=True)

    def _head(self, payload: dict[str, Any]) -> None:
        if not self.session:  # a fork repeats the heads of those that it continues
            self.session = _text(payload, "id") or ""
            self.version = _text(payload, "cli_version")
            self.cwd = _text(payload, "cwd")

    def _begin(self, payload: dict[str, Any]) -> None:
        if payload.get("name") == _WRITE:
            number = object_in({"": _json(payload.get("arguments"))}, "").get("session_id")
            self._writes[str(payload.get("call_id"))] = str(number)
            return
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
        self._waiting.setdefault(call, (ran, told))


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


def _response(output: object) -> object:
    """Return an output as a text, or as an object with `output` and `metadata`."""
    if isinstance(output, list):  # parts, of which some may be images
        parts = [part.get("text") for part in output if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    if isinstance(output, dict) and "output" not in output:
        return output.get("content")
    if isinstance(output, str) and output.startswith("{"):
        held = _json(output)
        return held if isinstance(held, dict) and "output" in held else output
    return output


def _head(response: object) -> list[str]:
    text = response[:_HEAD_CHARS] if isinstance(response, str) else ""
    lines = text.split("\n")[:_HEAD_LINES]
    return lines[: lines.index("Output:")] if "Output:" in lines else lines


def _running(response: object) -> str | None:
    """Return the number of the session in which a command still runs, or None."""
    for line in _head(response):
        if line.startswith(_RUNS):
            return line.removeprefix(_RUNS).strip()
    return None


def _ended(ran: Ran, told: dict[str, Any], response: object, at: int | None, *, whole: bool) -> Ran:
    """Give a command its end; `whole` says that its output is, and that its duration is told."""
    event = codex.read({**told, "hook_event_name": "PostToolUse", "tool_response": response})
    if event is None or event.ending is None:
        return ran
    ran.ending = event.ending
    if whole:
        ran.streams, ran.duration_ms = event.streams, _duration(response)
    if ran.duration_ms is None and at is not None and at >= ran.started_ns:
        ran.duration_ms = (at - ran.started_ns) // 1_000_000
    return ran


def _duration(response: object) -> int | None:
    seconds: Any = None
    if isinstance(response, dict):
        seconds = object_in(response, "metadata").get("duration_seconds")
    for line in _head(response):
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
