"""Configuration: three places, who has the say, what is wrong in them, and `tooltrail config`."""

import importlib.util
import json
import os
import pwd
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conftest import PYTHON, SOURCE, TOOLTRAIL, Home, needs, response_in
from strategies import wild_text
from test_reading import on_a_terminal
from tooltrail import settings
from tooltrail.cli.config import EXAMPLE
from tooltrail.settings import DEFAULTS, VARIABLES, Settings, settings_for, user_file
from tooltrail.settings.files import MAX_FILE_BYTES

OTHER = 65534  # a uid that is not ours
DOCS = SOURCE.parent.parent / "docs" / "configuration.md"
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can own a system file, and give a file to others"
)
many = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

# The `tooltrail config` of an interpreter whose system file is elsewhere: the first argument.
CLI = """
import sys
from tooltrail import settings
settings.SYSTEM_FILE = sys.argv.pop(1)
from tooltrail.cli.config import main
sys.exit(main(sys.argv[1:]))
"""


class Places:
    """A system file, a user's file and variables of a test's own."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.system = folder / "etc" / "tooltrail" / "config.toml"
        self.user = home.path / ".config" / "tooltrail" / "config.toml"
        self.system.parent.mkdir(parents=True)
        self.user.parent.mkdir(parents=True)

    def write(self, *, system: str | None = None, user: str | None = None) -> None:
        """Write the two files anew; a file that is None is not there."""
        for path, content in ((self.system, system), (self.user, user)):
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_text(content)
                path.chmod(0o644)

    def settings(self, tool: str = "x", **variables: str) -> Settings:
        """Return what holds for a tool."""
        return settings_for(tool, {"HOME": str(self.home.path), **variables})

    def config(
        self, *arguments: str, env: dict[str, str] | None = None, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        """Run `tooltrail config` in an interpreter of its own."""
        return self.home.run(PYTHON, "-c", CLI, str(self.system), *arguments, env=env, **options)

    def shown(self, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
        """Return `data` of `tooltrail config --output json`."""
        done = self.config(*arguments, "--output", "json", env=env)
        answer = response_in(done.stdout)
        data: dict[str, Any] = answer["data"]
        assert done.returncode == (1 if data["problems"] else 0)
        return data


@pytest.fixture
def places(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The two files, where this interpreter and those that `config` starts look for them."""
    made = Places(home, tmp_path)
    monkeypatch.setattr(settings, "SYSTEM_FILE", str(made.system))
    return made


def facts(found: Settings) -> dict[str, Any]:
    """Return settings as plain values that compare."""
    plain = {name: getattr(found, name) for name in Settings.__slots__}
    for name in ("retention", "redact"):
        value = plain[name]
        plain[name] = value and {part: getattr(value, part) for part in value.__slots__}
    plain["rules"] = [(r.tool, r.command, r.operator, r.level) for r in found.rules]
    return plain


# -- nothing configured


def test_without_files_and_variables_the_defaults_hold(places: Places) -> None:
    """One object for all, and nothing wrong with it."""
    assert places.settings() is DEFAULTS
    assert facts(DEFAULTS)["problems"] == ()


def test_without_files_and_variables_nothing_is_imported(home: Home) -> None:
    """On the path of every call, `settings` is alone."""
    code = (
        "import sys, tooltrail.settings as s; s.SYSTEM_FILE = '/no/such/file'\n"
        "before = set(sys.modules); s.settings_for('x'); print(set(sys.modules) - before)"
    )
    assert home.run(PYTHON, "-c", code).stdout == "set()\n"


def test_an_empty_variable_counts_as_not_set(places: Places) -> None:
    """`TOOLTRAIL_LEVEL= cmd` is the shell's way to unset a variable for one command."""
    assert facts(places.settings(**dict.fromkeys(VARIABLES, ""))) == facts(DEFAULTS)


# -- who has the say

VALUES: dict[str, list[tuple[str, Any]]] = {
    "policy": [("open", "open"), ("closed", "closed")],
    "durability": [("none", "none"), ("end", "end"), ("always", "always")],
    "level": [(level, level) for level in ("none", "metadata", "params", "full")],
    "rotate_at": [("64 kB", 64_000), ("1.5 GB", 1_500_000_000), ("1 MiB", 1 << 20)],
    "data_home": [("/srv/a", "/srv/a"), ("/srv/b/", "/srv/b")],
    "compress": [("true", True), ("false", False)],
}
VARIABLE_OF = {setting: variable for variable, setting in VARIABLES.items()}


def toml(value: str) -> str:
    """Write a value as TOML."""
    return value if value in ("true", "false") else json.dumps(value)


@needs_root
@many
@given(st.data())
@pytest.mark.parametrize("name", sorted(VALUES))
def test_each_setting_is_said_by_the_first_place_that_names_it(
    places: Places, name: str, data: st.DataObject
) -> None:
    """System file, variable, user's file, default; in a file, the tool before the general value."""
    said = st.none() | st.sampled_from(VALUES[name])
    of_tool = st.none() if name == "data_home" else said
    system_tool, system, variable, user_tool, user = data.draw(
        st.tuples(of_tool, said, said, of_tool, said)
    )

    def file(general: tuple[str, Any] | None, tool: tuple[str, Any] | None) -> str:
        lines = [f"{name} = {toml(general[0])}"] if general else []
        lines += ["[tool.x]", f"{name} = {toml(tool[0])}"] if tool else []
        return "\n".join([*lines, "[tool.other]"])

    places.write(system=file(system, system_tool), user=file(user, user_tool))
    variables = {VARIABLE_OF[name]: variable[0]} if variable else {}
    order = [system_tool, system, variable, user_tool, user]
    expected = next((value[1] for value in order if value), getattr(DEFAULTS, name))
    found = places.settings("x", **variables)
    assert getattr(found, name) == expected
    assert found.problems == ()
    general = next((v[1] for v in (system, variable, user) if v), getattr(DEFAULTS, name))
    assert getattr(places.settings("other", **variables), name) == general
    others = {other: value for other, value in facts(found).items() if other != name}
    assert others == {other: value for other, value in facts(DEFAULTS).items() if other != name}


levels = st.sampled_from(["none", "metadata", "params", "full"])
rules = st.lists(st.tuples(st.sampled_from(["x", "y", "*"]), levels), max_size=3)


