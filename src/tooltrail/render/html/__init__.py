"""A trace as one page of HTML, which needs no network, and runs no script but its own.

What a log holds comes from anybody: the page shows it as text, carries it as JSON that no markup
can end, and forbids whatever script is not the one whose hash it names.
"""

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from ..._encode import encode
from ..._plain import encode_any
from ..._typing import TYPE_CHECKING, Any
from ..._wire import OPEN_OUTCOMES
from ...query.search import is_failed
from ..safe import duration, safe
from ..words import call_words, exit_words, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...reconstruct import Call, Trace

_FOLDER = Path(__file__).parent
_MAX_TEXT, _MAX_ITEMS, _MAX_DEPTH = 2000, 200, 8  # of what is shown of a call
_WITHOUT_SCRIPT = 500  # calls in the table for readers whose browser runs no script
_NO_MARKUP = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
_DETAILS = (
    *("request_id", "trace_id", "parent_request_id", "timestamp", "operator", "command", "params"),
    *("outcome", "exit_code", "signal", "error", "origin", "origin_request_id", "attempt"),
    *("retry_of", "version", "recorder", "warnings", "redactions", "output", "downstream"),
    *("caller", "process"),
)


def pieces(trace: "Trace") -> "Iterator[str]":
    """Yield the page in pieces."""
    style = (_FOLDER / "page.css").read_text("utf-8")
    script = (_FOLDER / "page.js").read_text("utf-8")
    head, data_on, rest = _split((_FOLDER / "page.html").read_text("utf-8"))
    told = {
        "TITLE": escape(f"trace {safe(trace.trace_id, 300)}"),
        "SUMMARY": escape(_summary(trace)),
        "CAVEATS": _caveats(trace),
        "STYLE_HASH": _hash(style),
        "SCRIPT_HASH": _hash(script),
        "STYLE": style,
        "SCRIPT": script,
    }
    yield _filled(head, told)
    yield from _table(trace)
    yield data_on
    yield from _data(trace)
    yield _filled(rest, told)


def _split(page: str) -> tuple[str, str, str]:
    head, _, rest = page.partition("@TABLE@")
    between, _, rest = rest.partition("@DATA@")
    return head, between, rest


def _filled(text: str, told: dict[str, str]) -> str:
    """Fill the places of the page; what is filled in is not looked at again."""
    first, *parts = text.split("@")
    made, pending = [first], None
    for part in parts:
        if pending is None and part in told:
            made.append(told[part])
            pending = part
        elif pending is not None:
            made.append(part)
            pending = None
        else:
            made.append(f"@{part}")
    return "".join(made)


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


def _summary(trace: "Trace") -> str:
    count, failed = len(trace.calls()), len(trace.failed())
    return (
        f"{count} call{'s' if count != 1 else ''}, {failed} failed,"
        f" {duration(trace.duration_ms)}, from {safe(trace.started)}"
    )


def _caveats(trace: "Trace") -> str:
    lines = [("gap", f"not seen: {text}") for _, text in trace.gaps]
    lines += [("clock", f"clocks: {text}") for text in trace.corrections]
    items = "".join(f'<li class="{kind}">{escape(safe(text, 600))}</li>' for kind, text in lines)
    return f'<ul aria-label="What this page cannot show">{items}</ul>' if items else ""


def _table(trace: "Trace") -> "Iterator[str]":
    """Yield a plain table of the first calls."""
    calls = trace.calls()
    yield "<table><thead><tr><th>start<th>took<th>exit<th>call</thead><tbody>"
    for call in calls[:_WITHOUT_SCRIPT]:
        cells = (
            duration(call.start_ms) if call.start_ms >= 0 else "",
            duration(call.duration_ms),
            exit_words(call.shown),
            f"{mark(call.shown)} {call_words(call.entry)}",
        )
        yield f"<tr>{''.join(f'<td>{escape(cell)}' for cell in cells)}\n"
    yield "</tbody></table>"
    if len(calls) > _WITHOUT_SCRIPT:
        yield f"<p>and {len(calls) - _WITHOUT_SCRIPT} more calls</p>"


def _data(trace: "Trace") -> "Iterator[str]":
    """Yield what the script draws, as JSON that holds no character of markup."""
    begin = min((call.launched_ms for call in trace.calls()), default=0)
    end = begin + max(trace.duration_ms, 1)
    yield f'{{"begin":{begin},"end":{end},"calls":['
    slowest = trace.slowest()
    waiting = [(call, -1, 0, at, len(trace.roots)) for at, call in enumerate(trace.roots, 1)][::-1]
    number = 0
    while waiting:
        call, parent, depth, position, siblings = waiting.pop()
        row = _row(call, is_slowest=call is slowest)
        row |= {"parent": parent, "depth": depth, "position": position, "siblings": siblings}
        text = encode_any(row).translate(_NO_MARKUP)
        yield f",\n{text}" if number else text
        below = [
            (child, number, depth + 1, at, len(call.children))
            for at, child in enumerate(call.children, 1)
        ]
        waiting += below[::-1]
        number += 1
    yield "]}"


def _row(call: "Call", *, is_slowest: bool) -> "dict[str, Any]":
    shown = call.shown
    words = call_words(call.entry)
    return {
        "words": words,
        "text": f"{words} {call.request_id} {encode(shown.get('error'))}".lower(),
        "mark": mark(shown),
        "exit": exit_words(shown),
        "start": call.start_ms,
        "took": call.duration_ms,
        "startup": call.blame.startup_ms or 0,
        "failed": is_failed(shown),
        "open": shown.get("outcome") in OPEN_OUTCOMES,
        "critical": call.critical,
        "slowest": is_slowest and bool(call.own_ms),
        "parts": len(call.children),
        "steps": [
            {"at": step.offset_ms, "took": step.duration_ms} for step in call.steps[:_MAX_ITEMS]
        ],
        "details": _details(call),
    }


def _details(call: "Call") -> "dict[str, Any]":
    """Return what is known of a call, in words; times as people write them."""
    shown = call.shown
    blame = {
        name.removesuffix("_ms"): duration(value) if isinstance(value, int) else safe(value)
        for name, value in call.blame.as_json().items()
    }
    told: dict[str, Any] = {"began": duration(max(call.start_ms, 0)) + " after the first"}
    told |= {"took": duration(call.duration_ms) or "not known", "time": blame}
    for name, value in (
        ("repeats", call.repeats),
        ("moved by its clock", duration(abs(call.moved_ms)) if call.moved_ms else None),
        ("recorded by who started it", (call.wrapper or {}).get("request_id")),
    ):
        if value:
            told[name] = safe(value)
    for name in _DETAILS:
        value = shown.get(name, (call.wrapper or {}).get(name))
        if value not in (None, {}, []):
            told[name] = _visible(value)
    if call.steps:
        told["steps"] = [
            f"{'  ' * step.depth}{safe(step.name, 80)}: {duration(step.duration_ms)} {step.outcome}"
            for step in call.steps[:_MAX_ITEMS]
        ]
    return told


def _visible(value: Any, depth: int = 0) -> Any:
    """Return a value whose texts show what would not be seen, and that is not too large."""
    if isinstance(value, str):
        return safe(value, _MAX_TEXT)
    if isinstance(value, dict) and depth < _MAX_DEPTH:
        items = list(value.items())[:_MAX_ITEMS]
        return {safe(name, 200): _visible(each, depth + 1) for name, each in items}
    if isinstance(value, list) and depth < _MAX_DEPTH:
        return [_visible(each, depth + 1) for each in value[:_MAX_ITEMS]]
    return value if isinstance(value, (int, float, bool)) else safe(value, _MAX_TEXT)
