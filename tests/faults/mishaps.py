"""What can befall the place where a log is: each can be brought about, and mended."""

import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from .site import Site

ROOT, MOUNTS = "root", "mounts"  # what it takes to bring one about
NOBODY = 65534
_NEEDED_LATER = (
    *("_contextvars", "errno", "fcntl", "fnmatch", "gzip", "json", "mmap", "pwd", "re", "stat"),
    *("tooltrail", "tooltrail.settings", "tooltrail.trail"),  # and all that is in these folders
)


class Case:
    """One mishap at one site, while it lasts."""

    def __init__(self, site: Site, log: Path) -> None:
        self.site = site
        self.log = log
        self.away = log.with_name("away.jsonl")
        self.holder = 0  # a process that was stopped


class Mishap:
    """A fault of the place. `breaks` brings it about, `mends` takes it back.

    `recorded` says that the call is recorded all the same; `during` that it befalls a call that
    has begun; `within` is done in the process of the tool; `sets_up` before the first call.
    """

    def __init__(
        self,
        name: str,
        breaks: Callable[[Case], None],
        mends: Callable[[Case], None],
        *,
        needs: str = "",
        during: bool = False,
        recorded: bool = False,
        noted: bool = True,
        sets_up: Callable[[Case], None] | None = None,
        within: Callable[[Case], None] | None = None,
        forked_only: bool = False,
        slow: bool = False,
    ) -> None:
        self.name = name
        self.breaks = breaks
        self.mends = mends
        self.needs = needs
        self.during = during
        self.recorded = recorded
        self.noted = noted  # whether there is a place to count it
        self.sets_up = sets_up
        self.within = within
        self.forked_only = forked_only
        self.slow = slow


def _nothing(_: Case) -> None:
    pass


def _put_away(put: Callable[[Case], None]) -> Callable[[Case], None]:
    """Move the log away, and put something else there."""

    def breaks(case: Case) -> None:
        os.rename(case.log, case.away)
        put(case)

    return breaks


def _put_back(case: Case) -> None:
    if case.log.is_dir() and not case.log.is_symlink():
        case.log.rmdir()
    else:
        case.log.unlink(missing_ok=True)
    os.rename(case.away, case.log)


def _socket(case: Case) -> None:
    folder = os.open(case.log.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{folder}/{case.log.name}")
    os.close(folder)


def _symlink(case: Case) -> None:
    case.log.symlink_to(case.away)


def _device(case: Case) -> None:
    os.mknod(case.log, 0o020666, os.makedev(1, 3))


def _stop_holder(case: Case) -> None:
    """Have the lock held by a process that is stopped."""
    ready, tell = os.pipe()
    case.holder = os.fork()
    if case.holder == 0:
        try:
            fcntl.flock(os.open(case.log, os.O_RDONLY), fcntl.LOCK_EX)
            os.write(tell, b"x")
            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.read(ready, 1)
    os.close(ready)
    os.close(tell)
    os.kill(case.holder, signal.SIGSTOP)
    os.waitpid(case.holder, os.WUNTRACED)


def _kill_holder(case: Case) -> None:
    if not case.holder:  # the call ended before its gate
        return
    os.kill(case.holder, signal.SIGKILL)
    os.waitpid(case.holder, 0)
    case.holder = 0


def _limit(case: Case) -> None:
    """Let files grow by 100 bytes more than the log has; Python ignores SIGXFSZ by itself."""
    size = case.log.stat().st_size + 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _become_nobody(_: Case) -> None:
    for name in _NEEDED_LATER:  # another user may not be let in where this Python lives
        for folder in getattr(import_module(name), "__path__", ()):
            for module in iter_modules([folder], f"{name}."):
                if not module.ispkg and not module.name.endswith(".__main__"):
                    import_module(module.name)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _give_to_nobody(case: Case) -> None:
    for path in (case.site.root, *case.site.root.rglob("*")):
        os.chown(path, NOBODY, NOBODY)


def _mount_small(case: Case) -> None:
    case.site.data.mkdir(parents=True, exist_ok=True)
    mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(case.site.data))


def _fill(case: Case) -> None:
    fill(case.site.data / "filler")


