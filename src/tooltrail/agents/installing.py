"""Where each agent keeps its hooks, which of them we need, and what keeps them from running."""

import os
import shlex
import tomllib
from dataclasses import dataclass

from ..userfile import Edit, UserFileError, read
from . import hooks_file
from .hooks_file import Hook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

ON, OFF, BROKEN = "on", "off", "broken"
_SECONDS, _MS = 15, 15_000  # longer than the handler's own limit


@dataclass(frozen=True)
class Agent:
    """An agent whose settings we know how to change."""

    name: str
    folder: str  # of its settings, in the home or the project
    variable: str | None  # that names another folder than the one in the home
    file: str
    hooks: tuple[Hook, ...]
    disabled: "Callable[[str, object], str | None]"
    note: str = ""

    def path(self, home: str, project: str | None) -> str:
        """Return the file that its hooks are in, for a project or for the user."""
        if project is not None:
            return os.path.join(project, self.folder, self.file)
        configured = os.environ.get(self.variable or "") if self.variable else None
        return os.path.join(configured or os.path.join(home, self.folder), self.file)


def install(name: str, *, command: "Sequence[str]", home: str, project: str | None) -> list[Edit]:
    """Return the edits that install our hooks. Raises `UserFileError`."""
    agent = KNOWN[name]
    return [hooks_file.install(agent.path(home, project), name, agent.hooks, command)]


def uninstall(name: str, *, home: str, project: str | None, **_: object) -> list[Edit]:
    """Return the edits that take our hooks away. Raises `UserFileError`."""
    agent = KNOWN[name]
    return [hooks_file.uninstall(agent.path(home, project), name, agent.hooks)]


def status(name: str, *, home: str, project: str | None, **_: object) -> "list[dict[str, Any]]":
    """Return for each settings file how our hooks stand in it: on, off, or broken and why."""
    agent = KNOWN[name]
    paths = [agent.path(home, None)]
    if project is not None and agent.path(home, project) not in paths:
        paths.append(agent.path(home, project))
    return [_row(agent, path) for path in paths]


def _row(agent: Agent, path: str) -> "dict[str, Any]":
    row: dict[str, Any] = {"path": path, "state": OFF, "command": None, "events": []}
    try:
        settings, found = hooks_file.installed(path, agent.name)
    except UserFileError as error:
        return {**row, "state": BROKEN, "problem": error.message.removeprefix(f"{path}: ")}
    if not found:
        return row
    row.update(state=ON, command=found[0].command, events=[each.event for each in found])
    problem = _problem(agent, path, settings, [each.command for each in found], row["events"])
    return {**row, "state": BROKEN, "problem": problem} if problem else row


def _problem(
    agent: Agent, path: str, settings: object, commands: "list[str]", events: "list[str]"
) -> str | None:
    missing = [hook.event for hook in agent.hooks if hook.event not in events]
    if missing:
        return f"no hook for {', '.join(missing)}; install again"
    for command in commands:
        program = _program(command)
        if not os.access(program, os.X_OK):
            return f"the program in it is gone: {program}; install again"
    return agent.disabled(path, settings)


def _program(command: str) -> str:
    try:
        return shlex.split(command)[0]
    except (ValueError, IndexError):
        return command


def _switch(settings: object, *names: str) -> object:
    for name in names:
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def _claude_disabled(path: str, settings: object) -> str | None:
    if _switch(settings, "disableAllHooks") is True:
        return "`disableAllHooks` is on: it runs no hooks"
    local = os.path.join(os.path.dirname(path), "settings.local.json")
    try:
        others, _ = hooks_file.installed(local, "claude-code")
    except UserFileError:
        return None
    if _switch(others, "disableAllHooks") is True:
        return f"`disableAllHooks` is on in {local}: it runs no hooks"
    return None


def _codex_disabled(path: str, _: object) -> str | None:
    config = os.path.join(os.path.dirname(path), "config.toml")
    try:
        settings: Mapping[str, Any] = tomllib.loads(read(config) or "")
    except (UserFileError, ValueError):
        return None
    for switch in ("hooks", "codex_hooks"):
        if _switch(settings, "features", switch) is False:
            return f"`[features] {switch} = false` in {config}: it runs no hooks"
    return None


def _gemini_disabled(_: str, settings: object) -> str | None:
    if _switch(settings, "hooksConfig", "enabled") is False:
        return "`hooksConfig.enabled` is false: it runs no hooks"
    names = _switch(settings, "hooksConfig", "disabled")
    if isinstance(names, list) and _GEMINI_NAME in names:
        return f"`hooksConfig.disabled` names {_GEMINI_NAME}"
    return None


_GEMINI_NAME = "tooltrail"
_GEMINI_MORE = (("name", _GEMINI_NAME),)
KNOWN = {
    agent.name: agent
    for agent in (
        Agent(
            "claude-code",
            ".claude",
            "CLAUDE_CONFIG_DIR",
            "settings.json",
            (
                Hook("PreToolUse", "Bash", _SECONDS),
                Hook("PostToolUse", "Bash", _SECONDS),
                Hook("PostToolUseFailure", "Bash", _SECONDS),
                Hook("SessionStart", None, _SECONDS),
            ),
            _claude_disabled,
            "restart a session that is running, or review the hooks in it with /hooks",
        ),
        Agent(
            "codex",
            ".codex",
            "CODEX_HOME",
            "hooks.json",
            (
                Hook("PreToolUse", "^Bash$", _SECONDS),
                Hook("PostToolUse", "^Bash$", _SECONDS),
            ),
            _codex_disabled,
            "Codex runs them only after you have trusted them: /hooks in Codex",
        ),
        Agent(
            "gemini-cli",
            ".gemini",
            None,
            "settings.json",
            (
                Hook("BeforeTool", "^run_shell_command$", _MS, _GEMINI_MORE),
                Hook("AfterTool", "^run_shell_command$", _MS, _GEMINI_MORE),
            ),
            _gemini_disabled,
            "Gemini CLI reads them when it starts; those of a project, only in a trusted folder",
        ),
    )
}
