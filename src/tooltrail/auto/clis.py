"""The CLIs of an environment: its console scripts, and the framework that each is written with.

Nothing of the environment is run or imported: its metadata is read, and the sources are searched
for what they import.
"""

import os
from importlib.metadata import Distribution, distributions

from .._typing import TYPE_CHECKING
from .programs import entry_points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .environments import Environment

# Where several are imported, the first of these is what the command line is made with.
FRAMEWORKS = ("typer", "cyclopts", "rich_click", "click", "fire", "argparse", "optparse")

_MOST_FILES = 400  # of one package
_MOST_BYTES = 1_000_000  # of one file


def clis_of(environment: "Environment") -> list[dict[str, str | None]]:
    """Return the console scripts of an environment, by name: where they start, what they use.

    `framework` is None where the sources import none that is known: such a tool is recorded with
    its arguments as they came.
    """
    found: list[dict[str, str | None]] = []
    for distribution in distributions(path=[environment.site]):
        text = distribution.read_text("entry_points.txt") or ""
        for (group, name), value in entry_points(text).items():
            if group == "console_scripts" and os.path.lexists(f"{environment.path}/bin/{name}"):
                framework = _framework(distribution, environment.site, value)
                found.append({"name": name, "starts": value, "framework": framework})
    return sorted(found, key=lambda cli: cli["name"] or "")


def _framework(distribution: Distribution, site: str, value: str) -> str | None:
    module = value.partition(":")[0].partition("[")[0].strip()
    imported = {name for path in _starts_in(site, module) for name in _imported_by(path)}
    best = _best(imported)
    if best is None or best in ("argparse", "optparse"):  # the package may use more elsewhere
        best = _best(imported | _required(distribution)) or best
    if best is None:
        package = f"{site}/{module.partition('.')[0]}"
        best = _best({name for path in _sources(package) for name in _imported_by(path)})
    return best


def _best(names: set[str]) -> str | None:
    return next((name for name in FRAMEWORKS if name in names), None)


def _starts_in(site: str, module: str) -> list[str]:
    path = f"{site}/{module.replace('.', '/')}"
    candidates = (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py")
    return [each for each in candidates if os.path.isfile(each)]


def _required(distribution: Distribution) -> set[str]:
    """Return what the package always needs, by the names that it is imported by."""
    names = set()
    for each in distribution.requires or ():
        if "extra ==" not in each:
            bare = "".join(char if char.isalnum() or char in "-_." else " " for char in each)
            names.add(bare.split()[0].lower().replace("-", "_"))
    return names


def _sources(package: str) -> "Iterator[str]":
    count = 0
    for folder, _, names in os.walk(package):
        for name in sorted(names):
            if name.endswith(".py") and count < _MOST_FILES:
                count += 1
                yield f"{folder}/{name}"


def _imported_by(path: str) -> set[str]:
    try:
        with open(path, "rb") as file:
            lines = file.read(_MOST_BYTES).splitlines()
    except OSError:
        return set()
    found = set()
    for line in lines:
        words = line.replace(b",", b" ").split()
        if words[:1] in ([b"import"], [b"from"]) and len(words) > 1:
            named = words[1:2] if words[0] == b"from" else words[1:]
            found |= {name.partition(b".")[0].decode("ascii", "replace") for name in named}
    return found
