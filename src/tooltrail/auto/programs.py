"""Which program this is, as the interpreter's start tells it: a console script, `-m`, a script.

A console script is a small file that an installer wrote. It imports one object and exits with what
calling that returns; the forms of pip, distlib, uv, setuptools and importlib.metadata differ only
in what stands around it. It is read as text, a few KB of it, and never run here.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 8192  # bytes; the longest that an installer writes is a tenth of it
_LOADERS = ("load_entry_point", "importlib_load_entry_point")
# Started by `python -m` or as a script, but by a program and not by anybody.
_NO_CLIS = frozenset(
    {
        *("ipykernel", "ipykernel_launcher", "ipykernel_launcher.py"),
        *("__pip-runner__.py", "_in_process.py", "get_interpreter_info.py"),  # of pip, build, uv
    }
)


class Entry:
    """The function that a program starts with; `exits` where its value is the exit code."""

    __slots__ = ("attribute", "exits", "module")

    def __init__(self, module: str, attribute: str, *, exits: bool = True) -> None:
        self.module = module
        self.attribute = attribute  # may be dotted
        self.exits = exits


def is_cli(script: str, arguments: "list[str]") -> bool:
    """Tell whether a program is one that somebody calls; `arguments` is `sys.orig_argv`."""
    if script == "-m":
        module = module_in(arguments)
        return module not in _NO_CLIS and module.partition(".")[0] != "tooltrail"
    return script.rpartition("/")[2] not in _NO_CLIS


def module_in(arguments: "list[str]") -> str:
    """Return what `-m` names among the interpreter's own arguments, or nothing."""
    left = iter(arguments[1:])
    for argument in left:
        if argument.startswith("--"):
            next(left, "")  # the value of --check-hash-based-pycs
            continue
        if argument[:1] != "-":
            break
        for position, switch in enumerate(argument[1:], 2):
            if switch == "m":
                return argument[position:] or next(left, "")
            if switch in "WX":
                if not argument[position:]:
                    next(left, "")
                break
    return ""


def entry_of(script: str) -> Entry | None:
    """Return what a console script starts with, or None for any other file."""
    try:
        with open(script, "rb", 0) as file:
            start = file.read(_LONGEST + 1)
    except OSError:
        return None
    if len(start) > _LONGEST or start[:2] != b"#!" or b"\0" in start:
        return None
    return entry_in(start.decode("utf-8", "replace"))


def entry_in(text: str) -> Entry | None:
    """Return what a console script of this text starts with, or None."""
    lines = [line.strip() for line in text.splitlines()]
    last = next((line for line in reversed(lines) if line), "")
    called = _called(last)
    if called is None:
        return None
    name, exits, arguments = called
    if name in _LOADERS:
        return _by_metadata(arguments)
    first, _, rest = name.partition(".")
    for module, imported, bound in _imports(lines):
        if bound == first:
            attribute = ".".join(part for part in (imported, rest) if part)
            return Entry(module, attribute, exits=exits) if attribute else None
        if not imported and bound.partition(".")[0] == first and name.startswith(bound + "."):
            return Entry(module, name[len(bound) + 1 :], exits=exits)
    return None


def _called(line: str) -> "tuple[str, bool, str] | None":
    """Read `sys.exit(name())` or a bare `name()`: the name, whether it exits, its arguments."""
    exits = False
    for opening in ("sys.exit(", "exit(", "raise SystemExit("):
        if line.startswith(opening) and line.endswith(")"):
            line, exits = line[len(opening) : -1].strip(), True
            break
    name, opened, arguments = line.partition("(")
    if not opened or not line.endswith(")") or not name.replace(".", "_").isidentifier():
        return None
    if not exits and (arguments != ")" or name.startswith("sys.")):
        return None
    return name, exits, arguments


def _imports(lines: "list[str]") -> "Iterator[tuple[str, str, str]]":
    """Yield module, name taken from it (or nothing) and the name that it is bound to."""
    for line in lines:
        words = line.split()
        if words[:1] == ["from"] and words[2:3] == ["import"] and len(words) in (4, 6):
            yield words[1], words[3], words[-1]
        elif words[:1] == ["import"] and len(words) == 2:
            yield words[1], "", words[1]


def _by_metadata(arguments: str) -> Entry | None:
    """Read `'pkg==1.0', 'console_scripts', 'name')()`: the installed package knows the function."""
    given = arguments.rpartition(")()")[0] or arguments.rstrip("()")
    parts = [part.strip().strip("'\"") for part in given.split(",")]
    if len(parts) != 3:
        return None
    spec, group, name = parts
    value = _declared(spec.partition("==")[0], group, name)
    module, colon, attribute = value.partition(":")
    attribute = attribute.partition("[")[0].strip()
    return Entry(module.strip(), attribute) if colon and attribute else None


def _declared(distribution: str, group: str, name: str) -> str:
    """Find an entry point among the metadata of what is installed, without importing a reader."""
    wanted = _normal(distribution)
    for folder in sys.path:
        for path in _metadata_of(folder, wanted):
            try:
                with open(path + "/entry_points.txt", encoding="utf-8") as file:
                    value = entry_points(file.read()).get((group, name))
            except (OSError, UnicodeDecodeError):
                continue
            if value:
                return value
    return ""


def _metadata_of(folder: str, wanted: str) -> "list[str]":
    import os

    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for each in names:
        base, dot, kind = each.rpartition(".")
        named = _normal(base.split("-")[0])
        if dot and kind in ("dist-info", "egg-info") and named == wanted:
            found.append(f"{folder}/{each}")
        elif kind == "egg-link" and _normal(base) == wanted:
            found += _linked(f"{folder}/{each}", wanted)
    return found


def _linked(link: str, wanted: str) -> "list[str]":
    """Follow what `setup.py develop` leaves: the folder of the project is on its first line."""
    try:
        with open(link, encoding="utf-8") as file:
            folder = file.readline().strip()
    except (OSError, UnicodeDecodeError):
        return []
    return _metadata_of(folder, wanted)


def entry_points(text: str) -> "dict[tuple[str, str], str]":
    """Read an `entry_points.txt`: (group, name) to `module:attribute`."""
    found: dict[tuple[str, str], str] = {}
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif "=" in line and line[:1] not in "#;":
            name, _, value = line.partition("=")
            found[group, name.strip()] = value.strip()
    return found


def _normal(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
