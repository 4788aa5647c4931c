"""One run of a job: its bytes, its exit code, the files that it left, and what the log says."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .tools import Job

BARE, ENABLED, WRAPPED = "bare", "enabled", "wrapped"
_LONGEST_S = 120
_COMPILED = ("__pycache__", ".git/index")  # what differs by the clock


@dataclass
class Seen:
    """What a run came to."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    files: dict[str, bytes]
    lines: list[dict[str, Any]] = field(default_factory=list)

    def calls_of(self, tool: str) -> list[dict[str, Any]]:
        """Return the end lines of a tool that recorded itself."""
        return [line for line in self._of(tool) if line["event"] == "end"]

    def begins_of(self, tool: str) -> list[dict[str, Any]]:
        """Return the begin lines of a tool that recorded itself."""
        return [line for line in self._of(tool) if line["event"] == "begin"]

    def _of(self, tool: str) -> Iterator[dict[str, Any]]:
        return (
            line
            for line in self.lines
            if line.get("tool") == tool and line.get("recorder") == "tool"
        )


class Place:
    """Where the runs of one tool happen: the same paths each time, so that outputs compare."""

    def __init__(self, folder: Path, venv: Path, tooltrail: Path, port: int) -> None:
        self.folder = folder / "work"
        self.home = folder / "home"
        self.venv = venv
        self._tooltrail = tooltrail
        self._port = port
        self._originals = folder / "originals"
        self._free = _free_port()

    def environment(self, job: Job) -> dict[str, str]:
        """Return the environment of a job: small, and the same in every mode."""
        return {
            "PATH": f"{self.venv}/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **job.environment,
        }

    def argv(self, job: Job, mode: str) -> list[str]:
        """Return what to run, with the wrapper in front where it is wanted."""
        words = [word.format(port=self._port, free=self._free) for word in job.argv]
        words[0] = str(self.venv / "bin" / words[0])
        wrapper = [str(self._tooltrail), "run", "--instrument", "--"]
        return [*wrapper, *words] if mode == WRAPPED else words

    def fresh(self, job: Job, *, keep_logs: bool = False) -> None:
        """Lay out the job's files as they were, in a home where nothing was done before."""
        original = self._originals / job.prepare.__name__
        if not original.exists():
            original.mkdir(parents=True)
            job.prepare(original)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(original, self.folder, symlinks=True)
        logs = self.home / ".local" / "share"
        aside = self.home.with_name("logs")
        if keep_logs and logs.exists():
            logs.rename(aside)
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        if aside.exists():
            logs.parent.mkdir()
            aside.rename(logs)

    def instrument(self, action: str) -> None:
        """Enable or disable recording in the tool's environment."""
        subprocess.run(
            [str(self._tooltrail), "instrument", action, "--venv", str(self.venv)],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home.with_name("home-of-enable"))},
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def run(self, job: Job, mode: str) -> Seen:
        """Run a job in a fresh place, and look at what it came to."""
        self.fresh(job)
        if mode == ENABLED:
            self.instrument("enable")
        try:
            code, stdout, stderr = self._call(job, mode)
        finally:
            if mode == ENABLED:
                self.instrument("disable")
        return Seen(code, stdout, stderr, _files(self.folder), _lines(self.home))

    def _call(self, job: Job, mode: str) -> tuple[int, bytes, bytes]:
        with subprocess.Popen(
            self.argv(job, mode),
            cwd=self.folder,
            env=self.environment(job),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                if job.serves:
                    _ask(f"http://127.0.0.1:{self._free}{job.serves}")
                    os.killpg(process.pid, signal.SIGINT)
                stdout, stderr = process.communicate(timeout=_LONGEST_S)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return process.returncode, stdout, stderr


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _ask(url: str) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                answer.read()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _files(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not any(part in name for part in _COMPILED):
            found[name] = path.read_bytes()
    return found


def _lines(home: Path) -> list[dict[str, Any]]:
    found = []
    for log in sorted(home.glob(".local/share/*/audit.jsonl")):
        found += [json.loads(line) for line in log.read_bytes().splitlines()]
    return found
