"""`tooltrail hook install|status|uninstall`: settings files keep all else that is in them."""

import json
import os
import shlex
import stat
from pathlib import Path
from typing import Any

import pytest

from conftest import TOOLTRAIL, Home, response_in
from tooltrail.agents import jsonc

AGENTS = {
    "claude-code": (".claude/settings.json", "PreToolUse"),
    "codex": (".codex/hooks.json", "PreToolUse"),
    "gemini-cli": (".gemini/settings.json", "BeforeTool"),
}
THEIRS = {
    "model": "opus",
    "hooks": {
        "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "theirs.sh"}]}],
        "BeforeTool": [{"hooks": [{"type": "command", "command": "theirs.sh", "timeout": 5}]}],
        "Stop": [{"hooks": [{"type": "command", "command": "say tooltrail hook handle"}]}],
    },
    "env": {"A": "é"},
}
COMMENTED = """\
{
    // mine
    "model": "opus", /* the best */
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "theirs.sh"},]}, // last
        ],
        "BeforeTool": [], // none yet
        /* nothing else */
    },
    "url": "https://example.com/*", // not a comment: /* "
}
"""
TEXTS = {
    "nothing": None,
    "empty": "",
    "blank": " \n\t\n",
    "an empty object": "{}",
    "an empty object, spread": "{\n}\n",
    "in one line": json.dumps(THEIRS),
    "no newline at its end": json.dumps(THEIRS, indent=2),
    "tabs": json.dumps(THEIRS, indent="\t") + "\n",
    "four spaces": json.dumps(THEIRS, indent=4, ensure_ascii=False) + "\n",
    "CRLF": json.dumps(THEIRS, indent=2).replace("\n", "\r\n") + "\r\n",
    "a byte order mark": "\ufeff" + json.dumps(THEIRS, indent=2) + "\n",
    "only a byte order mark": "\ufeff",
    "comments": COMMENTED,
    "comments and CRLF": COMMENTED.replace("\n", "\r\n"),
    "only a comment inside": "{\n  // to do\n}\n",
    "comments in odd places": '\n{ // a\n"hooks": // b\n  {/* c */}\n  , }\n // d\n',
    "a comma after a comment": '{"hooks":\n{"PreToolUse": [] // a\n, "x": [],}, /* b */}',
    "a brace after a comment": '\n{ // a\n"hooks":\n  {}\n  , }\n\n',
    "empty hooks": '{"hooks": {}, "a": 1}\n',
    "empty lists": '{\n  "hooks": {\n    "PreToolUse": [],\n    "BeforeTool": []\n  }\n}\n',
    "a name twice": '{"hooks": {"Stop": []}, "hooks": {"PreToolUse": []}}',
}


def settings_file(home: Home, agent: str, text: str | None = None) -> Path:
    """Return an agent's settings file, with a text in it."""
    path = home.path / AGENTS[agent][0]
    if text is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return path


def hook(home: Home, *arguments: str, exit_code: int = 0, **options: Any) -> dict[str, Any]:
    """Run `tooltrail hook`, and return its response."""
    ran = home.tooltrail("hook", *arguments, **options)
    assert ran.returncode == exit_code, (ran.stdout, ran.stderr)
    return response_in(ran.stdout)


def plain(path: Path) -> Any:
    """Return the settings in a file, comments or not."""
    return jsonc.parse(path.read_bytes().decode()).plain()


