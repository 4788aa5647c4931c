"""The function that a program starts with, recorded: what nobody instrumented, seen from outside.

Whatever the program is written with: its arguments are known, and what it returned or raised is
its exit code as `sys.exit(main())` has it. A framework that the program uses joins the call
(`ProgramCall`) and tells command and params by name.

The recorded double stands in its module only until it is called: the tool itself meets its own
function there, and nothing else.
"""

import os
import sys

from .._host import say
from .._wire import SUCCESS
from ..integrations import ProgramCall, Settings, active, is_outermost, program_name, version_of
from .startup import FRAMEWORKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Self

    from ..entry import Ending
    from .programs import Entry

# By their names: `types` and `functools` cost more than all of this module.
_FUNCTIONS = ("function", "builtin_function_or_method", "method", "partial")
_COPIED = ("__module__", "__name__", "__qualname__", "__doc__")


class AutoCall(ProgramCall):
    """A program that nobody instrumented, framed by the function that it starts with."""

    exits = True  # what the function returns is the exit code
    waits = False  # the program is yet to be imported, or its author has it recorded

    def __enter__(self) -> "Self":
        super().__enter__()
        self.call.before_exec = self._begin_before_exec
        return self

    def _begin_before_exec(self) -> None:
        """Begin now at the latest: another program is about to take the process over."""
        if not self.call.begun:
            self.arrive(None, self.arguments())

    def start(self) -> None:
        """Begin, unless a framework is there that will soon know more, and what is secret."""
        if not self.waits and sys.modules.keys().isdisjoint(FRAMEWORKS):
            self.arrive(None, self.arguments())

    def returned(self, value: "Any") -> None:
        """Write the end of a program whose function returned."""
        self.finish(None, value)
        self.__exit__()

    def failed(self, error: BaseException) -> None:
        """Write the end of a program that an exception leaves; keep us out of its traceback."""
        self.finish(error)
        self.__exit__()
        if not isinstance(error, SystemExit):
            try:
                from .._tracebacks import hide_our_frames
            except Exception:  # no file can be opened any more, or the package is gone
                return
            hide_our_frames(error)

    def went_well(self, error: BaseException | None, value: "Any") -> bool:
        """Tell a plain success, as the interpreter does, of a call that was described."""
        code = error.code if isinstance(error, SystemExit) else None
        if error is None:
            code = value if self.exits else None
        elif not isinstance(error, SystemExit):
            return False
        told = self.told
        return (
            (code is None or (isinstance(code, int) and code == 0))
            and (told is None or (told.exit_code == 0 and told.outcome == SUCCESS))
            and self.call.begun
        )

    def ending(self, error: BaseException | None, value: "Any" = None) -> "Ending":
        """Return how the program ended: as its framework told, where that came to the same."""
        from .._ending import by_exception, by_system_exit

        if not self.call.begun and self.told is None:  # no framework saw it
            self.call.describe(self.call.tool, self.arguments())
        if error is not None:
            ending = by_exception(error)
        else:
            ending = by_system_exit(_exit_with(value) if self.exits else SystemExit(None))
        told = self.told
        return told if told is not None and told.exit_code == ending.exit_code else ending


def _exit_with(value: "Any") -> SystemExit:
    """Return what `sys.exit(value)` ends the program with: from 3.12 on, a tuple is unpacked."""
    if isinstance(value, SystemExit):
        return value
    if isinstance(value, tuple) and sys.version_info >= (3, 12):
        return SystemExit(*value)
    return SystemExit(value)


