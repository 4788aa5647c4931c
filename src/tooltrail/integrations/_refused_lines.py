"""Secrets in a command line that was not understood, for frameworks that know only their flags.

Where parsing ended the call, nobody has the values: by `--help`, by a flag that does not exist, or
before the command was found whose flags they are. A flag that nobody has may be a misspelt one.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .._invocation import Invocation

_SURELY_SCRUBBED = 8  # characters: shorter secrets are found only as words of their own


def hide_values(
    call: "Invocation",
    given: "Sequence[str]",
    secret: "Collection[str]",
    others: "Collection[str]",
) -> None:
    """Take out what follows the `secret` flags, exact, near misses, or among clustered letters.

    `given` are the arguments without the program; `others` the flags that are no secrets: they
    stay what they are, however near they come.
    """
    flags = set(secret) - set(others)
    call.declare_secrets(flags)
    values: list[str] = []
    for at, argument in enumerate(given):
        name, assigned, value = argument.partition("=")
        if argument[:1] != "-" or len(argument) < 3 or name in flags or name in others:
            continue
        following = [each for each in given[at + 1 : at + 2] if each[:1] != "-"]
        if any(is_near(name, flag) for flag in flags):
            call.declare_secrets([name])
            values += [value] if assigned else following
        elif name[1] != "-":
            values += _clustered(argument, following, flags, others)
    if values:
        call.redactor.learn(values)


def _clustered(
    argument: str,
    following: "Sequence[str]",
    flags: "Collection[str]",
    others: "Collection[str]",
) -> "Iterator[str]":
    """Yield the secret of `-vpVALUE`, or of `-vp VALUE`."""
    for position, letter in enumerate(argument[1:], 2):
        if f"-{letter}" in flags:
            rest = argument[position:]
            yield from attached(argument, rest) if rest else following
            return
        if f"-{letter}" not in others:
            return


def attached(argument: str, secret: str) -> list[str]:
    """Return what to learn of a secret at the end of an argument: also with what is before it."""
    if len(secret) >= _SURELY_SCRUBBED:
        return [secret]
    return [argument[at:] for at in range(len(argument) - len(secret) + 1)]


def is_near(name: str, flag: str) -> bool:
    """Tell `--tok` and `--tokn` from what is no `--token`: an abbreviation, or misspelt."""
    if name[:2] == "--" != name and flag.startswith(name):
        return True
    name, flag = name.lstrip("-"), flag.lstrip("-")
    if len(flag) < 3 or not name:
        return False
    allowed = 1 if len(flag) < 5 else 2
    if len(name) > 1 and flag.startswith(name):
        return True
    return abs(len(name) - len(flag)) <= allowed and _distance(name, flag) <= allowed


def _distance(one: str, other: str) -> int:
    """Return how many letters must be put in, left out or changed to make one of the other."""
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, row = row, [at]
        for there, wanted in enumerate(other, 1):
            changed = before[there - 1] + (letter != wanted)
            row.append(min(before[there] + 1, row[-1] + 1, changed))
    return row[-1]
