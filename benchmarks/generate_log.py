"""Write the logs of a machine that worked for 30 days: several tools, chained, sealed.

    python benchmarks/generate_log.py --entries 1000000 --home DIR [--segments 50]

An entry is a call: a begin and an end line, of about 600 bytes each, as `tooltrail` writes them.
Traces hold 5 to 50 calls, one after the other; one call in 20 fails, one in 97 is slow. The same
arguments give the same bytes. `DIR` is the HOME whose logs are written.
"""

import argparse
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAYS = 30
TOOLS = {  # a tool's commands, each with how often it is called and how long it takes, in ms
    "deployctl": {
        "deploy": (3, 4000),
        "verify": (5, 900),
        "rollback": (1, 1500),
        "status": (8, 60),
    },
    "dbctl": {"db migrate": (1, 12_000), "db dump": (2, 7000), "query": (12, 40)},
}
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEED = 20261122
_BOOT = "5f0f35f5-8a1c-4a5e-9e0b-0d6a3c1f7b42"
_HOUR = timedelta(hours=1)


def written(moment: datetime) -> str:
    """Return a time as the log writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


END_LESS_AN_HOUR = written(END - _HOUR)


def generate(
    home: Path,
    entries: int,
    *,
    segments: int = 1,
    calls_in_a_trace: int | None = None,
) -> None:
    """Write the logs of so many calls; each log in so many segments, the last one active."""
    data = home / ".local" / "share"
    logs = {tool: _Log(data / tool, tool, entries * 2 // len(TOOLS) // segments) for tool in TOOLS}
    for number, (tool, begin, end, began, ended) in enumerate(_calls(entries, calls_in_a_trace)):
        log = logs[tool]
        log.add(began, begin)
        log.add(ended, end, may_seal=segments > 1 and number < entries - 2 * len(TOOLS))
    for log in logs.values():
        log.close()


class _Log:
    """One log that is being written."""

    def __init__(self, folder: Path, tool: str, lines: int) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._tool = tool
        self._lines = max(lines, 2)  # of a segment
        self._seq = 0
        self._first = 0
        self._hash = "0" * 64
        self._last = ""
        self._id = f"log_{_ulid(random.Random(f'{_SEED}{tool}'), END - timedelta(days=DAYS))}"
        self._file = (folder / "audit.jsonl").open("wb")

    def add(self, moment: str, body: str, *, may_seal: bool = False) -> None:
        """Add a line; begin another segment where this one is full."""
        if not self._last:
            self._open(moment)
        self._put(moment, body)
        if may_seal and self._seq - self._first >= self._lines:
            name = f"audit-{self._first:012d}.jsonl"
            self._put(moment, f'"event":"seal","segment":"{name}"')
            self._file.close()
            (self._folder / "audit.jsonl").rename(self._folder / name)
            self._first = self._seq
            self._file = (self._folder / "audit.jsonl").open("wb")
            self._open(moment)

    def close(self) -> None:
        """Leave the last segment active."""
        self._file.close()

    def _open(self, moment: str) -> None:
        what = f'"log":"{self._id}","tool":"{self._tool}","host":"build-7","open":[]'
        self._put(moment, f'"event":"log",{what}')

    def _put(self, moment: str, body: str) -> None:
        self._last = max(moment, self._last)
        head = f'{{"v":1,"seq":{self._seq},"prev":"sha256:{self._hash}","logged_at":"{self._last}"'
        clamped = ',"clamped":true' if moment < self._last else ""
        line = f"{head}{clamped},{body}}}".encode("ascii")
        self._file.write(line + b"\n")
        self._hash = sha256(line).hexdigest()
        self._seq += 1


def _calls(entries: int, in_a_trace: int | None) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield tool, begin body, end body, and when each of them is written, in order of time.

    Calls do not overlap, so that the end of one comes before the begin of the next.
    """
    chance = random.Random(_SEED)
    kinds = [(tool, name, *usual) for tool, names in TOOLS.items() for name, usual in names.items()]
    weights = [weight for _, _, weight, _ in kinds]
    step = timedelta(days=DAYS) / entries
    moment = END - timedelta(days=DAYS)
    left, trace, at = 0, "", 0
    for number, (tool, command, _, usual) in enumerate(_endless(chance, kinds, weights)):
        if number == entries:
            return
        if not left:
            left, at = in_a_trace or chance.randint(5, 50), 0
            trace = f"agent-session-{chance.getrandbits(32):08x}"
        left, at = left - 1, at + 1
        took = int(usual * chance.lognormvariate(0, 0.4) * (20 if number % 97 == 0 else 1))
        took = max(1, min(took, int(step / timedelta(milliseconds=1)) * 9 // 10 or took))
        began, ended = written(moment), written(moment + timedelta(milliseconds=took))
        own = f"req_{_ulid(chance, moment)}"
        trace_id = trace if in_a_trace else f"{trace}-step-{at}"
        who = (
            f'"request_id":"{own}","trace_id":"{trace_id}","parent_request_id":null,'
            f'"timestamp":"{began}","tool":"{tool}","command":"{command}"'
        )
        rest = _rest(tool, command, trace, number)
        failed = number % 20 == 19
        message = f'{{"code":"COMMAND_FAILED","message":"{command} {number}: connection refused"}}'
        outcome = (
            f'"exit_code":{3 if failed else 0},"outcome":"{"failure" if failed else "success"}",'
            f'"duration_ms":{took},"signal":null,"error":{message if failed else "null"},'
            '"origin":"executed"'
        )
        yield (
            tool,
            f'"event":"begin",{who},{rest}',
            f'"event":"end",{who},{outcome},{rest}',
            began,
            min(ended, written(moment + step)) if step else ended,
        )
        moment += step


def _endless(
    chance: random.Random, kinds: list[tuple[str, str, int, int]], weights: list[int]
) -> Iterator[tuple[str, str, int, int]]:
    total = list(itertools.accumulate(weights))
    while True:
        yield from chance.choices(kinds, cum_weights=total, k=1000)


def _rest(tool: str, command: str, operator: str, number: int) -> str:
    return (
        f'"operator":"{operator}","params":{{"env":"{("prod", "staging")[number % 3 > 0]}",'
        f'"n":{number},"dry_run":false}},"version":"1.2.3","recorder":"tool",'
        '"trace_source":"TOOL_TRACE_ID","operator_source":"TOOL_OPERATOR","caller":{},'
        f'"process":{{"pid":{number % 30_000 + 2},"parent_pid":1,"start_ticks":{number},'
        f'"pid_namespace":"4026531836","boot_id":"{_BOOT}","host":"build-7","uid":1000,'
        f'"user":"deploy","executable":"/usr/local/bin/{tool}","cwd":"/srv/app",'
        f'"argv":["{tool}","{command}"]}}'
    )


def _ulid(chance: random.Random, moment: datetime) -> str:
    value = (int(moment.timestamp() * 1000) << 80) | chance.getrandbits(80)
    return "".join(_DIGITS[value >> shift & 31] for shift in range(125, -1, -5))


def main() -> None:
    """Write the logs that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--segments", type=int, default=1)
    asked = parser.parse_args()
    generate(asked.home, asked.entries, segments=asked.segments)


if __name__ == "__main__":
    main()
