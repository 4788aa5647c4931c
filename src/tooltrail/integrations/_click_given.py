"""What a Click command was given: the arguments of its `main`, its params, which are secret."""

import os
import sys

from . import names_secret, program_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    import click

    from .._invocation import Invocation

_PLAIN = frozenset({str, int, float, bool, type(None)})


class Given:
    """How `main` was called: read by name, and passed on as it came."""

    _NAMES = ("args", "prog_name", "complete_var", "standalone_mode")

    def __init__(self, given: "tuple[Any, ...]", more: "dict[str, Any]") -> None:
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

    def call(self, main: "Callable[..., Any]", standalone_mode: bool) -> "Any":
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


def asks_for_completion(root: "Any", args: "Sequence[str]") -> bool:
    """Tell `--show-completion` of Typer: its answer is a script for the shell, never JSON."""
    names = ("--show-completion", "--install-completion")
    asked = any(argument.partition("=")[0] in names for argument in args)
    return asked and any(param.opts[:1] in ([name] for name in names) for param in root.params)


def library_of(kind: type) -> str:
    """Return the package that a class of commands comes from: `click`, or a copy of it."""
    kinds = [base for base in kind.__mro__ if base.__name__ in ("Command", "BaseCommand")]
    return kinds[-1].__module__.removesuffix(".core")


def declare_secrets_of(command: "click.Command", call: "Invocation") -> None:
    """Tell a call which params of a command its author declared secret."""
    for param in command.params:
        if is_secret(param):
            names = [param.name or "", *param.opts, *param.secondary_opts]
            typed = getattr(param, "prompt", None) and getattr(param, "hide_input", False)
            call.declare_secrets(names, prompted=bool(typed))
    named = secret_flags_of(command) if may_name_secrets(command) else []
    call.declare_secrets(named)


def may_name_secrets(command: "click.Command") -> bool:
    """Tell, for next to nothing, whether a param's name may be a secret's."""
    from ..redact import may_be_secret_name

    return may_be_secret_name(" ".join([param.name or "" for param in command.params]))


def secret_flags_of(command: "click.Command") -> list[str]:
    """Return the flags of secret params that do not say so themselves: `-t` of `--token`."""
    from .._names import is_secret_name

    flags = [flag for param in _secret_params(command) for flag in _flags_of(param)]
    return [flag for flag in flags if not is_secret_name(flag.lstrip("-"))]


def hide_in_line(
    root: "click.Command", path: "Sequence[click.Command]", call: "Invocation"
) -> None:
    """Take the values of secret flags out of a command line that was not understood.

    The flags of all commands count, whose option may stand in the wrong place; but what is no
    secret in a command of the `path` stays.
    """
    from ._refused_lines import hide_values

    every = list(dict.fromkeys([*path, *tree_of(root)]))
    secret = [flag for one in every for param in _secret_params(one) for flag in _flags_of(param)]
    others = [flag for one in every for param in one.params for flag in _flags_of(param, True)]
    on_path = {flag for one in path for param in one.params for flag in _flags_of(param, True)}
    plain = on_path - {flag for one in path for flag in _all_secret_flags(one)}
    hide_values(call, call.argv[1:], secret, plain | (set(others) - set(secret)))
    several = {
        flag: param.nargs
        for one in path
        for param in _secret_params(one)
        if param.nargs > 1
        for flag in _flags_of(param)
    }
    for at, argument in enumerate(call.argv):
        if argument in several:  # all that belongs to it
            call.redactor.learn(call.argv[at + 1 : at + 1 + several[argument]])


def _all_secret_flags(command: "click.Command") -> list[str]:
    return [flag for param in _secret_params(command) for flag in _flags_of(param)]


def _flags_of(param: "Any", switches: bool = False) -> list[str]:
    if param.param_type_name == "argument":
        return []
    if not switches and (getattr(param, "is_flag", False) or getattr(param, "count", False)):
        return []
    return [*param.opts, *param.secondary_opts]


def tree_of(command: "click.Command", depth: int = 0) -> "list[click.Command]":
    """Return a command and those below it, but for such as are made only when they are called."""
    below = vars(command).get("commands")
    found = [command]
    if isinstance(below, dict) and depth < _MAX_DEPTH:
        for one in below.values():
            found += tree_of(one, depth + 1)
    return found


_MAX_DEPTH = 8


def is_secret(param: "Any") -> bool:
    """Tell whether the author declared a param secret: a hidden prompt, or a secret type.

    A type is Click's, or, in Typer's own copy of Click, the annotation in `type_descriptor`.
    """
    if getattr(param, "hide_input", False) or _has_secret_part(param):
        return True
    kind = getattr(param, "type", None)
    if kind is not None:
        return names_secret(f"{type(kind).__name__} {getattr(kind, 'name', '')}")
    from ._secret_types import is_secret_type

    return is_secret_type(getattr(getattr(param, "type_descriptor", None), "annotation", None))


def _has_secret_part(param: "Any") -> bool:
    """Tell a pair of values one of which is called a secret: `metavar="USER PASSWORD"`."""
    metavar = getattr(param, "metavar", None)
    if getattr(param, "nargs", 1) == 1 or not isinstance(metavar, str):
        return False
    from .._names import is_secret_name

    return any(map(is_secret_name, metavar.split()))


def takes_secret_argument(command: "click.Command") -> bool:
    """Tell whether a secret stands among the command's arguments, where no flag announces it."""
    return any(param.param_type_name == "argument" for param in _secret_params(command))


def learn_secrets_of(ctx: "click.Context", call: "Invocation") -> None:
    """Take the secrets that a command was given out of what is written before it is reached."""
    values: list[Any] = [ctx.params.get(param.name or "") for param in _secret_params(ctx.command)]
    call.redactor.learn(values)


def _secret_params(command: "click.Command") -> "list[click.Parameter]":
    from .._names import is_secret_name

    params = command.params
    return [param for param in params if is_secret(param) or is_secret_name(param.name or "")]


def learn_hidden(params: "dict[str, Any]", call: "Invocation") -> None:
    """Take out what `SecretStr` and its like hide, wherever it stands in the clear."""
    if not _PLAIN.issuperset(map(type, params.values())):
        from ._secret_types import learn_values

        learn_values(params.values(), call)


def path_to(ctx: "click.Context") -> "list[click.Context]":
    """Return the contexts from the root to this one."""
    path: list[click.Context] = []
    step: click.Context | None = ctx
    while step is not None:
        path.insert(0, step)
        step = step.parent
    return path


def names_of(ctx: "click.Context", subcommand: str | None = None) -> list[str]:
    """Return the command's path below the program: `deployctl db migrate` gives db, migrate."""
    names = [step.info_name or "" for step in path_to(ctx)[1:]]
    return [*names, subcommand] if subcommand else names


def params_of(reached: "list[click.Context]") -> "dict[str, Any]":
    """Return the params of the commands on the way; those of chained commands under their name."""
    if len(reached) > 1:
        return {ctx.info_name or "": _of_path([ctx]) for ctx in reached}
    return _of_path(path_to(reached[0]))


def _of_path(path: "list[click.Context]") -> "dict[str, Any]":
    params: dict[str, Any] = {}
    for ctx in path:
        declared = [param.name for param in ctx.command.params if param.name in ctx.params]
        for name in dict.fromkeys([*declared, *ctx.params]):  # as the author ordered them
            if name is not None:
                key = f"{ctx.info_name}.{name}" if name in params else name
                params[key] = ctx.params[name]
    return params