def frame_function(module: "ModuleType", entry: "Entry") -> None:
    """Record the function of this entry point when it is called, once.

    An object of a framework (a Click command, an app of Typer or Cyclopts) is left to its `watch`.
    """
    *path, name = entry.attribute.split(".")
    holder: Any = module
    for step in path:
        holder = getattr(holder, step, None)
    main: Any = getattr(holder, name, None)
    if type(main).__name__ not in _FUNCTIONS:
        return
    own = vars(holder).get(name) if hasattr(holder, "__dict__") else None

    def put_back() -> None:
        if getattr(holder, name, None) is not recorded:
            return
        if own is None:
            delattr(holder, name)
        else:
            setattr(holder, name, own)

    def recorded(*args: "Any", **kwargs: "Any") -> "Any":
        put_back()
        running = _entered(program_name(), version=version_of(main))
        if running is None:
            return main(*args, **kwargs)
        running.exits, running.waits = entry.exits, _embeds_us(module)
        try:
            running.start()
            value = main(*args, **kwargs)
        except BaseException as error:
            running.failed(error)
            raise
        running.returned(value)
        return value

    _dress(recorded, main)
    setattr(holder, name, staticmethod(recorded) if isinstance(holder, type) else recorded)


def frame_module(runpy: "ModuleType") -> None:
    """Record what `python -m`, a folder or an archive runs: all of it is one call."""
    bare: Any = vars(runpy)["_run_module_as_main"]

    def recorded(mod_name: str, alter_argv: bool = True) -> "Any":
        vars(runpy)["_run_module_as_main"] = bare
        name = mod_name.removesuffix(".__main__") if alter_argv else program_name()
        argv = [f"python -m {mod_name}" if alter_argv else sys.argv[0], *sys.argv[1:]]
        running = _entered(name, argv=argv)
        if running is None:
            return bare(mod_name, alter_argv)
        running.exits, running.waits = False, True
        try:
            value = bare(mod_name, alter_argv)
        except BaseException as error:
            running.failed(error)
            raise
        running.returned(value)
        return value

    _dress(recorded, bare)
    vars(runpy)["_run_module_as_main"] = recorded


def _dress(double: "Any", function: "Any") -> None:
    """Have the double look like the function: what `functools.update_wrapper` does.

    Its one frame on the stack is one that `warnings` passes over when it looks for the caller, as
    it does over those of the import system: by the file's name.
    """
    double.__code__ = double.__code__.replace(co_filename=f"{__file__} (importlib._bootstrap)")
    for name in _COPIED:
        if hasattr(function, name):
            setattr(double, name, getattr(function, name))
    vars(double).update(getattr(function, "__dict__", {}))
    vars(double)["__wrapped__"] = function


def _entered(name: str, **how: "Any") -> AutoCall | None:
    """Return a call that is running, or None where there shall be none, or cannot be."""
    if not is_outermost() or _is_completing(name):
        return None
    try:
        running = AutoCall(Settings(auto=True), name, **how)
        running.__enter__()
    except Exception as error:
        say(f"tooltrail: not recorded: {type(error).__name__}: {error}\n")
        return None
    return running


def _embeds_us(module: "ModuleType") -> bool:
    """Tell a tool whose author records it: what he says of it counts, and is still to come."""
    ours = sys.modules.get("tooltrail")
    return any(
        value is ours or str(getattr(value, "__module__", "")).partition(".")[0] == "tooltrail"
        for name, value in list(vars(module).items())
        if not name.startswith("__")
    )


def give_way_to_blocks(module: "ModuleType") -> None:
    """Have a `with tooltrail.invocation(...)` of the tool's author stand in place of our call."""
    kind: Any = vars(module)["RecordedBlock"]
    enter = kind.__enter__

    def enter_alone(self: "Any") -> "Any":
        running = active.get()
        if isinstance(running, AutoCall) and not running.call.begun and not running.call.finished:
            running.step_aside()
        return enter(self)

    kind.__enter__ = enter_alone


def _is_completing(name: str) -> bool:
    """Tell a shell that asks for completions, as Click and argcomplete are asked: no call."""
    variable = f"_{name.replace('-', '_').replace('.', '_')}_COMPLETE".upper()
    return bool(os.environ.get(variable) or os.environ.get("_ARGCOMPLETE"))