@needs_root
@many
@given(rules, rules, *[st.none() | levels for _ in range(5)])
def test_a_rule_gives_way_to_a_level_of_a_place_with_more_say(
    places: Places,
    system_rules: list[tuple[str, str]],
    user_rules: list[tuple[str, str]],
    system: str | None,
    system_tool: str | None,
    variable: str | None,
    user: str | None,
    user_tool: str | None,
) -> None:
    """Place by place: its rules, then its level, and nothing of the next where it has one."""

    def file(level: str | None, tool: str | None, listed: list[tuple[str, str]]) -> str:
        text = f'level = "{level}"\n' if level else ""
        text += f'[tool.x]\nlevel = "{tool}"\n' if tool else ""
        return text + "".join(f'[[rule]]\ntool = "{t}"\nlevel = "{v}"\n' for t, v in listed)

    places.write(
        system=file(system, system_tool, system_rules), user=file(user, user_tool, user_rules)
    )
    order = [level for tool, level in system_rules if tool in ("x", "*")]
    order += [system_tool, system, variable]
    if not (system_tool or system or variable):
        order += [level for tool, level in user_rules if tool in ("x", "*")]
    order += [user_tool, user, DEFAULTS.level]
    found = places.settings("x", **({"TOOLTRAIL_LEVEL": variable} if variable else {}))
    assert found.level_for("x", "go", "me") == next(filter(None, order))


EVERYTHING = """
policy = "closed"
durability = "always"
level = "full"
rotate_at = "2 MB"
data_home = "/var/log/tooltrail/{user}"
compress = false
[retention]
max_age = "365d"
[redact]
strict = true
names = ["shared_name"]
[tool.x]
level = "metadata"
[[rule]]
tool = "secretive"
level = "none"
"""


@needs_root
@many
@given(st.data())
def test_what_the_system_file_says_holds_against_anything(
    places: Places, data: st.DataObject
) -> None:
    """No variable, no user's file, no HOME lets less be recorded, elsewhere, or more be deleted."""
    sizes = st.sampled_from(["64 kB", "900 GB", "nonsense"])
    drawn = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "policy": st.just("open"),
                "durability": st.just("none"),
                "level": levels,
                "rotate_at": sizes,
                "data_home": st.sampled_from(["/tmp/away", "~", "~/{user}"]),
                "compress": st.just("true"),
            },
        )
    )
    more = (
        '[retention]\nmax_age = "1s"\nmax_size = 1\nmax_segments = 1\n'
        '[redact]\nstrict = false\nspare = ["shared-name", "token"]\nnames = ["mine"]\n'
        '[tool.x]\nlevel = "none"\npolicy = "open"\n[[rule]]\nlevel = "none"\n'
    )
    general = "".join(f"{key} = {toml(value)}\n" for key, value in drawn.items())
    variables = {VARIABLE_OF[key]: value for key, value in drawn.items()}
    variables |= {"TOOLTRAIL_STRICT": "off", "XDG_DATA_HOME": "/tmp/away"}
    places.write(system=EVERYTHING)
    alone = {tool: facts(places.settings(tool)) for tool in ("x", "y")}
    places.write(system=EVERYTHING, user=general + more)
    for tool, expected in alone.items():
        expected["redact"] = {**expected["redact"], "names": ("shared_name", "mine")}
        found = facts(places.settings(tool, **variables))
        assert {**found, "problems": ()} == expected
    assert places.settings("x", **variables).level_for("x", "go", None) == "metadata"
    assert places.settings("y", **variables).level_for("y", "go", None) == "full"


@needs_root
def test_an_empty_retention_of_the_system_file_keeps_everything(places: Places) -> None:
    """`[retention]` without a limit says that nothing is deleted, and that binds too."""
    user = 'rotate_at = "64 kB"\n[retention]\nmax_segments = 1\n'
    places.write(user=user)
    assert places.settings().retention.max_segments == 1
    places.write(system="[retention]\n", user=user)
    assert facts(places.settings())["retention"] == facts(DEFAULTS)["retention"]
    assert places.settings().rotate_at == 64_000


@needs_root
def test_a_number_of_segments_in_the_system_file_fixes_their_size(places: Places) -> None:
    """Fifty segments of 64 kB would hold much less than fifty of the machine's size."""
    user = 'rotate_at = "64 kB"\n[tool.x]\nrotate_at = "65 kB"\n'
    system = "[retention]\nmax_segments = 50\n"
    places.write(system=system, user=user)
    assert places.settings(TOOLTRAIL_ROTATE_AT="64 kB").rotate_at == DEFAULTS.rotate_at
    places.write(system='rotate_at = "3 MB"\n' + system, user=user)
    assert places.settings().rotate_at == 3_000_000


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_retention_is_not_taken_from_the_environment(places: Places, variable: str) -> None:
    """What deletes is written down in a file."""
    assert not VARIABLES[variable].startswith("retention")
    found = places.settings(
        TOOLTRAIL_MAX_AGE="1s", TOOLTRAIL_RETENTION="1s", TOOLTRAIL_LEVEL="full"
    )
    assert facts(found)["retention"] == facts(DEFAULTS)["retention"]


@needs_root
def test_what_is_secret_adds_up_and_only_a_place_with_more_say_spares(places: Places) -> None:
    """The user names more; what the system file names stays secret, in any spelling of it."""
    places.write(
        system='[redact]\nnames = ["API_ref"]\nspare = ["sort_key"]\nprefixes = ["acme_"]\n',
        user=(
            '[redact]\nnames = ["mine", "API_ref"]\nspare = ["--api-ref", "apiRef", "my_key"]\n'
            'prefixes = ["own-"]\nstrict = true\n'
        ),
    )
    assert facts(places.settings())["redact"] == {
        "names": ("API_ref", "mine"),
        "spare": ("sort_key", "my_key"),
        "prefixes": ("acme_", "own-"),
        "strict": True,
    }


@needs_root
@pytest.mark.parametrize(
    ("system", "variable", "user", "expected"),
    [
        ("true", "0", "false", True),
        ("false", "1", "false", True),
        ("false", "", "true", True),
        ("false", "off", "true", False),
        ("", "no", "true", False),
        ("", "", "true", True),
    ],
)
def test_strict_binds_where_it_is_true(
    places: Places, system: str, variable: str, user: str, expected: bool
) -> None:
    """Nobody is less strict than the machine; everybody may be stricter."""
    places.write(
        system=f"[redact]\nstrict = {system}\n" if system else "",
        user=f"[redact]\nstrict = {user}\n",
    )
    redact = places.settings(TOOLTRAIL_STRICT=variable).redact
    assert (redact is not None and redact.strict) is expected


