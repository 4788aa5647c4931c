"""The response headers by which a service names a request: what its operators will ask for."""

from .._wire import MAX_ID_CHARS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REQUEST_ID_HEADERS = {  # in lower case -> who sends it
    "request-id": "Stripe, Anthropic",
    "x-request-id": "OpenAI, nginx, Envoy, Heroku, Rails, and many others",
    "x-amzn-requestid": "AWS",
    "x-amzn-request-id": "AWS",
    "x-amz-request-id": "Amazon S3",
    "x-amz-id-2": "Amazon S3",
    "x-ms-request-id": "Azure",
    "apim-request-id": "Azure API Management",
    "x-github-request-id": "GitHub",
    "cf-ray": "Cloudflare",
    "x-cloud-trace-context": "Google Cloud",
    "x-guploader-uploadid": "Google Cloud Storage",
    "x-correlation-id": "many",
    "traceresponse": "W3C Trace Context, a draft; Anthropic",
    "server-timing": "many",
}


def request_ids(headers: "Any") -> dict[str, str]:
    """Return the ids that a response bears, by the header's name in lower case, as they came.

    `headers` is the client's own mapping of names to texts: iterating it gives the names.
    """
    return {
        name.lower(): str(headers[name]) for name in headers if name.lower() in REQUEST_ID_HEADERS
    }


def printable_id(text: str) -> str:
    """Return an id as it may be kept: at most 256 characters, those that do not print escaped."""
    if len(text) <= MAX_ID_CHARS and text.isprintable():
        return text
    from .._claims import clean_id

    return clean_id(text)
