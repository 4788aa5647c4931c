"""What somebody may have meant who wrote a word that is none."""

from difflib import get_close_matches

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SHELL_SIGNS = frozenset(" \t\n|&;<>$`")
# What a shell does itself: there is mostly no program of that name.
_OF_THE_SHELL = frozenset(
    (
        *("alias", "bg", "bind", "builtin", "cd", "command", "complete", "declare", "dirs"),
        *("disown", "eval", "exec", "exit", "export", "fg", "getopts", "hash", "help", "history"),
        *("jobs", "local", "logout", "mapfile", "popd", "pushd", "read", "readarray", "readonly"),
        *("return", "set", "shift", "shopt", "source", "suspend", "times", "trap", "type"),
        *("typeset", "ulimit", "umask", "unalias", "unset", "wait", ".", "ll", "la"),
    )
)


def nearest(word: str, known: "Iterable[str]") -> str | None:
    """Return the one of the known words that is most like this one, if any is like it."""
    found = get_close_matches(word, list(known), 1, 0.6)
    return found[0] if found else None


def for_missing(command: "Sequence[str]") -> str | None:
    """Say what to do about a command that is not there, where it looks like a shell's matter."""
    name = command[0]
    if len(command) == 1 and not _SHELL_SIGNS.isdisjoint(name):
        return "a line for a shell goes to one: tooltrail run -- sh -c 'LINE'"
    if name in _OF_THE_SHELL:
        return f"{name} is the shell's own, or an alias: tooltrail run -- bash -ic '{name} ...'"
    return None
