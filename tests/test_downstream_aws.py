"""botocore: what goes out is signed with the rest, or does not go out at all."""

import hashlib
import hmac
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config

import tooltrail
from conftest import Home
from servers import Seen, Server

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of the test's own, which gets what is told to a host that is allowed."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "127.0.0.1")
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_REQUEST_ID", "1")
    made = Server()
    yield made
    made.close()


def s3(server: Server, **config: Any) -> Any:
    """Return a client of S3 that goes to the local server, and leaves the network alone."""
    session = botocore.session.Session()
    session.set_credentials(KEY, SECRET)
    return session.create_client(
        "s3",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{server.port}",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, **config),
    )


def signature_of(seen: Seen) -> str:
    """Compute the SigV4 signature of what the server got, by AWS's description of it."""
    scheme, _, rest = seen.headers["authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    date, region, service, _ = fields["Credential"].split("/")[1:]
    target = urlsplit(seen.target)
    query = "&".join(sorted(part for part in target.query.split("&") if part))
    names = fields["SignedHeaders"].split(";")
    lines = [f"{name}:{' '.join(seen.headers[name].split())}\n" for name in names]
    payload = seen.headers["x-amz-content-sha256"]
    canonical = "\n".join(
        [seen.method, target.path, query, "".join(lines), ";".join(names), payload]
    )
    scope = f"{date}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(["AWS4-HMAC-SHA256", seen.headers["x-amz-date"], scope, digest])
    key = b"AWS4" + SECRET.encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def signed_headers(seen: Seen) -> list[str]:
    """Return the names that the request itself says are signed."""
    return seen.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")


@pytest.mark.parametrize("made", ["before the call", "in the call"])
def test_what_goes_out_is_covered_by_a_valid_signature(
    home: Home, server: Server, made: str
) -> None:
    """The server computes the same signature over what it got, our headers included."""
    client = s3(server) if made == "before the call" else None
    with tooltrail.invocation("t") as call:
        client = client or s3(server)
        assert client.get_object(Bucket="b", Key="ok")["Body"].read() == b"the body"
        client.put_object(Bucket="b", Key="ok", Body=b"x" * 1000)
    for seen in server.seen:
        assert seen.headers["authorization"].endswith(f"Signature={signature_of(seen)}")
        assert "x-request-id" in signed_headers(seen)
        assert "traceparent" in [*signed_headers(seen), *botocore.auth.SIGNED_HEADERS_BLACKLIST]
        assert [name for name, _ in seen.pairs].count("traceparent") == 1
        assert [value for name, value in seen.pairs if name == "x-request-id"] == [call.request_id]
    items = home.end("t")["downstream"]
    assert [(i["method"], i["host"], i["status"]) for i in items] == [
        ("GET", "127.0.0.1", 200),
        ("PUT", "127.0.0.1", 200),
    ]


def test_a_retry_is_signed_anew_and_is_an_item(home: Home, server: Server) -> None:
    """botocore makes the request again from the start, and so the headers are in it again."""
    with tooltrail.invocation("t"):
        s3(server).get_object(Bucket="b", Key="flaky")["Body"].read()
    assert [item["status"] for item in home.end("t")["downstream"]] == [503, 200]
    for seen in server.seen:
        assert seen.headers["authorization"].endswith(f"Signature={signature_of(seen)}")
        assert [name for name, _ in seen.pairs].count("traceparent") == 1


def test_a_host_that_is_not_allowed_gets_what_it_gets_without_us(
    home: Home, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the signature, and not after it."""
    monkeypatch.setenv("TOOLTRAIL_PROPAGATE_TO", "localhost")
    with tooltrail.invocation("t"):
        s3(server).get_object(Bucket="b", Key="ok")["Body"].read()
    (seen,) = server.seen
    assert not {"traceparent", "x-request-id"} & set(seen.headers)
    assert seen.headers["authorization"].endswith(f"Signature={signature_of(seen)}")
    assert len(home.end("t")["downstream"]) == 1


def test_a_presigned_url_asks_nothing_of_whoever_will_use_it(home: Home, server: Server) -> None:
    """A header of ours in its signature would have to be sent by everyone."""
    with tooltrail.invocation("t"):
        client = s3(server, signature_version="s3v4")
        url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "ok"})
        with urllib.request.build_opener().open(url, timeout=10) as response:
            assert response.status == 200
    assert parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"] == ["host"]
    assert "traceparent" not in server.seen[0].headers


def test_an_unsigned_request_takes_the_headers_along_once(home: Home, server: Server) -> None:
    """Public buckets are read without a signature."""
    with tooltrail.invocation("t"):
        s3(server, signature_version=UNSIGNED).get_object(Bucket="b", Key="ok")["Body"].read()
    (seen,) = server.seen
    assert "authorization" not in seen.headers
    assert [name for name, _ in seen.pairs].count("traceparent") == 1


def test_outside_of_a_call_botocore_is_the_bare_one(home: Home, server: Server) -> None:
    """The client that was used in a call says nothing of it afterwards."""
    with tooltrail.invocation("t"):
        client = s3(server)
        client.get_object(Bucket="b", Key="ok")["Body"].read()
    client.get_object(Bucket="b", Key="ok")["Body"].read()
    inside, outside = server.seen
    assert set(inside.headers) - set(outside.headers) == {"traceparent", "x-request-id"}
    assert outside.headers["authorization"].endswith(f"Signature={signature_of(outside)}")