def fill(file: Path) -> None:
    """Fill a disk with this file, to its last byte."""
    with file.open("wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while filler.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def _empty(case: Case) -> None:
    (case.site.data / "filler").unlink()


def _bind(case: Case) -> None:
    case.site.data.mkdir(parents=True, exist_ok=True)
    mount("--bind", str(case.site.data), str(case.site.data))


def _read_only(case: Case) -> None:
    mount("-o", "remount,bind,ro", str(case.site.data))


def _writable(case: Case) -> None:
    mount("-o", "remount,bind,rw", str(case.site.data))


def _fill_everything(case: Case) -> None:
    """Leave no room for the log nor for the notes of what was lost."""
    _fill(case)
    mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", "/tmp")
    fill(Path("/tmp/filler"))
    case.site.environment["XDG_RUNTIME_DIR"] = "/tmp"


def _empty_everything(case: Case) -> None:
    _empty(case)
    subprocess.run(["umount", "/tmp"], check=True)
    case.site.environment["XDG_RUNTIME_DIR"] = str(case.site.runtime)


def mount(*arguments: str) -> None:
    """Mount something, in a mount namespace of our own."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def _remove_folder(case: Case) -> None:
    shutil.rmtree(case.log.parent)


def _new_file(content: bytes) -> Callable[[Case], None]:
    def breaks(case: Case) -> None:
        os.rename(case.log, case.away)
        case.log.write_bytes(content)

    return breaks


def _registry_folder(case: Case) -> None:
    registry = case.site.data / "tooltrail" / "logs.jsonl"
    registry.parent.mkdir(exist_ok=True)
    registry.unlink(missing_ok=True)
    registry.mkdir()
    case.log.unlink()


def _no_registry(case: Case) -> None:
    (case.site.data / "tooltrail" / "logs.jsonl").rmdir()


def _fifo_for_sealed(case: Case) -> None:
    os.rename(case.log, case.away)
    os.mkfifo(case.log.with_name("audit-000000000000.jsonl"))


def _no_fifo_for_sealed(case: Case) -> None:
    case.log.with_name("audit-000000000000.jsonl").unlink()
    case.log.unlink(missing_ok=True)
    os.rename(case.away, case.log)


MISHAPS = [
    Mishap("full disk", _fill, _empty, needs=MOUNTS, sets_up=_mount_small),
    Mishap("full disk, mid-call", _fill, _empty, needs=MOUNTS, sets_up=_mount_small, during=True),
    Mishap(
        "full disk, full /tmp, no notes", _fill_everything, _empty_everything,
        needs=MOUNTS, sets_up=_mount_small, noted=False,
    ),
    Mishap("read-only file system", _read_only, _writable, needs=MOUNTS, sets_up=_bind),
    Mishap("quota (RLIMIT_FSIZE)", _nothing, _nothing, within=_limit),
    Mishap(
        "log chmod 000", lambda case: case.log.chmod(0), lambda case: case.log.chmod(0o600),
        needs=ROOT, sets_up=_give_to_nobody, within=_become_nobody, forked_only=True,
    ),
    Mishap(
        "log chmod 000, mid-call", lambda case: case.log.chmod(0),
        lambda case: case.log.chmod(0o600),
        needs=ROOT, sets_up=_give_to_nobody, within=_become_nobody, forked_only=True, during=True,
    ),
    Mishap(
        "log chown root, mid-call", lambda case: os.chown(case.log, 0, 0),
        lambda case: os.chown(case.log, NOBODY, NOBODY),
        needs=ROOT, sets_up=_give_to_nobody, within=_become_nobody, forked_only=True, during=True,
    ),
    Mishap(
        "folder chmod 000, mid-call", lambda case: case.log.parent.chmod(0),
        lambda case: case.log.parent.chmod(0o700),
        needs=ROOT, sets_up=_give_to_nobody, within=_become_nobody, forked_only=True, during=True,
    ),
    Mishap("lock held by a stopped process", _stop_holder, _kill_holder, slow=True),
    Mishap(
        "lock held by a stopped process, mid-call", _stop_holder, _kill_holder,
        slow=True, during=True,
    ),
    Mishap("FIFO for the log", _put_away(lambda case: os.mkfifo(case.log)), _put_back),
    Mishap("socket for the log", _put_away(_socket), _put_back),
    Mishap("device for the log", _put_away(_device), _put_back, needs=ROOT),
    Mishap("symbolic link for the log", _put_away(_symlink), _put_back),
    Mishap("dangling link for the log", _put_away(lambda c: c.log.symlink_to("gone")), _put_back),
    Mishap("folder for the log", _put_away(lambda case: case.log.mkdir()), _put_back),
    Mishap(
        "folder for the log, mid-call", _put_away(lambda case: case.log.mkdir()), _put_back,
        during=True,
    ),
    Mishap("FIFO for a sealed segment, log gone", _fifo_for_sealed, _no_fifo_for_sealed, slow=True),
    Mishap(
        "log removed, mid-call", lambda case: case.log.unlink(), _nothing,
        during=True, recorded=True,
    ),
    Mishap(
        "log moved away, mid-call", lambda case: os.rename(case.log, case.away), _nothing,
        during=True, recorded=True,
    ),
    Mishap("new empty log, mid-call", _new_file(b""), _nothing, during=True, recorded=True),
    Mishap(
        "another file for the log, mid-call", _new_file(b"not a log\n"), _nothing,
        during=True, recorded=True,
    ),
    Mishap("folder removed, mid-call", _remove_folder, _nothing, during=True, recorded=True),
    Mishap("folder for the registry", _registry_folder, _no_registry, recorded=True),
]  # fmt: skip
