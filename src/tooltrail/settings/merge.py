"""Make settings of what the three places say."""

import os

from .. import settings
from .._host import user_name
from . import CHOICES, VARIABLES, Settings, home_of, user_file
from .files import Configuration, read
from .kinds import Propagation, RedactionRules, Retention, Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def configuration(environment: "Mapping[str, str]") -> Configuration:
    """Read all that the three places say."""
    return read(settings.SYSTEM_FILE, user_file(environment), environment, VARIABLES, CHOICES)


def settings_of(
    found: Configuration, tool: str | None, environment: "Mapping[str, str]"
) -> Settings:
    """Return what a configuration means for `tool`, or for any that it does not name."""
    made = Settings()
    values = found.values_for(tool)
    for name in ("policy", "durability", "level", "rotate_at", "compress"):
        if name in values:
            setattr(made, name, values[name].value)
    if "data_home" in values:
        home = values["data_home"]
        made.data_home = _expanded(home.value, {} if home.binding else environment)
    made.rules = tuple(Rule(**rule.value) for rule in found.rules_for(tool))
    limits = [values.get(f"retention.max_{name}") for name in ("size", "segments", "age")]
    if any(limits):
        made.retention = Retention(*(limit.value if limit else None for limit in limits))
    redact = {
        name.removeprefix("redact."): held.value
        for name, held in values.items()
        if name.startswith("redact.")
    }
    made.redact = RedactionRules(**redact) if redact else None
    hosts, request_id = values.get("propagate.to"), values.get("propagate.request_id")
    if hosts or request_id:
        made.propagate = Propagation(
            hosts.value if hosts else (), bool(request_id and request_id.value)
        )
    made.problems = found.problems
    return made


def _expanded(folder: str, environment: "Mapping[str, str]") -> str:
    """Fill in `~` and `{user}`. What binds is read without HOME, which anybody can set."""
    if folder == "~" or folder.startswith("~/"):
        folder = (home_of(environment) or home_of(os.environ)) + folder[1:]
    if "{user}" in folder:
        uid = os.geteuid()
        user = user_name(uid)
        folder = folder.replace("{user}", str(uid) if user in (".", "..") or "/" in user else user)
    return folder.rstrip("/") or "/"
