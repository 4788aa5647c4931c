"""audit-log prints one document."""

from sound import Tool


class Mutant(Tool):
    def list(self, entries):
        self.answer({"entries": entries}, None)


Mutant().main()
