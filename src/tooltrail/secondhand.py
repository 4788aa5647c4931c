"""A call that the recorder did not see itself: somebody else tells of it, now or long after.

A coding agent's hook says that a command is about to run, or has run; a transcript says that
one ran last week. What they say is a claim, and stands in `caller`; what we know for ourselves
of such a call is little, and `process` says no more than that.

The call's id follows from what the teller calls it (`request_id_for`), so that the hook before
a command and the hook after it, two processes that share nothing, write of the same call, and
an import of the session's transcript finds that it is recorded already.
"""

import os

from . import entry
from ._encode import encode, sha256
from ._host import ulid_of
from ._wire import NOT_KEPT, OWN_TOOL
from .context import Context
from .redact import Redactor, secret_variables
from .settings import ALWAYS, METADATA, NONE, settings_for
from .trail import append, log_path, tool_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from .entry import Ending
    from .settings import Settings
    from .trail import Receipt

# What is known of a process that somebody else saw: nothing, until the teller says it.
_UNSEEN: "dict[str, Any]" = {
    **dict.fromkeys(("pid", "parent_pid", "start_ticks", "pid_namespace", "boot_id")),
    **dict.fromkeys(("host", "uid", "user", "executable", "cwd")),
    "argv": [],
}


def request_id_for(*names: str) -> str:
    """Return the id of the call that a teller knows by these names: agent, session, tool call.

    `req_` and 26 characters, as any other; the same names always give the same id.
    """
    digest = sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest()
    return "req_" + ulid_of(int.from_bytes(digest[:16], "big"))


class Teller:
    """What holds for all the calls that one teller tells of now: settings and paths, read once.

    For a program that tells of many calls at a stretch. What it holds is as of when it was made,
    so it should not outlive the work that it was made for. `encode` writes a line's body, as
    `_encode.encode` does.
    """

    __slots__ = ("_paths", "_settings", "_variables", "encode", "log_tool")

    def __init__(
        self, log_tool: str = OWN_TOOL, *, encode: "Callable[[Any], str]" = encode
    ) -> None:
        self.log_tool = log_tool
        self.encode = encode
        self._variables: dict[str, str] | None = None
        self._settings: dict[str, Settings] = {}
        self._paths: dict[tuple[str, str | None], str] = {}

    def settings(self, tool: str) -> "Settings":
        """Return what was configured for a tool's calls."""
        found = self._settings.get(tool)
        if found is None:
            found = self._settings[tool] = settings_for(tool)
        return found

    def redactor(self, settings: "Settings") -> Redactor:
        """Return a redactor for one call, which knows the environment's secrets already."""
        if self._variables is None:
            self._variables = dict(secret_variables(os.environ))
        keys = self.path(OWN_TOOL, settings).rpartition("/")[0]
        return Redactor((), rules=settings.redact, keys=keys, environment=self._variables)

    def path(self, tool: str, settings: "Settings") -> str:
        """Return the path of a tool's log."""
        key = tool, settings.data_home
        found = self._paths.get(key)
        if found is None:
            found = self._paths[key] = log_path(*key)
        return found


