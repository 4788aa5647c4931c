"""The whole environment is recorded."""

import os

from sound import Tool


class Mutant(Tool):
    def params(self):
        return {**super().params(), "environment": dict(os.environ)}


Mutant().main()
