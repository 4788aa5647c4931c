"""Drive real coding agents, with our hooks in them, and look at what the log then holds.

    python -m compat.agents [claude-code] [codex] [gemini-cli]

The agents are those of npm, pinned here; the model is a script (`model_server`), so no account is
needed and nothing leaves the machine. Each agent gets a home of its own. Exit code 1 where
something is not as it should be. Linux x86-64.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .model_server import Script, model
from .venvs import REPOSITORY, Cache

_PATIENCE = 180  # seconds for one session
_SECRET = "hunter2xyzzy12"
_WRAPPED = "run -- git status --short"
SCRIPT: Script = [
    [{"command": "git --version"}],
    [{"command": "sh -c 'echo out; echo err >&2; exit 3'"}],
    [{"command": "echo a && echo b | cat"}],
    [{"command": "head -c 1000000 /dev/zero | tr '\\0' x"}],
    [{"command": f"curl -s -u admin:{_SECRET} http://127.0.0.1:9/"}],
    [{"command": "echo one"}, {"command": "echo two"}],
    [
        {
            "command": "sleep 4; echo late",
            "claude-code": {"run_in_background": True},
            "codex": {"yield_time_ms": 500},
            "gemini-cli": {"is_background": True},
        }
    ],
]


@dataclass
class Agent:
    """A coding agent: where it is in its package, how it is started, what it tells of an end."""

    package: str
    program: str  # below node_modules
    argv: list[str]
    environment: dict[str, str]  # "{model}" is the model's address
    files: dict[str, str] = field(default_factory=dict)  # of its home, before the hooks go in
    tells_codes: bool = True
    same_trace: bool = True  # its shell knows of the session


AGENTS = {
    "claude-code": Agent(
        "@anthropic-ai/claude-code@2.1.330",
        "@anthropic-ai/claude-code-linux-x64/claude",
        ["-p", "go", "--allowedTools", "Bash"],
        {
            "ANTHROPIC_BASE_URL": "{model}",
            "ANTHROPIC_API_KEY": "none",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    ),
    "codex": Agent(
        "@openai/codex@0.169.0",
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        [
            *("exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"),
            *("--dangerously-bypass-hook-trust", "go"),
        ],
        {"LOCAL_KEY": "none"},
        {
            ".codex/config.toml": 'model = "gpt-5"\nmodel_provider = "local"\n'
            '[model_providers.local]\nname = "local"\nbase_url = "{model}/v1"\n'
            'wire_api = "responses"\nenv_key = "LOCAL_KEY"\n'
        },
        tells_codes=False,
    ),
    "gemini-cli": Agent(
        "@google/gemini-cli@0.61.0",
        "@google/gemini-cli/bundle/gemini.js",
        ["-p", "go", "--yolo", "--skip-trust"],
        {"GEMINI_API_KEY": "none", "GOOGLE_GEMINI_BASE_URL": "{model}"},
        {
            ".gemini/settings.json": '{"security": {"auth": {"selectedType": "gemini-api-key"}},'
            ' "privacy": {"usageStatisticsEnabled": false}, "general": {"disableAutoUpdate": true}}'
        },
        same_trace=False,
    ),
}


def main() -> int:
    """Drive the agents that the command line names, or all."""
    parser = argparse.ArgumentParser(description="drive real coding agents")
    parser.add_argument("names", nargs="*", metavar="AGENT", help=", ".join(AGENTS))
    parser.add_argument("--cache", type=Path, default=REPOSITORY / ".venv" / "compat")
    options = parser.parse_args()
    if unknown := set(options.names) - set(AGENTS):
        parser.error(f"no such agent: {', '.join(sorted(unknown))}")
    cache = Cache(options.cache)
    tooltrail = cache.tooltrail()
    failed = 0
    for name in options.names or AGENTS:
        agent = AGENTS[name]
        program = installed(agent, cache)
        with tempfile.TemporaryDirectory(prefix="agents-") as folder:
            for is_met, words in look(name, agent, program, tooltrail, Path(folder)):
                print(f"{'+' if is_met else '-'} {agent.package}: {words}", flush=True)
                failed += not is_met
    return 1 if failed else 0


def installed(agent: Agent, cache: Cache) -> Path:
    """Return an agent's program, from npm."""
    prefix = cache.folder / "npm" / agent.package
    program = prefix / "node_modules" / agent.program
    if not program.exists():
        prefix.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--prefix", str(prefix), agent.package]
        subprocess.run(install, check=True, stdin=subprocess.DEVNULL)
    return program


