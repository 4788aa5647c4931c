"""A model that says what a script says, for agents that are real.

It speaks as much of three interfaces as agents need to be told to run a command: the Messages API
(Claude Code), the Responses API (Codex) and Gemini's. A script is a list of turns, each a list of
commands; after the last one it says that it is done. Which turn it is follows from the results
that the agent hands back.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

Command = dict[str, Any]  # `command`, and under an agent's name what its tool also takes
Script = list[list[Command]]

_DONE = "done"
_CALL = re.compile(r"call_(\d+)_\d+")
_TOKENS = {"input_tokens": 10, "output_tokens": 10}


@contextmanager
def model(script: Script) -> Iterator[str]:
    """Serve a script on loopback; give the address."""
    handler = type("Handler", (_Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: ClassVar[Script]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path.partition("?")[0].endswith("/messages"):
            self._messages(asked)
        elif self.path.endswith("/responses"):
            self._responses(asked)
        elif "enerateContent" in self.path:
            self._gemini(asked)
        else:
            self._answer("application/json", json.dumps({"input_tokens": 10}))

    def do_GET(self) -> None:
        self._answer("application/json", json.dumps({"data": []}))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal is the checks'."""

    def _turn(self, results: object) -> tuple[int, list[Command]]:
        """Return which turn it is after these results, and its commands."""
        ended = [int(number) for number in _CALL.findall(json.dumps(results))]
        number = max(ended) + 1 if ended else 0
        return number, self.script[number] if number < len(self.script) else []

    def _messages(self, asked: dict[str, Any]) -> None:
        has_shell = any(tool.get("name") == "Bash" for tool in asked.get("tools") or [])
        results = [each for each in asked["messages"] if each["role"] == "user"]
        number, commands = self._turn(results) if has_shell else (0, [])
        blocks = [
            {
                "type": "tool_use",
                "id": f"call_{number}_{at}",
                "name": "Bash",
                "input": {"command": each["command"], **each.get("claude-code", {})},
            }
            for at, each in enumerate(commands)
        ] or [{"type": "text", "text": _DONE}]
        stop = "tool_use" if commands else "end_turn"
        message = {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": asked.get("model"),
            "stop_sequence": None,
            "usage": _TOKENS,
        }
        if not asked.get("stream"):
            whole = {**message, "content": blocks, "stop_reason": stop}
            self._answer("application/json", json.dumps(whole))
            return
        begun = {**message, "content": [], "stop_reason": None}
        events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}]
        for at, block in enumerate(blocks):
            empty = {**block, "input": {}} if commands else {**block, "text": ""}
            delta = (
                {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
                if commands
                else {"type": "text_delta", "text": _DONE}
            )
            events += [
                {"type": "content_block_start", "index": at, "content_block": empty},
                {"type": "content_block_delta", "index": at, "delta": delta},
                {"type": "content_block_stop", "index": at},
            ]
        ending = {"stop_reason": stop, "stop_sequence": None}
        events.append({"type": "message_delta", "delta": ending, "usage": _TOKENS})
        self._stream([*events, {"type": "message_stop"}])

    def _responses(self, asked: dict[str, Any]) -> None:
        results = [each for each in asked["input"] if str(each.get("type")).endswith("_output")]
        number, commands = self._turn(results)
        items: list[dict[str, Any]] = [
            {
                "type": "function_call",
                "id": f"fc_{number}_{at}",
                "call_id": f"call_{number}_{at}",
                "name": "exec_command",
                "arguments": json.dumps({"cmd": each["command"], **each.get("codex", {})}),
                "status": "completed",
            }
            for at, each in enumerate(commands)
        ] or [
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": _DONE, "annotations": []}],
            }
        ]
        whole = {"id": f"resp_{number}", "object": "response"}
        events = [{"type": "response.created", "response": {**whole, "output": []}}]
        for at, item in enumerate(items):
            for name in ("added", "done"):
                told = {"type": f"response.output_item.{name}", "output_index": at, "item": item}
                events.append(told)
        whole |= {"status": "completed", "output": items, "usage": {**_TOKENS, "total_tokens": 20}}
        self._stream([*events, {"type": "response.completed", "response": whole}])

    def _gemini(self, asked: dict[str, Any]) -> None:
        declared = [
            each.get("name")
            for tool in asked.get("tools") or []
            for each in tool.get("functionDeclarations", [])
        ]
        # There are no ids: a turn is what has results.
        done = sum(
            any("functionResponse" in part for part in content.get("parts", []))
            for content in asked.get("contents", [])
        )
        has_turn = "run_shell_command" in declared and done < len(self.script)
        parts: list[dict[str, Any]] = [
            {
                "functionCall": {
                    "name": "run_shell_command",
                    "args": {"command": each["command"], **each.get("gemini-cli", {})},
                }
            }
            for each in (self.script[done] if has_turn else [])
        ] or [{"text": _DONE if declared else "{}"}]
        content = {"role": "model", "parts": parts}
        answer = json.dumps(
            {
                "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 20},
            }
        )
        if "stream" in self.path:
            self._answer("text/event-stream", f"data: {answer}\r\n\r\n")
        else:
            self._answer("application/json", answer)

    def _stream(self, events: list[dict[str, Any]]) -> None:
        text = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
        self._answer("text/event-stream", text)

    def _answer(self, kind: str, text: str) -> None:
        content = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