def test_values_are_read_as_they_are_meant(places: Places) -> None:
    """Sizes decimal and binary, numbers as text in a variable, times, any case of a unit."""
    sizes = {
        "100 MB": 100_000_000, "100MB": 100_000_000, "64kB": 64_000, "0.1 GB": 100_000_000,
        "1 KiB": None, "64 KiB": 65_536, "2GiB": 2 << 30, "1000000": 1_000_000, "1 TB": 10**12,
        "1.0000001 MB": 1_000_000, "100 mb": 100_000_000, " 1 MB ": 1_000_000, "64000 B": 64_000,
        "63.9 kB": None, "1 Mb/s": None, "MB": None, "-1 MB": None, "1e9": None, "1,5 GB": None,
        "9" * 5000: None, "1..5 MB": None, ".5 GB": None, "\u0661 GB": None, "99999999 TB": None,
    }  # fmt: skip
    for text, expected in sizes.items():
        found = places.settings(TOOLTRAIL_ROTATE_AT=text)
        assert found.rotate_at == (expected or DEFAULTS.rotate_at), text
        assert bool(found.problems) is (expected is None), text
    times = {
        "90s": 90, "5m": 300, "12h": 43_200, "365d": 31_536_000, "2w": 1_209_600, "1.5 h": 5400,
        "0d": None, "5": None, "1y": None, "": None,
    }  # fmt: skip
    for text, seconds in times.items():
        places.write(user=f"[retention]\nmax_age = {toml(text)}\n")
        limits = places.settings().retention
        assert (limits and limits.max_age_s) == seconds, text
    places.write(user="rotate_at = 64000\n[retention]\nmax_size = 1\nmax_segments = 50\n")
    assert places.settings().rotate_at == 64_000
    assert facts(places.settings())["retention"] == {
        "max_bytes": 1,
        "max_segments": 50,
        "max_age_s": None,
    }


def test_a_tools_section_is_found_by_the_name_of_its_folder(places: Places) -> None:
    """In any case of letters, and with dots in it."""
    places.write(user='[tool.Git]\nlevel = "none"\n[tool."python3.11"]\nlevel = "full"\n')
    assert places.settings("git").level == "none"
    assert places.settings("python3.11").level == "full"
    assert places.settings("python3").level == DEFAULTS.level


# -- rules


@pytest.mark.parametrize(
    ("rule", "call", "matches"),
    [
        ("", ("git", "push", "me"), True),
        ("", ("git", None, None), True),
        ('tool = "git"', ("git", "push", "me"), True),
        ('tool = "Git"', ("git", "push", "me"), True),
        ('tool = "git"', ("gitk", "push", "me"), False),
        ('tool = "git*"', ("gitk", "push", "me"), True),
        ('command = "db"', ("app", "db", None), True),
        ('command = "db"', ("app", "db migrate", None), True),
        ('command = "db"', ("app", "dbx", None), False),
        ('command = "db"', ("app", "DB", None), False),
        ('command = "d* up"', ("app", "db up", None), True),
        ('command = "d* up"', ("app", "db up now", None), True),
        ('command = "db"', ("app", None, None), False),
        ('command = "*"', ("app", None, None), True),
        ('command = "kv ?et"', ("app", "kv get", None), True),
        ('operator = "ci-*"', ("app", "go", "ci-7"), True),
        ('operator = "ci-*"', ("app", "go", "me"), False),
        ('tool = "app"\noperator = "ci"', ("app", "go", "me"), False),
        ('tool = "app"\noperator = "me"', ("app", "go", "me"), True),
        ('command = "(.*"', ("app", "(.x", None), True),
    ],
)
def test_a_rule_matches_what_it_names(
    places: Places, rule: str, call: tuple[str, str | None, str | None], matches: bool
) -> None:
    """Each part must match; one that is not given always does."""
    places.write(user=f'[[rule]]\nlevel = "none"\n{rule}\n')
    assert places.settings(call[0]).level_for(*call) == ("none" if matches else "params")


def test_the_first_rule_that_matches_counts(places: Places) -> None:
    """Order is what the author of the file sees."""
    places.write(
        user='level = "metadata"\n[[rule]]\ntool = "a"\nlevel = "full"\n'
        '[[rule]]\ntool = "*"\ncommand = "go"\nlevel = "none"\n'
    )
    found = places.settings()
    assert found.level_for("a", "go", None) == "full"
    assert found.level_for("b", "go", None) == "none"
    assert found.level_for("b", "stay", None) == "metadata"


# -- where it is read from


