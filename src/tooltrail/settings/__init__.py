"""What was configured: where the log goes, what it keeps, and what happens when it cannot.

Three places say so, the first that names a setting wins: `/etc/tooltrail/config.toml`, which
binds everyone on the machine; the environment (`TOOLTRAIL_*`); the user's
`${XDG_CONFIG_HOME:-~/.config}/tooltrail/config.toml`. Never the current directory or a
repository: a control plane that a checkout can move is one that an attacker can.

Most machines have none of the three, and then this module is all that is imported: `files`
reads them.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .kinds import Propagation, RedactionRules, Retention, Rule

SYSTEM_FILE = "/etc/tooltrail/config.toml"
VARIABLES = {
    "TOOLTRAIL_POLICY": "policy",
    "TOOLTRAIL_DURABILITY": "durability",
    "TOOLTRAIL_LEVEL": "level",
    "TOOLTRAIL_ROTATE_AT": "rotate_at",
    "TOOLTRAIL_DATA_HOME": "data_home",
    "TOOLTRAIL_COMPRESS": "compress",
    "TOOLTRAIL_STRICT": "redact.strict",
    "TOOLTRAIL_PROPAGATE_TO": "propagate.to",
    "TOOLTRAIL_PROPAGATE_REQUEST_ID": "propagate.request_id",
}

OPEN, CLOSED = "open", "closed"  # policy: run unrecorded and say so; or refuse to run
NONE, END, ALWAYS = "none", "end", "always"  # durability: which lines are synced to the disk
METADATA, PARAMS, FULL = "metadata", "params", "full"  # levels, above `none`
_BYTE_VARIABLES = frozenset(name.encode("ascii") for name in VARIABLES)
CHOICES = {
    "policy": (OPEN, CLOSED),
    "durability": (NONE, END, ALWAYS),
    "level": (NONE, METADATA, PARAMS, FULL),
}


class Settings:
    """What holds for the calls of one tool."""

    __slots__ = (
        "compress",
        "data_home",
        "durability",
        "level",
        "policy",
        "problems",
        "propagate",
        "redact",
        "retention",
        "rotate_at",
        "rules",
    )

    def __init__(self) -> None:
        self.policy = OPEN
        self.durability = NONE
        self.level = PARAMS
        self.rules: tuple[Rule, ...] = ()
        self.rotate_at = 100_000_000  # bytes
        self.data_home: str | None = None
        self.compress = True
        self.retention: Retention | None = None
        self.redact: RedactionRules | None = None
        self.propagate: Propagation | None = None
        self.problems: tuple[str, ...] = ()  # what could not be understood, a sentence each

    def level_for(self, tool: str, command: str | None, operator: str | None) -> str:
        """Return how much to record of a call: what the first rule that matches says, or `level`.

        `operator` is what the caller says of itself.
        """
        for rule in self.rules:
            if rule.matches(tool, command, operator):
                return rule.level
        return self.level


DEFAULTS = Settings()


def settings_for(tool: str, environment: "Mapping[str, str] | None" = None) -> Settings:
    """Return what was configured for the calls of `tool`. Never raises."""
    environment = os.environ if environment is None else environment
    if (
        not _names_a_variable(environment)
        and _is_absent(SYSTEM_FILE)
        and _is_absent(user_file(environment))
    ):
        return DEFAULTS
    try:
        from .merge import configuration, settings_of

        return settings_of(configuration(environment), tool, environment)
    except Exception as error:  # a module of ours or Python's that is broken: the tool shall run
        failed = Settings()
        if environment.get("TOOLTRAIL_POLICY") == CLOSED:
            failed.policy = CLOSED
        failed.problems = (
            f"the configuration was not read, defaults hold: {type(error).__name__}: {error}",
        )
        return failed


def user_file(environment: "Mapping[str, str]") -> str:
    """Return where the effective user's own configuration would be.

    XDG_CONFIG_HOME and HOME count where they are absolute and not another user's: under sudo
    they may still be the caller's.
    """
    folder = environment.get("XDG_CONFIG_HOME", "")
    if not folder.startswith("/") or is_anothers(folder):
        folder = f"{home_of(environment) or '/nonexistent'}/.config"
    return f"{folder}/tooltrail/config.toml"


def home_of(environment: "Mapping[str, str]") -> str:
    """Return the effective user's home: HOME, or where that is no home of theirs, the database's.

    It has no slash at its end, and is empty where nobody knows of one.
    """
    home = environment.get("HOME", "")
    if home.startswith("/") and not is_anothers(home):
        return home.rstrip("/")
    from pwd import getpwuid

    try:
        return getpwuid(os.geteuid()).pw_dir.rstrip("/")
    except KeyError:
        return ""


def _names_a_variable(environment: "Mapping[str, str]") -> bool:
    # The bytes below `os.environ`: nine look-ups through it take as long as all else here.
    raw = getattr(environment, "_data", None)
    if type(raw) is dict:
        return not _BYTE_VARIABLES.isdisjoint(raw)
    return any(name in environment for name in VARIABLES)


def is_anothers(path: str) -> bool:
    """Tell a folder that is another user's, or is out of our reach, from ours and from none."""
    try:
        return os.stat(path).st_uid != os.geteuid()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True


def _is_absent(path: str) -> bool:
    """Tell whether there is nothing to read, rather than something that cannot be read."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False
