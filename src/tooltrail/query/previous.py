"""The last successful call with the same command and params, so that a tool can say "unchanged".

The log is the memory: the tool's own is read backwards, the newest line first, sealed segments
too. Lines are told apart by a few literal bytes before any JSON is parsed, and the search ends
after a second. It never waits for a lock, and nothing that goes wrong in it reaches the tool.
"""

import json
from os import SEEK_END

from .._encode import encode, is_plain, sha256
from .._host import monotonic_ns
from .._plain import encode_any
from .._running import running
from .._typing import TYPE_CHECKING, Any
from .._wire import ALGORITHM, ORIGIN_EXECUTED, SUCCESS
from ..settings import METADATA, NONE
from ..trail.read import parse
from ..trail.segments import open_plainly, sealed_segments
from .window import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from .._invocation import Invocation

    Entry = dict[str, Any]

_BLOCK_BYTES = 1 << 20  # read at once
_MAX_LINE_BYTES = 1 << 24  # of a line that is looked at
_SEARCH_NS = 1_000_000_000  # and no longer
_HEAD_BYTES = 8192  # within which a line says all that is needed to tell it from others
_END, _UNDELIVERED = b'"event":"end"', b'"event":"undelivered"'
_LOGGED_AT = b'"logged_at":"'
_TIME_CHARS = 24


class Previous:
    """An earlier call that did what the running one is asked to do, and succeeded.

    `timestamp` is when it began (ISO 8601 UTC), `data_sha256` the digest of the data that it
    answered with (`sha256:` and 64 hex digits), or None where it was not in envelope mode.
    """

    __slots__ = ("data_sha256", "duration_ms", "request_id", "timestamp")

    def __init__(
        self, request_id: str, timestamp: str, duration_ms: int, data_sha256: str | None
    ) -> None:
        self.request_id = request_id
        self.timestamp = timestamp
        self.duration_ms = duration_ms
        self.data_sha256 = data_sha256

    def gave(self, data: Any) -> bool:
        """Tell whether that call answered with exactly this data; False where that is not known."""
        digest = sha256(encode_any(data).encode("ascii")).hexdigest()
        return self.data_sha256 == ALGORITHM + digest


def last_success(within: str | None = None, *, any_version: bool = False) -> Previous | None:
    """Return the last successful call with the running call's command and params, or None.

        previous = tooltrail.last_success(within="24h")
        if previous and previous.gave(data):
            tooltrail.mark_cached(previous.request_id)

    `within` is how long ago it may have ended at most: `90s`, `15m`, `24h`, `7d`, or an ISO 8601
    time. The same call is one of the same tool, version (unless `any_version`), command, params in
    whatever order, and working directory, that was executed: not one that was itself replayed.
    Calls with a secret in their params are the same only where the fingerprints of the secrets
    tell so. The environment, files and servers that it read may have changed: that is for the
    tool to judge.

    None, too, outside of a call, before its params are known, where none are kept (level
    `metadata` or `none`), and where the search took longer than a second or the log cannot be
    read; the last two are a warning in the response. Never raises.
    """
    call = running()
    if call is None or not call.begun or call.level in (METADATA, NONE):
        return None
    try:
        since = None if within is None else parse_time("within", within)
        return _search(call, since, any_version)
    except FileNotFoundError:
        return None
    except _TooLong:
        _warn(call, "the log is too long to be searched within a second")
        return None
    except Exception as error:
        _warn(call, f"{type(error).__name__}: {error}")
        return None


class _Wanted:
    """What a line must hold to be of the same call."""

    def __init__(self, call: "Invocation", any_version: bool) -> None:
        subject = call._subject
        self._own_id = call.request_id
        self._any_version = any_version
        self._fields = {
            "tool": subject.tool,
            "command": subject.command,
            "recorder": subject.recorder,
            "version": subject.version,
        }
        if any_version:
            del self._fields["version"]
        self._params = _in_order(json.loads(encode(subject.params)))
        self._cwd = subject.process.get("cwd")
        self._secrets = _secrets_of(subject.redactions)
        self._literal = _member("command", subject.command)
        self._literals = [
            _member(name, value)
            for name, value in subject.params.items()
            if is_plain(value) and "\\" not in encode(value) + encode(name)
        ]

    @property
    def can_be_told(self) -> bool:
        """Whether the call can be told from one with other secrets, or in another place."""
        return self._secrets is not None and self._cwd is not None

    def may_be_in(self, block: bytes) -> bool:
        """Tell by the bytes whether lines are worth to be looked at."""
        return self._literal in block or _UNDELIVERED in block

    def match(self, line: bytes, undelivered: set[str]) -> "Entry | None":
        """Return the entry of a line that is the wanted call's; learn what was not delivered."""
        head = line[:_HEAD_BYTES]
        if _UNDELIVERED in head:
            undelivered.add(str((parse(line) or {}).get("request_id")))
        if _END not in head or self._literal not in head or len(line) > _MAX_LINE_BYTES:
            return None
        if not all(literal in line for literal in self._literals):
            return None
        entry = parse(line)
        return entry if entry is not None and self._is(entry, undelivered) else None

    def _is(self, entry: "Entry", undelivered: set[str]) -> bool:
        process = entry.get("process")
        return (
            all(entry.get(name) == value for name, value in self._fields.items())
            and (entry.get("outcome"), entry.get("exit_code")) == (SUCCESS, 0)
            and entry.get("origin") == ORIGIN_EXECUTED
            and entry.get("level") != METADATA
            and _in_order(entry.get("params")) == self._params
            and isinstance(process, dict)
            and process.get("cwd") == self._cwd
            and _secrets_of(entry.get("redactions")) == self._secrets
            and entry.get("request_id") != self._own_id
            and entry.get("request_id") not in undelivered
        )


