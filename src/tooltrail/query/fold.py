"""Make entries of a log's lines: one for each call, whatever became of it.

Two passes over the same bytes, so that memory does not grow with the log. The
first learns which calls have no end, and which ends were corrected later; the
second yields each call where it ended, or where it began if it did not. What is
written meanwhile is past the size that was taken at the start.
"""

from functools import partial
from itertools import islice

from .._typing import TYPE_CHECKING, Any
from .._wire import FAILURE, OTHER
from ..trail.find import beginnings, from_time, lines_with, mention
from ..trail.read import glance, is_whole, lines_at, parse, supersedes
from ..trail.segments import snapshot
from . import open_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..trail.segments import Snapshot

    Entry = dict[str, Any]
    Glanced = tuple[bytes, bool, bytes, bytes]  # a line, whether it is whole, event, request id

_MAX_KEPT = 20_971_520  # bytes of lines that are not looked for a second time
_TOLD_LINES = 4_096  # between two words on how far it is
_TOGETHER = 16  # lines that are handed on at once: each of them may be large
_STAGES = (250, 2_500, 25_000)  # lines that are looked at before all of them are
_CORRECTING = (b'undelivered"', b'"supersedes":true')  # what is in a line that corrects another
_OF_THE_LINE = ("v", "prev", "event", "supersedes", "healed_bytes", "healed_prev")
_OF_THE_END = ("exit_code", "duration_ms", "signal", "error", "origin")
_ALIASES = (("params", "args"), ("params", "parameters"), ("version", "tool_version"))


class LogEntries:
    """The entries of one log, in its order; `bad_lines` counts what could not be read."""

    def __init__(self, path: str, progress: "Callable[[int], None] | None" = None) -> None:
        self.path = path
        self._progress = progress  # is told how many bytes have been looked at
        self.bad_lines = 0
        self.first_bad_line: int | None = None
        self._open: dict[bytes, int] = {}  # request id -> number of its latest begin line
        self._superseding: dict[bytes, int] = {}  # request id -> number of its last such end
        self._corrections: dict[bytes, bytes] = {}  # request id -> the line

    def read(
        self,
        may_match: "Callable[[bytes], bool]",
        *,
        literal: bytes | None = None,
        since: str | None = None,
        indexed: bool = True,
    ) -> "Iterator[Entry]":
        """Yield the entries whose line passes `may_match`, a test on the raw line.

        Lines without the id `literal`, and lines written before `since`, need not be looked at;
        then what is damaged among them is not counted. Without `indexed` no index is believed
        that says where the id is not. Raises `OSError` where the log cannot be read.
        """
        picture = snapshot(self.path)
        if literal is not None:
            yield from self.fold(lambda: _with_id(picture, literal, indexed=indexed), may_match)
            return
        places = beginnings(picture) if since is None else list(from_time(picture, since))
        yield from self.fold(
            lambda: lines_at(places),
            may_match,
            whole_log=since is None,
            by_and_by=not mention(places, _CORRECTING),
        )

    def fold(
        self,
        look: "Callable[[], Iterator[tuple[bytes, bool]]]",
        may_match: "Callable[[bytes], bool]",
        *,
        whole_log: bool = False,
        by_and_by: bool = False,
    ) -> "Iterator[Entry]":
        """Yield the entries of some lines, each with whether it is whole, as `look` gives them.

        It is called some times. With `whole_log` the number of the first bad line is told. Where
        no line corrects another, entries can be told `by_and_by`: those of the first lines before
        the others are read, up to a call whose end is not among them.
        """
        done = 0
        for size in (*(_STAGES if by_and_by else ()), None):
            progress = self._progress if size is None else None
            found = _Twice(partial(_first, look, size), progress)
            self._survey(found)
            number = 0
            for number, glanced in enumerate(found, 1):
                if number <= done:
                    continue
                if size is not None and self._open.get(glanced[3]) == number:
                    break  # its end may come later
                done = number
                entry = self._told(number, glanced, may_match, whole_log)
                if entry is not None:
                    yield entry
            else:
                if size is None or number < size:
                    found.complain()
                    return

    def _told(
        self, number: int, glanced: "Glanced", may_match: "Callable[[bytes], bool]", numbered: bool
    ) -> "Entry | None":
        """Return the entry of the call for which a line stands, if it does for one that matches."""
        line, whole, event, request_id = glanced
        if event not in (b"begin", b"end"):
            if not whole or not _is_event(event, line):
                self._bad(number if numbered else None)
        elif self._stands_for_its_call(event, request_id, number) and may_match(
            line + self._corrections[request_id] if request_id in self._corrections else line
        ):
            body = parse(line)
            if body is not None:
                return self.entry(body, event, request_id)
            self._bad(number if numbered else None)
        return None

    def _survey(self, found: "Iterable[Glanced]") -> None:
        for number, (line, _, event, request_id) in enumerate(found, 1):
            if event == b"begin":
                self._open[request_id] = number
            elif event == b"end":
                self._open.pop(request_id, None)
                if supersedes(line):
                    self._superseding[request_id] = number
            elif event == b"undelivered":
                self._corrections[request_id] = line

    def _stands_for_its_call(self, event: bytes, request_id: bytes, number: int) -> bool:
        """Tell the one line at whose place the call is yielded."""
        if event == b"begin":
            return self._open.get(request_id) == number
        return self._superseding.get(request_id, number) == number

    def entry(self, body: "Entry", event: bytes, request_id: bytes) -> "Entry":
        """Make the entry of a call of its parsed line: its end, or its begin where it has none."""
        for name in _OF_THE_LINE:
            body.pop(name, None)
        for ours, theirs in _ALIASES:
            if ours not in body and theirs in body:
                body[ours] = body[theirs]
        if not isinstance(body.get("outcome"), str) and event != b"begin":
            body["outcome"] = OTHER
        if event == b"begin":
            body |= dict.fromkeys(_OF_THE_END)
            body["outcome"] = open_calls.outcome(body.get("process"))
        redactions = body.get("redactions")
        for redaction in redactions if isinstance(redactions, list) else ():
            if isinstance(redaction, dict):  # it would tell two secrets apart, to anyone
                redaction.pop("fingerprint", None)
        line = self._corrections.get(request_id)
        correction = None if line is None else parse(line)
        if correction and body.get("exit_code") == 0:
            body["exit_code"] = correction.get("exit_code")
            body["error"] = correction.get("error")
            body["outcome"] = FAILURE
        return body

    def _bad(self, number: int | None) -> None:
        self.bad_lines += 1
        if self.first_bad_line is None:
            self.first_bad_line = number


