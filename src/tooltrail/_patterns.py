"""The patterns of secrets in free text. They need `re`, so they are imported where one may match.

Each is linear: no nested or adjacent open-ended repeats.
"""

import re
from collections.abc import Callable
from functools import partial

from ._wire import REDACTED

_Took = Callable[[str], str]  # notes the rule that matched, and returns `[REDACTED]`
_IsSecret = Callable[[str, bool], bool]  # a name, and whether it stands in free text
_Replace = Callable[[_Took, re.Match[str]], str]

_FORMATS = (
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[A-Za-z0-9_-]{5,1000}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)?"  # JWT
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|glrt-[A-Za-z0-9_-]{16,}|dckr_pat_[A-Za-z0-9_-]{16,}|hooks\.slack\.com/services/[A-Za-z0-9/]+"
    r"|SG\.[A-Za-z0-9_-]{16,100}\.[A-Za-z0-9_-]{16,}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_-]{30,}"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,}"  # Slack
    r"|sk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}"  # Stripe
    r"|pypi-[A-Za-z0-9_-]{30,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,}"
    r")"
)
_PEM = (
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)"
)
_HEADER = (
    r"(?i)(?:(?<![A-Za-z0-9])|(?<=-H))((?:proxy-)?authorization|(?:set-)?cookie)"
    r"(\"?\s{0,8}[:=](?!\s{0,8}\"?\[REDACTED\])\s{0,8}\"?)([^\r\n\"']+)"
)
_SCHEME = (
    r"(?<![A-Za-z0-9])([Bb]earer|BEARER|Basic)(\s{1,8})"
    r"(?=[A-Za-z._~+/-]{0,40}[0-9=]|[A-Za-z._~+/-]{24})[A-Za-z0-9._~+/=-]{8,}"
)
_USERINFO = r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)([^\s/?#@:\"'<>]{0,512})(?:(:)([^\s/?#\"'<>]*))?@"
# A name and what assigns to it. Its value is looked at only where the name is a secret's: the
# value of one that is none (`--env=`, `https:`) is searched in its turn.
_NAMED = (
    r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]{2,64})"
    r"(\\?[\"']?\]?\s{0,3}(?::=|=>|=(?!=)|:)(?!\s{0,3}(?:\\?[\"'])?\[REDACTED\])\s{0,3})"
)
_OPTION = (
    r"(?<![A-Za-z0-9_.-])--?([A-Za-z][A-Za-z0-9_-]{1,63})([ \t]{1,3})"
    r"(?![\s-]|(?:\\?[\"'])?(?:\$|\[REDACTED\]))"
)
_VALUE = (
    r"\\\"(?:[^\"\\]|\\[^\"])*(?:\\\")?|\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?"
    r"|[{\[][^\r\n]*|[^\s&;,\"'\])}<>]+"
)
_MIN_TOKEN_AS_USER = 20  # https://TOKEN@host: shorter is a user name


def search(text: str, took: _Took, is_secret_name: _IsSecret | None) -> str:
    """Return `text` without what the patterns match.

    `is_secret_name` judges the names of assignments and options; without it they are left alone.
    """
    for pattern, replace, finds_keys in _PATTERNS:
        if finds_keys or is_secret_name:
            text = pattern.sub(partial(replace, took), text)
    if is_secret_name is None:
        return text
    text = _search_named(_NAMES, text, took, lambda name: is_secret_name(name, True))
    return _search_named(_OPTIONS, text, took, lambda name: is_secret_name(name, False))


def _search_named(
    pattern: re.Pattern[str], text: str, took: _Took, is_secret: Callable[[str], bool]
) -> str:
    parts = []
    done = at = 0
    while match := pattern.search(text, at):
        at = match.end()
        if not is_secret(match[1]) or text.startswith("//", at):
            continue
        value = _VALUES.match(text, at)
        if value is None:
            continue
        quote = next((mark for mark in ('\\"', '"', "'") if value[0].startswith(mark)), "")
        closed = len(value[0]) > len(quote) and value[0].endswith(quote)
        parts += [text[done:at], quote, took("name"), quote if closed else ""]
        done = at = value.end()
    return "".join(parts) + text[done:] if parts else text


def _whole(rule: str) -> _Replace:
    return lambda took, _: took(rule)


def _value(took: _Took, match: re.Match[str]) -> str:
    return match[1] + match[2] + took("header")


def _redact_userinfo(took: _Took, match: re.Match[str]) -> str:
    scheme, user, colon, password = match.groups()
    if colon and password not in ("", REDACTED):
        return f"{scheme}{user}:{took('url')}@"
    if not colon and len(user) >= _MIN_TOKEN_AS_USER:
        return f"{scheme}{took('url')}@"
    return match[0]


_PATTERNS: list[tuple[re.Pattern[str], _Replace, bool]] = [
    (re.compile(_PEM, re.DOTALL), _whole("format"), True),
    (re.compile(_USERINFO), _redact_userinfo, True),
    (re.compile(_HEADER), _value, False),
    (re.compile(_SCHEME), _value, False),
    (re.compile(_FORMATS), _whole("format"), True),
]
_NAMES = re.compile(_NAMED)
_OPTIONS = re.compile(_OPTION)
_VALUES = re.compile(_VALUE, re.DOTALL)
