"""An app's interactive shell: each line that is typed is a call of its own, and only observed.

The shell hands a command that it has parsed to its dispatcher, which may be the author's; what it
gets is the command's recorded double.
"""

from functools import update_wrapper
from inspect import iscoroutinefunction

from .._tracebacks import _without_ours
from .._typing import TYPE_CHECKING, Any
from . import Settings
from ._cyclopts_call import CycloptsCall, Stage, stage
from ._outcome import is_exit_code

if TYPE_CHECKING:
    from collections.abc import Callable


def record_shell(app: Any, settings: Settings, run: "Callable[[], None]") -> None:
    """Run an app's shell."""
    token = stage.set(_Lines(app, settings))
    try:
        run()
    finally:
        stage.reset(token)


class _Lines(Stage):
    """Stands where an app that is being called stands: sees the lines that the shell parses."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self.running = None
        self.forwards = self.outermost = False
        self._app = app
        self._settings = Settings(settings.tool, settings.version)

    def parsed(self, app: Any, tokens: Any, command: Any, bound: Any) -> Any:  # noqa: ARG002
        """Return the command's recorded double."""

        def call() -> _Line:
            return _Line(self._app, self._settings, tokens, command, bound)

        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                with call() as running, running.observing(prints_crash=False):
                    return running.took(command(*args, **kwargs))
            except BaseException as error:
                error.__traceback__ = _without_ours(error.__traceback__)
                raise  # the shell prints it; a bare `raise` does not put this frame back

        async def run_async(*args: Any, **kwargs: Any) -> Any:
            try:
                with call() as running, running.observing(prints_crash=False):
                    return running.took(await command(*args, **kwargs))
            except BaseException as error:
                error.__traceback__ = _without_ours(error.__traceback__)
                raise

        return update_wrapper(run_async if iscoroutinefunction(command) else run, command)

    def not_parsed(self, app: Any, tokens: Any, error: BaseException) -> None:  # noqa: ARG002
        """Record a line that could not be parsed."""
        with CycloptsCall(self._app, self._settings, tokens) as running:
            running.finish(error)


class _Line(CycloptsCall):
    """One line of a shell, parsed already: entering it begins."""

    def __init__(
        self, app: Any, settings: Settings, tokens: "list[str]", command: Any, bound: Any
    ) -> None:
        super().__init__(app, settings, tokens)
        self._found = command, bound
        self._stage = Stage(self, app, parsed=True)

    def __enter__(self) -> "_Line":
        super().__enter__()
        self._stage.__enter__()
        try:
            self.reach(self.app, self.tokens, *self._found)
        except BaseException:  # it could not be recorded, and so is not run
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stage.__exit__()
        super().__exit__(*error)

    def took(self, value: Any) -> Any:
        """Keep what the command returned: the shell takes a number for an exit code."""
        if is_exit_code(value):
            self.exit_value = value
        return value