def test_nothing_is_read_from_the_current_directory_or_a_repository(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout cannot switch recording off, whatever it calls its files."""
    checkout = tmp_path / "checkout"
    for name in (
        "config.toml", "tooltrail.toml", ".tooltrail.toml", ".tooltrail", "tooltrail/config.toml",
        ".config/tooltrail/config.toml", "etc/tooltrail/config.toml", "pyproject.toml",
        ".git/tooltrail/config.toml",
    ):  # fmt: skip
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text('level = "none"\n[tool.tooltrail]\nlevel = "none"\n')
    monkeypatch.chdir(checkout)
    for variables in (
        {"XDG_CONFIG_HOME": ".config"},
        {"XDG_CONFIG_HOME": ""},
        {"XDG_CONFIG_HOME": "./.config"},
        {"XDG_CONFIG_HOME": "~/.config"},
    ):
        assert places.settings(**variables) is DEFAULTS
    for home in ("", ".", "./", "checkout"):
        assert not user_file({"HOME": home}).startswith((".", "checkout", str(checkout)))
    places.config(cwd=checkout)
    assert places.home.events("tooltrail", "end")


def test_xdg_config_home_counts_where_it_is_absolute(places: Places, tmp_path: Path) -> None:
    """As the XDG base directory specification has it."""
    folder = tmp_path / "xdg"
    (folder / "tooltrail").mkdir(parents=True)
    (folder / "tooltrail" / "config.toml").write_text('level = "full"\n')
    places.write(user='level = "none"\n')
    assert places.settings(XDG_CONFIG_HOME=str(folder)).level == "full"
    assert places.settings().level == "none"


@needs_root
@pytest.mark.parametrize("variable", ["HOME", "XDG_CONFIG_HOME"])
def test_another_users_folder_is_not_looked_into(tmp_path: Path, variable: str) -> None:
    """Under sudo HOME may still be the caller's: root's own file counts, and not theirs."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, OTHER, OTHER)
    ours = pwd.getpwuid(os.geteuid()).pw_dir
    expected = f"{ours}/.config/tooltrail/config.toml"
    assert user_file({"HOME": ours, variable: str(theirs)}) == expected


@needs_root
def test_a_caller_of_sudo_configures_nothing_for_root(places: Places) -> None:
    """Neither a file of theirs, nor a link of theirs to one of ours."""
    places.write(user='level = "none"\n')
    home = places.home.path
    theirs = home.parent / "theirs" / ".config" / "tooltrail"
    theirs.mkdir(parents=True)
    (theirs / "config.toml").symlink_to(places.user)
    for path in (theirs.parent.parent, theirs.parent, theirs):
        os.chown(path, OTHER, OTHER)
    assert settings_for("x", {"HOME": str(theirs.parent.parent)}).level == DEFAULTS.level
    os.chown(home, OTHER, OTHER)
    assert places.settings().level == DEFAULTS.level


@needs_root
def test_a_users_file_of_somebody_else_is_ignored_and_that_is_said(places: Places) -> None:
    """In our home, a file that belongs to others does not speak for us."""
    places.write(user='level = "none"\n')
    os.chown(places.user, OTHER, OTHER)
    found = places.settings()
    assert found.level == DEFAULTS.level
    assert found.problems == (
        f"{places.user}: it belongs to user {OTHER}, not to you or root, and is ignored",
    )


def test_a_users_file_that_all_may_write_is_ignored_and_that_is_said(places: Places) -> None:
    """A file that the group may write is common, where each user has a group."""
    places.write(user='level = "none"\n')
    places.user.chmod(0o664)
    assert places.settings().level == "none"
    places.user.chmod(0o646)
    found = places.settings()
    assert found.level == DEFAULTS.level
    assert found.problems == (
        f"{places.user}: others than its owner may write to it, and is ignored",
    )


# What is imported later is imported first: the interpreter may be where only root may look.
AS_OTHER = """
import difflib, json, os, pwd, sys, tomllib
from tooltrail import _host, settings
from tooltrail.settings import merge
settings.SYSTEM_FILE, home, variables, uid = sys.argv[1:]
os.setgroups([])
os.setgid(int(uid))
os.setuid(int(uid))
found = settings.settings_for("x", {"HOME": home, **json.loads(variables)})
print(json.dumps([found.level, found.data_home, found.problems]))
"""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """Places that other users may look into; the home belongs to another user."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "home").mkdir()
        made = Places(Home(folder / "home"), folder)
        os.chown(made.home.path, OTHER, OTHER)
        yield made


def as_other(places: Places, uid: int = OTHER, **variables: str) -> tuple[str, str, list[str]]:
    """Return level, data home and problems of another user, whose home is the test's."""
    arguments = (str(places.system), str(places.home.path), json.dumps(variables), str(uid))
    done = places.home.run(PYTHON, "-c", AS_OTHER, *arguments)
    assert done.returncode == 0, done.stderr
    level, data_home, problems = json.loads(done.stdout)
    return level, data_home, problems


@needs_root
def test_a_users_file_of_roots_counts(shared: Places) -> None:
    """An administrator may write a user's file."""
    shared.write(user='level = "metadata"\n')
    assert as_other(shared) == ("metadata", None, [])


@needs_root
def test_a_file_that_may_not_be_read_is_said(shared: Places) -> None:
    """Neither a system file of mode 0600 nor a folder of 0700 passes for one that is not there."""
    shared.write(system='level = "full"\n')
    shared.system.chmod(0o600)
    _, _, problems = as_other(shared)
    expected = [f"{shared.system}: it cannot be read (permission denied), and is ignored"]
    assert problems == expected
    shared.system.chmod(0o644)
    assert as_other(shared)[0] == "full"
    shared.system.parent.chmod(0o700)
    assert as_other(shared)[2] == expected


@needs_root
@pytest.mark.parametrize("mode", [0o664, 0o646, 0o622])
def test_a_system_file_that_others_may_write_is_ignored(places: Places, mode: int) -> None:
    """Who may write it would bind everyone."""
    places.write(system='level = "none"\n', user='durability = "end"\n')
    places.system.chmod(mode)
    found = places.settings()
    assert (found.level, found.durability) == (DEFAULTS.level, "end")
    assert "others than its owner may write to it" in found.problems[0]
    assert str(places.system) in found.problems[0]


@needs_root
def test_a_system_file_that_is_not_roots_is_ignored(places: Places) -> None:
    """Else whoever may write it would bind everyone."""
    places.write(system='level = "none"\n')
    os.chown(places.system, OTHER, OTHER)
    found = places.settings()
    assert found.level == DEFAULTS.level
    assert found.problems == (
        f"{places.system}: it belongs to user {OTHER}, not to root, and is ignored",
    )


@needs_root
def test_a_system_file_of_a_users_own_is_ignored(shared: Places) -> None:
    """Even for the user to whom it belongs."""
    shared.write(system='level = "none"\n')
    os.chown(shared.system, OTHER, OTHER)
    level, _, problems = as_other(shared)
    assert level == DEFAULTS.level
    assert "not to root" in problems[0]


@needs_root
def test_the_data_home_of_the_system_file_is_by_the_user_database(shared: Places) -> None:
    """`~` and `{user}` there cannot be moved by HOME, LOGNAME or USER."""
    entry = pwd.getpwuid(OTHER)
    for written, expected in (
        ("~/logs", f"{entry.pw_dir.rstrip('/')}/logs"),
        ("/var/log/tooltrail/{user}", f"/var/log/tooltrail/{entry.pw_name}"),
        ("/{user}/{user}/", f"/{entry.pw_name}/{entry.pw_name}"),
    ):
        shared.write(system=f"data_home = {toml(written)}\n", user='data_home = "/tmp/away"\n')
        moved = {"USER": "root", "LOGNAME": "root", "TOOLTRAIL_DATA_HOME": "/tmp/away"}
        assert as_other(shared, **moved)[1] == expected


@needs_root
def test_a_user_whom_no_database_knows_is_named_by_number(shared: Places) -> None:
    """As in a container: `{user}` is the uid, and `~` is HOME, as there is nothing else."""
    os.chown(shared.home.path, 54321, 54321)
    shared.write(system='data_home = "/var/log/{user}"\n')
    assert as_other(shared, 54321)[1] == "/var/log/54321"


def test_the_data_home_of_a_user_is_below_their_home(places: Places) -> None:
    """`~` is HOME, where that is ours."""
    home = str(places.home.path)
    for written, expected in (("~", home), ("~/logs/", home + "/logs"), ("/", "/")):
        assert places.settings(TOOLTRAIL_DATA_HOME=written).data_home == expected
    for written in ("logs", "./logs", "~root/logs", "", "/a/../b", "/{home}", "{user}/x"):
        found = places.settings(TOOLTRAIL_DATA_HOME=written)
        assert found.data_home is None
        assert bool(found.problems) is bool(written)


@needs_root
def test_under_sudo_the_tilde_is_the_effective_users_home(places: Places) -> None:
    """A caller's HOME does not decide where root's log goes."""
    os.chown(places.home.path, OTHER, OTHER)
    ours = pwd.getpwuid(os.geteuid()).pw_dir.rstrip("/")
    assert places.settings(TOOLTRAIL_DATA_HOME="~/logs").data_home == f"{ours}/logs"


# -- what is wrong


BAD = [
    ('polcy = "closed"', ["polcy is no setting", "did you mean policy?", "durability"]),
    ('Level = "full"', ["Level is no setting", "did you mean level?"]),
    ("max_age = 5", ["max_age is no setting", "belongs under [retention]"]),
    ('policy = "Closed"', ['policy is "Closed"', '"open" or "closed"']),
    ("policy = true", ["policy is true", '"open" or "closed"']),
    ("policy = ['open']", ["policy is a list"]),
    ("level = {a = 1}", ["level is a table", '"none", "metadata", "params" or "full"']),
    ("durability = 1979-05-27", ["durability is a time"]),
    ("rotate_at = 63999", ["rotate_at is 63999", "at least 64 kB"]),
    ("rotate_at = true", ["rotate_at is true"]),
    ("rotate_at = 1e9", ["rotate_at is 1000000000.0"]),
    ("rotate_at = nan", ["rotate_at is nan"]),
    ("rotate_at = 0x" + "f" * 9000, ["rotate_at is a number"]),
    ('rotate_at = "' + "9" * 9000 + '"', ['rotate_at is "9999', '..."']),
    ('compress = "yes"', ['compress is "yes"', "true or false"]),
    ("compress = 1", ["compress is 1"]),
    ('data_home = "logs"', ['data_home is "logs"', "absolute, printable path"]),
    ('data_home = "/a\\u0000b"', ["data_home is", "\\x00"]),
    ('data_home = "/a\\u001b[31mb"', ["data_home is", "printable path", "\\x1b[31m"]),
    ("retention = 5", ["retention is 5", "[retention]"]),
    ("[retention]\nmax_segments = 0", ["retention.max_segments is 0", "at least 1"]),
    ("[retention]\nmax_sgments = 1", ["retention.max_sgments is no setting", "max_segments?"]),
    ("[retention]\nmax_age = 5", ["retention.max_age is 5", '"365d"']),
    ("[redact]\nnames = 'a'", ["redact.names is a text", "a list of names"]),
    ("[redact]\nnames = ['hunter2', 5]", ["redact.names: entry 2 is a number"]),
    ("[redact]\nprefixes = ['', 'acme_']", ["redact.prefixes: entry 1 is too short"]),
    ("[redact]\nstrikt = true", ["redact.strikt is no setting", "did you mean strict?"]),
    ("tool = 5", ["tool is 5", "[tool]"]),
    ("[tool]\ngit = 5", ["tool.git is 5"]),
    ('[tool.git]\ndata_home = "/x"', ["tool.git.data_home is no setting", "rotate_at"]),
    ('[tool.git]\nlevel = "loud"', ['tool.git.level is "loud"']),
    ('[tool."g++"]\nlevel = "full"', ['tool."g++" is no tool\'s name', "'-' for anything else"]),
    ('[tool.".."]\nlevel = "full"', ['tool.".."']),
    ('rule = "none"', ["rule is a text", "[[rule]]"]),
    ("rule = [1]", ["rule is a list"]),
    ('[rule]\nlevel = "none"', ["rule is a table", "[[rule]]"]),
    ('[[rule]]\ntol = "git"\nlevel = "none"', ["rule 1 is ignored: tol", "did you mean tool?"]),
    ('[[rule]]\ntool = "git"', ["rule 1 is ignored: level is missing"]),
    ('[[rule]]\ntool = 5\nlevel = "none"', ["rule 1 is ignored: tool is 5"]),
    ('[[rule]]\ntool = ""\nlevel = "none"', ["rule 1 is ignored: tool"]),
    ('[[rule]]\nlevel = "quiet"', ['rule 1 is ignored: level is "quiet"']),
    ('"\\u001b[31m\\u202e" = 1', ["\\x1b[31m\\u202e is no setting"]),
]


@pytest.mark.parametrize(("wrong", "said"), BAD, ids=[wrong[:40] for wrong, _ in BAD])
def test_what_is_wrong_is_said_and_the_rest_of_the_file_holds(
    places: Places, wrong: str, said: list[str]
) -> None:
    """A sentence with file, key, what was written and what is allowed; nothing else is lost."""
    sound = '[tool.sound]\nlevel = "full"\n[[rule]]\ntool = "ruled"\nlevel = "metadata"\n'
    key = wrong.lstrip("[").partition(" ")[0].partition("]")[0]
    if key in ("tool", "rule") and not wrong.startswith(("[tool", "[[rule")):
        sound = 'durability = "end"\n'
    elif wrong.startswith("[rule"):
        sound = ""
    if wrong.startswith(("[tool]", "[rule]")):
        sound = ""
    places.write(user="policy2 = 1\nlevel2 = 1\n" + wrong + "\n" + sound)
    found = places.settings("sound")
    *_, problem = [p for p in found.problems if "policy2" not in p and "level2" not in p]
    assert len(found.problems) == 3
    assert problem.startswith(f"{places.user}: ")
    assert problem.isprintable()
    assert len(problem) < 500
    for part in said:
        assert part in problem
    if "[tool.sound]" in sound:
        assert found.level == "full"
        assert found.level_for("ruled", None, None) == "metadata"
    assert found.level_for("git", "go", None) == found.level
    assert "hunter2" not in problem


def test_what_is_wrong_in_a_variable_is_said(places: Places) -> None:
    """The variable is named; the next place counts."""
    places.write(user='level = "metadata"\n')
    wrong = {
        "TOOLTRAIL_POLICY": "maybe", "TOOLTRAIL_DURABILITY": "END", "TOOLTRAIL_LEVEL": "\x1b[1m",
        "TOOLTRAIL_ROTATE_AT": "1", "TOOLTRAIL_DATA_HOME": "here", "TOOLTRAIL_COMPRESS": "2",
        "TOOLTRAIL_STRICT": "very",
    }  # fmt: skip
    found = places.settings(**wrong)
    assert [problem.partition(":")[0] for problem in found.problems] == list(wrong)
    assert all("; allowed: " in problem and problem.isprintable() for problem in found.problems)
    assert facts(found) == {**facts(DEFAULTS), "level": "metadata", "problems": found.problems}


NO_TOML = {
    "no TOML": (b"policy: closed\n", "it is not valid TOML"),
    "torn": (b'policy = "clo', "it is not valid TOML"),
    "twice": (b'level = "none"\nlevel = "full"\n', "it is not valid TOML"),
    "latin-1": (b'level = "none" # caf\xe9\n', "it is not UTF-8 text"),
    "UTF-16": ('level = "none"\n'.encode("utf-16"), "it is not UTF-8 text"),
    "NUL": (b"level = \0\n", "it is not valid TOML"),
    "deep": (b"a = " + b"[" * 100_000, "it is nested too deeply"),
    "deep tables": (b"a = " + b"{a=" * 100_000, "it is nested too deeply"),
    "a number of 9,000 digits": (b"a = " + b"9" * 9000, "a number in it is too large"),
    "too large": (b'level = "none"\n' + b"#" * MAX_FILE_BYTES, "it is larger than 1000000 bytes"),
}


@pytest.mark.parametrize("kind", sorted(NO_TOML))
def test_a_file_that_is_no_toml_says_nothing(places: Places, kind: str) -> None:
    """Not even the part before the mistake holds, and the problem is one sentence."""
    content, said = NO_TOML[kind]
    places.user.write_bytes(content)
    found = places.settings(TOOLTRAIL_DURABILITY="end")
    (problem,) = found.problems
    assert problem.startswith(f"{places.user}: ")
    assert said in problem
    assert "is ignored" in problem
    assert facts(found) == {**facts(DEFAULTS), "durability": "end", "problems": (problem,)}


def test_a_file_of_the_largest_size_is_read(places: Places) -> None:
    """The bound is a bound on nonsense, not on comments."""
    head = b'level = "none"\n#'
    places.user.write_bytes(head + b"x" * (MAX_FILE_BYTES - len(head)))
    assert facts(places.settings()) == {**facts(DEFAULTS), "level": "none"}


def test_an_empty_file_and_one_with_a_mark_are_fine(places: Places) -> None:
    """Nothing in a file is nothing wrong; some editors put a byte order mark before it."""
    places.user.write_bytes(b"")
    assert facts(places.settings()) == facts(DEFAULTS)
    places.user.write_bytes(b'\xef\xbb\xbflevel = "none"\r\n')
    assert facts(places.settings()) == {**facts(DEFAULTS), "level": "none"}


def test_what_is_no_plain_file_is_ignored_and_never_waited_for(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody writes to, a folder, a socket, a device, links to nothing and in rings."""
    path = places.user
    os.mkfifo(path)
    assert places.settings().problems == (f"{path}: it is not a plain file, and is ignored",)
    path.unlink()
    path.mkdir()
    assert places.settings().problems == (f"{path}: it is not a plain file, and is ignored",)
    path.rmdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(path.parent)  # the path of a socket is of at most 108 bytes
        listener.bind(path.name)
        assert "is ignored" in places.settings().problems[0]
    path.unlink()
    for target, said in (
        ("/dev/zero", "it is not a plain file"),
        ("/dev/tty", "is ignored"),
        ("/no/such/file", "it is a symbolic link to nothing"),
        (path.name, "too many levels of symbolic links"),
    ):
        path.symlink_to(target)
        (problem,) = places.settings().problems
        assert said in problem
        path.unlink()


def test_a_link_to_a_plain_file_is_followed(places: Places, tmp_path: Path) -> None:
    """Many keep their configuration elsewhere and link to it; what counts is whose file it is."""
    kept = tmp_path / "dotfiles.toml"
    kept.write_text('level = "none"\n')
    places.user.symlink_to(kept)
    assert places.settings().level == "none"
    kept.chmod(0o666)
    assert "may write to it" in places.settings().problems[0]


@many
@given(st.binary(max_size=200) | wild_text.map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_any_bytes_in_a_file_are_survived(places: Places, content: bytes) -> None:
    """Whatever it is, a call gets its settings."""
    places.user.write_bytes(content)
    assert all(problem.isprintable() for problem in places.settings().problems)


_scalars = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.datetimes(),
    *[st.sampled_from([text for text, _ in values]) for values in VALUES.values()],
)  # fmt: skip
_keys = st.sampled_from(
    [*VALUES, "retention", "redact", "tool", "rule", "max_age", "max_size", "names", "x", "", "é"]
)
_tables = st.dictionaries(
    _keys,
    st.recursive(
        _scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
        max_leaves=12,
    ),
    max_size=5,
)


def written(value: Any) -> str:
    """Write a value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value.encode("utf-8", "replace").decode()).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@many
@given(_tables)
def test_any_toml_gives_allowed_values_and_sentences(places: Places, table: dict[str, Any]) -> None:
    """Settings of the right kind, however the file is put together; and what is odd is said."""
    lines = [f"{json.dumps(key)} = {written(value)}" for key, value in table.items()]
    places.write(user="\n".join(lines))
    found = places.settings("x")
    assert found.policy in ("open", "closed")
    assert found.durability in ("none", "end", "always")
    assert found.level_for("x", "go", "me") in ("none", "metadata", "params", "full")
    assert found.rotate_at >= 64_000
    assert found.data_home is None or found.data_home.startswith("/")
    assert found.compress in (True, False)
    assert all(problem.isprintable() for problem in found.problems)
    if "x" in table or "é" in table:
        assert found.problems


def test_a_thousand_mistakes_are_not_a_thousand_warnings(places: Places) -> None:
    """They are in every response: the first twenty, and how many more."""
    places.write(user="".join(f"wrong{number} = 1\n" for number in range(1000)))
    problems = places.settings().problems
    assert len(problems) == 21
    assert problems[-1] == f"{places.user}: 980 more problems are not listed"


def test_a_change_is_seen_in_the_next_call(places: Places) -> None:
    """A long-running process reads what is there now, even where size and time are the same."""
    for level in ("none", "full", "none"):
        places.write(user=f'level = "{level}"\n')
        os.utime(places.user, (1, 1))
        assert places.settings().level == level
        assert places.settings().level == level
    places.write()
    assert places.settings() is DEFAULTS


def test_a_broken_standard_library_is_said_and_breaks_nothing(places: Places) -> None:
    """A script's folder that shadows `tomllib` costs the configuration, not the tool."""
    places.write(user='level = "none"\n')
    (places.home.path / "tomllib.py").write_text("raise OSError('shadowed')\n")
    code = "from tooltrail.settings import settings_for\nprint(settings_for('x').problems)\n"
    done = places.home.python(code)
    assert done.returncode == 0
    assert "OSError: shadowed" in done.stdout


# -- recorded calls


def test_a_call_is_recorded_as_configured(home: Home, tmp_path: Path) -> None:
    """Elsewhere, without arguments; and what was wrong is in its warnings."""
    folder = home.path / ".config" / "tooltrail"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        f'data_home = "{tmp_path}/{{user}}/logs"\nlevle = 1\n[[rule]]\ntool = "echo"\n'
        'level = "metadata"\n'
    )
    home.tooltrail("run", "--", "echo", "argument")
    user = pwd.getpwuid(os.geteuid()).pw_name
    log = tmp_path / user / "logs" / "tooltrail" / "audit.jsonl"
    end = json.loads(log.read_text().splitlines()[-1])
    assert "argument" not in json.dumps(end)
    assert "did you mean level?" in json.dumps(end["warnings"])
    assert not home.data.exists()


