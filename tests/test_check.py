"""`tooltrail check`: real commands, right and wrong in known ways, and the score of each."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conftest import PYTHON, SOURCE, TOOLTRAIL, Home, response_in
from tooltrail.checker.many_commands import commands_in
from tooltrail.checker.rubric import CHECKS
from tooltrail.checker.runner import Runner

MUTANTS = Path(__file__).parent / "mutants"
GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "embed.md"
PROBED = ("--probe", "--repeat", "8", "--sandbox")
REPORT_VALIDATOR = Draft202012Validator(
    json.loads((SOURCE / "schema" / "check-v1.schema.json").read_text())
)

# Each wrong tool: the score that it must get, and one finding that must say why.
SCORES = {
    "always_zero": (2, "log.true"),
    "child_without_variables": (1, "trace.child"),
    "entry_in_seconds": (2, "log.true"),
    "entry_says_nothing": (2, "log.true"),
    "id_of_the_trace": (1, "ids.unique"),
    "log_as_array": (2, "log.appended"),
    "needs_a_trace": (1, "ids.all"),
    "parallel_wrong": (2, "many.entries"),
    "secret_beside": (2, "log.secrets"),
    "success_silent": (1, "ids.all"),
    "zero_but_once": (1, "duration.true"),
    "ascii_ids": (1, "trace.awkward"),
    "duration_in_seconds": (1, "duration.true"),
    "duration_made_up": (1, "duration.true"),
    "float_duration": (3, "duration.integer"),
    "id_by_the_clock": (1, "ids.unique"),
    "id_of_the_caller": (1, "ids.unique"),
    "id_repeated": (1, "ids.unique"),
    "log_as_document": (2, "log.command"),
    "log_is_a_response": (2, "log.command"),
    "log_in_place": (2, "log.appended"),
    "log_rewritten": (2, "log.appended"),
    "log_without_lock": (2, "many.entries"),
    "meta_only_on_success": (1, "ids.all"),
    "no_audit_log": (2, "log.command"),
    "no_begin": (3, "log.killed"),
    "no_duration": (1, "duration.all"),
    "no_entry_on_failure": (2, "log.every"),
    "no_filters": (3, "log.filters"),
    "no_log": (2, "log.every"),
    "no_meta": (0, "ids.some"),
    "no_operator": (2, "log.fields"),
    "no_trace_on_failure": (1, "trace.echo"),
    "secret_in_params": (2, "log.secrets"),
    "secret_of_environment": (2, "log.secrets"),
    "secret_on_stderr": (3, "output.secrets"),
    "silent_cut": (2, "trace.awkward"),
    "sound": (3, None),
    "text_help": (3, "meta.help"),
    "text_on_usage_errors": (1, "ids.all"),
    "text_only": (0, "ids.some"),
    "timestamp_local": (2, "time.stamp"),
    "timestamp_of_yesterday": (2, "time.stamp"),
    "trace_at_spaces": (2, "trace.awkward"),
    "trace_cut": (1, "trace.echo"),
    "trace_not_passed_on": (1, "trace.child"),
}


def check(home: Home, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run `tooltrail check` and return `data` of its answer, held to its schema."""
    done = home.tooltrail("check", "--output", "json", *arguments, timeout=200)
    assert done.returncode == code, done.stdout[-3000:] + done.stderr
    assert "Traceback" not in done.stderr
    data: dict[str, Any] = response_in(done.stdout)["data"]
    problems = [error.message for error in REPORT_VALIDATOR.iter_errors(data)]
    assert not problems, problems
    return data


def of_status(report: dict[str, Any], status: str) -> set[str]:
    """Return the ids of the findings of a status."""
    return {finding["id"] for finding in report["findings"] if finding["status"] == status}


def mutant(name: str, *arguments: str) -> list[str]:
    """Return the command line of a tool that is wrong in one way."""
    return [PYTHON, str(MUTANTS / f"{name}.py"), *arguments]


