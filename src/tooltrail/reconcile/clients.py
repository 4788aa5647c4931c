"""The HTTP clients whose command lines are understood, and how they end without an answer."""

import os

from .._typing import TYPE_CHECKING
from .curl import asked_of_curl
from .httpie import asked_of_httpie, asked_of_httpx
from .wget import asked_of_wget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .addresses import Asked

_CLIENTS: "dict[str, Callable[[Sequence[str]], list[Asked]]]" = {
    "curl": asked_of_curl,
    "wget": asked_of_wget,
    "http": lambda words: asked_of_httpie(words, "http"),
    "https": lambda words: asked_of_httpie(words, "https"),
    "xh": lambda words: asked_of_httpie(words, "http"),
    "xhs": lambda words: asked_of_httpie(words, "https"),
    "httpx": asked_of_httpx,
}
_UNANSWERED = {  # exit codes, by each one's manual: no connection was made, or no answer came
    "curl": (1, 2, 3, 5, 6, 7, 35, 60),
    "wget": (1, 2, 4, 5),
    "http": (1,),
    "https": (1,),
}


def asked_of(argv: "Sequence[str]") -> "list[Asked]":
    """Return the requests that a command line asks for, in order; none where it is no client's."""
    client = _CLIENTS.get(_name(argv))
    return client(argv[1:]) if client is not None else []


def unanswered(argv: "Sequence[str]", exit_code: object) -> bool:
    """Tell whether a client ended so that the server may never have seen its request."""
    return exit_code in _UNANSWERED.get(_name(argv), ())


def _name(argv: "Sequence[str]") -> str:
    return os.path.basename(argv[0]) if argv else ""
