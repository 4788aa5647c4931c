"""Read what a caller claims of itself: its coding agent, a `traceparent`, ids that need escaping.

Imported where the environment claims any of it.
"""

from ._encode import sha256
from ._wire import (
    AGENT_FLAG_VARIABLES,
    AGENT_NAMING_VARIABLES,
    AGENT_SESSION_VARIABLES,
    MAX_ID_CHARS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_HEX = frozenset("0123456789abcdef")


class Traceparent:
    """A valid W3C `traceparent`: trace id, the caller's span id, and the flags."""

    __slots__ = ("flags", "span_id", "text", "trace_id")

    def __init__(self, text: str, trace_id: str, span_id: str, flags: str) -> None:
        self.text = text
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags


class Agent:
    """The coding agent that the environment tells of, and the variable that told."""

    __slots__ = ("name", "session", "source", "version")

    def __init__(
        self, name: str, source: str, session: str | None = None, version: str | None = None
    ) -> None:
        self.name = name
        self.source = source
        self.session = session
        self.version = version

    @property
    def identity(self) -> str:
        """`<agent>-<session>`, or the agent alone where it tells no session."""
        return clean_id(f"{self.name}-{self.session}") if self.session else self.name


def parse_traceparent(text: str) -> Traceparent | None:
    """Read a `traceparent`, or return None where it is not valid (W3C Trace Context, 3.2)."""
    parts = text.split("-")
    if len(text) > MAX_ID_CHARS or len(parts) < 4 or (parts[0] == "00" and len(parts) != 4):
        return None
    version, trace_id, span_id, flags = parts[:4]
    sizes = (2, 32, 16, 2)
    if any(
        len(part) != size or not _HEX.issuperset(part)
        for part, size in zip(parts, sizes, strict=False)
    ):
        return None
    if version == "ff" or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return Traceparent("-".join(parts[:4]), trace_id, span_id, flags)


def find_agent(environment: "Mapping[str, str]") -> Agent | None:
    """Tell which coding agent's shell this is, from the variables that it sets, or None."""
    named = _named_agent(environment)
    for variable, name in AGENT_SESSION_VARIABLES:
        session = environment.get(variable)
        if session:
            version = named.version if named and named.name == name else None
            return Agent(name, variable, clean_id(session), version)
    if named is not None:
        return named
    for variable, name in AGENT_FLAG_VARIABLES:
        if environment.get(variable):
            return Agent(name, variable)
    return None


def _named_agent(environment: "Mapping[str, str]") -> Agent | None:
    """Read `AI_AGENT=claude-code_2.1.0_cli` or `AGENT=goose@1.2.3`."""
    for variable in AGENT_NAMING_VARIABLES:
        value = environment.get(variable)
        if not value:
            continue
        name, _, rest = clean_id(value).replace("@", "_", 1).partition("_")
        if not name:
            continue
        return Agent(name, variable, version=rest.partition("_")[0] or None)
    return None


def clean_id(raw: str) -> str:
    """Return a caller's id as it may be kept: printable, at most 256 characters.

    Characters that do not print become Python's escapes (`\\n`, `\\x1b`, `\\u202e`), bytes that
    are not UTF-8 `\\xNN`. What is then too long is cut, and ends in a digest of the whole, so
    that two long ids stay two.
    """
    if raw.isprintable() and len(raw) <= MAX_ID_CHARS:
        return raw
    digest = sha256(_bytes_of(raw)).hexdigest()[:16]
    text = "".join(map(_visible, raw[:MAX_ID_CHARS]))
    if len(raw) <= MAX_ID_CHARS and len(text) <= MAX_ID_CHARS:
        return text
    ending = f"...sha256:{digest}"
    return text[: MAX_ID_CHARS - len(ending)] + ending


def _bytes_of(text: str) -> bytes:
    """Return the bytes that the environment held; what could not come from there, as it is."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
