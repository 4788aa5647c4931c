"""Which of a shell's commands have ended, and how: worked out from what its hook told.

bash tells of each simple command before it starts, with the statuses of what ran before. Of the
elements of a pipeline it tells one after another, each before the one before it has ended: while
it starts them it blocks SIGCHLD and reaps no child, and so the hook knows.

Where the statuses do not fit the commands (an element was a subshell or a loop, of which nothing
is told) nobody can say whose they are, and no end is written: unknown is better than wrong.
"""

from .._typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..secondhand import Told


class Running:
    """A command that was begun; `ended` is its status and when, in µs, once that is known."""

    __slots__ = ("began_us", "ended", "told")

    def __init__(self, told: "Told", began_us: int) -> None:
        self.told = told
        self.began_us = began_us
        self.ended: tuple[int, int] | None = None


class Ledger:
    """What a shell is running now: one command, or the elements of one pipeline so far."""

    def __init__(self) -> None:
        self.running: list[Running] = []
        self._background = ""

    def begin(self, command: Running) -> None:
        """Note a command that is about to start."""
        self.running.append(command)

    def boundary(
        self, at_us: int, pipe: "Sequence[int]", background: str, *, piped: bool
    ) -> list[Running]:
        """Take in what the shell knows between two commands; return those that have ended.

        `pipe` is PIPESTATUS. `background` is `$!`: where it has changed, what ran went to the
        background, and nobody will tell how it ends. `piped` says that it has not ended yet.
        """
        went, self._background = background != self._background, background
        if piped and not went:
            return []
        ended, self.running = self.running, []
        if went or len(ended) != len(pipe):
            return []
        for command, status in zip(ended, pipe, strict=True):
            command.ended = status, at_us
        return ended
