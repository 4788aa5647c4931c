"""Plant secrets on every way into a call, and search everything that is ours for them.

What is searched: every file under HOME but those that the test itself put there, the response of
envelope mode, what we say on stderr, and what the reading commands print. A tool's own output is
its own affair; in envelope mode all of stdout is ours.
"""

import json
import random
import string
import sys
from pathlib import Path

import pytest

from conftest import Home

CLICK_TOOL = """
import os, sys
import click
from tooltrail.integrations.click import instrument

@click.group()
def cli(): pass

@cli.command()
@click.argument("target", required=False)
@click.option("--api-token")
@click.option("-p", "--passcode", hide_input=True)
@click.option("--url")
@click.option("--header")
@click.option("--config", type=click.Path())
@click.option("--data")
@click.option("--fail")
def deploy(target, api_token, passcode, url, header, config, data, fail):
    if fail == "options": raise RuntimeError(f"refused {api_token!r}, {passcode}: {url} {header}")
    if fail == "usage": raise click.UsageError(f"bad token {api_token} for {url}")
    if fail == "stdin": raise RuntimeError("cannot parse: " + sys.stdin.read())
    if fail == "config": raise ValueError("bad configuration:\\n" + open(config).read())
    if fail == "environment": raise RuntimeError("refused: " + os.environ["SERVICE_TOKEN"])
    if fail == "connection": raise ConnectionError(f"cannot open {url}")
    if fail == "child":
        import subprocess
        subprocess.run(["false", "-u", "x", "--token", api_token], check=True)
    if fail == "click": raise click.ClickException(f"denied: {data}")
    return {"done": True}

@cli.command()
@click.argument("secret_key")
def login(secret_key): raise RuntimeError(f"no such key: {secret_key}")

instrument(cli, tool="canary", envelope=ENVELOPE, audit_log=True)
cli(prog_name="canary")
"""

BLOCK_TOOL = """
import os, sys
import tooltrail

def main():
    token, url = sys.argv[1:3]
    params = {"api_token": token, "url": url, "deep": [{"password": token}]}
    with tooltrail.invocation("canary", params=params):
        variable = os.environ["SERVICE_TOKEN"]
        raise RuntimeError(f"refused {token}: {url} {variable} {sys.stdin.read()}")
main()
"""

FAILURES = ("options", "usage", "stdin", "config", "environment", "connection", "child", "click")


class Canaries:
    """Random secrets, each with a name, and where they may stay: in files that the test made."""

    def __init__(self, home: Home, seed: int) -> None:
        self._home = home
        self._random = random.Random(seed)
        self.planted: dict[str, str] = {}
        self._own: set[Path] = set()

    def plant(self, name: str, more: str = "") -> str:
        """Make a secret: letters and digits at both ends, among them `more`."""
        letters = string.ascii_letters + string.digits
        text = "".join(self._random.choices(letters + more, k=20))
        self.planted[name] = secret = f"Q{self._random.randrange(10)}{text}x{len(self.planted)}"
        return secret

    def file(self, name: str, text: str) -> str:
        """Write a file of the tool's."""
        path = self._home.path / name
        path.write_text(text)
        self._own.add(path)
        return str(path)

    def assert_none_in(self, text: str, where: str) -> None:
        """Fail where a secret, or most of one, is in a text."""
        for name, secret in self.planted.items():
            for part in (secret, secret[:12], secret[-12:]):
                assert part not in text, f"{name} is in {where}: {text[:3000]}"

    def assert_none_kept(self) -> None:
        """Fail where a secret is in a file under HOME, or in what a reading command prints."""
        for path in self._home.path.rglob("*"):
            if path.is_file() and path not in self._own and path.name != "tool.py":
                self.assert_none_in(path.read_bytes().decode("utf-8", "replace"), str(path))
        for command in (
            ["log"],
            ["log", "--output", "jsonl"],
            ["log", "--output", "json"],
            ["trace", "canary-trace"],
            ["trace", "canary-trace", "--output", "json"],
        ):
            read = self._home.tooltrail(*command)
            self.assert_none_in(read.stdout + read.stderr, " ".join(command))


@pytest.fixture(params=range(3))
def canaries(home: Home, request: pytest.FixtureRequest) -> Canaries:
    return Canaries(home, request.param)


