"""Entries do not say who called."""

from sound import Tool


class Mutant(Tool):
    def entry(self, phase, exit_code):
        made = super().entry(phase, exit_code)
        del made["operator"]
        return made


Mutant().main()
