"""Secrets out, before anything is written: no value goes further than this module.

Names and flags are judged with plain string operations. The patterns for text
(URLs, headers, key formats) need `re`, which costs 12 ms where the host has not
imported it, so a string is first searched for the few substrings without which
no pattern could match.
"""

from ._encode import plain, printable, sha256
from ._wire import MAX_TEXT_CHARS, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    _Took = Callable[[str], str]  # notes the rule that matched, and returns `[REDACTED]`

# A name is secret where one of its words is one of these...
_SECRET_WORDS = frozenset(
    [
        "token",
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "passcode",
        "pass",
        "pwd",
        "key",
        "auth",
        "authorization",
        "authentication",
        "oauth",
        "credential",
        "credentials",
        "cred",
        "creds",
        "apikey",
        "accesskey",
        "secretkey",
        "privatekey",
        "authkey",
        "jwt",
        "otp",
        "totp",
        "pin",
        "bearer",
        "cookie",
        "cookies",
    ]
)
# ...or ends in one of these, written together (`dbpassword`, `githubtoken`).
_SECRET_ENDINGS = ("token", "secret", "password", "passwd", "passphrase", "apikey", "secretkey")
# In free text these words alone are too common to mean a secret ("KeyError: ...").
_WEAK_WORDS = frozenset(
    ["key", "auth", "pass", "pin", "otp", "cookie", "cookies", "pwd", "oauth", "authentication"]
)
# What comes before `key` in names that are no secrets...
_KEY_OF = frozenset(
    ["primary", "foreign", "sort", "partition", "public", "group", "order", "cache", "index"]
)
_KEY_IS_SECRET_AFTER = frozenset(
    ["api", "access", "secret", "private", "auth", "signing", "encryption"]
)
# ...and the last words of names whose value is not the secret itself.
_ABOUT = frozenset(
    ["stdin", "prompt", "file", "path", "type", "ttl", "limit", "count", "length", "size"]
)
# No secret word is without one of these: one pass over a name that has none.
_STEMS = ("tok", "sec", "pas", "pwd", "key", "auth", "cre", "jwt", "otp", "pin", "bea", "cook")

# No pattern for text can match without one of these (lower case).
_TEXT_TRIGGERS = (
    "://",
    "eyj",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "akia",
    "asia",
    "aiza",
    "xox",
    "sk-",
    "k_live_",
    "k_test_",
    "whsec_",
    "pypi-",
    "npm_",
    "hf_",
    "-----begin",
    "bearer",
    "basic ",
    "authorization",
    "cookie",
)
_ASSIGNED_STEMS = ("token", "secret", "pass", "pwd", "key", "auth", "cred", "jwt")

_MIN_SCRUBBED_CHARS = 4  # shorter secrets are replaced only where they are a whole argument


def is_secret_name(name: str, *, in_text: bool = False) -> bool:
    """Tell whether a parameter, variable, header or field of this name holds a secret.

    Judged by words, so that `api_key`, `authToken` and `X-Api-Key` are, and `author`, `monkey`
    and `keyboard` are not. `in_text` is stricter, for names met in free text.
    """
    lower = name.lower()
    if not any(stem in lower for stem in _STEMS):
        return False
    words = _words_of(name)
    if not words or words[-1] in _ABOUT or words[0] == "no":
        return False
    if in_text and len(words) == 1 and words[0] in _WEAK_WORDS:
        return False
    for before, word in zip(["", *words], words, strict=False):
        if word == "key" and before in _KEY_OF:
            continue
        if word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS):
            if in_text and word in _WEAK_WORDS and before not in _KEY_IS_SECRET_AFTER:
                continue
            return True
    return False


def _words_of(name: str) -> list[str]:
    """Split a name at punctuation and where lower case meets upper: `X-Api-Key`, `authToken`."""
    spaced: list[str] = []
    previous = ""
    for char in name:
        if not char.isalnum():
            spaced.append(" ")
        elif char.isupper() and previous.islower():
            spaced.append(" " + char)
        else:
            spaced.append(char)
        previous = char
    return "".join(spaced).lower().split()


