"""Named steps inside one call: `with tooltrail.step("upload"):`, each with its own time.

A step is written into the call's `observed` when it begins, as one that has not ended, and
completed when it ends. So whatever becomes of the call, the steps that were open are in its end
line, and nothing need be done for them on the way out.

Which step is inside which is told by a context variable, as calls are: tasks, and threads that
carry the context, know the step in which they were started. Nothing is locked: a list's `append`
is one step of the interpreter, and a signal handler that names a step must not wait for itself.
"""

from _contextvars import ContextVar

from ._host import monotonic_ns
from ._running import running
from ._wire import FAILURE, MAX_ID_CHARS, SUCCESS, UNFINISHED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self, TypeVar

    from ._invocation import Invocation

    Function = TypeVar("Function", bound=Callable[..., Any])

MAX_STEPS = 1000  # of one call that are kept
_MAX_FIELDS = 20  # of one step
_MAX_MESSAGE_CHARS = 1000
_MS = 1_000_000  # ns
_COROUTINE, _GENERATOR, _ASYNC_GENERATOR = 0x80, 0x20, 0x200  # co_flags; source: inspect


def step(name: str, /, **fields: "Any") -> "Step":
    """Name a part of the running call, so that its entry tells how long that part took.

        with tooltrail.step("upload", files=12):
            ...

        @tooltrail.step("verify")
        def verify(site): ...

    Works with `with` and `async with`, and on functions and coroutine functions. Steps may be
    nested, and may run at once in tasks and in threads that carry the context. The name, and the
    fields where there are any, go through redaction; of a text 256 characters are kept, of a call
    the first 1,000 steps. Outside of a call this does nothing at all, and in no case does it
    change what leaves the block.

    Raises `TypeError` where it decorates what it cannot time: a generator function returns before
    its work is done.
    """
    if callable(name):
        raise TypeError('step() takes the name of the step: @step("upload")')
    return Step(name, fields)


class Step:
    """A part of a call: made by `step`, entered once or often, also from several threads."""

    __slots__ = ("_fields", "_name", "_open")

    def __init__(self, name: str, fields: "dict[str, Any]") -> None:
        self._name = name
        self._fields = fields
        self._open: list[_Span | None] = []  # left in another context than they were entered in

    def __enter__(self) -> "Self":
        call = running()
        self._open.append(None if call is None else _begin(self, call))
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        span = self._innermost()
        if span is not None:
            span.end(error)

    async def __aenter__(self) -> "Self":
        return self.__enter__()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: "Function") -> "Function":
        """Make each call of `function` a step of its own."""
        return _timed(function, self._name, self._fields)

    def described(self, call: "Invocation") -> "dict[str, Any]":
        """Return name and fields as the call's entry may keep them."""
        kept: dict[str, Any] = {"name": _text(call, self._name, "steps[].name")}
        if self._fields:
            kept["fields"] = _kept_fields(call, self._fields)
        return kept

    def _innermost(self) -> "_Span | None":
        """Return what this `with` began: of several at once, that of this thread or task."""
        span = _inside.get()
        while span is not None and (span.step is not self or span.ended):
            span = span.outer
        if span is None:
            return self._open.pop() if self._open else None
        if span in self._open:
            self._open.remove(span)
        return span


