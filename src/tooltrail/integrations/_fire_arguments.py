"""What Fire gives to the callables that it meets: their params by name, and which are secret."""

from types import FunctionType

from fire.inspectutils import GetFullArgSpec

from .._names import is_secret_name
from .._typing import Any


def params_of(function: Any, values: Any, named: Any) -> dict[str, Any]:
    """Return what Fire parsed for a callable, with its defaults, by the names of its parameters."""
    spec = GetFullArgSpec(function)
    names = list(spec.args)
    params = dict(zip(names, values, strict=False))
    if spec.varargs is not None and len(values) > len(names):
        params[spec.varargs] = list(values[len(names) :])
    return params | {**spec.kwonlydefaults, **named}


def secrets_of(function: Any) -> list[str]:
    """Return the names of a callable's parameters that mean a secret."""
    try:
        spec = GetFullArgSpec(function)
    except Exception:  # Fire will tell
        return []
    names = [*spec.args, *spec.kwonlyargs, *((spec.varargs,) if spec.varargs else ())]
    return [name for name in names if is_secret_name(name)]


def declared_flags(names: list[str]) -> list[str]:
    """Return parameters with their flags: by their first letter as well, as Fire takes them."""
    return [flag for name in names for flag in (name, f"--{name}", f"-{name}", f"-{name[0]}")]


def any_takes_secret(component: Any, depth: int = 0) -> bool:
    """Tell whether a member of a component, or one below that, takes a secret; none is called."""
    if component is None or isinstance(component, (str, int, float, list, tuple)) or depth > 3:
        return False
    if isinstance(component, dict):
        members = list(component.values())
    else:
        kind = component if isinstance(component, type) else type(component)
        members = [each for base in kind.__mro__[:-1] for each in vars(base).values()]
        members += list(getattr(component, "__dict__", {}).values())
    functions = [each for each in members if isinstance(each, (FunctionType, type))]
    if any(map(secrets_of, functions)):
        return True
    return any(any_takes_secret(each, depth + 1) for each in members if isinstance(each, dict))


def takes(component: Any, arguments: list[str], name: str) -> bool:
    """Tell whether a callable on the way from a component takes a parameter of this name.

    Nothing is called to find out: what a class only has when it is an instance is not seen.
    """
    here = component
    for argument in [*(each for each in arguments if each[:1] != "-"), ""]:
        if callable(here):
            try:
                spec = GetFullArgSpec(here)
            except Exception:
                return False
            if name in spec.args or name in spec.kwonlyargs or spec.varkw is not None:
                return True
        found = member(here, argument) if argument else None
        if found is not None:
            here = found[0]
    return False


def member(component: Any, name: str) -> "tuple[Any] | None":
    """Return a member that Fire would find by this name, in a tuple, or None."""
    for each in (name, name.replace("-", "_")):
        if isinstance(component, dict):
            if each in component:
                return (component[each],)
        elif each in dir(component):
            return (getattr(component, each, None),)
    return None
