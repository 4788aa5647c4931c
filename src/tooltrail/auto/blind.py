"""What the wrapper can say of the processes below it: how many were seen, and who left no record.

Three sources. The tally: each interpreter that runs our start-up file says so in a memory file of
the wrapper's, which takes no place on a disk and goes with the wrapper. The command itself: its
arguments and its first line are there to be read. And a sample: while the wrapper waits it looks
at what runs below it, often at first and ten times a second later; what lived between two looks is
missed, so the counts are a lower bound.
"""

import os

from .._host import randomness
from . import INSTRUMENT, SITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 10, 100
_MOST_PROCESSES = 1000  # that a look goes through
_MOST_NAMED = 20  # programs, and blind spots, that a report names
_FORKED = 0x40  # PF_FORKNOEXEC of linux/sched.h: runs what its parent runs
_SWITCHES = {"I": "isolated", "E": "ignores_environment", "S": "no_site"}
_OLD, _FAILED, _RECORDED = "old", "failed", "recorded"
_DROPPED = "environment_dropped"


class Watch:
    """Looks at the processes below the wrapper, from before the command starts to its end."""

    def __init__(self) -> None:
        self._name = "tooltrail-" + randomness(8).hex()
        self._tally = _memory_file(self._name)
        self._pids: set[int] = set()
        self._seen: dict[tuple[int, str], str | None] = {}  # pid, program: why it cannot tell

    def variables(self, environment: "Mapping[str, str]") -> dict[str, str]:
        """Return the variables that have the interpreters below run our start-up file."""
        path = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
        before = environment.get("PYTHONPATH", "")
        if path[:1] == [SITE]:  # a wrapper above us did
            return {INSTRUMENT: self._where()}
        joined = f"{SITE}{os.pathsep}{before}" if before else SITE
        return {INSTRUMENT: self._where(), "PYTHONPATH": joined}

    def _where(self) -> str:
        if self._tally is None:
            return "1"
        return f"/proc/{os.getpid()}/fd/{self._tally}:{self._name}"

    def wait(self, pid: int) -> None:
        """Wait until a child of ours has ended, and look at what runs below it meanwhile."""
        from select import POLLIN, poll

        try:
            ended = os.pidfd_open(pid)
        except (OSError, AttributeError):  # Linux before 5.3
            return
        waiting = poll()
        waiting.register(ended, POLLIN)
        pause = _FIRST_PAUSE_MS
        while not waiting.poll(pause):
            self._look(pid)
            pause = min(2 * pause, _LONGEST_PAUSE_MS)
        os.close(ended)

    def _look(self, root: int) -> None:
        waiting, looked = [root], 0
        while waiting and looked < _MOST_PROCESSES:
            pid = waiting.pop()
            looked += 1
            waiting += _children(pid)
            self._pids.add(pid)
            forked = _is_forked(pid)  # asked first: it may become another program meanwhile
            program = _program(pid)
            if program and not forked and (pid, program) not in self._seen:
                self._seen[pid, program] = _reason(pid) if is_python(program) else None

    def report(
        self, pid: int, command: "Sequence[str]", text: "Callable[[str], str]"
    ) -> "dict[str, Any]":
        """Return `child.instrument` of the wrapper's entry; `text` takes secrets out of a path."""
        told = self._told()
        pids = self._pids | set(told) | {pid}
        reasons = {seen: why for seen, why in self._seen.items() if why and seen[0] not in told}
        if pid not in told and not any(seen == pid for seen, _ in reasons):
            interpreter, switches = interpreter_of(command)
            why = _by_switches(switches) if is_python(interpreter) else None
            if why is not None:
                reasons[pid, interpreter] = why
        python = set(told) | {seen for seen, _ in reasons}
        python |= {seen for seen, program in self._seen if is_python(program)}
        others = {_base(program) for _, program in self._seen if not is_python(program)}
        report: dict[str, Any] = {
            "processes": len(pids),
            "interpreters": len(python),
            "recorded": sum(_RECORDED in states for _, states in told.values()),
            "blind": _blind_spots(told, reasons, text),
        }
        if others:
            report["others"] = [text(name) for name in sorted(others)[:_MOST_NAMED]]
        return report

    def _told(self) -> "dict[int, tuple[str, set[str]]]":
        """Return what the interpreters said: by pid, the version, and what became of it."""
        told: dict[int, tuple[str, set[str]]] = {}
        if self._tally is None:
            return told
        size = os.fstat(self._tally).st_size
        for line in os.pread(self._tally, size, 0).decode("ascii", "replace").splitlines():
            words = line.split()
            if len(words) == 3 and words[0].isdigit():
                told.setdefault(int(words[0]), (words[1], set()))[1].add(words[2])
        return told


