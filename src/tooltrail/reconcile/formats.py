"""The formats of access logs, each as a function from a line to its fields.

Fields are `time`, `method`, `path`, `status`, `host`, all texts, as far as the line has them.
"""

import json
import re

from .._typing import TYPE_CHECKING, Any
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = dict[str, str]
    Reader = Callable[[str], Fields | None]

_START = (
    r'^(?:(?P<host>\[[0-9A-Fa-f:.]+\](?::\d+)?|[^\s\[\]"]+) )?'
    r'(?P<address>\[[0-9A-Fa-f:.]+\]|(?!- )[^\s"\[\]]+) \S+ (?P<user>[^\["]{1,200}?)'
    r' \[(?P<time>[^\]]{5,64})\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?:\d+|-)'
)
_COMMON = re.compile(_START + r"\s*$")
_COMBINED = re.compile(_START + r' "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"')
_PAIR = re.compile(r'([A-Za-z_@][\w.@-]{0,63})=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_REQUEST = re.compile(r"([A-Za-z]{1,20}) (\S+)(?: HTTP/[\d.]+)?")
_NAMES = {
    "time": (
        *("time", "timestamp", "@timestamp", "ts", "time_iso8601", "msec", "time_local"),
        *("datetime", "date", "t", "asctime", "StartUTC"),
    ),
    "method": (
        *("method", "request_method", "http_method", "http.method", "http.request.method"),
        *("request.method", "verb", "req.method", "RequestMethod"),
    ),
    "path": (
        *("path", "uri", "request_uri", "url", "url.path", "http.target", "request.uri"),
        *("request_path", "req.url", "url.original", "RequestPath"),
    ),
    "status": (
        *("status", "status_code", "response_status", "http.status_code", "statusCode"),
        *("http.response.status_code", "response.status", "res.statusCode", "DownstreamStatus"),
    ),
    "host": (
        *("host", "http_host", "server_name", "vhost", "request.host", "http.host"),
        *("url.domain", "req.headers.host", "RequestHost"),
    ),
    "request": ("request",),
}
EXPECTED = {
    "combined": 'ADDRESS - USER [22/Nov/2026:14:30:00 +0000] "GET /path HTTP/1.1" 200 512'
    ' "REFERER" "AGENT"',
    "common": 'ADDRESS - USER [22/Nov/2026:14:30:00 +0000] "GET /path HTTP/1.1" 200 512',
    "json": 'one JSON object a line, with a time: {"time": "2026-11-22T14:30:00Z", "method": "GET",'
    ' "path": "/", "status": 200}',
    "logfmt": "time=2026-11-22T14:30:00Z method=GET path=/ status=200",
}
EXPECTED["nginx"] = EXPECTED["combined"]
NAMES = ("auto", "combined", "nginx", "common", "json", "logfmt")


def reader_of(name: str) -> "Reader":
    """Return what reads a line of this format. Raises `UsageError` for one that is not known."""
    if name.startswith("regex="):
        return _by_regex(name.removeprefix("regex="))
    readers: Mapping[str, Reader] = {
        "combined": _combined,
        "nginx": _combined,
        "common": _common,
        "json": _json,
        "logfmt": _logfmt,
    }
    if name not in readers:
        raise UsageError(
            f"--format {name[:40]!r} is not known",
            hint=f"it takes {', '.join(NAMES)}, or regex=PATTERN with the group (?P<time>...)",
        )
    return readers[name]


def _combined(line: str) -> "Fields | None":
    found = _COMBINED.match(line)
    return None if found is None else _with_request(found.groupdict())


def _common(line: str) -> "Fields | None":
    found = _COMMON.match(line)
    return None if found is None else _with_request(found.groupdict())


def _json(line: str) -> "Fields | None":
    start = line.find("{")  # a collector may have put a prefix before it
    if start < 0:
        return None
    try:
        value = json.loads(line[start:])
    except (ValueError, RecursionError):
        return None
    return _named(_flat(value)) if isinstance(value, dict) else None


def _logfmt(line: str) -> "Fields | None":
    pairs = {
        name: quoted.replace('\\"', '"') if quoted else bare
        for name, quoted, bare in _PAIR.findall(line)
    }
    return _named(pairs)


def _by_regex(pattern: str) -> "Reader":
    try:
        made = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"--format regex=: it is no regular expression: {error}") from None
    if "time" not in made.groupindex:
        raise UsageError(
            "--format regex=: the group (?P<time>...) is missing",
            hint="known groups: time, method, path, status, host, request (GET /path HTTP/1.1)",
        )

    def read(line: str) -> "Fields | None":
        found = made.search(line)
        return None if found is None else _with_request(found.groupdict())

    return read


def _flat(value: "dict[str, Any]", prefix: str = "", depth: int = 0) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, item in value.items():
        if isinstance(item, dict) and depth < 4:
            flat |= _flat(item, f"{prefix}{name}.", depth + 1)
        elif isinstance(item, (str, int, float)) and not isinstance(item, bool):
            flat[prefix + name] = str(item)
    return flat


def _named(values: "Mapping[str, str]") -> "Fields | None":
    fields = {
        field: next((values[name] for name in names if values.get(name)), None)
        for field, names in _NAMES.items()
    }
    return _with_request(fields) if fields["time"] else None


def _with_request(found: "Mapping[str, str | None]") -> "Fields":
    fields = {name: text for name, text in found.items() if text and text != "-"}
    request = _REQUEST.match(fields.pop("request", ""))
    if request is not None:
        fields.setdefault("method", request[1])
        fields.setdefault("path", request[2])
    return fields
