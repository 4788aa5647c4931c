"""A throw-away home, the programs that are run in it, and what its logs say afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tooltrail._wire import AGENT_VARIABLES
from tooltrail.settings import VARIABLES

from .checker import Check

TESTS = Path(__file__).parent.parent
PYTHON = sys.executable
TOOLTRAIL = str(Path(sys.executable).parent / "tooltrail")
_CLEARED = (
    "TOOL_TRACE_ID",
    "TOOL_OPERATOR",
    "TOOL_PARENT_REQUEST_ID",
    "TOOL_META_FILE",
    "TRACEPARENT",
    "GIT_TRACE2_PARENT_SID",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    *VARIABLES,
    *AGENT_VARIABLES,
)


class Site:
    """A home of its own below `root`, with its logs and its runtime folder."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.root = root
        self.data = root / ".local" / "share"
        self.runtime = root / "run"
        self.runtime.mkdir(parents=True, mode=0o700, exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if name not in _CLEARED}
        own = {"HOME": str(root), "XDG_RUNTIME_DIR": str(self.runtime)}
        self.environment = {**kept, **own, **variables}

    def log(self, tool: str) -> Path:
        """Return where `tool`'s log is."""
        return self.data / tool / "audit.jsonl"

    def check(self, tool: str) -> Check:
        """Hold the log of a tool to the format."""
        return Check(self.log(tool))

    def tools(self) -> list[str]:
        """Return the tools that have a log here."""
        return sorted(
            folder.name for folder in self.data.iterdir() if any(folder.glob("audit*.jsonl*"))
        )

    def registry(self) -> Check:
        """Hold the registry to the format: it has the same lines and the same chain."""
        return Check(self.data / "tooltrail" / "logs.jsonl")

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program here."""
        options.setdefault("capture_output", True)
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(
            command,
            env={**self.environment, **options.pop("env", {})},
            cwd=options.pop("cwd", TESTS),
            text=True,
            check=False,
            timeout=120,
            **options,
        )

    def entries(self) -> list[dict[str, Any]]:
        """Return every entry as `tooltrail log` tells it, but for those of the asking itself."""
        told = self.run(TOOLTRAIL, "log", "--all", "--output", "jsonl")
        if told.returncode:
            raise RuntimeError(f"tooltrail log: {told.returncode}: {told.stderr[:2000]}")
        found = [json.loads(line) for line in told.stdout.splitlines()]
        return [entry for entry in found if entry.get("purpose") != "audit"]
