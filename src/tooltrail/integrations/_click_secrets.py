"""What the author of a Click command declared secret: hidden prompts, and secret types."""

from typing import TYPE_CHECKING, Any

from ._secret_types import is_secret_type, names_secret

if TYPE_CHECKING:
    import click

    from .._invocation import Invocation


def declare_secrets_of(command: "click.Command", call: "Invocation") -> None:
    """Tell a call which params of a command its author declared secret."""
    for param in command.params:
        if is_secret(param):
            names = [param.name or "", *param.opts, *param.secondary_opts]
            typed = getattr(param, "prompt", None) and getattr(param, "hide_input", False)
            call.declare_secrets(names, prompted=bool(typed))


def is_secret(param: Any) -> bool:
    """Tell whether the author declared a param secret: a hidden prompt, or a secret type.

    A type is Click's, or, in Typer's own copy of Click, the annotation in `type_descriptor`.
    """
    if getattr(param, "hide_input", False):
        return True
    kind = getattr(param, "type", None)
    if kind is not None:
        return names_secret(f"{type(kind).__name__} {getattr(kind, 'name', '')}")
    return is_secret_type(getattr(getattr(param, "type_descriptor", None), "annotation", None))


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
