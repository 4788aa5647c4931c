"""Shells whose user has bent them: the hooks change no byte of what such a shell does."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Home, needs
from shell_world import Terminal, install, until

Line = dict[str, Any]


@pytest.fixture
def hook(home: Home) -> Path:
    """The installed hook of bash, as BASH_ENV names it."""
    return install(home, "bash")


def bash(
    home: Home, line: str, *flags: str, env: dict[str, str], hook: Path | None = None
) -> tuple[int, str, str]:
    """Run a line, recorded where there is a hook; return exit code, stdout and stderr."""
    more = {"BASH_ENV": str(hook)} if hook else {}
    argv = ["env", "bash", *flags, "-c", line]
    done = home.run(*argv, env={**env, **more}, input="in\nput\n")
    return done.returncode, done.stdout, done.stderr


def is_the_same(home: Home, hook: Path, line: str, *flags: str, **env: str) -> None:
    """Hold a line with the hook to the same line without it."""
    bare = bash(home, line, *flags, env=env)
    assert bash(home, line, *flags, env=env, hook=hook) == bare


def recorded(home: Home) -> list[str]:
    """Wait for the shell's end; return what the calls below it were."""

    def over(lines: list[Line]) -> bool:
        return any(line["tool"] == "bash" and line["process"]["pid"] for line in lines)

    lines = until(lambda: home.events("tooltrail", "end"), over)
    return [" ".join(line["params"]["argv"]) for line in lines]


_WORK = (
    'echo ok; sh -c "exit 2"; x=$(echo a b); echo "$x $?"; '
    "sh -c 'env | grep -c _tooltrail_'; cd /; (exit 3)"
)


@pytest.mark.parametrize(
    "options",
    [
        *("allexport", "errexit", "errtrace", "functrace", "keyword", "noclobber", "noglob"),
        *("nounset", "onecmd", "physical", "pipefail", "posix", "xtrace", "errexit:nounset"),
    ],
)
def test_options_that_are_exported_to_the_shell_change_nothing(
    home: Home, hook: Path, options: str
) -> None:
    """They hold from the first line of the hook on."""
    is_the_same(home, hook, _WORK, SHELLOPTS=options)


@pytest.mark.parametrize("flag", ["-a", "-e", "-eu", "-k", "-r", "-t", "-u", "-x", "--posix"])
def test_flags_of_the_shell_change_nothing(home: Home, hook: Path, flag: str) -> None:
    """Among them `-x`, in whose trace the hook does not appear, and `-r`."""
    is_the_same(home, hook, _WORK, flag)


@pytest.mark.parametrize(
    "option",
    [
        *("assoc_expand_once", "compat44", "dotglob", "expand_aliases", "extdebug", "extglob"),
        *("failglob", "inherit_errexit", "lastpipe", "localvar_inherit", "localvar_unset"),
        *("nocaseglob", "nocasematch", "nullglob", "xpg_echo"),
    ],
)
def test_options_of_shopt_change_nothing(home: Home, hook: Path, option: str) -> None:
    """From the start, and from the middle of a script."""
    is_the_same(home, hook, _WORK, "-O", option)
    is_the_same(home, hook, f"echo a; shopt -s {option}; {_WORK}")


