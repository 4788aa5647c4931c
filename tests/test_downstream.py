"""HTTP requests of a call: what goes out with them, and what comes back into the entry."""

import asyncio
import hashlib
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import tooltrail
from clients import CLIENTS, Get
from conftest import PYTHON, Home
from servers import IDS, Server
from tooltrail._host import HTTP_CLIENTS
from tooltrail.context import child_traceparent
from tooltrail.downstream.ids import REQUEST_ID_HEADERS
from tooltrail.downstream.outgoing import is_signed

KEPT_IDS = {name.lower(): value for name, value in IDS.items()}
each_client = pytest.mark.parametrize("get", CLIENTS.values(), ids=CLIENTS)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies are not asked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own."""
    made = Server()
    yield made
    made.close()


def call(name: str = "fetcher") -> Any:
    """Return a call to be entered."""
    return tooltrail.invocation(name)


def items(home: Home, name: str = "fetcher") -> list[dict[str, Any]]:
    """Return `downstream` of the only call of a tool."""
    found: list[dict[str, Any]] = home.end(name).get("downstream", [])
    return found


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# -- back: what the entry keeps of a request


@each_client
def test_a_request_is_an_item_with_the_ids_that_came_back(
    home: Home, server: Server, get: Get
) -> None:
    """Host, method, status, times and ids; one item, whichever layers the client has."""
    with call():
        assert get(server.url(), {}) == 200
    (item,) = items(home)
    assert item.pop("duration_ms") >= 0
    assert item.pop("offset_ms") >= 0
    assert item.pop("path_sha256") == digest(server.url())
    assert item == {"host": "127.0.0.1", "method": "GET", "status": 200, "request_ids": KEPT_IDS}
    assert len(server.seen) == 1


def digest(url: str) -> str:
    """Return what the entry keeps of a URL's path."""
    path = urlsplit(url).path or "/"
    return "sha256:" + hashlib.sha256(path.encode()).hexdigest()


@each_client
def test_the_times_of_an_item_lie_within_the_call(home: Home, server: Server, get: Get) -> None:
    """An item that came second began after the first, and both within the call."""
    with call():
        get(server.url(), {})
        get(server.url(), {})
    first, second = items(home)
    assert first["offset_ms"] + first["duration_ms"] <= second["offset_ms"] + 1
    assert second["offset_ms"] + second["duration_ms"] <= home.end("fetcher")["duration_ms"] + 1


@each_client
def test_outside_of_a_call_a_patched_client_is_the_bare_one(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same headers go out before, and after, a call; and nothing is kept anywhere."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")
    get(server.url(), {"x-mine": "1"})
    with call() as recorded:
        pass
    get(server.url(), {"x-mine": "1"})
    before, after = ([pair for pair in seen.pairs if pair[0] != "host"] for seen in server.seen)
    assert before == after
    assert not any(name in dict(after) for name in ("traceparent", "x-request-id"))
    assert recorded.observed == {}


@each_client
def test_neither_path_nor_query_nor_userinfo_is_kept(home: Home, server: Server, get: Get) -> None:
    """What a request asked for is the tool's business."""
    url = server.url("ok?token=hunter2-hunter2")
    if get is not CLIENTS["urllib.request"]:  # which knows no userinfo
        url = url.replace("http://", "http://ann:hunter3pw@")
    with call():
        get(url, {})
    text = home.log("fetcher").read_text()
    assert len(items(home)) == 1
    assert not any(part in text for part in ("secret-path", "hunter2", "hunter3", "the body"))


@each_client
def test_each_hop_of_a_redirect_is_an_item(home: Home, server: Server, get: Get) -> None:
    """With the host, the status and the ids of its own."""
    there = server.url("ok", "localhost")
    with call():
        assert get(server.url(f"redirect?to={there}"), {}) == 200
    assert [(item["host"], item["status"], item["request_ids"]) for item in items(home)] == [
        ("127.0.0.1", 302, {"x-request-id": "hop"}),
        ("localhost", 200, KEPT_IDS),
    ]


