"""Where a log is: the tool's name as a folder, below the data home of the effective user."""

import os
import pwd
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, Home
from strategies import wild_text
from tooltrail.trail import data_home, log_path, tool_name

OTHER = 65534  # a uid that is not ours


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("deployctl", "deployctl"),
        ("/usr/bin/Python3", "python3"),
        ("./run.sh", "run.sh"),
        ("/opt/tool/", "tool"),
        ("../../etc/passwd", "passwd"),
        ("Deploy Ctl", "deploy-ctl"),
        ("a\\b", "a-b"),
        ("_private", "_private"),
        ("g++", "g--"),
        ("python3.11", "python3.11"),
        (".hidden", "hidden"),
        ("..", "unnamed"),
        ("...x", "x"),
        ("-n", "n"),
        (".-.-x", "x"),
        ("café", "caf-"),
        ("日本", "unnamed"),
        ("a\nb\x00", "a-b-"),
        ("caf\udce9", "caf-"),
        ("\u212a", "k"),  # KELVIN SIGN, whose lower case is a plain k
        ("", "unnamed"),
        ("/", "unnamed"),
        ("///", "unnamed"),
        ("x" * 100, "x" * 100),
        ("x" * 5000, "x" * 100),
        ("." * 500 + "x", "x"),
    ],
)
def test_a_tools_name_becomes_a_folders(raw: str, name: str) -> None:
    """The last part of a path, in lower case, with a dash for whatever else it holds."""
    assert tool_name(raw) == name


@given(st.one_of(wild_text, st.text(alphabet="./-_aB é", max_size=150)))
def test_any_name_becomes_a_safe_folder(raw: str) -> None:
    """Never a way up, a hidden folder, an option or a long name; naming it again is the same."""
    name = tool_name(raw)
    assert 1 <= len(name) <= 100
    assert set(name) <= set(string.ascii_lowercase + string.digits + "._-")
    assert name[0] not in ".-"
    assert tool_name(name) == name


def test_xdg_data_home_counts_where_it_is_absolute(tmp_path: Path) -> None:
    """An absolute XDG_DATA_HOME wins over HOME, whether it exists or not."""
    for folder in (str(tmp_path), str(tmp_path / "not" / "there")):
        assert data_home({"XDG_DATA_HOME": folder, "HOME": "/elsewhere"}) == folder


@pytest.mark.parametrize("relative", ["", "data", "./data", "../data", "~/data"])
def test_a_relative_xdg_data_home_is_ignored(tmp_path: Path, relative: str) -> None:
    """The current directory never decides where a log is."""
    found = data_home({"XDG_DATA_HOME": relative, "HOME": str(tmp_path)})
    assert found == f"{tmp_path}/.local/share"


@pytest.mark.parametrize("environment", [{}, {"HOME": ""}, {"HOME": "here"}, {"HOME": "./x"}])
def test_without_an_absolute_home_the_user_database_says_where_it_is(
    environment: dict[str, str],
) -> None:
    """HOME that is missing, empty or relative gives way to the effective user's own."""
    assert data_home(environment) == pwd.getpwuid(os.geteuid()).pw_dir.rstrip("/") + "/.local/share"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("variable", ["HOME", "XDG_DATA_HOME"])
def test_another_users_folder_is_not_written_to(tmp_path: Path, variable: str) -> None:
    """Under sudo, HOME may still be the caller's: root's log does not go there."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, OTHER, OTHER)
    ours = pwd.getpwuid(os.geteuid()).pw_dir
    assert data_home({"HOME": ours, variable: str(theirs)}) == f"{ours}/.local/share"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without an entry")
def test_a_user_that_no_database_knows_still_has_a_place() -> None:
    """A container's arbitrary uid without HOME gets an absolute place, not an exception."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(54321)
            os._exit(0 if data_home({}) == "/.local/share" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_home_without_a_trailing_slash_too() -> None:
    """`/` and a home with a slash at its end make no doubled slash."""
    assert data_home({"HOME": "/"}) == "/.local/share"
    assert data_home({"HOME": "/no/such/"}) == "/no/such/.local/share"


def test_a_log_is_below_the_data_home(home: Home) -> None:
    """`<data home>/<tool>/audit.jsonl`, of the environment or of the home that is given."""
    assert log_path("/usr/bin/Git") == str(home.log("git"))
    assert log_path("x", "/data") == "/data/x/audit.jsonl"


def test_the_current_directory_does_not_move_the_log(home: Home, tmp_path: Path) -> None:
    """A checkout that brings its own `.local/share` gets no log."""
    checkout = tmp_path / "checkout"
    (checkout / ".local" / "share" / "tooltrail").mkdir(parents=True)
    env = {"XDG_DATA_HOME": ".local/share"}
    home.tooltrail("run", "--", PYTHON, "-c", "", env=env, cwd=checkout)
    assert home.log("tooltrail").exists()
    assert list((checkout / ".local" / "share" / "tooltrail").iterdir()) == []
