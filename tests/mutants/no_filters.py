"""audit-log does not know its filters."""

from sound import Tool


class Mutant(Tool):
    def audit_log(self, words):
        super().audit_log(words[:4])


Mutant().main()