def test_each_retry_is_an_item(home: Home, server: Server) -> None:
    """Why a call was slow is often that its first try failed."""
    retry = urllib3.Retry(total=2, status_forcelist=[503], backoff_factor=0)
    with call(), urllib3.PoolManager(retries=retry) as pool:
        assert pool.request("GET", server.url("flaky")).status == 200
    with call("by-requests"), requests.Session() as session:
        server.seen.clear()
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        assert session.get(server.url("flaky")).status_code == 200
    for name in ("fetcher", "by-requests"):
        first, second = items(home, name)
        assert (first["status"], first["request_ids"]) == (503, {"x-request-id": "first try"})
        assert (second["status"], second["request_ids"]) == (200, KEPT_IDS)


@each_client
def test_a_refused_connection_is_an_item_and_the_clients_own_exception(
    home: Home, get: Get
) -> None:
    """It passes through as the bare client raises it, type and text."""
    url = f"http://127.0.0.1:{free_port()}/"

    def raised() -> BaseException:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - each client has its own
            get(url, {})
        return caught.value

    bare = raised()
    with call():
        observed = raised()
    assert type(observed) is type(bare)
    (item,) = items(home)
    assert item["error"] in (
        "NewConnectionError", "ConnectionRefusedError", "ConnectError", "ClientConnectorError",
    )  # fmt: skip
    assert "status" not in item
    assert "request_ids" not in item
    assert item["host"] == "127.0.0.1"


def test_a_timeout_is_an_item(home: Home, server: Server) -> None:
    """By the name that the client, or the layer below it, gives it."""

    async def by_aiohttp() -> None:
        timeout = aiohttp.ClientTimeout(sock_read=0.1)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await session.get(server.url("slow"))

    with call():
        with pytest.raises(requests.ReadTimeout):
            requests.get(server.url("slow"), timeout=0.1)
        with httpx.Client() as client, pytest.raises(httpx.ReadTimeout):
            client.get(server.url("slow"), timeout=0.1)
        with pytest.raises(aiohttp.ServerTimeoutError):
            asyncio.run(by_aiohttp())
    *first, last = [item["error"] for item in items(home)]
    assert first == ["ReadTimeoutError", "ReadTimeout"]
    assert last in ("SocketTimeoutError", "ServerTimeoutError")  # since aiohttp 3.10, before it


@each_client
def test_a_server_that_hangs_up_is_an_item(home: Home, server: Server, get: Get) -> None:
    """No status and no ids, but a name for what happened."""
    with call(), pytest.raises(Exception):  # noqa: B017, PT011 - each client has its own
        get(server.url("drop"), {})
    assert {item["error"] for item in items(home)} <= {
        "RemoteDisconnected", "RemoteProtocolError", "ServerDisconnectedError",
    }  # fmt: skip
    assert len(items(home)) == len(server.seen)  # aiohttp tries an idempotent request twice


def test_a_streamed_response_is_an_item_when_its_headers_came(home: Home, server: Server) -> None:
    """The body is still on its way: its time is not in the item."""
    with call() as recorded:
        with requests.get(server.url("stream"), stream=True) as response:
            assert [item["request_ids"] for item in recorded.observed["downstream"]] == [
                {"x-request-id": "streamed"}
            ]
            server.release.set()
            assert response.content == b"onetwo"
        server.release.clear()
        with httpx.Client() as client, client.stream("GET", server.url("stream")) as streamed:
            assert len(recorded.observed["downstream"]) == 2
            server.release.set()
            assert streamed.read() == b"onetwo"
    assert [item["status"] for item in items(home)] == [200, 200]


def test_a_kept_alive_connection_makes_an_item_for_each_request(home: Home, server: Server) -> None:
    """Observing costs no connection: one socket serves all, before, in and after the call."""
    with requests.Session() as session, httpx.Client() as client:
        session.get(server.url())
        client.get(server.url())
        with call():
            for _ in range(3):
                session.get(server.url())
                client.get(server.url())
        session.get(server.url())
    assert len(items(home)) == 6
    assert len({seen.peer for seen in server.seen}) == 2


