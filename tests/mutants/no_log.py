"""There is no log."""

from sound import Tool


class Mutant(Tool):
    def write(self, entry):
        pass

    def audit_log(self, words):
        self.answer(None, "no such command")
        raise SystemExit(2)


Mutant().main()
