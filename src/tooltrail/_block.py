"""`with tooltrail.invocation(...)`: record a call of a hand-written CLI or script."""

from ._host import flush_failure, say
from ._invocation import Invocation
from ._wire import JSON, TEXT
from .entry import Ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Self

    from ._answer import Answer
    from .errors import CommandError

    Line = Mapping[str, Any]

_filters: "list[Callable[[Line], Line]]" = []


def filter_lines(change: "Callable[[Line], Line]") -> None:
    """Have `change` see to each line, from now on, before it is written for a block.

    For a process that knows of a text that must not be recorded, wherever it comes from.
    """
    _filters.append(change)


class RecordedBlock(Invocation):
    """A call that runs as a `with` block; see `tooltrail.invocation`."""

    def __init__(
        self,
        tool: str,
        command: str | None,
        params: "Mapping[str, Any]",
        *,
        version: str | None,
        envelope: bool,
        output: str | None,
        secrets: "Iterable[str]",
        purpose: str | None,
    ) -> None:
        super().__init__(tool, version=version, secrets=secrets)
        self.data: Any = None
        self.exit_code = 0
        self._named = command or self.tool
        self._given = params
        self._purpose = purpose
        self._answer: Answer | None = None
        if envelope:
            from . import _answer
            from ._stdout import is_terminal

            self._answer = _answer.Answer(self, output or (TEXT if is_terminal() else JSON))

    def __enter__(self) -> "Self":
        super().__enter__()
        try:
            self.begin(self._named, self._given, purpose=self._purpose)
        except SystemExit as refusal:
            if self._answer is not None:
                self._answer.__enter__()
            self.__exit__(type(refusal), refusal)
            raise
        except BaseException:  # Ctrl-C while it waited for the log: the block has not begun
            Invocation.__exit__(self)
            raise
        if self._answer is not None:
            self._answer.__enter__()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None" = None,
        error: BaseException | None = None,
        trace: "TracebackType | None" = None,
    ) -> None:
        try:
            if self._answer is None:
                self._end(error)
            else:
                self._end_with_answer(self._answer, error)
        finally:
            super().__exit__(kind, error, trace)

    def _record(self, body: "Callable[[], Line]", *, is_end: bool = False) -> None:
        super()._record(lambda: _filtered(body()) if _filters else body(), is_end=is_end)

    def _ending(self, error: BaseException | None) -> Ending:
        if error is None and not self.exit_code:
            return Ending(0)
        try:
            from ._ending import by_exception, by_exit_code
        except Exception:  # no file can be opened any more, or the package is gone
            code = getattr(error, "code", self.exit_code)
            return Ending(code if isinstance(code, int) else 1)
        return by_exit_code(self.exit_code or 0) if error is None else by_exception(error)

    def _end(self, error: BaseException | None) -> None:
        ending = self._ending(error)
        lost = flush_failure()
        if lost is not None:
            from ._ending import undelivered

            ending = undelivered(lost)
        self.finish(ending)
        self.leave_meta()

    def _end_with_answer(self, answer: "Answer", error: BaseException | None) -> None:
        from ._ending import undelivered
        from ._signals import Terminated, die_by
        from ._stdout import print_text
        from .envelope import data_as_text
        from .errors import CommandError

        ending = self._ending(error)
        if answer.output == TEXT and error is None:
            lost = print_text(data_as_text(self.data))
            if lost is not None and not ending.exit_code:
                ending = undelivered(lost, 1)
        try:
            due = answer.give(ending, self.data)
        finally:
            answer.__exit__()
        if isinstance(error, Terminated):
            die_by(error.number)
        if isinstance(error, CommandError):
            if answer.output == TEXT:
                _tell(error)
            raise SystemExit(due)  # and not `sys.exit`, which may be the tool's own by now
        if due != (ending.exit_code or 0) or (error is None and due):
            raise SystemExit(due)


def _filtered(line: "Line") -> "Line":
    for change in _filters:
        line = change(line)
    return line


def _tell(error: "CommandError") -> None:
    """Print an error for a person, where the response was text."""
    hint = f"\nhint: {error.hint}" if error.hint else ""
    say(f"error: {error.message}{hint}\n")


def invocation(
    tool: str,
    command: str | None = None,
    params: "Mapping[str, Any] | None" = None,
    *,
    version: str | None = None,
    envelope: bool = False,
    output: str | None = None,
    secrets: "Iterable[str]" = (),
    purpose: str | None = None,
) -> RecordedBlock:
    """Record what happens in a `with` block as one call of `tool`.

        with tooltrail.invocation("nightly", "backup", {"target": target}) as call:
            call.data = back_up(target)

    The call's line is written before the block runs and its end after it, on every way out:
    return, exception, `sys.exit`, Ctrl-C, `os.exec*`, `os._exit`. Set `call.exit_code` where the
    block ends well and the script will exit with something other than 0.

    With `envelope=True` the block's outcome is printed as one JSON response when it ends
    (`call.data` is its data, a `CommandError` its error), stdout is kept clean until then, SIGTERM
    and SIGHUP are answered too, and a `CommandError` ends the program with its exit code.
    `output` is `text`, `json` or `jsonl`: where it is not given, text on a terminal, else json.

    `secrets` names params and flags whose values must never be written, beside those whose names
    say so. A call that cannot be recorded runs all the same; only where the policy is `closed`
    does entering the block end the program instead, with exit code 125.
    """
    return RecordedBlock(
        tool,
        command,
        params or {},
        version=version,
        envelope=envelope,
        output=output,
        secrets=secrets,
        purpose=purpose,
    )
