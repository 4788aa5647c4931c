"""What a call came to, for the program that made it."""

from .._child import milliseconds_in
from ..errors import TooltrailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .output import Output

_BOM = b"\xef\xbb\xbf"
_JSON_STARTS = frozenset(b'{["-0123456789tfnNI')


class Result:
    """A call that has ended.

    `args`: the command. `operation`: what it was for, or None. `ok`: it ended with exit code 0.
    `exit_code`: as a shell sees it: 128 + n for signal n, 124 after a timeout, 127 where there
    is no such command, 126 where it cannot be run. `outcome`: as in the log. `signal`: its name,
    or None. `timed_out`: whether its time was up. `error`: why it did not succeed, as in the
    log, or None.

    `stdout`, `stderr`: what it printed, as text; bytes that are not UTF-8 are U+FFFD there, and
    the middle is left out where it is longer than was to be kept. `out` and `err` hold the bytes
    (`content`), the whole `size`, and the digest (`sha256`).

    `json`: stdout as one JSON document, or as a list of them where each line is one; or None.
    `meta`: what the tool says of the call, from its response or from `TOOL_META_FILE`; {} where
    it says nothing. `request_id`: the tool's own id of the call where it gave one, else that of
    the record that we keep, which is always in `caller_request_id`. `receipt`, `caller_receipt`:
    where the two stand in their logs. `trace_id`: the trace that the call belongs to.

    `agent_ms`: from the start of the call until its output was read, in whole milliseconds.
    `tool_ms`: how long it took by the tool's own clock, or None.

    `attempt`: which attempt at an operation this is, from 1; `retry_of`: the id under
    which the attempt before it was recorded, or None.
    """

    def __init__(
        self,
        args: "Sequence[str]",
        operation: str | None,
        *,
        trace_id: str,
        caller_request_id: str,
        out: "Output",
        err: "Output",
    ) -> None:
        self.args = list(args)
        self.operation = operation
        self.trace_id = trace_id
        self.caller_request_id = caller_request_id
        self.caller_receipt: dict[str, Any] | None = None
        self.out = out
        self.err = err
        self.exit_code = 0
        self.outcome = ""
        self.signal: str | None = None
        self.timed_out = False
        self.error: dict[str, Any] | None = None
        self.agent_ms = 0
        self.attempt = 1
        self.retry_of: str | None = None
        self.json: Any = None
        self.meta: dict[str, Any] = {}

    @property
    def ok(self) -> bool:
        """Whether the command ended with exit code 0."""
        return self.exit_code == 0

    @property
    def stdout(self) -> str:
        """What it printed to stdout, as text."""
        return self.out.text

    @property
    def stderr(self) -> str:
        """What it printed to stderr, as text."""
        return self.err.text

    @property
    def request_id(self) -> str:
        """The tool's own id of the call, else that of the caller's record."""
        return id_in(self.meta) or self.caller_request_id

    @property
    def tool_ms(self) -> int | None:
        """How long the call took by the tool's own clock, in ms, or None where it does not say."""
        return milliseconds_in(self.meta)

    @property
    def receipt(self) -> "dict[str, Any] | None":
        """The tool's own receipt, or None."""
        receipt = self.meta.get("receipt")
        return receipt if isinstance(receipt, dict) else None

    def __repr__(self) -> str:
        command = self.args[0] if self.args else ""
        return (
            f"<Result {command!r} exit_code={self.exit_code} request_id={self.request_id}"
            f" agent_ms={self.agent_ms}>"
        )


class CallFailedError(TooltrailError):
    """A call that was made with `check=True` did not end with exit code 0; see `result`."""

    code = "CALL_FAILED"

    def __init__(self, result: Result) -> None:
        reason = (result.error or {}).get("message") or f"exit code {result.exit_code}"
        last = result.stderr.rstrip().rpartition("\n")[2]
        super().__init__(f"{result.args[0]}: {reason}" + (f": {last[:500]}" if last else ""))
        self.result = result


def id_in(meta: "Mapping[str, Any]") -> str | None:
    """Return the request id of a tool's `meta`, or None where there is none."""
    found = meta.get("request_id")
    return found if isinstance(found, str) and found else None


def parse(output: "Output") -> "Any":
    """Return the JSON that a command printed: a document, a list of its lines, or None."""
    content = output.content.removeprefix(_BOM).strip()
    if not content or output.cut or content[0] not in _JSON_STARTS:
        return None
    from json import loads

    try:
        return loads(content)
    except (ValueError, RecursionError):
        pass  # perhaps JSON Lines
    try:
        return [loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        return None


def meta_of(document: "Any", left: "Sequence[Mapping[str, Any]]") -> "dict[str, Any]":
    """Return what a tool says of its call: in its response, else in `TOOL_META_FILE`.

    `left` are the lines of that file. Where several calls left a line, the command made several
    calls, and none of them stands for it.
    """
    for item in reversed(document) if isinstance(document, list) else (document,):
        meta = item.get("meta") if isinstance(item, dict) else None
        if isinstance(meta, dict) and id_in(meta):
            return meta
    if len(left) == 1:
        return dict(left[0])
    return {}
