"""A real HTTP server on a real socket, which keeps what it was asked and answers by the path."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

IDS = {
    "request-id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    "X-GitHub-Request-Id": "E2A1:3B:1F:2C:65",
    "CF-RAY": "8c1f0a2b3c4d5e6f-FRA",
}


class Seen:
    """One request as the server got it; header names are in lower case."""

    def __init__(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        self.method = handler.command
        self.target = handler.path
        self.body = body
        self.pairs = [(name.lower(), value) for name, value in handler.headers.items()]
        self.headers = dict(self.pairs)
        self.peer = handler.client_address


class Server:
    """Answers by the last part of a path.

    `ok` has ids in its headers, `redirect?to=URL` goes elsewhere, `flaky` is 503 the first time,
    `slow` sends its headers when `release` is set, `stream` its body then, `drop` hangs up.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.release = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments: Any) -> None:
                """Keep stderr clean."""

            def _answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                server.seen.append(Seen(self, self.rfile.read(size)))
                server.answer(self, urlsplit(self.path))

            do_GET = do_POST = do_PUT = do_PROPFIND = do_HEAD = _answer

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self._httpd.block_on_close = False
        if tls is not None:
            self._httpd.socket = tls.wrap_socket(
                self._httpd.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._httpd.server_address[1]
        self._httpd.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client left
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, path: str = "ok", host: str = "127.0.0.1") -> str:
        """Return the address of a path; `localhost` and `127.0.0.1` are two hosts to a client."""
        return f"http://{host}:{self.port}/secret-path/{path}"

    def close(self) -> None:
        """Stop, whoever still waits for an answer."""
        self.release.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join(5)

    def answer(self, handler: BaseHTTPRequestHandler, target: Any) -> None:
        """Answer one request."""
        name = target.path.rpartition("/")[2]
        if name == "redirect":
            (to,) = parse_qs(target.query)["to"]
            self._send(handler, 302, {"Location": to, "x-request-id": "hop"})
        elif name == "flaky" and sum("flaky" in seen.target for seen in self.seen) == 1:
            self._send(handler, 503, {"x-request-id": "first try"})
        elif name == "drop":
            handler.close_connection = True
        elif name == "slow":
            self.release.wait(20)
            self._send(handler, 200, {})
        elif name == "stream":
            self._stream(handler)
        elif name == "odd-ids":
            self._send(handler, 200, {"x-request-id": "é" + "x" * 999, "x-correlation-id": "\x07a"})
        elif name == "secret-id":
            self._send(handler, 200, {"x-request-id": "ghp_" + "a1B2" * 9})
        else:
            self._send(handler, 200, {"x-request-id": target.query} if target.query else IDS)

    def _send(self, handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        bodiless = handler.command in ("HEAD", "PUT")
        body = b"" if bodiless else b"the body"
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _stream(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("x-request-id", "streamed")
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"one")
        handler.wfile.flush()
        self.release.wait(20)
        handler.wfile.write(b"two")
