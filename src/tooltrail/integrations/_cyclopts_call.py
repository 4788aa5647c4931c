"""One running call of a Cyclopts app: the commands that were reached, in the order of reaching."""

import sys
from _contextvars import ContextVar

from .._typing import TYPE_CHECKING, Any
from .._wire import PURPOSE_AUDIT
from . import FrameworkCall, Settings, active, program_name, version_of
from ._cyclopts_params import declare_secrets_of, hide_secrets_of, merged, params_of, root_of
from ._secret_types import learn_values, with_masked_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..entry import Ending

_OWN = frozenset({"help_print", "version_print", "_version_print_async", "_run_complete"})


class CycloptsCall(FrameworkCall):
    """One running call: the commands that were reached, and what the framework made of the value.

    `forwards` where its app is a meta app, whose function calls the app that it belongs to.
    """

    def __init__(self, app: Any, settings: Settings, tokens: "list[str] | None") -> None:
        named = getattr(root_of(app), "_name", None) if tokens is not None else None
        self.program = program_name(named[0] if named else None)
        argv = None if tokens is None else [self.program, *tokens]
        self.is_inner = isinstance(active.get(), CycloptsCall)
        super().__init__(settings, self.program, version=_version_of(root_of(app)), argv=argv)
        self.app = app
        self.tokens = sys.argv[1:] if tokens is None else tokens
        self.links: list[tuple[str, dict[str, Any]]] = []  # the commands, with their params
        self.inner: list[Any] = []  # what the meta app got back from them
        self.exit_value: int | None = None  # that the caller of the app passes to `sys.exit`
        self._meta_params: dict[str, Any] = {}
        self._kept: Sequence[str] | None = None  # arguments that are no secrets of later links

    def reach(self, app: Any, tokens: "list[str]", command: Any, bound: Any) -> None:
        """Begin before the function of a command, or of a meta app on the way to it."""
        if _is_own(command):
            return
        found: list[tuple[str, dict[str, Any]]] = []
        self.call.contained(lambda: found.append(self._read(app, tokens, bound)))
        path, params = found[0] if found else ("", {})
        if app._meta_parent is not None:
            self._pass(app, tokens, path, params)
            return
        self.links.append((path, params))
        path, params = _chained(self.links)
        reads = getattr(command, "reads_the_log", False)
        params = merged(self._meta_params, params, path)
        self._arrive(path, params, PURPOSE_AUDIT if reads else None, self._kept)

    def _pass(self, app: Any, tokens: "list[str]", path: str, params: "dict[str, Any]") -> None:
        """Begin before the function of a meta app; the command's arguments are not parsed yet."""
        self._meta_params = merged(self._meta_params, params, path)
        chain, apps, _ = app.parse_commands(tokens)
        root = root_of(app)
        named = [root[token] for token in tokens if token in root]
        hides = [True]

        def hide() -> None:
            found = [hide_secrets_of(one, self.call) for one in (*apps, *named)]
            hides.append(any(found))

        self.call.contained(hide)
        self._kept = chain if hides[-1] and len(named) > 1 else None
        self._arrive(path, self._meta_params, None, chain if hides[-1] or not chain else None)

    def _arrive(
        self,
        path: str,
        params: "dict[str, Any]",
        purpose: str | None,
        kept: "Sequence[str] | None",
    ) -> None:
        """Begin; with `kept`, no more than these of the arguments is understood yet."""

        def write() -> None:
            self.arrive(path, params, purpose=purpose)

        if kept is None:
            write()
        else:
            with_masked_arguments(self.call, kept, write)

    def _read(self, app: Any, tokens: "list[str]", bound: Any) -> "tuple[str, dict[str, Any]]":
        is_meta = app._meta_parent is not None
        chain = app.parse_commands(tokens, include_parent_meta=is_meta)[0]
        declare_secrets_of(bound.signature, self.call)
        params = params_of(bound, is_meta)
        learn_values(params.values(), self.call)
        return " ".join(chain), params

    def went_well(self, error: BaseException | None, value: Any) -> bool:
        """Tell a plain success: what the app returned may be an exit code."""
        return super().went_well(error, value) and not self.exit_value

    def ending(self, error: BaseException | None, value: Any = None) -> "Ending":  # noqa: ARG002
        """Return how the call ended: a usage error, or as the program's exit code has it."""
        from ._cyclopts_outcome import ending_of_call

        return ending_of_call(self, error)


class Stage:
    """An app that is being called, within a recorded call: `with` it, as long as it runs."""

    def __init__(self, running: CycloptsCall, app: Any, *, parsed: bool = False) -> None:
        self.running: CycloptsCall | None = running
        self.forwards = app._meta_parent is not None
        self.outermost = running.app is app
        self._parsed = parsed

    def __enter__(self) -> None:
        self._token = stage.set(self)

    def __exit__(self, *_: object) -> None:
        try:
            stage.reset(self._token)
        except ValueError:  # left in another context than it was entered in
            stage.set(None)

    def parsed(self, app: Any, tokens: Any, command: Any, bound: Any) -> Any:
        """Begin, where it is this app's own command that was parsed, or one on its behalf.

        Returns the command that is to run.
        """
        if self.running is not None and (not self._parsed or self.forwards):
            self._parsed = True
            given = listed(tokens)
            self.running.reach(app, sys.argv[1:] if given is None else given, command, bound)
        return command

    def not_parsed(self, app: Any, tokens: Any, error: BaseException) -> None:
        """Leave an error to those that see how the call ends."""


stage: "ContextVar[Stage | None]" = ContextVar("tooltrail_cyclopts", default=None)


def _is_own(command: Any) -> bool:
    """Tell `--help` and `--version`, which run no command of the author's."""
    name = getattr(command, "__name__", "")
    return name in _OWN and hasattr(getattr(command, "__self__", None), "help_print")


def _chained(links: "list[tuple[str, dict[str, Any]]]") -> "tuple[str, dict[str, Any]]":
    """Return path and params of one command, or of several that a meta app called in turn."""
    if len(links) == 1:
        return links[0]
    params: dict[str, Any] = {}
    for path, own in links:
        count = sum(name.partition("#")[0] == path for name in params)
        params[f"{path}#{count + 1}" if count else path] = own
    return ",".join(path for path, _ in links), params


def _version_of(app: Any) -> str | None:
    if isinstance(app.version, str):
        return app.version
    name = (getattr(app, "_instantiating_module_name", None) or "").partition(".")[0]
    version = getattr(sys.modules.get(name), "__dict__", {}).get("__version__")
    return version if isinstance(version, str) else version_of(app.default_command)


def listed(tokens: Any) -> Any:
    """Return tokens as a list of texts, since an iterator can be read only once; None as it is."""
    if tokens is None:
        return None
    if isinstance(tokens, str):
        from shlex import split

        try:
            return split(tokens)
        except ValueError:
            return tokens  # Cyclopts says what is wrong with it
    return list(tokens)
