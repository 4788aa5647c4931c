"""The process that records what one shell does: it lives as long as the shell does.

    python -m tooltrail.shells.recorder NAME PID FIFO      (stdin: the FIFO)

The shell's hook tells of each command in eight fields, each ended by a NUL byte: kind, time in µs,
the call's id, working directory, `$!` and behind it `/1` where what ran before goes on, else `/0`,
and `/` and how many builtins were only counted so far, `$?`, PIPESTATUS, the text of the command.
Kinds: S (the shell starts), D (a command is about to start), N (no command: a loop, arithmetic,
or a builtin that is only counted), P (a prompt), X (the shell ends). All that is in a pipe, in
memory; what is written to the disk has been through redaction.
"""

import json
import os
import re
import select
import shlex
import sys
from contextlib import suppress
from errno import ENXIO
from fcntl import F_SETPIPE_SZ, fcntl
from stat import S_ISFIFO

from .._encode import encode
from .._ending import by_exit_code
from .._host import boot_id, pid_namespace, start_ticks, timestamp, user_name
from .._typing import TYPE_CHECKING
from .._wire import OWN_TOOL, RECORDER_HOOK, REPLACED, TOOL_TRACE_ID, UNKNOWN
from ..context import from_environment, is_request_id
from ..entry import Ending
from ..errors import TooltrailError
from ..secondhand import Teller, Told
from .ledger import Ledger, Running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_FIELDS = 8
_MAX_CHARS = 16_000  # of a command; the hook tells of one more
_PIPE_BYTES = 1_048_576  # so that the shell seldom waits for us
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=([\w./+:@%,-]*|'[^']*'|\"[^\"$`\\]*\")\s+(?=\S)")
_NOT_SEEN = {
    "code": "EXIT_CODE_UNKNOWN",
    "message": "the shell did not tell of its end: it was killed, or has an EXIT trap of its own",
}
_LEAVING = ("exit", "logout")
_LOOK_MS = 1000  # how often a shell is looked for where the system has no pidfd
_STOPPED = range(128 + 19, 128 + 23)  # SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU: it may go on
_KEYWORDS = frozenset(("coproc", "nocorrect", "noglob", "repeat", "time"))  # of a line of zsh's
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-:@,")
_QUOTES = frozenset(" '\"\t=%")
_QUOTED = re.compile(r"'[^']*'")  # in which nothing is expanded
_REDIRECTION = re.compile(r"\s(?:\d*(?:>>|>&|>\||>|<)|&>>?)\s?[\w./&-]+$")


def main(arguments: "Sequence[str]") -> int:
    """Record until the shell is gone."""
    name, pid, fifo = arguments[0], int(arguments[1]), arguments[2]
    try:
        os.setsid()  # what ends the shell's process group shall not end its recorder
    except OSError:  # the shell has put it into a group of its own already
        os.chdir("/")
    os.closerange(3, 1024)  # what the shell had open is not ours to keep open
    with suppress(OSError):
        sweep(os.path.dirname(fifo))
    recorder = Recorder(name, pid, os.environ)
    try:
        _listen(pid, recorder)
    finally:
        recorder.close()
        with suppress(OSError):
            os.unlink(fifo)
    return 0


def sweep(folder: str) -> None:
    """Remove the FIFOs of shells that are gone and whose recorders were killed."""
    for entry in os.scandir(folder):
        _, _, rest = entry.name.partition("-")
        pid = rest.partition("-")[0]
        status = entry.stat(follow_symlinks=False)
        if not pid.isdigit() or not S_ISFIFO(status.st_mode) or start_ticks(int(pid)) is not None:
            continue
        try:
            os.close(os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK))  # somebody reads it yet
        except OSError as error:
            if error.errno == ENXIO:
                os.unlink(entry.path)


def _listen(pid: int, recorder: "Recorder") -> None:
    """Hand over what is told, until the shell is gone and the pipe is empty."""
    os.set_blocking(0, False)
    with suppress(OSError):
        fcntl(0, F_SETPIPE_SZ, _PIPE_BYTES)
    poll = select.poll()
    poll.register(0, select.POLLIN)
    try:
        shell = os.pidfd_open(pid)
        poll.register(shell, select.POLLIN)
    except (OSError, AttributeError):
        shell = -1
    alive, left = True, b""
    while True:
        try:
            got = os.read(0, 65_536)
        except BlockingIOError:
            if not alive or recorder.is_over:
                return
            recorder.fresh()
            ready = dict(poll.poll(None if shell >= 0 else _LOOK_MS))
            alive = shell not in ready if shell >= 0 else start_ticks(pid) is not None
            continue
        if not got:  # no FIFO that we hold open ourselves: there is nothing to wait for
            return
        *fields, left = (left + got).split(b"\0")
        while len(fields) >= _FIELDS:
            recorder.take([os.fsdecode(field) for field in fields[:_FIELDS]])
            del fields[:_FIELDS]
        left = b"\0".join([*fields, left])


