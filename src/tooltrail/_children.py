"""Processes that an inner call starts find that call, not the outermost one.

The environment of a process is one, and it holds the variables of the outermost call. What a call
inside it starts, or one beside it in another thread or task, would be taken for the outermost
call's. So while such a call runs, the ways in which Python starts programs are wrapped: all of
`subprocess`, `os.popen`, `asyncio` and `multiprocessing` come through `fork_exec` and
`os.posix_spawn`; and a forked child gets the variables into its own environment.

Of an environment that the tool gives, or has changed, only those of our variables are replaced
that hold the outermost call's values. `os.system` cannot be reached: C's `system` reads the
process's own environment.

Loaded when the first inner call begins, so that a process with one call knows nothing of it.
"""

import _posixsubprocess
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from ._host import Process

    Variables = Mapping[str, str]
    Changes = dict[str, tuple[str, str]]  # by name: the outermost call's value, and this call's

    class RunningCall(Protocol):
        """What the process needs to know of a call that runs in it."""

        def child_variables(self) -> dict[str, str]:
            """Return the environment variables for the processes that it starts."""

        def os_exit(self, status: int) -> None:
            """Close its entry: `os._exit` is about to end the process."""

        def replaced_by(self, program: str) -> None:
            """Close its entry: another program is about to take over the process."""

        def not_replaced(self) -> None:
            """Go on: the other program could not be started."""


_ENV_AT = 5  # of `fork_exec`'s arguments; source: Modules/_posixsubprocess.c, 3.11 to 3.14
_SPAWNS = ("posix_spawn", "posix_spawnp")


class Watch:
    """Wraps the ways to start a program, while a call runs beside the outermost one."""

    def __init__(self, process: "Process") -> None:
        self._process = process
        self._put_back: list[Callable[[], None]] = []

    def install(self) -> None:
        """Put the wrappers in place, where they are not."""
        if self._put_back:
            return
        for module in (_posixsubprocess, sys.modules.get("subprocess")):
            name = "fork_exec" if module is _posixsubprocess else "_fork_exec"
            self._wrap(module, name, self._fork_exec_of)
        for name in _SPAWNS:
            self._wrap(os, name, self._spawn_of)

    def remove(self) -> None:
        """Put the originals back, but for one that somebody else has wrapped meanwhile."""
        while self._put_back:
            self._put_back.pop()()

    def after_fork(self) -> None:
        """Give the variables of the call that forked to the forked child, in its environment."""
        for name, (_, value) in self._changes(os.environ).items():
            os.environ[name] = value

    def _wrap(self, module: "Any", name: str, wrapper_of: "Callable[[Any], Any]") -> None:
        original = getattr(module, name, None)
        if original is None:
            return
        wrapper = wrapper_of(original)

        def put_back() -> None:
            if getattr(module, name, None) is wrapper:
                setattr(module, name, original)

        setattr(module, name, wrapper)
        self._put_back.append(put_back)

    def _fork_exec_of(self, original: "Callable[..., Any]") -> "Callable[..., Any]":
        def fork_exec(*given: "Any") -> "Any":
            try:
                env = self._listed(given[_ENV_AT])
                given = (*given[:_ENV_AT], env, *given[_ENV_AT + 1 :])
            except Exception:  # not the arguments that we know: then as the tool gave them
                return original(*given)
            return original(*given)

        return fork_exec

    def _spawn_of(self, original: "Callable[..., Any]") -> "Callable[..., Any]":
        def posix_spawn(path: "Any", argv: "Any", env: "Any", /, **options: "Any") -> "Any":
            try:
                env = self._mapped(env)
            except Exception:
                return original(path, argv, env, **options)
            return original(path, argv, env, **options)

        return posix_spawn

    def _listed(self, env: "Any") -> "Any":
        """Return an environment as `fork_exec` takes it: a sequence of `b"NAME=value"`, or None."""
        if env is None:
            changed = self._mapped(None)
            if changed is None:
                return None
            return [os.fsencode(f"{name}={value}") for name, value in changed.items()]
        given = [line.partition(b"=") for line in env]
        text = {os.fsdecode(name): os.fsdecode(value) for name, _, value in given}
        ours = {
            os.fsencode(f"{name}={old}"): os.fsencode(f"{name}={new}")
            for name, (old, new) in self._changes(text).items()
        }
        return [ours.get(line, line) for line in env] if ours else env

    def _mapped(self, env: "Any") -> "Any":
        """Return an environment as `posix_spawn` takes it: a mapping of text or of bytes."""
        base = os.environ if env is None else env
        text = {os.fsdecode(name): os.fsdecode(value) for name, value in base.items()}
        changes = self._changes(text)
        if not changes:
            return env
        kept = {name: value for name, value in base.items() if os.fsdecode(name) not in changes}
        return {**kept, **{name: new for name, (_, new) in changes.items()}}

    def _changes(self, environment: "Variables") -> "Changes":
        """Return which variables of an environment are the outermost call's, not this call's."""
        owner, call = self._process.owner, self._process.current()
        if owner is None or call is None or call is owner:
            return {}
        theirs, ours = owner.child_variables(), call.child_variables()
        return {
            name: (value, ours[name])
            for name, value in theirs.items()
            if environment.get(name) == value != ours[name]
        }