MACHINE = """
set -e
etc=$1; config=$2; shift 2
mount -t tmpfs none "$etc"
cp -a /etc/passwd /etc/group /etc/ld.so.cache "$etc" 2>/dev/null || true
mkdir "$etc/tooltrail"
printf %s "$config" > "$etc/tooltrail/config.toml"
mount --bind "$etc" /etc
exec "$@"
"""


def unshared() -> list[str] | None:
    """Return a command before others that gives them mounts of their own, or None."""
    for command in (["unshare", "-m"], ["unshare", "-rm"]):
        probe = [*command, "sh", "-c", "mount -t tmpfs none /mnt && mount --bind /mnt /etc"]
        if not subprocess.run(probe, capture_output=True, check=False).returncode:
            return command
    return None


@needs("unshare")
def test_the_real_system_file_binds(home: Home, tmp_path: Path) -> None:
    """With a real /etc/tooltrail/config.toml: no variable and no user's file moves the log."""
    before = unshared()
    if before is None:
        pytest.skip("unshare gives no mount namespace here, with or without a user namespace")
    etc = tmp_path / "etc"
    etc.mkdir()
    folder = home.path / ".config" / "tooltrail"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[[rule]]\nlevel = "none"\n[tool.echo]\nlevel = "none"\n')
    config = f'data_home = "{tmp_path}/logs/{{user}}"\nlevel = "params"\n'
    command = [*before, "sh", "-c", MACHINE, "sh", str(etc), config, TOOLTRAIL]
    away = {
        "TOOLTRAIL_DATA_HOME": str(tmp_path / "away"),
        "XDG_DATA_HOME": str(tmp_path / "away"),
        "TOOLTRAIL_LEVEL": "none",
    }
    done = home.run(*command, "run", "--", "echo", "kept", env=away)
    assert (done.returncode, done.stdout, done.stderr) == (0, "kept\n", "")
    (log,) = tmp_path.glob("logs/*/tooltrail/audit.jsonl")
    assert '"kept"' in log.read_text()
    assert not (tmp_path / "away").exists()
    answer = response_in(home.run(*command, "config", env=away).stdout)
    said = {row["name"]: row for row in answer["data"]["settings"]}
    assert said["level"]["source"] == said["data_home"]["source"] == "/etc/tooltrail/config.toml"
    assert said["level"]["binding"]
    assert "rule" not in said


