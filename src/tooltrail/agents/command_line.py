"""What a line that an agent gives to its shell calls: one program, or the shell itself."""

_SHELL = "bash"
_OF_THE_SHELL = frozenset("|&;<>()$`\\\n*?[]{}~!#=%")  # = only before the program's name matters
_AFTER_THE_NAME = frozenset("=%{}!")  # which a shell leaves alone in the arguments of a program
_SPACE, _QUOTES = " \t", "'\""


def called(line: str) -> tuple[str, list[str]]:
    """Return the tool and the argv that a shell's command line comes to.

    A line that calls one program, and that a shell would pass on as it stands, is a call of that
    program: `git push origin` gives `("git", ["git", "push", "origin"])`. Anything else (pipes,
    `&&`, variables, redirections) is a call of the shell: `("bash", ["bash", "-c", line])`.
    """
    first, _, rest = line.strip().partition(" ")
    if _OF_THE_SHELL.isdisjoint(first) and not (_OF_THE_SHELL - _AFTER_THE_NAME) & set(rest):
        argv = _words(line)
        if argv and argv[0]:
            return argv[0].rpartition("/")[2] or _SHELL, argv
    return _SHELL, [_SHELL, "-c", line]


def _words(line: str) -> list[str] | None:
    """Split a line without backslashes as a shell does; None where its quotes do not match.

    `shlex` does more, and costs as much as an interpreter's start.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    for char in line.strip():
        if quote and char == quote:
            quote = ""
        elif quote or char not in _QUOTES + _SPACE:
            word = word or []
            word.append(char)
        elif char in _QUOTES:
            quote, word = char, word or []
        elif word is not None:
            words.append("".join(word))
            word = None
    if quote:
        return None  # the shell's business
    return words if word is None else [*words, "".join(word)]
