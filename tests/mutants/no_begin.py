"""Writes at the end only: a call that is killed leaves nothing."""

from sound import Tool


class Mutant(Tool):
    slow = 0.8

    def begin(self):
        pass


Mutant().main()
