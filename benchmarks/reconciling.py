"""How often `reconcile --server-log` is right: precision and recall on generated logs.

No figure of speed, and no ratio: the truth is known, because the logs are made up. Each log has
50 requests and a number of strangers' lines for each, that ask for the same four paths in the
same minutes; times are whole seconds, as in the combined format; the server's clock is off by
a number of seconds that nothing tells. `lost` is the share of the requests whose line is not in
the log; recall is of those that are. Without a path is what a tool's own record knows of a
request: its method and status.

    python benchmarks/reconciling.py [--logs 100]
"""

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from server_logs import Generated
from test_reconcile_clock import matched

_REQUESTS = 50
_STRANGERS = (0, 1, 3, 10)
_LOST = (0.0, 0.1)


def measure(
    logs: int, strangers: float, *, with_path: bool, lost: float
) -> tuple[float, float, float]:
    """Return precision, recall and the share of logs whose offset was found to 1.5 s."""
    right = wrong = found = there = 0
    random = Random(7)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(logs):
            skew = random.choice((0.0, random.uniform(-60, 60), random.choice((3600.0, -25200.0))))
            made = Generated(seed, requests=_REQUESTS, strangers=strangers, skew=skew, lost=lost)
            matching, candidates = matched(made, Path(folder), with_path=with_path)
            there += sum(number in made.truth for number in range(_REQUESTS))
            offset = matching.offset
            found += offset is not None and abs(offset.seconds - skew) <= 1.5
            for number, match in enumerate(matching.matches):
                if match.sure:
                    told = candidates.lines[match.lines[0][0]].number
                    right += told == made.truth.get(number)
                    wrong += told != made.truth.get(number)
    precision = right / (right + wrong) if right + wrong else float("nan")
    return precision, right / there, found / logs


def main() -> int:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--logs", type=int, default=100, help="for each row")
    logs = parser.parse_args().logs
    print("| known of a request | strangers for each | lost | precision | recall | offset found |")
    print("|---|---|---|---|---|---|")
    for with_path in (True, False):
        known = "method, path, status" if with_path else "method, status"
        for strangers, lost in product(_STRANGERS, _LOST):
            precision, recall, found = measure(logs, strangers, with_path=with_path, lost=lost)
            print(
                f"| {known} | {strangers} | {lost:.0%} | {precision:.4f} | {recall:.3f}"
                f" | {found:.3f} |"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
