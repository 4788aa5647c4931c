"""Who is calling: trace, parent, operator and agent, from what the caller's environment says."""

import string
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, TOOLTRAIL, Home
from strategies import ids, printable_ids
from tooltrail._claims import clean_id, find_agent, parse_traceparent
from tooltrail.context import (
    Context,
    child_traceparent,
    environment_name,
    for_children,
    from_environment,
    w3c_span_id,
    w3c_trace_id,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"

# From the strongest claim to the weakest: variable, value, the trace id that it makes.
SOURCES = [
    ("DEPLOY_CTL_TRACE_ID", "own-1", "own-1"),
    ("TOOL_TRACE_ID", "tool-1", "tool-1"),
    ("TRACEPARENT", PARENT, TRACE),
    ("CLAUDE_CODE_SESSION_ID", "s-1", "claude-code-s-1"),
    ("CODEX_THREAD_ID", "s-2", "codex-s-2"),
    ("COPILOT_AGENT_SESSION_ID", "s-3", "copilot-cli-s-3"),
]


def context(environment: dict[str, str], **given_: Any) -> Context:
    return from_environment("deploy-ctl", environment, user="ada", **given_)


@pytest.mark.parametrize("strongest", range(len(SOURCES)))
def test_the_trace_is_the_first_that_is_set(strongest: int) -> None:
    """Each source wins over all that come after it, and the entry says which it was."""
    variable, _, trace_id = SOURCES[strongest]
    made = context({name: value for name, value, _ in SOURCES[strongest:]})
    assert (made.trace_id, made.trace_source) == (trace_id, variable)
    assert made.warnings == []


def test_an_option_wins_over_every_variable() -> None:
    """What is given on the command line is the strongest claim."""
    everything = {name: value for name, value, _ in SOURCES}
    made = context(everything, trace_id="given")
    assert (made.trace_id, made.trace_source) == ("given", "--trace-id")


def test_without_a_caller_the_trace_is_made() -> None:
    """It is never missing, is a W3C trace id as it stands, and is new each time."""
    first, second = context({}), context({})
    assert first.trace_source == second.trace_source == "generated"
    assert first.trace_id != second.trace_id
    assert w3c_trace_id(first.trace_id) == first.trace_id
    assert set(first.trace_id) <= set(string.hexdigits.lower())


@pytest.mark.parametrize("variable", [name for name, _, _ in SOURCES])
def test_an_empty_variable_is_not_set(variable: str) -> None:
    """Scripts clear variables by emptying them."""
    assert context({variable: ""}).trace_source == "generated"


def test_another_tools_variable_is_not_ours() -> None:
    """Only the variable of this tool's own name counts."""
    assert context({"OTHER_TRACE_ID": "x", "DEPLOYCTL_TRACE_ID": "y"}).trace_source == "generated"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        PARENT[:-1],
        PARENT + "0",
        PARENT + "-extra",
        PARENT + "-",
        PARENT + "\n",
        " " + PARENT,
        PARENT.upper(),
        PARENT.replace(TRACE, TRACE.upper()),
        PARENT.replace(TRACE, "0" * 32),
        PARENT.replace(SPAN, "0" * 16),
        "ff" + PARENT[2:],
        "FF" + PARENT[2:],
        "0" + PARENT[1:] + "-",
        "0g" + PARENT[2:],
        PARENT.replace(TRACE, TRACE[:-1]),
        PARENT.replace(TRACE, TRACE[:-1] + "g"),
        PARENT.replace(TRACE, TRACE[:-1] + "\u0663"),
        PARENT.replace("-", "_"),
        "01" + PARENT[2:] + "extra",
        "01" + PARENT[2:] + "-" + "x" * 300,
    ],
)
def test_an_invalid_traceparent_is_as_good_as_none(text: str) -> None:
    """W3C: what does not parse is not used, and it breaks nothing."""
    assert parse_traceparent(text) is None
    made = context({"TRACEPARENT": text})
    assert made.trace_source == "generated"
    assert "traceparent" not in made.caller()


