"""Record every call of a Cyclopts app: `instrument(app)`.

An app is recorded by giving the object a subclass of its own class, made here; nothing of Cyclopts
is patched but where it looks at who called it. `__call__` and `run_async` frame the call;
`parse_args`, which both of them use, knows the command and its params before it runs.

A meta app hands its tokens on to the app that it belongs to, once or several times: all that is
one call, and the meta app's own params stand beside the command's. Any other call of an app inside
a command is a call of its own.
"""

import sys
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

from .._imports import after_import
from . import Settings, active, is_outermost
from ._cyclopts_call import CycloptsCall, Stage, listed, stage
from ._cyclopts_params import family_of, root_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import ModuleType

    import cyclopts

    _AppBase = cyclopts.App
else:
    _AppBase = object

_App = TypeVar("_App", bound="cyclopts.App")


def instrument(
    app: _App,
    *,
    tool: str | None = None,
    version: str | None = None,
    envelope: bool = False,
    audit_log: bool = False,
) -> _App:
    """Record every call of `app` from now on, and return it.

    Works on a `cyclopts.App` and subclasses of it, with all that is registered below it before or
    after, and with its meta app, whichever of them is called. `tool` names the log and defaults to
    the program's name; `version` defaults to the app's, or to the `__version__` of its package.

    By default the tool is only observed: its stdout, stderr and exit code stay what they were.
    With `envelope=True` each command gains `--output [text|json|jsonl]`; what it returns is the
    `data` of one JSON response, unless the app's `result_action` takes it for an exit code; and an
    app with subcommands gains the command `audit-log`, which `audit_log=True` adds in observe mode
    too. An author's own `--output` or `audit-log` is never replaced.

    Calling it again on the same app changes the settings. Calls that are given a `result_action`,
    and calls inside a command, are only observed: their caller is Python code that wants the value.
    """
    if not hasattr(app, "parse_args") or not hasattr(app, "interactive_shell"):
        raise TypeError(f"instrument() takes a Cyclopts app, not {type(app).__name__}")
    settings = Settings(tool, version, envelope, audit_log)
    _look_past_us(sys.modules["cyclopts.core"])
    for one in family_of(app):
        _hook(one, settings)
    return app


def watch() -> None:
    """Observe, from now on, the outermost call of any Cyclopts app.

    For programs whose authors know nothing of this: `__call__` and `run_async` of the class are
    wrapped, since there is no object to be given.
    """
    after_import("cyclopts.core", _watch)


def _watch(core: "ModuleType") -> None:
    kind: Any = vars(core)["App"]
    call, run_async, settings = kind.__call__, kind.run_async, Settings(auto=True)
    _look_past_us(core)

    def recorded(self: Any, tokens: Any = None, **how: Any) -> Any:
        tokens = listed(tokens)
        if not is_outermost() or _is_completing(tokens):
            return call(self, tokens, **how)
        for app in family_of(self):
            _hook(app)
        return _run(self, settings, lambda *args, **kw: call(self, *args, **kw), tokens, how)

    async def recorded_async(self: Any, tokens: Any = None, **how: Any) -> Any:
        tokens = listed(tokens)
        if not is_outermost() or _is_completing(tokens):
            return await run_async(self, tokens, **how)
        for app in family_of(self):
            _hook(app)
        bare = lambda *args, **kw: run_async(self, *args, **kw)  # noqa: E731
        return await _run_async(self, settings, bare, tokens, how)

    kind.__call__ = update_wrapper(recorded, call)
    kind.run_async = update_wrapper(recorded_async, run_async)


class _Recorded(_AppBase):
    """Stands in front of an app's class: sees the app called, and what it parses."""

    __slots__ = ()
    _tooltrail_settings: "Settings | None" = None

    def __call__(self, tokens: Any = None, **how: Any) -> Any:
        """Run the app as one recorded call, or as part of the one that runs."""
        run, tokens, settings = super().__call__, listed(tokens), self._tooltrail_settings
        joined = _joined()
        if joined is not None:
            with Stage(joined, self):
                return run(tokens, **how)
        if settings is None or _is_completing(tokens):
            return run(tokens, **how)
        return _run(self, settings, run, tokens, how)

    async def run_async(self, tokens: Any = None, **how: Any) -> Any:
        """Run the app as one recorded call, or as part of the one that runs."""
        run, tokens, settings = super().run_async, listed(tokens), self._tooltrail_settings
        joined = _joined()
        if joined is not None:
            with Stage(joined, self):
                return await run(tokens, **how)
        if settings is None or _is_completing(tokens):
            return await run(tokens, **how)
        return await _run_async(self, settings, run, tokens, how)

    def parse_args(self, tokens: Any = None, **how: Any) -> Any:
        """Parse; the command that was asked for is recorded before it runs."""
        running = stage.get()
        if running is None:
            return super().parse_args(tokens, **how)
        tokens = listed(tokens)
        try:
            found = super().parse_args(tokens, **how)
        except BaseException as error:
            running.not_parsed(self, tokens, error)
            raise
        return (running.parsed(self, tokens, *found[:2]), *found[1:])

    def _handle_result_action(self, result: Any, *args: Any, **more: Any) -> Any:
        """Do with a command's value what the author chose; in envelope mode it is the data."""
        act, here = super()._handle_result_action, stage.get()
        running = None if here is None else here.running
        if here is None or running is None:
            return act(result, *args, **more)
        if not here.outermost:
            running.inner.append(result)
            return act(result, *args, **more)
        if running.answer is not None:
            from ._cyclopts_outcome import take_value

            return take_value(running, self, result, lambda: act(result, *args, **more))
        value = act(result, *args, **more)
        if isinstance(value, int):
            running.exit_value = _as_exit_code(self, value)
        return value

    def interactive_shell(self, *args: Any, **more: Any) -> None:
        """Run the shell; each line of it is a call of its own."""
        settings = self._tooltrail_settings
        if settings is None:
            return super().interactive_shell(*args, **more)
        from ._cyclopts_shell import record_shell

        run = super().interactive_shell
        return record_shell(self, settings, lambda: run(*args, **more))


