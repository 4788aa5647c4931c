"""What audit-log lists is clean; another file has the command line as it was."""

import sys

from sound import Tool


class Mutant(Tool):
    def begin(self):
        super().begin()
        with open(self.log.with_name("raw.db"), "a") as file:
            file.write(f"{self.trace_id} {sys.argv}\n")


Mutant().main()