class Recorder:
    """Turns what a shell tells into entries: one of the shell, and one of each command below it."""

    def __init__(self, name: str, pid: int, environment: "Mapping[str, str]") -> None:
        self.is_over = False
        self._name = name
        self._pid = pid
        self._environment = environment
        self._ledger = Ledger()
        self._shell: Running | None = None
        self._counted = 0  # builtins that have no entry
        self._teller = Teller(encode=_encoded)
        self._last = ""  # the text of the command that was begun last

    def take(self, fields: "Sequence[str]") -> None:
        """Record one thing that was told. What cannot be read or written is left out."""
        kind, at, request_id, cwd, background, status, pipe, text = fields
        try:
            at_us = int(at)
            if not is_request_id(request_id):
                return
            if kind == "S":
                self._start(at_us, request_id, cwd, [background, status, pipe])
                return
            if kind == "D" and text == self._last and text.split(" ")[0] in _LEAVING:
                return  # bash tells of it once more while the EXIT trap runs
            background, piped, *counted = background.split("/")
            self._counted = int(counted[0]) if counted else 0
            codes = [int(code) for code in pipe.split()]
            ending = int(status)
            if len(codes) == 1 and (kind == "X" or ending in _STOPPED):
                codes = [ending]  # `exit 3` and Ctrl-Z leave PIPESTATUS as it was
            ended = self._ledger.boundary(at_us, codes, background, piped=piped == "1")
        except ValueError:
            return
        self._write(ended)
        if kind == "P":
            self._last = ""
        elif kind == "D":
            self._last = text
            self._begin(at_us, request_id, cwd, text)
        elif kind == "X" and self._shell is not None:
            self._shell.ended = ending, at_us
            self._say_counted(self._shell)
            self._write([self._shell])
            self._shell, self.is_over = None, True

    def fresh(self) -> None:
        """Read settings anew before the next call: a shell may live for weeks."""
        self._teller = Teller(encode=_encoded)

    def close(self) -> None:
        """Write what is known once the shell is gone, or `exec` has put a program in its place.

        A shell that is gone without a word has a trap of its own for EXIT, or was killed: it has
        ended, but nobody saw how. What it ran may go on, and keeps its begin only.
        """
        if self._shell is None:
            return
        self._say_counted(self._shell)
        if self._last.split(" ")[0] == "exec":
            for each in (*self._ledger.running, self._shell):
                _contained(each.told.write_end, Ending(None, REPLACED), duration_ms=None)
            return
        self._shell.told.warnings.append(_NOT_SEEN)
        _contained(self._shell.told.write_end, Ending(None, UNKNOWN), duration_ms=None)

    def _say_counted(self, shell: Running) -> None:
        if self._counted:
            message = f"{self._counted} of the shell's builtin commands were only counted"
            shell.told.warnings.append({"code": "DATA_CUT", "message": message})

    def _start(self, at_us: int, request_id: str, cwd: str, told: "Sequence[str]") -> None:
        interactive, name, text = told
        text, cut = _cut(text)
        argv = [self._name, "-c", text] if text else [self._name, *([] if interactive else [name])]
        process = {
            "pid": self._pid,
            "start_ticks": start_ticks(self._pid),
            "pid_namespace": pid_namespace(),
            "boot_id": boot_id(),
            **self._seen(cwd),
            "argv": argv,
        }
        call = self._told(self._name, request_id, at_us, None)
        call.warnings.extend(cut)
        call.describe(None, {"argv": argv}, process=process)
        _contained(call.write_begin)
        self._shell = Running(call, at_us)

    def _begin(self, at_us: int, request_id: str, cwd: str, text: str) -> None:
        text, cut = _cut(text)
        given, plain = _assigned(text)
        tool, argv = called(self._name, plain)
        if given and tool == self._name and argv[1:2] == ["-c"]:
            given, argv = {}, [self._name, "-c", text]
        shell = self._shell.told.request_id if self._shell is not None else None
        call = self._told(tool, request_id, at_us, shell)
        call.warnings.extend(cut)
        params = {"argv": argv, "environment": given} if given else {"argv": argv}
        call.describe(None, params, process={**self._seen(cwd), "argv": argv})
        _contained(call.write_begin)
        self._ledger.begin(Running(call, at_us))

    def _seen(self, cwd: str) -> "dict[str, Any]":
        uid = os.geteuid()
        host = os.uname().nodename
        return {"cwd": cwd or None, "host": host, "uid": uid, "user": user_name(uid)}

    def _told(self, tool: str, request_id: str, at_us: int, parent: str | None) -> Told:
        context = from_environment(
            OWN_TOOL, self._environment, user=user_name(os.geteuid()), redacted=_NO_KEYS
        )
        if parent is not None:
            context.parent_request_id = parent
        elif context.trace_id == f"{self._name}-{request_id}":
            context.trace_source = "generated"
        call = Told(
            tool,
            recorder=RECORDER_HOOK,
            request_id=request_id,
            timestamp=timestamp(at_us * 1000),
            context=context,
            teller=self._teller,
        )
        identifier = call.redactor.identifier
        context.trace_id = identifier(context.trace_id, TOOL_TRACE_ID)
        if context.operator is not None:
            context.operator = identifier(context.operator, "operator")
        return call

    def _write(self, ended: "Sequence[Running]") -> None:
        for command in ended:
            assert command.ended is not None
            status, at_us = command.ended
            if status in _STOPPED:
                continue
            took = max(at_us - command.began_us, 0) // 1000
            # Above 128 it may be a signal, or the command's own choice (git's 129): `$?` does not
            # tell, so none is claimed; agents.event.ended_with does the same.
            _contained(command.told.write_end, by_exit_code(status), duration_ms=took)


