"""What each setting takes: values as they are written, checked and made plain.

Whatever is not allowed becomes a problem of its place. A rule of which a part is wrong does not
hold at all: without the part it might match more calls. Of a list, the sound entries hold.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .files import Place

    Choices = Mapping[str, tuple[str, ...]]
    # What makes a value of what was written, or raises ValueError; and words for what it takes.
    Check = tuple[Callable[[Any], Any], str]

MIN_ROTATE_BYTES = 64_000  # smaller, and a log would consist of the ends of its segments
PER_TOOL = ("policy", "durability", "level", "rotate_at", "compress")
ADDED_UP = ("redact.names", "redact.spare", "redact.prefixes")  # what all places list holds
LISTS = (*ADDED_UP, "propagate.to")
_SECTIONS = ("retention", "redact", "propagate")
_MATCHERS = ("tool", "command", "operator")
_MIN_PREFIX_CHARS = 3  # a shorter one begins too much that is no key
_MAX_SHOWN_CHARS = 40
_MAX_NUMBER = 10**18
_MAX_HOST_CHARS = 253  # RFC 1035, 2.3.4
_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")
_TOOL_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_BYTES_PER = {
    **{"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12},
    **{"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40},
}
_SECONDS_PER = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def checks_for(choices: "Choices") -> "dict[str, Check]":
    """Return the check of each setting by its full name; `choices` are those that take words."""
    size = 'a number of bytes, or a size such as "100 MB" (kB, MB, GB, KiB, MiB, GiB)'
    words = {name: (_choice(taken), _listed(taken)) for name, taken in choices.items()}
    return {
        **words,
        "rotate_at": (_size(MIN_ROTATE_BYTES), f"{size}, at least 64 kB"),
        "data_home": (
            _folder,
            'an absolute, printable path, which may begin with "~/" and hold "{user}"',
        ),
        "compress": (_truth, "true or false"),
        "retention.max_size": (_size(1), size),
        "retention.max_segments": (_count, "a whole number of at least 1"),
        "retention.max_age": (_age, 'a time such as "365d" or "12h" (s, m, h, d, w)'),
        "redact.strict": (_truth, "true or false"),
        "redact.names": (_text(1), 'a list of names, such as ["customer_ref"]'),
        "redact.spare": (_text(1), 'a list of names, such as ["sort_key"]'),
        "redact.prefixes": (
            _text(_MIN_PREFIX_CHARS),
            f'a list of beginnings of at least {_MIN_PREFIX_CHARS} characters, such as ["acme_"]',
        ),
        "propagate.to": (
            _host_pattern,
            'a list of hosts without ports, such as ["api.example.com", "*.corp.example"]',
        ),
        "propagate.request_id": (_truth, "true or false"),
    }


def from_text(
    setting: str, text: str, checks: "Mapping[str, Check]", place: "Place", variable: str
) -> None:
    """Take the value of a variable, which is always text; of a list, with commas."""
    check, allowed = checks[setting]
    if setting in LISTS:
        items = [item for item in text.split(",") if item.strip()]
        _File(place, checks).take_list(setting, items, variable=variable)
        return
    value: Any = text
    if check is _truth:
        lower = text.lower()
        value = True if lower in _YES else False if lower in _NO else text
    try:
        place.values[setting] = check(value)
    except ValueError:
        place.note(f"it is {_shown(text)}; allowed: {allowed}", where=variable)


def take(table: "Mapping[str, Any]", checks: "Mapping[str, Check]", place: "Place") -> None:
    """Take what is sound in a parsed file into its place, and note there what is not."""
    _File(place, checks).take(table)


class _File:
    """A parsed file on its way into its place."""

    def __init__(self, place: "Place", checks: "Mapping[str, Check]") -> None:
        self._place = place
        self._checks = checks

    def take(self, table: "Mapping[str, Any]") -> None:
        """Take everything that stands in the file."""
        general = [name for name in self._checks if "." not in name]
        for key, value in table.items():
            if key == "rule":
                self._take_rules(value)
            elif key == "tool":
                self._take_tools(value)
            elif key in _SECTIONS:
                self._take_section(key, value)
            elif key in general:
                self._take_setting(key, key, value, self._place.values)
            else:
                self._unknown(key, "", [*general, *_SECTIONS, "rule", "tool"])

    def _take_section(self, section: str, table: "Any") -> None:
        if not self._is_table(section, table):
            return
        self._place.sections.add(section)
        prefix = section + "."
        known = [name.removeprefix(prefix) for name in self._checks if name.startswith(prefix)]
        for key, value in table.items():
            name = prefix + key
            if key not in known:
                self._unknown(key, prefix, known)
            elif name in LISTS:
                self.take_list(name, value)
            else:
                self._take_setting(name, name, value, self._place.values)

    def _take_tools(self, tools: "Any") -> None:
        if not self._is_table("tool", tools):
            return
        for name, table in tools.items():
            tool = name.lower()
            if not tool or tool[0] in ".-" or not set(tool) <= _TOOL_CHARS:
                self._place.note(
                    f"tool.{_shown(name)} is no tool's name; allowed: that of its folder of logs,"
                    " of letters, digits, '.', '_' and '-', with a '-' for anything else"
                )
            elif self._is_table(f"tool.{name}", table):
                self._take_tool(f"tool.{name}.", table, self._place.tools.setdefault(tool, {}))

    def _take_tool(self, prefix: str, table: "Mapping[str, Any]", values: "dict[str, Any]") -> None:
        for key, value in table.items():
            if key in PER_TOOL:
                self._take_setting(key, prefix + key, value, values)
            else:
                self._unknown(key, prefix, PER_TOOL)

    def _take_rules(self, rules: "Any") -> None:
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            self._place.note(f"rule is {_kind(rules)}; allowed: tables, each below [[rule]]")
            return
        for number, rule in enumerate(rules, 1):
            before = len(self._place.problems)
            made = self._rule(rule, f"rule {number} is ignored: ")
            if len(self._place.problems) == before:
                self._place.rules.append(made)

    def _rule(self, rule: "Mapping[str, Any]", prefix: str) -> "dict[str, Any]":
        made: dict[str, Any] = {}
        if "level" not in rule:
            self._place.note(f"{prefix}level is missing; allowed: {self._checks['level'][1]}")
        for key, value in rule.items():
            if key == "level":
                self._take_setting(key, prefix + key, value, made)
            elif key not in _MATCHERS:
                self._unknown(key, prefix, [*_MATCHERS, "level"])
            elif not isinstance(value, str) or not value:
                allowed = "a name, in which * stands for anything"
                self._place.note(f"{prefix}{key} is {_shown(value)}; allowed: {allowed}")
            else:
                made[key] = value.lower() if key == "tool" else value
        return made

    def _take_setting(self, name: str, shown: str, value: "Any", into: "dict[str, Any]") -> None:
        check, allowed = self._checks[name]
        try:
            into[name] = check(value)
        except ValueError:
            self._place.note(f"{shown} is {_shown(value)}; allowed: {allowed}")

    def take_list(self, name: str, items: "Any", *, variable: str | None = None) -> None:
        """Take the sound entries. A wrong one is not shown: it may be a key itself."""
        check, allowed = self._checks[name]
        if not isinstance(items, list):
            self._place.note(f"{name} is {_kind(items)}; allowed: {allowed}")
            return
        sound = []
        for number, item in enumerate(items, 1):
            try:
                sound.append(check(item))
            except ValueError:
                what = _kind(item)
                if isinstance(item, str):
                    what = "too short" if name in ADDED_UP else "no host"
                entry = f"entry {number}" if variable else f"{name}: entry {number}"
                self._place.note(f"{entry} is {what}; allowed: {allowed}", where=variable)
        self._place.values[name] = tuple(sound)

    def _is_table(self, key: str, value: "Any") -> bool:
        if not isinstance(value, dict):
            self._place.note(f"{key[:80]} is {_shown(value)}; allowed: a table, [{key[:80]}]")
        return isinstance(value, dict)

    def _unknown(self, key: str, prefix: str, known: "Sequence[str]") -> None:
        from difflib import get_close_matches

        key = key[:_MAX_SHOWN_CHARS]
        meant = get_close_matches(key.lower(), known, 1)
        elsewhere = [name for name in self._checks if name.endswith("." + key)]
        hint = f" (did you mean {meant[0]}?)" if meant else ""
        if elsewhere:
            hint = f" (it belongs under [{elsewhere[0].partition('.')[0]}])"
        self._place.note(f"{prefix}{key} is no setting{hint}; allowed here: {', '.join(known)}")


def _choice(taken: tuple[str, ...]) -> "Callable[[Any], str]":
    def check(value: "Any") -> str:
        if not isinstance(value, str) or value not in taken:
            raise ValueError
        return value

    return check


def _listed(words: "Iterable[str]") -> str:
    *most, last = [f'"{word}"' for word in words]
    return f"{', '.join(most)} or {last}"


def _truth(value: "Any") -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _count(value: "Any") -> int:
    if type(value) is not int or not 1 <= value <= _MAX_NUMBER:
        raise ValueError
    return value


def _size(least: int) -> "Callable[[Any], int]":
    def check(value: "Any") -> int:
        size = _measured(value, _BYTES_PER) if isinstance(value, str) else _count(value)
        if size < least:
            raise ValueError
        return size

    return check


def _age(value: "Any") -> int:
    if not isinstance(value, str):
        raise ValueError
    return _measured(value, _SECONDS_PER)


def _measured(text: str, units: "Mapping[str, int]") -> int:
    """Read a number and its unit: `1.5 GB`. Without floats, so that 0.1 is what it says."""
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(number) :].lower()
    whole, _, part = number.strip().partition(".")
    digits = whole + part
    if not (whole and digits.isascii() and digits.isdigit()) or len(digits) > 30:
        raise ValueError
    if unit not in units:
        raise ValueError
    return _count(int(digits) * units[unit] // 10 ** len(part))


def _folder(value: "Any") -> str:
    sound = isinstance(value, str) and value.isprintable()  # it is shown in many places
    if not sound or not (value == "~" or value.startswith(("/", "~/"))):
        raise ValueError
    if "{" in value.replace("{user}", "") or "/../" in value + "/":
        raise ValueError
    return str(value)


def _host_pattern(value: "Any") -> str:
    """Read a host, `*.` and a domain for all hosts below it, or `*` for every host."""
    pattern = value.strip().lower() if isinstance(value, str) else ""
    if pattern == "*":
        return "*"
    host = pattern.removeprefix("*.").strip("[]").removesuffix(".")
    if not host or host.startswith(".") or not _HOST_CHARS.issuperset(host):
        raise ValueError
    if len(host) > _MAX_HOST_CHARS or host.count(":") == 1:  # that of a port
        raise ValueError
    return f"*.{host}" if pattern.startswith("*.") else host


def _text(least: int) -> "Callable[[Any], str]":
    def check(value: "Any") -> str:
        if not isinstance(value, str) or len(value.strip()) < least:
            raise ValueError
        return value.strip()

    return check


def _shown(value: "Any") -> str:
    """Say what was written instead, in few characters."""
    if isinstance(value, str):
        cut = value[:_MAX_SHOWN_CHARS]
        return f'"{cut}"' if cut == value else f'"{cut}..."'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 10 * _MAX_NUMBER):
        return str(value)
    return _kind(value)


def _kind(value: "Any") -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else "a time"
