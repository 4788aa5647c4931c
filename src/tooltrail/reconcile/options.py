"""Read a client's words as its own parser does: options, their values, and what is left."""

from typing import NamedTuple

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PLAIN = ""  # a word that is no option
UNKNOWN = "?"  # an option that is not known here: it may be of a newer version
PERHAPS = "??"  # the word behind such an option: its value, or a word of its own


class Style(NamedTuple):
    """The options of one client. Names are without dashes; short ones are single letters."""

    valued: frozenset[str]  # long options that take a value
    flags: frozenset[str]  # long options that take none
    letters: str  # short options that take a value, in the same word or in the next
    plain_letters: str  # short options that take none
    names: "Mapping[str, str]"  # of short options, where the long one's matters
    pairs: frozenset[str] = frozenset()  # options that take two values

    def long(self, name: str) -> str:
        """Return an option's whole name: it may be cut where it is still the only one."""
        if name in self.valued or name in self.flags:
            return name
        fitting = {each for each in (*self.valued, *self.flags) if each.startswith(name)}
        if len(fitting) == 1:
            return fitting.pop()
        if name.startswith("no-"):
            whole = self.long(name[3:])
            return f"no-{whole}" if whole in self.flags else UNKNOWN
        return UNKNOWN


def names_in(text: str) -> frozenset[str]:
    """Return the names of options that stand in a text."""
    return frozenset(text.split())


def read(words: "Sequence[str]", style: Style) -> "Iterator[tuple[str, str]]":
    """Yield each option with its value, and each other word as `PLAIN`.

    Options may stand behind other words, as all these clients let them.
    """
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            yield from ((PLAIN, rest) for rest in words[at:])
            return
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = style.long(name)
            if name in style.valued and not equals:
                value, at = _at(words, at), at + 1
            yield name, value
            at += name in style.pairs
            if name == UNKNOWN and not equals and at < len(words) and words[at][:1] != "-":
                yield PERHAPS, words[at]
                at += 1
        elif word.startswith("-") and word != "-":
            took = 0
            for name, value, more in _cluster(word[1:], style):
                yield name, _at(words, at) if more else value
                took += more + (name in style.pairs)
            at += took
        else:
            yield PLAIN, word


def _at(words: "Sequence[str]", at: int) -> str:
    return words[at] if at < len(words) else ""


def _cluster(letters: str, style: Style) -> "Iterator[tuple[str, str, bool]]":
    """Yield name and value of each short option; whether the value is the next word."""
    for place, letter in enumerate(letters):
        name = style.names.get(letter, letter)
        if letter in style.letters:
            value = letters[place + 1 :]
            yield name, value, not value
            return
        if letter not in style.plain_letters:
            yield UNKNOWN, letter, False
            return
        yield name, "", False
