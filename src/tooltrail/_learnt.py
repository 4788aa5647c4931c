"""What one call's redaction has found so far: where, by which rule, and the secrets themselves.

A secret that was once found is taken out of everything that passes later, so that an error's
message cannot repeat what an option has lost.
"""

from ._encode import encode
from ._wire import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME, FLAG, DECLARED, PROMPT, VALUE = "name", "flag", "declared", "prompt", "value"
ENVIRONMENT = "environment"

_MIN_SCRUBBED_CHARS = 4  # shorter secrets are replaced only where they are a whole text
MIN_WITHIN_WORDS = 8  # shorter ones only where they are words of their own
_MIN_FOUND_CHARS = 8  # of what a pattern found in a text, and is looked for elsewhere
_MAX_FOUND = 200  # each costs a search of every later text
_MIN_FINGERPRINT_CHARS, _MIN_DIFFERENT_CHARS = 16, 8
_MAX_ESCAPED_CHARS = 4096  # of a secret that is looked for in its escaped forms as well
_SCHEMES = frozenset(["bearer", "basic", "token", "digest", "negotiate", "apikey"])


class Learnt:
    """The secrets of one call.

    `redactions` gets one `{"where", "rule"}` for each place, and a `fingerprint` where `keys`
    names the folder of the installation's fingerprint keys and the secret cannot be guessed.
    """

    def __init__(self, redactions: list[dict[str, str]], keys: str | None) -> None:
        self.redactions = redactions
        self._keys = keys
        self._rules: dict[str, str] = {}  # of each secret that is looked for
        self._prompted: set[str] = set()
        self._longest_first: list[str] | None = None

    def __len__(self) -> int:
        return len(self._rules)

    def learn(self, value: "Any", *, prompted: bool = False) -> None:
        """Take a value, and all that is inside it, for a secret from now on."""
        if isinstance(value, str):
            self._learn(value, prompted)
        elif isinstance(value, list):
            for item in value:
                self.learn(item, prompted=prompted)
        elif isinstance(value, dict):
            self.learn(list(value.values()), prompted=prompted)
        elif not isinstance(value, bool) and isinstance(value, (int, float)):
            self._learn(str(value), prompted)

    def _learn(self, value: str, prompted: bool) -> None:
        if not value or value == REDACTED:
            return
        for form in (value, *_escaped(value)):
            self.look_for(form, VALUE)
            if prompted:
                self._prompted.add(form)

    def look_for(self, value: str, rule: str) -> None:
        """Take `value` out of all that passes from now on, in the name of `rule`."""
        if self._rules.get(value) != rule:
            self._rules[value] = rule
            self._longest_first = None

    def found(self, where: str, rule: str, secret: str) -> str:
        """Note what a pattern found in a text; a word that can be mistaken for none is learnt."""
        bare = without_scheme(secret)
        if (
            len(bare) >= _MIN_FOUND_CHARS
            and len(self._rules) < _MAX_FOUND
            and REDACTED not in bare
            and _is_mixed(bare)
        ):
            self._learn(bare, False)
        return self.took(where, rule, bare)

    def took(self, where: str, rule: str, secret: str = "") -> str:
        """Note that a secret was taken out; return what stands in its place."""
        entry = {"where": where, "rule": rule}
        if self._keys is not None and rule != PROMPT:
            fingerprint = self._fingerprint(without_scheme(secret))
            if fingerprint is not None:
                entry["fingerprint"] = fingerprint
        self.redactions.append(entry)
        return REDACTED

    def _fingerprint(self, secret: str) -> str | None:
        if self._keys is None or secret in self._prompted or not is_unguessable(secret):
            return None
        from ._fingerprints import fingerprint

        return fingerprint(self._keys, secret)

    def scrub(self, text: str, where: str) -> str:
        """Take out what was a secret elsewhere, the longer first."""
        rule = self._rules.get(text)
        if rule is not None:
            return self.took(where, rule, text)
        if self._longest_first is None:
            self._longest_first = sorted(
                (value for value in self._rules if len(value) >= _MIN_SCRUBBED_CHARS),
                key=len,
                reverse=True,
            )
        for secret in self._longest_first:
            if secret in text and secret not in REDACTED:
                text = self._without(text, secret, where)
        return text

    def scrub_all(self, texts: list[str], where: str) -> list[str]:
        """Take out of each text what was a secret in another; most often that is nothing."""
        together = "\n".join(texts)
        if not any(map(together.__contains__, self._rules)):
            return texts
        return [self.scrub(text, f"{where}[{at}]") for at, text in enumerate(texts)]

    def _without(self, text: str, secret: str, where: str) -> str:
        if len(secret) >= MIN_WITHIN_WORDS:
            return text.replace(secret, self.took(where, self._rules[secret], secret))
        parts = text.split(secret)
        clean = parts[0]
        took = False
        for part in parts[1:]:
            alone = not clean[-1:].isalnum() and not part[:1].isalnum()
            clean += (REDACTED if alone else secret) + part
            took = took or alone
        if took:
            self.took(where, self._rules[secret], secret)
        return clean


def without_scheme(secret: str) -> str:
    """Return the token of `Bearer TOKEN`, so that it is the same wherever it stands."""
    scheme, _, rest = secret.partition(" ")
    return rest.strip() if rest and scheme.lower() in _SCHEMES else secret


def _is_mixed(value: str) -> bool:
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def is_unguessable(secret: str) -> bool:
    """Tell a secret whose fingerprint gives nothing away: nobody can try them all."""
    return (
        len(secret) >= _MIN_FINGERPRINT_CHARS
        and len(set(secret)) >= _MIN_DIFFERENT_CHARS
        and _is_mixed(secret)
    )


def _escaped(value: str) -> "tuple[str, ...]":
    """Return how a secret looks in a URL, in JSON and in Python's `repr`, where that differs."""
    if value.isalnum() or not MIN_WITHIN_WORDS <= len(value) <= _MAX_ESCAPED_CHARS:
        return ()
    forms = {encode(value)[1:-1], repr(value)[1:-1], _in_url(value)}
    return tuple(forms - {value})


def _in_url(value: str) -> str:
    return "".join(
        [
            chr(byte) if chr(byte).isalnum() or byte in b"-_.~" else f"%{byte:02X}"
            for byte in value.encode("utf-8", "replace")
        ]
    )
