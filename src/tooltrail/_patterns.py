"""The patterns of secrets in free text. They need `re`, so they are imported where one may match.

Each is linear: a repeat is bounded, possessive, or cannot meet what follows it. What is found
is handed over with the rule that found it, and is the secret alone: no `Bearer`, no quotes.
"""

import re

from ._names import is_plain_choice, is_secret_name
from ._wire import REDACTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Took = Callable[[str, str], str]  # notes the rule and the secret, returns `[REDACTED]`
    Replace = Callable[[re.Match[str]], str]
    # How sure a name makes it that its value is a secret: NO, WEAK, SURE.
    Judge = Callable[[str], int]

NO, WEAK, SURE = 0, 1, 2

# A key may stand after an escape (`%20`, and `\n` where text was quoted), but not within a word.
_KEY_START = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrt]))"
_FORMATS = (
    _KEY_START + r"(?:"
    r"eyJ[A-Za-z0-9_-]{5,1000}\.[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+)?"  # JWT
    r"|ops_eyJ[A-Za-z0-9+/=_-]{40,}+"  # 1Password
    r"|gh[pousr]_[A-Za-z0-9]{20,}+|github_pat_[A-Za-z0-9_]{20,}+"
    r"|gl(?:pat|rt|dt|ptt|cbt|soat|oas|agent)-[A-Za-z0-9_-]{16,}+"  # GitLab
    r"|dckr_[op]at_[A-Za-z0-9_-]{16,}+"
    r"|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{1,200}+"
    r"|discord(?:app)?\.com/api/webhooks/[0-9]{8,24}/[A-Za-z0-9_-]{20,}+"
    r"|SG\.[A-Za-z0-9_-]{16,100}\.[A-Za-z0-9_-]{16,}+"  # SendGrid
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_-]{30,}+|GOCSPX-[A-Za-z0-9_-]{16,}+|ya29\.[A-Za-z0-9_-]{20,}+"  # Google
    r"|xox[abeoprs]-[A-Za-z0-9-]{8,}+|xapp-[0-9]-[A-Za-z0-9-]{16,}+"  # Slack
    r"|sk-(?=[A-Za-z_-]{0,200}[0-9])[A-Za-z0-9_-]{16,}+"  # OpenAI, Anthropic
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{16,}+"  # Stripe
    r"|pypi-[A-Za-z0-9_-]{30,}+|npm_[A-Za-z0-9]{30,}+|hf_[A-Za-z0-9]{20,}+"
    r"|rubygems_[0-9a-f]{32,}+|do[opr]_v1_[0-9a-f]{32,}+|dapi[0-9a-f]{32}(?![A-Za-z0-9])"
    r"|hv[sbr]\.[A-Za-z0-9_-]{20,}+|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{32,}+"  # HashiCorp
    r"|lin_api_[A-Za-z0-9]{32,}+|ntn_[A-Za-z0-9]{32,}+|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"
    r"|PMAK-[A-Fa-f0-9-]{32,}+|glsa_[A-Za-z0-9_]{32,}+|glc_[A-Za-z0-9+/=]{32,}+"
    r"|gsk_[A-Za-z0-9]{32,}+|xai-[A-Za-z0-9]{40,}+|pplx-[A-Za-z0-9]{32,}+"
    r"|sntrys_[A-Za-z0-9+/=_]{32,}+|pscale_(?:pw|tkn|oauth)_[A-Za-z0-9_.=-]{20,}+"
    r"|ATATT3x[A-Za-z0-9_=-]{40,}+|AGE-SECRET-KEY-1[A-Z0-9]{40,}+"
    r"|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,36}(?![A-Za-z0-9_-])"  # Telegram
    r")"
)
_PEM = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM_END = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
# The rest of a line; where a quote opened before the header, up to the quote that closes it.
_UNQUOTED = r"(?:[^\r\n\"'\\]|\\\\|\\(?![\"']))"
_HEADERS = r"((?:proxy-)?authorization|(?:set-)?cookie)"
_HEADER_LINE = (
    r"(?im)^((?:[<>*] )?" + _HEADERS + r"\s{0,8}:(?!\s{0,8}[\"']?\[REDACTED\])[ \t]{0,8})"
    r"(?![\s\"'])([^\r\n]+)"
)
_HEADER = (
    r"(?i)(?:(?<![A-Za-z0-9])|(?<=-H)|(?<=\\[nrt]))(" + _HEADERS + r"\\?[\"']?\s{0,8}[:=]"
    r"(?!\s{0,8}\\?[\"']?\[REDACTED\])\s{0,8}\\?[\"']?)(" + _UNQUOTED + r"++)"
)
_SCHEME = (
    r"(?<![A-Za-z0-9])((?:[Bb]earer|BEARER|Basic)\s{1,8})"
    r"((?=[A-Za-z._~+/-]{0,40}[0-9=]|[A-Za-z._~+/-]{24})[A-Za-z0-9._~+/=-]{8,}+)"
)
_SCHEME_OF_VALUE = re.compile(r"(?i)(?:bearer|basic|token|digest|negotiate|apikey|aws4\S{0,20})\s+")
_USERINFO = r"(://)([^\s/?#@:\"'<>]{0,512})(?:@|:([^\s/?#\"'<>]*)@)(?!sha256:)"
# A password with characters that a URL should have escaped. What follows the colon is no port.
_LAX_USERINFO = (
    r"(://)(?!\[)([^\s/?#@:\"'<>]{1,128}):(?!\[REDACTED\]|[0-9]{1,5}(?:[/?#\s\"'<>]|$))"
    r"((?:(?!://)[^\s\"'<>]){1,256}(?: (?:(?!://)[^\s\"'<>]){1,64}){0,3})"
    r"@(?=[A-Za-z0-9\[])(?!sha256:)"
)
# A name and what assigns to it. Its value is looked at only where the name is a secret's: the
# value of one that is none (`--env=`, `https:`) is searched in its turn.
_NAMED = (
    r"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]{2,64})"
    r"(\\?[\"']?\]?\s{0,3}(?::=|=>|=(?!=)|:)(?!\s{0,3}(?:\\?[\"'])?\[REDACTED\])\s{0,3})"
)
_OPTION = (
    r"(?<![A-Za-z0-9_.-])--?([A-Za-z][A-Za-z0-9_-]{1,63})"
    r"([ \t]{1,3}|\\?[\"'],\s{0,3}(?=\\?[\"']))(?![\s-]|(?:\\?[\"'])?\[REDACTED\])"
)
_ELEMENT = (
    r"(<([A-Za-z_][A-Za-z0-9_.:-]{0,63})(?:\s[^<>]{0,256})?>\s{0,64})"
    r"(?!\[REDACTED\])([^<>]++)(?=</)"
)
# `{"name": "DB_PASSWORD", "value": "x"}`, the same in YAML, and `<add key="..." value="..."/>`
_PAIR = (
    r"(?i)(?<![A-Za-z0-9])(?:name|key)\\?[\"']?\s{0,3}[:=]\s{0,3}(?:\\?[\"'])?"
    r"([A-Za-z0-9_.-]{2,64})(\\?[\"']?[,;]?\s{1,40}|\\?[\"']?,)"
    r"(?:\\?[\"'])?value\\?[\"']?\s{0,3}[:=]\s{0,3}(?!(?:\\?[\"'])?\[REDACTED\])"
)
# SQL, netrc, prose: the password after a blank.
_SPOKEN = (
    r"(?i)(?<![A-Za-z0-9])(?:(?:pass(?:word|wd|phrase)|identified(?: with [a-z0-9_]{1,40})? by)"
    r"\s{1,4}(?=\\?[\"'])|machine\s{1,8}\S{1,128}\s{1,8}login\s{1,8}\S{1,128}\s{1,8}password\s{1,8})"
    r"(?!(?:\\?[\"'])?\[REDACTED\])"
)
_BARE = r"(?:[^\s&;,\"'\])}<>\\]|\\\\|\\(?![\"']))++"
_SEGMENT = r"(?:[^\s;\"'\\]|\\\\|\\(?![\"']))++"  # of a connection string: up to the semicolon
_QUOTED = (
    r"(\\\")((?:[^\"\\]|\\[^\"])*+)(\\\")?|(\")((?:[^\"\\]|\\.)*+)(\")?|(')((?:[^'\\]|\\.)*+)(')?"
)
_CALL = r"[A-Za-z_][A-Za-z0-9_.]*[(\[](?:[a-z_][A-Za-z_.]*)?"
_REFERENCE = (
    r"\$(?:[A-Z_][A-Z0-9_]*|([a-z_]+)|\{[A-Za-z_][A-Za-z0-9_]*\}?|\([^)]*\)?|\{\{.*)"
    r"|%[A-Z_]+%|\{\{.*\}\}"
)
_PLAIN_NAME = r"[A-Z][A-Z0-9_]*|[a-z_./:-]+"
_NOTHING = frozenset(["null", "None", "true", "false", "True", "False", "nil", "undefined", ""])
_MIN_TOKEN_AS_USER = 20  # https://TOKEN@host: shorter is a user name
_MIN_STRONG = 16  # characters of a value that is a key, whatever is before it
_MAX_LOOKED_AT = 512  # characters of a value that may turn out to be none
_TOKENS = re.compile(r"\\?[\"']?([A-Za-z0-9._~+/=-]{16,})")
SCHEMES = frozenset(["bearer", "basic", "token", "digest", "negotiate", "apikey"])


