"""What observing HTTP requests costs: keep-alive requests against a local server that does nothing.

The server answers from memory over the loopback, which no real one does: the ratios are the worst
that there can be, and what is added to a request stays the same where it takes 50 ms.
"""

import subprocess

import _measure
from _measure import Figure, Workshop

TITLE = "http: keep-alive requests against a local server, by one client"
RATE = "requests/s"
_REQUESTS = 2000  # of one run, in calls of a hundred: an entry keeps no more
_PER_CALL = 100

_SERVER = """\
import socket, threading

HEAD = [
    "HTTP/1.1 200 OK", "Content-Type: text/plain", "X-Request-Id: req_0123456789abcdef",
    "Date: Sun, 22 Nov 2026 14:30:00 GMT", "Server: bench", "Content-Length: 2",
]
ANSWER = ("\\r\\n".join(HEAD) + "\\r\\n\\r\\nok").encode()

def serve(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = b""
    while block := connection.recv(65536):
        got += block
        while b"\\r\\n\\r\\n" in got:
            got = got.partition(b"\\r\\n\\r\\n")[2]
            connection.sendall(ANSWER)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
_CLIENT = """\
import sys, time
from contextlib import nullcontext
{client}
{tooltrail}
url = "http://127.0.0.1:" + sys.argv[1] + "/"
for _ in range(100):
    get(url)
calls, requests = {requests} // {per_call}, {per_call}
started = time.perf_counter()
for _ in range(calls):
    with call():
        for _ in range(requests):
            get(url)
print(calls * requests / (time.perf_counter() - started))
"""
_CLIENTS = {
    "urllib3": (
        'import urllib3\npool = urllib3.PoolManager()\nget = lambda url: pool.request("GET", url)'
    ),
    "requests": "import requests\nget = requests.Session().get",
    "httpx": "import httpx\nget = httpx.Client().get",
}
_BARE = "call = nullcontext"
_PATCHED = """\
import tooltrail
with tooltrail.invocation("bench"):
    pass
call = nullcontext"""
_RECORDED = """\
import tooltrail
call = lambda: tooltrail.invocation("bench")"""


def measure(place: Workshop, rounds: int) -> list[Figure]:
    """Measure each client bare, patched outside of a call, recorded, and with headers going out."""
    if not place.install(*_CLIENTS):
        raise SystemExit("pip could not install the clients")
    figures: list[Figure] = []
    runs = []
    for client, text in _CLIENTS.items():
        bare = Figure(f"{client}, bare", RATE)
        told = {"TOOLTRAIL_PROPAGATE_TO": "127.0.0.1", "TOOLTRAIL_PROPAGATE_REQUEST_ID": "1"}
        variants = (
            (bare, _BARE, {}),
            (Figure(f"{client}, bare, once more (noise)", RATE, peer=bare), _BARE, {}),
            (Figure(f"{client}, patched, in no call", RATE, peer=bare), _PATCHED, {}),
            (Figure(f"{client}, recorded", RATE, peer=bare), _RECORDED, {}),
            (Figure(f"{client}, recorded, headers out", RATE, peer=bare), _RECORDED, told),
        )
        for figure, tooltrail, variables in variants:
            name = "".join(char if char.isalnum() else "-" for char in figure.name)
            code = _CLIENT.format(
                client=text, tooltrail=tooltrail, requests=_REQUESTS, per_call=_PER_CALL
            )
            runs.append((figure, place.write(f"http/{name}.py", code), variables))
            figures.append(figure)
    _run(place, runs, max(3, rounds // 10))
    return figures


def _run(place: Workshop, runs: list[tuple[Figure, str, dict[str, str]]], rounds: int) -> None:
    """Run the programs one after another in each round, another one first each time."""
    script = place.write("http/server.py", _SERVER)
    with subprocess.Popen(
        [place.python, script], stdout=subprocess.PIPE, env=place.environment("server"), text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            for number in range(rounds):
                first = number % len(runs)
                for figure, program, variables in (*runs[first:], *runs[:first]):
                    environment = {**place.environment("http"), **variables}
                    done = subprocess.run(
                        [place.python, program, port],
                        env=environment, check=True, capture_output=True, text=True, timeout=120,
                    )  # fmt: skip
                    figure.values.append(float(done.stdout))
        finally:
            server.terminate()


if __name__ == "__main__":
    _measure.main(TITLE, measure)