def ours(path: Path, agent: str) -> list[str]:
    """Return the commands of ours in a settings file."""
    every = plain(path).get("hooks", {}).values()
    commands = [each["command"] for groups in every for group in groups for each in group["hooks"]]
    return [command for command in commands if f" hook handle {agent} " in command]


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_installing_keeps_all_else_and_uninstalling_gives_the_text_back(
    home: Home, agent: str, text: str | None
) -> None:
    """Byte for byte, comments and all; installing twice changes nothing."""
    path = settings_file(home, agent, text)
    assert hook(home, "install", agent)["data"]["changed"] is True
    installed = path.read_bytes()
    assert len(ours(path, agent)) == {"claude-code": 4, "codex": 2, "gemini-cli": 2}[agent]
    left = iter(installed.decode())
    assert all(char in left for char in (text or "").strip())  # nothing of it was taken away
    assert hook(home, "install", agent)["data"]["changed"] is False
    assert path.read_bytes() == installed
    hook(home, "uninstall", agent)
    assert (path.read_bytes().decode() if path.exists() else None) == text
    assert hook(home, "uninstall", agent)["data"]["changed"] is False


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_uninstalling_after_another_change_keeps_that_change(
    home: Home, agent: str, text: str | None
) -> None:
    """Where the text from before is no longer the right one, our hooks alone are taken out."""
    path = settings_file(home, agent, text)
    hook(home, "install", agent)
    kept = plain(path)
    changed = path.read_bytes().decode().rstrip() + "\n// changed meanwhile\n"
    path.write_bytes(changed.encode())
    hook(home, "uninstall", agent)
    assert ours(path, agent) == []
    assert path.read_bytes().decode().endswith("// changed meanwhile\n")
    for sign in ("//", "/*"):
        assert changed.count(sign) == path.read_bytes().decode().count(sign)  # each comment is left
    after = plain(path)
    for name in kept:
        if name != "hooks":
            assert after[name] == kept[name]
    theirs = after.get("hooks", {})
    for event, groups in (THEIRS["hooks"] if text and "theirs.sh" in text else {}).items():  # type: ignore[attr-defined]
        if "say tooltrail" in text or event == "PreToolUse":
            assert theirs[event] == groups


@pytest.mark.parametrize("agent", AGENTS)
def test_the_file_as_it_was_is_kept_with_its_mode(home: Home, agent: str) -> None:
    """The backup holds what the file held, keys included, so it is as private."""
    path = settings_file(home, agent, json.dumps(THEIRS))
    path.chmod(0o600)
    (file,) = hook(home, "install", agent)["data"]["files"]
    backup = Path(file["backup"])
    assert backup.parent == path.parent
    assert json.loads(backup.read_text()) == THEIRS
    assert stat.S_IMODE(backup.stat().st_mode) == stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_dry_run_shows_the_change_and_makes_none(home: Home) -> None:
    """Other people's keys are not shown with it."""
    key = "sk-ant-api03-Zz9Yy8Xx7Ww6Vv5Uu4Tt3Ss2Rr1Qq0Pp9Oo8"
    path = settings_file(home, "claude-code", json.dumps({"env": {"API_KEY": key}}, indent=2))
    before = path.read_bytes()
    data = hook(home, "install", "claude-code", "--dry-run")["data"]
    assert (data["changed"], data["files"][0]["changed"]) == (False, True)
    shown = "\n".join(data["files"][0]["diff"])
    assert "+" in shown
    assert "hook handle claude-code" in shown
    assert key not in shown
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("agent", AGENTS)
def test_the_command_works_as_the_agent_runs_it(home: Home, agent: str, tmp_path: Path) -> None:
    """By a shell, with another PATH, in another folder; and from a path with blanks in it."""
    link = tmp_path / "a 'quoted' folder" / "tooltrail"
    link.parent.mkdir()
    link.symlink_to(TOOLTRAIL)
    assert home.run(link, "hook", "install", agent).returncode == 0
    command = ours(settings_file(home, agent), agent)[0]
    assert str(link) == shlex.split(command)[0]
    event = {
        "session_id": "s",
        "tool_use_id": "t",
        "hook_event_name": AGENTS[agent][1],
        "tool_name": "run_shell_command" if agent == "gemini-cli" else "Bash",
        "tool_input": {"command": "true"},
    }
    ran = home.run("/bin/sh", "-c", command, input=json.dumps(event), env={"PATH": "/nowhere"})
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert [line["tool"] for line in home.events("tooltrail", "begin")][-1] == "true"
    link.unlink()  # a tooltrail that is gone must not be taken for a hook that refuses
    ran = home.run("/bin/sh", "-c", command, input=json.dumps(event))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    rows = hook(home, "status", agent, exit_code=1)["data"]["hooks"]
    assert rows[0]["state"] == "broken"
    assert str(link) in rows[0]["problem"]


