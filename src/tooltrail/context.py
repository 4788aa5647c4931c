"""Who is calling: trace id, parent call and operator, from the caller's environment.

Everything here is a claim of the caller. What the recorder sees for itself
(pid, user, host) is in `facts.process_facts`, and the two never share an object.
"""

from ._encode import sha256
from ._host import trace_id as new_trace_id
from ._wire import (
    GIT_TRACE2_PARENT_SID,
    MAX_ID_CHARS,
    TOOL_META_FILE,
    TOOL_OPERATOR,
    TOOL_PARENT_REQUEST_ID,
    TOOL_TRACE_ID,
    TRACEPARENT,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A variable that holds a coding agent's session -> the agent. Each trace is
# then "<agent>-<session>": all calls of a session belong together.
_SESSION_VARIABLES = (
    ("CLAUDE_CODE_SESSION_ID", "claude-code"),
    ("CODEX_THREAD_ID", "codex"),
    ("COPILOT_AGENT_SESSION_ID", "copilot-cli"),
)
# Variables that name the agent, by a common convention, in this order.
_NAMING_VARIABLES = ("AI_AGENT", "AGENT")
# Variables whose presence tells the agent, without a session.
_FLAG_VARIABLES = (
    ("CLAUDECODE", "claude-code"),
    ("CODEX_SANDBOX", "codex"),
    ("CODEX_CI", "codex"),
    ("GEMINI_CLI", "gemini-cli"),
    ("CURSOR_AGENT", "cursor"),
    ("CURSOR_TRACE_ID", "cursor"),
    ("OPENCODE", "opencode"),
    ("COPILOT_CLI", "copilot-cli"),
    ("CLINE_ACTIVE", "cline"),
    ("AUGMENT_AGENT", "augment"),
)
AGENT_VARIABLES = (
    *(name for name, _ in _SESSION_VARIABLES),
    *_NAMING_VARIABLES,
    *(name for name, _ in _FLAG_VARIABLES),
)

_HEX = frozenset("0123456789abcdef")
_REQUEST_ID_CHARS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-")


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


class Context:
    """Who is calling: ids, operator, agent, and a warning for each claim that was unusable."""

    __slots__ = (
        "agent",
        "meta_file",
        "operator",
        "operator_source",
        "parent_request_id",
        "trace_id",
        "trace_source",
        "traceparent",
        "warnings",
    )

    def __init__(self) -> None:
        self.trace_id = ""
        self.trace_source = ""
        self.parent_request_id: str | None = None
        self.operator: str | None = None
        self.operator_source = ""
        self.agent: Agent | None = None
        self.traceparent: Traceparent | None = None
        self.meta_file: str | None = None
        self.warnings: list[dict[str, str]] = []

    def redact(self, redacted: "Callable[[str, str], str]") -> None:
        """Take keys out of what the caller calls itself; `redacted` gets a text and its field."""
        named = (self.trace_id, self.operator, self.agent and self.agent.session)
        self.trace_id = redacted(self.trace_id, "trace_id")
        if self.operator:
            self.operator = redacted(self.operator, "operator")
        if self.agent is not None and self.agent.session:
            self.agent.session = redacted(self.agent.session, "caller.session")
        if named != (self.trace_id, self.operator, self.agent and self.agent.session):
            _warn(self, "ID_REDACTED", "an id that the caller gave holds a key: it is not kept")

    def caller(self) -> dict[str, str]:
        """Return what the caller claims of itself, as the entry keeps it."""
        claims: dict[str, str] = {}
        if self.agent is not None:
            claims["agent"] = self.agent.name
            if self.agent.version:
                claims["agent_version"] = self.agent.version
            if self.agent.session:
                claims["session"] = self.agent.session
            claims["source"] = self.agent.source
        if self.traceparent is not None:
            claims["traceparent"] = self.traceparent.text
        return claims


def from_environment(
    tool: str,
    environment: "Mapping[str, str]",
    *,
    user: str | None,
    trace_id: str | None = None,
    operator: str | None = None,
) -> Context:
    """Read who is calling `tool`, from variables and from what was given on the command line.

    The trace id is the first that is set: `trace_id` (an option), `<TOOL>_TRACE_ID`,
    `TOOL_TRACE_ID`, the trace id of a valid `TRACEPARENT`, a known agent's session; it is
    otherwise generated. The operator is `operator`, `TOOL_OPERATOR`, the agent, or `user`.
    An id that is not at most 256 characters of printable text is escaped, with a warning.
    """
    context = Context()
    context.traceparent = parse_traceparent(environment.get(TRACEPARENT, ""))
    context.agent = find_agent(environment)
    context.meta_file = environment.get(TOOL_META_FILE) or None
    if context.agent is not None and context.agent.session:
        _accept(environment.get(context.agent.source, ""), context)  # for its warning
    own_variable = environment_name(tool) + "_TRACE_ID"
    candidates = (
        ("--trace-id", trace_id),
        (own_variable, environment.get(own_variable)),
        (TOOL_TRACE_ID, environment.get(TOOL_TRACE_ID)),
        (TRACEPARENT, context.traceparent and context.traceparent.trace_id),
        _session_trace(context.agent),
    )
    context.trace_source, found = next(
        ((source, value) for source, value in candidates if value), ("generated", None)
    )
    context.trace_id = _accept(found, context) if found else new_trace_id()
    _read_parent(context, environment.get(TOOL_PARENT_REQUEST_ID))
    _read_operator(context, operator, environment.get(TOOL_OPERATOR), user)
    return context


def _session_trace(agent: Agent | None) -> "tuple[str, str | None]":
    if agent is None or not agent.session:
        return "", None
    return agent.source, agent.identity


def _read_parent(context: Context, claimed: str | None) -> None:
    if not claimed:
        return
    if len(claimed) <= MAX_ID_CHARS and _REQUEST_ID_CHARS.issuperset(claimed):
        context.parent_request_id = claimed
    else:
        _warn(context, "PARENT_IGNORED", f"{TOOL_PARENT_REQUEST_ID} is not a request id")


def _read_operator(
    context: Context, option: str | None, variable: str | None, user: str | None
) -> None:
    if option or variable:
        context.operator_source = "--operator" if option else TOOL_OPERATOR
        context.operator = _accept(option or variable or "", context)
    elif context.agent is not None:
        context.operator_source, context.operator = context.agent.source, context.agent.identity
    else:
        context.operator_source, context.operator = "user", user


def _accept(raw: str, context: Context) -> str:
    text = clean_id(raw)
    if text != raw:
        _warn(
            context,
            "ID_ESCAPED",
            f"an id of {len(raw)} characters was not printable text of at most"
            f" {MAX_ID_CHARS} characters; it is recorded as {text}",
        )
    return text


def _warn(context: Context, code: str, message: str) -> None:
    context.warnings.append({"code": code, "message": message})


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


def environment_name(tool: str) -> str:
    """Return a tool's name as the start of a variable's: `deploy-ctl` gives `DEPLOY_CTL`.

    The rule is that of OpenTelemetry's environment carriers: ASCII upper case, any other
    character an underscore, and an underscore before a leading digit.
    """
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in tool.upper())
    return "_" + name if not name or name[0].isdigit() else name


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
    for variable, name in _SESSION_VARIABLES:
        session = environment.get(variable)
        if session:
            version = named.version if named and named.name == name else None
            return Agent(name, variable, clean_id(session), version)
    if named is not None:
        return named
    for variable, name in _FLAG_VARIABLES:
        if environment.get(variable):
            return Agent(name, variable)
    return None


