"""Take the secrets out: the whole engine, for values at which `redact` had to look twice.

Names and flags are judged with plain string operations. The patterns for text
(URLs, headers, key formats) need `re`, which costs 12 ms where the host has not
imported it, so a string is first searched for the few substrings without which
no pattern could match.
"""

from ._encode import is_plain, printable, sha256
from ._wire import MAX_TEXT_CHARS, REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

# A name is secret where one of its words is one of these...
_SECRET_WORDS = frozenset(
    [
        "token",
        "secret",
        "secrets",
        "password",
        "passwords",
        "passwd",
        "pw",
        "sig",
        "signature",
        "hmac",
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
    ["key", "auth", "pass", "pin", "otp", "cookie", "cookies", "oauth", "authentication"]
)
# What comes before `key` in names that are no secrets...
_KEY_OF = frozenset(
    ["primary", "foreign", "sort", "partition", "public", "group", "order", "cache", "index"]
)
_KEY_IS_SECRET_AFTER = frozenset(
    ["api", "access", "account", "secret", "shared", "private", "auth", "signing", "encryption"]
)
# ...and the last words of names whose value is not the secret itself.
_ABOUT = frozenset(
    ["stdin", "prompt", "file", "path", "type", "ttl", "limit", "count", "length", "size"]
)
_FOLDERS = frozenset(["PWD", "OLDPWD"])  # the shell's variables for where it is
# No secret word is without one of these: one pass over a name that has none.
_STEMS = (
    "tok",
    "sec",
    "pas",
    "pw",
    "sig",
    "hmac",
    "key",
    "auth",
    "cre",
    "jwt",
    "otp",
    "pin",
    "bea",
    "cook",
)

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
    "dckr_",
    "sg.",
    "glrt-",
    "hooks.slack",
    "authorization",
    "cookie",
)
_ASSIGNED_STEMS = ("tok", "secret", "pass", "pw", "sig", "hmac", "key", "auth", "cred", "jwt")

_MIN_SCRUBBED_CHARS = 4  # shorter secrets are replaced only where they are a whole argument


_NAME_MARKS = str.maketrans("", "", "-_.:")


def is_secret_name(name: str, in_text: bool = False) -> bool:
    """Tell whether a parameter, variable, header or field of this name holds a secret.

    Judged by words, so that `api_key`, `authToken` and `X-Api-Key` are, and `author`, `monkey`
    and `keyboard` are not. `in_text` is stricter, for names met in free text.
    """
    lower = name.lower()
    if name in _FOLDERS or not any(stem in lower for stem in _STEMS):
        return False
    words = _words_of(name)
    if not words or words[-1] in _ABOUT or words[0] == "no":
        return False
    if in_text and len(words) == 1 and words[0] in _WEAK_WORDS:
        return False
    for before, word in zip(["", *words], words, strict=False):
        if word == "key" and before in _KEY_OF:
            continue
        if before in _KEY_IS_SECRET_AFTER and word in ("key", "keys", "tokens"):
            return True
        if word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS):
            if in_text and word in _WEAK_WORDS and not (word == "pass" and before):
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


class Redaction:
    """Takes the secrets out of one call's params, arguments and messages.

    `redactions` then holds one `{"where", "rule"}` for each place. `names` are options and
    params that the author declared secret; their values, once seen in params, are taken out
    of everything that passes later.
    """

    def __init__(self, redactions: list[dict[str, str]]) -> None:
        self.redactions = redactions
        self._declared: set[str] = set()
        self._declared_flags: set[str] = set()
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
            printable(str(name)): self._param(str(name), _plain(value), f"params.{name}")
            for name, value in params.items()
        }

    def _param(self, name: str, value: "Any", where: str) -> "Any":
        rule = self._rule_for(name)
        if rule is None:
            return self.value(value, where)
        if value is None or isinstance(value, bool) or value == "":
            return value  # that it was not given is no secret
        self.learn(value)
        return self._took(where, rule)

    def _rule_for(self, name: str) -> str | None:
        if name.replace("-", "_").lower() in self._declared:
            return "declared"
        return "name" if is_secret_name(name) else None

    def learn(self, value: "Any") -> None:
        """Take a value, and all that is inside it, for a secret from now on."""
        if isinstance(value, str):
            if value and value != REDACTED:
                self._values.add(value)
        elif isinstance(value, list):
            for item in value:
                self.learn(item)
        elif isinstance(value, dict):
            self.learn(list(value.values()))
        elif isinstance(value, bool):
            return
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
                self.learn(argument)
                clean.append(self._took(place, "flag"))
                secret_next = False
                continue
            redacted, secret_next = self._argument(argument, place)
            clean.append(redacted)
        return [self._scrub(item, f"{where}[{index}]") for index, item in enumerate(clean)]

    def _argument(self, argument: str, where: str) -> tuple[str, bool]:
        """Return one argument without secrets, and whether the next one is a secret."""
        name, assigned, value = argument.partition("=")
        named = len(name) <= 64 and self._is_secret_flag(name, bare=not assigned)
        if named and assigned and value:
            self.learn(value)
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
        if not _may_hold_secret(text):
            return text
        from ._patterns import search

        return search(text, lambda rule: self._took(where, rule), None)

    def text(self, text: str, where: str) -> str:
        """Return free text without its secrets, cut at 131,072 characters."""
        text = self._scrub(printable(text), where)
        if _may_hold_secret(text):
            from ._patterns import search

            text = search(text, lambda rule: self._took(where, rule), is_secret_name)
        if len(text) > MAX_TEXT_CHARS:
            digest = sha256(text.encode("utf-8")).hexdigest()[:16]
            text = f"{text[:MAX_TEXT_CHARS]}...[{len(text)} characters, sha256:{digest}]"
        return text

    def _scrub(self, text: str, where: str) -> str:
        """Take out the values that were secrets elsewhere, the longer first."""
        if text in self._values:
            return self._took(where, "value")
        for secret in sorted(self._values, key=len, reverse=True):
            if len(secret) >= _MIN_SCRUBBED_CHARS and secret in text:
                text = text.replace(secret, self._took(where, "value"))
        return text


def _plain(value: "Any") -> "Any":
    if is_plain(value):
        return value
    from ._plain import plain

    return plain(value)


def _looks_like_option(argument: str) -> bool:
    """Tell `--verbose` and `-v` from a value that merely starts with a dash."""
    return argument.startswith("--") or (len(argument) == 2 and argument.startswith("-"))


def _may_hold_secret(text: str) -> bool:
    lower = text.lower()
    if any(trigger in lower for trigger in _TEXT_TRIGGERS):
        return True
    assigns = "=" in lower or ":" in lower or (" " in lower and "-" in lower)
    return assigns and any(stem in lower for stem in _ASSIGNED_STEMS)
