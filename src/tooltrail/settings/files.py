"""Read the configuration: two files and the environment, merged by who has the say.

Nothing in here raises for what is written in a file. What is wrong becomes a problem, a sentence
that names the place, the key and what is allowed; the sound rest of the file holds.

What a machine may rely on, whatever its users configure: a value of the system file; its rules
before theirs, and none of theirs where it sets a level; its retention as a whole, so that nothing
is deleted which it keeps; and that what it names as secret stays so.
"""

import os

from .values import ADDED_UP, PER_TOOL, checks_for, from_text, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from .values import Check, Choices

MAX_FILE_BYTES = 1_000_000
_PLAIN_FILE, _FILE_TYPE = 0o100000, 0o170000  # S_IFREG and S_IFMT of st_mode
_OTHERS_WRITE, _GROUP_WRITES = 0o002, 0o020
_OPEN_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MAX_PROBLEMS = 20  # of one place: each is in the warnings of every call
_MAX_REASON_CHARS = 200

_parsed: dict[str, tuple[bytes, "dict[str, Any]"]] = {}  # path -> what it held, and as a table


class Value:
    """One value that holds, where it was said, and whether that binds every user."""

    __slots__ = ("binding", "source", "value")

    def __init__(self, value: "Any", source: str, binding: bool) -> None:
        self.value = value
        self.source = source
        self.binding = binding


class Place:
    """What one file says, or the environment; `used` where any of it could count."""

    def __init__(self, name: str, *, binding: bool = False) -> None:
        self.name = name
        self.binding = binding
        self.exists = False
        self.used = False
        self.values: dict[str, Any] = {}  # by the setting's full name: `redact.names`
        self.tools: dict[str, dict[str, Any]] = {}
        self.rules: list[dict[str, str]] = []
        self.sections: set[str] = set()
        self.variables: dict[str, str] = {}  # setting -> the variable that said it
        self.problems: list[str] = []

    def note(self, problem: str, *, where: str | None = None) -> None:
        """Keep a problem, as one line of printable text."""
        text = f"{where or self.name}: {problem}"
        self.problems.append("".join(map(_visible, text)))

    def get(self, setting: str, tool: str | None) -> Value | None:
        """Return what is said of a setting here, of this tool before all tools."""
        of_tool = self.tools.get(tool or "", {})
        for values in (of_tool, self.values):
            if setting in values:
                source = self.variables.get(setting, self.name)
                return Value(values[setting], source, self.binding)
        return None

    def settles(self, setting: str) -> bool:
        """Tell whether no other place may say what this one leaves open.

        Another limit would delete what this file's retention keeps; so would smaller segments,
        where it says how many are kept.
        """
        if not self.binding:
            return False
        if setting == "rotate_at":
            return "retention.max_segments" in self.values
        return setting.partition(".")[0] == "retention" and "retention" in self.sections


class Configuration:
    """What all places say, the one with the most say first."""

    def __init__(self, places: "Iterable[Place]") -> None:
        self.places = tuple(places)

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be understood or used, a sentence each."""
        found: list[str] = []
        for place in self.places:
            found += place.problems[:_MAX_PROBLEMS]
            more = len(place.problems) - _MAX_PROBLEMS
            if more > 0:
                found.append(f"{place.name}: {more} more problems are not listed")
        return tuple(found)

    @property
    def tools(self) -> list[str]:
        """The tools for which any place says something of its own."""
        return sorted({tool for place in self.places for tool in place.tools})

    def values_for(self, tool: str | None) -> dict[str, Value]:
        """Return what was set for a tool; a setting that no place names is not in it."""
        names = {name for place in self.places for name in place.values}
        found = {name: self._value(name, tool) for name in sorted(names.union(PER_TOOL))}
        return {name: value for name, value in found.items() if value is not None}

    def rules_for(self, tool: str | None) -> list[Value]:
        """Return the rules in their order, up to the first place that sets a level itself."""
        found = []
        for place in self.places:
            found += [Value(rule, place.name, place.binding) for rule in place.rules]
            if place.get("level", tool) is not None:
                break
        return found

    def settled_by(self, setting: str) -> str | None:
        """Name the file that keeps the default of a setting, against what other places say."""
        return next((place.name for place in self.places if place.settles(setting)), None)

    def _value(self, name: str, tool: str | None) -> Value | None:
        if name in ADDED_UP:
            return self._list(name)
        for place in self.places:
            value = place.get(name, tool)
            if value is not None or place.settles(name):
                return value
        return None

    def _list(self, name: str) -> Value | None:
        """Add up what all places list; nobody spares what a place with more say wants out."""
        items: dict[str, None] = {}
        sources = []
        wanted_out: set[str] = set()
        binding = strict = False
        for place in self.places:
            said = place.values.get(name, ())
            if name == "redact.spare":
                said = [item for item in said if _bare(item) not in wanted_out and not strict]
                wanted_out |= {_bare(item) for item in place.values.get("redact.names", ())}
                strict = strict or (place.binding and place.values.get("redact.strict", False))
            if said:
                items |= dict.fromkeys(said)
                sources.append(place.name)
                binding = binding or place.binding
        return Value(tuple(items), ", ".join(sources), binding) if items else None


def read(
    system_file: str,
    user_file: str,
    environment: "Mapping[str, str]",
    variables: "Mapping[str, str]",
    choices: "Choices",
) -> Configuration:
    """Read the three places. `variables` names each one's setting, `choices` the words it takes."""
    checks = checks_for(choices)
    system = _read_file(Place(system_file, binding=True), checks)
    if system.values.get("redact.strict") is False:
        del system.values["redact.strict"]  # being stricter than the machine is everybody's right
    user = _read_file(Place(user_file), checks)
    return Configuration([system, _from_variables(environment, variables, checks), user])


