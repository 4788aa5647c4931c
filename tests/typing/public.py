"""The public names as a type checker sees them; read by mypy, never run."""

from typing import Any, assert_type

import click

import tooltrail
from tooltrail._block import RecordedBlock
from tooltrail.integrations.click import instrument


class Special(click.Group):
    pass


assert_type(instrument(click.Command("x")), click.Command)
assert_type(instrument(Special("x"), tool="x", version="1", envelope=True), Special)

with tooltrail.invocation("tool", "command", {"param": 1}, secrets=["param"]) as call:
    assert_type(call, RecordedBlock)
    assert_type(call.request_id, str)
    assert_type(call.trace_id, str)
    assert_type(call.data, Any)

assert_type(tooltrail.current(), tooltrail.Invocation | None)
assert_type(tooltrail.CommandError("no", code="NO").exit_code, int)
assert_type(tooltrail.__version__, str)
