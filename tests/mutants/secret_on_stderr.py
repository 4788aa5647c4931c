"""The command line is printed on stderr."""

import sys

from sound import Tool


class Mutant(Tool):
    def begin(self):
        print(sys.argv, file=sys.stderr)
        super().begin()


Mutant().main()
