"""Look at one command after another, as a file lists them."""

from .._typing import TYPE_CHECKING
from ..errors import UsageError
from .check import check
from .program import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .examination import Options
    from .report import Report

_MOST_CHARS = 1_000_000


def commands_in(path: str) -> list[list[str]]:
    """Return the commands that a file lists, one a line, as a shell would split it; `#` comments.

    Raises `UsageError` where it cannot be read, or a line is no command.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read(_MOST_CHARS + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"--all {path}: {error}") from error
    if len(text) > _MOST_CHARS:  # a command that is cut off is another one
        raise UsageError(f"--all {path}: it has more than {_MOST_CHARS:,} characters")
    kept = [
        (number, line.strip())
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.strip().startswith("#")
    ]
    if not kept:
        raise UsageError(f"--all {path}: it names no command", hint="write one command a line")
    return [words_of(f"--all {path}, line {number}", line, comments=True) for number, line in kept]


def check_all(
    commands: list[list[str]], options: "Options", *, deadline: float, sandboxed: bool
) -> "Iterator[Report]":
    """Yield the report on each, in order, each in a sandbox of its own."""
    for argv in commands:
        yield check(argv, options, deadline=deadline, sandboxed=sandboxed)
