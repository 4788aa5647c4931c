"""Read the records of both sides, and fetch the other half of those that name one elsewhere.

A time window, a trace or a tool may hold one half of a pair and not the other; what a record
names is therefore looked up in all logs, whatever was asked for.
"""

import re

from .._typing import TYPE_CHECKING, Any
from ..query.held import sharing
from ..query.options import Query
from ..query.search import Search
from ..trail.read import glance
from .record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..query.gaps import Gap

_PARENT = re.compile(rb'"parent_request_id":"([^"\\]{1,256})"')


class Gathered:
    """The records that were asked for, the halves that they name, and the blind spots."""

    def __init__(self, query: Query) -> None:
        self.records: dict[str, Record] = {}
        search = Search(query)
        for entry in sharing(search):
            self._keep(Record(entry))
        self.paths = search.paths
        self.gaps: list[Gap] = search.problems()
        self.asked = set(self.records)
        wanted = self._wanted()
        if wanted:
            for entry in Search(Query(carries=_carries(wanted), all=True)):
                self._keep(Record(entry))

    def _keep(self, record: Record) -> None:
        self.records.setdefault(record.request_id, record)

    def _wanted(self) -> set[bytes]:
        """Return the ids whose own line, or whose children, may be outside of what was asked."""
        wanted: set[str] = set()
        for record in self.records.values():
            if record.outside:
                wanted.add(record.request_id)
                wanted.add(str(record.child.get("request_id", "")))
            elif record.parent is not None:
                wanted.add(record.parent)
        return {name.encode("utf-8", "replace") for name in wanted if name}


def _carries(wanted: set[bytes]) -> "Callable[[bytes], bool]":
    def carries(line: bytes) -> bool:
        if glance(line)[1] in wanted:
            return True
        parent = _PARENT.search(line)
        return parent is not None and parent[1] in wanted

    return carries


def asked_query(values: "dict[str, Any]") -> Query:
    """Return the query for both sides. Raises `UsageError`."""
    from ..query.options import query_from

    names = ("since", "until", "tool", "exact")
    asked = {name: values.get(name) for name in names}
    return query_from({**asked, "trace_id": values.get("trace_id"), "all": True})