def _NO_KEYS(text: str, _field: str) -> str:
    return text  # `_told` redacts with the rules of the call's own tool


def _contained(write: "Any", *arguments: "Any", **options: "Any") -> None:
    try:
        write(*arguments, **options)
    except (TooltrailError, OSError):
        return  # nobody to tell: the shell's stderr is not ours


def _encoded(body: "Any") -> str:
    """Write a line's body as `encode` does, ten times as fast once `json` is loaded."""
    try:
        text = json.dumps(body, separators=(",", ":"))
    except (TypeError, ValueError):
        return encode(body)
    return encode(body) if "\\ud" in text else text  # it may be half a pair of surrogates


def _cut(text: str) -> "tuple[str, list[dict[str, str]]]":
    """Cut off what is too long, before the last word, which may be half of a secret; say so."""
    if len(text) <= _MAX_CHARS:
        return text, []
    kept = text[:_MAX_CHARS].rstrip().rsplit(None, 1)[0]
    if len(kept) > _MAX_CHARS - 1:  # one word
        kept = ""
    message = f"the command is cut off after {len(kept)} characters"
    return kept + " [cut off]", [{"code": "DATA_CUT", "message": message}]


def _assigned(text: str) -> "tuple[dict[str, str], str]":
    """Return the variables that a command is given, where they are plain, and the command."""
    given: dict[str, str] = {}
    while (found := _ASSIGNMENT.match(text)) is not None:
        given[found[1]] = found[2].strip("'\"")
        text = text[found.end() :]
    return given, text


def called(shell: str, text: str) -> tuple[str, list[str]]:
    """Return the tool and the argv of one command of a shell.

    The words of a plain command are its argv, without the redirections at its end. Where the shell
    has yet to expand them, or it is no simple command: `("bash", ["bash", "-c", text])`.
    """
    bare = text
    while (found := _REDIRECTION.search(bare)) is not None:
        bare = bare[: found.start()]
    first = bare.split(None, 1)[0] if bare.strip() else ""
    named = first.rpartition("/")[2] if _PLAIN.issuperset(first) else ""
    if (
        named.strip(".:")
        and first not in _KEYWORDS
        and (_PLAIN | _QUOTES).issuperset(_QUOTED.sub("", bare))
    ):
        try:
            return named, shlex.split(bare)
        except ValueError:
            pass  # quotes that do not match
    return shell, [shell, "-c", text]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
