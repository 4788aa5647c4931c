"""The big run: `python -m faults [storm|births|clocks|corners|places] ...` in the folder `tests`.

Prints a table and the seed; exits with 1 where a promise was broken.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .clocks import clocks
from .corners import corners
from .places import places
from .storm import births, storm
from .table import Promise, show

_PARTS = ("storm", "births", "clocks", "corners", "places")


def main() -> int:
    """Run the parts that were asked for; return the exit code."""
    made = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    made.add_argument("parts", nargs="*", help=f"of {', '.join(_PARTS)}; all where none is named")
    made.add_argument("--seed", default=os.environ.get("SEED") or str(time.time_ns() // 10**9))
    made.add_argument("--calls", type=int, default=int(os.environ.get("CALLS") or 6000))
    made.add_argument("--processes", type=int, default=16)
    made.add_argument("--logs", type=int, default=150, help="how many are born and killed")
    made.add_argument("--fault", action="append", help="of the places, only this one")
    made.add_argument("--driver", action="append", help="of the places, only by this kind of tool")
    made.add_argument("--json", action="store_true", help="print what was broken as JSON")
    made.add_argument("--root", type=Path, help="keep the logs there")
    asked = made.parse_args()
    if unknown := set(asked.parts) - set(_PARTS):
        made.error(f"no such part: {', '.join(sorted(unknown))}")
    root = asked.root or Path(tempfile.mkdtemp(prefix="tooltrail-faults-"))
    started = time.monotonic()
    promises: list[Promise] = []
    for part in asked.parts or _PARTS:
        promises += _run(part, root, asked)
    if asked.json:
        print(json.dumps([{"fault": line.fault, "broken": line.broken} for line in promises]))
        shutil.rmtree(root, ignore_errors=True)
        return 0
    broken = show(promises)
    print(f"\nseed {asked.seed}, {time.monotonic() - started:.0f} s", end="")
    print(f"; {broken} promises broken; the logs are in {root}" if broken else "; all held")
    if not broken and asked.root is None:
        shutil.rmtree(root, ignore_errors=True)  # a reading command may still be compressing there
    return 1 if broken else 0


def _run(part: str, root: Path, asked: argparse.Namespace) -> list[Promise]:
    if part == "storm":
        return storm(root, asked.seed, asked.calls, asked.processes)
    if part == "births":
        return births(root, asked.seed, asked.logs, asked.processes)
    if part == "clocks":
        return clocks(root, asked.seed, asked.calls // 4, asked.processes)
    if part == "corners":
        return corners(root / "corners")
    return places(asked.fault, asked.driver)


if __name__ == "__main__":
    sys.exit(main())