def search(text: str, took: "Took", judge: "Judge | None", has_key: bool) -> str:
    """Return `text` without what the patterns match.

    `judge` judges the names of assignments and options; without it they are left alone.
    `has_key` says that one of the marks of key formats is in the text.
    """
    lower = text.lower()
    if "-----begin" in lower:
        text = _without_pem(text, took)
    if "://" in lower:
        text = _USERINFOS.regex.sub(lambda match: _userinfo(took, match), text)
        text = _LAX_USERINFOS.regex.sub(lambda match: _lax_userinfo(took, match), text)
    if judge is not None and ("authorization" in lower or "cookie" in lower):
        line, found = _HEADER_LINES.regex.subn(lambda match: _header(took, match), text)
        if found and line != text and "\n" not in text and "\r" not in text:
            return line  # a header alone, and nothing is left of its value
        text = line
        text = _HEADER_ANYWHERE.regex.sub(lambda match: _header(took, match), text)
    if judge is not None and ("bearer" in lower or "basic" in lower):
        text = _SCHEMES.regex.sub(lambda match: match[1] + took("header", match[2]), text)
    if has_key:
        text = _KEYS.regex.sub(lambda match: took("format", match[0]), text)
    return text if judge is None else _search_named(text, lower, took, judge)


def _search_named(text: str, lower: str, took: "Took", judge: "Judge") -> str:
    if "<" in lower:
        text = _ELEMENTS.regex.sub(lambda match: _element(took, judge, match), text)
    if "value" in lower:
        text = _Assigned(text, took, judge).replace(_PAIRS)
    if "=" in lower or ":" in lower:
        text = _Assigned(text, took, judge).replace(_NAMES)
    if "-" in lower:
        text = _Assigned(text, took, lambda name: SURE if judge(name) else NO).replace(_OPTIONS)
    if "passw" in lower or "passphrase" in lower or "identified" in lower:
        text = _Assigned(text, took, lambda _: SURE).replace(_SPOKENS)
    return text