class Redactor:
    """Takes the secrets out of one call's params, arguments and messages.

    `redactions` then holds one `{"where", "rule"}` for each place. `names` are options and
    params that the author declared secret; their values, once seen in params, are taken out
    of everything that passes later.
    """

    def __init__(self, names: "Iterable[str]" = ()) -> None:
        self.redactions: list[dict[str, str]] = []
        self._declared = {name.lstrip("-").replace("-", "_").lower() for name in names}
        self._declared_flags = {name for name in names if name.startswith("-")}
        self._values: set[str] = set()

    def declare(self, names: "Iterable[str]") -> None:
        """Add names, or flags with their dashes, that the author declared secret."""
        for name in names:
            self._declared.add(name.lstrip("-").replace("-", "_").lower())
            if name.startswith("-"):
                self._declared_flags.add(name)

    def params(self, params: "Mapping[str, Any]") -> "dict[str, Any]":
        """Return `params` as plain JSON values without their secrets."""
        return {
            printable(str(name)): self._param(str(name), value, f"params.{name}")
            for name, value in params.items()
        }

    def _param(self, name: str, value: "Any", where: str) -> "Any":
        rule = self._rule_for(name)
        value = plain(value)
        if rule is None:
            return self.value(value, where)
        if value is None or isinstance(value, bool) or value == "":
            return value  # that it was not given is no secret
        self._learn(value)
        return self._took(where, rule)

    def _rule_for(self, name: str) -> str | None:
        if name.replace("-", "_").lower() in self._declared:
            return "declared"
        return "name" if is_secret_name(name) else None

    def _learn(self, value: "Any") -> None:
        if isinstance(value, str):
            self._values.add(value)
        elif isinstance(value, list):
            for item in value:
                self._learn(item)
        elif isinstance(value, (int, float)):
            self._values.add(str(value))

    def _took(self, where: str, rule: str) -> str:
        self.redactions.append({"where": where, "rule": rule})
        return REDACTED

    def value(self, value: "Any", where: str) -> "Any":
        """Return one plain JSON value without its secrets, at any depth."""
        if isinstance(value, str):
            return self.text(value, where)
        if isinstance(value, dict):
            return {
                name: self._param(name, item, f"{where}.{name}") for name, item in value.items()
            }
        if isinstance(value, list):
            if where == "params.argv" and all(isinstance(item, str) for item in value):
                return self.argv(value, where)
            return [self.value(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return value

    def argv(self, argv: "Sequence[str]", where: str) -> list[str]:
        """Return command-line arguments without their secrets.

        Knows `--token VALUE`, `--token=VALUE`, `NAME=VALUE`, the author's own secret flags with
        their value attached (`-pVALUE`), and every pattern that `text` knows.
        """
        clean: list[str] = []
        secret_next = False
        for index, raw in enumerate(argv):
            place = f"{where}[{index}]"
            argument = printable(raw)
            if secret_next and not _looks_like_option(argument):
                self._learn(argument)
                clean.append(self._took(place, "flag"))
                secret_next = False
                continue
            redacted, secret_next = self._argument(argument, place)
            clean.append(redacted)
        return clean

    def _argument(self, argument: str, where: str) -> tuple[str, bool]:
        """Return one argument without secrets, and whether the next one is a secret."""
        name, assigned, value = argument.partition("=")
        named = len(name) <= 64 and self._is_secret_flag(name, bare=not assigned)
        if named and assigned and value:
            self._learn(value)
            return f"{name}={self._took(where, 'flag')}", False
        attached = self._attached(argument)
        if attached:
            return attached + self._took(where, "declared"), False
        return self.text(argument, where), named and not assigned

    def _is_secret_flag(self, name: str, *, bare: bool) -> bool:
        if name in self._declared_flags:
            return True
        if bare and not name.startswith("-"):
            return False  # a word that is no option: what follows it is not its value
        stripped = name.lstrip("-")
        if len(stripped) == 1 or not stripped.replace("-", "").replace("_", "").isalnum():
            return False
        return self._rule_for(stripped) is not None

    def _attached(self, argument: str) -> str | None:
        """Return `-p` of `-pVALUE`, where `-p` is one of the author's secret options."""
        flag = argument[:2]
        attached = len(argument) > 2 and flag[1:] != "-" and flag in self._declared_flags
        return flag if attached else None

    def identifier(self, text: str, where: str) -> str:
        """Return an id of the caller's: unchanged, unless it holds a key or a URL's password."""
        if not _may_hold_secret(text):
            return text
        return _search(text, lambda rule: self._took(where, rule), keys_only=True)

    def text(self, text: str, where: str) -> str:
        """Return free text without its secrets, cut at 131,072 characters."""
        text = printable(text)
        if text in self._values:
            return self._took(where, "value")
        for secret in self._values:
            if len(secret) >= _MIN_SCRUBBED_CHARS and secret in text:
                text = text.replace(secret, self._took(where, "value"))
        if _may_hold_secret(text):
            text = _search(text, lambda rule: self._took(where, rule))
        if len(text) > MAX_TEXT_CHARS:
            digest = sha256(text.encode("utf-8")).hexdigest()[:16]
            text = f"{text[:MAX_TEXT_CHARS]}...[{len(text)} characters, sha256:{digest}]"
        return text


def _looks_like_option(argument: str) -> bool:
    """Tell `--verbose` and `-v` from a value that merely starts with a dash."""
    return argument.startswith("--") or (len(argument) == 2 and argument.startswith("-"))


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    if any(trigger in lower for trigger in _TEXT_TRIGGERS):
        return True
    assigns = "=" in lower or ":" in lower
    return assigns and any(stem in lower for stem in _ASSIGNED_STEMS)


# Compiled when first needed; each is linear: no nested or adjacent open-ended repeats.
_FORMATS = (
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"  # JWT
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_-]{30,}"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,}"  # Slack
    r"|sk-[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}"  # Stripe
    r"|pypi-[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,}"
    r")"
)
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
)
_HEADER = (
    r"(?i)(?<![A-Za-z0-9])((?:proxy-)?authorization|(?:set-)?cookie)(\"?\s{0,8}[:=]\s{0,8}\"?)"
    r"(?!\[REDACTED\])([^\r\n\"']+)"
)
_SCHEME = (
    r"(?<![A-Za-z0-9])([Bb]earer|BEARER|Basic)(\s{1,8})"
    r"(?=[A-Za-z._~+/-]{0,40}[0-9=]|[A-Za-z._~+/-]{24})[A-Za-z0-9._~+/=-]{8,}"
)
_USERINFO = r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s/?#@:\"'<>]{0,512})(:?)([^\s/?#\"'<>]*)@"
_ASSIGNED = (
    r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]{2,64})(\\?[\"']?\s{0,3}[=:]\s{0,3})"
    r"(?!\[REDACTED\])(\\?\"(?:[^\"\\]|\\[^\"])*\\?\"?|'[^']*'?|[^\s&;,\"'\])}<>]+)"
)
_MIN_TOKEN_AS_USER = 20  # https://TOKEN@host: shorter is a user name

# Each pattern, what it makes of a match, and whether it is for identifiers as well.
_compiled: "list[tuple[re.Pattern[str], Callable[[_Took, re.Match[str]], str], bool]]" = []


def _search(text: str, took: "_Took", *, keys_only: bool = False) -> str:
    from functools import partial

    if not _compiled:
        _compile()
    for pattern, replace, for_identifiers in _compiled:
        if for_identifiers or not keys_only:
            text = pattern.sub(partial(replace, took), text)
    return text


def _compile() -> None:
    import re

    def whole(rule: str) -> "Callable[[_Took, re.Match[str]], str]":
        return lambda took, _: took(rule)

    def value(took: "_Took", match: "re.Match[str]") -> str:
        return match[1] + match[2] + took("header")

    _compiled.extend(
        [
            (re.compile(_PEM, re.DOTALL), whole("format"), True),
            (re.compile(_USERINFO), _redact_userinfo, True),
            (re.compile(_HEADER), value, False),
            (re.compile(_SCHEME), value, False),
            (re.compile(_FORMATS), whole("format"), True),
            (re.compile(_ASSIGNED), _redact_assigned, False),
        ]
    )


def _redact_userinfo(took: "_Took", match: "re.Match[str]") -> str:
    scheme, user, colon, password = match.groups()
    if colon and password not in ("", REDACTED):
        return f"{scheme}{user}:{took('url')}@"
    if not colon and len(user) >= _MIN_TOKEN_AS_USER:
        return f"{scheme}{took('url')}@"
    return match[0]


def _redact_assigned(took: "_Took", match: "re.Match[str]") -> str:
    name, between, value = match.groups()
    if not is_secret_name(name, in_text=True) or value.startswith("//"):
        return match[0]
    for quote in ('\\"', '"', "'"):
        if value.startswith(quote):
            closing = quote if value.endswith(quote) and len(value) > len(quote) else ""
            return f"{name}{between}{quote}{took('name')}{closing}"
    return f"{name}{between}{took('name')}"
