"""Entries of calls at the same time bear another's exit code."""

import fcntl
import time

from sound import Tool


class Mutant(Tool):
    def end(self, exit_code):
        with open(self.log.with_name("busy"), "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                exit_code = 77
            time.sleep(0.2)
            super().end(exit_code)


Mutant().main()