class _Span:
    """One run of a step, and its place among those that the call's entry keeps."""

    __slots__ = ("began_ns", "call", "ended", "outer", "place", "step")

    def __init__(self, step: Step, call: "Invocation", outer: "_Span | None") -> None:
        self.step = step
        self.call = call
        self.outer = outer  # of this call, or of one around it
        self.ended = False
        self.place: int | None = None
        self.began_ns = monotonic_ns()

    def keep(self) -> None:
        """Write into the call that the step began."""
        observed = self.call.observed
        kept: list[dict[str, Any]] = observed.setdefault("steps", [])
        if len(kept) >= MAX_STEPS:
            observed["steps_dropped"] = observed.get("steps_dropped", 0) + 1
            return
        item: dict[str, Any] = {
            **self.step.described(self.call),
            "offset_ms": self.call.elapsed_ms(),
            "duration_ms": None,
            "outcome": UNFINISHED,
        }
        parent = _still_open(self.outer, self.call)
        if parent is not None and parent.place is not None:
            item["parent"] = parent.place
        kept.append(item)
        self.place = len(kept) - 1
        while kept[self.place] is not item:  # another thread was as fast
            self.place -= 1

    def end(self, error: BaseException | None) -> None:
        """Complete what the entry says of it; never raises."""
        took = (monotonic_ns() - self.began_ns) // _MS
        self.ended = True
        if _inside.get() is self:
            _inside.set(_still_open(self.outer))
        if self.place is not None and not self.call.finished:
            self.call.contained(lambda: self._complete(took, error))

    def _complete(self, took: int, error: BaseException | None) -> None:
        """Put a complete item in place of the open one.

        Not into it: the end line may be written at this moment, in another thread.
        """
        assert self.place is not None
        kept: list[dict[str, Any]] = self.call.observed["steps"]
        done = {**kept[self.place], "duration_ms": took}
        if error is None:
            done["outcome"] = SUCCESS
        else:
            done["error"] = _error_fields(self.call, error)
            if isinstance(error, Exception):  # the others end more than the step: Ctrl-C, sys.exit
                done["outcome"] = FAILURE
        kept[self.place] = done


_inside: "ContextVar[_Span | None]" = ContextVar("tooltrail_step", default=None)


def _begin(step: Step, call: "Invocation") -> _Span:
    span = _Span(step, call, _still_open(_inside.get()))
    call.contained(span.keep)
    _inside.set(span)
    return span


def _still_open(span: "_Span | None", call: "Invocation | None" = None) -> "_Span | None":
    """Return the innermost step that goes on (of this call, where one is given)."""
    while span is not None and (span.ended or call not in (None, span.call)):
        span = span.outer
    return span


def _text(call: "Invocation", value: "Any", where: str) -> str:
    """Return any value as text without secrets, cut only when they are out."""
    text = value if type(value) is str else _words(value)
    return call.redactor.text(text, where)[:MAX_ID_CHARS]


def _words(value: "Any") -> str:
    from ._plain import words

    return words(value)


def _kept_fields(call: "Invocation", fields: "dict[str, Any]") -> "dict[str, Any]":
    from ._encode import is_plain

    plain = {
        name: value if is_plain(value) or type(value) is float else _words(value)
        for name, value in list(fields.items())[:_MAX_FIELDS]
    }
    redactions = call.redactor.redactions
    before = len(redactions)
    clean = call.redactor.params(plain)
    for redaction in redactions[before:]:
        redaction["where"] = "steps[].fields" + redaction["where"].removeprefix("params")
    return {
        name[:MAX_ID_CHARS]: value[:MAX_ID_CHARS] if isinstance(value, str) else value
        for name, value in clean.items()
    }


def _error_fields(call: "Invocation", error: BaseException) -> "dict[str, Any]":
    from .entry import error_fields
    from .errors import CommandError

    code = error.code if isinstance(error, CommandError) else "EXCEPTION"
    message = call.redactor.text(_words(error), "steps[].error.message")[:_MAX_MESSAGE_CHARS]
    return error_fields(code, message, type=type(error).__name__)


def _timed(function: "Function", name: str, fields: "dict[str, Any]") -> "Function":
    from functools import wraps

    flags = _code_flags(function)
    if flags & (_GENERATOR | _ASYNC_GENERATOR):
        raise TypeError(f"step({name!r}): a generator function; put `with step(...)` into it")
    if flags & _COROUTINE:

        @wraps(function)
        async def timed_coroutine(*args: "Any", **kwargs: "Any") -> "Any":
            with Step(name, fields):
                return await function(*args, **kwargs)

        return timed_coroutine  # type: ignore[return-value]

    @wraps(function)
    def timed(*args: "Any", **kwargs: "Any") -> "Any":
        with Step(name, fields):
            return function(*args, **kwargs)

    return timed  # type: ignore[return-value]


def _code_flags(function: "Any") -> int:
    """Return what kind of function it is; of a partial, the function in it."""
    while hasattr(function, "func"):
        function = function.func
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return flags if isinstance(flags, int) else 0
