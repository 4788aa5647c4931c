"""What a command line of curl or wget is taken for, held against what a real server got."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Home, needs, response_in
from tooltrail._wire import REDACTED
from tooltrail.reconcile.clients import asked_of, unanswered
from tooltrail.reconcile.server_log import Line
from tooltrail.reconcile.times import Moment

Got = list[tuple[str, str]]


@contextmanager
def any_server() -> Iterator[tuple[int, Got, list[str]]]:
    """Run a server that answers every method; yield port, method and path, and log lines."""
    got: Got = []
    lines: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            got.append((self.command, self.path))
            at = self.log_date_time_string()
            lines.append(f'127.0.0.1 - - [{at}] "{self.requestline}" 200 2 "-" "x"\n')
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(b"ok")

        def log_date_time_string(self) -> str:
            import time

            return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port, got, lines
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def held(line: str, folder: Path) -> None:
    """Run a command line, and hold what it was taken for against what the server got."""
    argv = line.split()
    (folder / "up.txt").write_text("body")
    (folder / "up 2.txt").write_text("body")
    (folder / "curlrc").write_text('request = "PATCH"\n')
    with any_server() as (port, got, _):
        ready = [word.replace("URL", f"http://127.0.0.1:{port}") for word in argv]
        ready = [word.replace("HOST", f"127.0.0.1:{port}") for word in ready]
        done = subprocess.run(
            ready,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    came = [Line(1, {"method": method, "path": path}, Moment(0, 1)) for method, path in got]
    if unanswered(ready, done.returncode):
        assert not came
    else:
        asked = asked_of(ready)
        assert [(one.method, one.path and unquote(one.path)) for one in asked] == [
            (line.method, line.path and unquote(line.path)) for line in came
        ]
        assert all(one.host for one in asked)


CURL = [
    "curl -s -XDELETE URL/a",
    "curl -s -XPUT URL/a",
    "curl -sSfLXPUT URL/a",
    "curl -sXPUT -d x URL/a",
    "curl -s -X delete URL/a",
    "curl -s --request DELETE URL/a",
    "curl -s --request-target /t?q=1 URL/a",
    "curl -sI URL/a",
    "curl -s --head URL/a",
    "curl -sd x URL/a",
    "curl -sdx URL/a",
    "curl -s --data x URL/a",
    "curl -s --data-urlencode x=1 URL/a",
    "curl -s --data-ascii x URL/a",
    "curl -s --json {} URL/a",
    "curl -sF a=b URL/a",
    "curl -s --form-string a=b URL/a",
    "curl -s -G -d q=1 URL/a",
    "curl -sGd q=1 URL/a",
    "curl -s -I -G -d q=1 URL/a",
    "curl -s -X PATCH -G -d q=1 URL/a",
    "curl -s --get --no-get -d q=1 URL/a",
    "curl -s URL/{a,b}",
    "curl -s URL/[1-3]",
    "curl -s URL/[08-12:2]/[a-c]",
    "curl -s URL/{a,b}/{c,d}?x=1",
    "curl -sg URL/{a,b}",
    "curl -s URL/\\{a,b\\}",
    "curl -s URL/x/../y",
    "curl -s URL/x/./y/..",
    "curl -s URL/../y//z/../w",
    "curl -s --path-as-is URL/x/../y",
    "curl -sT up.txt URL/dir/",
    "curl -sT up.txt URL",
    "curl -sT up.txt URL/dir/named",
    "curl -s -T up.txt URL/dir/ URL/other",
    "curl -s -T {up.txt,curlrc} URL/dir/",
    "curl -s -T - URL/dir/",
    "curl -s --upload-file up.txt -X POST URL/dir/",
    "curl -s -e http://ref/ URL/a",
    "curl -s --referer http://ref/ URL/a",
    "curl -s -d http://callback/ URL/a",
    "curl -s -H http://x:y URL/a",
    "curl -s -o http://out URL/a",
    "curl -s -A http://bot/ -b http://c/ -u http://u:p -w http://w -r 0-1 URL/a",
    "curl -s -x URL http://example.invalid/a",
    "curl -s --proxy URL -e http://r/ http://example.invalid/a",
    "curl -s --url URL/a --url URL/b",
    "curl -s URL/a URL/b -XPOST",
    "curl -s URL/a --next -XPOST URL/b -: -I URL/c",
    "curl -s -d x URL/a -: URL/b",
    "curl -s HTTP://HOST/a",
    "curl -s HOST/a",
    "curl -s HOST",
    "curl -s URL?q=/x",
    "curl -s URL/a#frag/ment",
    "curl -s http://u:p@HOST/a",
    "curl -s --reques DELETE URL/a",
    "curl -s --dat x URL/a",
    "curl -s --refere http://r/ URL/a",
    "curl -s URL/[3-1]",
    "curl -s URL/{a",
    "curl -sgX GET URL/[a]?x[]=1",
    "curl -s -d x -I URL/a",
    "curl -s -T up.txt URL/x/../",
    "curl -s -b http://c -c jar -D head -E x URL/a",
    "curl -s --compressed --digest -u a:b URL/a",
    "curl -s -- URL/a",
    "curl -s URL/a%20b/%7Ec",
    "curl -sZ URL/a",
    "curl --help URL/a",
    "curl -V URL/a",
    "curl -s file:///etc/hostname URL/a",
    "curl -s -m 5 --connect-timeout 5 --retry 0 --max-redirs 3 -sS URL/a",
    "curl -s --no-progress-meter --no-keepalive --noproxy * URL/a",
]
WGET = [
    "wget -qO- URL/a",
    "wget -q -O - URL/a URL/b",
    "wget -qO- --method=PUT URL/a",
    "wget -qO- --method PUT --body-data=x URL/a",
    "wget -qO- --method=DELETE URL/a",
    "wget -qO- --post-data=x URL/a",
    "wget -qO- --post-data http://x/ URL/a",
    "wget -qO- --post-file up.txt URL/a",
    "wget -q --spider URL/a",
    "wget -nvO- URL/a",
    "wget -nv -nc -P out URL/a",
    "wget -qO- --referer=http://ref/ URL/a",
    "wget -qO- --referer http://ref/ --header=X:http://h/ URL/a",
    "wget -qO- -U http://bot/ -B http://base/ -o http:log URL/a",
    "wget -qO- -e robots=off URL/a",
    "wget -qO- HTTP://HOST/a",
    "wget -qO- HOST/a",
    "wget -qO- URL/x/../y",
    "wget -qO- URL/{a,b}",
    "wget -qO- --no-check-certificate --no-cache --tries=1 --timeout 5 URL/a",
    "wget -qO- --meth=PUT URL/a",
    "wget -qO- -- URL/a",
    "wget --version URL/a",
]


UNSURE = [  # where versions differ, or files say it that are not read
    "curl -s -K curlrc URL/a",
    "curl -s --config curlrc URL/a URL/b",
    "curl -s -T up.txt -G URL/a",
    "curl -s -T up.txt URL/dir/?q=1",
    "curl -s URL/a/%2e%2e/b",
    "curl -s URL/[1-101]",
    "curl -s URL/{a,b,c,d,e}/[1-30]",
    "wget -qO- -N URL/a",
    "wget -qO- -e method=PUT URL/a",
]


@needs("curl")
@needs("wget")
@pytest.mark.parametrize("line", UNSURE)
def test_what_cannot_be_told_may_be_anything(tmp_path: Path, line: str) -> None:
    """Nothing is claimed of it that the server could say otherwise."""
    (tmp_path / "up.txt").write_text("body")
    (tmp_path / "curlrc").write_text('request = "PATCH"\n')
    with any_server() as (port, got, _):
        argv = [word.replace("URL", f"http://127.0.0.1:{port}") for word in line.split()]
        subprocess.run(argv, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    asked = asked_of(argv)
    assert asked
    assert len(asked) <= len(got)
    for one, (method, path) in zip(asked, got, strict=False):
        assert one.method is None or one.path is None
        assert one.method in (None, method)
        assert one.path in (None, path)


@needs("curl")
@pytest.mark.parametrize("line", CURL)
def test_what_curl_asks_for_is_what_the_server_got(tmp_path: Path, line: str) -> None:
    """In method, path, number and order."""
    held(line, tmp_path)


@needs("wget")
@pytest.mark.parametrize("line", WGET)
def test_what_wget_asks_for_is_what_the_server_got(tmp_path: Path, line: str) -> None:
    """In method, path, number and order."""
    held(line, tmp_path)


ANSWERS = {
    # what was taken out of a word is not read as a pattern, and its path may be any
    f"curl http://u:{REDACTED}@h.example/x": [("GET", "h.example", "/x")],
    f"curl http://h.example/{REDACTED}/x": [("GET", "h.example", None)],
    f"curl -H {REDACTED} -XPUT {REDACTED}": [("PUT", None, None)],
    "curl http://[::1]:80/{a,b}": [("GET", "::1", "/a"), ("GET", "::1", "/b")],
    "curl -H host:other http://h.example/x": [("GET", None, "/x")],
    "curl --expand-url {{x}} --variable x=1": [("GET", None, None)],
    "curl --quite-new http://h.example/x": [(None, "h.example", None)],
    "curl --quite-new http://proxy/ http://h.example/x": [(None, "h.example", None)],
    "curl --quite-new=http://proxy/ http://h.example/x": [(None, "h.example", None)],
    "curl --doh-url http://d/ --preproxy http://p/ http://h.example/x": [
        ("GET", "h.example", "/x")
    ],
    "curl ftp.example.com/x scp://h/x": [],
    "curl": [],
    "curl -X": [],
    "wget -b http://h.example/x": [],
    "wget -i list.txt": [],
    "wget host:folder/file": [],
    "wget --quite-new http://h.example/x": [(None, "h.example", None)],
    "wget --header=Host:other http://h.example/x": [("GET", None, "/x")],
    "http GET h.example/x": [("GET", "h.example", "/x")],
    "http -v delete http://h.example/x X-A:http://b/ q==http://c/": [("DELETE", "h.example", "/x")],
    "http h.example/x": [(None, "h.example", "/x")],
    "http -I h.example/x q==a=b H:a=b": [("GET", "h.example", "/x")],
    "http -I h.example/x name=http://cb/": [("POST", "h.example", "/x")],
    "http -f h.example/x file@up.txt": [("POST", "h.example", "/x")],
    "http --raw=x --proxy http:http://p/ -o http://out h.example/x": [("POST", "h.example", "/x")],
    "http PUT :8000/x a:=1": [("PUT", "localhost", "/x")],
    "http PUT :/x": [("PUT", "localhost", "/x")],
    "http PUT ://h.example/x": [("PUT", "h.example", "/x")],
    "http --offline PUT h.example/x": [],
    "https --quite-new PUT h.example/x": [(None, None, None)],
    "xh -I PUT h.example/x/../y": [("PUT", "h.example", "/y")],
    "httpx http://h.example/x": [("GET", "h.example", "/x")],
    "httpx http://h.example/x -m PUT -h X http://b/ -p q http://c/": [("PUT", "h.example", "/x")],
    "httpx --proxy http://p/ http://h.example/x --json {}": [("POST", "h.example", "/x")],
    "httpx -u http://h.example/x": [(None, None, None)],
    "git fetch http://h.example/x": [],
}


@pytest.mark.parametrize("line", ANSWERS)
def test_arguments_are_read_by_each_clients_own_manual(line: str) -> None:
    """Method, host and path; None where it may be any."""
    assert [(one.method, one.host, one.path) for one in asked_of(line.split())] == ANSWERS[line]


@needs("wget")
def test_what_is_there_already_is_not_asked_for(home: Home, tmp_path: Path) -> None:
    """`wget -nc` ends well without a request: its line is not missing."""
    (tmp_path / "a").write_text("there already")
    with any_server() as (port, got, lines):
        url = f"http://127.0.0.1:{port}"
        for words in (["-nc", f"{url}/a"], ["--no-clobber", f"{url}/b"], ["-q", f"{url}/c"]):
            home.tooltrail("run", "--", "wget", *words, cwd=tmp_path)
    assert got == [("GET", "/b"), ("GET", "/c")]
    log = tmp_path / "access.log"
    log.write_text("".join(lines))
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "json")
    assert response_in(done.stdout)["data"]["counts"] == {"matched": 2, "unanswered": 1}
    assert done.returncode == 0


@needs("wget")
def test_of_two_calls_one_may_have_asked_for_nothing(home: Home, tmp_path: Path) -> None:
    """One line for both: whichever it is of, none is missing."""
    with any_server() as (port, _, lines):
        words = ["wget", "-qnc", f"http://127.0.0.1:{port}/a"]
        for _ in range(2):
            home.tooltrail("run", "--", *words, cwd=tmp_path)
    (line,) = lines
    log = tmp_path / "access.log"
    log.write_text(line)
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "json")
    data = response_in(done.stdout)["data"]
    assert done.returncode == 0, data
    assert (data["at_least_missing"], data["strangers"]) == (0, 0)
    assert "missing" not in data["counts"]


@needs("curl")
def test_what_stands_behind_a_failure_may_not_have_been_asked_for(
    home: Home, tmp_path: Path
) -> None:
    """With `--fail-early`, curl ends there."""
    with any_server() as (port, got, lines):
        url = f"http://127.0.0.1:{port}"
        words = ["--fail-early", "-s", "--max-filesize", "1", f"{url}/a", f"{url}/b"]
        done = home.tooltrail("run", "--", "curl", *words)
        assert done.returncode == 63
    assert got == [("GET", "/a")]
    log = tmp_path / "access.log"
    log.write_text("".join(lines))
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "json")
    assert response_in(done.stdout)["data"]["counts"] == {"matched": 1, "unanswered": 1}


@given(
    st.lists(
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(
                [*"-:[]{}", "--", "-X", "-d", "--next", "http://h/", "http://[", "-sX"]
            ),
        ),
        max_size=8,
    ),
    st.sampled_from(["curl", "wget", "http", "xh", "httpx"]),
)
def test_no_arguments_make_it_fail(words: list[str], client: str) -> None:
    """Whatever was recorded."""
    for one in asked_of([client, *words]):
        assert one.path is None or one.path.startswith(("/", "*")) or "--request-target" in words


SHELLED = [
    ("curl", "-s", "-XDELETE", "URL/a"),
    ("curl", "-sSfLXPUT", "URL/b"),
    ("curl", "-sI", "URL/c"),
    ("curl", "-sd", "x", "URL/d"),
    ("curl", "-s", "-G", "-d", "q=1", "URL/e"),
    ("curl", "-s", "URL/f/{a,b}", "URL/g[1-3]"),
    ("curl", "-s", "URL/x/../h"),
    ("curl", "-sT", "up.txt", "URL/dir/"),
    ("curl", "-s", "-e", "http://ref/", "-H", "X: http://h/", "-d", "http://cb/", "URL/i"),
    ("curl", "-s", "http://me:hunter2hunter2@HOST/j"),
    ("curl", "-s", "HTTP://HOST/k", "--next", "-XPATCH", "HOST/l"),
    ("wget", "-qO-", "--method=PUT", "--referer=http://ref/", "URL/m"),
]


@needs("curl")
@needs("wget")
def test_no_request_that_is_in_the_log_is_said_to_be_missing(home: Home, tmp_path: Path) -> None:
    """Each call is recorded by `tooltrail run`, and its requests are found in the server's log."""
    (tmp_path / "up.txt").write_text("body")
    with any_server() as (port, got, lines):
        for words in SHELLED:
            ready = [w.replace("URL", f"http://127.0.0.1:{port}") for w in words]
            ready = [w.replace("HOST", f"127.0.0.1:{port}") for w in ready]
            assert home.tooltrail("run", "--", *ready, cwd=tmp_path).returncode == 0
    log = tmp_path / "access.log"
    log.write_text("".join(lines))
    done = home.tooltrail("reconcile", "--server-log", str(log), "--output", "json")
    data = response_in(done.stdout)["data"]
    assert len(got) == 17
    assert data["count"] == len(got)
    assert set(data["counts"]) == {"matched"}, data["requests"]
    assert data["strangers"] == 0
    assert done.returncode == 0
