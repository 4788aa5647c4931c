"""A small CLI that keeps to the standard, with the standard library alone: the mutants' parent.

    sound.py greet NAME [--token T]    answers, and writes its log
    sound.py audit-log ...             lists it

Each mutant overrides one method, and so breaks one promise.
"""

import fcntl
import json
import os
import re
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECRET = re.compile(r"--?(\w*-)*(token|password|header)$|.*://.*@")


class Refused(Exception):
    """The command line is not understood."""


class Tool:
    """A call of the tool, from its start to its end."""

    slow = 0.0  # seconds of work

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.timestamp = self.now()
        self.request_id = self.new_id()
        self.trace_id = self.caller_id()
        home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
        self.log = Path(home, "mutant", "audit.jsonl")
        self.warnings: list[dict[str, str]] = []
        if len(self.trace_id) > 256 or not self.trace_id.isprintable():
            self.trace_id = self.trace_id.encode("unicode_escape").decode()[:256]
            self.warnings.append({"code": "ID_ESCAPED", "message": "the trace id was changed"})

    def new_id(self) -> str:
        return f"req-{uuid.uuid4().hex}"

    def caller_id(self) -> str:
        return os.environ.get("TOOL_TRACE_ID") or uuid.uuid4().hex

    def now(self) -> str:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def duration(self) -> Any:
        return int((time.monotonic() - self.begun) * 1000)

    def params(self) -> dict[str, Any]:
        kept, hide = [], False
        for word in sys.argv[1:]:
            name, assigned, _ = word.partition("=")
            if hide or SECRET.match(word):
                kept.append(word if SECRET.match(word) and "@" not in word else "[REDACTED]")
            elif assigned and SECRET.match(name):
                kept.append(f"{name}=[REDACTED]")
            else:
                kept.append(word)
            hide = bool(SECRET.match(word)) and not assigned and "@" not in word
        return {"argv": kept}

    def entry(self, phase: str, exit_code: int | None) -> dict[str, Any]:
        return {
            "phase": phase,
            "timestamp": self.timestamp,
            "command": self.command(),
            "params": self.params(),
            "exit_code": exit_code,
            "duration_ms": self.duration(),
            "operator": os.environ.get("TOOL_OPERATOR"),
            "trace_id": self.trace_id,
            "request_id": self.request_id,
        }

    def command(self) -> str:
        return sys.argv[1] if sys.argv[1:2] == ["greet"] else "mutant"

    def write(self, entry: dict[str, Any]) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(json.dumps(entry) + "\n")

    def meta(self) -> dict[str, Any]:
        return {
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "duration_ms": self.duration(),
            "timestamp": self.timestamp,
            "command": self.command(),
            "version": "1.0",
        }

    def document(self, data: Any, error: str | None) -> dict[str, Any]:
        return {
            "ok": error is None,
            "data": data,
            "error": None if error is None else {"code": "USAGE_ERROR", "message": error},
            "warnings": self.warnings,
            "meta": self.meta(),
        }

    def answer(self, data: Any, error: str | None) -> None:
        print(json.dumps(self.document(data, error)))

    def act(self, name: str) -> Any:
        time.sleep(self.slow)
        return {"greeting": f"hello {name}"}

    def greet(self, words: list[str]) -> Any:
        if len(words) != 1 or words[0].startswith("-"):
            raise Refused("usage: mutant greet NAME")
        return self.act(words[0])

    def help(self) -> None:
        self.answer({"text": "usage: mutant greet NAME"}, None)

    def begin(self) -> None:
        self.write(self.entry("begin", None))

    def end(self, exit_code: int) -> None:
        self.write(self.entry("end", exit_code))

    def audit_log(self, words: list[str]) -> None:
        asked = dict(zip(words[::2], words[1::2], strict=True))
        found = [json.loads(line) for line in self.log.read_text().splitlines()]
        found = [entry for entry in found if entry["phase"] == "end"]
        for option, name in (("--trace-id", "trace_id"), ("--command", "command")):
            if option in asked:
                found = [entry for entry in found if entry[name] == asked[option]]
        self.list(found[: int(asked.get("--limit", 1_000_000))])

    def list(self, entries: list[dict[str, Any]]) -> None:
        for entry in entries:
            print(json.dumps(entry))

    def main(self) -> None:
        words = sys.argv[1:]
        if words[:1] == ["audit-log"]:
            self.audit_log(words[1:])
            return
        if "--help" in words or "--version" in words:
            self.help()
            return
        self.begin()
        data, error = None, None
        try:
            if words[:1] != ["greet"]:
                raise Refused("no such command")
            data = self.greet(words[1:])
        except Refused as refused:
            error = str(refused)
        self.end(0 if error is None else 2)
        self.answer(data, error)
        sys.exit(0 if error is None else 2)


if __name__ == "__main__":
    Tool().main()
