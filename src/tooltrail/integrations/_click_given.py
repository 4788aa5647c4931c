"""How `main` of a Click command was called, and whose copy of Click the command is of."""

import os
import sys
from typing import TYPE_CHECKING, Any

from . import program_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Given:
    """How `main` was called: read by name, and passed on as it came."""

    _NAMES = ("args", "prog_name", "complete_var", "standalone_mode")

    def __init__(self, given: tuple[Any, ...], more: dict[str, Any]) -> None:
        self._given, self._more = given, more
        named = {**dict(zip(self._NAMES, given, strict=False)), **more}
        args = named.get("args")
        if args is not None and not isinstance(args, (list, tuple)):
            args = list(args)  # it may be an iterator
            if given:
                self._given = (args, *given[1:])
            else:
                self._more = {**more, "args": args}
        self.args: Sequence[str] | None = args
        self.prog_name: str | None = named.get("prog_name")
        self.complete_var: str | None = named.get("complete_var")
        self.standalone_mode = bool(named.get("standalone_mode", True))

    def call(self, main: "Callable[..., Any]", standalone_mode: bool) -> Any:
        """Call a `main` in this way, but for the mode."""
        given, more = self._given, self._more
        if standalone_mode != self.standalone_mode:
            if len(given) > 3:
                given = (*given[:3], standalone_mode, *given[4:])
            else:
                more = {**more, "standalone_mode": standalone_mode}
        return main(*given, **more)


def is_completing(how: Given) -> bool:
    """Tell a shell that asks for completions: no call of the tool."""
    if how.complete_var:
        return bool(os.environ.get(how.complete_var))
    shown = how.prog_name or (sys.argv[0] if sys.argv else "").rpartition("/")[2]
    for name in {shown, program_name(how.prog_name)}:
        variable = f"_{name}_COMPLETE".replace("-", "_").upper()
        if os.environ.get(variable) or os.environ.get(variable.replace(".", "_")):
            return True
    return False


def asks_for_completion(root: Any, args: "Sequence[str]") -> bool:
    """Tell `--show-completion` of Typer: its answer is a script for the shell, never JSON."""
    names = ("--show-completion", "--install-completion")
    asked = any(argument.partition("=")[0] in names for argument in args)
    return asked and any(param.opts[:1] in ([name] for name in names) for param in root.params)


def library_of(kind: type) -> str:
    """Return the package that a class of commands comes from: `click`, or a copy of it."""
    kinds = [base for base in kind.__mro__ if base.__name__ in ("Command", "BaseCommand")]
    return kinds[-1].__module__.removesuffix(".core")
