"""What a call through a shim costs, and what the hook of bash costs a shell and each command."""

import subprocess
import time
from pathlib import Path

import _measure
from _measure import Figure, Program, Workshop

TITLE = "shims: `true`, called by name; and bash with its hook"

_INSTALL = """\
import os, sys
from tooltrail import shells, userfile
for edit in shells.install("bash", command=[], home=os.environ["HOME"], project=None):
    os.makedirs(os.path.dirname(edit.path), exist_ok=True)
    userfile.apply(edit)
print(shells.hook_path("bash"))
"""
_COMMANDS = "for ((i = 0; i < 1000; i++)); do :; done"
_PROGRAMS = "for i in {1..50}; do /bin/true; done"


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time `true` bare, wrapped, and through its shim; and a program that has no shim."""
    environment = place.environment("shims")
    added = [str(place.bin / "tooltrail"), "shim", "add", "true"]
    subprocess.run(added, env=environment, check=True, stdout=subprocess.DEVNULL)
    folder = f"{environment['HOME']}/.local/share/tooltrail/shims"
    with_shims = {**environment, "PATH": f"{folder}:{environment['PATH']}"}
    bare = Figure("/bin/true")
    wrapped = Figure("tooltrail run -- true", peer=bare)
    without = Figure("a program without a shim (`test`), no shims in PATH")
    figures: dict[Figure, tuple[list[str], dict[str, str]]] = {
        bare: (["/bin/true"], environment),
        wrapped: ([str(place.bin / "tooltrail"), "run", "--", "true"], environment),
        Figure("the shim of true", peer=wrapped, at_most=1.2): ([f"{folder}/true"], with_shims),
        without: (["/usr/bin/env", "test", "x"], environment),
        Figure("the same, shims first in PATH", peer=without, at_most=1.1): (
            ["/usr/bin/env", "test", "x"],
            with_shims,
        ),
    }
    shells = _shell(place, environment)
    for part in (figures, shells):  # apart: a hooked shell's recorder works on after it
        programs = [Program(figure, argv, env) for figure, (argv, env) in part.items()]
        _measure.time_programs(programs, rounds)
    while list(Path(folder).with_name("spool").iterdir()):
        time.sleep(0.1)
    return [*figures, *shells]


def _shell(
    place: Workshop, environment: dict[str, str]
) -> dict[Figure, tuple[list[str], dict[str, str]]]:
    """Return bash bare and with its hook: alone, with 1000 builtins, and with 50 programs."""
    installed = subprocess.run(
        [place.python, "-c", _INSTALL], env=environment, check=True, stdout=subprocess.PIPE
    )
    hooked = {**environment, "BASH_ENV": installed.stdout.decode().strip()}
    figures = {}
    for name, line in (
        ("bash -c :", ":"),
        ("bash: 1000 builtin commands", _COMMANDS),
        ("bash: 50 programs", _PROGRAMS),
    ):
        bare = Figure(name)
        figures[bare] = (["/bin/bash", "-c", line], environment)
        figures[Figure(f"{name}, hooked", peer=bare)] = (["/bin/bash", "-c", line], hooked)
    return figures


if __name__ == "__main__":
    _measure.main(TITLE, measure)
