"""What `tooltrail.run` costs against `subprocess.run`, in one process; and a child of 1 GB."""

import json
import subprocess

import _measure
from _measure import Figure, Program, Workshop

TITLE = "calling: from Python, recorded"

_SHORT = """\
import json, subprocess, sys, time
import tooltrail

def timed(call):
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000

calls = [
    lambda: subprocess.run(["true"], capture_output=True),
    lambda: tooltrail.run(["true"]),
    lambda: tooltrail.run(["true"], capture="none"),
]
for call in calls * 20:
    call()
rounds = []
for number in range(int(sys.argv[1])):
    at = number % len(calls)
    taken = {(at + n) % len(calls): timed(calls[(at + n) % len(calls)]) for n in range(len(calls))}
    rounds.append([taken[n] for n in range(len(calls))])
print(json.dumps(rounds))
"""
_LARGE = "1000000000"
_PEER = """\
import subprocess, sys
assert len(subprocess.run(sys.argv[1:], capture_output=True).stdout) == 1_000_000_000
"""
_OURS = """\
import resource, sys, tooltrail
result = tooltrail.run(sys.argv[1:])
assert result.out.size == 1_000_000_000 and result.out.sha256
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 150_000  # kB
"""
_TEE = """\
import hashlib, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
digest = hashlib.sha256()
while piece := child.stdout.read(65_536):
    sys.stdout.buffer.write(piece)
    digest.update(piece)
sys.exit(child.wait())
"""


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Time a short call many times, and a large one a few times."""
    environment = place.environment("calling")
    script = place.write("short.py", _SHORT)
    done = subprocess.run(
        [place.python, script, str(10 * rounds)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    peer = Figure("subprocess.run(['true'], capture_output=True)")
    ours = Figure("tooltrail.run(['true'])", peer=peer, at_most=1.3)
    bare = Figure("tooltrail.run(['true'], capture='none')", peer=peer)
    for values in json.loads(done.stdout):
        for figure, value in zip((peer, ours, bare), values, strict=True):
            figure.values.append(value)
    return [peer, ours, bare, *_large(place, max(3, rounds // 10))]


def _large(place: Workshop, rounds: int) -> list[Figure]:
    """A child that prints 1 GB: kept by `subprocess`, kept to a cap and digested by us."""
    command = ["/usr/bin/head", "-c", _LARGE, "/dev/zero"]
    environment = place.environment("calling")
    whole = Figure("1 GB: subprocess.run, capture_output=True")
    tee = Figure("1 GB: a Python wrapper that passes it on and digests it")
    scripts = {name: place.write(name, text) for name, text in _SCRIPTS.items()}
    figures = {
        whole: [place.python, scripts["peer.py"], *command],
        Figure("1 GB: tooltrail.run, digested, in 150 MB", peer=whole, at_most=1.3): [
            place.python,
            scripts["ours.py"],
            *command,
        ],
        tee: [place.python, scripts["tee.py"], *command],
        Figure("1 GB: tooltrail run --capture digest", peer=tee, at_most=1.3): [
            str(place.bin / "tooltrail"),
            *("run", "--capture", "digest", "--"),
            *command,
        ],
    }
    programs = [Program(figure, argv, environment) for figure, argv in figures.items()]
    _measure.time_programs(programs, rounds)
    return list(figures)


_SCRIPTS = {"peer.py": _PEER, "ours.py": _OURS, "tee.py": _TEE}

if __name__ == "__main__":
    _measure.main(TITLE, measure)
