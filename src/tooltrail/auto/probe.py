"""Run by an environment's interpreter, as a script, to tell whether its start-up files run."""

import sys

if __name__ == "__main__":
    started = "_tooltrail_bootstrap" in sys.modules and "tooltrail.auto.startup" in sys.modules
    print("recorded" if started else "not recorded")
