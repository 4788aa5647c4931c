"""There is no duration_ms."""

from sound import Tool


class Mutant(Tool):
    def meta(self):
        return {name: value for name, value in super().meta().items() if name != "duration_ms"}


Mutant().main()
