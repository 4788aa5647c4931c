"""What a run answered: the JSON in its output, in whatever form, and the `meta` in it."""

import json
from dataclasses import dataclass, field
from itertools import islice

from .._typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..calling.output import Output
    from .runner import Run

ENVELOPE = ("ok", "data", "error", "warnings", "meta")
META = "meta"
_BOM = b"\xef\xbb\xbf"
_MOST = 10_000  # documents of one output that are parsed
_MOST_NAMES, _NAME_CHARS = 50, 80  # of a document that are remembered

# The form that a response came in.
NOTHING = "nothing"  # no output at all
TEXT = "text"  # no JSON
DOCUMENT = "document"
LINES = "lines"
SEVERAL = "several documents"
META_FILE = "meta file"


@dataclass
class Response:
    """A run's response; of its document, which may be large, only what is asked of it.

    `stream`: stdout or stderr, where it was found. `meta` is {} where there is none. `keys` are
    the names in the document that bears the meta, else in the last; None where that is no object.
    `warned`: it has warnings. `elsewhere`: where it keeps ids, if not in `meta`. `notes` are what
    is odd about the form.
    """

    form: str = NOTHING
    stream: str = "stdout"
    keys: list[str] | None = None
    warned: bool = False
    elsewhere: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    cut: bool = False  # there was more than was kept

    @property
    def request_id(self) -> str | None:
        """The call's own id, where the response has a usable one."""
        found = self.meta.get("request_id")
        return found if isinstance(found, str) and found.strip() else None

    @property
    def is_json(self) -> bool:
        """Whether there was a JSON object or a list, and not only text."""
        return self.form in (DOCUMENT, LINES, SEVERAL)


def response_of(run: "Run", meta_path: str = META, *, meta_file: bool = False) -> Response:
    """Return what a run answered: on stdout, else on stderr, else (if asked) in its meta file.

    `meta_path` names the member that holds the ids, with dots: `data.meta`.
    """
    found = _in_output(run.stdout, "stdout", meta_path)
    if not found.meta and run.stderr.size:
        other = _in_output(run.stderr, "stderr", meta_path)
        if other.meta or (not found.is_json and other.is_json):
            other.notes.append("the response is on stderr")
            found = other
    if not found.meta and meta_file and len(run.left) == 1:
        found.form, found.meta = META_FILE, dict(run.left[0])
        found.notes.append("the ids were left in TOOL_META_FILE, not in the output")
    return found


def _in_output(output: "Output", stream: str, meta_path: str) -> Response:
    content = output.content
    found = Response(stream=stream)
    if not content.strip():
        return found
    found.form = TEXT
    if content.startswith(_BOM):
        found.notes.append("a byte order mark stands before the JSON")
        content = content.removeprefix(_BOM)
    if output.cut:
        found.cut = True
        found.notes.append(f"{output.cut} bytes in the middle were not kept")
    text = content.decode("utf-8", "replace").strip()
    documents, form = _documents(text)
    if not documents:
        return found
    found.form = form
    told = documents[-1]
    for document in reversed(documents):
        meta = _member(document, meta_path)
        if isinstance(meta, dict):
            told, found.meta = document, meta
            break
    if isinstance(told, dict):
        found.keys = [name[:_NAME_CHARS] for name in islice(told, _MOST_NAMES)]
        found.warned = bool(told.get("warnings"))
        found.elsewhere = elsewhere(told)
    if form == SEVERAL:
        found.notes.append(f"{len(documents)} documents one after the other, not one")
    return found


def _documents(text: str) -> tuple[list[Any], str]:
    """Return the objects and lists that a text consists of; none where anything else is in it."""
    if text[:1] not in ("{", "["):
        return [], TEXT
    try:
        return [json.loads(text)], DOCUMENT
    except (ValueError, RecursionError):
        pass
    try:
        last = text.split("\n")[-_MOST:]  # the response, if it has one, comes at the end
        lines = [json.loads(line) for line in last if line.strip()]
        if all(isinstance(line, (dict, list)) for line in lines):
            return lines, LINES
    except (ValueError, RecursionError):
        pass
    return _one_after_the_other(text)


def _one_after_the_other(text: str) -> tuple[list[Any], str]:
    decoder, at = json.JSONDecoder(), 0
    found: list[Any] = []
    try:
        while at < len(text) and len(found) < _MOST:
            document, at = decoder.raw_decode(text, at)
            found.append(document)
            while at < len(text) and text[at].isspace():
                at += 1
    except (ValueError, RecursionError):
        return [], TEXT
    return found, SEVERAL


def _member(document: Any, path: str) -> Any:
    if isinstance(document, list) and document:
        document = document[-1]
    for name in path.split("."):
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document


def elsewhere(document: Any) -> str | None:
    """Return where a response keeps a `request_id`, if not in `meta`: a path for `--meta-path`."""
    waiting: list[tuple[str, Any, int]] = [("", document, 0)]
    while waiting:
        path, value, depth = waiting.pop(0)
        if not isinstance(value, dict) or depth > 3:
            continue
        if isinstance(value.get("request_id"), str) and path:
            return path
        inner = [(f"{path}.{name}".lstrip("."), each, depth + 1) for name, each in value.items()]
        waiting += [each for each in inner if "." not in each[0][len(path) + 1 :]][:50]
    return None
