"""Corners that a storm seldom hits, gone through step by step: every system call, every cut."""

import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import tooltrail
from tooltrail.entry import Ending
from tooltrail.trail.lost import lost

from .checker import files_of
from .site import TOOLTRAIL, Site
from .storm import ROTATE_AT
from .table import Promise
from .traps import AFTER, BEFORE, ROTATION, TORN, Trap

_TOOL = "cornerctl"
_HOW = ((BEFORE, 0.0), (AFTER, 0.0), (TORN, 0.0), (TORN, 0.5), (TORN, 1 - 1e-9))
_PATIENCE_S = 10


def corners(root: Path) -> list[Promise]:
    """Try each corner."""
    return [
        _every_step_of_a_rotation(root / "rotation"),
        _every_step_after_a_removal(root / "removal"),
        _every_cut_of_the_opening(root / "opening"),
        _every_cut_of_a_healing(root / "healing"),
        _stopped_on_the_sealed_segment(root / "stopped"),
        _pipe_for_what_was_prepared(root / "pipe"),
        _notes_after_a_torn_note(root / "notes"),
    ]


def _every_step_of_a_rotation(root: Path) -> Promise:
    """Die before, in and after each system call of sealing a log, and of finishing that."""
    full = _full(Site(root / "full", TOOLTRAIL_ROTATE_AT=ROTATE_AT))
    problems, tried = [], 0
    for step, how, share, site in _copies(full, root):
        died = _in_child(site, lambda s=step, h=how, p=share: _call_and_die(s, h, p))
        if not died:
            break
        tried += 1
        for again in range(2, 6):  # who finishes it may die as well
            _in_child(site, lambda s=again, h=how, p=share: _call_and_die(s, h, p))
        problems += [f"{how} step {step}: {problem}" for problem in _after(site)]
    return Promise("killed in a rotation", "the next one finishes it", f"{tried} ways", problems)


def _every_step_after_a_removal(root: Path) -> Promise:
    """Remove the active segment, and die at each step of going on after the sealed one."""
    full = _full(Site(root / "full", TOOLTRAIL_ROTATE_AT=ROTATE_AT))
    _in_child(full, _call)
    full.log(_TOOL).unlink()
    problems, tried = [], 0
    for step, how, share, site in _copies(full, root):
        died = _in_child(site, lambda s=step, h=how, p=share: _call_and_die(s, h, p))
        if not died:
            break
        tried += 1
        problems += [f"{how} step {step}: {problem}" for problem in _after(site)]
        if not any(event.get("vanished") for event in site.check(_TOOL).events):
            problems.append(f"{how} step {step}: nothing says that a segment is gone")
    what = "it goes on after the sealed one, and says so"
    return Promise("log removed, then killed", what, f"{tried} ways", problems)


def _every_cut_of_the_opening(root: Path) -> Promise:
    """Tear the first write to a log at every eighth byte, and let the log grow until it rotates."""
    whole = Site(root / "whole", TOOLTRAIL_ROTATE_AT=ROTATE_AT)
    _in_child(whole, _call)
    lines = whole.log(_TOOL).read_bytes().split(b"\n")
    first = b"\n".join(lines[:2]) + b"\n"
    problems, cuts = [], range(1, len(first), 8)
    for cut in cuts:
        site = Site(root / f"cut-{cut}", TOOLTRAIL_ROTATE_AT=ROTATE_AT)
        site.log(_TOOL).parent.mkdir(parents=True)
        site.log(_TOOL).write_bytes(first[:cut])
        _full(site)
        problems += [f"cut at {cut}: {problem}" for problem in _after(site)]
        shutil.rmtree(site.root)
    what = "one log id in all segments"
    return Promise("first write torn, then rotated", what, f"{len(cuts)} cuts", problems)


def _every_cut_of_a_healing(root: Path) -> Promise:
    """Tear the write that closes off a torn end line, and read before and after it is healed."""
    site = Site(root)
    for _ in range(2):
        _in_child(site, _call)
    log = site.log(_TOOL)
    whole = log.read_bytes()
    torn = whole[: whole.rindex(b'"process"')]
    log.write_bytes(torn)
    _in_child(site, _call)
    healing = log.read_bytes()[len(torn) :].split(b"\n")[1]
    cuts = [0, *range(1, len(healing), 61)]
    problems = []
    for cut in cuts:
        log.write_bytes(torn + b"\n" + healing[:cut])
        torn_still = _outcomes(site)
        _in_child(site, _call)
        healed = _outcomes(site)
        if (torn_still, healed) != (["success", "vanished"], ["success", "vanished", "success"]):
            problems.append(f"cut at {cut}: tooltrail log tells {torn_still}, then {healed}")
        problems += [f"cut at {cut}: {problem}" for problem in _verdict(site)]
    what = "every call is listed, and the log verifies"
    return Promise("killed while healing", what, f"{len(cuts)} cuts", problems)


