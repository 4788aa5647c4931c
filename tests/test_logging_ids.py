"""The ids of the running call on every log line: by the standard `logging`, and by structlog."""

import asyncio
import contextvars
import json
import logging
import logging.config
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

import tooltrail
from conftest import Home
from tooltrail.integrations.logging import ContextFilter
from tooltrail.integrations.structlog import add_ids


class Kept(logging.Handler):
    """Keeps what was logged, formatted when it was emitted."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    """Return a handler on a logger of our own, with the filter as dictConfig makes it."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"call": {"()": "tooltrail.integrations.logging.ContextFilter"}},
            "formatters": {
                "ids": {"format": "%(request_id)s %(trace_id)s %(tool)s %(command)s %(message)s"}
            },
            "handlers": {"kept": {"()": Kept, "filters": ["call"], "formatter": "ids"}},
            "loggers": {"app": {"handlers": ["kept"], "level": "DEBUG", "propagate": False}},
        }
    )
    (handler,) = logging.getLogger("app").handlers
    assert isinstance(handler, Kept)
    yield handler
    logging.getLogger("app").handlers.clear()


def test_every_line_of_a_call_bears_its_ids(home: Home, kept: Kept) -> None:
    """Those of the innermost call; of the loggers below, too; and outside of any a dash."""
    log = logging.getLogger("app.deep.below")
    log.info("before")
    with tooltrail.invocation("job", "outer") as outer:
        log.info("one")
        with tooltrail.invocation("other", "inner") as inner:
            log.warning("two")
        log.info("three")
    log.info("after")
    ids = f"{outer.request_id} {outer.trace_id} job outer"
    assert kept.lines == [
        "- - - - before",
        f"{ids} one",
        f"{inner.request_id} {outer.trace_id} other inner two",
        f"{ids} three",
        "- - - - after",
    ]


def test_what_a_record_has_already_stays(home: Home, kept: Kept) -> None:
    """The author's own `request_id` is not ours to replace."""
    with tooltrail.invocation("job") as call:
        logging.getLogger("app").info("x", extra={"request_id": "mine", "command": None})
    assert kept.lines == [f"mine {call.trace_id} job None x"]


def test_tasks_and_threads_log_the_call_whose_context_they_carry(home: Home, kept: Kept) -> None:
    """A thread that carries none has that of the only call, or a dash."""
    log = logging.getLogger("app")

    async def task(name: str) -> None:
        with tooltrail.invocation("job", name):
            await asyncio.sleep(0.01)
            log.info(name)

    async def main() -> None:
        await asyncio.gather(*(task(f"t{number}") for number in range(5)))

    asyncio.run(main())
    for line in kept.lines:
        *_, command, message = line.split(" ")
        assert command == message
    kept.lines.clear()

    def log_in_threads() -> None:
        for context in (contextvars.copy_context(), contextvars.Context()):
            worker = threading.Thread(target=context.run, args=(log.info, "thread"))
            worker.start()
            worker.join()

    with tooltrail.invocation("job") as call:
        log_in_threads()
        its_own = f"{call.request_id} {call.trace_id} job job thread"
        assert kept.lines == [its_own, its_own]
        kept.lines.clear()
        with tooltrail.invocation("job") as inner:
            log_in_threads()
        assert kept.lines == [
            f"{inner.request_id} {inner.trace_id} job job thread",
            "- - - - thread",
        ]


def test_the_filter_lets_every_record_pass_and_takes_a_name_as_filters_do(home: Home) -> None:
    """It adds, and sorts nothing out."""
    record = logging.makeLogRecord({"name": "elsewhere", "msg": "x"})
    assert ContextFilter("app").filter(record) is True
    assert vars(record)["request_id"] == "-"


def test_a_tool_that_logs_before_it_is_recorded_logs_a_dash(home: Home) -> None:
    """The filter may be in place long before tooltrail is used for anything else."""
    code = """
import logging, sys
from tooltrail.integrations.logging import ContextFilter
handler = logging.StreamHandler(sys.stdout)
handler.addFilter(ContextFilter())
handler.setFormatter(logging.Formatter("%(request_id)s %(message)s"))
logging.getLogger().addHandler(handler)
logging.warning("x")
import tooltrail
with tooltrail.invocation("job") as call: logging.warning(call.request_id)
"""
    lines = home.python(code).stdout.splitlines()
    assert lines[0] == "- x"
    first, second = lines[1].split(" ")
    assert first == second == home.end("job")["request_id"]


# -- structlog


def test_structlog_events_bear_the_ids_inside_a_call_only(home: Home) -> None:
    """Keys of the author's own stay, and outside of a call none is added."""
    events: list[dict[str, Any]] = []

    def keep(_: Any, __: str, event: dict[str, Any]) -> Any:
        events.append(dict(event))
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, processors=[add_ids, keep])
    log.info("before")
    with tooltrail.invocation("job", "sync") as call:
        log.info("inside", n=1)
        log.info("own", request_id="mine", tool=None)
    log.info("after")
    ids = {"request_id": call.request_id, "trace_id": call.trace_id, "tool": "job",
           "command": "sync"}  # fmt: skip
    assert events == [
        {"event": "before"},
        {**ids, "n": 1, "event": "inside"},
        {**ids, "request_id": "mine", "tool": None, "event": "own"},
        {"event": "after"},
    ]


def test_structlog_as_a_tool_configures_it(home: Home) -> None:
    """A real tool with JSON lines; and without structlog the processor can be imported."""
    code = """
import sys
from tooltrail.integrations.structlog import add_ids
assert "structlog" not in sys.modules
import structlog, tooltrail
structlog.configure(processors=[add_ids, structlog.processors.JSONRenderer()])
with tooltrail.invocation("job", "sync"): structlog.get_logger().info("x")
"""
    done = home.python(code)
    assert done.stderr == ""
    end = home.end("job")
    told = json.loads(done.stdout)
    for name in ("request_id", "trace_id", "tool", "command"):
        assert told[name] == end[name]
