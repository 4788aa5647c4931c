"""What the author of a command can do about a finding, in the terms of their framework."""

_PYTHON = {
    "click": "from tooltrail.integrations.click import instrument; instrument(cli, envelope=True)",
    "rich-click": "from tooltrail.integrations.click import instrument; instrument(cli, envelope=True)",  # noqa: E501
    "typer": "from tooltrail.integrations.typer import instrument; instrument(app, envelope=True)",
    "cyclopts": "from tooltrail.integrations.cyclopts import instrument; instrument(app, envelope=True)",  # noqa: E501
    "argparse": "from tooltrail.integrations.argparse import instrument; @instrument(envelope=True) on main",  # noqa: E501
    "optparse": "from tooltrail.integrations.optparse import instrument; @instrument(envelope=True) on main",  # noqa: E501
    "fire": "from tooltrail.integrations.fire import instrument; @instrument(envelope=True) on main",  # noqa: E501
}
_OTHERS = {
    "cobra": "in PersistentPreRunE make the ids and begin the entry; end it where Execute returns",
    "clap": "make the ids before Cli::parse, and end the entry where main returns",
    "commander": "make the ids in hook('preAction'), and end the entry in hook('postAction')",
}
_ANOTHERS = (
    "where another program lists its log, say so: --audit-log 'tooltrail log --tool NAME'"
    " (a program of one command that tooltrail instruments has no audit-log of its own)"
)
_ENVELOPE = frozenset(
    ("ids.some", "ids.all", "duration.all", "log.command", "log.every", "form.envelope")
)
_WAYS = {
    "ids.some": "answer with one JSON document whose meta has a request_id made anew for each call",
    "ids.all": "put meta into every response: errors of usage, failures, crashes and signals too",
    "ids.unique": "make the request_id of random bits for each call: a ULID or a UUID",
    "many.ids": "make the request_id of random bits: a clock or a counter repeats under load",
    "duration.all": "measure from the start of the call on a monotonic clock; put whole"
    " milliseconds into meta.duration_ms of every response",
    "duration.true": "duration_ms is in milliseconds, from the start of the call to just before"
    " the response is written",
    "duration.integer": "round duration_ms to a whole number",
    "trace.echo": "read TOOL_TRACE_ID at the start, and answer with it, unchanged, as"
    " meta.trace_id",
    "trace.child": "keep TOOL_TRACE_ID in the environment of every process that is started",
    "trace.awkward": "take the caller's id for data: keep printable text whole, escape and cut"
    " what else comes, and say so in warnings",
    "time.stamp": "meta.timestamp is the start of the call, ISO 8601 with its zone:"
    " 2026-01-02T03:04:05.678Z",
    "log.command": "add a command audit-log with --since and --output jsonl: one entry a line",
    "log.every": "write the entry before acting and again at the end, on every way out:"
    " errors of usage and crashes too",
    "log.fields": "give each entry all of: timestamp, command, params, exit_code, duration_ms,"
    " operator, trace_id, request_id",
    "log.true": "write what the process really came to: its exit code, its start, its caller's id",
    "log.appended": "open the log with O_APPEND and add one line in one write; never write it anew",
    "many.entries": "hold a lock (flock) while a line is added, or add it in one O_APPEND write",
    "log.secrets": "replace values by [REDACTED] before they are written: options whose names"
    " mean a secret, headers, passwords in URLs; also where the command line was not understood",
    "output.secrets": "leave values of options out of error messages",
    "log.killed": "write a line before acting: SIGKILL leaves no time for one after",
    "log.filters": "let audit-log take --command, --trace-id and --limit",
    "meta.rest": "add command and version to meta",
    "meta.help": "answer --help and --version with the envelope where stdout is no terminal",
    "form.envelope": "print one JSON document with exactly ok, data, error, warnings and meta",
}


def mend_for(finding_id: str, framework: str | None, *, has_ids: bool) -> str | None:
    """Return what to do about a failed finding, or None where nothing is known to do.

    `has_ids`: the command answers with ids already; what would give it those is no advice.
    """
    way = _WAYS.get(finding_id)
    if has_ids and finding_id in ("log.command", "log.every"):
        return f"{way}; {_ANOTHERS}" if finding_id == "log.command" else way
    if framework in _PYTHON and finding_id in _ENVELOPE:
        return f"{_PYTHON[framework]}; or by hand: {way}"
    if framework in _OTHERS and finding_id in _ENVELOPE:
        return f"{way}; with {framework}: {_OTHERS[framework]}"
    return way
