"""`tooltrail shim`: calls by name are recorded, and come to what they would have come to."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tooltrail
from conftest import TOOLTRAIL, Home, response_in

_REAL = """\
#!/bin/sh
echo "out:$0:$#:$1:$2"
echo err >&2
cat
exit 7
"""


@pytest.fixture
def world(home: Home, tmp_path: Path) -> "World":
    """A home with a program `real-one` in PATH, and a shim of it before that."""
    return World(home, tmp_path)


class World:
    """A PATH of three: the shims, a folder of programs, the system's."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.shims = home.data / "tooltrail" / "shims"
        self.program("real-one", _REAL)

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    @property
    def path(self) -> str:
        return f"{self.shims}:{self.bin}:{os.environ['PATH']}"

    def shim(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.home.tooltrail("shim", *arguments, env={"PATH": self.path, **more})

    def add(self, *names: str) -> None:
        done = self.shim("add", *names)
        assert done.returncode == 0, done.stdout

    def sh(self, line: str, *, path: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        env = {"PATH": path or self.path, **options.pop("env", {})}
        return self.home.run("/bin/bash", "-c", line, env=env, **options)

    def recorded(self) -> list[list[str]]:
        return [
            line["params"]["argv"]
            for line in self.home.events("tooltrail", "end")
            if line["recorder"] == "wrapper"
        ]


def test_a_call_by_name_is_recorded_and_comes_to_the_same(world: World) -> None:
    """Arguments, stdin, both outputs and the exit code are those of the program."""
    line = "real-one 'a  b' '*'"
    bare = world.sh(line, path=f"{world.bin}:{os.environ['PATH']}", input="in\n")
    world.add("real-one")
    through = world.sh(line, input="in\n")
    assert (through.stdout, through.stderr) == (bare.stdout, bare.stderr)
    assert through.returncode == bare.returncode == 7
    assert world.recorded() == [["real-one", "a  b", "*"]]


@pytest.mark.parametrize("again", ["{shims}", "{shims}/", "{link}", "../shims-of-ours"])
def test_a_folder_that_is_twice_in_path_makes_no_circle(
    world: World, tmp_path: Path, again: str
) -> None:
    """By its own name, with a slash, through a link, relative: the program runs once."""
    world.add("real-one")
    link = tmp_path / "shims-of-ours"
    link.symlink_to(world.shims)
    entry = again.format(shims=world.shims, link=link)
    path = f"{world.shims}:{entry}:{world.bin}:/usr/bin:/bin"
    done = world.sh("real-one", path=path, cwd=str(world.home.path))
    assert done.returncode == 7
    assert world.recorded() == [["real-one"]]
    listed = world.sh("which -a real-one", path=path, cwd=str(world.home.path))
    assert str(world.bin / "real-one") in listed.stdout.split()


def test_a_script_that_calls_its_own_name_is_recorded_at_each_level(world: World) -> None:
    """A program that calls itself by name is called, and recorded, as often as it does so."""
    world.program("deep", '#!/bin/sh\n[ "$1" = 0 ] && exit 5\ndeep $(($1 - 1))\n')
    world.add("deep")
    assert world.sh("deep 2").returncode == 5
    assert world.recorded() == [["deep", "0"], ["deep", "1"], ["deep", "2"]]


def test_two_that_look_for_each_other_come_to_an_end(world: World) -> None:
    """A version manager's own shim, which takes ours for the program behind it, gets past it."""
    chooser = (
        "#!/bin/bash\n"
        'for each in $(which -a chosen); do [ "$each" -ef "$0" ] || exec "$each" "$@"; done\n'
    )
    world.program("chosen", chooser)
    behind = world.home.path / "behind"
    behind.mkdir()
    (behind / "chosen").write_text("#!/bin/sh\necho the one behind\n")
    (behind / "chosen").chmod(0o755)
    world.add("chosen")
    done = world.sh("chosen", path=f"{world.shims}:{world.bin}:{behind}:/usr/bin:/bin")
    assert done.stdout == "the one behind\n"
    assert done.returncode == 0


def test_a_signal_ends_it_as_it_would_have_ended_the_program(world: World) -> None:
    """The caller sees the signal, not an exit code."""
    world.program("dying", "#!/bin/sh\nkill -TERM $$\n")
    world.add("dying")
    done = world.home.run(world.shims / "dying", env={"PATH": world.path})
    assert done.returncode == -signal.SIGTERM


def test_a_users_variables_and_functions_reach_the_program(world: World) -> None:
    """Variables whose names no shell would take, and exported functions, arrive as they were."""
    world.program("shows", "#!/bin/bash\nours || exit 9\nexec env\n")
    world.add("shows")
    line = "ours() { echo function; }; export -f ours; env 'a-b=1' BASH_ENV=/nonexistent shows"
    done = world.sh(line)
    assert done.returncode == 0
    assert {"function", "a-b=1", "BASH_ENV=/nonexistent"} <= set(done.stdout.split("\n"))


@pytest.mark.parametrize("broken", ["no interpreter", "no file", "no package"])
def test_without_tooltrail_the_program_runs_all_the_same(world: World, broken: str) -> None:
    """Uninstalled, moved, or half there: the shim needs none of it, and `list` says so."""
    world.add("real-one")
    shim = world.shims / "real-one"
    text = shim.read_text()
    entry = text.partition("# starts: ")[2].split()[1]
    if broken == "no interpreter":
        text = text.replace(sys.executable, "/nonexistent/python")
    elif broken == "no file":
        text = text.replace(entry, "/nonexistent/entry.py")
    else:
        alone = world.home.path / "entry.py"
        alone.write_text(Path(entry).read_text().replace("tooltrail.cli", "nothing_of_the_name"))
        text = text.replace(entry, str(alone))
    shim.write_text(text)
    done = world.sh("real-one a b", input="in\n")
    assert done.stdout.endswith(":2:a:b\nin\n")
    assert (done.stderr, done.returncode) == ("err\n", 7)
    assert world.recorded() == []
    if broken != "no package":
        (row,) = response_in(world.shim("list").stdout)["data"]["shims"]
        assert row["state"] == "broken"
        assert "not recorded" in row["problem"]
        world.add("real-one")
        assert world.sh("real-one").returncode == 7
        assert world.recorded() == [["real-one"]]


def test_without_tooltrail_no_machine_code_is_read_as_a_script(tmp_path: Path) -> None:
    """126 as in bash; a script that does not say of what is one of sh, as ever."""
    entry = tmp_path / "entry.py"
    ours = Path(tooltrail.__file__).parent / "cli" / "_from_shim.py"
    entry.write_text(ours.read_text().replace("tooltrail.cli", "nothing_of_the_name"))
    for content, code, printed in (
        (b"\x7fELF\ntouch surprise\n", 126, ""),
        (b"echo $1\nexit 3\n", 3, "a\n"),
    ):
        program = tmp_path / "program"
        program.write_bytes(content)
        program.chmod(0o755)
        done = subprocess.run(
            [sys.executable, entry, "run", "--", "program", "a"],
            check=False,
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (code, printed)
    assert not (tmp_path / "surprise").exists()


def test_a_home_that_cannot_be_written_does_not_keep_the_program_from_running(
    world: World,
) -> None:
    """One line on stderr says that it is not recorded; the rest is the program's."""
    world.add("real-one")
    done = world.sh("real-one", env={"TOOLTRAIL_DATA_HOME": "/proc/nothing"})
    assert done.returncode == 7
    assert done.stdout.startswith("out:")
    assert "err" in done.stderr.splitlines()


def test_a_command_that_is_gone_is_not_found(world: World) -> None:
    """127 and the words of a shell, as without the shim."""
    world.add("real-one")
    (world.bin / "real-one").unlink()
    done = world.sh("real-one")
    assert done.returncode == 127
    assert "not found" in done.stderr
    shim = world.shims / "real-one"
    shim.write_text(shim.read_text().replace(sys.executable, "/nonexistent/python"))
    done = world.sh("real-one")
    assert (done.returncode, done.stderr) == (127, "real-one: command not found\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no-such-command", "no such command"),
        ("/bin/ls", "not a path"),
        ("sh", "nearly every script"),
        ("env", "nearly every script"),
        ("python3", "every Python script"),
        ("tooltrail", "by itself"),
        ("", "not the name"),
        (".x", "not the name"),
        ("a\nb", "not the name"),
    ],
)
def test_a_name_that_cannot_have_a_shim_is_refused(world: World, name: str, words: str) -> None:
    """With the reason, and none of the others that were named is made."""
    done = world.shim("add", "real-one", name)
    assert done.returncode in (1, 2)
    assert words in response_in(done.stdout)["error"]["message"]
    assert not world.shims.exists()


def test_force_makes_the_shim_of_a_command_yet_to_come(world: World) -> None:
    """It works as soon as the command is there, and no force makes one of `sh`."""
    assert world.shim("add", "later", "--force").returncode == 0
    assert world.sh("later").returncode == 127
    world.program("later", "#!/bin/sh\nexit 4\n")
    assert world.sh("later").returncode == 4
    assert world.shim("add", "sh", "--force").returncode == 2


def test_adding_twice_changes_nothing_and_removing_takes_only_ours(world: World) -> None:
    """What somebody else put into the folder is neither written over nor removed."""
    world.add("real-one")
    before = (world.shims / "real-one").stat()
    again = response_in(world.shim("add", "real-one").stdout)["data"]
    assert again["changed"] == []
    assert (world.shims / "real-one").stat().st_mtime_ns == before.st_mtime_ns
    assert before.st_mode & 0o777 == 0o700
    assert world.shims.stat().st_mode & 0o777 == 0o700
    theirs = world.shims / "ls"
    theirs.write_text("#!/bin/sh\necho theirs\n")
    for action in ("add", "remove"):
        refused = world.shim(action, "ls")
        assert refused.returncode == 1
        assert "not a shim of ours" in response_in(refused.stdout)["error"]["message"]
    states = {
        row["name"]: row["state"] for row in json.loads(world.shim("list").stdout)["data"]["shims"]
    }
    assert states == {"ls": "foreign", "real-one": "on"}
    assert response_in(world.shim("remove", "real-one").stdout)["data"]["changed"] == ["real-one"]
    assert response_in(world.shim("remove", "real-one").stdout)["data"]["changed"] == []
    assert [path.name for path in world.shims.iterdir()] == ["ls"]


def test_it_says_how_to_come_first_in_path_only_where_it_does_not(world: World) -> None:
    """For bash, zsh and fish; the line that it prints does it."""
    bare = os.environ["PATH"]
    told = world.shim("add", "ls", "--output", "table", PATH=bare).stdout
    assert "is not in PATH" in told
    assert "fish:" in told
    (line,) = [each for each in told.splitlines() if "bash, zsh:" in each]
    done = world.sh(f"{line.partition(':')[2]}; type -p ls", path=bare)
    assert done.stdout == f"{world.shims}/ls\n"
    later = world.shim("list", "--output", "table", PATH=f"{bare}:{world.shims}").stdout
    assert "but not first" in later
    assert "does not reach the shim" in later
    assert "PATH" not in world.shim("list", "--output", "table").stdout


def test_a_data_home_with_blanks_and_quotes_works(world: World, tmp_path: Path) -> None:
    """The path is quoted wherever a shell reads it."""
    odd = tmp_path / 'it\'s "odd" $HOME'
    odd.mkdir()
    env = {"XDG_DATA_HOME": str(odd)}
    told = world.shim("add", "real-one", "--output", "table", **env).stdout
    (line,) = [each for each in told.splitlines() if "bash, zsh:" in each]
    path = f"{world.bin}:{os.environ['PATH']}"
    done = world.sh(f"{line.partition(':')[2]}; real-one", path=path, env=env)
    assert done.returncode == 7
    assert "real-one" in (odd / "tooltrail" / "audit.jsonl").read_text()


def test_the_usage_is_clear(world: World) -> None:
    """No names, names where none belong, no action."""
    for arguments in (["add"], ["list", "x"], [], ["remove", "a/b"]):
        assert world.shim(*arguments).returncode == 2
    assert "shim" in world.home.run(TOOLTRAIL, "shim", "--help").stdout