# -- the verb


@needs_root
def test_each_value_is_shown_with_who_said_so(places: Places) -> None:
    """By its name, with the path of the file, the variable, or `default`; binding or not."""
    places.write(
        system='policy = "closed"\n[retention]\nmax_segments = 9\n[redact]\nnames = ["a"]\n',
        user=(
            'policy = "open"\nlevel = "full"\ncompress = false\n[tool.git]\nlevel = "none"\n'
            '[redact]\nnames = ["b"]\n[[rule]]\ntool = "va*"\nlevel = "metadata"\n'
        ),
    )
    env = {"TOOLTRAIL_DURABILITY": "end"}
    data = places.shown(env=env)
    system, user = str(places.system), str(places.user)
    rows = [(row["name"], row["value"], row["source"], row["binding"]) for row in data["settings"]]
    assert rows == [
        ("policy", "closed", system, True),
        ("durability", "end", "TOOLTRAIL_DURABILITY", False),
        ("level", "full", user, False),
        ("rotate_at", 100_000_000, system, True),  # its number of segments fixes their size
        ("data_home", str(places.home.data), "default", False),
        ("compress", False, user, False),
        ("retention.max_size", None, system, True),
        ("retention.max_segments", 9, system, True),
        ("retention.max_age", None, system, True),
        ("redact.strict", False, "default", False),
        ("redact.names", ["a", "b"], f"{system}, {user}", True),
        ("redact.spare", [], "default", False),
        ("redact.prefixes", [], "default", False),
        ("propagate.to", [], "default", False),
        ("propagate.request_id", False, "default", False),
        ("rule", {"tool": "va*", "level": "metadata"}, user, False),
        ("tool.git.level", "none", user, False),
    ]
    assert data["files"] == [
        {"path": system, "exists": True, "used": True},
        {"path": user, "exists": True, "used": True},
    ]
    assert data["problems"] == []
    of_tool = {row["name"]: row["value"] for row in places.shown("--tool", "Git")["settings"]}
    assert of_tool["level"] == "none"
    assert "rule" not in of_tool
    assert "tool.git.level" not in of_tool
    assert "rule" in [row["name"] for row in places.shown("--tool", "vault")["settings"]]


