"""A trace id that is not ASCII ends the call."""

from sound import Tool


class Mutant(Tool):
    def caller_id(self):
        found = super().caller_id()
        found.encode("ascii")
        return found


Mutant().main()
