"""Click's own test suite, bare and with every command observed: the same tests must pass.

    python -m compat.click_suite [--click click==8.5.1]

The tests are those of Click's source archive on the registry, unmodified, and they run against
Click as it is installed from there. Skipped is what Click itself skips on this machine; its
`stress` tests, which Click leaves out unless asked, are left out as well: 31,000 cases of the
streams of its test runner, which take over ten minutes bare.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

from .venvs import REPOSITORY, Cache

CLICK = "click==8.5.1"
_PLUGIN = ("-p", "compat.click_watch")


def main() -> int:
    """Run the suite twice; the exit code is 1 where a test came to something else, observed."""
    parser = argparse.ArgumentParser(description="Click's own test suite, observed")
    parser.add_argument("--click", default=CLICK, help=f"which Click ({CLICK})")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".venv" / "compat")
    options = parser.parse_args()
    python, sources = Cache(options.cache).click_suite(options.click)
    home = options.cache.absolute() / "click-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    bare, watched = (_run(python, sources, home, plugin) for plugin in ((), _PLUGIN))
    calls = _calls(home)
    print(f"bare:     {_counts(bare)}")
    print(f"observed: {_counts(watched)}; {calls:,} calls recorded")
    for test in sorted(bare.keys() | watched.keys()):
        if bare.get(test) != watched.get(test):
            print(f"    {test}: {bare.get(test)}, observed {watched.get(test)}")
    return 0 if bare and bare == watched and calls else 1


def _run(python: Path, sources: Path, home: Path, plugin: tuple[str, ...]) -> dict[str, str]:
    """Run the suite; return what each test came to."""
    report = home / "report.xml"
    environment = {
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "src"))),
    }
    pytest = (str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin)
    subprocess.run(
        [*pytest, f"--junitxml={report}"],
        cwd=sources,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("skipped", "failure", "error")]
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = kinds[0] if kinds else "passed"
    report.unlink()
    return found


def _counts(results: dict[str, str]) -> str:
    counts = sorted(Counter(results.values()).items())
    return ", ".join(f"{number:,} {kind}" for kind, number in counts)


def _calls(home: Path) -> int:
    logs = home.glob(".local/share/*/audit.jsonl")
    lines = (json.loads(line) for log in logs for line in log.read_bytes().splitlines())
    return sum(line["event"] == "end" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
