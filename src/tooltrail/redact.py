"""Secrets out, before anything is written: no value goes further than this module.

Most calls hold no secret and nothing that looks like one, so each text is first searched for
the few substrings without which no rule could apply; only where one is found does `_redaction`,
the engine with all the rules, take over.
"""

from ._encode import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ._redaction import Redaction

# Lower case. No name, flag, header, URL or key that a rule of `_redaction` knows is without one.
_MARKS = (
    *(
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
    ),
    *(
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
    ),
    *("aiza", "xox", "sk-", "k_live_", "k_test_", "whsec_", "pypi-", "npm_", "hf_", "-----begin"),
    *("basic ", "dckr_", "sg.", "glrt-", "hooks.slack"),
)
_MAX_CHARS = 4096  # of a text that is passed at a look


class Redactor:
    """Takes the secrets out of one call's params, arguments and messages.

    `redactions` then holds one `{"where", "rule"}` for each place.
    """

    def __init__(self, names: "Iterable[str]" = ()) -> None:
        self.redactions: list[dict[str, str]] = []
        self._engine: Redaction | None = None
        self.declare(names)

    def declare(self, names: "Iterable[str]") -> None:
        """Name params and flags that the author declared secret.

        Their values, once seen, are taken out of everything that passes later.
        """
        declared = list(names)
        if declared:
            self._redaction().declare(declared)

    def learn(self, values: "Iterable[str]") -> None:
        """Take these values out of everything that passes from now on."""
        self._redaction().learn(list(values))

    def params(self, params: "Mapping[str, Any]") -> "dict[str, Any]":
        """Return `params` as plain JSON values without their secrets."""
        if self._engine is None and all(
            _is_harmless(name) and _is_harmless(value) for name, value in params.items()
        ):
            return dict(params)
        return self._redaction().params(params)

    def argv(self, argv: "Sequence[str]", where: str) -> list[str]:
        """Return command-line arguments without their secrets."""
        if self._engine is None and all(map(_is_harmless, argv)):
            return list(argv)
        return self._redaction().argv(argv, where)

    def text(self, text: str, where: str) -> str:
        """Return free text without its secrets, cut at 131,072 characters."""
        if self._engine is None and _is_harmless(text):
            return text
        return self._redaction().text(text, where)

    def identifier(self, text: str, where: str) -> str:
        """Return an id of the caller's: unchanged, unless it holds a key or a URL's password."""
        return text if _is_harmless(text) else self._redaction().identifier(text, where)

    def _redaction(self) -> "Redaction":
        if self._engine is None:
            from ._redaction import Redaction

            self._engine = Redaction(self.redactions)
        return self._engine


def _is_harmless(value: "Any") -> bool:
    """Tell a value that is plain JSON as it stands, and in which no rule could find a secret."""
    if type(value) is str:
        if len(value) > _MAX_CHARS or not value.isascii():
            return False
        lower = value.lower()
        for mark in _MARKS:  # noqa: SIM110 - `all` would take three times as long
            if mark in lower:
                return False
        return True
    return is_plain(value) or (type(value) is list and all(map(_is_harmless_scalar, value)))


def _is_harmless_scalar(value: "Any") -> bool:
    return type(value) is not list and _is_harmless(value)
