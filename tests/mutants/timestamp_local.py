"""The timestamp has no zone."""

from datetime import datetime

from sound import Tool


class Mutant(Tool):
    def now(self):
        return datetime.now().isoformat(timespec="milliseconds")


Mutant().main()