class _AnswersForBase(type):
    """Of the classes made here: Cyclopts asks whether other apps are of the class of this one."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, cls.__bases__[-1])


_made: dict[type, type] = {}


def _hook(app: Any, settings: Settings | None = None) -> None:
    """Give an app the subclass of its class that records it, with settings that are its own."""
    kind = type(app)
    if isinstance(app, _Recorded):
        if settings is None:
            return
        kind = kind.__bases__[-1]
    if settings is None:
        if kind not in _made:
            _made[kind] = _recording_class(kind, None)
        app.__class__ = _made[kind]
    else:
        app.__class__ = _recording_class(kind, settings)


def _recording_class(kind: Any, settings: Settings | None) -> type:
    names: dict[str, Any] = {
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__slots__": (),
    }
    if settings is not None:
        names["_tooltrail_settings"] = settings
        if settings.envelope:
            from ._cyclopts_options import with_output_help

            names["help_print"] = with_output_help(kind.help_print)
    meta = type("_AnswersForBase", (_AnswersForBase, type(kind)), {})
    made: type = meta(kind.__name__, (_Recorded, kind), names)
    return made


def _run(
    app: Any, settings: Settings, run: "Callable[..., Any]", tokens: Any, how: "dict[str, Any]"
) -> Any:
    with CycloptsCall(app, settings, tokens) as running, Stage(running, app):
        _add_audit_log(running)
        if _answers(running, how):
            from ._cyclopts_outcome import reply

            return reply(running, run, how)
        return running.observe(lambda: run(tokens, **how), prints_crash="result_action" not in how)


async def _run_async(
    app: Any,
    settings: Settings,
    run: "Callable[..., Coroutine[Any, Any, Any]]",
    tokens: Any,
    how: "dict[str, Any]",
) -> Any:
    with CycloptsCall(app, settings, tokens) as running, Stage(running, app):
        _add_audit_log(running)
        if _answers(running, how):
            from ._cyclopts_outcome import reply_async

            return await reply_async(running, run, how)
        with running.observing(prints_crash="result_action" not in how):
            running.value = await run(tokens, **how)
        return running.value


def _answers(running: CycloptsCall, how: "dict[str, Any]") -> bool:
    """Tell whether the call ends in a response: not for a caller that wants the value."""
    wants_value = how.get("result_action") is not None or running.is_inner
    return running.settings.envelope and not wants_value


def _add_audit_log(running: CycloptsCall) -> None:
    if running.settings.audit_log:
        from ._cyclopts_options import add_audit_log

        running.call.contained(lambda: add_audit_log(root_of(running.app), running.tokens))


def _joined() -> CycloptsCall | None:
    """Return the call that an app, called just now, is part of: a meta app hands its tokens on."""
    here = stage.get()
    if here is None or not here.forwards or active.get() is not here.running:
        return None
    return here.running


def _is_completing(tokens: Any) -> bool:
    """Tell a shell that asks for completions: no call of the tool."""
    return (sys.argv[1:2] if tokens is None else tokens[:1]) == ["__complete"]


def _as_exit_code(app: Any, value: int) -> int | None:
    """Return what an app returned where its `result_action` means it as an exit code."""
    action = app.app_stack.resolve("result_action")
    last = action[-1] if isinstance(action, (list, tuple)) and action else action
    means_it = isinstance(last, str) and ("exit_code" in last or "zero" in last)
    return value if means_it else None


def _look_past_us(core: "ModuleType") -> None:
    """Have Cyclopts find the package that called it, not this one: it names the app after it."""
    bare = vars(core).get("_get_root_module_name")
    if bare is None or hasattr(bare, "__wrapped__"):
        return
    ours = __name__.partition(".")[0]

    def root_module_name() -> Any:
        frame, met_us = sys._getframe(1), False
        while frame is not None:
            name = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            if name not in ("cyclopts", ours):
                return name if met_us else bare()
            met_us = met_us or name == ours
            frame = frame.f_back  # type: ignore[assignment]
        return bare()

    vars(core)["_get_root_module_name"] = update_wrapper(root_module_name, bare)
