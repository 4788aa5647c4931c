"""What taking the secrets out costs, against `json.dumps` of the entry that they are taken out of.

The measuring is done by a second process, under the interpreter that has tooltrail installed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import _measure
from _measure import Figure, Workshop

TITLE = "redaction: the arguments of one call, as params and as the process's"
US = "us"
_CALLS = 200  # in one round
_VARIABLES = 60
_CLEAN = ["deployctl", "release", "--environment", "staging", "--count", "3", "web"]
_SECRETS = [
    *("deployctl", "release", "--api-token", "Zx9Q7w3Kt5Vb2Nn8Ya4S"),
    *("--header", "Authorization: Bearer Qw8Er6Ty4Ui2Op0AsDf"),
    *("--repository", "https://deploy:Gh1Jk3Lz5Xc7Vb9N@git.example.org/team/web.git?ref=main"),
    "web",
]
PEER, NOTHING, SECRETS, VARIABLES = "json.dumps", "nothing", "secrets", "variables"


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Return the times of a call without secrets and of one with three."""
    command = [place.python, __file__, "--inside", str(rounds)]
    answer = subprocess.run(
        command, env=place.environment("redaction"), stdout=subprocess.PIPE, check=True
    )
    times: dict[str, list[float]] = json.loads(answer.stdout)
    peer = Figure("json.dumps of the entry", US)
    figures = {
        PEER: peer,
        NOTHING: Figure("nothing to take out", US, peer=peer, at_most=8),
        SECRETS: Figure("a secret flag, a header, a URL", US, peer=peer, at_most=8),
        VARIABLES: Figure(f"nothing, in {_VARIABLES} variables", US, peer=peer, at_most=8),
    }
    for name, figure in figures.items():
        figure.values = times[name]
    return list(figures.values())


def inside(rounds: int) -> None:
    """Run the rounds and print all times as JSON: microseconds for one call."""
    entry = _entry(*_redact(_SECRETS))
    if "Qw8Er6" in json.dumps(entry) or len(entry["redactions"]) != 6:
        raise SystemExit(f"not all secrets were taken out: {entry}")
    few = dict(os.environ)
    many = {f"SERVICE_{number}_HOME": f"/srv/{number}" for number in range(_VARIABLES - len(few))}
    methods: dict[str, Callable[[], object]] = {
        PEER: lambda: json.dumps(entry),
        NOTHING: lambda: _redact(_CLEAN),
        SECRETS: lambda: _redact(_SECRETS),
        VARIABLES: lambda: _redact(_CLEAN),
    }
    times: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds + 1):  # the first is a warm-up
        names = list(methods)
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            if name == VARIABLES:
                os.environ.update(many)
            taken = _time(methods[name])
            for variable in many if name == VARIABLES else ():
                del os.environ[variable]
            if number:
                times[name].append(taken)
    json.dump(times, sys.stdout)


def check_that_nothing_is_imported() -> None:
    """Fail where a call without secrets loads the engine or `re`."""
    code = (
        "import sys\nfrom tooltrail.redact import Redactor\nr = Redactor()\n"
        f"r.params({{'argv': {_CLEAN!r}}}); r.argv({_CLEAN!r}, 'argv')\n"
        "sys.exit('tooltrail._redaction' in sys.modules)"
    )
    if subprocess.run([sys.executable, "-c", code], check=False).returncode:
        raise SystemExit("a call without secrets loads the engine")


def _redact(argv: list[str]) -> tuple[Any, ...]:
    from tooltrail.redact import Redactor

    redactor = Redactor()
    params = redactor.params({"argv": argv})
    arguments = redactor.argv(argv, "process.argv")
    command = redactor.text("release", "command")
    cwd = redactor.text("/srv/deploy", "process.cwd")
    return params, arguments, command, cwd, redactor.redactions


def _entry(
    params: dict[str, Any], argv: list[str], command: str, cwd: str, redactions: list[Any]
) -> dict[str, Any]:
    """Return an end line as the wrapper writes it."""
    return {
        "event": "end",
        "request_id": "req_01KAPWZ7E50V3MGTT1QTS0J2CB",
        "timestamp": "2026-11-22T14:30:00.000Z",
        "trace_id": "claude-code-7f2b8a51-0c1d-4e6f-9a83-52b1c0d4e7f6",
        "trace_source": "agent",
        "parent_request_id": None,
        "tool": "deployctl",
        "version": None,
        "recorder": "wrapper",
        "command": command,
        "params": params,
        "operator": "claude-code",
        "operator_source": "agent",
        "caller": {"agent": "claude-code", "session": "7f2b8a51-0c1d-4e6f-9a83-52b1c0d4e7f6"},
        "process": {
            "pid": 48213,
            "parent_pid": 48200,
            "start_ticks": 9214467,
            "pid_namespace": "4026531836",
            "boot_id": "4b7e1c52-6f0a-4a6c-8f43-0d7f7b1c9a55",
            "host": "build-7",
            "uid": 1000,
            "user": "deploy",
            "executable": "/usr/local/bin/deployctl",
            "cwd": cwd,
            "argv": argv,
        },
        "redactions": redactions,
        "exit_code": 0,
        "outcome": "success",
        "duration_ms": 812,
        "origin": "executed",
        "child": {"pid": 48214},
    }


def _time(method: Callable[[], object]) -> float:
    started = time.perf_counter()
    for _ in range(_CALLS):
        method()
    return (time.perf_counter() - started) / _CALLS * 1e6


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        check_that_nothing_is_imported()
        inside(int(sys.argv[2]))
    else:
        _measure.main(TITLE, measure)
