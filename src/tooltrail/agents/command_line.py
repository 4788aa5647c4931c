"""What a line that an agent gives to its shell calls: one program, or the shell itself."""

import shlex

_SHELL = "bash"
_OF_THE_SHELL = frozenset("|&;<>()$`\\\n*?[]{}~!#=%")  # = only before the program's name matters
_AFTER_THE_NAME = frozenset("=%{}!")  # which a shell leaves alone in the arguments of a program


def called(line: str) -> tuple[str, list[str]]:
    """Return the tool and the argv that a shell's command line comes to.

    A line that calls one program, and that a shell would pass on as it stands, is a call of that
    program: `git push origin` gives `("git", ["git", "push", "origin"])`. Anything else (pipes,
    `&&`, variables, redirections) is a call of the shell: `("bash", ["bash", "-c", line])`.
    """
    first, _, rest = line.strip().partition(" ")
    if _OF_THE_SHELL.isdisjoint(first) and not (_OF_THE_SHELL - _AFTER_THE_NAME) & set(rest):
        try:
            argv = shlex.split(line)
        except ValueError:  # quotes that do not match: the shell's business
            argv = []
        if argv:
            return argv[0].rpartition("/")[2] or _SHELL, argv
    return _SHELL, [_SHELL, "-c", line]