def _without_pem(text: str, took: "Took") -> str:
    """Take out private keys up to their end, or to the quote or the text's end before it."""
    parts = []
    done = 0
    while match := _PEM_BEGINS.regex.search(text, done):
        stop = _PEM_STOPS.regex.search(text, match.end())
        limit = len(text) if stop is None else stop.start()
        end = _PEM_ENDS.regex.search(text, match.end(), limit)
        until = limit if end is None else end.end()
        parts += [text[done : match.start()], took("format", text[match.start() : until])]
        done = until
    return "".join(parts) + text[done:] if parts else text


def _userinfo(took: "Took", match: "re.Match[str]") -> str:
    user, password = match[2], match[3]
    if password not in (None, "", REDACTED, "x-oauth-basic"):
        return f"://{user}:{took('url', _unescaped(password))}@"
    if len(user) >= _MIN_TOKEN_AS_USER:
        after = "" if password is None else f":{password}"
        return f"://{took('url', _unescaped(user))}{after}@"
    return match[0]


def _lax_userinfo(took: "Took", match: "re.Match[str]") -> str:
    if "@" in match[2] or REDACTED in match[3]:
        return match[0]
    return f"://{match[2]}:{took('url', _unescaped(match[3]))}@"


def _unescaped(text: str) -> str:
    """Return what `%41` and its like stand for: a secret is the same in a URL and out of it."""
    if "%" not in text:
        return text
    raw = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda match: bytes.fromhex(match[1].decode()), text.encode()
    )
    return raw.decode("utf-8", "replace")


