"""What a parser takes that is secret, and where it stands in a command line that was refused.

For argparse and optparse. A secret is told by the name of what holds it (`dest`, or any of its
flags) or by its type; then all of its flags are declared, because `-p` alone means nothing. Where
the parser gave up, nobody has the values: they are looked for by the rules of the parser.
"""

from .._names import TOKENS, is_secret_name
from .._wire import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from .._invocation import Invocation


_SECRET_TYPES = ("secret", "password", "getpass")  # in the name of a type


class Taken:
    """One option or argument of a parser. An argument has no flags."""

    __slots__ = ("count", "dest", "flags", "greedy", "metavar", "parts", "type")

    def __init__(self, each: "Any") -> None:
        strings = getattr(each, "option_strings", None)
        self.greedy = strings is None  # optparse: its values may look like options
        if strings is None:
            strings = (*each._short_opts, *each._long_opts)
            self.count: Any = each.nargs if each.takes_value() else 0
        else:
            self.count = 1 if each.nargs is None else each.nargs
        self.flags: tuple[str, ...] = tuple(strings)
        self.dest = str(each.dest or "")
        self.metavar = each.metavar if isinstance(each.metavar, str) else ""
        parts = each.metavar if isinstance(each.metavar, tuple) else ()
        self.parts = tuple(map(str, parts))  # of what takes several: `USER PASSWORD`
        self.type = each.type

    @property
    def is_secret(self) -> bool:
        """Whether its name, one of its flags or its type says that it holds a secret."""
        if self.count == 0:
            return False
        kind = str(getattr(self.type, "__name__", ""))
        if any(word in kind.lower() for word in _SECRET_TYPES):
            return True
        if self.dest.lower() == TOKENS and self.type not in (int, float):
            return True
        return any(
            is_secret_name(name.lstrip("-+/")) for name in (self.dest, *self.flags, *self.parts)
        )

    def values_in(self, following: "Sequence[str]") -> "list[str]":
        """Return its values at the start of what follows it."""
        most = self.count if isinstance(self.count, int) else 1 if self.count == "?" else 1 << 30
        values = []
        for argument in following[:most]:
            if argument[:1] == "-" and not self.greedy:
                break
            values.append(argument)
        return values


def taken_by(parser: "Any") -> "Iterator[Taken]":
    """Yield what a parser of either kind takes, but for its subcommands."""
    every = getattr(parser, "_get_all_options", None)  # optparse's
    for each in getattr(parser, "_actions", ()) if every is None else every():
        if not hasattr(each, "add_parser"):
            yield Taken(each)


def secrets_of(parsers: "Sequence[Any]") -> "list[Taken]":
    """Return what is secret of what these parsers take."""
    return [each for parser in parsers for each in taken_by(parser) if each.is_secret]


def declare(secrets: "Sequence[Taken]", call: "Invocation") -> None:
    """Tell a call which names and flags hold secrets."""
    names = [name for each in secrets for name in (each.dest, *each.flags)]
    # `tokens` says it by itself, and may be a number of them.
    call.declare_secrets([name for name in names if name.lstrip("-+/") != TOKENS])


def hide_in_refused(
    call: "Invocation", parsers: "Sequence[Any]", names: "Sequence[str]", given: "Sequence[str]"
) -> bool:
    """Learn the secrets in a command line that was refused; tell whether arguments may be some.

    `parsers` are those on the way, and `names` of the subcommands. Which of them an option belongs
    to is not known, nor, where a subcommand is misspelt, whose arguments they are.
    """
    tree = list(_tree(parsers[0]))
    declare(secrets_of(tree), call)
    options = [each for parser in tree for each in taken_by(parser) if each.flags]
    flags, values, spoken_for = _found(given, options)
    call.declare_secrets(flags)
    reached = tree if len(parsers) == 1 and len(tree) > 1 else parsers
    secret_argument = any(not each.flags for each in secrets_of(reached))
    if secret_argument:
        words = [
            word
            for at, word in enumerate(given)
            if word[:1] != "-" and word not in names and at not in spoken_for
        ]
        values += words[1:] if reached is tree else words  # the first is the misspelt name
    call.redactor.learn(values)
    return secret_argument and reached is parsers


def without_value(message: str, parsers: "Sequence[Any]") -> str:
    """Take the value out of a message on something secret; that none was given is no secret."""
    for start in ("argument ", "option "):
        subject, colon, rest = message.removeprefix(start).partition(": ")
        if not message.startswith(start) or not colon or rest.startswith("expected "):
            continue
        named = {name.strip().partition("=")[0] for name in subject.split("/")}
        for each in secrets_of([tree for parser in parsers[:1] for tree in _tree(parser)]):
            if named & {*each.flags, *(() if each.flags else (each.dest, each.metavar))}:
                return f"{start}{subject}: {REDACTED}"
    return message


def _tree(parser: "Any") -> "Iterator[Any]":
    """Yield a parser and those of all subcommands below it."""
    yield parser
    for action in getattr(parser, "_actions", ()):
        if hasattr(action, "add_parser"):
            for each in dict.fromkeys(action.choices.values()):
                yield from _tree(each)


def _found(
    given: "Sequence[str]", options: "Sequence[Taken]"
) -> "tuple[list[str], list[str], set[int]]":
    """Return the secret flags as they were written, abbreviated or not, and their values.

    And where the values of other options stand, which are no arguments.
    """
    flags: list[str] = []
    values: list[str] = []
    spoken_for: set[int] = set()
    prefixes = {"-", *(flag[:1] for each in options for flag in each.flags)}
    for at, argument in enumerate(given):
        if argument[:1] not in prefixes or len(argument) < 2:
            continue
        name, assigned, value = argument.partition("=")
        meant = [each for each in options if _means(name, each.flags)]
        if not meant:
            values += _attached(argument, given[at + 1 :], options)
        for each in meant:
            own = [value] if assigned else each.values_in(given[at + 1 :])
            if each.is_secret:
                flags.append(name)
                values += own
            elif not assigned and isinstance(each.count, int):
                spoken_for |= set(range(at + 1, at + 1 + len(own)))
    return flags, values, spoken_for


def _means(name: str, flags: "Sequence[str]") -> bool:
    if len(name) > 2 and name[:1] == name[1:2] and not name[0].isalnum():
        return any(flag.startswith(name) for flag in flags)  # both parsers take abbreviations
    return name in flags


def _attached(argument: str, following: "Sequence[str]", options: "Sequence[Taken]") -> "list[str]":
    """Return the secret of `-pVALUE`, or of `-vpVALUE` or `-vp VALUE` after other letters."""
    for position, letter in enumerate(argument[1:], 2):
        meant = [each for each in options if f"{argument[0]}{letter}" in each.flags]
        if not meant:
            return []
        if any(each.count != 0 for each in meant):
            secret = [each for each in meant if each.is_secret]
            rest = argument[position:]
            if secret and rest:
                from ._refused_lines import attached

                return attached(argument, rest)
            return secret[0].values_in(following) if secret else []
    return []
