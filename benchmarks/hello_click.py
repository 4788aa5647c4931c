"""What recording a Click command costs: an instrumented hello-world against the bare one."""

import _measure
from _measure import Figure, Program, Workshop

TITLE = "hello_click: one call of a Click hello-world"

_BARE = """\
import click
{imports}

@click.command()
@click.option("--name", default="world")
def hello(name):
    {record}click.echo(f"Hello, {{name}}!")

{instrument}
if __name__ == "__main__":
    hello()
"""
_TOOLTRAIL = "from tooltrail.integrations.click import instrument"
_OTEL = """\
from opentelemetry import trace
from opentelemetry.instrumentation.click import ClickInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
"""
_OTEL_SETUP = """\
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
trace.set_tracer_provider(provider)
ClickInstrumentor().instrument()
"""
_TRAILPROOF = "import os\nfrom trailproof import Trailproof"
# A log of its own for each call: reading the log back is not what is compared here.
_TRAILPROOF_EMIT = """\
Trailproof(
        store="jsonl", path=os.path.expanduser(f"~/{os.getpid()}.jsonl"), default_tenant_id="bench"
    ).emit(event_type="hello", actor_id="me", payload={"name": name})
    """


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time the bare hello-world, tooltrail's two modes, and peers that can be installed."""
    bare = Figure("bare")
    programs = [
        _hello(place, bare),
        _hello(place, Figure("bare, once more (noise)", peer=bare)),
        _hello(
            place,
            Figure("tooltrail, observing", peer=bare, at_most=1.05),
            imports=_TOOLTRAIL,
            instrument='instrument(hello, tool="hello")',
        ),
        _hello(
            place,
            Figure("tooltrail, envelope mode", peer=bare),
            imports=_TOOLTRAIL,
            instrument='instrument(hello, tool="hello", envelope=True)',
        ),
    ]
    if place.install("trailproof"):
        figure = Figure("trailproof, one record", peer=bare)
        programs.append(_hello(place, figure, imports=_TRAILPROOF, record=_TRAILPROOF_EMIT))
    if place.install("opentelemetry-sdk", "opentelemetry-instrumentation-click"):
        figure = Figure("opentelemetry, spans kept in memory", peer=bare)
        programs.append(_hello(place, figure, imports=_OTEL, instrument=_OTEL_SETUP))
    _measure.time_programs(programs, rounds)
    return [program.figure for program in programs]


def _hello(
    place: Workshop, figure: Figure, *, imports: str = "", instrument: str = "", record: str = ""
) -> Program:
    """Write a hello-world of its own folder and home, named after its figure."""
    name = "".join(char if char.isalnum() else "-" for char in figure.name)
    text = _BARE.format(imports=imports, instrument=instrument, record=record)
    script = place.write(f"{name}/hello.py", text)
    return Program(figure, [place.python, script], place.environment(name))


if __name__ == "__main__":
    _measure.main(TITLE, measure)