def _from_variables(
    environment: "Mapping[str, str]", variables: "Mapping[str, str]", checks: "Mapping[str, Check]"
) -> Place:
    place = Place("environment")
    for variable, setting in variables.items():
        text = environment.get(variable, "")
        if text:
            place.variables[setting] = variable
            from_text(setting, text, checks, place, variable)
    place.exists = place.used = bool(place.variables)
    return place


def _read_file(place: Place, checks: "Mapping[str, Check]") -> Place:
    """Fill a place with what its file says. A file that is no TOML says nothing."""
    try:
        content = _content(place)
    except (FileNotFoundError, NotADirectoryError):
        place.exists = os.path.islink(place.name)
        if place.exists:
            place.note("it is a symbolic link to nothing, and is ignored")
    except ValueError:
        place.note("it is no path")
    except OSError as error:
        place.exists = True
        place.note(f"it cannot be read ({(error.strerror or str(error)).lower()}), and is ignored")
    else:
        table = None if content is None else _table(place, content)
        if table is not None:
            place.used = True
            take(table, checks, place)
    return place


def _table(place: Place, content: bytes) -> "dict[str, Any] | None":
    """Parse a file, unless its bytes are those of the last time."""
    before, table = _parsed.get(place.name, (None, {}))
    if before == content:
        return table
    from tomllib import TOMLDecodeError, loads

    try:
        table = loads(content.decode("utf-8").removeprefix("\ufeff"))  # the mark of some editors
    except TOMLDecodeError as error:
        reason = str(error)[:_MAX_REASON_CHARS]
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except RecursionError:
        reason = "it is nested too deeply"
    except ValueError:  # a whole number of thousands of digits
        reason = "a number in it is too large"
    else:
        _parsed[place.name] = content, table
        return table
    place.note(f"it is not valid TOML, and is ignored: {reason}")
    return None


def _content(place: Place) -> bytes | None:
    """Return a file's bytes, or None where it must not count, with the problem noted."""
    fd = os.open(place.name, _OPEN_FLAGS)  # without O_NONBLOCK a pipe would wait for its writer
    place.exists = True
    try:
        status = os.fstat(fd)
        wrong = _mistrust(status, place.binding)
        if wrong is None:
            content = _read_up_to(fd, MAX_FILE_BYTES + 1)
            if len(content) <= MAX_FILE_BYTES:
                return content
            wrong = f"it is larger than {MAX_FILE_BYTES} bytes"
        place.note(f"{wrong}, and is ignored")
        return None
    finally:
        os.close(fd)


def _read_up_to(fd: int, size: int) -> bytes:
    content = b""
    while len(content) < size and (block := os.read(fd, size - len(content))):
        content += block
    return content


def _mistrust(status: os.stat_result, binding: bool) -> str | None:
    """Say why a file must not count: somebody who has no say could have written it."""
    if status.st_mode & _FILE_TYPE != _PLAIN_FILE:
        return "it is not a plain file"
    trusted = (0,) if binding else (0, os.geteuid())
    if status.st_uid not in trusted:
        owner = "root" if binding else "you or root"
        return f"it belongs to user {status.st_uid}, not to {owner}"
    if status.st_mode & _OTHERS_WRITE or (binding and status.st_mode & _GROUP_WRITES):
        return "others than its owner may write to it"
    return None


def _bare(name: str) -> str:
    """Return a name without what spellings differ in: `--API-Key` and `api_key` are one."""
    return "".join(filter(str.isalnum, name)).lower()


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
