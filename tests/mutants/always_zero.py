"""The log says of each call that it succeeded."""

from sound import Tool


class Mutant(Tool):
    def end(self, exit_code):
        super().end(0)


Mutant().main()
