"""An app's interactive shell: each line that is typed is a call of its own, and only observed."""

from typing import TYPE_CHECKING, Any

from . import Settings
from ._cyclopts_call import CycloptsCall, Stage, stage
from ._outcome import is_exit_code

if TYPE_CHECKING:
    from collections.abc import Callable

_DISPATCHER = 2  # the place of `dispatcher` among the arguments of `interactive_shell`


def record_shell(
    app: Any,
    settings: Settings,
    run: "Callable[..., None]",
    args: tuple[Any, ...],
    more: "dict[str, Any]",
) -> None:
    """Run the shell with a dispatcher that records what it dispatches."""
    given = args[_DISPATCHER] if len(args) > _DISPATCHER else more.get("dispatcher")
    lines = _Lines(app, settings, given or _dispatch_as(app))
    if len(args) > _DISPATCHER:
        args = (*args[:_DISPATCHER], lines.dispatch, *args[_DISPATCHER + 1 :])
    else:
        more = {**more, "dispatcher": lines.dispatch}
    token = stage.set(lines)
    try:
        run(*args, **more)
    finally:
        stage.reset(token)


def _dispatch_as(app: Any) -> "Callable[[Any, Any, Any], Any]":
    """Return what the shell does by itself with a command."""

    def dispatch(command: Any, bound: Any, _ignored: Any) -> Any:
        from cyclopts._run import _run_maybe_async_command

        backend = app.app_stack.resolve("backend", fallback="asyncio")
        return _run_maybe_async_command(command, bound, backend)

    return dispatch


class _Lines(Stage):
    """Stands where an app that is being called stands: sees the lines that the shell parses."""

    def __init__(
        self, app: Any, settings: Settings, dispatch: "Callable[[Any, Any, Any], Any]"
    ) -> None:
        self.running = None
        self.forwards = self.outermost = False
        self._app = app
        self._settings = Settings(settings.tool, settings.version)
        self._dispatch = dispatch
        self._tokens: list[str] = []

    def parsed(self, app: Any, tokens: Any, command: Any, bound: Any) -> None:  # noqa: ARG002
        """Keep the tokens for the dispatcher, which comes next."""
        self._tokens = tokens

    def not_parsed(self, app: Any, tokens: Any, error: BaseException) -> None:  # noqa: ARG002
        """Record a line that could not be parsed."""
        with CycloptsCall(self._app, self._settings, tokens) as running:
            running.finish(error)

    def dispatch(self, command: Any, bound: Any, ignored: Any) -> Any:
        """Run the command of one line as one recorded call."""
        with (
            CycloptsCall(self._app, self._settings, self._tokens) as running,
            Stage(running, self._app, parsed=True),
        ):
            running.reach(self._app, self._tokens, command, bound)

            def run() -> Any:
                value = self._dispatch(command, bound, ignored)
                if is_exit_code(value):
                    running.exit_value = value
                return value

            return running.observe(run, prints_crash=False)
