"""The processes that make calls and are killed: forked ones, and real programs.

Each tells its parent over a pipe what it was told itself: that a call has begun, and the
response. Whatever was told so is what the log must hold.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NoReturn

import tooltrail
from tooltrail.entry import Ending

from .site import PYTHON, TESTS, TOOLTRAIL, Site
from .traps import AFTER, ANYWHERE, BEFORE, LINE, ROTATION, TORN, Trap, die, tell

FORK, CLICK, WRAPPER = "forked", "Click tool", "tooltrail run"
_PADS = (0, 0, 200, 2_000, 8_000, 30_000)  # characters of params, so that logs rotate often
_CHILDREN = (
    "exit 0",
    "exit 3",
    "sleep 0.05",
    "kill -9 $$",  # seen by the wrapper: `killed`
)
_CLICK_TOOL = """
import os, sys
import click
from tooltrail import current
from tooltrail.integrations.click import instrument

@click.command()
@click.argument("pad", type=int)
def cli(pad):
    os.write(int(os.environ["FAULTS_TELL"]), b'{"begun": "%s"}\\n' % current().request_id.encode())
    return {"pad": "x" * pad}

instrument(cli, tool=os.environ["FAULTS_TOOL"], envelope=True)
if __name__ == "__main__":
    cli()
