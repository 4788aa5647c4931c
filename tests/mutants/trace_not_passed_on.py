"""What it starts does not get the trace id."""

import os
import subprocess

from sound import Tool


class Mutant(Tool):
    def act(self, name):
        kept = {key: value for key, value in os.environ.items() if key != "TOOL_TRACE_ID"}
        subprocess.run(["sleep", "0.2"], env=kept, check=True)
        return super().act(name)


Mutant().main()
