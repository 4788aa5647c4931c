"""The demo: a site is built, deployed, broken, and rolled back, and the logs tell it all.

Every program that runs here is real: git, python, sqlite-utils, and deployctl beside this
file, against an HTTP server on the loopback interface. All of it happens in a temporary folder.
"""

import hashlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo_server import serving

EXAMPLES = Path(__file__).resolve().parent
PROGRAMS = {
    "deployctl": [sys.executable, str(EXAMPLES / "deployctl" / "deployctl.py")],
    "observe_sqlite_utils.py": [sys.executable, str(EXAMPLES / "observe_sqlite_utils.py")],
}
TOKEN = f"demo-{secrets.token_hex(12)}"
GIT_USER = "-c user.name=demo -c user.email=demo@localhost"
SECONDS_FOR_A_CALL = 60


class Demo:
    """One session of an agent: its folder, its trace id, and the calls that it made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace_id = f"demo-session-{secrets.token_hex(2)}"
        self.calls = 0
        self.responses: list[dict[str, Any]] = []
        search = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        self.environment = {
            "PATH": os.pathsep.join(search),
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "TOOL_TRACE_ID": self.trace_id,
            "TOOL_OPERATOR": "demo-agent",
        }

    def run(self, line: str, *, expect: int = 0, stdin: str = "") -> tuple[str, str]:
        """Print a command line, run it, and return its stdout and stderr."""
        say(f"$ {line}")
        words = [TOKEN if word == "$TOKEN" else word for word in shlex.split(line)]
        try:
            done = subprocess.run(
                [*PROGRAMS.get(words[0], words[:1]), *words[1:]],
                check=False,
                cwd=self.folder,
                env=self.environment,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=SECONDS_FOR_A_CALL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            sys.exit(
                f"demo: {line}: {error.strerror if isinstance(error, OSError) else 'too slow'}"
            )
        output = done.stdout + done.stderr
        check(TOKEN not in output, f"the token was printed by: {line}")
        check(done.returncode == expect, f"exit code {done.returncode}, not {expect}\n{output}")
        return done.stdout, done.stderr

    def call(self, line: str, *, expect: int = 0, stdin: str = "") -> None:
        """Make a recorded call, and print its output and exit code."""
        self.calls += 1
        say(indented("".join(self.run(line, expect=expect, stdin=stdin))))
        say(f"  exit code {expect}\n")

    def deployctl(self, line: str, *, expect: int = 0) -> None:
        """Make a call of deployctl, and print what its JSON response tells."""
        self.calls += 1
        response = json.loads(self.run(f"deployctl {line}", expect=expect)[0])
        meta, error = response["meta"], response["error"]
        check(meta["trace_id"] == self.trace_id, f"the response has trace {meta['trace_id']}")
        kept = {key: meta[key] for key in ("request_id", "command", "duration_ms", "timestamp")}
        self.responses.append({**kept, "ok": response["ok"]})
        if error:
            say(f"  ok: false   {error['code']}: {error['message']}\n  hint: {error['hint']}")
        else:
            say(f"  ok: true   {json.dumps(response['data'])}")
        say(f"  {meta['request_id']}   {meta['duration_ms']} ms   exit code {expect}\n")

    def show(self, title: str, line: str) -> None:
        """Print what a reading command finds, under a heading."""
        say(f"== {title}\n")
        say(indented(self.run(line)[0]) + "\n")


def say(text: str) -> None:
    """Print at once, so that the order is right in a pipe as well."""
    if text:
        print(text, flush=True)


def indented(text: str) -> str:
    """Return lines set off from the left."""
    return "\n".join(f"  {line}".rstrip() for line in text.rstrip().splitlines())


def check(good: bool, problem: str) -> None:
    """End the demo, unless all is as it should be."""
    if not good:
        sys.exit(f"demo: not as it should be: {problem}")


def build(demo: Demo) -> None:
    """Commit the site's source and build it, all through the wrapper."""
    shutil.copytree(EXAMPLES / "site", demo.folder / "source")
    say("== 1. Build: git and python know nothing of tooltrail; `tooltrail run` records them\n")
    demo.call("tooltrail run -- git init --quiet source")
    demo.call("tooltrail run -- git -C source add .")
    demo.call(f"tooltrail run -- git -C source {GIT_USER} commit --quiet -m 'Add the almanac'")
    demo.call("tooltrail run -- git -C source log --format='%h %an: %s'")
    demo.call("tooltrail run --operation build -- python source/build.py output")
    demo.calls += 1  # the build's own call of git