@pytest.mark.parametrize("version", ["00", "01", "cc", "fe"])
@pytest.mark.parametrize("extra", ["", "-what-comes-later"])
def test_a_traceparent_of_a_later_version_may_say_more(version: str, extra: str) -> None:
    """From version 01 on, fields may follow; the four that are known keep their meaning."""
    text = f"{version}{PARENT[2:]}{extra}"
    found = parse_traceparent(text)
    if version == "00" and extra:
        assert found is None
        return
    assert found is not None
    assert (found.trace_id, found.span_id, found.flags) == (TRACE, SPAN, "01")


def test_a_traceparent_beside_a_trace_of_our_own_is_kept_as_a_claim() -> None:
    """The caller's string stays its string; OpenTelemetry's ids come from TRACEPARENT."""
    made = context({"TOOL_TRACE_ID": "step-7", "TRACEPARENT": PARENT})
    assert made.trace_id == "step-7"
    assert made.caller() == {"traceparent": PARENT}
    assert child_traceparent(made, "req_1").split("-")[1] == TRACE


def test_what_follows_in_a_later_traceparent_is_not_kept_unprintable() -> None:
    """A claim that is kept is printable, like every other."""
    made = context({"TRACEPARENT": f"01{PARENT[2:]}-\x1b[31m\n\u202e"})
    assert all(value.isprintable() for value in made.caller().values())


@pytest.mark.parametrize(
    ("environment", "operator", "source"),
    [
        ({}, "ada", "user"),
        ({"TOOL_OPERATOR": ""}, "ada", "user"),
        ({"TOOL_OPERATOR": "ci"}, "ci", "TOOL_OPERATOR"),
        ({"TOOL_OPERATOR": "ci", "CLAUDECODE": "1"}, "ci", "TOOL_OPERATOR"),
        ({"AI_AGENT": "claude-code_2.1.0_cli"}, "claude-code", "AI_AGENT"),
        ({"AI_AGENT": "goose", "AGENT": "amp"}, "goose", "AI_AGENT"),
        ({"AGENT": "goose@1.2.3"}, "goose", "AGENT"),
        ({"AI_AGENT": "x_1", "CLAUDECODE": "1"}, "x", "AI_AGENT"),
        ({"CLAUDECODE": "1"}, "claude-code", "CLAUDECODE"),
        ({"CODEX_SANDBOX": "seatbelt"}, "codex", "CODEX_SANDBOX"),
        ({"CODEX_CI": "1"}, "codex", "CODEX_CI"),
        ({"GEMINI_CLI": "1"}, "gemini-cli", "GEMINI_CLI"),
        ({"CURSOR_AGENT": "1"}, "cursor", "CURSOR_AGENT"),
        ({"CURSOR_TRACE_ID": "abc"}, "cursor", "CURSOR_TRACE_ID"),
        ({"OPENCODE": "1"}, "opencode", "OPENCODE"),
        ({"COPILOT_CLI": "1"}, "copilot-cli", "COPILOT_CLI"),
        ({"CLINE_ACTIVE": "true"}, "cline", "CLINE_ACTIVE"),
        ({"AUGMENT_AGENT": "1"}, "augment", "AUGMENT_AGENT"),
        (
            {"CLAUDE_CODE_SESSION_ID": "s", "AI_AGENT": "claude-code_2.1.0_cli", "CLAUDECODE": "1"},
            "claude-code-s",
            "CLAUDE_CODE_SESSION_ID",
        ),
        ({"CODEX_THREAD_ID": "t"}, "codex-t", "CODEX_THREAD_ID"),
    ],
)
def test_the_operator_is_the_first_that_is_named(
    environment: dict[str, str], operator: str, source: str
) -> None:
    """TOOL_OPERATOR, then the agent by session, by name or by flag, then the user."""
    made = context(environment)
    assert (made.operator, made.operator_source) == (operator, source)


