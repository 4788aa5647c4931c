"""The process that we run in: its clock, who it is, and the ways out of it that say no goodbye.

Nothing else in the package asks the operating system for time or randomness.
"""

import os
import sys
import time
from _thread import allocate_lock

from ._wire import TOOL_META_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ._children import RunningCall, Watch

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MAX_MS = (1 << 48) - 1  # what a ULID holds of the time


def wall_ns() -> int:
    """Return the wall clock, in nanoseconds since 1970-01-01 UTC."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return a clock that never goes back, in nanoseconds, for durations only."""
    return time.monotonic_ns()


def randomness(size: int) -> bytes:
    """Return `size` random bytes from the operating system."""
    return os.urandom(size)


def now() -> str:
    """Write the time that it is now, as `timestamp` does."""
    return timestamp(time.time_ns())


def timestamp(ns: int) -> str:
    """Write a wall-clock time as ISO 8601 UTC with milliseconds: 2026-11-22T14:30:00.000Z."""
    seconds, rest = divmod(ns, 1_000_000_000)
    text = _seconds.get(seconds)
    if text is None:
        _seconds.clear()  # most calls fall into the second of the one before: keep one
        text = _seconds[seconds] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{rest // 1_000_000:03d}Z"


_seconds: dict[int, str] = {}


def ulid(ns: int) -> str:
    """Make a ULID: 26 characters of Crockford's base 32, the first ten of them the time in ms.

    Source: https://github.com/ulid/spec.
    """
    return ulid_of(min(max(ns // 1_000_000, 0), _MAX_MS) << 80 | int.from_bytes(randomness(10)))


def ulid_of(number: int) -> str:
    """Write 128 bits as a ULID does."""
    return "".join([_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)])


def request_id(ns: int) -> str:
    """Make the id of one call: `req_` and a ULID."""
    return "req_" + ulid(ns)


def trace_id() -> str:
    """Make a trace id: 32 hex digits, so that it is a W3C trace id as it stands."""
    return randomness(16).hex()


_DEAD_STATES = (b"Z", b"X")  # ended, though its parent has not asked how


def process_facts(argv: "Sequence[str]", executable: str | None, user: str) -> "dict[str, Any]":
    """Return what the recorder sees of its own process; what the system does not tell is None.

    `start_ticks` is field 22 of `/proc/self/stat` (clock ticks since boot): with the boot id and
    the pid namespace it makes a pid unmistakable. Source: proc(5).
    """
    pid = os.getpid()
    if pid not in _of_the_process:
        _of_the_process.clear()
        _of_the_process[pid] = start_ticks(pid), pid_namespace(), boot_id()
    ticks, namespace, boot = _of_the_process[pid]
    return {
        "pid": pid,
        "parent_pid": os.getppid(),
        "start_ticks": ticks,
        "pid_namespace": namespace,
        "boot_id": boot,
        "host": os.uname().nodename,
        "uid": os.geteuid(),
        "user": user,
        "executable": executable,
        "cwd": _cwd(),
        "argv": list(argv),
    }


_of_the_process: dict[int, tuple[int | None, str | None, str | None]] = {}


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
    """Return the user's name, or its number where the user database has none.

    `/etc/passwd` is read first: asking the name service costs six times as much.
    """
    if uid in _user_names:
        return _user_names[uid]
    wanted = str(uid).encode("ascii")
    try:
        with open("/etc/passwd", "rb", 0) as users:
            for line in users.read().split(b"\n"):
                fields = line.split(b":", 3)
                if fields[2:3] == [wanted]:
                    _user_names[uid] = os.fsdecode(fields[0])
                    return _user_names[uid]
    except OSError:
        pass  # asked below
    from pwd import getpwuid

    try:
        return getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


_user_names: dict[int, str] = {}


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None  # removed under our feet


def flush_failure() -> str | None:
    """Flush stdout, and say why that failed, or return None.

    What the tool printed may still be in Python's buffer when its call ends. If it cannot be
    delivered, the interpreter will exit with 120, and the log must not say 0.
    """
    stdout = getattr(sys, "stdout", None)
    try:
        if stdout is not None:
            stdout.flush()
    except OSError as error:
        return (error.strerror or str(error)).lower()
    except ValueError:  # the tool closed it
        return None
    except Exception as error:  # the tool put something else in its place
        return type(error).__name__
    return None


def say(text: str) -> None:
    """Write to stderr, if anybody listens there; what that comes to is nobody's business."""
    try:
        sys.stderr.write(text)
    except (OSError, ValueError, AttributeError):
        return


# The module of each HTTP client that defines what `downstream` patches.
HTTP_CLIENTS = {
    *("urllib3.connectionpool", "urllib.request", "httpx._transports.default"),
    *("httpx2._transports.default", "aiohttp.client", "botocore.signers"),
}


class HttpWatch:
    """A finder that finds nothing by itself: it has `downstream` see to HTTP clients."""

    def find_spec(self, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
        """Return None; for a client, the spec that the finders behind this one give."""
        if name not in HTTP_CLIENTS:
            return None
        try:  # by its name: it is a later stage, which few calls come to
            downstream = __import__("tooltrail.downstream", fromlist=["arriving"])
            return downstream.arriving(self, name, path, target)
        except Exception:
            return None  # the tool gets its client, unobserved


def watch_http() -> None:
    """Observe HTTP clients from now on: those that were imported before, and those to come."""
    if not sys.modules.keys().isdisjoint(HTTP_CLIENTS):
        HttpWatch().find_spec("urllib.request")  # any of them has all of them watched
    else:
        sys.meta_path.insert(0, HttpWatch())


_EXITS = ("_exit", "execv", "execve")


class ExitGuard:
    """Wraps `os._exit` and `os.exec*` while a call runs, so that its entry is closed first.

    All of `os.exec*` goes through `os.execv` and `os.execve`. Code that took a reference to the
    originals before the call is not seen; its call then reads as `vanished`.
    """

    def __init__(
        self,
        on_exit: "Callable[[int], None]",
        on_exec: "Callable[[str], None]",
        on_failed_exec: "Callable[[], None]",
    ) -> None:
        self._on_exit = on_exit
        self._on_exec = on_exec
        self._on_failed_exec = on_failed_exec
        self._originals: dict[str, Any] = {}
        self._ours: dict[str, Any] = {}

    def install(self) -> None:
        """Put the wrappers in place."""
        self._originals = {name: getattr(os, name) for name in _EXITS}
        self._ours = {"_exit": self._exit, "execv": self._execv, "execve": self._execve}
        for name, wrapper in self._ours.items():
            setattr(os, name, wrapper)

    def remove(self) -> None:
        """Put the originals back, but for one that somebody else has wrapped meanwhile."""
        for name, wrapper in self._ours.items():
            if getattr(os, name) == wrapper:
                setattr(os, name, self._originals[name])

    def _exit(self, status: int) -> "Any":
        try:
            self._on_exit(status)
        finally:
            self._originals["_exit"](status)

    def _execv(self, path: "Any", argv: "Any") -> "Any":
        self._replace("execv", path, argv)

    def _execve(self, path: "Any", argv: "Any", env: "Any") -> "Any":
        self._replace("execve", path, argv, env)

    def _replace(self, name: str, path: "Any", *rest: "Any") -> None:
        announced = self._announce(path)
        try:
            self._originals[name](path, *rest)
        except BaseException:
            if announced:
                self._on_failed_exec()
            raise

    def _announce(self, path: "Any") -> bool:
        """Close the entry, but only where the exec can work: `execvp` tries each folder of PATH."""
        if isinstance(path, int):
            self._on_exec(f"file descriptor {path}")
            return True
        possible = os.path.isfile(path) and os.access(path, os.X_OK)
        if possible:
            self._on_exec(os.fsdecode(path))
        return possible


class Process:
    """What a call changes in its process: the environment, and the exits that run no `finally`.

    Only the outermost call changes them, and puts them back. A call in another thread that is
    not inside it sees the environment as it was.
    """

    def __init__(self, current: "Callable[[], RunningCall | None]") -> None:
        self.current = current  # of this thread or task, or of the one that it was forked from
        self.owner: RunningCall | None = None  # whose variables are in the environment
        self._lock = allocate_lock()
        self.running: list[RunningCall] = []
        self._watch: Watch | None = None  # once a call ran that was not the owner
        self._saved: dict[str, str | None] = {}
        self._guard = ExitGuard(self._on_exit, self._on_exec, self._on_failed_exec)
        self._watches_http = False

    def enter(self, call: "RunningCall") -> None:
        """Note that a call runs; the outermost one changes the process."""
        if not self._watches_http:
            self._watches_http = True
            watch_http()
        with self._lock:
            self.running.append(call)
            if self.owner is None:
                self._take(call)
            else:
                self._watch_children()

    def _watch_children(self) -> None:
        if self._watch is None:
            try:
                from ._children import Watch
            except Exception:  # no file can be opened any more, or the package is gone
                return
            self._watch = Watch(self)
        self._watch.install()

    def _take(self, call: "RunningCall") -> None:
        variables = call.child_variables()
        self.owner = call
        self._saved = {name: os.environ.get(name) for name in (*variables, TOOL_META_FILE)}
        os.environ.update(variables)
        os.environ.pop(TOOL_META_FILE, None)
        self._guard.install()

    def leave(self, call: "RunningCall") -> None:
        """Note that a call is over; the outermost one puts the process back.

        Where others still run, in other threads, the oldest of them is the outermost now.
        """
        with self._lock:
            if call in self.running:
                self.running.remove(call)
            if self.owner is call:
                self.owner = None
                self._guard.remove()
                for name, value in self._saved.items():
                    if value is None:
                        os.environ.pop(name, None)
                    else:
                        os.environ[name] = value
                self._saved = {}
                if self.running:
                    self._take(self.running[0])
            if self._watch is not None and not self.running:
                self._watch.remove()

    def pristine_environment(self) -> "Mapping[str, str]":
        """Return the environment as the process's caller gave it."""
        saved = self._saved
        if not saved:
            return os.environ
        environment = {}
        for name in list(os.environ):
            value = saved[name] if name in saved else os.environ.get(name)
            if value is not None:
                environment[name] = value
        return environment

    def after_fork(self) -> None:
        """Start afresh in a forked child: the calls that it inherited are its parent's."""
        if self._watch is not None:
            self._watch.after_fork()
        self._lock = allocate_lock()
        self.owner = None
        self._saved = {}
        self.running.clear()
        self._guard.remove()

    def _on_exit(self, status: int) -> None:
        for call in reversed(self.running):
            call.os_exit(status)

    def _on_exec(self, program: str) -> None:
        for call in reversed(self.running):
            call.replaced_by(program)

    def _on_failed_exec(self) -> None:
        for call in self.running:
            call.not_replaced()
