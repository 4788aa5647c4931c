"""The request id is the time, in whole seconds."""

import time

from sound import Tool


class Mutant(Tool):
    def new_id(self):
        return f"req-{int(time.time())}"


Mutant().main()
