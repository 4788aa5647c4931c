"""Each call has the same request id."""

from sound import Tool


class Mutant(Tool):
    def new_id(self):
        return "req-0001"


Mutant().main()
