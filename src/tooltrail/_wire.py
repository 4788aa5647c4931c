"""The names on the wire, each spelled once: see docs/format/entry-v1.md."""

FORMAT_VERSION = 1  # the "v" of every log line
SCHEMA_VERSION = "1.0"  # meta.schema_version of every response

TOOL_TRACE_ID = "TOOL_TRACE_ID"
TOOL_OPERATOR = "TOOL_OPERATOR"
TOOL_PARENT_REQUEST_ID = "TOOL_PARENT_REQUEST_ID"
TOOL_META_FILE = "TOOL_META_FILE"
TRACEPARENT = "TRACEPARENT"
GIT_TRACE2_PARENT_SID = "GIT_TRACE2_PARENT_SID"

REDACTED = "[REDACTED]"
NOT_KEPT = "[NOT KEPT]"  # an error's message, where only metadata is recorded
ALGORITHM = "sha256:"

LOG_NAME = "audit.jsonl"
OWN_TOOL = "tooltrail"  # whose log holds what wrapper, callers and hooks record
IMPORT_TOOL = "tooltrail-import"  # whose log holds what was imported: its times are long past

STRAY_OUTPUT = "STRAY_OUTPUT"  # the warning that holds what was printed beside a response

CONTINUES = ("-", "/", ":")  # what an id goes on with that extends another
MAX_ID_CHARS = 256  # of a caller's trace id, operator, session
MAX_TEXT_CHARS = 131_072  # of one recorded string; Linux's own limit for an argument

# Who wrote an entry.
RECORDER_TOOL = "tool"
RECORDER_WRAPPER = "wrapper"
RECORDER_CALLER = "caller"  # `tooltrail.run`, in the agent's own program
RECORDER_HOOK = "hook"  # a coding agent or a shell told of it while it happened
RECORDER_IMPORT = "import"  # a transcript told of it afterwards

# How a call ended; readers treat a name that they do not know as "other".
SUCCESS = "success"
FAILURE = "failure"
USAGE_ERROR = "usage_error"
CRASHED = "crashed"  # an exception that nobody caught
INTERRUPTED = "interrupted"  # SIGINT, Ctrl-C
TERMINATED = "terminated"  # SIGTERM or SIGHUP
KILLED = "killed"  # any other signal, seen by a parent
REPLACED = "replaced"  # os.exec*: another program goes on under this pid
TIMED_OUT = "timed_out"  # whoever called it did not wait any longer, and ended it
NOT_STARTED = "not_started"  # the wrapped command was missing or could not run

# How a call without an end stands, worked out when the log is read.
RUNNING = "running"
VANISHED = "vanished"
HOST_REBOOTED = "host_rebooted"
UNKNOWN = "unknown"

OTHER = "other"  # where a line says nothing of it that is known
OPEN_OUTCOMES = frozenset({RUNNING, VANISHED, HOST_REBOOTED, UNKNOWN})
GOOD_OUTCOMES = frozenset({SUCCESS, REPLACED})

OUTCOMES = OPEN_OUTCOMES | {
    *(SUCCESS, FAILURE, USAGE_ERROR, CRASHED, INTERRUPTED),
    *(TERMINATED, KILLED, REPLACED, TIMED_OUT, NOT_STARTED),
}

# How a response is written.
TEXT = "text"
JSON = "json"
JSONL = "jsonl"
FORMATS = (TEXT, JSON, JSONL)

UNFINISHED = "unfinished"  # how a step stands that did not come to its end

ORIGIN_EXECUTED = "executed"
ORIGIN_CACHED = "cached"
ORIGIN_DEDUPLICATED = "deduplicated"
ORIGIN_DRY_RUN = "dry_run"
ORIGINS = frozenset({ORIGIN_EXECUTED, ORIGIN_CACHED, ORIGIN_DEDUPLICATED, ORIGIN_DRY_RUN})
PURPOSE_AUDIT = "audit"  # a call that only read the log: left out of listings

# A variable that holds a coding agent's session -> the agent. Each trace is
# then "<agent>-<session>": all calls of a session belong together.
AGENT_SESSION_VARIABLES = (
    ("CLAUDE_CODE_SESSION_ID", "claude-code"),
    ("CODEX_THREAD_ID", "codex"),
    ("COPILOT_AGENT_SESSION_ID", "copilot-cli"),
)
# Variables that name the agent, by a common convention, in this order.
AGENT_NAMING_VARIABLES = ("AI_AGENT", "AGENT")
# Variables whose presence tells the agent, without a session.
AGENT_FLAG_VARIABLES = (
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
    *(name for name, _ in AGENT_SESSION_VARIABLES),
    *AGENT_NAMING_VARIABLES,
    *(name for name, _ in AGENT_FLAG_VARIABLES),
)