def test_an_operator_that_is_given_wins() -> None:
    """The command line is stronger than the environment."""
    made = context({"TOOL_OPERATOR": "ci", "CLAUDECODE": "1"}, operator="me")
    assert (made.operator, made.operator_source) == ("me", "--operator")


def test_a_user_without_a_name_is_no_operator() -> None:
    """A uid that no database knows leaves the operator open."""
    made = from_environment("t", {}, user=None)
    assert (made.operator, made.operator_source) == (None, "user")


@pytest.mark.parametrize(
    ("environment", "claims"),
    [
        ({}, {}),
        (
            {"AI_AGENT": "claude-code_2.1.0_cli"},
            {"agent": "claude-code", "agent_version": "2.1.0", "source": "AI_AGENT"},
        ),
        (
            {"AGENT": "goose@1.2.3"},
            {"agent": "goose", "agent_version": "1.2.3", "source": "AGENT"},
        ),
        (
            {"CLAUDE_CODE_SESSION_ID": "s", "AI_AGENT": "claude-code_2.1.0_cli"},
            {
                "agent": "claude-code",
                "agent_version": "2.1.0",
                "session": "s",
                "source": "CLAUDE_CODE_SESSION_ID",
            },
        ),
        (
            {"CODEX_THREAD_ID": "s", "AI_AGENT": "claude-code_2.1.0_cli"},
            {"agent": "codex", "session": "s", "source": "CODEX_THREAD_ID"},
        ),
        ({"OPENCODE": "1"}, {"agent": "opencode", "source": "OPENCODE"}),
    ],
)
def test_what_the_caller_claims_is_kept_apart(
    environment: dict[str, str], claims: dict[str, str]
) -> None:
    """Agent, version, session and the variable that said so; nothing that was not said."""
    assert context(environment).caller() == claims


@pytest.mark.parametrize("value", ["_2.1.0_cli", "@1.2.3", "_", "@"])
def test_an_agent_without_a_name_is_none(value: str) -> None:
    """An operator is never an empty text."""
    assert find_agent({"AI_AGENT": value}) is None
    assert context({"AI_AGENT": value}).operator == "ada"


@pytest.mark.parametrize("claimed", ["req_01J8", "a", "A.b-c_9", "x" * 256])
def test_a_parent_that_may_be_an_id_is_kept(claimed: str) -> None:
    """The parent's id is what the caller says, as long as it can be one."""
    made = context({"TOOL_PARENT_REQUEST_ID": claimed})
    assert (made.parent_request_id, made.warnings) == (claimed, [])


@pytest.mark.parametrize(
    "claimed", ["a b", "a\n", "a/b", "é", "\udce9", "x" * 257, "\x1b[31m", "x" * 1_000_000]
)
def test_a_parent_that_cannot_be_an_id_is_a_warning(claimed: str) -> None:
    """The call goes on without a parent, and the response says so without repeating the value."""
    made = context({"TOOL_PARENT_REQUEST_ID": claimed})
    assert made.parent_request_id is None
    (warning,) = made.warnings
    assert warning["code"] == "PARENT_IGNORED"
    assert warning["message"].isprintable()
    assert len(warning["message"]) < 300


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("agent-session-42-step-7", "agent-session-42-step-7"),
        ("with spaces, and é ünïcode 日本", "with spaces, and é ünïcode 日本"),
        ("a\nb", "a\\nb"),
        ("a\tb\r", "a\\tb\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("a\u202eb\u2066", "a\\u202eb\\u2066"),
        ("\u2028\ufeff\u200b", "\\u2028\\ufeff\\u200b"),
        ("\U000e0041", "\\U000e0041"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("x" * 256, "x" * 256),
    ],
)
def test_an_id_is_kept_as_printable_text(raw: str, kept: str) -> None:
    """Printable text is unchanged, and anything else escaped as Python would write it."""
    assert clean_id(raw) == kept


