"""The parts of the checker by themselves: command lines taken apart, help read, verdicts made."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from conftest import PYTHON, Home
from test_check import MUTANTS, check, of_status
from tooltrail.checker.audit import absent_fields, moment
from tooltrail.checker.probes.secrets import secret_options
from tooltrail.checker.program import Program
from tooltrail.checker.report import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, Finding, shown
from tooltrail.checker.responses import elsewhere
from tooltrail.checker.rubric import CHECKS, verdict

REPOSITORY = Path(__file__).parent.parent
sys.path.insert(0, str(REPOSITORY))  # `compat` is beside the tests, and no part of the package

from compat import scoreboard  # noqa: E402


@pytest.mark.parametrize(
    ("line", "prefix", "name"),
    [
        ("git status", "git", "git"),
        ("git", "git", "git"),
        ("python deploy.py run --json", "python deploy.py", "deploy"),
        ("/usr/bin/python3.11 -I -m pkg.cli go", "/usr/bin/python3.11 -I -m pkg.cli", "pkg.cli"),
        ("python -W error x.py go", "python -W error x.py", "x"),
        ("python -c pass", "python -c pass", "pass"),
        ("node tool.js go", "node tool.js", "tool"),
        ("env A=1 B=2 git status", "env A=1 B=2 git", "git"),
        ("uv run --quiet tool go", "uv run --quiet tool", "tool"),
        ("npx --yes tool go", "npx --yes tool", "tool"),
        ("tooltrail run --operation x -- git push", "tooltrail run --operation x -- git", "git"),
        ("tooltrail run --", "tooltrail run --", "run"),
        ("env", "env", "env"),
        ("python", "python", "python"),
    ],
)
def test_the_program_is_told_from_what_it_is_told(line: str, prefix: str, name: str) -> None:
    """Interpreters, runners and wrappers are part of the way to it."""
    program = Program(line.split())
    assert " ".join(program.prefix) == prefix
    assert program.rest == line.split()[len(prefix.split()) :]
    assert program.name == name


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        ("x a --json", ["--json"]),
        ("x a -o json b", ["-o", "json"]),
        ("x a -o wide", []),
        ("x --output=json a", ["--output=json"]),
        ("x --format jsonl a", ["--format", "jsonl"]),
        ("x -o", []),
    ],
)
def test_what_asks_for_json_is_kept_for_the_other_calls(line: str, flags: list[str]) -> None:
    """A usage error is asked for in the same format."""
    assert Program(line.split()).with_words("--help") == ["x", "--help", *flags]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("  --token TEXT   What", ["--token"]),
        ("  --http-password=PASS  set", ["--http-password"]),
        ("  --api-key <KEY>  the", ["--api-key"]),
        ("  --token string  bearer", ["--token"]),
        ("  --token strings  bearers", ["--token"]),
        ("  --token, -t TOKEN", ["--token"]),
        ("  --secret-key KEY --passphrase TEXT", ["--secret-key", "--passphrase"]),
        ("  --api_key=KEY  --private-key <pem>", ["--api_key", "--private-key"]),
        ("  --ask-password   prompt", []),
        ("  -W, --password           force a prompt", []),
        ("  -w, --no-password NEVER", []),
        ("  --password-file FILE", []),
        ("  --author TEXT  --keyboard TEXT", []),
    ],
)
def test_only_options_that_take_a_secret_are_given_one(text: str, options: list[str]) -> None:
    """A flag's name may mean a secret, too: what follows it is none."""
    assert secret_options(text) == options


def findings(**statuses: str) -> list[Finding]:
    """Return findings that passed, but for some; `log_every` is `log.every`."""
    changed = {name.replace("_", "."): status for name, status in statuses.items()}
    return [Finding(name, changed.get(name, PASSED), "") for name in CHECKS]


@pytest.mark.parametrize(
    ("statuses", "score", "at_least", "at_most"),
    [
        ({}, 3, 3, 3),
        ({"log_every": FAILED}, 2, 2, 2),
        ({"log_every": UNKNOWN}, None, 2, 3),
        ({"ids_all": FAILED}, 1, 1, 1),
        ({"ids_all": UNKNOWN, "log_every": FAILED}, None, 1, 2),
        ({"ids_all": FAILED, "log_every": UNKNOWN}, 1, 1, 1),
        ({"ids_some": FAILED}, 0, 0, 0),
        ({"trace_child": NOT_APPLICABLE}, 3, 3, 3),
        ({"meta_help": FAILED, "log_killed": UNKNOWN}, 3, 3, 3),
    ],
)
def test_the_lower_level_counts_and_what_is_not_known_leaves_it_open(
    statuses: dict[str, str], score: int | None, at_least: int, at_most: int
) -> None:
    """A level needs all of its own and of those below."""
    made = verdict(findings(**statuses))
    assert (made.score, made.at_least, made.at_most) == (score, at_least, at_most)