class Told:
    """A call as it is told. Set what is known, `describe` it, then write its lines.

        told = Told("git", recorder="hook", request_id=…, timestamp=…, context=…)
        told.describe(None, {"argv": ["git", "push"]}, process={"cwd": "/srv/app"})
        told.write_begin()
        told.write_end(Ending(0), duration_ms=812)

    Nothing is written before it has passed through redaction, and nothing at all where the
    settings say that the tool's calls are not recorded. `context` holds the ids, the operator,
    and in `context.claims` what else the teller says (`tool_call`, `intent`, ...). The lines are
    for the log of `log_tool`: the teller's, who may set another before the first is written.
    """

    def __init__(
        self,
        tool: str,
        *,
        recorder: str,
        request_id: str,
        timestamp: str,
        context: Context,
        teller: Teller | None = None,
    ) -> None:
        self.tool = tool_name(tool)
        self._teller = teller or Teller()
        self.log_tool = self._teller.log_tool
        self.settings = self._teller.settings(self.tool)
        self.redactor = self._teller.redactor(self.settings)
        harmless = self.redactor.text(tool, "tool")  # it may be the first word of a line
        if harmless != tool:
            self.tool = tool_name(harmless)
        self.level = self.settings.level
        self.warnings: list[dict[str, str]] = list(context.warnings)
        self._subject = entry.Subject(
            context, request_id, timestamp, self.tool, recorder, version=None
        )

    @property
    def request_id(self) -> str:
        """The id of the call that is told of."""
        return self._subject.request_id

    def describe(
        self,
        command: str | None,
        params: "Mapping[str, Any]",
        *,
        process: "Mapping[str, Any] | None" = None,
    ) -> None:
        """Say what was called, with what, and what is known of where: `cwd`, `host`, `user`."""
        subject, text = self._subject, self.redactor.text
        subject.command = None if command is None else text(command, "command")
        self.level = subject.level = self.settings.level_for(
            self.tool, subject.command, subject.context.operator
        )
        subject.params = self.redactor.params(params)
        claims = subject.context.claims
        for name, value in claims.items():
            claims[name] = text(value, f"caller.{name}")
        seen = {**_UNSEEN, **(process or {})}
        for name in ("cwd", "executable", "host"):
            if seen[name]:
                seen[name] = text(seen[name], f"process.{name}")
        seen["argv"] = self.redactor.argv(seen["argv"], "process.argv")
        subject.process = seen
        if self.level == METADATA:
            subject.params, seen["argv"] = {}, []
            claims.pop("intent", None)
        subject.redactions = self.redactor.redactions
        subject.warnings = self.warnings

    def write_begin(self) -> "Receipt | None":
        """Write the line before the action. Raises `NotRecordedError`."""
        return self._write(entry.begin(self._subject), is_end=False)

    def write_end(
        self,
        ending: "Ending",
        *,
        duration_ms: int | None,
        output: "Mapping[str, Any] | None" = None,
        observed: "Mapping[str, Any] | None" = None,
        earlier: "Mapping[str, Any] | None" = None,
    ) -> "Receipt | None":
        """Write the line after the action; a duration of None is not known.

        `earlier` is the call's last line in the same log, which did not know how it ended: this
        end takes its place, and of the call says what that line said. Returns None where nothing
        is to be kept of the call. Raises `NotRecordedError`.
        """
        signal, error, text = None, ending.error, self.redactor.text
        if ending.signal is not None:
            from ._signals import name_of

            signal = name_of(ending.signal)
        if error is not None:
            error = {
                name: text(value, f"error.{name}") if isinstance(value, str) else value
                for name, value in error.items()
            }
            if METADATA in (self.level, (earlier or {}).get("level")):
                error = {"message": NOT_KEPT, "code": error["code"]}
        result = entry.result(
            exit_code=ending.exit_code,
            outcome=ending.outcome,
            duration_ms=duration_ms,
            signal=signal,
            error=error,
            output=output,
            observed=observed,
        )
        body = entry.end(self._subject, result, supersedes=earlier is not None)
        if earlier is not None:
            body = _in_place_of(earlier, body, result)
        return self._write(body, is_end=True)

    def _write(self, body: "Mapping[str, Any]", *, is_end: bool) -> "Receipt | None":
        if self.level == NONE:
            return None
        durability = self.settings.durability
        return append(
            self._teller.path(self.log_tool, self.settings),
            self.log_tool,
            self._teller.encode(body),
            with_log_id=is_end,
            rotate_at=self.settings.rotate_at,
            durable=durability == ALWAYS or (is_end and durability != NONE),
            durable_name=durability != NONE,
        )


# What a line says for itself, and not of its call.
_OF_THE_LINE = frozenset(
    (
        *("v", "seq", "prev", "logged_at", "clamped", "healed_bytes", "healed_prev"),
        *("event", "supersedes", "recorder"),
    )
)


def _in_place_of(
    earlier: "Mapping[str, Any]", body: "dict[str, Any]", result: "Mapping[str, Any]"
) -> "dict[str, Any]":
    """Return `body` with all that an earlier line of the call says, but for how it ended."""
    kept = {
        name: value
        for name, value in earlier.items()
        if name not in _OF_THE_LINE and name not in result
    }
    if "redactions" in kept:
        of_the_error = [
            each for each in body.get("redactions", ()) if each["where"].startswith("error.")
        ]
        kept["redactions"] = [*kept["redactions"], *of_the_error]
    return {name: kept.pop(name, value) for name, value in body.items()} | kept