@pytest.mark.parametrize(
    "raw", ["x" * 257, "x" * 1_000_000, "\n" * 256, "\n" * 64 + "x", "é" * 300]
)
def test_what_is_too_long_is_cut_and_ends_in_a_digest(raw: str) -> None:
    """At most 256 characters are kept, of which the last say which id it was."""
    kept = clean_id(raw)
    assert len(kept) <= 256
    if kept != raw and len(raw) > 256:
        assert len(kept) == 256
        assert "...sha256:" in kept
    assert kept.isprintable()


@pytest.mark.parametrize("filling", ["x", "\n", "\udce9", "é"])
@pytest.mark.parametrize("length", [256, 257, 1000, 1_000_000])
def test_two_long_ids_that_differ_at_the_end_stay_two(filling: str, length: int) -> None:
    """Cutting never makes one id of two."""
    start = filling * (length - 1)
    assert clean_id(start + "1") != clean_id(start + "2")


@given(ids)
def test_a_kept_id_is_printable_and_short_and_settled(raw: str) -> None:
    """Cleaning gives at most 256 printable characters, and cleaning those again nothing new."""
    kept = clean_id(raw)
    assert kept.isprintable()
    assert len(kept) <= 256
    assert clean_id(kept) == kept
    assert bool(kept) == bool(raw)


@given(printable_ids)
def test_printable_text_is_kept_as_it_is(raw: str) -> None:
    """The caller finds its call by the very string that it gave."""
    assert clean_id(raw) == raw


@given(ids.filter(bool), st.sampled_from(["option", *SOURCES[:2], *SOURCES[3:]]))
def test_no_id_from_outside_breaks_a_call(raw: str, source: Any) -> None:
    """Whatever is claimed, trace and operator are fit to be kept, and a change is said once."""
    if source == "option":
        made = context({}, trace_id=raw, operator=raw)
    else:
        made = context({source[0]: raw, "TOOL_OPERATOR": raw})
    for kept in (made.trace_id, made.operator or "", *made.caller().values()):
        assert kept
        assert kept.isprintable()
        assert len(kept) <= 256
    for warning in made.warnings:
        assert warning["code"] == "ID_ESCAPED"
        assert warning["message"].isprintable()
    unusable = not raw.isprintable() or len(raw) > 256
    assert bool(made.warnings) == unusable or source != "option"


@pytest.mark.parametrize("session", ["x" * 250, "x" * 256, "x" * 5000, "\n" * 100])
def test_an_operator_made_of_a_long_session_is_short_enough(session: str) -> None:
    """The agent's name and its session together are still an id."""
    made = context({"CLAUDE_CODE_SESSION_ID": session})
    assert len(made.trace_id) <= 256
    assert len(made.operator or "") <= 256


@pytest.mark.parametrize("session", ["a\nb", "\x1b[31m", "caf\udce9", "x" * 300])
def test_a_session_that_had_to_be_escaped_is_a_warning(session: str) -> None:
    """The caller is told that its session is not kept as it was, as for any other id."""
    made = context({"CLAUDE_CODE_SESSION_ID": session})
    assert {warning["code"] for warning in made.warnings} == {"ID_ESCAPED"}


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("deployctl", "DEPLOYCTL"),
        ("deploy-ctl", "DEPLOY_CTL"),
        ("Deploy.Ctl", "DEPLOY_CTL"),
        ("a b/c", "A_B_C"),
        ("7z", "_7Z"),
        ("_x", "_X"),
        ("é", "_"),
        ("café", "CAF_"),
        ("", "_"),
        ("\u0663", "_"),
    ],
)
def test_a_tools_name_makes_a_variables_name(tool: str, name: str) -> None:
    """The rule is OpenTelemetry's: upper case, underscores, no digit in front."""
    assert environment_name(tool) == name


@given(st.text(max_size=20))
def test_any_name_makes_a_valid_variable(tool: str) -> None:
    """The name of a variable matches `[A-Z_][A-Z0-9_]*`, whatever the tool is called."""
    name = environment_name(tool)
    assert name[0] in string.ascii_uppercase + "_"
    assert set(name) <= set(string.ascii_uppercase + string.digits + "_")


