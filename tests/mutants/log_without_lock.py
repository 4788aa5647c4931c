"""Reads the log, adds to it, writes it back: parallel calls lose entries."""

import json
import time

from sound import Tool


class Mutant(Tool):
    def end(self, exit_code):
        former = self.log.read_text()
        time.sleep(0.3)
        self.log.write_text(former + json.dumps(self.entry("end", exit_code)) + "\n")


Mutant().main()
