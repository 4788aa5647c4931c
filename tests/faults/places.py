"""Faults of the place: the tool runs on, says so once, and the log is whole before and after."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tooltrail
from tooltrail.trail.lost import lost

from .checker import Check
from .drivers import OWN_EXIT_CODE, Click, Driver, Forked, Made, Wrapper
from .mishaps import MISHAPS, MOUNTS, ROOT, Case, Mishap
from .site import PYTHON, TESTS, TOOLTRAIL, Site
from .table import Promise

_NOT_RECORDED = "tooltrail: this call is not recorded: "
_REFUSED = "tooltrail: refused, because the policy is closed: "
_REFUSED_EXIT_CODE = 125
_DRIVERS: "tuple[Driver, ...]" = (Forked(), Click(), Wrapper())
_INSIDE = "FAULTS_INSIDE_NAMESPACE"


def places(only: "Sequence[str] | None", drivers: "Sequence[str] | None") -> list[Promise]:
    """Bring about each fault under each kind of tool."""
    if unknown := set(only or ()) - {mishap.name for mishap in MISHAPS}:
        raise SystemExit(f"no such fault: {', '.join(sorted(unknown))}")
    asked = [mishap for mishap in MISHAPS if not only or mishap.name in only]
    promises = []
    for mishap in asked:
        sys.stderr.write(f"{mishap.name}\n")
        promises.append(_try(mishap, drivers))
    return promises


def _try(mishap: Mishap, only: "Sequence[str] | None") -> Promise:
    drivers = [driver for driver in _DRIVERS if not only or driver.name in only]
    if mishap.forked_only:
        drivers = [driver for driver in drivers if isinstance(driver, Forked)]
    promise = _PROMISE[mishap.recorded, mishap.during]
    reason = _cannot(mishap)
    if reason:
        return Promise.skip(mishap.name, promise, reason)
    if mishap.needs == MOUNTS and _INSIDE not in os.environ:
        broken = _inside_namespace(mishap, only)
    else:
        broken = [
            f"{driver.name}: {problem}" for driver in drivers for problem in _prove(mishap, driver)
        ]
    return Promise(mishap.name, promise, ", ".join(driver.name for driver in drivers), broken)


_PROMISE = {
    (False, False): "runs and says so once; counted; closed: not run, 125",
    (False, True): "ends as it would and says so once; counted; begin kept",
    (True, True): "recorded in the new log, nothing said",
    (True, False): "recorded, nothing said",
}


def _cannot(mishap: Mishap) -> str:
    """Say why a fault cannot be brought about here, or nothing."""
    if not mishap.noted and tooltrail.__file__.startswith("/tmp/"):
        return "tooltrail itself is below /tmp"
    if mishap.needs == ROOT and os.geteuid() != 0:
        return "needs root"
    if mishap.needs == MOUNTS and _INSIDE not in os.environ:
        command = [*_unshare(), "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        try:
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return "this machine lets nobody mount in a namespace"
        except OSError:
            return "unshare(1) is not installed"
    return ""


def _unshare() -> list[str]:
    return ["unshare", "-m" if os.geteuid() == 0 else "-rm", "--propagation", "private"]


def _inside_namespace(mishap: Mishap, only: "Sequence[str] | None") -> list[str]:
    """Try a fault in a mount namespace of its own; return what was broken."""
    command = [*_unshare(), PYTHON, "-m", "faults", "places", "--json", "--fault", mishap.name]
    for name in only or ():
        command += ["--driver", name]
    done = subprocess.run(
        command,
        env={**os.environ, _INSIDE: "1"},
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    try:
        return list(json.loads(done.stdout)[0]["broken"])
    except (ValueError, LookupError):
        return [f"inside the namespace: {done.returncode}: {done.stderr[-800:]}"]


def _prove(mishap: Mishap, driver: Driver) -> list[str]:
    """Make calls before, under and after a fault; return what was not as promised."""
    # Not below the test runner's folder: nobody else may enter that, and /tmp may be replaced.
    root = Path(tempfile.mkdtemp(prefix="tooltrail-faults-", dir="/var/tmp"))
    root.chmod(0o711)
    try:
        return _Trial(mishap, driver, Site(root)).problems()
    finally:
        if mishap.needs == MOUNTS:
            data = str(root / ".local" / "share")
            subprocess.run(["umount", data], capture_output=True, check=False)
        shutil.rmtree(root, ignore_errors=True)


class _Trial:
    """One fault under one kind of tool."""

    def __init__(self, mishap: Mishap, driver: Driver, site: Site) -> None:
        self.mishap = mishap
        self.driver = driver
        self.site = site
        self.case = Case(site, site.log(driver.tool))
        self.found: list[str] = []

    def problems(self) -> list[str]:
        if self.mishap.sets_up:
            self.mishap.sets_up(self.case)
        for _ in range(2):
            self._expect("before", self._call(at_rest=True), run=True)
        if self.found:
            return self.found
        before = self.case.log.read_bytes()
        for policy in ("open", "closed"):
            self._under(policy)
        self._expect("after", self._call(at_rest=True), run=True)
        self._judge_log(before)
        self._judge_count()
        return self.found

    def _under(self, policy: str) -> None:
        """Make a call under the fault, and mend it."""
        mishap, case = self.mishap, self.case
        if mishap.during:
            made = self._call(policy, breaks=True)
        else:
            mishap.breaks(case)
            made = self._call(policy)
        mishap.mends(case)
        run = policy == "open" or mishap.during or mishap.recorded
        line = "" if mishap.recorded else (_NOT_RECORDED if run else _REFUSED)
        self._expect(f"under it, {policy}", made, run=run, line=line)

    def _call(self, policy: str = "open", *, breaks: bool = False, at_rest: bool = False) -> Made:
        mishap, case = self.mishap, self.case
        within = None
        if mishap.within and (mishap.forked_only or not at_rest):
            act = mishap.within
            within = lambda: act(case)  # noqa: E731
        gate = (lambda: mishap.breaks(case)) if breaks else None
        return self.driver.call(self.site, policy=policy, gate=gate, within=within)

    def _expect(self, when: str, made: Made, *, run: bool, line: str = "") -> None:
        code = OWN_EXIT_CODE if run else _REFUSED_EXIT_CODE
        out = "worked\n" if run else ""
        said = made.err.splitlines()
        right = (made.code, made.out, made.acted) == (code, out, run) and (
            (len(said) == 1 and said[0].startswith(line)) if line else not said
        )
        if not right:
            self.found.append(f"{when}: {made}")

    def _judge_log(self, before: bytes) -> None:
        """What was there is there; what came after follows it; nothing is torn."""
        mishap, case = self.mishap, self.case
        checks = [Check(case.log)]
        if mishap.recorded:
            if case.away.exists():
                checks.append(Check(case.away))
        elif not case.log.read_bytes().startswith(before):
            self.found.append("what was recorded before is not there any more")
        foreign = b"not a log"
        for check in checks:
            torn = [line for line in (*check.stumps, *check.unmarked) if line != foreign]
            self.found += [*check.problems, *(f"torn: {line[:80]!r}" for line in torn)]
        ends = len(checks[0].events_of("end"))
        if ends != (2 if mishap.recorded else 3):
            self.found.append(f"{ends} calls have an end in the log")
        begun = len(checks[0].open_calls)
        if begun != (2 if mishap.during and not mishap.recorded else 0):
            self.found.append(f"{begun} calls have no end in the log")
        if not mishap.recorded and not mishap.forked_only:
            done = self.site.run(TOOLTRAIL, "verify", str(case.log))
            if done.returncode and "no such verb" not in done.stdout:
                self.found.append(f"tooltrail verify: {done.returncode}: {done.stdout[:600]}")

    def _judge_count(self) -> None:
        """Both calls under the fault were lost, and it is told how many were."""
        os.environ["XDG_RUNTIME_DIR"] = self.site.environment["XDG_RUNTIME_DIR"]
        expected = 0 if self.mishap.recorded or not self.mishap.noted else 2
        count = lost(str(self.case.log)).count
        if count != expected:
            self.found.append(f"{count} calls are counted as lost, and {expected} were")
        if expected and not self.mishap.forked_only:
            told = self.site.run(TOOLTRAIL, "log", "--output", "json")
            if f"{expected} calls could not be recorded" not in told.stdout + told.stderr:
                self.found.append("tooltrail log does not tell how many were lost")