def look(
    name: str, agent: Agent, program: Path, tooltrail: Path, home: Path
) -> Iterator[tuple[bool, str]]:
    """Drive one agent; yield whether each expectation is met, and what it is."""
    project = home / "project"
    project.mkdir()
    environment = {
        "HOME": str(home),
        "PATH": f"{tooltrail.parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }

    def run(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, cwd=project, env=environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=_PATIENCE,
        )  # fmt: skip

    run("git", "init", "--quiet", ".")
    script = [*SCRIPT, [{"command": f"{tooltrail} {_WRAPPED}"}]]
    with model(script) as address:
        for path, text in agent.files.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text.replace("{model}", address))
        run(str(tooltrail), "hook", "install", name)
        said = {key: value.replace("{model}", address) for key, value in agent.environment.items()}
        environment |= said
        starter = [shutil.which("node") or "node"] if program.suffix == ".js" else []
        done = run(*starter, str(program), *agent.argv)
        for key in said:
            del environment[key]
    yield done.returncode == 0 and "done" in done.stdout, "it ran its session to the end"
    shown = done.stderr.replace(f"{tooltrail} {_WRAPPED}", "")  # some print what they run
    yield "tooltrail" not in shown, "nothing of ours is on its stderr"
    listed = run(str(tooltrail), "log", "--output", "jsonl").stdout.splitlines()
    yield from _of_the_log([json.loads(line) for line in listed], agent)
    yield run(str(tooltrail), "verify").returncode == 0, "the log verifies"
    logs = home.glob(".local/share/*/audit.jsonl")
    kept = "".join(path.read_text() for path in logs)
    yield _SECRET not in kept, "no secret reached the log"
    run(str(tooltrail), "hook", "uninstall", name)
    settings = [path.read_text() for path in home.glob(".*/*.json") if path.is_file()]
    yield not any("hook handle" in text for text in settings), "uninstall leaves no hook of ours"


def _of_the_log(entries: list[dict[str, Any]], agent: Agent) -> Iterator[tuple[bool, str]]:
    commands = [each["command"] for turn in SCRIPT for each in turn] + [_WRAPPED]
    told = [entry for entry in entries if entry["recorder"] == "hook"]
    yield len(told) == len(commands), f"{len(told)} of {len(commands)} commands are there, once"
    by_words = {" ".join(entry["params"]["argv"]): entry for entry in told}

    def code_of(start: str) -> object:
        found = [entry for words, entry in by_words.items() if start in words]
        return found[0]["exit_code"] if found else "missing"

    codes = [code_of(start) for start in ("git --version", "exit 3", "echo a &&", "curl -s")]
    wanted = [0, 3, 0, 7] if agent.tells_codes else [None] * 4
    yield codes == wanted, f"the exit codes are {codes}"
    yield code_of("sleep 4") is None, "what runs in the background is left open"
    large = next((entry for words, entry in by_words.items() if "head -c" in words), {})
    size = large.get("output", {}).get("stdout", {}).get("bytes", 1_000_000)
    yield size == 1_000_000, "output that was cut is not told as the command's"
    inner = [entry["trace_id"] for entry in entries if entry["recorder"] == "wrapper"]
    is_same = inner == [told[0]["trace_id"]] if told else False
    yield (
        is_same == agent.same_trace,
        "a wrapped command inside "
        + (
            "is in the session's trace"
            if agent.same_trace
            else "has a trace of its own, as documented"
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
