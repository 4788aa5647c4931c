"""The start-up files of an environment: written, taken away again, and looked at.

    tooltrail_instrument.pth       read by every Python: one guarded line that runs our bootstrap
    tooltrail_instrument.start     read instead of that line by Python 3.15 and later (PEP 829)
    _tooltrail_instrument.py       what the `.start` file names; imported by nothing else

The files name the place where tooltrail is installed, which may be another environment. When it is
gone from there, programs run as if the files were not there either. Nothing that pip installs is
touched, so upgrades of the tools change nothing.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from glob import escape, glob

from .. import __version__
from .._typing import TYPE_CHECKING, Any
from ..errors import TooltrailError, UsageError
from . import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

STEM = "tooltrail_instrument"
MODULE = "_tooltrail_instrument"
OLDEST = (3, 11)
ON, OFF, BROKEN = "on", "off", "broken"

_BOOTSTRAP = f"{SITE}/_tooltrail_bootstrap.py"
_WAIT_S = 20  # for an interpreter that shall say what it is
_MARK = "# tooltrail "  # and JSON: which version wrote the files, and where it is
_ASK = (
    "import json, sys, sysconfig;"
    "print(json.dumps({'prefix': sys.prefix, 'base': getattr(sys, 'base_prefix', sys.prefix),"
    " 'version': list(sys.version_info[:3]), 'site': sysconfig.get_paths()['purelib'],"
    " 'tag': getattr(sys.implementation, 'cache_tag', None)}))"
)


class Environment:
    """A virtual environment: its interpreter, and the folder that its packages are in."""

    def __init__(self, path: str, python: str, told: dict[str, Any]) -> None:
        self.path = path
        self.python = python
        self.version: tuple[int, ...] = tuple(told["version"])
        self.site: str = told["site"]
        self.cache_tag: str | None = told["tag"]

    @property
    def version_text(self) -> str:
        """The version of its Python: `3.12.1`."""
        return ".".join(map(str, self.version))

    def stale(self) -> list[str]:
        """Return folders of packages that hold our files for a Python that it had before."""
        return [site for site in _sites(self.path, self.site) if _files_in(site)]

    def file(self, name: str) -> str:
        """Return the path of a file among its packages."""
        return os.path.join(self.site, name)


def environment_at(path: str) -> Environment:
    """Return the virtual environment at a path, as its interpreter tells.

    Raises `UsageError` where there is none, and `TooltrailError` where its interpreter is broken.
    """
    folder = folder_of(path)
    python = f"{folder}/bin/python"
    told = _asked(path, python)
    is_venv = os.path.isfile(f"{folder}/pyvenv.cfg")
    if is_venv and os.path.realpath(told["prefix"]) != os.path.realpath(folder):
        raise TooltrailError(
            f"{path}: its interpreter belongs to {told['prefix']}",
            hint="the environment was moved or copied: make it anew where it is",
        )
    return Environment(folder, python, told)


def folder_of(path: str) -> str:
    """Return the folder of a virtual environment. Raises `UsageError` where it is none."""
    folder = os.path.abspath(path)
    if not os.path.isdir(folder):
        raise UsageError(f"{path}: there is no such folder", hint="name an environment's folder")
    if not os.path.isfile(f"{folder}/pyvenv.cfg") and not os.path.isdir(f"{folder}/conda-meta"):
        raise UsageError(
            f"{path}: is no virtual environment: it has no pyvenv.cfg",
            hint="a system's Python is its package manager's: make an environment with"
            " `python -m venv`, or use `tooltrail run --instrument -- CMD`",
        )
    return folder


def _asked(path: str, python: str) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [python, "-I", "-c", _ASK] if _takes_isolated(path) else [python, "-c", _ASK],
            capture_output=True, stdin=subprocess.DEVNULL, timeout=_WAIT_S, check=True, cwd="/",
        )  # fmt: skip
        told = json.loads(done.stdout)
        assert isinstance(told, dict)
        return told
    except (OSError, ValueError, AssertionError, subprocess.SubprocessError) as error:
        raise TooltrailError(
            f"{path}: its interpreter does not run: {error}",
            hint="make the environment anew: the Python that it was made with may be gone",
        ) from error


def _takes_isolated(path: str) -> bool:
    """Tell a Python 3, which has `-I`, from a Python 2, which is asked only to be refused."""
    return not os.path.isdir(f"{path}/lib/python2.7")


def enable(environment: Environment) -> bool:
    """Have every CLI of an environment record itself; tell whether that is new.

    Raises `TooltrailError` where its Python is too old or its packages cannot be written.
    """
    if environment.version < OLDEST:
        raise TooltrailError(
            f"{environment.path}: its Python is {environment.version_text}, and recording needs"
            " 3.11 or later",
            hint="wrap its commands: `tooltrail run -- CMD` needs nothing of them",
        )
    for site in environment.stale():
        with _changing(site):
            _clear(site)
    with _changing(environment.site):
        texts = _texts()
        if all(_read(environment.file(name)) == text for name, text in texts.items()):
            return False
        _compile(environment)
        for name, text in texts.items():
            _write(environment.file(name), text)
    return True


def disable(path: str) -> bool:
    """Take the start-up files away, and all that came of them; tell whether there were any.

    Does not ask the interpreter, which may be gone: every folder of packages is looked through.
    """
    found = False
    for site in _sites(os.path.abspath(path)):
        if _files_in(site):
            with _changing(site):
                found = _clear(site) or found
    return found


def _sites(path: str, but: str | None = None) -> list[str]:
    found = glob(f"{escape(path)}/lib*/python*/site-packages")
    other = None if but is None else os.path.realpath(but)
    return [site for site in sorted({*map(os.path.realpath, found)}) if site != other]


def _files_in(site: str) -> list[str]:
    return [name for name in _names(site) if name.startswith((f"{STEM}.", f"{MODULE}."))]


def _clear(site: str) -> bool:
    found = False
    for name in reversed(_texts()):  # what is read first goes first
        found = _remove(f"{site}/{name}") or found
    for name in _files_in(site):
        if name.endswith(".unfinished"):
            _remove(f"{site}/{name}")
    cache = f"{site}/__pycache__"
    for name in _names(cache):
        if name.startswith(f"{MODULE}."):
            _remove(f"{cache}/{name}")
    if found and os.path.isdir(cache) and not os.listdir(cache):
        os.rmdir(cache)
    return found


def state_of(environment: Environment) -> dict[str, Any]:
    """Return `state`, and where it is on or broken: by which tooltrail, and what is wrong."""
    names = [name for name in _texts() if os.path.lexists(environment.file(name))]
    if not names and not environment.stale():
        return {"state": OFF}
    mark = _mark_in(_read(environment.file(f"{STEM}.pth")))
    known = {"version": mark.get("version"), "tooltrail": mark.get("at")}
    problem = _problem(environment, names, mark)
    if problem is None:
        return {"state": ON, **known}
    return {"state": BROKEN, **known, "problem": problem}


def _problem(environment: Environment, names: list[str], mark: dict[str, str]) -> str | None:
    missing = sorted(set(_texts()) - set(names))
    if not names:
        return "the files are those for another Python than it has now: enable it again"
    if missing:
        return f"{missing[0]} is missing"
    where = mark.get("at", "")
    bootstrap = f"{where}/auto/site/_tooltrail_bootstrap.py"
    if not os.path.isfile(bootstrap):
        return f"tooltrail is gone from {where or 'where it was'}"
    ours = where == SITE.removesuffix("/auto/site")
    if ours and any(_read(environment.file(name)) != text for name, text in _texts().items()):
        return f"the files are those of tooltrail {mark.get('version')}: enable it again"
    return None if _runs(environment) else "its interpreter does not run them"


def _runs(environment: Environment) -> bool:
    """Ask the interpreter itself, by running a file that is no console script."""
    probe = SITE.removesuffix("/site") + "/probe.py"
    try:
        done = subprocess.run(
            [environment.python, "-I", probe], capture_output=True, stdin=subprocess.DEVNULL,
            timeout=_WAIT_S, check=False, cwd="/",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.strip() == b"recorded"


def _texts() -> dict[str, str]:
    """Return the files, in the order in which they are written: what is read first comes last."""
    mark = _MARK + json.dumps({"version": __version__, "at": SITE.removesuffix("/auto/site")})
    run = (
        "try:\n"
        "    if sys.argv[0] not in ('', '-', '-c') and '_tooltrail_bootstrap' not in sys.modules:\n"
        "        import _frozen_importlib as importing, _frozen_importlib_external as files\n"
        f"        where = {_BOOTSTRAP!a}\n"
        "        spec = files.spec_from_file_location('_tooltrail_bootstrap', where)\n"
        "        importing._load(spec).start()\n"
        "except Exception:\n"
        "    pass\n"
    )
    body = "".join(f"    {line}\n" for line in run.splitlines())
    return {
        f"{MODULE}.py": f'{mark}\n"""Runs tooltrail where a CLI starts."""\n\nimport sys\n\n\n'
        f"def start():\n{body}",
        f"{STEM}.start": f"{MODULE}:start\n",
        f"{STEM}.pth": f"{mark}\nimport sys; exec({run!a}, {{'sys': sys}})\n",
    }


def _mark_in(text: str | None) -> dict[str, str]:
    first = (text or "").partition("\n")[0]
    try:
        mark = json.loads(first.removeprefix(_MARK))
    except ValueError:
        return {}
    return mark if isinstance(mark, dict) else {}


def _compile(environment: Environment) -> None:
    """Compile what starts, so that no call has to, where its Python is of another version."""
    if environment.cache_tag != sys.implementation.cache_tag:
        package = SITE.removesuffix("/auto/site")
        parts = [package, f"{package}/auto", f"{package}/trail", f"{package}/integrations"]
        folders = [*parts, f"{package}/settings", SITE]
        subprocess.run(
            [environment.python, "-I", "-m", "compileall", "-q", "-l", *folders],
            capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False, cwd="/",
        )  # fmt: skip


@contextmanager
def _changing(site: str) -> "Iterator[None]":
    """Be the only one who changes the files; a lock on the folder itself leaves nothing behind."""
    try:
        folder = os.open(site, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _lock(folder)
            yield
        finally:
            os.close(folder)
    except OSError as error:
        raise TooltrailError(
            f"{error.filename or site}: {(error.strerror or str(error)).lower()}",
            hint="who installed the environment can change it",
        ) from error


def _lock(folder: int) -> None:
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            return flock(folder, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _write(path: str, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = f"{path}.{os.getpid()}.unfinished"
    try:
        with open(unfinished, "x", encoding="ascii") as file:
            file.write(text)
        os.replace(unfinished, path)
    except OSError:
        _remove(unfinished)
        raise


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
