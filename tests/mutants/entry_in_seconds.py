"""The duration of an entry is in seconds, that of the response is not."""

from sound import Tool


class Mutant(Tool):
    slow = 0.4

    def entry(self, phase, exit_code):
        return {**super().entry(phase, exit_code), "duration_ms": self.duration() / 1000}


Mutant().main()
