"""What a line that an agent gives to its shell calls: one program, or the shell itself."""

_SHELL = "bash"
_OF_THE_SHELL = frozenset("|&;<>()$`\\\n*?[]{}~!#=%")  # = only before the program's name matters
_AFTER_THE_NAME = frozenset("=%{}!")  # which a shell leaves alone in the arguments of a program
_SPACE, _QUOTES = " \t", "'\""

_WORDS = """if then else elif fi case esac for foreach select repeat while until do done in
    function time coproc noglob nocorrect"""
_KEYWORDS = frozenset(_WORDS.split())  # which begin something else than the call of a program
# Builtins that are no programs, too: `echo`, `kill`, `printf`, `pwd`, `test` are both, and alike.
_NO_PROGRAMS = """. : alias autoload bg bind break builtin caller cd command compgen complete
    compopt continue declare dirs disown emulate enable eval exec exit export fc fg getopts hash
    help history jobs let local logout mapfile popd pushd read readarray readonly return set setopt
    shift shopt source suspend times trap type typeset ulimit umask unalias unset unsetopt wait
    whence zmodload"""
_BUILTINS = frozenset(_NO_PROGRAMS.split())


def called(line: str) -> tuple[str, list[str]]:
    """Return the tool and the argv that a shell's command line comes to.

    A line that calls one program, and that a shell would pass on as it stands, is a call of that
    program: `git push origin` gives `("git", ["git", "push", "origin"])`. Anything else (pipes,
    `&&`, variables, redirections, `{a,b}`, the shell's keywords, and builtins that are no programs
    as well) is a call of the shell: `("bash", ["bash", "-c", line])`.
    """
    first, _, rest = line.strip().partition(" ")
    if _OF_THE_SHELL.isdisjoint(first) and not (_OF_THE_SHELL - _AFTER_THE_NAME) & set(rest):
        argv = _words(line)
        if argv and argv[0] and argv[0] not in _KEYWORDS | _BUILTINS:
            return argv[0].rpartition("/")[2] or _SHELL, argv
    return _SHELL, [_SHELL, "-c", line]


def _words(line: str) -> list[str] | None:
    """Split a line without backslashes as a shell does; None where that takes a shell.

    `shlex` does more, and costs as much as an interpreter's start.
    """
    words: list[str] = []
    word: list[str] | None = None
    quote = bare = ""  # `bare`: what is not quoted in a word
    for char in line.strip():
        if quote and char == quote:
            quote = ""
        elif quote or char not in _QUOTES + _SPACE:
            word = word or []
            word.append(char)
            bare += "" if quote else char
        elif char in _QUOTES:
            quote, word = char, word or []
        elif word is not None:
            words.append("".join(word))
            if _is_expanded(bare):
                return None
            word, bare = None, ""
    if quote or _is_expanded(bare):
        return None  # the shell's business
    return words if word is None else [*words, "".join(word)]


def _is_expanded(bare: str) -> bool:
    """Tell whether a shell makes several words of this one: `{a,b}`, `{1..3}`, but not `@{0}`."""
    _, opened, inside = bare.partition("{")
    inside, closed, _ = inside.rpartition("}")
    return bool(opened and closed) and ("," in inside or ".." in inside)
