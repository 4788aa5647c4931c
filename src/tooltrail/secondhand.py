"""A call that the recorder did not see itself: somebody else tells of it, now or long after.

A coding agent's hook says that a command is about to run, or has run; a transcript says that
one ran last week. What they say is a claim, and stands in `caller`; what we know for ourselves
of such a call is little, and `process` says no more than that.

The call's id follows from what the teller calls it (`request_id_for`), so that the hook before
a command and the hook after it, two processes that share nothing, write of the same call, and
an import of the session's transcript finds that it is recorded already.
"""

from . import entry
from ._encode import encode, sha256
from ._host import ulid_of
from ._wire import NOT_KEPT, OWN_TOOL
from .context import Context
from .redact import Redactor
from .settings import ALWAYS, METADATA, NONE, settings_for
from .trail import append, log_path, tool_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .entry import Ending
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


class Told:
    """A call as it is told. Set what is known, `describe` it, then write its lines.

        told = Told("git", recorder="hook", request_id=…, timestamp=…, context=…)
        told.describe(None, {"argv": ["git", "push"]}, process={"cwd": "/srv/app"})
        told.write_begin()
        told.write_end(Ending(0), duration_ms=812)

    Nothing is written before it has passed through redaction, and nothing at all where the
    settings say that the tool's calls are not recorded. `context` holds the ids, the operator,
    and in `context.claims` what else the teller says (`tool_call`, `intent`, ...).
    """

    def __init__(
        self,
        tool: str,
        *,
        recorder: str,
        request_id: str,
        timestamp: str,
        context: Context,
        log_tool: str = OWN_TOOL,
    ) -> None:
        self.tool = tool_name(tool)
        self.settings = settings_for(self.tool)
        self.level = self.settings.level
        keys = log_path(OWN_TOOL, self.settings.data_home).rpartition("/")[0]
        self.redactor = Redactor((), rules=self.settings.redact, keys=keys)
        self.warnings: list[dict[str, str]] = list(context.warnings)
        self.path = log_path(log_tool, self.settings.data_home)
        self._log_tool = log_tool
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
        for name in ("cwd", "executable"):
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
    ) -> "Receipt | None":
        """Write the line after the action; a duration of None is not known.

        Returns None where nothing is to be kept of the call. Raises `NotRecordedError`.
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
            if self.level == METADATA:
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
        return self._write(entry.end(self._subject, result), is_end=True)

    def _write(self, body: "Mapping[str, Any]", *, is_end: bool) -> "Receipt | None":
        if self.level == NONE:
            return None
        durability = self.settings.durability
        return append(
            self.path,
            self._log_tool,
            encode(body),
            with_log_id=is_end,
            rotate_at=self.settings.rotate_at,
            durable=durability == ALWAYS or (is_end and durability != NONE),
            durable_name=durability != NONE,
        )
