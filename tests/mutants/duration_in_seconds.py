"""duration_ms is in seconds."""

from sound import Tool


class Mutant(Tool):
    slow = 0.5

    def duration(self):
        return super().duration() // 1000


Mutant().main()
