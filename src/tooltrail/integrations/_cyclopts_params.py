"""What a Cyclopts command was called with: its params by name, and which of them are secret."""

from .._typing import TYPE_CHECKING, Any
from ._secret_types import is_secret_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._invocation import Invocation


def params_of(bound: Any, is_meta: bool) -> dict[str, Any]:
    """Return bound arguments with their defaults, by the names of the function's parameters.

    The tokens that a meta app hands on are left out: what they are is known when the app that they
    go to has parsed them.
    """
    filled = type(bound)(bound.signature, dict(bound.arguments))
    filled.apply_defaults()
    params: dict[str, Any] = {}
    for name, value in filled.arguments.items():
        kind = bound.signature.parameters[name].kind
        if kind is kind.VAR_KEYWORD:
            params = merged(params, dict(value), name)
        elif kind is kind.VAR_POSITIONAL:
            if not is_meta:
                params[name] = list(value)
        else:
            params[name] = value
    return params


def merged(params: dict[str, Any], more: dict[str, Any], owner: str) -> dict[str, Any]:
    """Return params with more of them; one whose name is taken has its owner's name before it."""
    found = dict(params)
    for name, value in more.items():
        found[f"{owner.rpartition(' ')[2]}.{name}" if name in params else name] = value
    return found


def declare_secrets_of(signature: Any, call: "Invocation") -> None:
    """Tell a call which parameters of a function are of a type that is made for secrets."""
    for name, parameter in signature.parameters.items():
        if is_secret_type(parameter.annotation):
            call.declare_secrets([name, *_flags(name, parameter.annotation)])


def _flags(name: str, annotation: Any) -> "Iterator[str]":
    yield f"--{name.replace('_', '-')}"
    for declared in getattr(annotation, "__metadata__", ()):
        for attribute in ("name", "alias"):
            given = getattr(declared, attribute, None) or ()
            yield from (given,) if isinstance(given, str) else given


def root_of(app: Any) -> Any:
    """Return the app that a meta app, or the meta app of a meta app, belongs to."""
    while getattr(app, "_meta_parent", None) is not None:
        app = app._meta_parent
    return app


def family_of(app: Any) -> "Iterator[Any]":
    """Return an app with its meta apps."""
    one = root_of(app)
    while one is not None:
        yield one
        one = getattr(one, "_meta", None)


def hide_secrets_of(app: Any, call: "Invocation") -> bool:
    """Tell a call which params of an app's own command are secret; and whether one has no flag."""
    if app.default_command is None:
        return False
    secrets = [found for found in app.assemble_argument_collection() if is_secret(found)]
    call.declare_secrets([name for found in secrets for name in found.names])
    return any(found.field_info.is_positional for found in secrets)


def tree_of(app: Any, depth: int = 0) -> "list[Any]":
    """Return an app and those below it, but for such as are imported only when they are called."""
    found = [app]
    for name, one in (getattr(root_of(app), "_commands", None) or {}).items():
        if name[:1] != "-" and hasattr(one, "assemble_argument_collection") and depth < _MAX_DEPTH:
            found += tree_of(one, depth + 1)
    return found


_MAX_DEPTH = 8


def hide_in_line(root: Any, path: "Sequence[Any]", call: "Invocation") -> None:
    """Take the values of secret flags out of a command line that was not understood."""
    from ._refused_lines import hide_values

    secret: set[str] = set()
    plain: set[str] = set()
    for app in {id(one): one for one in (*path, *tree_of(root))}.values():
        own = getattr(getattr(app, "default_command", None), "__self__", None)
        if getattr(app, "default_command", None) is None or hasattr(own, "help_print"):
            continue  # `--help` and its like, which take nothing of the author's
        for found in app.assemble_argument_collection():
            (secret if is_secret(found) else plain).update(found.names)
    flags = [name for name in secret if name[:1] == "-"]
    hide_values(call, call.argv[1:], flags, [name for name in plain if name not in secret])


def is_secret(argument: Any) -> bool:
    """Tell an argument of Cyclopts whose type or name says that it is a secret."""
    from .._names import is_secret_name

    names = [argument.field_info.name, *(name.lstrip("-") for name in argument.names)]
    return is_secret_type(argument.hint) or any(map(is_secret_name, names))