def _header(took: "Took", match: "re.Match[str]") -> str:
    value = match[3].rstrip()
    scheme = _SCHEME_OF_VALUE.match(value)
    secret = value[scheme.end() :] if scheme else value
    if secret in ("", REDACTED) or _is_reference(secret):
        return match[0] if secret != REDACTED else match[1] + REDACTED
    return match[1] + took("header", secret)


def _element(took: "Took", judge: "Judge", match: "re.Match[str]") -> str:
    if judge(match[2].rpartition(":")[2]) == NO or match[3].strip() in _NOTHING:
        return match[0]
    return match[1] + took("name", match[3].strip())


# How the system's and parsers' messages begin, behind the name of a file or an option.
_BEGIN_A_MESSAGE = (
    " bad broken cannot connection could device disk empty expected file host input/output invalid"
    " is malformed missing must network no not operation permission read-only required resource"
    " stale text too unable unexpected unknown "
)


class _Assigned:
    """One pass over a text for names and what is assigned to them."""

    def __init__(self, text: str, took: "Took", judge: "Judge") -> None:
        self._text = text
        self._took = took
        self._judge = judge
        self._unclosed = 0

    def replace(self, pattern: "_Late") -> str:
        """Return the text without the values of secret names that `pattern` finds."""
        text = self._text
        parts: list[str] = []
        done = at = 0
        while match := pattern.regex.search(text, at):
            at = match.end()
            name = self._name(match)
            sure = self._sure(match, name)
            if sure == NO or text.startswith("//", at):
                continue
            start, end, bare = self._value(match, at)
            if bare and self._is_call(start, end):
                bare, (start, end) = False, self._literal(end)
            value = text[start:end]
            if not self._is_secret(name, value) or (bare and self._is_message(at, end, value)):
                continue
            mark = self._mark(match) if bare else ""
            parts += [text[done:start], mark, self._took("name", value), mark]
            done = at = max(end, at)
        return "".join(parts) + text[done:] if parts else text

    def _sure(self, match: "re.Match[str]", name: str) -> int:
        """Tell how sure it is that a secret follows; after a weak name, by what follows."""
        sure = self._judge(name)
        if sure == NO and name == "code":  # OAuth's, of a URL; any other is an exit code
            sure = WEAK if self._text[match.start() - 1 : match.start()] in ("?", "&") else NO
        if sure != WEAK:
            return sure
        head = _TOKENS.match(self._text, match.end(), match.end() + _MAX_LOOKED_AT)
        return SURE if head is not None and is_strong(head[1]) else NO

    def _name(self, match: "re.Match[str]") -> str:
        """Return the name, without the n of a `\\n` that stands before it in quoted text."""
        name = match[1] if match.re.groups else ""
        escaped = match.start() > 0 and self._text[match.start() - 1] == "\\"
        return name[1:] if escaped and name[:1] in ("n", "r", "t") else name

    def _value(self, match: "re.Match[str]", at: int) -> tuple[int, int, bool]:
        """Return where the value starts and ends, and whether no quotes are around it."""
        text = self._text
        quoted = _QUOTES.regex.match(text, at)
        if quoted is not None:
            content = next(n for n in (2, 5, 8) if quoted[n] is not None)
            return quoted.start(content), quoted.end(content), False
        if text[at : at + 1] in ("{", "["):
            return at, self._end_of_brackets(at), True
        in_segments = text[match.start() - 1 : match.start()] == ";"
        bare = (_SEGMENTS if in_segments else _BARES).regex.match(text, at)
        return (at, at, True) if bare is None else (at, bare.end(), True)

    def _is_call(self, start: int, end: int) -> bool:
        """Tell `get_token()` and `os.environ["TOKEN"]` from a value."""
        after = self._text[end : end + 2].lstrip("\\")[:1]
        return after in (")", "]", '"', "'") and bool(
            _CALLS.regex.fullmatch(self._text, start, end)
        )

    def _is_message(self, start: int, end: int, value: str) -> bool:
        """Tell `signing.key: No such file or directory` from a value."""
        return (
            f" {value.lower()} " in _BEGIN_A_MESSAGE
            and self._text[start - 2 : start] == ": "
            and self._text[end : end + 1] == " "
            and self._text[end + 1 : end + 2].isalpha()
        )

    def _literal(self, at: int) -> tuple[int, int]:
        """Return where the text is that a call is given, unless that is a mere name."""
        quoted = _QUOTES.regex.match(self._text, at)
        if quoted is None:
            return at, at
        content = next(n for n in (2, 5, 8) if quoted[n] is not None)
        start, end = quoted.span(content)
        return (at, at) if _PLAIN_NAMES.regex.fullmatch(self._text, start, end) else (start, end)

    def _is_secret(self, name: str, value: str) -> bool:
        if value in _NOTHING or value == REDACTED or value.lower() in SCHEMES:
            return False
        if len(value) > _MAX_LOOKED_AT:
            return True
        return not (set(value) == {"*"} or _is_reference(value) or is_plain_choice(name, value))

    def _mark(self, match: "re.Match[str]") -> str:
        """Return the quotes that a value needs where its name had some: JSON stays JSON."""
        between = match[2] if match.re is _NAMES.regex else ""
        return next((mark for mark in ('\\"', '"', "'") if between.startswith(mark)), "")

    def _end_of_brackets(self, start: int) -> int:
        """Return where the bracket that opens at `start` is closed, or else the end of the line."""
        text = self._text
        line = text.find("\n", start)
        rest = len(text) if line < 0 else line
        depth = 0
        if self._unclosed >= _MAX_UNCLOSED:
            return rest
        for match in _BRACKETS.regex.finditer(text, start, start + _MAX_BRACKETS):
            if match[0] in ("{", "["):
                depth += 1
            elif match[0] in ("}", "]"):
                depth -= 1
                if depth == 0:
                    return match.end()
        self._unclosed += 1
        return rest


