"""duration_ms is a constant, longer than the call."""

from sound import Tool


class Mutant(Tool):
    def duration(self):
        return 60_000


Mutant().main()
