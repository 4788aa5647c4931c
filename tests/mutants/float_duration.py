"""duration_ms has a fraction."""

from sound import Tool


class Mutant(Tool):
    def duration(self):
        return super().duration() + 0.5


Mutant().main()
