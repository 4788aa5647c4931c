"""A trace as one page of HTML, in a real Chromium: drawn, filtered, by keyboard, and harmless."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from conftest import Home, needs
from test_reconstruct import ENTRIES
from tooltrail.reconstruct import rebuild
from tooltrail.render import html

pytestmark = needs("chromium")

EVIL = "</script><script>window.evil=1</script><img src=x onerror=window.evil=1>\u2028\u202e&lt;"
APP = """\
import time, tooltrail, sys
with tooltrail.invocation("app", sys.argv[1], {"env": "prod"}) as call:
    with tooltrail.step("work"):
        time.sleep(0.05)
    call.exit_code = 3 if sys.argv[1] == "verify" else 0
"""


def entry(number: int, **more: Any) -> dict[str, Any]:
    """Return a call that began so many tenths of a second after the first."""
    seconds, tenths = divmod(number, 10)
    minutes, seconds = divmod(seconds, 60)
    return {
        "request_id": f"req_{number}",
        "trace_id": "t",
        "timestamp": f"2026-11-22T14:{minutes:02d}:{seconds:02d}.{tenths}00Z",
        "tool": "app",
        "command": f"go{number}",
        "params": {"n": number},
        "exit_code": 0,
        "outcome": "success",
        "duration_ms": 90,
        **more,
    }


def evil() -> list[dict[str, Any]]:
    """Return calls with markup wherever somebody may write something."""
    texts = {
        "tool": EVIL,
        "command": EVIL,
        "params": {EVIL: EVIL, "list": [EVIL]},
        "error": {"code": EVIL, "message": EVIL, "hint": EVIL},
        "exit_code": 1,
        "outcome": "failure",
        "operator": EVIL,
        "steps": [{"name": EVIL, "offset_ms": 1, "duration_ms": 5, "outcome": EVIL}],
        "process": {"cwd": EVIL, "argv": [EVIL]},
    }
    return [entry(0, **texts), entry(1, parent_request_id="req_0"), entry(2, duration_ms=None)]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    """A page in Chromium that fails the test on an error, and on any request but for its file."""
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        made = browser.new_page(viewport={"width": 1100, "height": 700})
        made.on("console", lambda told: problems.append(f"{told.type}: {told.text}"))
        made.on("pageerror", lambda error: problems.append(str(error)))
        made.on("request", lambda asked: _note(problems, asked.url))
        made.problems = problems
        made.file = tmp_path / "trace.html"
        yield made
        browser.close()
    assert problems == []


def _note(problems: list[str], url: str) -> None:
    if not url.startswith("file:"):
        problems.append(url)


def show(page: Any, entries: list[dict[str, Any]], trace_id: str = "t") -> None:
    """Open the page of a trace from disk."""
    trace = rebuild(trace_id, entries)
    trace.gaps = [("X", f"some logs are {EVIL}")]
    page.file.write_text("".join(html.pieces(trace)), encoding="utf-8")
    page.goto(page.file.as_uri())


def calls_in_sight(page: Any) -> list[str]:
    """Return what stands in the rows."""
    rows: list[str] = page.locator("#rows .row .call").all_inner_texts()
    return [re.sub(r"[▾▸]\s*", "", text).strip() for text in rows]


def test_a_real_trace_is_drawn(home: Home, page: Any) -> None:
    """From the command to the screen: rows, the failed one, the slowest, the details."""
    env = {"TOOL_TRACE_ID": "t"}
    for command in ("deploy", "verify"):
        home.python(APP, command, env=env)
    done = home.tooltrail("trace", "t", "--output", "html")
    assert done.returncode == 0, done.stderr
    page.file.write_text(done.stdout, encoding="utf-8")
    page.goto(page.file.as_uri())
    texts = calls_in_sight(page)
    assert len(texts) == 2
    assert "x app verify env=prod" in texts[1] or "x app verify env=prod" in texts[0]
    assert page.locator(".row.failed").count() == 1
    assert sum("slowest" in text for text in texts) == 1
    page.locator(".row.failed").click()
    assert "EXIT_CODE" in page.locator("#details").inner_text()
    assert "work" in page.locator("#details").inner_text()


def test_nothing_in_a_log_can_run_or_be_taken_for_markup(page: Any) -> None:
    """Not in the page, not in its details, not in its data; not though a script were put in."""
    show(page, evil(), trace_id=EVIL)
    assert page.evaluate("window.evil") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    page.locator("#rows .row").first.click()
    assert "<script>window.evil=1" in page.locator("#details").inner_text()
    assert "\\u202e" in page.locator("#details").inner_text()
    blocked = page.evaluate(
        """() => new Promise((done) => {
          addEventListener("securitypolicyviolation", () => done(true));
          const made = document.createElement("script");
          made.textContent = "window.evil = 2";
          document.body.append(made);
          setTimeout(() => done(false), 500);
        })"""
    )
    assert blocked is True
    assert page.evaluate("window.evil") is None
    (said,) = page.problems
    assert "Content Security Policy" in said
    page.problems.clear()


def test_ten_thousand_calls_are_drawn_as_far_as_they_are_in_sight(page: Any) -> None:
    """The end is one key away, and a filter finds what is not drawn."""
    show(page, [entry(number) for number in range(10_000)])
    assert page.locator("#rows .row").count() < 100
    page.locator("#grid").press("End")
    assert any("go9999" in text for text in calls_in_sight(page))
    assert page.locator("#rows .row").count() < 100
    page.locator("#filter").fill("go5123")
    assert calls_in_sight(page) == ["+ app go5123 n=5123"]
    assert page.locator("#told").inner_text() == "1 of 10000 calls match"


def family() -> list[dict[str, Any]]:
    """Return a call with two inside it, of which one failed, and one beside them."""
    failed = {"exit_code": 3, "outcome": "failure"}
    return [
        entry(0, duration_ms=900),
        entry(1, parent_request_id="req_0"),
        entry(3, parent_request_id="req_0", **failed),
        entry(20),
    ]


def test_it_works_by_keyboard_alone(page: Any) -> None:
    """Move, close, open, details, filter, and back."""
    show(page, family())
    grid = page.locator("#grid")
    grid.focus()
    assert len(calls_in_sight(page)) == 4
    grid.press("ArrowLeft")
    assert len(calls_in_sight(page)) == 2
    grid.press("ArrowRight")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        grid.press(key)
    assert "x app go3" in page.locator("#details h2").inner_text()
    grid.press("ArrowLeft")
    assert "app go0" in page.locator("#details h2").inner_text()
    grid.press("Escape")
    assert page.locator("#details").is_hidden()
    page.keyboard.press("/")
    page.keyboard.type("go20")
    assert calls_in_sight(page) == ["+ app go20 n=20"]
    page.keyboard.press("Escape")
    assert len(calls_in_sight(page)) == 4


def test_it_filters_by_failure_with_the_calls_above(page: Any) -> None:
    """What failed, and what it was part of."""
    show(page, family())
    page.locator("#failed").check()
    assert [text.split()[2] for text in calls_in_sight(page)] == ["go0", "go3"]


def test_what_a_filter_finds_is_shown_though_the_call_above_is_closed(page: Any) -> None:
    """And the call above is closed again when the filter is gone."""
    show(page, family())
    page.locator("#grid").press("ArrowLeft")
    page.locator("#filter").fill("go3")
    assert [text.split()[2] for text in calls_in_sight(page)] == ["go0", "go3"]
    page.locator("#filter").fill("")
    assert [text.split()[2] for text in calls_in_sight(page)] == ["go0", "go20"]


def test_keys_do_nothing_where_nothing_matches(page: Any) -> None:
    """No error (the fixture sees to it), and no row is said to be the active one."""
    show(page, family())
    page.locator("#filter").fill("no such call")
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "End", "Enter", "+"):
        page.locator("#grid").press(key)
    assert calls_in_sight(page) == []
    assert page.locator("#grid").get_attribute("aria-activedescendant") is None


@pytest.mark.parametrize("columns", [400, 1100])
def test_calls_forty_deep_can_be_read(page: Any, columns: int) -> None:
    """The indent leaves room for the name."""
    page.set_viewport_size({"width": columns, "height": 700})
    deep = [entry(n, **({"parent_request_id": f"req_{n - 1}"} if n else {})) for n in range(40)]
    show(page, deep)
    room = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("#rows .row .call")].map((cell) =>
          cell.clientWidth - parseFloat(getComputedStyle(cell).paddingLeft)))"""
    )
    assert room >= 60


