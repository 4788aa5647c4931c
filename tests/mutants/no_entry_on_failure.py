"""Only success is recorded."""

from sound import Tool


class Mutant(Tool):
    def begin(self):
        pass

    def end(self, exit_code):
        if exit_code == 0:
            super().end(exit_code)


Mutant().main()
