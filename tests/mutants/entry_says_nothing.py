"""Entries have every field, and say nothing in them."""

from sound import Tool


class Mutant(Tool):
    def entry(self, phase, exit_code):
        return {**super().entry(phase, exit_code), "command": "garbage", "params": {}}


Mutant().main()
