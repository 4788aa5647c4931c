"""One module per CLI framework, each with the verb `instrument`; import the one that you use.

What they share stands here: `FrameworkCall`, one running call as the hooks of a
framework see it. A framework's module says when a command is reached
(`arrive`), what its exceptions mean (`ending`), and what its options look like;
all else is the same everywhere. `docs/guides/write-an-integration.md` is the
contract in words.

On the path of every call: envelope mode and failures are in `_outcome`.
"""

import sys
from _contextvars import ContextVar

from .._host import flush_failure
from .._invocation import Invocation, current
from ..entry import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import CellType, FunctionType
    from typing import Any, Self

    from .._answer import Answer

AUDIT_LOG = "audit-log"


class Settings:
    """What was chosen for one root command: by its author, or, with `auto`, by nobody."""

    def __init__(
        self,
        tool: str | None = None,
        version: str | None = None,
        envelope: bool = False,
        audit_log: bool = False,
        *,
        auto: bool = False,
    ) -> None:
        self.tool = tool
        self.version = version
        self.envelope = envelope
        self.audit_log = audit_log or envelope
        self.auto = auto


class FrameworkCall:
    """One running call, as a framework's hooks see it: `with` it, then `observe` or `reply`.

    `program` is the name by which the caller knows the tool; `argv` what it was called with, where
    that is not `sys.argv`.
    """

    def __init__(
        self,
        settings: Settings,
        program: str,
        *,
        version: str | None = None,
        argv: "Sequence[str] | None" = None,
    ) -> None:
        self.settings = settings
        self.answer: Answer | None = None
        self.raised: BaseException | None = None  # what left the command, before its framework
        self.value: Any = None
        self.lost: str | None = None  # why what it returned could not be printed
        self.guessed_from: str | None = None  # the option that the output was read off
        self._frame = _frame_for(settings)
        if argv is not None:  # test runners take numbers, too
            argv = [each if isinstance(each, str) else str(each) for each in argv]
        self.call: Invocation = (
            Invocation(settings.tool or program, version=settings.version or version, argv=argv)
            if self._frame is None
            else self._frame.call
        )
        self.call.version = self.call.version or version

    def __enter__(self) -> "Self":
        if self._frame is None:
            self.call.__enter__()
        self._token = active.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            active.reset(self._token)
        except ValueError:  # left in another context than it was entered in
            active.set(None)
        if self._frame is None:
            self.call.__exit__()

    # -- what a framework's hooks call

    def arrive(
        self, command: str | None, params: "Mapping[str, Any]", *, purpose: str | None = None
    ) -> None:
        """Begin: this command was reached, with these params, and acts next."""
        self.call.begin(command or self.call.tool, params, purpose=purpose)

    def observe(self, run: "Callable[[], Any]", *, prints_crash: bool = True) -> "Any":
        """Run the tool with its own output, and write how it ended.

        `prints_crash`: an exception that leaves ends the program, and its traceback is shown.
        """
        with self.observing(prints_crash=prints_crash):
            self.value = run()
        return self.value

    def observing(self, *, prints_crash: bool = True) -> "Observed":
        """Return a block in which the tool runs with its own output; set `value` in it."""
        return Observed(self, prints_crash)

    def reply(self, args: "Sequence[str]", run: "Callable[[bool], Any]") -> "Any":
        """Run the tool for one response; `run` is told whether the output is text."""
        from ._outcome import answer

        return answer(self, args, run)

    # -- what a framework says about itself

    def went_well(self, error: BaseException | None, value: "Any") -> bool:  # noqa: ARG002
        """Tell a plain success, so that nothing more need be loaded to say how the call ended."""
        done = error is None or (isinstance(error, SystemExit) and not error.code)
        return done and self.raised is None and self.call.begun

    def ending(self, error: BaseException | None, value: "Any" = None) -> Ending:
        """Return how the call ended; describe it here, where it never got to act."""
        from ._outcome import ending_of_call

        return ending_of_call(self, error, value)

    # -- the end

    def finish(self, error: BaseException | None, value: "Any" = None) -> None:
        """Write the end line of a call whose output is the tool's own."""
        self.call.contained(lambda: self._finish(error, value))

    def _finish(self, error: BaseException | None, value: "Any") -> None:
        ending = Ending(0) if self.went_well(error, value) else self.ending(error, value)
        if self._frame is not None:  # what frames the program knows the exit code
            self._frame.told = ending
            return
        lost = flush_failure()
        if lost is not None:
            from .._ending import undelivered

            ending = undelivered(lost)
        self.call.finish(ending)
        self.call.leave_meta()


class Observed:
    """The block in which a tool runs that is only observed: its end is the call's."""

    def __init__(self, running: FrameworkCall, prints_crash: bool) -> None:
        self._running = running
        self._prints_crash = prints_crash

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._running.finish(error, self._running.value)
        if error is not None and self._prints_crash:
            _leave_no_trace_in(error)