def _member(name: str, value: Any) -> bytes:
    """Return a member as it stands in every line that has it: the format has no spaces in it."""
    return f"{encode(name)}:{encode(value)}".encode("ascii")


def _in_order(params: Any) -> str:
    """Return params as text that is the same for the same params: 1 is not true, nor 1.0."""
    return json.dumps(params, sort_keys=True)


def _secrets_of(redactions: Any) -> set[tuple[str, str]] | None:
    """Return place and fingerprint of each secret in the params; None where one has none."""
    found = set()
    for redaction in redactions or ():
        where = str(redaction.get("where")) if isinstance(redaction, dict) else "params"
        if where == "params" or where.startswith(("params.", "params[")):
            if not isinstance(redaction, dict) or not redaction.get("fingerprint"):
                return None
            found.add((where, str(redaction["fingerprint"])))
    return found


class _TooLong(Exception):
    """The search took longer than it may."""


def _search(call: "Invocation", since: str | None, any_version: bool) -> Previous | None:
    wanted = _Wanted(call, any_version)
    if not wanted.can_be_told:
        return None
    deadline = monotonic_ns() + _SEARCH_NS
    undelivered: set[str] = set()
    for blocks, backwards in _files(call.path):
        found: Entry | None = None
        for block in blocks:
            found = _last_in(block, wanted, undelivered) or found
            if backwards and (found is not None or (since and _first_time(block) < since)):
                return _answer(found, since)
            if monotonic_ns() > deadline:
                raise _TooLong
        if found is not None and found.get("request_id") not in undelivered:
            return _answer(found, since)
    return None


def _answer(entry: "Entry | None", since: str | None) -> Previous | None:
    if entry is None or (since is not None and str(entry.get("logged_at")) < since):
        return None
    output = entry.get("output")
    digest = output.get("data_sha256") if isinstance(output, dict) else None
    return Previous(entry["request_id"], entry["timestamp"], entry["duration_ms"], digest)


def _last_in(block: bytes, wanted: _Wanted, undelivered: set[str]) -> "Entry | None":
    if not wanted.may_be_in(block):
        return None
    for line in reversed(block.split(b"\n")):
        found = wanted.match(line, undelivered)
        if found is not None:
            return found
    return None


def _first_time(block: bytes) -> str:
    """Return when the first line of a block was written; text that sorts last if it is damaged."""
    at = block.find(_LOGGED_AT, 0, _HEAD_BYTES) + len(_LOGGED_AT)
    return block[at : at + _TIME_CHARS].decode("ascii", "replace") if at >= len(_LOGGED_AT) else "~"


def _files(path: str) -> "Iterator[tuple[Iterator[bytes], bool]]":
    """Yield the files of a log, the newest first, as blocks of whole lines; and whether backwards.

    A compressed one cannot be read backwards.
    """
    with open_plainly(path) as active:  # before the others are listed: it may be sealed meanwhile
        yield _backwards(active), True
    for segment in reversed(sealed_segments(path)):
        from gzip import GzipFile

        with segment.open() as file:
            if isinstance(file, GzipFile):
                yield _forwards(file), False
            else:
                yield _backwards(file), True


def _backwards(file: "IO[bytes]") -> "Iterator[bytes]":
    end, begun = file.seek(0, SEEK_END), b""
    while end > 0:
        start = max(0, end - _BLOCK_BYTES)
        file.seek(start)
        block = file.read(end - start) + begun
        end, begun = start, b""
        if start:
            first, newline, block = block.partition(b"\n")
            begun = (first + newline)[:_MAX_LINE_BYTES]  # the end of a line that began before
        yield block


def _forwards(file: "IO[bytes]") -> "Iterator[bytes]":
    begun = b""
    while block := file.read(_BLOCK_BYTES):
        block, newline, begun_now = (begun + block).rpartition(b"\n")
        begun = begun_now[:_MAX_LINE_BYTES]
        yield block + newline


def _warn(call: "Invocation", why: str) -> None:
    message = f"no earlier call was looked for to its end: {why}"
    call.warnings.append({"code": "PREVIOUS_UNKNOWN", "message": message})
