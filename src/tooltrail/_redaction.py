"""Take the secrets out: the whole engine, for values at which `redact` had to look twice.

Names and flags are judged with plain string operations. The patterns for text
(URLs, headers, key formats) need `re`, which costs 12 ms where the host has not
imported it, so a string is first searched for the few substrings without which
no pattern could match.
"""

from ._encode import encode, is_plain, printable, sha256
from ._learnt import DECLARED, ENVIRONMENT, FLAG, MIN_WITHIN_WORDS, NAME, PROMPT, Learnt
from ._names import STEMS, TOKENS, canonical, is_plain_choice, is_secret_name, is_strict_name
from ._wire import MAX_TEXT_CHARS, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .settings.kinds import RedactionRules

_NO, _WEAK, _SURE = 0, 1, 2  # how sure a name in free text makes it that a secret follows
_SHORTEST_KEY = 13  # characters of a known format: `xoxb-` and eight more
_MIN_KEY_CHARS = 8  # that follow one of the machine's own prefixes
_NAME_MARKS = str.maketrans("", "", "-_.:")
_PATH_MARKS = str.maketrans("", "", "-_./")
_TOKEN_CHARS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+/=.-")


class Redaction:
    """Takes the secrets out of one call's params, arguments and messages.

    `key_marks` are substrings without which no key of a known format can be in a text, and
    `runners` the programs that run other programs; `variables` are what the environment may
    hold of secrets. For the rest see `Redactor`.
    """

    def __init__(
        self,
        redactions: list[dict[str, str]],
        *,
        key_marks: "Sequence[str]",
        runners: "frozenset[str]" = frozenset(),
        rules: "RedactionRules | None" = None,
        keys: str | None = None,
        program: str | None = None,
        variables: "Iterable[tuple[str, str]]" = (),
    ) -> None:
        self._learnt = Learnt(redactions, keys)
        self._cuts = True  # long texts, but for bodies
        self._key_marks = key_marks
        self._runners = runners
        self._program = program
        self._strict = rules is not None and rules.strict
        self._prefixes = () if rules is None else tuple(filter(None, rules.prefixes))
        self._spared = {canonical(name) for name in rules.spare} if rules else set()
        self._ruled = {canonical(name) for name in rules.names} if rules else set()
        self._declared: dict[str, str] = {}  # by name in one spelling: the rule
        self._declared_flags: dict[str, str] = {}
        self._lines: dict[tuple[str, ...], tuple[list[str], list[dict[str, str]], int]] = {}
        for name, value in variables:
            if self._rule_for(name) is not None:
                self._learnt.look_for(value, ENVIRONMENT)

    def declare(self, names: "Iterable[str]", *, prompted: bool = False) -> None:
        """Add names, or flags with their dashes, that the author declared secret."""
        rule = PROMPT if prompted else DECLARED
        for name in names:
            self._declared[canonical(name)] = rule
            if name.startswith("-"):
                self._declared_flags[name] = rule
        self._lines.clear()

    def learn(self, value: "Any") -> None:
        """Take a value, and all that is inside it, for a secret from now on."""
        self._learnt.learn(value)

    def params(self, params: "Mapping[str, Any]") -> "dict[str, Any]":
        """Return `params` as plain JSON values without their secrets."""
        return {
            self._key(str(name)): self._param(str(name), _plain(value), f"params.{self._key(name)}")
            for name, value in params.items()
        }

    def body(self, data: "Any", where: str) -> "Any":
        """Return any value as a plain JSON value without its secrets, its texts uncut."""
        self._cuts = False
        try:
            return self.value(_plain(data), where)
        finally:
            self._cuts = True

    def environment(self, variables: "Mapping[str, str]", where: str) -> dict[str, str]:
        """Return environment variables without their secrets."""
        return {
            self._key(name): self._param(name, str(value), f"{where}.{self._key(name)}")
            for name, value in variables.items()
        }

    def _key(self, name: "Any") -> str:
        """Return a member's name: unchanged, unless it holds a key of a known format."""
        text = printable(str(name))
        if len(text) < _SHORTEST_KEY and text.isidentifier() and not self._prefixes:
            return text
        return self._without_patterns(text, lambda _rule, _secret: REDACTED, names=False)

    def _param(self, name: str, value: "Any", where: str) -> "Any":
        rule = self._rule_for(name)
        if rule is None:
            return self.value(value, where)
        if value is None or isinstance(value, bool) or value == "":
            return value  # that it was not given is no secret
        if rule == NAME and is_plain_choice(name, str(value)):
            return self.value(value, where)
        self._learnt.learn(value, prompted=rule == PROMPT)
        return self._learnt.took(where, rule, value if isinstance(value, str) else "")

    def _rule_for(self, name: str) -> str | None:
        if self._declared or self._ruled or self._spared:
            known = canonical(name)
            if known in self._declared:
                return self._declared[known]
            if known in self._ruled:
                return NAME
            if known in self._spared:
                return None
        if is_secret_name(name) or name.strip("-").lower() == TOKENS:
            return NAME
        if self._strict and is_strict_name(name):
            return NAME
        return None

    def _judge(self, name: str) -> int:
        """Tell how sure a name in free text makes it that a secret follows."""
        known = canonical(name) if self._ruled or self._spared else ""
        if known in self._spared:
            return _NO
        if known in self._ruled or is_secret_name(name, True):
            return _SURE
        if self._strict and is_strict_name(name):
            return _SURE
        return _WEAK if is_secret_name(name) else _NO

    def value(self, value: "Any", where: str) -> "Any":
        """Return one plain JSON value without its secrets, at any depth."""
        if isinstance(value, str):
            return self.text(value, where)
        if isinstance(value, dict):
            pair = self._pair(value)
            return {
                self._key(name): self._param(
                    pair if name in ("value", "Value") and pair else name,
                    item,
                    f"{where}.{self._key(name)}",
                )
                for name, item in value.items()
            }
        if isinstance(value, list):
            if where.startswith("params.") and all(isinstance(item, str) for item in value):
                if where == "params.argv":
                    return self.argv(value, where)
                if "]" in where and len(value) == 2 and self._is_sure(value[0]):
                    return [value[0], self._param(value[0], value[1], f"{where}[1]")]
                if any(item[:1] == "-" and len(item) > 1 for item in value):
                    return self._argv(tuple(map(printable, value)), where, "")
            return [self.value(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return value

    def _is_sure(self, name: str) -> bool:
        return len(name) <= 200 and self._judge(name) == _SURE

    def _pair(self, value: "dict[str, Any]") -> str | None:
        """Return DB_PASSWORD of `{"name": "DB_PASSWORD", "value": "x"}`."""
        for name in ("name", "key", "Name", "Key"):
            named = value.get(name)
            if isinstance(named, str) and self._is_sure(named):
                return named
        return None

    def argv(self, argv: "Sequence[str]", where: str) -> list[str]:
        """Return command-line arguments without their secrets.

        Knows `--token VALUE`, `--token=VALUE`, `NAME=VALUE`, the author's own secret flags with
        their value attached (`-pVALUE`), the flags of some programs, and every pattern that
        `text` knows. The same arguments are not searched twice: a call has them in two places.
        """
        arguments = tuple(map(printable, argv))
        known = self._lines.get(arguments)
        redactions = self._learnt.redactions
        before = len(redactions)
        if known is None:
            secrets = len(self._learnt)
            clean = self._argv(arguments, where)
        else:
            clean, took, secrets = known
            redactions += [{**entry, "where": where + entry["where"]} for entry in took]
        if secrets != len(self._learnt):  # what a later argument showed may stand in an earlier one
            clean = self._learnt.scrub_all(clean, where)
        took = [{**entry, "where": entry["where"][len(where) :]} for entry in redactions[before:]]
        self._lines[arguments] = clean, took, len(self._learnt)
        return list(clean)

    def _argv(
        self, arguments: tuple[str, ...], where: str, program: str | None = None
    ) -> list[str]:
        from ._programs import Line

        named = self._program or "" if program is None else program
        line = Line(arguments, self._runners, named)
        clean: list[str] = []
        before: str | None = None  # the flag whose value comes next
        for index, argument in enumerate(arguments):
            place = f"{where}[{index}]"
            if index in line.secrets:
                clean.append(self._slice(argument, line.secrets[index], place))
                before = None
            elif before is not None and not _looks_like_option(argument):
                clean.append(self._flag_value(before, argument, place))
                before = None
            elif index in line.spared:
                clean.append(self.text(argument, place))
                before = None
            else:
                redacted, before = self._argument(argument, place)
                clean.append(redacted)
        return clean

    def _slice(self, argument: str, part: tuple[int, int], where: str) -> str:
        start, end = part
        if argument[start:end] == REDACTED:
            return argument
        self._learnt.learn(argument[start:end])
        if start > 0 and end - start < MIN_WITHIN_WORDS and argument[:1] == "-":
            self._learnt.learn(argument)  # `-pX` elsewhere: X alone would be too short to be found
        took = self._learnt.took(where, FLAG, argument[start:end])
        return argument[:start] + took + argument[end:]

    def _flag_value(self, flag: str, value: str, where: str) -> str:
        rule = self._declared_flags.get(flag) or self._rule_for(flag.lstrip("-"))
        if rule == NAME and is_plain_choice(flag.lstrip("-"), value):
            return self.text(value, where)
        prompted = rule == PROMPT
        self._learnt.learn(value, prompted=prompted)
        return self._learnt.took(where, PROMPT if prompted else FLAG, value)

    def _argument(self, argument: str, where: str) -> tuple[str, str | None]:
        """Return one argument without secrets, and the flag whose value is the next one."""
        if argument.isalnum():
            return self.text(argument, where), None
        name, assigned, value = argument.partition("=")
        named = len(name) <= 64 and self._is_secret_flag(name, bare=not assigned)
        if named and assigned and value:
            return f"{name}={self._flag_value(name, value, where)}", None
        flag = self._attached(argument)
        if flag:
            rule = self._declared_flags[flag]
            self._learnt.learn(argument[2:], prompted=rule == PROMPT)
            return flag + self._learnt.took(where, rule, argument[2:]), None
        return self.text(argument, where), name if named and not assigned else None

    def _is_secret_flag(self, name: str, *, bare: bool) -> bool:
        if name in self._declared_flags:
            return True
        if bare and not name.startswith("-"):
            return False  # a word that is no option: what follows it is not its value
        stripped = name.lstrip("-")
        if len(stripped) == 1 or not stripped.translate(_NAME_MARKS).isalnum():
            return False
        return self._rule_for(stripped) is not None

    def _attached(self, argument: str) -> str | None:
        """Return `-p` of `-pVALUE`, where `-p` is one of the author's secret options."""
        flag = argument[:2]
        attached = len(argument) > 2 and flag[1:] != "-" and flag in self._declared_flags
        return flag if attached else None

    def identifier(self, text: str, where: str) -> str:
        """Return an id of the caller's: unchanged, unless it holds a key or a URL's password."""
        return self._without_patterns(text, self._took_at(where), names=False)

    def text(self, text: str, where: str) -> str:
        """Return free text without its secrets, cut at 131,072 characters."""
        if len(text) < _SHORTEST_KEY and not self._prefixes and _is_word(text):
            return self._learnt.scrub(text, where)
        original = printable(text)
        before = len(self._learnt.redactions)
        text = self._text(original, where)
        if text != original and original.lstrip()[:1] in ("{", "[", '"'):
            text = self._still_json(original, text, where, before)
        if self._cuts and len(text) > MAX_TEXT_CHARS:
            digest = sha256(text.encode("utf-8")).hexdigest()[:16]
            text = f"{text[:MAX_TEXT_CHARS]}...[{len(text)} characters, sha256:{digest}]"
        return text

    def _text(self, text: str, where: str) -> str:
        text = self._learnt.scrub(text, where)
        known = len(self._learnt)
        text = self._without_patterns(text, self._took_at(where), names=True)
        if "-" in text and (" -" in text or "'-" in text):
            from ._programs import secrets_in

            for start, end in reversed(secrets_in(text, self._runners)):
                text = self._slice(text, (start, end), where)
        return self._learnt.scrub(text, where) if len(self._learnt) != known else text

    def _took_at(self, where: str) -> "Callable[[str, str], str]":
        return lambda rule, secret: self._learnt.found(where, rule, secret)

    def _without_patterns(
        self, text: str, took: "Callable[[str, str], str]", *, names: bool
    ) -> str:
        lower = text.lower()
        for prefix in self._prefixes:
            text = _without_prefix(text, prefix, took)
        has_key = len(text) >= _SHORTEST_KEY and _has_any(lower, self._key_marks)
        if not (has_key or "://" in lower or "-----begin" in lower) and not (
            names and (self._ruled or _may_name_secret(lower))
        ):
            return text
        from ._patterns import search

        return search(text, took, self._judge if names else None, has_key)

    def _still_json(self, original: str, text: str, where: str, before: int) -> str:
        """Return `text`, or where it was JSON and is none any more, `original` member by member."""
        from json import loads

        try:
            value = loads(original)
        except (ValueError, RecursionError):
            return text
        try:
            loads(text)
        except (ValueError, RecursionError):
            del self._learnt.redactions[before:]
            return encode(self.value(value, where))
        return text


def _plain(value: "Any") -> "Any":
    if is_plain(value) or (type(value) is list and all(map(is_plain, value))):
        return value
    from ._plain import plain

    return plain(value)


def _is_word(text: str) -> bool:
    """Tell a short word, path or option: no pattern matches without a blank, `:` or `=`."""
    return text.isascii() and text.translate(_PATH_MARKS).isalnum()


def _looks_like_option(argument: str) -> bool:
    """Tell `--verbose` and `-v` from a value that merely starts with a dash."""
    return argument.startswith("--") or (len(argument) == 2 and argument.startswith("-"))


def _may_name_secret(lower: str) -> bool:
    """Tell a text in which a name may say that a secret follows."""
    if "bearer" in lower or "basic " in lower or "identified " in lower:
        return True
    names = "=" in lower or ":" in lower or "<" in lower or "pass" in lower
    names = names or ("-" in lower and (" " in lower or "'" in lower or '"' in lower))
    return names and _has_any(lower, STEMS)


def _has_any(lower: str, marks: "Sequence[str]") -> bool:
    for mark in marks:  # noqa: SIM110 - `any` would take three times as long
        if mark in lower:
            return True
    return False


def _without_prefix(text: str, prefix: str, took: "Callable[[str, str], str]") -> str:
    """Take out the words that start with one of the machine's own prefixes and go on as a key."""
    parts = []
    done = 0
    at = text.find(prefix)
    while at >= 0:
        end = start = at + len(prefix)
        while end < len(text) and text[end] in _TOKEN_CHARS:
            end += 1
        if end - start >= _MIN_KEY_CHARS and not text[at - 1 : at].isalnum():
            parts += [text[done:at], took("format", text[at:end])]
            done = end
        at = text.find(prefix, max(end, start))
    return "".join(parts) + text[done:] if parts else text