@pytest.mark.parametrize(
    "line",
    [
        "set -u; unset PWD; echo ok",
        "set -eu; unset PWD; echo ok; false; echo no",
        "set -eu; unset EPOCHREALTIME EPOCHSECONDS; echo ok; sh -c 'exit 4'",
        "set -u; unset BASHPID BASH_COMMAND PIPESTATUS RANDOM SRANDOM _; echo ok; sh -c :",
        "for v in $(compgen -v _tool); do unset $v; done; set -u; echo ok; sh -c :; exit 3",
        "readonly IFS PWD EPOCHREALTIME; echo a; cd /; sh -c :; echo b",
        "readonly TOOL_PARENT_REQUEST_ID TOOL_TRACE_ID; echo a; sh -c :; echo b",
        "readonly TOOL_PARENT_REQUEST_ID; set -o posix; echo a; sh -c :; echo b",
        "IFS=0123456789; false | true; echo ${PIPESTATUS[*]}; sh -c :",
        "set -x; f() { sh -c :; }; f; echo a; (echo b); x=$(echo c); exit 3",
        "set -v\necho a\nsh -c :",
        "set -o verbose\necho a\nsh -c :",
        "set -r; echo a; cd /; sh -c : | cat; echo b",
        "ulimit -n 3; echo a; echo b",
        "set -e; ulimit -Sn 3; echo a; echo b",
        "set -a; A=1; f() { :; }; sh -c :; env | grep -E '^(A=|_tooltrail|BASH_FUNC__)'",
        "hash; hash | wc -l",
        "[[ abc =~ a(b)c ]]; sh -c :; echo ${BASH_REMATCH[*]} ${REPLY-none} ${MAPFILE-none}",
        "set -T; trap 'echo ret' RETURN; f() { echo f; }; f; echo end",
        "set -E; trap 'echo err $?' ERR; f() { false; true; }; f; (false); echo end",
        "echo a; trap 'echo dbg $BASH_COMMAND' DEBUG; echo b; f() { echo in; }; f",
        "LC_ALL=de_DE.UTF-8; echo ä; LC_NUMERIC=fr_FR; sh -c :",
        "builtin() { echo mine; }; echo a; sh -c :",
        "echo a; function builtin { echo mine; }; sh -c :",
        "eval 'builti''n() { echo mine; }'; echo a; sh -c :; exit 3",
        "echo 'builti''n() { exit 4; }' > lib; . ./lib; echo a; sh -c :; exit 3",
        ". /dev/null | cat | false; echo ${PIPESTATUS[*]}; eval 'true | false'; echo $?",
    ],
)
def test_what_a_script_does_to_its_shell_changes_nothing(home: Home, hook: Path, line: str) -> None:
    """Variables that are gone or readonly, options, traps, locales, limits."""
    is_the_same(home, hook, line)


_NAMES = """read local export return trap unset eval shift umask printf declare test exec cd mapfile
    command set shopt true echo typeset wait"""


@pytest.mark.parametrize("name", [*_NAMES.split(), ".", ":", "["])
def test_functions_that_are_called_like_builtins_are_not_called(
    home: Home, hook: Path, name: str
) -> None:
    """Neither those of a script nor those that the environment brings."""
    line = f"{name}() {{ \\builtin exit 4; }}; /bin/echo a; ls / >/dev/null; /bin/echo b | cat"
    is_the_same(home, hook, line)
    assert "/bin/echo a" in recorded(home)
    if name.isalpha():
        exported = {f"BASH_FUNC_{name}%%": "() { \\builtin exit 4; }"}
        is_the_same(home, hook, "/bin/echo a", **exported)


def test_a_function_called_builtin_keeps_the_hook_away(home: Home, hook: Path) -> None:
    """Then nothing can be called for certain."""
    is_the_same(home, hook, "echo a", **{"BASH_FUNC_builtin%%": "() { echo mine; }"})
    assert home.lines("tooltrail") == []