def test_without_any_configuration_all_is_default(places: Places, tmp_path: Path) -> None:
    """And where XDG_DATA_HOME says where the logs are, that is named."""
    data = places.shown()
    assert {row["source"] for row in data["settings"]} == {"default"}
    assert [file["exists"] for file in data["files"]] == [False, False]
    xdg = places.shown(env={"XDG_DATA_HOME": str(tmp_path / "xdg")})["settings"]
    (row,) = [row for row in xdg if row["name"] == "data_home"]
    assert (row["value"], row["source"]) == (str(tmp_path / "xdg"), "XDG_DATA_HOME")


def test_problems_end_with_1_and_are_listed_on_stderr_too(places: Places) -> None:
    """A check that a machine's administrator can put into a script."""
    places.write(user='polcy = "open"\n')
    for output in ("json", "table"):
        done = places.config("--output", output)
        assert done.returncode == 1
        for text in (done.stdout, done.stderr):
            assert "polcy is no setting (did you mean policy?)" in text
    answer = response_in(places.config().stdout)
    assert answer["error"] == {
        "code": "CONFIGURATION",
        "message": "the configuration has 1 problem",
    }
    assert answer["warnings"][0]["code"] == "CONFIGURATION"
    assert [end["exit_code"] for end in places.home.events("tooltrail", "end")] == [1, 1, 1]


