"""A long trace id is cut, and nothing says so."""

from sound import Tool


class Mutant(Tool):
    def __init__(self):
        super().__init__()
        self.warnings.clear()


Mutant().main()
