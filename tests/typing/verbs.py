"""The verb of each integration as a type checker sees it; read by mypy, never run."""

from collections.abc import Callable

import cyclopts
import rich_click
import typer

import tooltrail
from tooltrail.integrations import argparse, click, fire, optparse, program
from tooltrail.integrations import cyclopts as recorded_cyclopts
from tooltrail.integrations import typer as recorded_typer


class SpecialApp(cyclopts.App):
    pass


class SpecialTyper(typer.Typer):
    pass


def main(argv: list[str] | None = None) -> int:
    return 0


async def main_async() -> str:
    return ""


# What an author gives comes back as what it was: an object of his own class, a function as typed.
app: SpecialApp = recorded_cyclopts.instrument(SpecialApp(), tool="x", envelope=True)
typed: SpecialTyper = recorded_typer.instrument(SpecialTyper(), version="1", audit_log=True)
group: rich_click.RichGroup = click.instrument(rich_click.RichGroup(name="x"))

code: int = program.instrument(main, tool="x")(["a"])
code = argparse.instrument(main, tool="x", envelope=True, audit_log=True)(["a"])
code = optparse.instrument(main, version="1")(None)
code = fire.instrument(main)(argv=[])
same: Callable[[list[str] | None], int] = argparse.instrument(tool="x")(main)


@argparse.instrument
def decorated(count: int) -> str:
    return ""


@program.instrument(tool="x")
def called(count: int) -> str:
    return ""


text: str = decorated(1) + called(2)
decorated("one")  # type: ignore[arg-type]
called("two")  # type: ignore[arg-type]
recorded_cyclopts.instrument(42)  # type: ignore[type-var]
recorded_typer.instrument(42)  # type: ignore[type-var]
click.instrument(42)  # type: ignore[type-var]
argparse.instrument(42)  # type: ignore[call-overload]


async def awaited() -> str:
    return await program.instrument(main_async)()


@tooltrail.step("upload")
def upload(count: int) -> str:
    with tooltrail.step("part", number=count):
        tooltrail.mark_cached(None)
    return ""


text = upload(1)
upload("one")  # type: ignore[arg-type]