def release(demo: Demo, url: str) -> None:
    """Deploy a good release, then a broken one, and go back."""
    site, token = "--site site", '--token "$TOKEN"'
    say("== 2. Deploy: deployctl answers in JSON, with a request_id and a duration\n")
    demo.deployctl(f"deploy output {site} --release v1 {token}")
    demo.deployctl(f"verify {site} --url {url} {token}")
    say("== 3. An incident: after the build, one page is cut short and one is lost\n")
    os.truncate(demo.folder / "output" / "numbers" / "17.html", 40)
    (demo.folder / "output" / "numbers" / "42.html").unlink()
    demo.deployctl(f"deploy output {site} --release v2 {token}")
    demo.deployctl(f"verify {site} --url {url} {token}", expect=1)
    demo.deployctl(f"rollback {site} {token}")
    demo.deployctl(f"verify {site} --url {url} {token}")


def report(demo: Demo) -> None:
    """Keep the responses in a database, with a Click tool that was not changed."""
    say("== 4. Report: sqlite-utils, not changed, is started by a script that records it\n")
    rows = json.dumps(demo.responses)
    demo.call("observe_sqlite_utils.py insert report.db calls - --pk request_id", stdin=rows)
    query = "select command, ok, duration_ms from calls order by timestamp"
    demo.call(f"observe_sqlite_utils.py query report.db '{query}' --table")
    demo.call("observe_sqlite_utils.py rows report.db incidents", expect=1)


def reconstruct(demo: Demo) -> None:
    """Print what the logs tell afterwards, and compare it with what was done."""
    trace = f"tooltrail trace {demo.trace_id} --output"
    demo.show("5. What did deployctl do?", "deployctl audit-log --since 1h --output jsonl")
    demo.show("6. What did all the tools do?", "tooltrail log --output table")
    demo.show("7. In what order, and what was slow?", f"{trace} tree")
    say("== 8. Is it all there? The same as JSON, compared with what was done\n")
    found = json.loads(demo.run(f"{trace} json")[0])["data"]
    calls = {call["request_id"]: call for call in flat(found["calls"])}
    check(len(calls) == demo.calls, f"{len(calls)} of {demo.calls} calls are in the trace")
    answered = {response["request_id"] for response in demo.responses}
    check(answered <= set(calls), f"not in the trace: {answered - set(calls)}")
    failed = [calls[request_id]["command"] for request_id in found["failed"]]
    check(failed == ["verify", "rows"], f"told to have failed: {failed}")
    slowest = calls[found["slowest"]]["command"]
    check(slowest == "build", f"told to be the slowest: {slowest}")
    logs = [path for path in (demo.folder / "data").rglob("*") if path.is_file()]
    leaks = [str(path) for path in logs if TOKEN.encode() in path.read_bytes()]
    check(bool(logs) and not leaks, f"the token is in {leaks} of {len(logs)} files")
    say(f"  {len(calls)} calls made, {len(calls)} in the trace; slowest: {slowest};")
    say(f"  failed: {', '.join(failed)}; the token is in none of {len(logs)} log files")


def flat(calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the calls of a trace, those below others too."""
    for call in calls:
        yield call
        yield from flat(call["children"])


def main() -> None:
    """Run the session in a folder that is removed on every way out."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="tooltrail-demo-") as name:
        demo = Demo(Path(name))
        site = demo.folder / "site"
        site.mkdir()
        (site / "token.sha256").write_text(hashlib.sha256(TOKEN.encode()).hexdigest())
        say(f"export TOOL_TRACE_ID={demo.trace_id} TOOL_OPERATOR=demo-agent\n")
        with serving(site / "current", TOKEN) as url:
            build(demo)
            release(demo, url)
            report(demo)
        reconstruct(demo)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
    except BrokenPipeError:
        os._exit(1)  # whoever read the demo is gone; the folder is removed already