def test_every_mutant_has_a_score_that_it_must_get() -> None:
    """None was forgotten."""
    assert {path.stem for path in MUTANTS.glob("*.py")} == set(SCORES)


@pytest.mark.parametrize("name", SCORES)
def test_a_mutant_gets_its_score_and_the_reason(home: Home, name: str) -> None:
    """The checker can fail, and says of each fault what it is."""
    report = check(home, *PROBED, "--", *mutant(name, "greet", "world"))
    score, reason = SCORES[name]
    failed = of_status(report, "failed")
    assert report["score"] == score, failed
    assert failed if reason else not failed
    if reason is not None:
        assert reason in failed
    for finding in report["findings"]:
        if finding["status"] == "failed":
            assert finding["message"]
            assert finding["mend"]
            assert finding["requirement"]


PROGRAMS = dict(
    re.findall(
        r"^###? ([^\n]+)\n(?:(?!^##).)*?<!-- deployctl.py -->\n```python\n(.*?)```",
        GUIDE.read_text(),
        re.DOTALL | re.MULTILINE,
    )
)
WITHOUT_COMMANDS = ("optparse", "Nothing")


@pytest.mark.parametrize("title", PROGRAMS)
def test_our_own_integrations_score_3(home: Home, title: str) -> None:
    """The program of the guide for each framework, in envelope mode."""
    assert len(PROGRAMS) == 7
    script = home.path / "deployctl.py"
    script.write_text(PROGRAMS[title])
    more = ("--audit-log", f"{TOOLTRAIL} log --tool deployctl") if title in WITHOUT_COMMANDS else ()
    report = check(
        home, "--probe", "--repeat", "20", "--sandbox", "--require", "3", *more, "--",
        PYTHON, str(script), "deploy", "prod",
    )  # fmt: skip
    assert report["score"] == 3
    assert not of_status(report, "failed")


def test_our_own_command_lines_score_3(home: Home) -> None:
    """`tooltrail` itself, and the example of the docs."""
    own = ("--tool", TOOLTRAIL, "--audit-log", f"{TOOLTRAIL} log --tool tooltrail")
    probed = ("--probe", "--repeat", "20", "--sandbox", "--require", "3")
    report = check(home, *probed, *own, "--", TOOLTRAIL, "log", "--since", "1h")
    assert report["score"] == 3
    script = str(MUTANTS.parent.parent / "examples" / "deployctl" / "deployctl.py")
    (home.path / "source").mkdir()
    (home.path / "source" / "index.html").write_text("hello")
    deploy = ("deploy", str(home.path / "source"), "--site", str(home.path / "site"))
    report = check(home, *probed, "--", PYTHON, script, *deploy)
    assert report["score"] == 3


def test_by_default_the_command_runs_once(home: Home) -> None:
    """Many tools act whatever the arguments are: nothing runs unasked."""
    script = "import os, sys; open(sys.argv[1], 'a').write('ran\\n')"
    report = check(home, "--", PYTHON, "-c", script, str(home.path / "runs"))
    assert (home.path / "runs").read_text() == "ran\n"
    assert report["score"] == 0
    assert report["allowed"] == []


def test_what_was_not_allowed_is_not_guessed(home: Home) -> None:
    """One good response is worth something between 1 and 3."""
    report = check(home, "--", *mutant("sound", "greet", "world"))
    assert report["score"] is None
    assert (report["at_least"], report["at_most"]) == (1, 3)
    assert "ids.some" not in of_status(report, "unknown")
    needs = {finding["needs"] for finding in report["findings"] if finding["status"] == "unknown"}
    assert needs == {"--probe", "--repeat", "--tool"} - ({"--tool"} - needs)
    assert any("--probe" in step for step in report["next_steps"])


