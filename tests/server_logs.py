"""Real servers for the tests, whose logs the calls are held against; and generated logs."""

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

SERVER = """
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

kind, skew, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
log = open(path, "a", buffering=1)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 404 if self.path.startswith("/missing") else 200
        body = b"{}"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if self.path.startswith("/named"):
            name = f"srv-{time.time_ns():x}"
            self.send_header("X-Request-ID", name)
        else:
            name = None
        self.end_headers()
        self.note(status, name, len(body))  # before the client may end, and the test with it
        self.wfile.write(body)

    def note(self, status, name, size):
        now = time.time() + skew
        if kind == "json":
            fields = {"ts": now, "method": self.command, "path": self.path, "status": status}
            log.write(json.dumps({**fields, **({"id": name} if name else {})}) + "\\n")
        else:
            at = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))
            log.write(f'127.0.0.1 - - [{at}] "{self.requestline}" {status} {size} "-" "x"\\n')
    do_POST = do_GET
    def log_message(self, *arguments): pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""

NGINX = which("nginx") or "/usr/sbin/nginx"
NGINX_CONF = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    log_format with_id escape=json
        '{{"time":"$time_iso8601","request":"$request","status":$status,"id":"$request_id"}}';
    access_log {folder}/access.log combined;
    access_log {folder}/access.json with_id;
    server {{
        listen 127.0.0.1:{port};
        location /named {{ add_header X-Request-ID $request_id always; return 200 "named"; }}
        location /gone {{ return 404; }}
        location / {{ return 200 "ok"; }}
    }}
}}
"""


@contextmanager
def python_server(folder: Path, kind: str, skew: float) -> Iterator[tuple[int, Path]]:
    """Run a Python server that writes a log; yield its port, and where the log is."""
    script, log = folder / "server.py", folder / f"access.{kind}"
    script.write_text(SERVER)
    process = subprocess.Popen(
        [sys.executable, script, kind, str(skew), log], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), log
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """Run nginx; yield its port. Its logs are `access.log` and `access.json` in the folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(NGINX_CONF.format(folder=folder, port=port))
    process = subprocess.Popen(
        [NGINX, "-p", folder, "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGQUIT)  # it ends what it has begun, and logs it
        process.wait(timeout=20)


class Generated:
    """Requests and a log that were made up: which line is which request is known."""

    def __init__(
        self, seed: int, *, requests: int, strangers: float, skew: float, lost: float = 0.0
    ) -> None:
        """Make a log up.

        `strangers` is how many lines of others there are for each request; `lost` the share of
        requests whose line is not there.
        """
        self.random = random.Random(seed)
        now = 1_795_000_000.0 + self.random.random()
        self.requests: list[tuple[float, float, str, str, int]] = []
        written: list[tuple[float, str, str, int, int | None]] = []
        for number in range(requests):
            now += self.random.choice((0.05, 0.4, 2.0, 9.0)) * (0.5 + self.random.random())
            took = self.random.choice((0.01, 0.1, 0.8)) * (0.5 + self.random.random())
            one = self._one()
            self.requests.append((now, now + took, *one))
            at = now + took * self.random.random()
            if self.random.random() >= lost:
                written.append((at, *one, number))
            now += took
        first, last = self.requests[0][0] - 60, now + 60
        for _ in range(int(strangers * requests)):
            written.append((first + self.random.random() * (last - first), *self._one(), None))
        written.sort(key=lambda line: line[0])
        self.truth = {line[4]: place for place, line in enumerate(written, 1)}
        self.text = "".join(
            f'10.0.0.9 - - [{_clf(at + skew)}] "{method} {path} HTTP/1.1" {status} 5 "-" "x"\n'
            for at, method, path, status, _ in written
        )

    def _one(self) -> tuple[str, str, int]:
        path = self.random.choice(("/v1/releases", "/v1/deploys", "/v1/status", "/health"))
        return self.random.choice(("GET", "GET", "POST")), path, self.random.choice((200, 200, 404))


def _clf(at: float) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at))
