"""Three ways to make one call under a fault: a forked block, a Click tool, `tooltrail run`.

Each does the same: it says that it works, waits at a gate if there is one, and ends with 7.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NoReturn

import tooltrail

from .site import PYTHON, TESTS, TOOLTRAIL, Site

OWN_EXIT_CODE = 7
PAD = 6_000  # characters of params: more than what is left of a page
_PATIENCE_S = 15  # what takes longer hangs
_CLICK_TOOL = """
import os, sys
import click
from tooltrail.integrations.click import instrument

@click.command()
@click.argument("pad")
def cli(pad):
    sys.stdout.write("worked\\n")
    with open(os.environ["FAULTS_ACTED"], "a") as acted:
        acted.write("x")
    if "FAULTS_GATE" in os.environ:
        out, back = map(int, os.environ["FAULTS_GATE"].split())
        os.write(out, b"b")
        os.read(back, 1)
    sys.exit(7)

instrument(cli, tool="placectl")
if __name__ == "__main__":
    cli()
"""
_SCRIPT = """echo worked; printf x >> "$FAULTS_ACTED"
test -n "$FAULTS_GATE" && {
  set -- $FAULTS_GATE; printf b >/proc/self/fd/$1; read x </proc/self/fd/$2
}
exit 7"""


class Made:
    """What became of one call, as its caller saw it."""

    def __init__(self, code: int | None, out: str, err: str, acted: bool) -> None:
        self.code = code  # None: it hung
        self.out = out
        self.err = err
        self.acted = acted

    def __str__(self) -> str:
        code = "hung" if self.code is None else f"exit code {self.code}"
        return f"{code}, stdout {self.out!r}, stderr {self.err[:600]!r}, acted {self.acted}"


class Driver:
    """One way to make a call; `tool` is whose log it is recorded in."""

    name = ""
    tool = "placectl"

    def call(
        self,
        site: Site,
        *,
        policy: str = "open",
        gate: Callable[[], None] | None = None,
        within: Callable[[], None] | None = None,
    ) -> Made:
        """Make a call; `gate` is done while it runs, `within` in its process before it starts."""
        acted = site.runtime / "acted"
        acted.unlink(missing_ok=True)
        environment = {
            **site.environment,
            "TOOLTRAIL_POLICY": policy,
            "FAULTS_ACTED": str(acted),
        }
        out, err = os.memfd_create("out"), os.memfd_create("err")
        gates = (*os.pipe(), *os.pipe()) if gate else ()
        passed = (gates[1], gates[2]) if gates else ()
        if passed:
            environment["FAULTS_GATE"] = f"{passed[0]} {passed[1]}"
        pid = self._start(environment, out, err, passed, within)
        if gate and gates:
            reached = select.select([gates[0]], [], [], _PATIENCE_S)[0]
            if reached:
                gate()
            os.write(gates[3], b"\n")
            if not reached:
                said = os.pread(err, 1000, 0)
                raise RuntimeError(f"{self.name} never came to its gate: {_wait(pid)}: {said!r}")
        code = _wait(pid)
        told = [os.pread(fd, 1 << 20, 0).decode() for fd in (out, err)]
        for fd in (out, err, *gates):
            os.close(fd)
        return Made(code, told[0], told[1], acted.exists())

    def _start(
        self,
        environment: dict[str, str],
        out: int,
        err: int,
        passed: tuple[int, ...],
        within: Callable[[], None] | None,
    ) -> int:
        process = subprocess.Popen(
            self._command(environment),
            env=environment,
            cwd=TESTS,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=passed,
            preexec_fn=within,  # noqa: PLW1509 - there are no threads
        )
        process.returncode = 0  # waited for by its pid, below
        return process.pid

    def _command(self, environment: dict[str, str]) -> list[str]:
        raise NotImplementedError


class Forked(Driver):
    """`with tooltrail.invocation(...)` in a forked process: fast, and it may become anybody."""

    name = "invocation"

    def _start(
        self,
        environment: dict[str, str],
        out: int,
        err: int,
        passed: tuple[int, ...],
        within: Callable[[], None] | None,
    ) -> int:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.dup2(out, 1)
            os.dup2(err, 2)
            self._live(environment, passed, within)
        return pid

    def _live(
        self,
        environment: dict[str, str],
        passed: tuple[int, ...],
        within: "Callable[[], None] | None",
    ) -> NoReturn:
        code = 99
        try:
            os.environ.clear()
            os.environ.update(environment)
            if within:
                within()
            with tooltrail.invocation("placectl", "work", {"pad": "x" * PAD}) as call:
                os.write(1, b"worked\n")
                os.close(os.open(environment["FAULTS_ACTED"], os.O_CREAT | os.O_WRONLY))
                if passed:
                    os.write(passed[0], b"b")
                    os.read(passed[1], 1)
                call.exit_code = code = OWN_EXIT_CODE
        except SystemExit as error:
            code = int(error.code or 0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(code)
        raise AssertionError


class Click(Driver):
    """A Click tool, observed, as a program of its own."""

    name = "Click tool"

    def _command(self, environment: dict[str, str]) -> list[str]:
        tool = os.path.join(environment["HOME"], "placectl.py")
        with open(tool, "w") as file:
            file.write(_CLICK_TOOL)
        return [PYTHON, tool, "x" * PAD]


class Wrapper(Driver):
    """`tooltrail run -- sh`, as programs of their own."""

    name = "tooltrail run"
    tool = "tooltrail"

    def _command(self, environment: dict[str, str]) -> list[str]:
        return [TOOLTRAIL, "run", "--", "sh", "-c", _SCRIPT, "sh", "x" * PAD]


def _wait(pid: int) -> int | None:
    """Return a process's exit code, or None where it had to be killed."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None