def test_it_zooms(page: Any) -> None:
    """Into the time of the call that is active; and out again."""
    show(page, family())
    width = "document.querySelectorAll('#rows .row')[1].querySelector('.bar').style.width"
    before = float(page.evaluate(width).rstrip("%"))
    page.locator("#grid").press("+")
    assert float(page.evaluate(width).rstrip("%")) == pytest.approx(2 * before, rel=0.01)
    page.locator("#grid").press("0")
    assert float(page.evaluate(width).rstrip("%")) == pytest.approx(before)


def test_a_screen_reader_is_told_what_it_is(page: Any) -> None:
    """A tree of rows with their places, and how many match."""
    show(page, family())
    grid = page.locator("#grid")
    assert grid.get_attribute("role") == "treegrid"
    assert grid.get_attribute("aria-rowcount") == "5"
    first, inner = page.locator("#rows .row").nth(0), page.locator("#rows .row").nth(1)
    assert (first.get_attribute("aria-level"), first.get_attribute("aria-expanded")) == (
        "1",
        "true",
    )
    assert (inner.get_attribute("aria-level"), inner.get_attribute("aria-posinset")) == ("2", "1")
    assert inner.get_attribute("aria-setsize") == "2"
    assert grid.get_attribute("aria-activedescendant") == first.get_attribute("id")
    assert page.locator("#told").get_attribute("aria-live") == "polite"
    tree = page.locator("#grid").aria_snapshot()
    assert "treegrid" in tree
    assert "rowheader" in tree


def test_all_of_it_is_printed(page: Any) -> None:
    """Also what was not in sight."""
    show(page, [entry(number) for number in range(300)])
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#rows .row").count() == 300
    assert page.locator(".tools").is_hidden()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#rows .row").count() < 100
    assert page.pdf()[:5] == b"%PDF-"


def test_a_narrow_window_and_a_dark_one_show_the_calls(page: Any) -> None:
    """Nothing is wider than the window."""
    page.set_viewport_size({"width": 400, "height": 700})
    page.emulate_media(color_scheme="dark")
    show(page, family())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("#rows .row .call").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 29)"


def test_without_script_there_is_a_table() -> None:
    """The first calls, as text."""
    text = "".join(html.pieces(rebuild("t", family())))
    table = text.partition("<noscript>")[2].partition("</noscript>")[0]
    assert table.count("<tr>") == 5
    assert "x app go3 n=3" in table


@given(ENTRIES)
def test_any_entries_make_a_page(entries: list[dict[str, Any]]) -> None:
    """Junk included; its data is JSON without markup."""
    text = "".join(html.pieces(rebuild("t", entries)))
    data = text.partition('id="data">')[2].partition("</script>")[0]
    assert len(json.loads(data)["calls"]) >= bool(entries)
    assert not re.search("[<>&]", data)
