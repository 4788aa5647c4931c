"""Run every benchmark in one throw-away installation, and sum up the figures that have a bar."""

import platform

import _measure
import append
import calling
import hello_click
import hook_handler
import log_growth
import redaction
import shims
import startup
import verify
import wrapper

import frameworks

BENCHMARKS = (
    hello_click,
    frameworks,
    startup,
    log_growth,
    wrapper,
    shims,
    calling,
    hook_handler,
    append,
    verify,
    redaction,
)


def main() -> None:
    """Print each benchmark's table as it is done, and then the summary."""
    rounds = _measure.rounds_from_command_line("all benchmarks")
    barred = []
    with _measure.workshop() as place:
        for benchmark in BENCHMARKS:
            figures = benchmark.measure(place, rounds)
            print(_measure.table(benchmark.TITLE, figures), flush=True)
            barred += [figure for figure in figures if figure.bar()]
    machine = f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}"
    print(_measure.table(f"Summary ({rounds} rounds, {machine})", barred))


if __name__ == "__main__":
    main()
