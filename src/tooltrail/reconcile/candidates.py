"""Which lines of a server's log may be which requests, before anything is known of its clock."""

import re
from collections import defaultdict
from os.path import commonprefix
from urllib.parse import quote, unquote

from .._encode import sha256
from .._typing import TYPE_CHECKING
from .._wire import ALGORITHM, REDACTED
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .requests import Request
    from .server_log import Line, ServerLog

    Kind = tuple[str | None, str | None, str | None, int | None]

_MOST_LINES = 500_000  # that fit a request, kept in memory
_WORD = re.compile(r"[0-9A-Za-z]{6,}")


class Candidates:
    """The lines that fit a request in all that both of them tell, in the order of the log."""

    def __init__(self, requests: "Sequence[Request]", own_host: bool) -> None:
        self.requests = requests
        self.lines: list[Line] = []
        self.by_kind: dict[Kind, list[int]] = defaultdict(list)  # places in `lines`
        self.named: dict[int, list[int]] = defaultdict(list)  # request -> lines with its id
        self.kinds = [_kind(request, own_host) for request in requests]
        self._by_path: dict[str | None, list[Kind]] = defaultdict(list)
        for kind in dict.fromkeys(self.kinds):
            self._by_path[kind[2]].append(kind)
        self._digests = any(path and path.startswith(ALGORITHM) for path in self._by_path)
        self._words: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for place, request in enumerate(requests):
            for name in request.ids:
                words = _WORD.findall(name)
                if words:
                    self._words[max(words, key=len)].append((name, place))
        names = [name for found in self._words.values() for name, _ in found]
        self._prefix = commonprefix(names)  # mostly `req_`, which hardly any line has

    def read(self, log: "ServerLog") -> None:
        """Take in what fits. Raises `UsageError` for what is no such log, or fits too much."""
        for line, text in log.read():
            self._name(line, text)
            if line.bare and not line.named and not log.described:
                log.no_requests += 1
                continue
            kinds = self._kinds_of(line)
            if not kinds and not line.named:
                continue
            place = len(self.lines)
            if place >= _MOST_LINES:
                raise UsageError(
                    f"{log.path}: more than {_MOST_LINES} lines fit the requests of the calls",
                    hint="ask for fewer calls, with --since and --until, --trace or --tool",
                )
            self.lines.append(line)
            for kind in kinds:
                self.by_kind[kind].append(place)
            for request in line.named:
                self.named[request].append(place)

    def of(self, request: int) -> "list[int]":
        """Return the places of the lines that may be this request."""
        if request in self.named:
            return self.named[request]
        return self.by_kind.get(self.kinds[request], [])

    def may_be(self, line: "Line", request: int) -> bool:
        """Tell whether a line that bears ids is not of another request."""
        return not line.named or request in line.named

    def tells(self, place: int, request: int) -> bool:
        """Tell whether a line and a request have more in common than the time.

        Where every line was said to be a request, and nothing else of it, there is no more.
        """
        line = self.lines[place]
        if request in line.named or (line.bare and not line.named):
            return True
        _, *ours = self.kinds[request]
        theirs = (line.method, line.path, line.status)
        return any(None not in pair for pair in zip(ours, theirs, strict=True))

    def _name(self, line: "Line", text: str) -> None:
        if not self._words or (self._prefix and self._prefix not in text):
            return
        for word in _WORD.findall(text):
            for name, place in self._words.get(word, ()):
                if name in text:
                    line.named.add(place)

    def _kinds_of(self, line: "Line") -> "list[Kind]":
        path = line.path
        if path is None:
            known = [kind for kinds in self._by_path.values() for kind in kinds]
        else:
            ways = {unquote(path) if "%" in path else path}
            if self._digests:  # of the path as it was sent, which the log may have unquoted
                ways |= {_digest(path), _digest(quote(path, safe="%/:@!$&'()*+,;=~-._"))}
            known = [kind for way in ways for kind in self._by_path.get(way, ())]
            known += self._by_path.get(None, [])
        return [kind for kind in known if _fits(kind, line)]


def _digest(path: str) -> str:
    return ALGORITHM + sha256(path.encode("utf-8", "surrogateescape")).hexdigest()


def _kind(request: "Request", own_host: bool) -> "Kind":
    path = request.path
    path = None if path is None or REDACTED in path else unquote(path)
    host = request.host if own_host else None
    return host, request.method, path, None if request.unanswered else request.status


def _fits(kind: "Kind", line: "Line") -> bool:
    host, method, _, status = kind
    return (
        (host is None or line.host is None or line.host == host)
        and (method is None or line.method is None or line.method == method)
        and (status is None or line.status is None or line.status == status)
    )