def test_installing_from_another_place_changes_the_command(home: Home, tmp_path: Path) -> None:
    """An upgrade that moved tooltrail must not leave two hooks."""
    other = tmp_path / "tooltrail"
    other.symlink_to(TOOLTRAIL)
    path = settings_file(home, "codex", json.dumps(THEIRS, indent=2))
    hook(home, "install", "codex")
    assert home.run(other, "hook", "install", "codex").returncode == 0
    commands = ours(path, "codex")
    assert len(commands) == 2
    assert all(command.startswith(str(other)) for command in commands)


REFUSED = {
    "a list": ("[]", "not an object"),
    "a text": ('"hooks"', "not an object"),
    "not JSON": ("{hooks: 1}", "line 1: a name in quotes is missing"),
    "cut off": ('{\n"hooks": {', "line 2"),
    "a comment without an end": ("{} /* ", "a comment without an end"),
    "two values": ("{} {}", "something follows"),
    "hooks that are a list": ('{"hooks": []}', "`hooks` is not an object"),
    "an event that is no list": ('{"hooks": {"PreToolUse": {}, "BeforeTool": {}}}', "not an array"),
    "nested too deeply": ('{"a":' + "[" * 10_000, "nested too deeply"),
    "not UTF-8": (b'{"a": "\xff"}', "not UTF-8"),
    "too large": (b"{}" + b" " * (9 << 20), "larger than"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_edited_is_refused_and_left_alone(
    home: Home, content: str | bytes, words: str
) -> None:
    """In clear words, with nothing changed and nothing beside it."""
    path = settings_file(home, "claude-code", "")
    given = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(given)
    for action in ("install", "uninstall"):
        answer = hook(home, action, "claude-code", exit_code=1)
        assert words in answer["error"]["message"]
        assert str(path) in answer["error"]["message"]
    assert hook(home, "status", "claude-code", exit_code=1)["data"]["hooks"][0]["state"] == "broken"
    assert path.read_bytes() == given
    assert list(path.parent.iterdir()) == [path]


def test_a_read_only_file_is_left_alone(home: Home) -> None:
    """Whoever made it read-only meant it, even for root."""
    path = settings_file(home, "claude-code", "{}")
    path.chmod(0o444)
    answer = hook(home, "install", "claude-code", exit_code=1)
    assert "read-only (mode 0444)" in answer["error"]["message"]
    assert path.read_text() == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_a_symlink_stays_one(home: Home, tmp_path: Path) -> None:
    """The file that a dotfile manager keeps elsewhere is the one that is changed."""
    target = tmp_path / "dotfiles.json"
    target.write_text("{}\n")
    path = settings_file(home, "claude-code")
    path.parent.mkdir()
    path.symlink_to(target)
    hook(home, "install", "claude-code")
    assert path.is_symlink()
    assert "hook handle" in target.read_text()
    hook(home, "uninstall", "claude-code")
    assert (path.is_symlink(), target.read_text()) == (True, "{}\n")


@pytest.mark.parametrize("kind", ["dangling", "folder", "pipe", "hard link"])
def test_what_is_no_plain_file_is_refused(home: Home, tmp_path: Path, kind: str) -> None:
    """Clear words, and nothing waits for a pipe."""
    path = settings_file(home, "claude-code")
    path.parent.mkdir()
    if kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("{}")
        (tmp_path / "other").hardlink_to(path)
    answer = hook(home, "install", "claude-code", exit_code=1)
    assert str(path) in answer["error"]["message"]
    assert [each.name for each in path.parent.iterdir()] == ["settings.json"]


def test_a_project_has_hooks_of_its_own(home: Home, tmp_path: Path) -> None:
    """Those of the repository that we are in, from any folder in it."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    inside = tmp_path / "repo" / "src"
    inside.mkdir()
    data = hook(home, "install", "claude-code", "--project", cwd=inside)["data"]
    path = tmp_path / "repo" / ".claude" / "settings.json"
    assert [file["path"] for file in data["files"]] == [str(path)]
    assert len(ours(path, "claude-code")) == 4
    rows = hook(home, "status", "claude-code", cwd=inside)["data"]["hooks"]
    assert [(row["path"], row["state"]) for row in rows] == [
        (str(settings_file(home, "claude-code")), "off"),
        (str(path), "on"),
    ]
    hook(home, "uninstall", "claude-code", "--project", cwd=inside)
    assert not path.exists()


@pytest.mark.parametrize(
    ("agent", "file", "text", "words"),
    [
        ("claude-code", ".claude/settings.json", '{"disableAllHooks": true}', "disableAllHooks"),
        ("claude-code", ".claude/settings.local.json", '{"disableAllHooks": true}', "local"),
        ("codex", ".codex/config.toml", "[features]\nhooks = false\n", "hooks = false"),
        ("gemini-cli", ".gemini/settings.json", '{"hooksConfig": {"enabled": false}}', "enabled"),
        (
            "gemini-cli",
            ".gemini/settings.json",
            '{"hooksConfig": {"disabled": ["tooltrail"]}}',
            "d",
        ),
    ],
)
def test_status_tells_what_keeps_the_agent_from_running_them(
    home: Home, agent: str, file: str, text: str, words: str
) -> None:
    """Installed is not enough."""
    path = home.path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    hook(home, "install", agent)
    (row, *_) = hook(home, "status", agent, exit_code=1)["data"]["hooks"]
    assert row["state"] == "broken"
    assert words in row["problem"]


def test_status_tells_of_every_agent(home: Home) -> None:
    """And a hook that is missing from a set of them is a problem."""
    hook(home, "install", "gemini-cli")
    rows = hook(home, "status")["data"]["hooks"]
    on = {row["name"]: row for row in rows if row["state"] == "on"}
    assert {row["name"] for row in rows} >= set(AGENTS)
    assert list(on) == ["gemini-cli"]
    assert on["gemini-cli"]["events"] == ["BeforeTool", "AfterTool"]
    path = settings_file(home, "gemini-cli")
    settings = json.loads(path.read_text())
    del settings["hooks"]["AfterTool"]
    path.write_text(json.dumps(settings))
    rows = hook(home, "status", "gemini-cli", exit_code=1)["data"]["hooks"]
    assert "AfterTool" in rows[0]["problem"]


@pytest.mark.parametrize("variable", ["CLAUDE_CONFIG_DIR", "CODEX_HOME"])
def test_an_agents_own_variable_for_its_folder_counts(
    home: Home, tmp_path: Path, variable: str
) -> None:
    """As it does for the agent itself."""
    agent = {"CLAUDE_CONFIG_DIR": "claude-code", "CODEX_HOME": "codex"}[variable]
    folder = tmp_path / "elsewhere"
    hook(home, "install", agent, env={variable: str(folder)})
    assert [each.suffix for each in folder.iterdir()] == [".json"]


@pytest.mark.parametrize(
    "arguments",
    [(), ("install",), ("install", "emacs"), ("handel", "codex"), ("status", "vi"), ("--wrong",)],
)
def test_a_wrong_command_line_is_a_usage_error(home: Home, arguments: tuple[str, ...]) -> None:
    """With a hint of what there is."""
    answer = hook(home, *arguments, exit_code=2)
    assert answer["error"]["hint"]


def test_the_table_shows_the_diff_and_where_the_backup_is(home: Home) -> None:
    """What people read on a terminal."""
    settings_file(home, "codex", '{"hooks": {}}\n')
    shown = home.tooltrail("hook", "install", "codex", "--output", "table").stdout
    assert "+++ " in shown
    assert "changed; as it was: " in shown
    assert "note: " in shown
    listed = home.tooltrail("hook", "status", "--output", "table").stdout
    assert "codex" in listed
    assert "on " in listed