def test_with_probes_alone_parallel_calls_stay_unknown(home: Home) -> None:
    """`--repeat` is asked for by itself."""
    report = check(home, "--probe", "--sandbox", "--", *mutant("sound", "greet", "world"))
    assert (report["score"], report["at_least"], report["at_most"]) == (None, 2, 3)
    assert of_status(report, "unknown") >= {"many.ids", "many.entries"}


def test_a_log_that_stands_there_is_held_against_itself(home: Home) -> None:
    """Without a sandbox and without probes the caller's own log is read."""
    for _ in range(2):
        home.run(*mutant("sound", "greet", "world"))
    log = ("--log-file", str(home.log("mutant")))
    tool = ("--tool", f"{PYTHON} {MUTANTS / 'sound.py'}")
    report = check(home, *log, *tool, "--", *mutant("sound", "greet", "world"))
    passed = of_status(report, "passed")
    assert {"log.command", "log.appended", "log.fields", "log.true", "log.filters"} <= passed
    rewritten = check(home, *log, "--", *mutant("log_rewritten", "greet", "world"))
    assert "log.appended" in of_status(rewritten, "failed")


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 0), ("2", 1), ("3", 1)])
def test_a_score_can_be_required(home: Home, required: str, code: int) -> None:
    """For CI: what is not known is not reached."""
    check(home, "--require", required, "--", *mutant("sound", "greet", "world"), code=code)


def test_a_sandbox_leaves_the_home_alone(home: Home) -> None:
    """What the command writes is gone with its home, and it has no network."""
    script = (
        "import os, pathlib, sys\n"
        "pathlib.Path.home().joinpath('left').write_text('x')\n"
        "print(os.environ['XDG_DATA_HOME'], open('/proc/net/dev').read().count(':'))"
    )
    report = check(home, "--sandbox", "--", PYTHON, "-c", script)
    (finding,) = [each for each in report["findings"] if each["id"] == "ids.some"]
    assert not (home.path / "left").exists()
    where, interfaces = finding["evidence"]["seen"].split()
    assert not Path(where).exists()
    if "no network" in report["sandbox"]:
        assert interfaces == "1"


def test_it_tells_what_the_tool_is_made_with(home: Home) -> None:
    """A framework is named, and the mending is in its terms."""
    script = home.path / "tool.py"
    script.write_text("import click\n@click.command()\ndef tool(): print('x')\ntool()\n")
    report = check(home, "--", PYTHON, str(script))
    assert report["framework"] == "click"
    assert "tooltrail.integrations.click" in report["next_steps"][0]


def test_ids_under_another_name_are_found_and_named(home: Home) -> None:
    """`--meta-path` says where they are; without it the report tells of it."""
    script = 'print(\'{"result": {"info": {"request_id": "r-1", "duration_ms": 1}}}\')'
    command = ("--", PYTHON, "-c", script)
    report = check(home, *command)
    assert report["score"] == 0
    assert "--meta-path result.info" in report["findings"][0]["message"]
    report = check(home, "--meta-path", "result.info", *command)
    assert report["at_least"] == 1


def test_what_is_left_in_the_meta_file_counts_if_asked(home: Home) -> None:
    """An observed tool has no room for its ids on stdout."""
    script = home.path / "tool.py"
    script.write_text(
        "import click\nfrom tooltrail.integrations.click import instrument\n"
        "@click.command()\ndef tool(): print('hello')\ninstrument(tool, tool='plain')\ntool()\n"
    )
    options = (*PROBED, "--audit-log", f"{TOOLTRAIL} log --tool plain")
    assert check(home, *options, "--", PYTHON, str(script))["score"] == 0
    assert check(home, *options, "--meta-file", "--", PYTHON, str(script))["score"] == 3


