"""The trace id is cut to seven characters."""

from sound import Tool


class Mutant(Tool):
    def caller_id(self):
        return super().caller_id()[:7]


Mutant().main()