def test_a_file_that_is_ignored_is_not_used(places: Places) -> None:
    """It exists, and says nothing."""
    places.write(user="nonsense")
    data = places.shown()
    assert data["files"][1] == {"path": str(places.user), "exists": True, "used": False}


def test_people_get_a_table(places: Places) -> None:
    """With sizes and times as they would be written, and nothing that acts on a terminal."""
    places.write(
        user='rotate_at = "1.5 GB"\n[retention]\n'
        'max_age = "365d"\nmax_size = "1 MiB"\n[redact]\nnames = ["a", "b"]\n[[rule]]\n'
        'command = "k\\u001b[31m\\u202e"\nlevel = "none"\n'
        '[tool."python3.11"]\nrotate_at = "64 kB"\n'
    )
    done = places.config("--output", "table", env={"TOOLTRAIL_POLICY": "closed"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert rows["policy"] == ["closed", "TOOLTRAIL_POLICY"]
    assert rows["rotate_at"][:2] == ["1500", "MB"]
    assert rows["retention.max_age"][0] == "365d"
    assert rows["retention.max_size"][:2] == ["1048576", "B"]
    assert rows["retention.max_segments"] == ["no", "limit", "default"]
    assert rows["redact.names"][:2] == ["a,", "b"]
    assert rows["rule"][:3] == ["none", "for", "command=k\\x1b[31m\\u202e"]
    assert rows["tool.python3.11.rotate_at"][:2] == ["64", "kB"]
    assert rows[f"{places.user}:"] == ["read"]


def test_on_a_terminal_the_table_fits_and_says_each_problem_once(home: Home) -> None:
    """Rows are cut to the width; a problem is not."""
    folder = home.path / ".config" / "tooltrail"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('polcy = "open"\n')
    shown = on_a_terminal(home, "config", columns=60)
    assert shown.count("polcy") == 1
    rows = [line for line in shown.splitlines() if not line.startswith("problem: ")]
    assert max(map(len, rows)) <= 60


def test_the_verb_is_recorded_as_a_reading_call(places: Places) -> None:
    """It shows with `tooltrail log --all` alone."""
    places.config()
    (begin,) = places.home.events("tooltrail", "begin")
    assert (begin["command"], begin["purpose"]) == ("config", "audit")


def test_a_table_that_cannot_be_delivered_ends_with_1(places: Places) -> None:
    """On a full disk the command says so, and the log does not say 0."""
    for output in ("json", "table"):
        with open("/dev/full", "w") as full:
            done = places.config("--output", output, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert "no space left on device" in done.stderr


def test_what_is_asked_wrongly_is_a_usage_error(places: Places) -> None:
    """An unknown option, an unknown format, two answers at once."""
    for wrong in (["--nonsense"], ["--output", "yaml"], ["--example", "--rotate-key"], ["policy"]):
        done = places.config(*wrong)
        assert done.returncode == 2
        assert response_in(done.stdout)["error"]["code"] == "USAGE_ERROR"


# -- an example to start from


def uncommented(text: str) -> str:
    """Take the '#' from the lines that are settings."""
    lines = text.splitlines()
    return "\n".join(line[1:] if line[:1] == "#" and line[1:2].strip() else "" for line in lines)


def test_the_example_is_a_start(places: Places) -> None:
    """All comment, whatever the output; so that a file made of it changes nothing."""
    done = places.config("--example")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", EXAMPLE)
    assert all(not line or line.startswith("#") for line in EXAMPLE.splitlines())
    assert all(len(line) <= 100 for line in EXAMPLE.splitlines())
    places.write(user=EXAMPLE)
    assert facts(places.settings()) == facts(DEFAULTS)


def test_the_example_tells_the_defaults(places: Places) -> None:
    """With every '#' taken away it is valid, names every setting, and its defaults are true."""
    places.write(user=uncommented(EXAMPLE))
    found = places.settings("x")
    assert found.problems == ()
    for name in ("policy", "durability", "level", "rotate_at", "compress"):
        assert getattr(found, name) == getattr(DEFAULTS, name)
    assert found.data_home == str(places.home.data)
    assert found.redact is not None
    assert not found.redact.strict
    shown = {row["name"]: row for row in places.shown()["settings"]}
    assert {row["source"] for row in shown.values()} == {str(places.user)}
    assert {"rule", "tool.deployctl.level"} < set(shown)


def test_the_docs_have_a_complete_example_and_every_variable(places: Places) -> None:
    """A file of every setting that is valid as it stands, and the table of settings."""
    text = DOCS.read_text()
    example = text.partition("```toml\n")[2].partition("```")[0]
    places.write(user=example)
    shown = places.shown()
    assert shown["problems"] == []
    assert {row["source"] for row in shown["settings"]} == {str(places.user)}
    assert set(tomllib.loads(example)["tool"]["deployctl"]) == {
        "policy", "durability", "level", "rotate_at", "compress",
    }  # fmt: skip
    for variable, setting in VARIABLES.items():
        assert f"| `{setting}` | `{variable}` |" in text
    for row in shown["settings"]:
        assert f"| `{row['name']}` |" in text or row["name"].startswith(("rule", "tool."))


# -- keys of fingerprints


@pytest.mark.skipif(
    importlib.util.find_spec("tooltrail._fingerprints") is None,
    reason="fingerprints are not in this build",
)
def test_a_new_key_is_begun_where_the_logs_are(places: Places, tmp_path: Path) -> None:
    """Each time another key, in the data home that is configured; and its id is said."""
    places.write(user=f'data_home = "{tmp_path}/logs"\n')
    ids = [response_in(places.config("--rotate-key").stdout)["data"]["key_id"] for _ in range(2)]
    assert len(set(ids)) == 2
    done = places.config("--rotate-key", "--output", "table")
    assert "with the new key" in done.stdout
    assert str(tmp_path / "logs" / "tooltrail") in done.stdout
