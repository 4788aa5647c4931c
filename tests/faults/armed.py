"""Run a Python program with a trap set: `python -m faults.armed PLACE AT HOW SHARE PROGRAM ...`."""

import os
import runpy
import sys

from .traps import Trap


def main() -> None:
    """Set the trap and become the program."""
    place, at, how, share, program, *arguments = sys.argv[1:]
    tell_fd = int(os.environ["FAULTS_TELL"])
    sys.argv = [program, *arguments]
    Trap(place, int(at), how, float(share), tell_fd).set()
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