def _arguments(canaries: Canaries, fail: str) -> list[str]:
    config = canaries.file(
        "config.yaml",
        f"name: x\ndatabase:\n  password: {canaries.plant('a YAML value')}\n"
        f"  url: postgres://me:{canaries.plant('a URL in a file')}@db/x\n"
        f'[section]\napi_key = "{canaries.plant("a TOML value", "+/")}"\n'
        f"export DB_PASSWORD='{canaries.plant('a shell value', ' !')}'\n"
        f"<password>{canaries.plant('an element')}</password>\n",
    )
    return [
        *("deploy", "web", "--api-token", canaries.plant("an option", "+/=!"), "--fail", fail),
        f"--passcode={canaries.plant('a declared option', '*!%')}",
        *("--url", f"https://me:{canaries.plant('a URL')}@h.io/x?sig={canaries.plant('a query')}"),
        *("--header", f"Authorization: Bearer {canaries.plant('a header')}"),
        *("--config", config),
        *("--data", json.dumps({"user": "me", "client_secret": canaries.plant("JSON")})),
    ]


@pytest.mark.parametrize("fail", FAILURES)
@pytest.mark.parametrize("envelope", [False, True], ids=["observe", "envelope"])
def test_a_click_tool_keeps_no_secret(
    home: Home, canaries: Canaries, fail: str, envelope: bool
) -> None:
    """Whatever it is given, and however it fails with it."""
    arguments = _arguments(canaries, fail)
    done = home.python(
        f"ENVELOPE = {envelope}\n{CLICK_TOOL}",
        *arguments,
        input=f"token={canaries.plant('stdin')}\n",
        env={"TOOL_TRACE_ID": "canary-trace", "SERVICE_TOKEN": canaries.plant("a variable")},
    )
    assert done.returncode != 0
    assert home.end("canary")["exit_code"] == done.returncode
    if envelope:
        canaries.assert_none_in(done.stdout, "stdout")
    ours = [line for line in done.stderr.splitlines() if line.startswith(("tooltrail:", "[TRACE"))]
    canaries.assert_none_in("\n".join(ours), "stderr")
    canaries.assert_none_kept()
    for output in ("jsonl", "json"):
        read = home.run(sys.executable, home.path / "tool.py", "audit-log", "--output", output)
        assert read.returncode == 0, read.stderr
        canaries.assert_none_in(read.stdout, "audit-log")


@pytest.mark.parametrize("more", [[], ["--nonsense"]], ids=["runs", "usage error"])
def test_a_secret_argument_is_kept_nowhere(home: Home, canaries: Canaries, more: list[str]) -> None:
    """A positional argument whose name says that it is a secret, parsed or not."""
    home.python(f"ENVELOPE = False\n{CLICK_TOOL}", "login", canaries.plant("an argument"), *more)
    assert home.end("canary")["exit_code"] != 0
    canaries.assert_none_kept()


def test_a_block_keeps_no_secret(home: Home, canaries: Canaries) -> None:
    """`with tooltrail.invocation(...)`: params at any depth, and the exception's message."""
    home.python(
        BLOCK_TOOL,
        canaries.plant("a param", "+/="),
        f"amqp://me:{canaries.plant('a URL')}@h:5672/",
        input=f"password: {canaries.plant('stdin')}\n",
        env={"TOOL_TRACE_ID": "canary-trace", "SERVICE_TOKEN": canaries.plant("a variable")},
    )
    assert home.end("canary")["outcome"] == "crashed"
    canaries.assert_none_kept()


def test_the_wrapper_keeps_no_secret(home: Home, canaries: Canaries) -> None:
    """`tooltrail run --`: the flags, headers, URLs and assignments of a command line."""
    commands = [
        ["printf", "%s", "--api-token", canaries.plant("an option", "+/=!")],
        ["env", f"DB_PASSWORD={canaries.plant('an assignment')}", "true"],
        ["sh", "-c", f"API_KEY={canaries.plant('a shell variable')} true"],
        ["sh", "-c", f"true || mysql -uroot -p{canaries.plant('a flag in a shell text')}"],
        ["sh", "-c", f"exit 3 # https://me:{canaries.plant('a URL')}@h/"],
        ["printf", "%s", canaries.plant("a variable")],
        ["no-such-program", f"--password={canaries.plant('a missing program')}"],
        ["curl", "-sSu", f"me:{canaries.plant('curl')}", "file:///dev/null"],
    ]
    for command in commands:
        done = home.tooltrail(
            "run", "--trace-id", "canary-trace", "--", *command,
            env={"SERVICE_TOKEN": canaries.planted.get("a variable", "")},
        )  # fmt: skip
        canaries.assert_none_in(done.stderr if command[0] == "no-such-program" else "", "stderr")
    assert len(home.events("tooltrail", "end")) == len(commands)
    canaries.assert_none_kept()