@pytest.mark.parametrize(
    ("trace_id", "derived"),
    [
        (TRACE, TRACE),
        (TRACE.upper(), TRACE),
        ("0af76519-16cd-43dd-8448-eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
        ("0AF76519-16CD-43DD-8448-EB211C80319C", "0af7651916cd43dd8448eb211c80319c"),
        ("agent-session-42-step-7", "56076ed57cbce8ede7efe6835bc7779c"),
    ],
)
def test_a_trace_id_makes_a_w3c_trace_id(trace_id: str, derived: str) -> None:
    """32 hex digits and UUIDs stand for themselves; of all else SHA-256 is taken."""
    assert w3c_trace_id(trace_id) == derived


@given(st.one_of(ids, st.just("0" * 32), st.just(str(uuid.UUID(int=0))), st.uuids().map(str)))
def test_every_derived_id_is_valid_in_a_traceparent(raw: str) -> None:
    """What children get always parses, whatever the caller's own id was."""
    made = context({"TOOL_TRACE_ID": raw})
    found = parse_traceparent(child_traceparent(made, "req_1"))
    assert found is not None
    assert found.trace_id == w3c_trace_id(made.trace_id)
    assert found.span_id == w3c_span_id("req_1")


def test_children_find_the_call() -> None:
    """Four variables: our trace, our request id as their parent, W3C's and git's."""
    assert for_children(context({"TOOL_TRACE_ID": "agent-session-42-step-7"}), "req_1", {}) == {
        "TOOL_TRACE_ID": "agent-session-42-step-7",
        "TOOL_PARENT_REQUEST_ID": "req_1",
        "TRACEPARENT": f"00-56076ed57cbce8ede7efe6835bc7779c-{w3c_span_id('req_1')}-01",
        "GIT_TRACE2_PARENT_SID": "req_1",
    }


def test_children_extend_gits_session() -> None:
    """Git's own convention: the parent's session id, a slash, and one's own."""
    variables = for_children(context({}), "req_2", {"GIT_TRACE2_PARENT_SID": "req_1"})
    assert variables["GIT_TRACE2_PARENT_SID"] == "req_1/req_2"


@pytest.mark.parametrize("flags", ["00", "01"])
def test_the_callers_sampling_decision_is_passed_on(flags: str) -> None:
    """A trace that is not sampled stays so; the span id is ours."""
    made = context({"TRACEPARENT": PARENT[:-2] + flags})
    expected = f"00-{TRACE}-{w3c_span_id('req_1')}-{flags}"
    assert child_traceparent(made, "req_1") == expected


def test_flags_of_a_later_version_are_not_passed_on() -> None:
    """Version 00 defines two flags; the children's header is of version 00 and has no others."""
    made = context({"TRACEPARENT": f"cc{PARENT[2:-2]}ff"})
    assert int(child_traceparent(made, "req_1")[-2:], 16) & ~0b11 == 0


@pytest.mark.parametrize(
    ("value", "kept"),
    [("a\nb", "a\\nb"), ("\x1b[31m\u202e", "\\x1b[31m\\u202e"), (b"caf\xe9", "caf\\xe9")],
)
def test_a_call_with_an_odd_id_is_recorded(home: Home, value: str | bytes, kept: str) -> None:
    """A real call with such a variable runs, and its entry has the escaped id."""
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    done = home.tooltrail("run", "--", PYTHON, "-c", "print(1)", env={"TOOL_TRACE_ID": text})
    assert (done.returncode, done.stdout) == (0, "1\n")
    end = home.end("tooltrail")
    assert (end["trace_id"], end["trace_source"]) == (kept, "TOOL_TRACE_ID")


def test_a_call_with_an_id_of_100_kb_is_recorded(home: Home) -> None:
    """The longest variables that a system passes on are cut, and the call is not."""
    done = home.run(TOOLTRAIL, "run", "--", "true", env={"TOOL_TRACE_ID": "x" * 100_000})
    assert done.returncode == 0
    assert len(home.end("tooltrail")["trace_id"]) == 256
