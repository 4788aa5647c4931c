"""Whether a tool keeps a log, and from when on: only then can a record be missing from it."""

from .._typing import TYPE_CHECKING
from .._wire import IMPORT_TOOL, LOG_NAME, OWN_TOOL
from ..settings import settings_for
from ..trail import data_home, tool_name
from ..trail.read import logs_in, parse
from ..trail.registry import registered
from ..trail.segments import lines_of, segments
from .record import seconds

if TYPE_CHECKING:
    from .record import Record

NO_LOG = "no_log"
NOT_COVERED = "not_covered"
MISSING = "missing"
_INTERPRETERS = ("python", "node", "ruby", "perl", "bash", "sh", "deno", "bun")


class Coverage:
    """The logs of one data home, and since when each has lines."""

    def __init__(self) -> None:
        home = data_home(configured=settings_for(OWN_TOOL).data_home)
        self._paths = {path.split("/")[-2]: path for path in logs_in(home, LOG_NAME)}
        try:
            gone = [log for log in registered(home) if log.acknowledged is None]
        except OSError:
            gone = []
        for log in gone:
            self._paths.setdefault(tool_name(log.tool), log.path)
        for name in (OWN_TOOL, IMPORT_TOOL):
            self._paths.pop(name, None)
        self._begun: dict[str, float | None] = {}

    def of(self, record: "Record") -> tuple[str, str]:
        """Return how to call the tool's silence about a call, and why, as a sentence."""
        tool = next((name for name in _names(record) if name in self._paths), None)
        if tool is None:
            return NO_LOG, f"{record.tool} keeps no log"
        begun = self._since(tool)
        if begun is None:
            return MISSING, f"the log of {tool} is gone, or nothing of it can be read"
        if record.start is not None and (record.end or record.start) < begun:
            return NOT_COVERED, f"what is left of the log of {tool} begins later"
        return MISSING, f"the log of {tool} goes over that time, and has no such call"

    def _since(self, tool: str) -> float | None:
        if tool not in self._begun:
            self._begun[tool] = _first_time(self._paths[tool])
        return self._begun[tool]


def _names(record: "Record") -> list[str]:
    """Return the names that the tool's log may have: an interpreter is given the tool's own."""
    names = [record.tool]
    words = [str(word) for word in record.argv[:3]]
    if len(words) > 1 and record.tool.startswith(_INTERPRETERS):
        names.append(words[2] if words[1] == "-m" and len(words) > 2 else words[1])
    return [tool_name(name) for name in names if name]


def _first_time(path: str) -> float | None:
    for segment in segments(path):
        try:
            for line in lines_of(segment, None):
                found = seconds((parse(line) or {}).get("logged_at"))
                if found is not None:
                    return found
        except (OSError, EOFError):
            continue
    return None
