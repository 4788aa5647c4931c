"""Score real CLIs with `tooltrail check`, and write the table of `docs/scoreboard.md`.

    python -m compat.scoreboard                 every command of `clis.py` that can be had here
    python -m compat.scoreboard git httpie      these; the others' rows stay as they were

Each is looked at as it is, then wrapped by `tooltrail run`, then, where it is a Python program,
under `tooltrail run --instrument`: 20 calls or so each time, in a throw-away home without network.
"""

import argparse
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .clis import CLIS, NPM, PYPI, Cli
from .tools import TOOLS
from .venvs import REPOSITORY, Cache

PAGE = REPOSITORY / "docs" / "scoreboard.md"
_BEGIN, _END = "<!-- made by compat/scoreboard.py -->", "<!-- end of what it made -->"
_BARE, _WRAPPED, _INSTRUMENTED = MODES = ("bare", "wrapped", "instrumented")
_OPTIONS = ("--probe", "--repeat", "4", "--sandbox", "--deadline", "20", "--output", "json")
_ABOVE = {_BARE: (), _WRAPPED: ("run", "--"), _INSTRUMENTED: ("run", "--instrument", "--")}
_PATIENCE = 900  # seconds for one check
_VERSION = re.compile(r"\d+\.\d+[\w.+~-]*")


@dataclass
class Row:
    """What a command scored. `scores` and `reasons` are by mode; a score of None is a `?`."""

    command: str
    source: str
    version: str
    scores: dict[str, int | None] = field(default_factory=dict)
    by_meta: dict[str, int | None] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    problem: str | None = None
    exit_code: int | None = None  # of the command as it is, in its throw-away home


def main() -> int:
    """Score what the command line asks for."""
    parser = argparse.ArgumentParser(description="score real CLIs")
    parser.add_argument("names", nargs="*", help="only these programs (all)")
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".venv" / "compat")
    options = parser.parse_args()
    known = {cli.argv[0] for cli in CLIS}
    unknown = sorted(set(options.names) - known)
    if unknown:
        parser.error(
            f"no such program: {', '.join(unknown)}; there are: {', '.join(sorted(known))}"
        )
    cache = Cache(options.cache)
    cache.folder.mkdir(parents=True, exist_ok=True)
    kept = cache.folder / "scoreboard.json"
    rows: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    tooltrail = cache.tooltrail()
    for cli in CLIS:
        if options.names and cli.argv[0] not in options.names:
            continue
        program = program_of(cli, cache)
        if program is None:
            print(f"{cli.argv[0]}: not to be had here", flush=True)
            continue
        row = score(cli, program, tooltrail)
        rows[cli.argv[0]] = asdict(row)
        print(f"{row.command}: {row.scores}, by its meta: {row.by_meta}", flush=True)
        kept.write_text(json.dumps(rows, indent=1))
        write(PAGE, rows)
    return 0


def program_of(cli: Cli, cache: Cache) -> str | None:
    """Return the path of a program, installed where it has a pin; None where it cannot be had."""
    if cli.source == PYPI:
        (tool,) = (tool for tool in TOOLS if tool.name == cli.package)
        return str(cache.environment_of(tool) / "bin" / cli.argv[0])
    if cli.source == NPM:
        prefix = cache.folder / "npm" / cli.package
        if shutil.which("npm") is None:
            return None
        if not prefix.exists():
            prefix.mkdir(parents=True)
            install = ["npm", "install", "--silent", "--prefix", str(prefix), cli.package]
            subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
        return str(prefix / "node_modules" / ".bin" / cli.argv[0])
    return shutil.which(cli.argv[0])


def score(cli: Cli, program: str, tooltrail: Path) -> Row:
    """Look at a command in each way that there is for it."""
    row = Row(shlex.join(cli.argv), cli.source, version_of(cli, program))
    command = [program, *cli.argv[1:]]
    ask = ("--audit-log", f"{tooltrail} log --tool {os.path.basename(program)}")
    for mode in MODES if cli.python else MODES[:2]:
        above = [str(tooltrail), *_ABOVE[mode]] if _ABOVE[mode] else []
        more = ask if above else ()
        strict = check(tooltrail, [*above, *command], *more)
        row.scores[mode], row.reasons[mode] = strict["score"], reasons(strict)
        row.problem = strict["problem"] or row.problem
        if mode == _BARE and strict["findings"]:
            row.exit_code = strict["findings"][0]["evidence"]["runs"][0]["exit_code"]
        if above:
            row.by_meta[mode] = check(tooltrail, [*above, *command], *more, "--meta-file")["score"]
    return row


def check(tooltrail: Path, command: list[str], *more: str) -> dict[str, Any]:
    """Return the report of one check."""
    asked = [str(tooltrail), "check", *_OPTIONS, *more, "--", *command]
    done = subprocess.run(
        asked, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )
    report: dict[str, Any] = json.loads(done.stdout)["data"]
    return report


def reasons(report: dict[str, Any]) -> list[str]:
    """Return the ids of the findings that failed, of those that count for a level."""
    return [
        each["id"]
        for each in report["findings"]
        if each["status"] == "failed" and each["level"] is not None
    ]


def version_of(cli: Cli, program: str) -> str:
    """Return a program's version: its pin, else what it says when it is asked; or nothing."""
    if cli.source == PYPI:
        return next(tool for tool in TOOLS if tool.name == cli.package).requires[0].split("==")[1]
    if cli.source == NPM:
        return cli.package.rpartition("@")[2]
    done = subprocess.run(
        [program, *cli.version],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else ""


def write(page: Path, rows: dict[str, Any]) -> None:
    """Put the table into the page; what else stands there stays."""
    text = page.read_text() if page.exists() else f"{_BEGIN}\n{_END}\n"
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{table(rows)}\n\n{_END}{after}")


def table(rows: dict[str, Any]) -> str:
    """Return the table: a row for each command, in the order of the list."""
    lines = [
        "| command | from | version | exit code | as it is | `tooltrail run`, response | its meta"
        " | `run --instrument`, response | its meta |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    found = [rows[cli.argv[0]] for cli in CLIS if cli.argv[0] in rows]
    for row in found:
        cells = [
            _score(row["scores"], _BARE),
            *(_score(row[by], _WRAPPED) for by in ("scores", "by_meta")),
            *(_score(row[by], _INSTRUMENTED) for by in ("scores", "by_meta")),
        ]
        command = row["command"].replace("|", "\\|")
        facts = (f"`{command}`", row["source"], row["version"], str(row["exit_code"]))
        lines.append(f"| {' | '.join((*facts, *cells))} |")
    return "\n".join([*lines, "", _summary(found)])


def _score(scores: dict[str, int | None], mode: str) -> str:
    if mode not in scores:
        return ""
    return "?" if scores[mode] is None else str(scores[mode])


def _summary(found: list[dict[str, Any]]) -> str:
    def count(by: str, mode: str) -> str:
        all_of = [_score(row[by], mode) for row in found if mode in row[by]]
        return ", ".join(f"{all_of.count(one)} score {one}" for one in sorted(set(all_of)))

    machine = f"{platform.system()} {platform.machine()}, CPython {platform.python_version()}"
    return (
        f"{len(found)} commands, {machine}. As they are: {count('scores', _BARE)}. Wrapped, by the"
        f" meta that their caller gets: {count('by_meta', _WRAPPED)}. Instrumented, likewise:"
        f" {count('by_meta', _INSTRUMENTED)}."
    )


if __name__ == "__main__":
    sys.exit(main())