def _memory_file(name: str) -> int | None:
    try:
        return os.memfd_create(name)
    except (OSError, AttributeError):
        return None


def _blind_spots(
    told: "Mapping[int, tuple[str, set[str]]]",
    reasons: "Mapping[tuple[int, str], str]",
    text: "Callable[[str], str]",
) -> "list[dict[str, Any]]":
    counts: dict[tuple[tuple[str, str], ...], int] = {}
    for version, states in told.values():
        if _RECORDED in states or not states & {_OLD, _FAILED}:
            continue
        reason = "too_old" if _OLD in states else _FAILED
        key = (("reason", reason), ("version", version))
        counts[key] = counts.get(key, 0) + 1
    for (_, program), reason in reasons.items():
        key = (("reason", reason), ("executable", text(program)))
        counts[key] = counts.get(key, 0) + 1
    found = [{**dict(key), "processes": count} for key, count in counts.items()]
    return found[:_MOST_NAMED]


def is_python(program: str) -> bool:
    """Tell a Python interpreter by its file's name."""
    return _base(program).startswith(("python", "pypy"))


def interpreter_of(command: "Sequence[str]") -> "tuple[str, list[str]]":
    """Return the program that runs a command, and its arguments: a script's first line says so."""
    program, arguments = command[0], list(command[1:])
    try:
        with open(program, "rb", 0) as file:
            first = file.read(256).partition(b"\n")[0]
    except OSError:
        return program, arguments
    if first[:2] == b"#!":
        words = first[2:].decode("utf-8", "replace").split()
        if words and _base(words[0]) == "env":
            words = [word for word in words[1:] if word != "-S" and "=" not in word]
        if words:
            return words[0], words[1:]
    return program, arguments


def _by_switches(arguments: "Sequence[str]") -> str | None:
    """Read what keeps our start-up file out off an interpreter's own arguments."""
    takes_value = False
    found = set()
    for argument in arguments:
        if takes_value:
            takes_value = False
        elif argument.startswith("--"):
            takes_value = argument == "--check-hash-based-pycs"
        elif argument[:1] != "-" or argument == "-":
            break
        else:
            for position, switch in enumerate(argument[1:], 2):
                found.add(switch)
                if switch in "cmWX":
                    takes_value = not argument[position:]
                    break
            if found & {"c", "m"}:
                break
    return next((reason for switch, reason in _SWITCHES.items() if switch in found), None)


def _reason(pid: int) -> str | None:
    """Tell why an interpreter that is running will not tell us of itself, where that shows."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb", 0) as file:
            arguments = os.fsdecode(file.read(65536)).split("\0")
        with open(f"/proc/{pid}/environ", "rb", 0) as file:
            environment = file.read(1 << 21)
    except OSError:
        return None
    why = _by_switches(arguments[1:])
    known = any(name.startswith(f"{INSTRUMENT}=".encode()) for name in environment.split(b"\0"))
    return why or (None if known else _DROPPED)


def _is_forked(pid: int) -> bool:
    """Tell a process that is no program of its own: a worker, or one that will become another."""
    try:
        with open(f"/proc/{pid}/stat", "rb", 0) as file:
            return bool(int(file.read(4096).rpartition(b")")[2].split()[6]) & _FORKED)
    except (OSError, ValueError, IndexError):
        return False


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb", 0) as file:
                found += map(int, file.read(65536).split())
    except (OSError, ValueError):
        pass  # it ended meanwhile, or the kernel was built without this
    return found


def _program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
    except OSError:
        return ""  # ended, or another user's


def _base(path: str) -> str:
    return path.rpartition("/")[2]
