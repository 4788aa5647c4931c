"""A usage error is a text on stderr."""

import sys

from sound import Tool


class Mutant(Tool):
    def answer(self, data, error):
        if error is None:
            super().answer(data, error)
        else:
            print(error, file=sys.stderr)


Mutant().main()