def test_entries_and_times_are_read_as_they_are_written() -> None:
    """The parent's names are taken; a time needs its zone."""
    entry = dict.fromkeys(
        ("timestamp", "command", "args", "exit_code", "duration_ms", "trace_id", "request_id"), 1
    )
    assert absent_fields({**entry, "operator": None}) == []
    assert absent_fields({**entry, "exit_code": None}) == ["exit_code", "operator"]
    assert moment("2026-01-01T00:00:00Z") == moment("2026-01-01T01:00:00+01:00") == 1767225600
    for text in ("2026-01-01T00:00:00", "2026-01-01", "now", "", None, 17, "9" * 10_000):
        assert moment(text) is None


def test_what_a_command_said_is_safe_to_show() -> None:
    """Control characters, bidi marks and surrogates are escaped; length is capped."""
    assert shown("a\x1b[31m\u202eb\udcff\n") == "a\\x1b[31m\\u202eb\\udcff\\n"
    assert len(shown("x" * 10_000)) == 300


def test_ids_are_looked_for_elsewhere_within_bounds() -> None:
    """A path for `--meta-path`, or nothing."""
    assert elsewhere({"a": {"b": {"request_id": "x"}}}) == "a.b"
    assert elsewhere({"request_id": "x"}) is None
    assert elsewhere([1, {"a": 2}]) is None


def test_a_slow_call_that_is_killed_in_its_midst_is_in_the_log(home: Home) -> None:
    """The begin is the evidence."""
    script = home.path / "slow.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(MUTANTS)!r})\n"
        "import sound; sound.Tool.slow = 1.0; sound.Tool().main()\n"
    )
    report = check(home, "--probe", "--sandbox", "--", PYTHON, str(script), "greet", "x")
    (killed,) = [each for each in report["findings"] if each["id"] == "log.killed"]
    assert killed["status"] == "passed"
    assert "duration.true" in of_status(report, "passed")


def test_a_command_that_hangs_again_and_again_is_given_up(home: Home) -> None:
    """Three calls that did not end are enough: the rest is not tried."""
    script = home.path / "tool.py"
    script.write_text(
        "import pathlib, time\n"
        "runs = pathlib.Path(__file__).with_suffix('.runs')\n"
        "with runs.open('a') as file: file.write('x')\n"
        "if len(runs.read_text()) > 1: time.sleep(60)\n"
        "print('{}')\n"
    )
    report = check(home, "--probe", "--repeat", "90", "--deadline", "1", "--", PYTHON, str(script))
    assert len((home.path / "tool.runs").read_text()) < 12
    assert report["score"] == 0


def test_options_for_one_command_do_not_go_with_a_list(home: Home) -> None:
    """Each command of a list has a log of its own."""
    for option in ("--tool", "--audit-log", "--log-file"):
        done = home.tooltrail("check", "--all", "list", option, "x")
        assert done.returncode == 2
        assert option in json.loads(done.stdout)["error"]["message"]


def test_the_scoreboard_has_thirty_real_commands() -> None:
    """Its table is made by the script from the list."""
    page = (REPOSITORY / "docs" / "scoreboard.md").read_text()
    listed = (REPOSITORY / "compat" / "clis.py").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) >= 30
    for row in rows:
        assert f'"{row.split("`")[1].split()[0]}"' in listed


def test_the_scoreboard_shows_what_could_not_be_told() -> None:
    """A score that is not known is a `?`, and a way that was not tried an empty cell."""
    row = scoreboard.Row("git status", "system", "2.39", exit_code=0)
    row.scores, row.by_meta = {"bare": 0, "wrapped": None}, {"wrapped": 3}
    made = scoreboard.table({"git": asdict(row)})
    assert "| `git status` | system | 2.39 | 0 | 0 | ? | 3 |  |  |" in made
    assert "As they are: 1 score 0." in made