def test_a_script_that_defines_a_function_called_builtin_is_left_alone(
    home: Home, hook: Path
) -> None:
    """A file is looked into as the text of `-c` is."""
    script = home.path / "script"
    script.write_text("echo a\nbuiltin () { echo mine; }\nsh -c 'exit 3'\nbuiltin x\n")
    done = home.run("bash", str(script), env={"BASH_ENV": str(hook)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\nmine\n", "")
    script.write_text("echo a\nsh -c 'exit 3'\nbuiltin echo b; (true)\n")
    done = home.run("bash", str(script), env={"BASH_ENV": str(hook)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\nb\n", "")
    assert "sh -c exit 3" in recorded(home)


def test_what_such_shells_run_is_recorded(home: Home, hook: Path) -> None:
    """Without a working directory or a clock that tells µs, too, each call by an id of its own."""
    line = (
        "set -eu; unset PWD EPOCHREALTIME; read() { exit 4; }; set -k; ls / | cat; sh -c 'exit 7'"
    )
    assert bash(home, line, env={}, hook=hook)[0] == 7
    assert {"ls /", "cat", "sh -c exit 7"} <= set(recorded(home))
    begins = [line for line in home.events("tooltrail", "begin") if line["tool"] == "ls"]
    assert begins[0]["process"]["cwd"] is None
    ids = [line["request_id"] for line in home.events("tooltrail", "begin")]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    "line",
    [
        "trap -p EXIT; trap; echo none",
        "[ -z \"$(trap -p EXIT)\" ] && trap 'echo cleanup' EXIT; echo work; exit 5",
        "if [[ -z $(trap -p EXIT) ]]; then trap 'echo cleanup $?' EXIT; fi; false",
        "old=$(trap -p EXIT); trap 'echo t' EXIT; echo a; trap - EXIT; eval \"$old\"; echo b",
        "trap -p EXIT | cat; trap -p EXIT; exit 6",
    ],
)
def test_a_script_that_looks_for_an_exit_trap_finds_its_own(
    home: Home, hook: Path, line: str
) -> None:
    """Ours is out of the way while it looks; only the trap for DEBUG shows in a bare `trap`."""
    _, bare, errors = bash(home, line, env={})
    code, shown, told_errors = bash(home, line, env={}, hook=hook)
    ours = [each for each in shown.splitlines(keepends=True) if each.endswith("DEBUG\n")]
    assert (shown.replace("".join(ours), ""), told_errors) == (bare, errors)
    assert len(ours) == (1 if "trap;" in line else 0)
    assert code == bash(home, line, env={})[0]


def test_the_exit_code_of_a_shell_that_looked_for_traps_is_known(home: Home, hook: Path) -> None:
    """Our trap comes back with the next command, where there is none of the script's."""
    bash(home, "trap -p EXIT; sh -c :; exit 6", env={}, hook=hook)
    recorded(home)
    (shell,) = [line for line in home.events("tooltrail", "end") if line["process"]["pid"]]
    assert (shell["outcome"], shell["exit_code"]) == ("failure", 6)


def test_a_signal_is_not_claimed_for_an_exit_code_above_128(home: Home, hook: Path) -> None:
    """bash gives the same number for a command that chose it and one that a signal ended."""
    bash(home, "sh -c 'exit 137'; sh -c 'kill -9 $$'; true", env={}, hook=hook)
    recorded(home)
    ends = [line for line in home.events("tooltrail", "end") if line["tool"] == "sh"]
    assert [(end["exit_code"], end["outcome"], end["signal"]) for end in ends] == [
        (137, "failure", None)
    ] * 2
    assert {end["error"]["message"] for end in ends} == {"exit code 137"}


_RC = """
read() { exit 4; }
mapfile() { exit 4; }
return() { exit 4; }
alias local='echo no' read='echo no' printf='echo no' builtin='echo no' declare='echo no'
set -u
readonly IFS
"""


def test_an_interactive_bash_with_aliases_and_functions_is_recorded(home: Home) -> None:
    """The aliases stand in ~/.bashrc, before the block that reads the hook."""
    (home.path / ".bashrc").write_text(f"PS1='$ '\n{_RC}")
    install(home, "bash")
    terminal = Terminal(["bash", "-i"], home.environment(TERM="dumb"))
    terminal.type("echo rea''dy", "ready")
    terminal.type("sh -c 'exit 3'", "$ ")
    terminal.type("\\builtin echo st''atus=$?", "status=3")
    terminal.type("exit 5", "")
    assert terminal.end() == 5
    assert b"no " not in terminal.shown
    assert "sh -c exit 3" in recorded(home)


_PLAIN = {
    "bash": "PS1='' PS2='' HISTFILE=/dev/null\n",
    "zsh": "PS1='' PS2='' PS4='+%N> '; unsetopt zle promptsp promptcr\n",
}


def interactive(home: Home, name: str, lines: str, *, hooked: bool) -> tuple[int, str, list[str]]:
    """Run lines without a terminal; return exit code, stdout and the lines of stderr."""
    (home.path / f".{name}rc").write_text(_PLAIN[name])
    if hooked:
        install(home, name)
    environment = home.environment(TERM="dumb", TOOL_TRACE_ID="t", TOOL_PARENT_REQUEST_ID="req_A")
    done = subprocess.run(
        [name, "-i"],
        input=lines,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    errors = [line for line in done.stderr.splitlines() if not line.startswith("bash: cannot set")]
    return done.returncode, done.stdout, errors


@pytest.mark.parametrize(
    "line",
    [
        "set -eu; unset PWD EPOCHREALTIME; echo ok",
        "read() { exit 4; }; local() { exit 4; }; return() { exit 4; }; mapfile() { exit 4; }",
        "set -x; f() { echo f; }; f",
        "set -v",
        "set -r",
        "set -k; set -f; IFS=1",
        "set -a; env | grep -E '^(_tooltrail|BASH_FUNC__)'",
        "hash; trap -p EXIT; jobs; history | wc -l",
        "trap 'echo dbg $BASH_COMMAND' DEBUG",
        "readonly PROMPT_COMMAND PS0 TOOL_PARENT_REQUEST_ID IFS",
        "builtin() { echo mine; }",
        "eval 'builtin() { echo mine; }'",
        "set -o posix; shopt -s extdebug failglob nocasematch",
    ],
)
def test_what_a_user_does_to_an_interactive_bash_changes_nothing(home: Home, line: str) -> None:
    """What comes after it, before and behind its prompts, comes to the same."""
    lines = f"{line}\necho next $?\nsh -c 'exit 3'\necho $?\n(exit 2)\n"
    bare = interactive(home, "bash", lines, hooked=False)
    assert interactive(home, "bash", lines, hooked=True) == bare


@needs("zsh")
@pytest.mark.parametrize(
    "line",
    [
        "set -u; unset PWD; echo ok",
        "unset EPOCHREALTIME EPOCHSECONDS; echo ok",
        "setopt ksh_arrays sh_word_split err_return; echo ok",
        "setopt all_export; echo a; env | grep -c _tooltrail",
        "setopt xtrace; echo a",
        "setopt verbose; echo a",
        "setopt err_exit; true; false",
        "emulate sh; echo a",
        "read() { exit 4; }; printf() { exit 4; }; local() { exit 4; }; echo a",
        "typeset() { exit 4; }; return() { exit 4; }; emulate() { exit 4; }; trap() { exit 4; }",
        "builtin() { echo mine; }; echo a",
        "alias -g D='| cat' S=x P=y X=z i=q; alias local='echo no'; echo a D",
        "typeset -r TOOL_PARENT_REQUEST_ID at=1 now=2 IFS; echo a",
        "trap 'echo dbg' DEBUG; echo a",
        "trap 'echo err' ZERR; false",
        "TRAPDEBUG() { echo dbg; }; TRAPZERR() { echo err; }; false",
        "trap 'echo bye' EXIT; trap",
        "hash | grep -c mkfifo",
        "precmd() { echo pre=$?; }; false",
        "exec 2>&-; echo a",
    ],
)
def test_what_a_user_does_to_zsh_changes_nothing(home: Home, line: str) -> None:
    """What comes after it is recorded, and comes to the same."""
    lines = f"{line}\necho next $?\nsh -c 'exit 3'\n(exit 2)\n"
    bare = interactive(home, "zsh", lines, hooked=False)
    assert interactive(home, "zsh", lines, hooked=True) == bare
    until(
        lambda: home.events("tooltrail", "begin"),
        lambda found: "err_exit" in line or "builtin()" in line or has_run(found, "exit 3"),
    )


def has_run(lines: list[Line], text: str) -> bool:
    return any(text in " ".join(line["params"]["argv"]) for line in lines)


@needs("zsh")
def test_global_aliases_do_not_reach_into_the_hook_of_zsh(home: Home) -> None:
    """They stand in ~/.zshrc before the block, and zsh expands them in any place of a command."""
    (home.path / ".zshrc").write_text(
        "PS1='$ '\nalias -g D='| cat' S=x P=y X=z i=q '[['=false\nalias local='echo no' if='echo'\n"
        "setopt ksh_arrays sh_glob ignore_braces\n"
    )
    install(home, "zsh")
    terminal = Terminal(["zsh", "-i"], home.environment(TERM="dumb"))
    terminal.type("echo rea''dy", "ready")
    terminal.type("sh -c 'exit 3'", "$ ")
    terminal.type("echo st''atus=$?", "status=3")
    terminal.type("exit 5", "")
    assert terminal.end() == 5
    found = until(lambda: home.events("tooltrail", "end"), lambda lines: has_run(lines, "exit 3"))
    assert [line["exit_code"] for line in found if line["tool"] == "sh"] == [3]
