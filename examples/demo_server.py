"""The demo's web server: a folder on the loopback interface, for whoever has the token."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@contextmanager
def serving(folder: Path, token: str) -> Iterator[str]:
    """Serve a folder, which may be a symlink that changes, and yield its URL."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

        def do_GET(self) -> None:
            if self.headers["Authorization"] == f"Bearer {token}":
                super().do_GET()
            else:
                self.send_error(401)

        def log_message(self, *_: Any) -> None:
            """Stay silent: the demo tells what happens."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
