"""One look at one command: what may be done, what was run so far, and where its log is."""

import os
from dataclasses import dataclass, field

from .._host import randomness
from .._typing import TYPE_CHECKING
from ..trail import data_home, log_path
from . import audit
from .growth import Growth
from .program import Program
from .responses import META, Response, response_of
from .runner import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .runner import Runner

SEED_TRACE = "test-123"  # the standard's own check
SINCE = "1h"
_MOST_STUCK = 3  # calls that do not end, after which no other is made


@dataclass(frozen=True)
class Options:
    """What the caller allows and knows. Each default allows the least.

    `probe`: the command may be called again. `repeat`: so many times in parallel. `tool`: the
    words that reach the program. `audit_log`: the words of its audit log, where it is another
    command. `log_file`: where the log is. `meta_path`: where a response keeps its ids.
    `meta_file`: ids in TOOL_META_FILE count as well.
    """

    probe: bool = False
    repeat: int = 0
    tool: "Sequence[str] | None" = None
    audit_log: "Sequence[str] | None" = None
    log_file: str | None = None
    meta_path: str = META
    meta_file: bool = False


@dataclass
class Seen:
    """A run, and what it answered."""

    run: "Run"
    response: Response
    kind: str = "command"  # the user's own; or usage_error, unknown_command, help, version


@dataclass
class Examination:
    """What the probes share. `seen` are all runs of the command, in order, the user's own first."""

    argv: list[str]
    options: Options
    runner: "Runner"
    program: Program
    seen: list[Seen] = field(default_factory=list)
    log: audit.LogFile | None = None
    listing: audit.Listing | None = None
    log_faults: list[str] = field(default_factory=list)
    log_watched: int = 0  # how many runs came after a look at a log that had something in it
    canaries: dict[str, str] = field(default_factory=dict)  # canary -> where it was put
    canary_runs: "list[Run]" = field(default_factory=list)
    nonce: str = field(default_factory=lambda: randomness(4).hex())

    @property
    def first(self) -> Seen:
        """The user's own run."""
        return self.seen[0]

    @property
    def succeeded(self) -> bool:
        """Whether a call of the command as it was given ended well."""
        return any(
            each.run.exit_code == 0 for each in self.seen if each.kind in ("command", "awkward")
        )

    def trace_id(self, label: str) -> str:
        """Return a trace id of our own, which no other run has."""
        return f"tooltrail-check-{self.nonce}-{label}"

    def run(
        self,
        label: str,
        argv: "Sequence[str]",
        *,
        kind: str = "command",
        trace_id: str | None = None,
        traced: bool = True,
        more: "Mapping[str, str] | None" = None,
        content: bytes | None = None,
        watch: "Callable[[int], None] | None" = None,
        children: bool = False,
    ) -> Seen:
        """Run the command in some way, look what became of the log, and keep what was seen."""
        if trace_id is None:
            trace_id = self.trace_id(label.replace(" ", "-"))
        if self.gives_up():
            return self.keep(not_tried(label, argv, trace_id), kind)
        growth = None if self.log is None else Growth(self.log.path, self.log.size)
        try:
            run = self.runner.run(
                label,
                argv,
                trace_id,
                traced=traced,
                more=more,
                content=content,
                watch=watch,
                children=children,
            )
        finally:
            added = b"" if growth is None else growth.stop()
        return self.keep(run, kind, added)

    def gives_up(self) -> bool:
        """Tell whether enough calls did not end: each costs its whole deadline."""
        return sum(not each.run.finished for each in self.seen) >= _MOST_STUCK

    def keep(self, run: "Run", kind: str, added: bytes = b"") -> Seen:
        """Take a run into account that has ended. `added`: what its log was seen to gain."""
        response = response_of(run, self.options.meta_path, meta_file=self.options.meta_file)
        for name, output in (("stdout", run.stdout), ("stderr", run.stderr)):
            text = output.text if self.canaries else ""
            run.leaks += [
                f"{name}, from {place}" for canary, place in self.canaries.items() if canary in text
            ]
        run.forget()
        seen = Seen(run, response, kind)
        self.seen.append(seen)
        self.look_at_log(seen, added)
        return seen

    def look_at_log(self, seen: Seen, added: bytes = b"") -> None:
        """Hold the log against what it was before; find it, if it was not known."""
        if self.log is None:
            self._find_log(seen)
            return
        if self.log.size and not self.log.is_database:
            self.log_watched += 1
            change = self.log.changed(added)
            if change is not None:
                self.log_faults.append(f"after {seen.run.label}: {change}")
        self.log.note()

    def expect_log(self) -> None:
        """Look where the log will be, before anything is run."""
        path = self.options.log_file
        if path is None and self.runner.sandbox is None:
            path = log_path(self.program.name)
        if path is not None and os.path.isfile(path):
            self.log = audit.LogFile(path)

    def _find_log(self, seen: Seen) -> None:
        """Find the file that has an entry of the run, in the places where a log may be."""
        said = seen.response.meta.get("audit_log_path")
        places: list[str] = [said] if isinstance(said, str) else []
        if self.options.log_file is not None:
            places.append(self.options.log_file)
        home = self.runner.sandbox.home if self.runner.sandbox is not None else data_home()
        if self.runner.sandbox is not None:  # of whatever form it is
            places += audit.files_below(home, depth=6, names=())
        else:
            places += audit.files_below(home, depth=2)
        for path in map(os.path.expanduser, places):
            own = seen.response.request_id
            in_sandbox = self.runner.sandbox is not None and own is not None
            if audit.tells_of(path, seen.run, own) or (
                in_sandbox and audit.holds(path, str(own), seen.run.started)
            ):
                self.log = audit.LogFile(path)
                return

    def audit_command(self) -> list[str] | None:
        """Return how to ask for the audit log, or None where that is not known, or not allowed."""
        words = ["--since", SINCE, "--output", "jsonl"]
        if self.options.audit_log is not None:
            return [*self.options.audit_log, *words]
        if self.options.tool is not None or self.options.probe:
            return [*self.program.prefix, "audit-log", *words]
        return None

    def entries(self) -> "list[dict[str, object]] | None":
        """Return the entries of the log: as `audit-log` prints them, and those of the file."""
        in_file = [] if self.log is None else audit.entries_in(self.log.path)
        if self.listing is not None and self.listing.fault is None:
            listed = {entry.get("request_id") for entry in self.listing.entries}
            more = [entry for entry in in_file if entry.get("request_id") not in listed]
            return [*self.listing.entries, *more]
        return in_file if self.log is not None else None


def not_tried(label: str, argv: "Sequence[str]", trace_id: str) -> Run:
    """Return a run that was not made, because others before it did not end."""
    reason = f"not tried, as {_MOST_STUCK} calls before it did not end"
    return Run(label, list(argv), trace_id, reason=reason)