def test_a_list_of_commands_makes_a_table(home: Home) -> None:
    """One command a line, comments left out; what cannot be run is a `?`."""
    listed = home.path / "list"
    sound = " ".join(mutant("sound", "greet", "world"))
    listed.write_text(f"# ours\n\n{sound}\necho 'a | b'\nno-such-command --x\n")
    made = home.tooltrail("check", "--all", str(listed), "--output", "markdown")
    assert made.returncode == 1  # not all could be looked at
    head, line, *rows = made.stdout.splitlines()
    assert head == "| score | command | why not more |"
    assert line == "|---|---|---|"
    assert [row.split(" ")[1] for row in rows] == ["?", "0", "?"]
    assert "echo a \\| b" in rows[1]
    assert "not found" in rows[2]
    data = check(home, "--all", str(listed), code=1)
    assert [report["score"] for report in data["reports"]] == [None, 0, None]
    table = home.tooltrail("check", "--all", str(listed), "--output", "table").stdout
    assert table.splitlines()[0].split() == ["score", "command", "why", "not", "more"]


def test_a_report_for_people_has_score_reasons_and_steps(home: Home) -> None:
    """What it scores, why, and what to do next."""
    done = home.tooltrail(
        "check", *PROBED, "--output", "table", "--", *mutant("no_operator", "greet", "x")
    )
    text = done.stdout
    assert text.startswith("2 of 3  ")
    assert "x entries have every field: the entry of the command lacks operator" in text
    assert "next\n1. give each entry all of" in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "which command?"),
        (("--",), "which command?"),
        (("--all", "/nonexistent"), "/nonexistent"),
        (("--all", "/dev/null"), "names no command"),
        (("--all", "x", "--", "y"), "do not go together"),
        (("--require", "4", "--", "true"), "--require"),
        (("--repeat", "one", "--", "true"), "--repeat"),
        (("--deadline", "0", "--", "true"), "--deadline"),
        (("--tool", "'", "--", "true"), "--tool"),
        (("--tool", "", "--", "true"), "--tool"),
        (("git", "status"), "'git' is none of check's options"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_refused(home: Home, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, and what was wrong."""
    done = home.tooltrail("check", *arguments)
    assert done.returncode == 2
    assert says in response_in(done.stdout)["error"]["message"]


def test_secrets_of_the_command_line_are_not_in_the_report(home: Home) -> None:
    """The report may go into a CI log."""
    secret = "sk4mQz81LpV7xTt0"
    done = home.tooltrail("check", "--output", "json", "--", "echo", "--token", secret)
    assert done.returncode == 0
    assert secret not in done.stdout
    assert secret not in home.log("tooltrail").read_text()


def test_the_page_tells_of_every_finding_and_of_its_level() -> None:
    """What is in the rubric is in the docs, with the same level."""
    page = (GUIDE.parent.parent / "reference" / "rubric.md").read_text()
    for name, one in CHECKS.items():
        assert f"| `{name}` | {one.level or 'advice'} |" in page
    assert page.count("\n| `") == len(CHECKS) + 4  # and the four options


def test_the_schema_is_one_and_can_refuse() -> None:
    """It is a JSON Schema, and knows a report from something else."""
    Draft202012Validator.check_schema(REPORT_VALIDATOR.schema)
    assert not REPORT_VALIDATOR.is_valid({"score": 4})


def children_of(mark: str) -> list[int]:
    """Return the processes with a mark among their words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


SLOW_LATER = """
import os, sys, time
if os.path.exists(sys.argv[1]): time.sleep(float(sys.argv[2]))
open(sys.argv[1], "w").close()
print("{}")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("repeat", [False, True])
def test_ended_by_a_signal_it_leaves_nothing(home: Home, number: int, repeat: bool) -> None:
    """No process, no folder, and soon: whether one call is under way, or many."""
    room = home.path / "room"
    room.mkdir()
    seconds = f"47{number}{repeat:d}"  # a mark by which the calls are found
    more = ["--repeat", "4"] if repeat else ["--probe"]
    command = [TOOLTRAIL, "check", "--sandbox", *more, "--", PYTHON, "-c", SLOW_LATER]
    with subprocess.Popen(
        [*command, str(home.path / "called"), seconds],
        cwd=home.path,
        env=home.environment(TMPDIR=str(room)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until = time.monotonic() + 30
        while len(children_of(seconds)) < 2 or not (home.path / "called").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(number)
        _, said = process.communicate(timeout=15)
    assert "Traceback" not in said
    assert process.returncode == -number
    assert not list(room.glob("tooltrail-check-*"))
    assert not children_of(seconds)


def test_ctrl_c_while_a_call_is_to_be_killed_is_quiet(home: Home) -> None:
    """That call is waited for in another way."""
    runner = Runner()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runner.run("slow", ["sleep", "4711"], "trace", watch=interrupt)
    assert not children_of("4711")


def test_a_daemon_does_not_outlive_the_sandbox(home: Home) -> None:
    """Nor does it count for how long the command took, though it holds its output open."""
    daemon = "sleep 4712 & echo '{}'"
    check(home, "--sandbox", "--", "sh", "-c", daemon)
    assert not children_of("sleep\x004712")


def test_folders_that_may_not_be_written_to_go_with_the_sandbox(home: Home) -> None:
    """As those of Go's modules are."""
    room = home.path / "room"
    room.mkdir()
    script = 'mkdir -p "$HOME/go/pkg" && touch "$HOME/go/pkg/x" && chmod -R a-w "$HOME/go"; echo {}'
    ordinary = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    can = os.geteuid() == 0 and shutil.which("setpriv") is not None
    if not can or subprocess.run([*ordinary, PYTHON, "-c", ""], check=False).returncode:
        ordinary = []  # root, who may write there all the same, or an ordinary user anyway
    room.chmod(0o777)
    environment = home.environment(TMPDIR=str(room), HOME=str(room))
    command = [*ordinary, TOOLTRAIL, "check", "--sandbox", "--", "sh", "-c", script]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert '"score"' in done.stdout
    assert not list(room.glob("tooltrail-check-*"))


def test_a_list_that_is_too_long_is_refused(home: Home) -> None:
    """Cut off, its last command would be another one."""
    listed = home.path / "list"
    listed.write_text("\n" * 999_990 + "echo /tmp/some/thing\n")
    done = home.tooltrail("check", "--all", str(listed), "--output", "table")
    assert done.returncode == 2
    assert "more than 1,000,000 characters" in done.stderr
    listed.write_text("\ufefftrue 'a # b' # not this\n")
    assert commands_in(str(listed)) == [["true", "a # b"]]


@pytest.mark.parametrize(
    "meta",
    [
        {"request_id": "r-1", "audit_log_path": "/tmp/\0x"},
        {"request_id": "r-1", "audit_log_path": "/tmp/\ud800"},
        {"request_id": "r-\ud800"},
    ],
)
def test_texts_that_no_file_can_have_break_nothing(home: Home, meta: dict[str, str]) -> None:
    """They are what the command answers."""
    script = f"print({json.dumps(json.dumps({'meta': meta}))})"
    report = check(home, "--", PYTHON, "-c", script)
    assert report["score"] in (0, 1, None)


@pytest.mark.parametrize(
    "words", [("nice", "-n", "5"), ("timeout", "20"), ("env", "-u", "FOO", "BAR=1")]
)
def test_a_launcher_is_not_taken_for_the_program(home: Home, words: tuple[str, ...]) -> None:
    """Nor an option of its for the program's words."""
    report = check(home, *PROBED, "--", *words, *mutant("sound", "greet", "world"))
    assert report["score"] == 3


def test_ten_thousand_lines_do_not_hide_the_response(home: Home) -> None:
    """It is looked for at their end."""
    lines = """print('{"n":1}\\n' * 10_500 + '{"meta":{"request_id":"r"}}')"""
    report = check(home, "--", PYTHON, "-c", lines)
    assert "ids.some" in of_status(report, "passed")