class ProgramCall(FrameworkCall):
    """A call framed by the function that a program starts with; a framework inside may join it."""

    told: Ending | None = None  # how a framework inside says that it ended
    parsing: object | None = None  # what a parser inside is at: see `_parsers`
    _aside = False

    def start(self) -> None:
        """Begin, where that cannot wait for a parser to say what was called."""

    def went_well(self, error: BaseException | None, value: "Any") -> bool:
        """Tell a plain success: what `main` returned may be its exit code."""
        return super().went_well(error, value) and not value and self.told is None

    def ending(self, error: BaseException | None, value: "Any" = None) -> Ending:
        """Return how the program ended; where no parser was met, its arguments say what it was."""
        if not self.call.begun and self.told is None:
            self.call.describe(self.call.tool, self.arguments())
        return super().ending(error, value)

    def arguments(self) -> "dict[str, Any]":
        """Return the params of a program of which only its arguments are known.

        Which of its flags are secret may be told by its name alone (`http -a`): they are looked
        at with it first, so that what is found is taken out of the params as well.
        """
        call = self.call
        call.contained(lambda: _look_at(call))
        return {"argv": call.argv[1:]}

    def step_aside(self) -> None:
        """Write nothing: the tool inside was instrumented by its author."""
        self._aside = self.call.finished = True
        self.call.__exit__()

    def __exit__(self, *error: object) -> None:
        """Leave the call, unless it was left already: another took its place."""
        if self._aside:
            active.set(None)
        else:
            super().__exit__(*error)


active: "ContextVar[FrameworkCall | None]" = ContextVar("tooltrail_framework", default=None)


def _frame_for(settings: Settings) -> ProgramCall | None:
    """Return the call that already frames this program, for one that should not be its own."""
    running = active.get()
    if not isinstance(running, ProgramCall) or not running.settings.auto:
        return None
    if settings.auto:
        return running
    if not running.call.begun:
        running.step_aside()
    return None


def is_outermost() -> bool:
    """Tell whether a call that nobody instrumented is the process's own, or one inside it."""
    running = active.get()
    if running is None:
        return current() is None
    return isinstance(running, ProgramCall) and running.settings.auto


def program_name(given: str | None = None) -> str:
    """Return the program's name as its caller knows it; `python -m pkg` gives `pkg`."""
    if given:
        return given.removeprefix("python -m ")
    path = sys.argv[0] if sys.argv else ""
    folder, _, base = path.rpartition("/")
    if base == "__main__.py":
        return folder.rpartition("/")[2] or "python"
    return base.removesuffix(".py") or "python"


def version_of(function: object) -> str | None:
    """Return `__version__` of the package that a function comes from."""
    module = getattr(function, "__module__", None) or ""
    package = sys.modules.get(module.partition(".")[0])
    version = getattr(package, "__dict__", {}).get("__version__")
    return version if isinstance(version, str) else None


def names_secret(name: str) -> bool:
    """Tell the name of a type that is made for secrets."""
    name = name.lower()
    return "secret" in name or "password" in name


def subclass_with(methods: tuple[type, ...], kind: "Any", names: "dict[str, Any]") -> type:
    """Return a subclass of `kind` alone, with the methods of these classes and more names.

    It adds nothing to the layout of its objects, so that one that exists can be moved to it, and
    goes by the name of `kind`. A second base would change the layout (below `abc.ABC`, for one), so
    the methods are not inherited but put into it, and their `super()` is bound to it;
    `dataclasses` does the same for its classes with slots.
    """
    from types import CellType, FunctionType

    cell = CellType()
    space: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    for owner in methods:
        for name, value in vars(owner).items():
            if isinstance(value, FunctionType):
                space[name] = _bound_to(cell, value)
            elif name.startswith("_tooltrail"):
                space[name] = value
    made: type = type(kind)(kind.__name__, (kind,), {**space, **names, "__slots__": ()})
    cell.cell_contents = made
    return made


def _bound_to(cell: "CellType", function: "FunctionType") -> "FunctionType":
    free = function.__code__.co_freevars
    if "__class__" not in free or function.__closure__ is None:
        return function
    closure = tuple(
        cell if name == "__class__" else old
        for name, old in zip(free, function.__closure__, strict=True)
    )
    bound = type(function)(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    bound.__kwdefaults__, bound.__doc__ = function.__kwdefaults__, function.__doc__
    return bound


def _look_at(call: Invocation) -> None:
    call.redactor.argv(call.argv, "process.argv")


def _leave_no_trace_in(error: BaseException) -> None:
    """Keep our frames out of what a crash prints."""
    if not isinstance(error, SystemExit):
        try:
            from .._tracebacks import hide_our_frames
        except Exception:  # no file can be opened any more, or the package is gone
            return
        hide_our_frames(error)
