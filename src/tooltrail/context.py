"""Who is calling: trace id, parent call and operator, from the caller's environment.

Everything here is a claim of the caller. What the recorder sees for itself
(pid, user, host) is in `_host.process_facts`, and the two never share an object.
"""

from ._encode import sha256
from ._host import trace_id as new_trace_id
from ._wire import (
    AGENT_VARIABLES,
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
    from typing import TypeGuard

    from ._claims import Agent, Traceparent

_HEX = frozenset("0123456789abcdef")
_BYTE_CLAIMS = frozenset([name.encode("ascii") for name in (TRACEPARENT, *AGENT_VARIABLES)])
_REQUEST_ID_CHARS = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-")


class Context:
    """Who is calling: ids, operator, agent, and a warning for each claim that was unusable."""

    __slots__ = (
        "agent",
        "claims",
        "meta_file",
        "operator",
        "operator_source",
        "parent_request_id",
        "redacted",
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
        self.claims: dict[str, str] = {}  # what else a teller says of the call
        self.traceparent: Traceparent | None = None
        self.meta_file: str | None = None
        self.redacted: Callable[[str, str], str] = lambda text, _: text
        self.warnings: list[dict[str, str]] = []

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
        claims.update(self.claims)
        return claims


def from_environment(
    tool: str,
    environment: "Mapping[str, str]",
    *,
    user: str | None,
    trace_id: str | None = None,
    operator: str | None = None,
    redacted: "Callable[[str, str], str]" = lambda text, _: text,
) -> Context:
    """Read who is calling `tool`, from variables and from what was given on the command line.

    The trace id is the first that is set: `trace_id` (an option), `<TOOL>_TRACE_ID`,
    `TOOL_TRACE_ID`, the trace id of a valid `TRACEPARENT`, a known agent's session; it is
    otherwise generated. The operator is `operator`, `TOOL_OPERATOR`, the agent, or `user`.
    An id that is not at most 256 characters of printable text is escaped, with a warning.
    `redacted` takes keys out of an id, of the field that it is given.
    """
    context = Context()
    context.redacted = redacted
    _read_claims(context, environment)
    context.meta_file = environment.get(TOOL_META_FILE) or None
    if context.agent is not None and context.agent.session:
        raw = environment.get(context.agent.source, "")
        context.agent.session = _accept(raw, context, "caller.session")
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
    context.trace_id = _accept(found, context, "trace_id") if found else new_trace_id()
    _read_parent(context, environment.get(TOOL_PARENT_REQUEST_ID))
    _read_operator(context, operator, environment.get(TOOL_OPERATOR), user)
    return context


def _read_claims(context: Context, environment: "Mapping[str, str]") -> None:
    """Read the caller's agent and `traceparent`, where there are any."""
    # The bytes below `os.environ`, as in `settings`: each look-up through it takes a microsecond.
    raw = getattr(environment, "_data", None)
    if type(raw) is dict and _BYTE_CLAIMS.isdisjoint(raw):
        return
    if TRACEPARENT not in environment and not any(map(environment.__contains__, AGENT_VARIABLES)):
        return
    from ._claims import find_agent, parse_traceparent

    context.traceparent = parse_traceparent(environment.get(TRACEPARENT, ""))
    context.agent = find_agent(environment)


def _session_trace(agent: "Agent | None") -> "tuple[str, str | None]":
    if agent is None or not agent.session:
        return "", None
    return agent.source, agent.identity


def _read_parent(context: Context, claimed: str | None) -> None:
    if not claimed:
        return
    if is_request_id(claimed):
        context.parent_request_id = claimed
    else:
        _warn(context, "PARENT_IGNORED", f"{TOOL_PARENT_REQUEST_ID} is not a request id")


def is_request_id(claimed: object) -> "TypeGuard[str]":
    """Tell whether what somebody else gave for the id of a call may be one."""
    return (
        isinstance(claimed, str)
        and 0 < len(claimed) <= MAX_ID_CHARS
        and _REQUEST_ID_CHARS.issuperset(claimed)
    )


def _read_operator(
    context: Context, option: str | None, variable: str | None, user: str | None
) -> None:
    if option or variable:
        context.operator_source = "--operator" if option else TOOL_OPERATOR
        context.operator = _accept(option or variable or "", context, "operator")
    elif context.agent is not None:
        context.operator_source, context.operator = context.agent.source, context.agent.identity
    else:
        context.operator_source, context.operator = "user", user


def _accept(raw: str, context: Context, field: str) -> str:
    """Return an id of the caller's as it may be kept; say so where that is not as it came."""
    text = context.redacted(raw, field)
    if text != raw:
        _warn(context, "ID_REDACTED", "an id that the caller gave holds a key: it is not kept")
    if len(text) <= MAX_ID_CHARS and text.isprintable():
        return text
    from ._claims import clean_id

    _warn(
        context,
        "ID_ESCAPED",
        f"an id of {len(raw)} characters was not printable text of at most"
        f" {MAX_ID_CHARS} characters; it is recorded in escaped form",
    )
    return clean_id(text)


def as_recorded(text: str) -> str:
    """Return an id as it stands in records: one that is too long, or not printable, is escaped."""
    if len(text) <= MAX_ID_CHARS and text.isprintable():
        return text
    from ._claims import clean_id

    return clean_id(text)


def _warn(context: Context, code: str, message: str) -> None:
    context.warnings.append({"code": code, "message": message})


def environment_name(tool: str) -> str:
    """Return a tool's name as the start of a variable's: `deploy-ctl` gives `DEPLOY_CTL`.

    The rule is that of OpenTelemetry's environment carriers: ASCII upper case, any other
    character an underscore, and an underscore before a leading digit.
    """
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in tool.upper())
    return "_" + name if not name or name[0].isdigit() else name


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