"""


class Plan:
    """One life, drawn from the seed: what it does, and how it is to end."""

    def __init__(self, seed: str, number: int, tool: str, kind: str, shift_s: int = 0) -> None:
        self.random = rng = random.Random(f"{seed}/{number}")
        self.number = number
        self.tool = tool
        self.kind = kind
        self.shift_s = shift_s
        self.calls = 1 if kind != FORK else rng.choice((1, 1, 2, 2, 3, 4))
        self.links = rng.random() > 0.15  # else: as on a filesystem without hard links
        self.place = rng.choice((LINE, LINE, ROTATION, ANYWHERE, ANYWHERE, None))
        if self.place == ROTATION:
            self.calls = 8  # until there is one
        self.at = {LINE: rng.randrange(0, 4), ROTATION: rng.randrange(0, 24)}.get(
            str(self.place), int(rng.triangular(0, 150, 20))
        )
        self.how = rng.choice((BEFORE, AFTER, TORN, TORN))
        self.share = rng.choice((rng.random(), 0.0, 1.0 - 1e-9, rng.random() ** 4))
        self.delay = rng.uniform(0.02, 0.35) if kind != FORK else rng.uniform(0.0005, 0.03)

    def trap(self, tell_fd: int) -> Trap | None:
        """Return the trap of this life, or None where only its parent kills it."""
        if self.place is None:
            return None
        return Trap(self.place, self.at, self.how, self.share, tell_fd)


class Testimony:
    """What the parent was told by processes that are dead now."""

    def __init__(self) -> None:
        self.calls = 0
        self.kills = 0
        self.lives: dict[str, int] = {}
        self.begun: dict[str, str] = {}  # request id -> the log that must know it
        self.responses: list[dict[str, Any]] = []
        self.logs: dict[str, str] = {}  # request id -> the log that its response is of
        self.suicides: set[str] = set()  # wrapped commands that killed themselves
        self.deaths: dict[str, int] = {}  # where a trap sprang
        self.stumps: list[tuple[str, str]] = []  # the file, and the hash of what a torn write left
        self.bare_newlines = 0  # torn writes that only closed off the stump before
        self.warnings: list[str] = []
        self.garbled = 0


class Lives:
    """Runs the plans, so many at a time, and kills whoever outlives its delay."""

    def __init__(self, site: Site, processes: int) -> None:
        self.site = site
        self.processes = processes
        self.told = Testimony()
        self.tool_file = site.root / "clicktool.py"
        self.tool_file.write_text(_CLICK_TOOL)
        self.stderr = os.open(site.root / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._selector = DefaultSelector()
        self._running = 0

    def run(self, plans: Iterator[Plan], calls: int) -> Testimony:
        """Live and kill until so many calls were made, or the plans are used up."""
        for plan in plans:
            while self._running >= self.processes:
                self._attend()
            if self.told.calls >= calls:
                break
            self._start(plan)
        while self._running:
            self._attend()
        return self.told

    def stderr_text(self) -> str:
        """Return what all of them said on stderr."""
        return (self.site.root / "stderr").read_text()

    def _start(self, plan: Plan) -> None:
        reading, writing = os.pipe()
        life = _Life(plan, reading)
        self.told.lives[plan.kind] = self.told.lives.get(plan.kind, 0) + 1
        if plan.kind == FORK:
            sys.stdout.flush()
            life.pid = os.fork()
            if life.pid == 0:
                os.close(reading)
                _live(plan, writing, self.stderr, self.site.environment)
        else:
            self._start_program(plan, life, writing)
        os.close(writing)
        os.set_blocking(reading, False)
        self._selector.register(reading, EVENT_READ, life)
        self._running += 1

    def _start_program(self, plan: Plan, life: "_Life", writing: int) -> None:
        rng = plan.random
        environment = {**self.site.environment, "FAULTS_TOOL": plan.tool}
        environment["FAULTS_TELL"] = str(writing)
        command = [PYTHON, str(self.tool_file), str(rng.choice(_PADS))]
        if plan.kind == WRAPPER:
            meta = self.site.root / f"meta-{plan.number}"
            meta.touch(0o600)
            life.meta = meta
            life.script = rng.choice(_CHILDREN)
            environment["TOOL_META_FILE"] = str(meta)
            say = """printf '{"begun": "%s"}\\n' "$TOOL_PARENT_REQUEST_ID"; """
            command = [TOOLTRAIL, "run", "--", "sh", "-c", say + life.script]
        if plan.place is not None:
            trap = [str(plan.place), str(plan.at), plan.how, str(plan.share)]
            command = [PYTHON, "-m", "faults.armed", *trap, *command[plan.kind == CLICK :]]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=TESTS,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=self.stderr,
            pass_fds=(writing,),
        )
        life.pid, life.process = process.pid, process
        self.told.calls += 1

    def _attend(self) -> None:
        """Hear whoever speaks, kill whoever is due."""
        lives = [key.data for key in self._selector.get_map().values()]
        due = min(life.due for life in lives)
        for key, _ in self._selector.select(max(0.0, due - time.monotonic())):
            heard = b""
            with suppress(BlockingIOError):
                heard = os.read(key.fd, 1 << 16)
                if not heard:
                    self._bury(key.data)
            key.data.heard += heard
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            if key.data.due <= now:
                key.data.due = now + 5
                os.kill(key.data.pid, signal.SIGKILL)  # not reaped yet: the pid is still its own

    def _bury(self, life: "_Life") -> None:
        self._selector.unregister(life.pipe)
        os.close(life.pipe)
        self._running -= 1
        if life.process is not None:
            killed = life.process.wait() == -signal.SIGKILL
        else:
            killed = os.waitstatus_to_exitcode(os.waitpid(life.pid, 0)[1]) == -signal.SIGKILL
        self.told.kills += killed
        if life.meta is not None and (text := life.meta.read_bytes()).endswith(b"\n"):
            life.heard += b'{"ok": true, "warnings": [], "meta": %s}\n' % text[:-1]
        for line in life.heard.splitlines():
            self._hear(life, line)

    def _hear(self, life: "_Life", line: bytes) -> None:
        told = self.told
        log = tooltrail_log(life.plan)
        try:
            said = json.loads(line)
        except ValueError:
            told.garbled += 1
            return
        if "call" in said:
            told.calls += 1
        elif "begun" in said:
            told.begun[said["begun"]] = log
            if life.script.startswith("kill"):
                told.suicides.add(said["begun"])
        elif "meta" in said:
            told.responses.append(said)
            told.logs[said["meta"]["request_id"]] = log
            told.warnings += [w["message"] for w in said["warnings"]]
        elif "died" in said:
            told.deaths[said["died"]] = told.deaths.get(said["died"], 0) + 1
            if said.get("stump"):
                told.stumps.append((said["file"], said["stump"]))
            elif "stump" in said:
                told.bare_newlines += 1


class _Life:
    """A process that has not been buried yet."""

    def __init__(self, plan: Plan, pipe: int) -> None:
        self.plan = plan
        self.pipe = pipe
        self.due = time.monotonic() + plan.delay
        self.pid = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.heard = b""
        self.meta: Any = None
        self.script = ""
        if plan.place is not None:
            self.due += 3 if plan.kind != FORK else 1


def tooltrail_log(plan: Plan) -> str:
    """Return whose log a life's calls stand in: a wrapper writes to tooltrail's own."""
    return "tooltrail" if plan.kind == WRAPPER else plan.tool


def _live(plan: Plan, pipe: int, stderr: int, environment: dict[str, str]) -> NoReturn:
    """Make the calls of a forked life; never returns."""
    try:
        os.dup2(pipe, 1)
        os.dup2(stderr, 2)
        os.environ.clear()
        os.environ.update(environment)
        if plan.shift_s:
            _shift_clock(plan.shift_s)
        if not plan.links:
            os.link = _no_links
        trap = plan.trap(pipe)
        if trap is not None:
            trap.set()
        for number in range(plan.calls):
            tell(pipe, call=number)
            _call(plan, number, pipe)
    except BaseException as error:  # the parent finds it in stderr, which must be empty
        os.write(2, f"life {plan.number}: {error!r}\n".encode())
    finally:
        die()
    raise AssertionError


def _call(plan: Plan, number: int, pipe: int) -> None:
    params = {"n": number, "pad": "x" * plan.random.choice(_PADS)}
    if plan.random.random() < 0.7:
        with tooltrail.invocation(plan.tool, "work", params, envelope=True) as call:
            tell(pipe, begun=call.request_id)
            call.data = {"n": number}
        return
    with tooltrail.Invocation(plan.tool, argv=["stormctl", "bare"]) as bare:
        bare.begin("bare", params)
        tell(pipe, begun=bare.request_id)
        bare.finish(Ending(number % 3))
        tell(pipe, warnings=bare.warnings, meta=bare.meta())


def _shift_clock(seconds: int) -> None:
    """Set this process's wall clock forward or back."""
    true = time.time_ns
    time.time_ns = lambda: true() + seconds * 10**9


def _no_links(*_: Any, **__: Any) -> None:
    raise PermissionError(1, "Operation not permitted")
