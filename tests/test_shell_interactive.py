"""An interactive shell in which every command is recorded: bash and zsh in a real terminal."""

import os
from pathlib import Path
from typing import Any

import pytest

from conftest import Home, needs
from shell_world import Terminal, install, until
from tooltrail import shells, userfile
from tooltrail.errors import UsageError

Line = dict[str, Any]
SHELLS = [pytest.param("bash"), pytest.param("zsh", marks=needs("zsh"))]


def open_shell(home: Home, name: str, startup: str = "") -> Terminal:
    """Start an interactive shell with a start-up file of its user's, and our hook in it."""
    (home.path / f".{name}rc").write_text(f"PS1='$ '\n{startup}")
    install(home, name)
    environment = home.environment(TERM="dumb", HISTFILE=str(home.path / "hist"))
    terminal = Terminal([name, "-i"], environment)
    terminal.type("echo rea''dy", "ready")
    return terminal


def ends(home: Home, name: str) -> list[Line]:
    def over(lines: list[Line]) -> bool:
        return any(line["tool"] == name and line["process"]["pid"] for line in lines)

    return until(lambda: home.events("tooltrail", "end"), over)


@pytest.mark.parametrize("name", SHELLS)
def test_each_line_is_recorded_with_its_exit_code(home: Home, name: str) -> None:
    """Also the shell itself, which ends with the status of its `exit`."""
    terminal = open_shell(home, name)
    terminal.type("false", "$ ")
    terminal.type("echo st''atus=$?", "status=1")
    terminal.type("(exit 4)", "$ ")
    terminal.type("echo st''atus=$?", "status=4")
    terminal.type("sleep 0.1; echo do''ne", "done")
    terminal.type("jobs; echo jo''bs=$(jobs | wc -l)", "jobs=0")
    terminal.type("wait; echo wa''ited", "waited")
    terminal.type("exit 3", "")
    assert terminal.end() == 3
    lines = ends(home, name)
    assert ("false", 1) in [(line["tool"], line["exit_code"]) for line in lines]
    assert "sleep" in {line["tool"] for line in lines} | {
        word for line in lines for text in line["params"]["argv"] for word in text.split()
    }
    (shell,) = [line for line in lines if line["process"]["pid"]]
    assert shell["exit_code"] == 3
    assert [line["exit_code"] for line in lines if line["tool"] == "exit"] == [3]
    assert all(
        line["parent_request_id"] == shell["request_id"] for line in lines if line is not shell
    )


def test_bash_keeps_a_users_prompt_command_and_history(home: Home) -> None:
    """PROMPT_COMMAND sees `$?`; what it runs is not recorded; the history holds what was typed."""
    terminal = open_shell(home, "bash", "PROMPT_COMMAND='echo pro''mpt=$?; /bin/true'\n")
    terminal.type("false", "prompt=1")
    terminal.type("true", "prompt=0")
    terminal.type("true a b; false", "prompt=1")
    terminal.type("echo la''st=$_", "last=false")
    shown = terminal.type("history | wc -l; echo en''d", "end\r")
    assert "\n6\r" in shown, "the lines that were typed, and no others"
    assert "_tooltrail" not in terminal.shown.decode(errors="replace")
    terminal.type("exit", "")
    terminal.end()
    recorded = [line["params"]["argv"] for line in ends(home, "bash")]
    assert ["/bin/true"] not in recorded
    assert ["false"] in recorded


def test_bash_keeps_pipestatus_for_a_users_prompt_command(home: Home) -> None:
    """It sees the statuses of all elements."""
    terminal = open_shell(home, "bash", "PROMPT_COMMAND='echo pro''mpt=${PIPESTATUS[*]}'\n")
    terminal.type("false | true | (exit 7)", "prompt=1 0 7")
    terminal.type("exit", "")
    terminal.end()


def test_a_debug_trap_that_is_there_goes_on_beside_ours(home: Home) -> None:
    """It sees the command, `$?` and `$_` as before; both it and we tell of each command."""
    trap = (
        """trap 'seen="$BASH_COMMAND:$?:$_"; [[ $seen == sh* ]] && echo "theirs <$seen>"' DEBUG\n"""
    )
    terminal = open_shell(home, "bash", trap)
    terminal.type("true a b; false", "$ ")
    terminal.type("false", "$ ")
    terminal.type("sh -c 'exit 3'", "theirs <sh -c 'exit 3':1:")
    terminal.type("false a b; sh -c 'exit 4'", "theirs <sh -c 'exit 4':1:b>")
    terminal.type("echo st''atus=$?", "status=4")
    terminal.type("exit 5", "")
    assert terminal.end() == 5
    told = [(line["tool"], line["exit_code"]) for line in ends(home, "bash")]
    assert {("sh", 3), ("sh", 4), ("false", 1), ("bash", 5)} <= set(told)


