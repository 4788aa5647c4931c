"""Types that hide what they hold, pydantic's `SecretStr` and its like, and what they hide."""

from .._typing import TYPE_CHECKING, Any
from .._wire import REDACTED
from . import names_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from .._invocation import Invocation


def is_secret_type(annotation: Any) -> bool:
    """Tell a type that hides what it holds by its name: `SecretStr`, `list[SecretStr]`."""
    if isinstance(annotation, str):  # not evaluated
        return "SecretStr" in annotation or "SecretBytes" in annotation
    name = getattr(annotation, "__name__", "")
    if isinstance(name, str) and names_secret(name):
        return True
    return any(is_secret_type(part) for part in getattr(annotation, "__args__", None) or ())


def learn_values(values: "Iterable[Any]", call: "Invocation") -> None:
    """Take out what pydantic's `SecretStr` and its like hide, wherever it stands in the clear.

    As a param such a value hides itself; the argument that it was made of does not.
    """
    texts = [text for value in values for text in _hidden_in(value)]
    if texts:
        call.redactor.learn(texts)


def _hidden_in(value: Any, depth: int = 0) -> "Iterator[str]":
    if type(value) in (str, int, bool, float) or value is None or depth > 4:
        return
    reveal = getattr(type(value), "get_secret_value", None)
    if reveal is not None:
        hidden = reveal(value)
        yield hidden.decode("utf-8", "replace") if isinstance(hidden, bytes) else str(hidden)
        return
    for item in _members(value):
        yield from _hidden_in(item, depth + 1)


def _members(value: Any) -> "Iterable[Any]":
    """Return what is inside a plain container, a dataclass or a model; nothing is called."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return value.values()
    kind = type(value)
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "model_fields"):
        return getattr(value, "__dict__", {}).values()
    if hasattr(kind, "__attrs_attrs__"):
        names = [field.name for field in kind.__attrs_attrs__]
        return [getattr(value, name, None) for name in names]
    return ()


def with_masked_arguments(
    call: "Invocation", kept: "Container[str]", write: "Callable[[], None]"
) -> None:
    """Write a line before all arguments are understood: any of them may be a secret.

    Options stay without their values, and so does what is in `kept`, the names of commands.
    """
    whole = call.argv
    call.argv = [*whole[:1], *(_masked(argument, kept) for argument in whole[1:])]
    try:
        write()
    finally:
        call.argv = whole


def _masked(argument: str, kept: "Container[str]") -> str:
    if argument in kept:
        return argument
    if argument[:1] != "-":
        return REDACTED
    name, assigned, _ = argument.partition("=")
    if name[1:2] != "-" and len(name) > 2:
        return name[:2] + REDACTED  # a short option with its value
    return f"{name}={REDACTED}" if assigned else name
