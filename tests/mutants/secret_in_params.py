"""The command line is recorded as it is."""

import sys

from sound import Tool


class Mutant(Tool):
    def params(self):
        return {"argv": sys.argv[1:]}


Mutant().main()