_PREEXEC = """
__bp_imported=defined preexec_functions=() precmd_functions=()
__bp_debug() {
    local was=$?
    [[ ${__bp_ready-} == 1 && $BASH_COMMAND != __bp_* ]] || return 0
    __bp_ready=0
    local line each; line=$(HISTTIMEFORMAT= history 1); line=${line#*[0-9]  }
    for each in "${preexec_functions[@]}"; do "$each" "$line"; done
}
__bp_precmd() {
    local was=$? each
    for each in "${precmd_functions[@]}"; do (exit "$was"); "$each"; done
    __bp_ready=1
}
PROMPT_COMMAND=__bp_precmd
trap '__bp_debug "$_"' DEBUG
"""


def test_with_bash_preexec_each_line_is_told_by_it(home: Home) -> None:
    """Its arrays call us, its DEBUG trap stays; here by a trap that works as its own does."""
    terminal = open_shell(home, "bash", _PREEXEC)
    terminal.type("sh -c 'exit 3'", "$ ")
    terminal.type("echo st''atus=$?", "status=3")
    terminal.type("trap -p DEBUG", "__bp_debug")
    terminal.type("exit 5", "")
    assert terminal.end() == 5
    told = [(line["tool"], line["exit_code"]) for line in ends(home, "bash")]
    assert {("sh", 3), ("bash", 5)} <= set(told)


def test_a_command_that_was_stopped_has_not_ended(home: Home) -> None:
    """Ctrl-Z: it may go on, and nobody will tell how it ends."""
    terminal = open_shell(home, "bash")
    os.write(terminal.fd, b"sleep 0.5\n")
    begins = until(
        lambda: [line for line in home.events("tooltrail", "begin") if line["tool"] == "sleep"],
        bool,
    )
    os.write(terminal.fd, b"\x1a")
    terminal.type("echo st''atus=$?", "status=148")
    terminal.type("fg; echo go''ne", "gone")
    terminal.type("exit 0", "")
    assert terminal.end() == 0
    assert begins[0]["request_id"] not in [line["request_id"] for line in ends(home, "bash")]


@pytest.mark.parametrize("name", SHELLS)
def test_installing_twice_and_taking_away_leaves_the_users_file(home: Home, name: str) -> None:
    """The marked block comes once, and goes without a trace."""
    rc = home.path / f".{name}rc"
    theirs = "# mine\nalias a=b\n"
    rc.write_text(theirs)
    hook = install(home, name)
    once = rc.read_text()
    assert once.startswith(theirs)
    install(home, name)
    assert rc.read_text() == once
    options: dict[str, Any] = {"command": ["tooltrail"], "home": str(home.path), "project": None}
    (row,) = shells.status(name, **options)
    assert row["state"] == "on"
    hook.write_text(hook.read_text() + "# changed\n")
    (row,) = shells.status(name, **options)
    assert row["state"] == "broken"
    rc.write_text(once + "# later\n")
    for edit in shells.uninstall(name, **options):
        userfile.apply(edit)
    assert rc.read_text() == theirs + "# later\n"
    assert list(hook.parent.iterdir()) == []  # of our own files, no backup is kept
    assert shells.status(name, **options)[0]["state"] == "off"
    assert not any(edit.changed for edit in shells.uninstall(name, **options))


@pytest.mark.parametrize("before", [None, "", "# mine\n"])
def test_taking_away_gives_back_what_was_there(home: Home, before: str | None) -> None:
    """No file where there was none; an empty one where there was an empty one."""
    rc = home.path / ".bashrc"
    if before is not None:
        rc.write_text(before)
    install(home, "bash")
    for edit in shells.uninstall("bash", command=["tooltrail"], home=str(home.path), project=None):
        userfile.apply(edit)
    assert (rc.read_text() if rc.exists() else None) == before
    assert any(home.path.glob(".bashrc.*")) == (before is not None)


def test_a_block_without_its_end_is_left_to_its_owner(home: Home) -> None:
    """Nobody can say what would be taken away with it."""
    install(home, "bash")
    rc = Path(home.path / ".bashrc")
    rc.write_text(rc.read_text().replace("# <<< tooltrail hook <<<\n", ""))
    with pytest.raises(UsageError, match="lost its end"):
        shells.uninstall("bash", command=["tooltrail"], home=str(home.path), project=None)
