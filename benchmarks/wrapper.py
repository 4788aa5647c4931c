"""What `tooltrail run -- true` costs, against a console script that only spawns `true`."""

from pathlib import Path

import _measure
from _measure import Figure, Program, Workshop

TITLE = "wrapper: `true`, wrapped"

_PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "bench-spawner"
version = "0"

[project.scripts]
bench-spawner = "bench_spawner:main"
"""
_SPAWNER = """\
import os


def main():
    pid = os.posix_spawn("/bin/true", ["true"], os.environ)
    os.waitpid(pid, 0)
"""


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time tooltrail and the spawner, both as two generations of pip write console scripts."""
    place.write("spawner/pyproject.toml", _PROJECT)
    place.write("spawner/bench_spawner.py", _SPAWNER)
    if not place.install(str(place.folder / "spawner")):
        raise SystemExit("pip could not install the spawner")
    spawner = Figure("console script that spawns true")
    lean_spawner = Figure("the same, script without `import re`")
    true = Figure("/bin/true")
    figures = {
        spawner: [str(place.bin / "bench-spawner")],
        Figure("tooltrail run", peer=spawner, at_most=1.2): _run(place.bin / "tooltrail"),
        lean_spawner: [_lean(place, "bench-spawner", "bench_spawner")],
        Figure("tooltrail run, script without `import re`", peer=lean_spawner, at_most=1.2): _run(
            _lean(place, "tooltrail", "tooltrail.cli")
        ),
        true: ["/bin/true"],
        Figure("env true", peer=true): ["/usr/bin/env", "true"],
        Figure("python -c pass", peer=spawner): [place.python, "-c", "pass"],
    }
    environment = place.environment("wrapper")
    programs = [Program(figure, argv, environment) for figure, argv in figures.items()]
    _measure.time_programs(programs, rounds)
    return list(figures)


def _run(tooltrail: Path | str) -> list[str]:
    return [str(tooltrail), "run", "--", "true"]


def _lean(place: Workshop, name: str, module: str) -> str:
    """Write a console script as pip 26 does; that of pip 23 spends several ms on `import re`."""
    text = (
        f"#!{place.python}\nimport sys\nfrom {module} import main\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    )
    path = Path(place.write(f"lean/{name}", text))
    path.chmod(0o755)
    return str(path)


if __name__ == "__main__":
    _measure.main(TITLE, measure)
