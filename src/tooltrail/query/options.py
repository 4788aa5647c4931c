"""What can be asked of the logs, said once: every reading command builds its options from here."""

from .._typing import TYPE_CHECKING, Any
from .._wire import ORIGINS, OTHER, OUTCOMES
from ..context import as_recorded
from ..errors import UsageError
from .mine import OwnSession, own_session
from .window import parse_duration, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TABLE = "table"
JSON = "json"
JSONL = "jsonl"
CSV = "csv"
OUTPUTS = (JSONL, JSON, TABLE, CSV)


_NEVER_EMPTY = (
    *("trace_id", "request_id", "operator", "tool", "command"),
    *("outcome", "origin", "text", "cursor_file"),
)
_MANY = 1 << 62  # no log holds more


class Option:
    """One option of a reading command: a flag where it has no metavar."""

    def __init__(self, name: str, metavar: str | None, explanation: str) -> None:
        self.name = name
        self.metavar = metavar
        self.explanation = explanation

    @property
    def key(self) -> str:
        """The option's name as a variable: `--trace-id` is `trace_id`."""
        return self.name.removeprefix("--").replace("-", "_")


OPTIONS = (
    Option("--since", "TIME", "calls that began or ended since: 90s, 15m, 1h, 2d, ISO 8601, today"),
    Option("--until", "TIME", "calls that began or ended until then; the same ways to write it"),
    Option("--command", "NAME", "calls of this command; `db` also stands for `db migrate`"),
    Option("--trace-id", "ID", "calls of this trace, and of those that continue its id"),
    Option("--request-id", "ID", "the one call with this id"),
    Option("--operator", "NAME", "calls made by this operator, and by those that continue it"),
    Option("--exit-code", "N", "calls that ended with this exit code"),
    Option("--outcome", "NAME", f"calls that ended so: {', '.join(sorted(OUTCOMES | {OTHER}))}"),
    Option("--origin", "NAME", "calls whose result was executed, cached, deduplicated, dry_run"),
    Option(
        "--slower-than", "TIME", "calls that took longer: 2s, 500ms, 5m; a number alone is seconds"
    ),
    Option("--param", "NAME=VALUE", "calls with this param, or this option among their arguments"),
    Option("--text", "TEXT", "calls whose entry holds this text, as it is written"),
    Option("--failed", None, "calls that failed, were killed, or vanished"),
    Option("--mine", None, "calls of the session that asks: its trace, or its agent's session"),
    Option("--exact", None, "take ids as they are, without those that continue them"),
    Option("--all", None, "also the calls that only read the log"),
    Option("--limit", "N", "at most this many entries, the first in order of the log"),
    Option("--tail", "N", "only the last so many entries, in order of the log"),
    Option("--reverse", None, "the newest first"),
    Option("--fields", "LIST", "only these fields of an entry: timestamp,tool,params.env"),
)
FOLLOWING = (
    Option("--follow", None, "show the last ten, then what comes, until Ctrl-C"),
    Option("--cursor-file", "FILE", "only what came since FILE was written; then write it anew"),
    Option("--prove-none", None, "tell whether there is no such call, and whether that is sure"),
)
LISTING = (*OPTIONS, *FOLLOWING)
TOOL_OPTION = Option("--tool", "NAME", "calls of this tool, recorded by itself or by a wrapper")


class Query:
    """What is asked for. Times are ISO 8601 UTC, as the log writes them.

    `carries` is a test on the raw line: whether it tells of a secret. `doubt` is why there may be
    more than can be found.
    """

    def __init__(self, **asked: Any) -> None:
        self.since: str | None = asked.get("since")
        self.until: str | None = asked.get("until")
        self.command: str | None = asked.get("command")
        self.trace_id: str | None = asked.get("trace_id")
        self.request_id: str | None = asked.get("request_id")
        self.operator: str | None = asked.get("operator")
        self.tool: str | None = asked.get("tool")
        self.exit_code: int | None = asked.get("exit_code")
        self.failed: bool = bool(asked.get("failed"))
        self.mine: OwnSession | None = asked.get("mine")
        self.exact: bool = bool(asked.get("exact"))
        self.all: bool = bool(asked.get("all"))
        self.outcome: str | None = asked.get("outcome")
        self.origin: str | None = asked.get("origin")
        self.slower_than: int | None = asked.get("slower_than")  # ms
        self.param: tuple[str, str] | None = asked.get("param")
        self.text: str | None = asked.get("text")
        self.limit: int | None = asked.get("limit")
        self.tail: int | None = asked.get("tail")
        self.reverse: bool = bool(asked.get("reverse"))
        self.carries: Callable[[bytes], bool] | None = asked.get("carries")
        self.doubt: str | None = asked.get("doubt")

    def but(self, **otherwise: Any) -> "Query":
        """Return the query that asks the same but for these."""
        return Query(**{**vars(self), **otherwise})


def query_from(values: "Mapping[str, Any]") -> Query:
    """Make a query of option values as they were given: texts, flags, or None.

    Raises `UsageError`, which names the option and what it takes.
    """
    asked = dict(values)
    for name in _NEVER_EMPTY:
        if asked.get(name) == "":
            raise UsageError(
                f"--{name.replace('_', '-')} is empty",
                hint="is the variable set that it comes from?",
            )
    for name in ("trace_id", "operator"):
        if asked.get(name) is not None:
            asked[name] = as_recorded(asked[name])
    for name in ("since", "until"):
        if asked.get(name) is not None:
            asked[name] = parse_time(f"--{name}", asked[name])
    if asked.get("slower_than") is not None:
        asked["slower_than"] = parse_duration("--slower-than", asked["slower_than"])
    if asked.get("param") is not None:
        asked["param"] = _assignment(asked["param"])
    for name, least in (("exit_code", 0), ("limit", 1), ("tail", 1)):
        if asked.get(name) is not None:
            asked[name] = _whole_number("--" + name.replace("_", "-"), asked[name], least)
    for name, known in (("outcome", OUTCOMES | {OTHER}), ("origin", ORIGINS)):
        if asked.get(name) is not None and asked[name] not in known:
            raise UsageError(
                f"--{name}: there is none called {asked[name][:80]!r}",
                hint=f"it is one of {', '.join(sorted(known))}",
            )
    asked["mine"] = own_session() if asked.get("mine") else None
    query = Query(**asked)
    if query.since and query.until and query.since > query.until:
        raise UsageError(
            f"--since ({query.since}) is after --until ({query.until})", hint="swap the two"
        )
    return query


def _assignment(text: str) -> tuple[str, str]:
    name, assigned, value = text.partition("=")
    if not name or not assigned:
        raise UsageError(
            f"--param: {text[:80]!r} is no NAME=VALUE",
            hint="write --param env=prod, or env= for none",
        )
    return name.removeprefix("--"), value


def _whole_number(option: str, text: "str | int", least: int) -> int:
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if number < least:
        raise UsageError(f"{option}: {str(text)[:40]!r} is not a whole number of at least {least}")
    return min(number, _MANY)
