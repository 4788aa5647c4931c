"""The request id is made of the caller's trace id: two calls of a trace have the same."""

import hashlib

from sound import Tool


class Mutant(Tool):
    def new_id(self):
        return hashlib.sha256(self.caller_id().encode()).hexdigest()


Mutant().main()
