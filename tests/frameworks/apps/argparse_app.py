"""The tool with argparse."""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
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
    deploy.set_defaults(run=lambda a: deeds.deploy(a.env, a.replicas, a.force, a.token))
    nested = commands.add_parser("db").add_subparsers(dest="nested", required=True)
    migrate = nested.add_parser("migrate")
    migrate.add_argument("--steps", type=int, default=1)
    migrate.set_defaults(run=lambda a: deeds.migrate(a.steps))
    leave = commands.add_parser("leave")
    leave.add_argument("how")
    leave.set_defaults(run=lambda a: deeds.leave(a.how))
    own = commands.add_parser("own")
    own.add_argument("code", type=int)
    own.set_defaults(run=lambda a: parser.exit(a.code))
    for deed in (deeds.crash, deeds.refuse, deeds.slow, deeds.flood, deeds.child, deeds.jump):
        commands.add_parser(deed.__name__).set_defaults(run=lambda a, deed=deed: deed())
    return parser


def main(argv: Sequence[str] | None = None) -> Any:
    given = build().parse_args(argv)
    assert not [name for name in vars(given) if "tooltrail" in name or name == "output"]
    return given.run(given)


async def main_async(argv: Sequence[str] | None = None) -> Any:
    await asyncio.sleep(0)
    given = build().parse_args(argv)
    return given.run(given)


if deeds.MODE != "bare":
    from tooltrail.integrations.argparse import instrument

    main = instrument(main, **deeds.HOW)
    main_async = instrument(main_async, **deeds.HOW)

if __name__ == "__main__":
    came = asyncio.run(main_async()) if os.environ.get("SPEC_ASYNC") else main()
    sys.exit(came if isinstance(came, int) else 0)
