"""Breaks where the caller gives no trace id."""

import os

from sound import Tool


class Mutant(Tool):
    def caller_id(self):
        return os.environ["TOOL_TRACE_ID"]


Mutant().main()
