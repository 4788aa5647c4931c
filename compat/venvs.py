"""One environment for each tool, and one with tooltrail, kept in a cache folder."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from .tools import Tool

REPOSITORY = Path(__file__).resolve().parent.parent
_PIP_READS = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "REQUESTS_")


class Cache:
    """The folder in which everything is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def tooltrail(self) -> Path:
        """Return the command `tooltrail` of this repository, installed anew, not editable."""
        venv = self._venv("tooltrail")
        self._pip(venv, "--force-reinstall", "--no-deps", str(REPOSITORY))
        return venv / "bin" / "tooltrail"

    def environment_of(self, tool: Tool) -> Path:
        """Return the tool's environment, made when its pins are new."""
        venv = self._venv(tool.name)
        pins = hashlib.sha256(" ".join(tool.requires).encode()).hexdigest()
        mark = venv / "pins"
        if not mark.exists() or mark.read_text() != pins:
            print(f"installing {' '.join(tool.requires)}", file=sys.stderr, flush=True)
            self._pip(venv, *tool.requires)
            mark.write_text(pins)
        return venv

    def click_suite(self, requirement: str) -> tuple[Path, Path]:
        """Return an interpreter with pytest and Click, and the folder of Click's source archive."""
        venv = self._venv("click-suite")
        self._pip(venv, "pytest", requirement)
        sources = self.folder / "click-source"
        sources.mkdir(exist_ok=True)
        self._run(
            *(venv / "bin" / "python", "-m", "pip", "download", "--quiet", "--no-deps"),
            *("--no-binary", "click", "--dest", sources, requirement),
        )
        (archive,) = sources.glob(f"{requirement.replace('==', '-')}.tar.gz")
        subprocess.run(["tar", "xzf", str(archive), "-C", str(sources)], check=True)
        return venv / "bin" / "python", Path(str(archive).removesuffix(".tar.gz"))

    def _venv(self, name: str) -> Path:
        venv = self.folder / "venvs" / name
        if not (venv / "bin" / "python").exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        return venv

    def _pip(self, venv: Path, *arguments: str) -> None:
        pip = (venv / "bin" / "python", "-m", "pip", "install", "--quiet")
        self._run(*pip, "--disable-pip-version-check", *arguments)

    def _run(self, *argv: str | Path) -> None:
        settings = {name: os.environ[name] for name in os.environ if name.startswith(_PIP_READS)}
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        subprocess.run([str(each) for each in argv], env={**kept, **settings}, check=True)