def _named_agent(environment: "Mapping[str, str]") -> Agent | None:
    """Read `AI_AGENT=claude-code_2.1.0_cli` or `AGENT=goose@1.2.3`."""
    for variable in _NAMING_VARIABLES:
        value = environment.get(variable)
        if not value:
            continue
        name, _, rest = clean_id(value).replace("@", "_", 1).partition("_")
        if not name:
            continue
        return Agent(name, variable, version=rest.partition("_")[0] or None)
    return None


def for_children(
    context: Context, request_id: str, environment: "Mapping[str, str]"
) -> dict[str, str]:
    """Return the variables by which the processes that this call starts find it."""
    inherited = environment.get(GIT_TRACE2_PARENT_SID)
    return {
        TOOL_TRACE_ID: context.trace_id,
        TOOL_PARENT_REQUEST_ID: request_id,
        TRACEPARENT: child_traceparent(context, request_id),
        GIT_TRACE2_PARENT_SID: f"{inherited}/{request_id}" if inherited else request_id,
    }


def child_traceparent(context: Context, request_id: str) -> str:
    """Return the W3C `traceparent` of this call, for its children.

    The trace id is the one that came in, where one did; else it is derived from the caller's
    own id (`w3c_trace_id`). The span id is the first eight bytes of SHA-256 of `request_id`.
    """
    inbound = context.traceparent
    trace_id = inbound.trace_id if inbound else w3c_trace_id(context.trace_id)
    flags = int(inbound.flags, 16) & 3 if inbound else 1  # version 00 has no others
    return f"00-{trace_id}-{w3c_span_id(request_id)}-{flags:02x}"


def w3c_trace_id(trace_id: str) -> str:
    """Derive the 32 hex digits that stand for a free-form trace id.

    32 hex digits and UUIDs stand for themselves; of anything else the first 16 bytes of
    SHA-256 are taken, as Langfuse's `create_trace_id` does.
    """
    bare = trace_id.lower()
    if len(bare) == 36 and bare[8] == bare[13] == bare[18] == bare[23] == "-":
        bare = bare.replace("-", "")
    if len(bare) == 32 and _HEX.issuperset(bare) and bare.strip("0"):
        return bare
    return sha256(trace_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def w3c_span_id(request_id: str) -> str:
    """Derive the 16 hex digits that stand for a call: the start of SHA-256 of its request id."""
    return sha256(request_id.encode("utf-8", "surrogatepass")).hexdigest()[:16]
