"""Every test gets a home of its own, and every line that it writes is held to the schema."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tooltrail._wire import AGENT_VARIABLES
from tooltrail.settings import VARIABLES

SOURCE = Path(__file__).parent.parent / "src" / "tooltrail"
PYTHON = sys.executable
TOOLTRAIL = str(Path(sys.executable).parent / "tooltrail")

_SCHEMA = json.loads((SOURCE / "schema" / "entry-v1.schema.json").read_text())
LINE_VALIDATOR = Draft202012Validator(_SCHEMA)
ENVELOPE_VALIDATOR = Draft202012Validator(
    json.loads((SOURCE / "schema" / "envelope-v1.schema.json").read_text())
)
ENTRY_VALIDATOR = Draft202012Validator({**_SCHEMA["$defs"]["entry"], "$defs": _SCHEMA["$defs"]})

_EVENTS = ("log", "begin", "end", "undelivered", "seal", "prune", "erase", "register")

_CLEARED = (
    "TOOL_TRACE_ID",
    "TOOL_OPERATOR",
    "TOOL_PARENT_REQUEST_ID",
    "TOOL_META_FILE",
    "TRACEPARENT",
    "GIT_TRACE2_PARENT_SID",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    *VARIABLES,
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "PYTHONPATH",
    "TOOLTRAIL_INSTRUMENT",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    *AGENT_VARIABLES,
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag that changes golden files."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


def pytest_configure() -> None:
    """Heed the signals that whoever started the tests ignores: `nohup` does, and a script's `&`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


class Home:
    """A test's own home: its logs, and a way to run real programs in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / ".local" / "share"

    def log(self, tool: str) -> Path:
        """Return where `tool`'s log is."""
        return self.data / tool / "audit.jsonl"

    def lines(self, tool: str) -> list[dict[str, Any]]:
        """Return the parsed lines of a tool's log."""
        if not self.log(tool).exists():
            return []
        return [json.loads(line) for line in self.log(tool).read_bytes().splitlines()]

    def events(self, tool: str, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event of a tool's log."""
        return [line for line in self.lines(tool) if line["event"] == event]

    def end(self, tool: str) -> dict[str, Any]:
        """Return the only end line of a tool's log."""
        (line,) = self.events(tool, "end")
        return line

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of this home, with more variables."""
        return {**os.environ, **more}

    def run(
        self, *command: str | bytes | Path, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a real program here; stdin is empty unless it is given."""
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("text", True)
        options.setdefault("capture_output", "stdout" not in options)
        options.setdefault("timeout", 60)
        return subprocess.run(
            [part if isinstance(part, bytes) else str(part) for part in command],
            env=self.environment(**(env or {})),
            check=False,
            **options,
        )

    def python(
        self, code: str, *arguments: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a Python program that is given as text, as a script named `tool.py`."""
        script = self.path / "tool.py"
        script.write_text(code)
        return self.run(PYTHON, script, *arguments, env=env, **options)

    def tooltrail(
        self, *arguments: str, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run the `tooltrail` command."""
        return self.run(TOOLTRAIL, *arguments, env=env, **options)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Isolate HOME, XDG and the trace variables; afterwards, validate every line of every log."""
    for name in _CLEARED:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    made = Home(folder)
    with tempfile.TemporaryDirectory(prefix="tt-", ignore_cleanup_errors=True) as short:
        monkeypatch.setenv("TMPDIR", short)  # sockets have short names
        yield made
    for log in made.data.glob("*/*.jsonl") if made.data.is_dir() else ():
        if log.name != "lost.jsonl" and log.is_file() and os.access(log, os.R_OK):
            _validate(log)


def _validate(log: Path) -> None:
    for number, line in enumerate(log.read_bytes().splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError:
            continue  # a line that a test damaged
        if isinstance(event, dict) and str(event.get("event")) in _EVENTS:
            problems = [error.message for error in LINE_VALIDATOR.iter_errors(event)]
            assert not problems, f"{log}:{number}: {problems}: {line[:400]!r}"


def response_in(text: str) -> dict[str, Any]:
    """Return the one response that a command printed, held to the schema of the envelope."""
    answer: dict[str, Any] = json.loads(text)
    problems = [error.message for error in ENVELOPE_VALIDATOR.iter_errors(answer)]
    assert not problems, problems
    return answer


def needs(program: str) -> pytest.MarkDecorator:
    """Skip where a system program is missing, and say so; CI lets nothing skip."""
    from shutil import which

    missing = which(program) is None
    if missing and os.environ.get("TOOLTRAIL_TEST_NO_SKIPS"):
        raise RuntimeError(f"{program} is missing, and here no test may skip")
    return pytest.mark.skipif(missing, reason=f"{program} is not installed")