class _Twice:
    """What is gone through twice: from memory where it is little, else by looking again."""

    def __init__(
        self, look: "Callable[[], Iterator[Glanced]]", progress: "Callable[[int], None] | None"
    ) -> None:
        self._look = look
        self._progress = progress  # of the first time
        self._kept: list[Glanced] | None = None
        self._error: OSError | None = None

    def __iter__(self) -> "Iterator[Glanced]":
        kept, self._kept = self._kept, None
        return self._look_and_keep() if kept is None else _given_up(kept)

    def _look_and_keep(self) -> "Iterator[Glanced]":
        kept: list[Glanced] = []
        size = 0
        told, self._progress = self._progress, None
        lines = self._as_far_as_can_be_read()
        done = 0
        while some := list(islice(lines, _TOGETHER)):
            if told is not None and not done % _TOLD_LINES:
                told(size)
            done += _TOGETHER
            size += sum(len(each[0]) for each in some)
            kept += some
            if size > _MAX_KEPT:
                kept.clear()
            yield from some
        if size <= _MAX_KEPT:
            self._kept = kept

    def _as_far_as_can_be_read(self) -> "Iterator[Glanced]":
        try:
            yield from self._look()
        except OSError as error:
            self._error = error

    def complain(self) -> None:
        """Raise what went wrong with the reading, now that all that could be read was."""
        if self._error is not None:
            raise self._error


def _given_up(kept: "list[Glanced]") -> "Iterator[Glanced]":
    """Yield what was kept, and keep it no longer: its memory is wanted for what is made of it."""
    kept.reverse()
    while kept:
        yield kept.pop()


def _glanced(found: "tuple[bytes, bool]") -> "Glanced":
    """Add to a line, and whether it is whole, of which event and call it is."""
    line, whole = found
    return (line, whole, *glance(line)) if whole else (line, whole, b"", b"")


def _first(
    look: "Callable[[], Iterator[tuple[bytes, bool]]]", size: int | None
) -> "Iterator[Glanced]":
    return islice(map(_glanced, look()), size)


def _with_id(
    picture: "Snapshot", literal: bytes, *, indexed: bool
) -> "Iterator[tuple[bytes, bool]]":
    """Yield the lines that hold an id, each with whether it is whole."""
    return ((line, is_whole(line)) for line in lines_with(picture, literal, is_id=indexed))


def _is_event(event: bytes, line: bytes) -> bool:
    """Tell a line that stands for no call, of this format or a later one, from garbage."""
    if event in (b"log", b"undelivered", b"seal"):
        return True
    body = parse(line)
    return body is not None and "event" in body