def test_bodies_and_streams_of_requests_arrive_whole(home: Home, server: Server) -> None:
    """Bytes, a generator and an async generator, with headers going along."""

    async def chunks() -> Any:
        yield b"a" * 70_000
        yield b"b"

    async def upload() -> None:
        async with httpx.AsyncClient() as client:
            await client.post(server.url(), content=chunks(), headers={"Content-Length": "70001"})

    with call():
        requests.post(server.url(), data=b"c" * 70_000)
        httpx.post(server.url(), content=b"d" * 70_000)
        asyncio.run(upload())
    assert [len(seen.body) for seen in server.seen] == [70_000, 70_000, 70_001]
    assert [item["method"] for item in items(home)] == ["POST"] * 3


def test_beyond_a_hundred_items_are_counted(home: Home, server: Server) -> None:
    """A tool that polls does not fill the log."""
    with call(), requests.Session() as session:
        for _ in range(103):
            session.get(server.url())
    end = home.end("fetcher")
    assert len(end["downstream"]) == 100
    assert end["downstream_dropped"] == 3


def test_an_id_is_kept_as_at_most_256_printable_characters(home: Home, server: Server) -> None:
    """The server has no say in what a terminal does that shows the log."""
    with call():
        httpx.get(server.url("odd-ids"))
    (item,) = items(home)
    assert item["request_ids"]["x-correlation-id"] == "\\x07a"
    long = item["request_ids"]["x-request-id"]
    assert len(long) == 256
    assert long.startswith("éxxx")


def test_a_secret_that_comes_back_is_taken_out(home: Home, server: Server) -> None:
    """A service that echoes a key into an id does not get it into the log."""
    with call():
        requests.get(server.url("secret-id"))
    (item,) = items(home)
    assert item["request_ids"] == {"x-request-id": "[REDACTED]"}
    (redaction,) = home.end("fetcher")["redactions"]
    assert redaction["where"] == "downstream[].request_ids.x-request-id"


def test_a_method_that_is_none_is_not_kept(home: Home, server: Server) -> None:
    """Known and unknown methods are; one that could hold anything is `_OTHER`."""
    with call(), requests.Session() as session:
        session.request("propfind", server.url())
        session.request("X-" + "Y" * 40, server.url())
    assert [item["method"] for item in items(home)] == ["PROPFIND", "_OTHER"]


@pytest.mark.parametrize("get", [CLIENTS["requests"], CLIENTS["httpx"]], ids=["requests", "httpx"])
def test_at_level_metadata_the_host_is_not_kept(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host may be an argument of the tool, and of those this level keeps none."""
    monkeypatch.setenv("TOOLTRAIL_LEVEL", "metadata")
    with call():
        get(server.url(), {})
    (item,) = items(home)
    assert set(item) == {"method", "status", "duration_ms", "offset_ms", "request_ids"}


def test_at_level_none_nothing_is_kept_and_context_goes_out(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does to child processes."""
    monkeypatch.setenv("TOOLTRAIL_LEVEL", "none")
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "127.0.0.1")
    with call() as recorded:
        requests.get(server.url())
    assert recorded.observed == {}
    assert not home.log("fetcher").exists()
    assert "traceparent" in server.seen[0].headers


@pytest.fixture
def authority(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for localhost that signs itself: its file, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = tmp_path / "certificate.pem", tmp_path / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context


def test_requests_over_tls_are_items_and_so_is_a_certificate_that_nobody_trusts(
    home: Home, authority: tuple[Path, ssl.SSLContext]
) -> None:
    """The same for each client; without trust it is the error that the client raises."""
    pem, tls = authority
    server = Server(tls)
    url = server.url("ok", "localhost").replace("http:", "https:")
    trusting = ssl.create_default_context(cafile=pem)
    try:
        with call():
            requests.get(url, verify=str(pem))
            httpx.get(url, verify=trusting)
            urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting)).open(
                url
            ).close()
            with pytest.raises(requests.exceptions.SSLError):
                requests.get(url)
            with pytest.raises(httpx.ConnectError):
                httpx.get(url)
    finally:
        server.close()
    found = items(home)
    assert [item["host"] for item in found] == ["localhost"] * 5
    assert [item.get("status") for item in found] == [200, 200, 200, None, None]
    assert [item["request_ids"] for item in found[:3]] == [KEPT_IDS] * 3
    assert found[3]["error"] in ("SSLError", "SSLCertVerificationError")  # urllib3 2, and 1.26
    assert found[4]["error"] == "ConnectError"


