"""Import a transcript of 100 MB against a bare `json.loads` loop over its lines.

The transcript is made here: nine lines of ten are large and hold no command (answers, thoughts,
files that were read), as in the real ones. Both run as a process; the logs are new each time.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import MS, Figure, table

_SESSION = "0d9a6a3e-5f0e-4c57-9a52-3f2f7b6f5e11"
_LOOP = """\
import json, sys
with open(sys.argv[1], "rb") as file:
    for line in file:
        json.loads(line)
"""


def make(path: Path, size: int) -> int:
    """Write a transcript of `size` bytes or a little more; return how many commands it has."""
    chance, commands, written = random.Random(7), 0, 0
    words = [f"word{number}" for number in range(5000)]
    with path.open("w") as file:
        while written < size:
            blocks = [("assistant", {"type": "text", "text": " ".join(chance.choices(words, k=n))})
                      for n in chance.choices((80, 600, 2500), k=9)]  # fmt: skip
            call = f"toolu_{commands}"
            given = {"command": f"git log -n {commands}", "description": "Look at the log"}
            blocks.append(
                ("assistant", {"type": "tool_use", "id": call, "name": "Bash", "input": given})
            )
            shown = " ".join(chance.choices(words, k=400))
            blocks.append(("user", {"type": "tool_result", "tool_use_id": call, "content": shown}))
            for kind, block in blocks:
                line = {
                    "cwd": "/srv/app",
                    "sessionId": _SESSION,
                    "version": "2.1.12",
                    "type": kind,
                    "message": {"role": kind, "content": [block]},
                    "timestamp": "2026-08-01T10:00:00.250Z",
                }
                if block["type"] == "tool_result":
                    line["toolUseResult"] = {"stdout": shown, "stderr": "", "interrupted": False}
                written += file.write(json.dumps(line) + "\n")
            commands += 1
    return commands


def main() -> int:
    """Print a table; `--megabytes` and `--rounds` make it shorter."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=100)
    asked = parser.parse_args()
    bare = Figure("json.loads of each line", MS)
    ours = Figure("tooltrail import", MS, bare, at_most=2.0)
    with tempfile.TemporaryDirectory(prefix="tooltrail-bench-") as folder:
        path, home = Path(folder) / "a.jsonl", Path(folder) / "home"
        commands = make(path, asked.megabytes * 1_000_000)
        environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        import_it = [sys.executable, "-m", "tooltrail", "import", "claude-code", str(path)]
        for _ in range(asked.rounds):
            for figure, argv in ((bare, [sys.executable, "-c", _LOOP, str(path)]),
                                 (ours, import_it)):  # fmt: skip
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                started = time.perf_counter()
                ran = subprocess.run(argv, env=environment, capture_output=True, check=True)
                figure.values.append((time.perf_counter() - started) * 1000)
                if figure is ours and json.loads(ran.stdout)["data"]["added"] != commands:
                    raise SystemExit("not all commands were imported")
    print(table(f"{asked.megabytes} MB, {commands} commands ({asked.rounds} rounds)", [bare, ours]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