def is_strong(value: str) -> bool:
    """Tell a value that looks like a key by itself: long, with letters and digits."""
    return (
        len(value) >= _MIN_STRONG
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not value.startswith(("/", "./", "~"))
    )


def _is_reference(value: str) -> bool:
    """Tell `$TOKEN`, `${TOKEN}` and `{{ token }}` from a value. `$ecret` is none."""
    found = _REFERENCES.regex.fullmatch(value)
    return found is not None and (found[1] is None or is_secret_name(found[1]))


_MAX_BRACKETS = 4096  # characters within which a bracket is looked for
_MAX_UNCLOSED = 8  # after so many without an end, it is no longer looked for


class _Late:
    """A pattern that is compiled when it is first used: most calls need two or three of them."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern = pattern
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    @property
    def regex(self) -> "re.Pattern[str]":
        """The compiled pattern."""
        if self._compiled is None:
            self._compiled = re.compile(self._pattern, self._flags)
        return self._compiled


_USERINFOS = _Late(_USERINFO)
_LAX_USERINFOS = _Late(_LAX_USERINFO)
_HEADER_LINES = _Late(_HEADER_LINE)
_HEADER_ANYWHERE = _Late(_HEADER)
_SCHEMES = _Late(_SCHEME)
_KEYS = _Late(_FORMATS)
_PEM_BEGINS = _Late(_PEM)
_PEM_ENDS = _Late(_PEM_END)
_PEM_STOPS = _Late(r"\\?[\"'<>]")
_ELEMENTS = _Late(_ELEMENT)
_PAIRS = _Late(_PAIR)
_NAMES = _Late(_NAMED)
_OPTIONS = _Late(_OPTION)
_SPOKENS = _Late(_SPOKEN)
_BARES = _Late(_BARE)
_SEGMENTS = _Late(_SEGMENT)
_QUOTES = _Late(_QUOTED, re.DOTALL)
_CALLS = _Late(_CALL)
_REFERENCES = _Late(_REFERENCE, re.DOTALL)
_PLAIN_NAMES = _Late(_PLAIN_NAME)
_BRACKETS = _Late(r"\"(?:[^\"\\]|\\.)*+\"|[{}\[\]]", re.DOTALL)