# -- out: which requests tell of their call


@each_client
def test_by_default_no_header_goes_out(home: Home, server: Server, get: Get) -> None:
    """To no host whatever."""
    with call():
        get(server.url(), {})
    assert not {"traceparent", "x-request-id"} & set(server.seen[0].headers)


@each_client
def test_an_allowed_host_gets_what_children_get(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `traceparent` of the call, once; the request id only where that is asked for."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "api.example.com, 127.0.0.1")
    with call() as recorded:
        get(server.url(), {"x-mine": "1"})
    (seen,) = server.seen
    names = [name for name, _ in seen.pairs]
    assert names.count("traceparent") == 1
    assert seen.headers["traceparent"] == child_traceparent(recorded.context, recorded.request_id)
    assert seen.headers["x-mine"] == "1"
    assert "x-request-id" not in names


@each_client
def test_the_request_id_goes_out_where_it_is_asked_for(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `X-Request-ID`, beside the traceparent."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "127.0.0.1")
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_REQUEST_ID", "1")
    with call() as recorded:
        get(server.url(), {})
    assert server.seen[0].headers["x-request-id"] == recorded.request_id
    assert "traceparent" in server.seen[0].headers


@each_client
def test_the_tools_own_headers_are_not_touched(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In any spelling; and what the tool did not set goes along all the same."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_REQUEST_ID", "1")
    own = {"TraceParent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    with call() as recorded:
        get(server.url(), own)
        get(server.url(), {"X-REQUEST-ID": "mine"})
    first, second = server.seen
    assert [value for name, value in first.pairs if name == "traceparent"] == [*own.values()]
    assert first.headers["x-request-id"] == recorded.request_id
    assert [value for name, value in second.pairs if name == "x-request-id"] == ["mine"]
    assert own == {"TraceParent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}


@each_client
@pytest.mark.parametrize("allowed", ["127.0.0.1", "localhost"])
def test_a_redirect_takes_nothing_to_a_host_that_is_not_allowed(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    """Nor does one from such a host keep anything from the one that is allowed."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", allowed)
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_REQUEST_ID", "1")
    with call():
        assert get(server.url(f"redirect?to={server.url('ok', 'localhost')}"), {}) == 200
    told = ["traceparent" in seen.headers for seen in server.seen]
    assert told == ["x-request-id" in seen.headers for seen in server.seen]
    assert told == [allowed == "127.0.0.1", allowed == "localhost"]


SIGNED = {
    "AWS": {"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261122/eu/s3/aws4_request"},
    "AWS 2": {"Authorization": "AWS AKID:frJIUN8DYpKDtOLCwo//yllqDzg="},
    "Google": {"Authorization": "GOOG4-RSA-SHA256 Credential=x"},
    "Azure": {"Authorization": "SharedKey account:sig"},
    "Tencent": {"Authorization": "TC3-HMAC-SHA256 Credential=x"},
    "RFC 9421": {"Signature-Input": 'sig1=("@method");created=1', "Signature": "sig1=:AA==:"},
    "Cavage": {"Authorization": 'Signature keyId="x",signature="y"'},
    "own": {"X-Acme-Signature": "v1=00"},
}


@each_client
@pytest.mark.parametrize("how", SIGNED)
def test_a_signed_request_is_left_as_it_was_signed(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whatever signed it: a header that comes later may make it invalid."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")
    with call():
        get(server.url(), SIGNED[how])
    assert "traceparent" not in server.seen[0].headers
    assert len(items(home)) == 1


@each_client
@pytest.mark.parametrize("name", ["X-Amz-Signature", "X-Goog-Signature", "Signature", "sig"])
def test_a_presigned_url_is_left_as_it_was_signed(
    home: Home, server: Server, get: Get, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A signature in the query."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")
    with call():
        get(server.url(f"ok?a=b&{name}=00"), {})
    assert "traceparent" not in server.seen[0].headers


def test_ordinary_requests_do_not_pass_for_signed_ones() -> None:
    """A bearer token, a password and a query of the usual kind are no signature."""
    for value in ("Bearer abc", "Basic YTpi", "Digest username=a", "token ghp", "Negotiate x"):
        assert not is_signed({"authorization": value, "accept": "*/*"}, "/a?design=1&signal=2")


def test_a_proxy_is_not_taken_for_the_host(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a forward proxy it is the service that must be allowed, and that is kept."""
    proxy = f"http://127.0.0.1:{server.port}"
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*.corp.example")
    gets = [CLIENTS["requests"], CLIENTS["urllib.request"], CLIENTS["httpx"], CLIENTS["httpx2"]]
    with call():
        for get in gets:
            assert get("http://api.corp.example/ok", {}) == 200
            assert get("http://elsewhere.example/ok", {}) == 200
    with call("by-pool"), urllib3.ProxyManager(proxy) as pool:
        pool.request("GET", "http://api.corp.example/ok")
    assert [item["host"] for item in items(home)] == ["api.corp.example", "elsewhere.example"] * 4
    assert [item["host"] for item in items(home, "by-pool")] == ["api.corp.example"]
    for seen in server.seen:
        assert ("traceparent" in seen.headers) == ("corp.example" in seen.target), seen.target


def test_a_response_shows_the_request_that_the_tool_made(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What we add is on the wire alone, not in the client's objects."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")
    with call():
        for response in (requests.get(server.url()), httpx.get(server.url())):
            assert "traceparent" not in response.request.headers
    assert all("traceparent" in seen.headers for seen in server.seen)


# -- which call a request belongs to


def test_threads_keep_their_calls_apart(home: Home, server: Server) -> None:
    """Each thread's requests land in the call of that thread."""
    gate = threading.Barrier(4)

    def work(number: int) -> None:
        with call(f"thread-{number}"), requests.Session() as session:
            gate.wait(10)
            for _ in range(10):
                session.get(server.url(f"ok?{number}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for number in range(4):
        found = [item["request_ids"]["x-request-id"] for item in items(home, f"thread-{number}")]
        assert found == [str(number)] * 10


def test_a_thread_that_runs_in_the_calls_context_adds_to_it(home: Home, server: Server) -> None:
    """As `asyncio.to_thread` does it; one without it belongs to the only call."""

    async def in_threads() -> None:
        await asyncio.gather(*(asyncio.to_thread(requests.get, server.url()) for _ in range(3)))

    with call():
        asyncio.run(in_threads())
        for context in (copy_context(), None):
            target = requests.get if context is None else context.run
            arguments = (server.url(),) if context is None else (requests.get, server.url())
            thread = threading.Thread(target=target, args=arguments)
            thread.start()
            thread.join()
    assert len(server.seen) == 5
    assert len(items(home)) == 5


@pytest.mark.parametrize("library", ["httpx", "httpx2", "aiohttp"])
def test_tasks_keep_their_calls_apart(home: Home, server: Server, library: str) -> None:
    """Concurrent calls on one client, interleaved: each item lands in its own."""

    async def work(client: Any, number: int) -> None:
        with call(f"task-{number}"):
            for _ in range(5):
                response = await client.get(server.url(f"ok?{number}"))
                if library == "aiohttp":
                    await response.read()
                await asyncio.sleep(0)

    async def main() -> None:
        client = (
            aiohttp.ClientSession() if library == "aiohttp" else __import__(library).AsyncClient()
        )
        async with client:
            await asyncio.gather(*(work(client, number) for number in range(6)))

    asyncio.run(main())
    for number in range(6):
        found = [item["request_ids"]["x-request-id"] for item in items(home, f"task-{number}")]
        assert found == [str(number)] * 5


def test_a_request_belongs_to_the_innermost_call(home: Home, server: Server) -> None:
    """And the outer one goes on afterwards."""
    with call("outer"):
        requests.get(server.url("ok?1"))
        with call("inner"):
            requests.get(server.url("ok?2"))
        requests.get(server.url("ok?3"))
    ids = [[i["request_ids"]["x-request-id"] for i in items(home, n)] for n in ("outer", "inner")]
    assert ids == [["1", "3"], ["2"]]


# -- what must not break


def test_a_failure_of_ours_is_a_warning_and_the_request_goes_on(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each step that we do: none of them is the tool's."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "*")

    def broken(*arguments: Any) -> Any:
        raise RuntimeError("password=hunter2hunter2")

    for place in (
        "tooltrail.downstream.exchange._host_name",
        "tooltrail.downstream.exchange.request_ids",
        "tooltrail.downstream.outgoing.child_traceparent",
    ):
        name = "breaks-" + place.rpartition(".")[2].replace("_", "-").strip("-")
        with monkeypatch.context() as patched:
            patched.setattr(place, broken)
            with call(name):
                assert [get(server.url(), {}) for get in CLIENTS.values()] == [200] * len(CLIENTS)
        (warning,) = home.end(name)["warnings"]
        assert warning == {
            "code": "DOWNSTREAM",
            "message": "an HTTP request was not noted: RuntimeError",
        }


CRASH = """
import sys, click, requests
@click.command()
@click.argument("url")
def fetch(url):
    requests.get(url)
if sys.argv.pop(1) == "instrumented":
    from tooltrail.integrations.click import instrument
    instrument(fetch, tool="fetcher")
fetch()
"""


def test_a_tool_that_crashes_in_a_client_prints_the_traceback_that_it_would(
    home: Home, server: Server
) -> None:
    """Without our frames, in the exception and in those that it came from."""
    bare = home.python(CRASH, "bare", server.url("drop"))
    observed = home.python(CRASH, "instrumented", server.url("drop"))
    assert "RemoteDisconnected" in bare.stderr
    assert (observed.returncode, observed.stdout) == (bare.returncode, bare.stdout)
    assert observed.stderr == bare.stderr
    assert len(items(home)) == 1


def test_a_wrapper_looks_like_the_clients_own_function() -> None:
    """Name, text and signature: what inspects it sees the client's."""
    import inspect

    method = httpx.AsyncHTTPTransport.handle_async_request
    assert method.__name__ == "handle_async_request"
    assert method.__module__ == "httpx._transports.default"
    assert inspect.iscoroutinefunction(method)
    pool = urllib3.HTTPConnectionPool._make_request
    assert list(inspect.signature(pool).parameters)[:4] == ["self", "conn", "method", "url"]


# -- when a client is patched, and what that costs the others

FETCH = """
import sys, tooltrail
url = sys.argv[1]
{before}
with tooltrail.invocation("t"):
    {inside}
    {get}
"""
BY = {
    "requests": ("import requests", "requests.get(url)"),
    "httpx": ("import httpx", "httpx.get(url)"),
    "httpx2": ("import httpx2", "httpx2.get(url)"),
    "urllib3": ("import urllib3", "urllib3.PoolManager().request('GET', url)"),
    "urllib.request": ("import urllib.request", "urllib.request.urlopen(url).close()"),
    "aiohttp": (
        "import aiohttp, asyncio",
        "asyncio.run(aiohttp.request('GET', url).__aenter__())",
    ),
}


@pytest.mark.parametrize("client", BY)
@pytest.mark.parametrize("when", ["before", "inside"])
def test_a_client_is_observed_whenever_the_tool_imports_it(
    home: Home, server: Server, client: str, when: str
) -> None:
    """Before the call begins, or in it."""
    imported, get = BY[client]
    if client == "aiohttp":
        get = (
            "async def main():\n"
            "        async with aiohttp.request('GET', url) as response: await response.read()\n"
            "    asyncio.run(main())"
        )
    code = FETCH.format(
        before=imported if when == "before" else "",
        inside=imported if when == "inside" else "",
        get=get,
    )
    done = home.python(code, server.url())
    assert (done.returncode, done.stderr) == (0, "")
    assert [item["status"] for item in items(home, "t")] == [200]


def test_a_call_without_a_client_loads_nothing_for_them(home: Home) -> None:
    """Neither our modules nor one of theirs."""
    code = (
        "import sys, tooltrail; before = set(sys.modules)\n"
        "with tooltrail.invocation('t'): pass\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = home.run(PYTHON, "-c", code).stdout.split()
    assert "tooltrail._invocation" in loaded
    assert not [name for name in loaded if "downstream" in name or "_imports" in name]
    assert not {name.partition(".")[0] for name in [*HTTP_CLIENTS, "requests.x"]} & set(loaded)


def test_no_client_is_imported_by_us(home: Home) -> None:
    """A tool that has one of them does not get the others."""
    code = (
        "import sys, tooltrail\n"
        "with tooltrail.invocation('t'): import urllib.request\n"
        "print(*sorted(sys.modules))"
    )
    loaded = set(home.run(PYTHON, "-c", code).stdout.split())
    assert "tooltrail.downstream.urllib_handler" in loaded
    assert not {"requests", "httpx", "httpx2", "urllib3", "aiohttp", "botocore"} & loaded
    ours = {name for name in loaded if name.startswith("tooltrail.downstream.")}
    assert not {name for name in ours if "httpx" in name or "urllib3" in name or "aio" in name}


def test_a_probe_for_a_client_does_not_import_it(home: Home, server: Server) -> None:
    """`importlib.util.find_spec` is how tools ask; what is imported later is observed."""
    code = (
        "import sys, tooltrail, importlib.util as u\n"
        "with tooltrail.invocation('t'):\n"
        "    assert u.find_spec('urllib.request').loader.name == 'urllib.request'\n"
        "    assert 'urllib.request' not in sys.modules\n"
        "    import urllib.request\n"
        "    assert urllib.request.__loader__ is urllib.request.__spec__.loader\n"
        "    urllib.request.urlopen(sys.argv[1]).close()\n"
    )
    done = home.python(code, server.url())
    assert (done.returncode, done.stderr) == (0, "")
    assert len(items(home, "t")) == 1


def test_a_client_that_we_do_not_know_is_left_alone_and_that_is_said(
    home: Home, tmp_path: Any
) -> None:
    """One of the same name without what we patch: an old one, or a new one."""
    package = tmp_path / "urllib3"
    package.mkdir()
    (package / "__init__.py").write_text("from . import connectionpool")
    (package / "connectionpool.py").write_text("value = 1")
    code = (
        "import sys, tooltrail\nsys.path.insert(0, sys.argv[1])\n"
        "with tooltrail.invocation('t'):\n    import urllib3\nprint('ran')"
    )
    done = home.python(code, str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
    (warning,) = home.end("t")["warnings"]
    assert warning["code"] == "DOWNSTREAM"
    assert warning["message"] == "urllib3.connectionpool is not observed: AttributeError"


def test_a_client_that_is_broken_fails_as_it_does_without_us(home: Home, tmp_path: Any) -> None:
    """Its own exception reaches the tool, and a second import tries again."""
    package = tmp_path / "urllib3"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "connectionpool.py").write_text("raise ImportError('no ssl here')")
    code = (
        "import sys, tooltrail\nsys.path.insert(0, sys.argv[1])\n"
        "with tooltrail.invocation('t'):\n"
        "    for _ in range(2):\n"
        "        try: import urllib3.connectionpool\n"
        "        except ImportError as error: print(error)\n"
    )
    done = home.python(code, str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "no ssl here\nno ssl here\n", "")


def test_a_missing_client_is_missing(home: Home) -> None:
    """The tool's own way of going without it works."""
    code = (
        "import sys, tooltrail\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        "with tooltrail.invocation('t'):\n"
        "    try: import urllib3.connectionpool\n"
        "    except ModuleNotFoundError as error: print(error)\n"
    )
    done = home.python(code)
    assert (done.stdout, done.stderr) == ("No module named 'urllib3'\n", "")


def test_the_table_of_ids_is_documented() -> None:
    """Each header, and who sends it."""
    from conftest import SOURCE

    text = (SOURCE.parent.parent / "docs" / "downstream.md").read_text()
    for name in REQUEST_ID_HEADERS:
        assert f"`{name}`" in text
