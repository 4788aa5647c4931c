"""A local HTTP server whose answers are the same bytes each time: no date, no server's name."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ROWS = 80_000
_MEDIA = bytes(range(256)) * 8000  # 2 MB
_BUCKET = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix/>
<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents>
<Key>report.csv</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>"e"</ETag>
<Size>4711</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>
"""


def _answers() -> dict[str, tuple[str, bytes]]:
    rows = [{"id": number, "name": f"row {number}"} for number in range(_ROWS)]
    return {
        "/rows.json": ("application/json", json.dumps(rows).encode()),
        "/film.mp4": ("video/mp4", _MEDIA),
        "/bucket": ("application/xml", _BUCKET),
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers = _answers()

    def do_GET(self) -> None:
        found = self.answers.get(self.path.partition("?")[0].rstrip("/"))
        kind, body = found or ("text/plain", b"nothing here\n")
        self.send_response_only(200 if found else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(ConnectionError):  # yt-dlp asks, looks at the start, and leaves
                self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[int]:
    """Serve until the block is left; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
