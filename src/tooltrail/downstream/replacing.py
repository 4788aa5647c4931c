"""Put a function of ours in the place of a client's, once, so that it looks like the client's."""

from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Function = Callable[..., Any]

_OURS = "_tooltrail"


def replace(
    owner: type, name: str, takes: tuple[str, ...], around: "Callable[[Function], Function]"
) -> None:
    """Replace the method `name` of `owner` by `around(it)`, with its name, text and signature.

    `takes` are its first parameters after `self`. Raises AttributeError where the client has no
    such method, or it takes others: that is a version which we do not know.
    """
    original = getattr(owner, name)
    if not hasattr(original, _OURS):
        _check(original, takes)
        wrapper = wraps(original)(around(original))
        setattr(wrapper, _OURS, True)
        setattr(owner, name, wrapper)


def _check(function: "Any", takes: tuple[str, ...]) -> None:
    while hasattr(function, "__wrapped__"):  # somebody else observes it too
        function = function.__wrapped__
    names = function.__code__.co_varnames[1 : 1 + len(takes)]
    if names != takes:
        raise AttributeError(f"{function.__qualname__} takes {names}, not {takes}")
