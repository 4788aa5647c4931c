"""What the recorder sees of its own process, whatever the caller claims: proc(5), user database."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_DEAD_STATES = (b"Z", b"X")  # ended, though its parent has not asked how


def process_facts(argv: "Sequence[str]", executable: str | None) -> "dict[str, Any]":
    """Return what the recorder sees of its own process; what the system does not tell is None.

    `start_ticks` is field 22 of `/proc/self/stat` (clock ticks since boot): with the boot id and
    the pid namespace it makes a pid unmistakable. Source: proc(5).
    """
    uid = os.geteuid()
    return {
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "start_ticks": start_ticks(os.getpid()),
        "pid_namespace": pid_namespace(),
        "boot_id": boot_id(),
        "host": os.uname().nodename,
        "uid": uid,
        "user": user_name(uid),
        "executable": executable,
        "cwd": _cwd(),
        "argv": list(argv),
    }


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot, or None where none is alive."""
    try:
        with open(f"/proc/{pid}/stat", "rb", 0) as stat:
            text = stat.read(4096)
        fields = text.rpartition(b")")[2].split()
        return None if fields[0] in _DEAD_STATES else int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def pid_namespace() -> str | None:
    """Return the id of the pid namespace (the inode behind `pid:[4026531836]`)."""
    try:
        return os.readlink("/proc/self/ns/pid")[5:-1]
    except OSError:
        return None


def boot_id() -> str | None:
    """Return the id that Linux gives to this boot of the machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb", 0) as boot:
            return boot.read(64).decode("ascii").strip()
    except OSError:
        return None


def user_name(uid: int) -> str:
    """Return the user's name, or its number where the user database has none."""
    from pwd import getpwuid

    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # removed under our feet
