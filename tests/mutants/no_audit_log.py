"""There is a log, and no command to read it."""

from sound import Tool


class Mutant(Tool):
    def audit_log(self, words):
        self.answer(None, "no such command")
        raise SystemExit(2)


Mutant().main()
