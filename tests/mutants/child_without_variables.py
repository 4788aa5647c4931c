"""Starts a program with no variables at all."""

import subprocess

from sound import Tool


class Mutant(Tool):
    def act(self, name):
        subprocess.run(["/bin/sleep", "0.2"], env={}, check=False)
        return super().act(name)


Mutant().main()