def _stopped_on_the_sealed_segment(root: Path) -> Promise:
    """The active segment is gone, and a stopped process holds the lock of the sealed one."""
    site = Site(root, TOOLTRAIL_ROTATE_AT=ROTATE_AT)
    _full(site)
    _in_child(site, _call)
    site.log(_TOOL).unlink()
    with files_of(site.log(_TOOL))[-1].open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        hung = _in_child(site, _call)  # and had to be killed
    problems = ["it hung"] if hung else []
    what = "the tool gives up waiting, and runs"
    return Promise("log removed, sealed one locked", what, "1 call", problems)


def _pipe_for_what_was_prepared(root: Path) -> Promise:
    """The active segment is gone, and a FIFO stands where its successor would be prepared."""
    site = Site(root, TOOLTRAIL_ROTATE_AT=ROTATE_AT)
    _full(site)
    _in_child(site, _call)
    site.log(_TOOL).unlink()
    os.mkfifo(f"{site.log(_TOOL)}.next")
    problems = ["it hung"] if _in_child(site, _call) else []
    return Promise(
        "log removed, FIFO for .next", "the tool runs", "1 call", problems + _after(site)
    )


def _notes_after_a_torn_note(root: Path) -> Promise:
    """A full disk took the start of a note of what was lost; the next note counts."""
    site = Site(root)
    site.log(_TOOL).mkdir(parents=True)
    _in_child(site, _call_quietly)
    with site.log(_TOOL).with_name("lost.jsonl").open("ab") as notes:
        notes.write(b'{"at":"2026-11-22T14:30:00.004Z","log":"')
    _in_child(site, _call_quietly)
    count = lost(str(site.log(_TOOL))).count
    problems = [] if count == 2 else [f"{count} calls are counted as lost, and 2 were"]
    return Promise("full disk, torn note", "what comes after it is counted", "2 calls", problems)


def _full(site: Site) -> Site:
    """Write to a log until the next call will seal it; the last line is torn in none of them."""
    log = site.log(_TOOL)
    while not log.exists() or log.stat().st_size < int(ROTATE_AT):
        _in_child(site, _calls)
        if len(files_of(log)) > 1:
            break
    return site


def _copies(full: Site, root: Path) -> Iterator[tuple[int, str, float, Site]]:
    """Yield a copy of a site for each step and each way to die there."""
    for step in range(200):
        for number, (how, share) in enumerate(_HOW):
            folder = root / f"{step}-{number}"
            shutil.copytree(full.root, folder)
            yield step, how, share, Site(folder, TOOLTRAIL_ROTATE_AT=ROTATE_AT)
            shutil.rmtree(folder)


def _after(site: Site) -> list[str]:
    """Write once more, and say what is wrong then."""
    _in_child(site, _call)
    check = site.check(_TOOL)
    problems = list(check.problems)
    problems += [f"unmarked: {line[:60]!r}" for line in check.unmarked]
    if not check.events or check.events[-1]["event"] != "end":
        problems.append("the call after it has no end")
    if check.tail is not None:
        problems.append("a torn line is left at the end")
    return problems


def _outcomes(site: Site) -> list[str]:
    return [entry["outcome"] for entry in site.entries()]


def _verdict(site: Site) -> list[str]:
    done = site.run(TOOLTRAIL, "verify", _TOOL)
    if done.returncode and "no such verb" not in done.stdout:
        return [f"tooltrail verify: {done.returncode}: {done.stdout[:400]}"]
    return []


def _in_child(site: Site, act: Callable[[], None]) -> bool:
    """Do something in a forked process with the environment of a site; tell whether it died."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.environ.clear()
            os.environ.update(site.environment)
            act()
            code = 0
        finally:
            os._exit(code)
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def _call(pad: int = 10) -> None:
    with tooltrail.Invocation(_TOOL) as call:
        call.begin("work", {"pad": "x" * pad})
        call.finish(Ending(0))


def _call_quietly() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    _call()


def _calls() -> None:
    for _ in range(4):
        _call(8_000)


def _call_and_die(step: int, how: str, share: float) -> None:
    """Make a call that dies at a step of rotation; where there is no such step, live on."""
    null = os.open(os.devnull, os.O_WRONLY)
    Trap(ROTATION, step, how, share, null).set()
    _call()
