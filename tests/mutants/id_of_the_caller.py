"""The caller chooses the request id: it is the trace id."""

from sound import Tool


class Mutant(Tool):
    def new_id(self):
        return self.caller_id()


Mutant().main()
