"""The tool with argparse."""

import argparse
import asyncio
import datetime
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import deeds


def build() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("spec")
    parser.add_argument("--version", action="version", version="spec 9.9")
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("deploy")
    deploy.add_argument("env")
    deploy.add_argument("--replicas", type=int, default=3)
    deploy.add_argument("--force", action="store_true")
    deploy.add_argument("--token")
    deploy.set_defaults(
        run=lambda a: deeds.deploy(
            a.env, a.replicas, a.force, a.token, a.output if deeds.OWN else None
        )
    )
    nested = commands.add_parser("db").add_subparsers(dest="nested", required=True)
    migrate = nested.add_parser("migrate")
    migrate.add_argument("--steps", type=int, default=1)
    migrate.set_defaults(run=lambda a: deeds.migrate(a.steps))
    own = commands.add_parser("own")
    own.add_argument("code", type=int)
    own.set_defaults(run=lambda a: parser.exit(a.code))
    add_types(commands.add_parser("types"))
    for deed, name in ((deeds.leave, "how"), (deeds.give, "what")):
        one = commands.add_parser(deed.__name__)
        one.add_argument(name)
        one.set_defaults(run=lambda a, deed=deed, name=name: deed(getattr(a, name)))
    for deed in (*deeds.PLAIN, deeds.ask):
        commands.add_parser(deed.__name__).set_defaults(run=lambda a, deed=deed: deed())
    late = commands.add_parser("late")
    late.add_argument("--times", type=int, default=1)
    late.set_defaults(run=lambda a: __import__("late_plugin").late(a.times))
    if deeds.OWN:
        deploy.add_argument("--output")
        commands.add_parser("audit-log").set_defaults(run=lambda a: deeds.own_log())
    return parser


def add_types(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--ratio", type=float, default=1.5)
    parser.add_argument("--color", type=deeds.Color, default=deeds.Color.blue)
    parser.add_argument("--where", type=Path, default=Path("here"))
    parser.add_argument(
        "--day", type=datetime.date.fromisoformat, default=datetime.date(2026, 1, 1)
    )
    parser.add_argument("--names", action="append", default=[])
    names = ("count", "ratio", "color", "where", "day", "names")
    parser.set_defaults(run=lambda a: deeds.types(**{name: getattr(a, name) for name in names}))


def run(given: argparse.Namespace) -> Any:
    assert not [name for name in vars(given) if "tooltrail" in name]
    assert deeds.OWN or "output" not in vars(given)
    return given.run(given)


def main(argv: Sequence[str] | None = None) -> Any:
    return run(build().parse_args(argv))


async def main_async(argv: Sequence[str] | None = None) -> Any:
    await asyncio.sleep(0)
    return run(build().parse_args(argv))


if deeds.MODE != "bare":
    from tooltrail.integrations.argparse import instrument

    main = instrument(main, **deeds.HOW)
    main_async = instrument(main_async, **deeds.HOW)

if __name__ == "__main__":
    came = asyncio.run(main_async()) if os.environ.get("SPEC_ASYNC") else main()
    sys.exit(came if isinstance(came, int) else 0)
