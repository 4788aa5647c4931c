"""The tool with optparse, which knows no subcommands: the first argument says what to do."""

import asyncio
import optparse
import os
import sys
from typing import Any

import deeds


def build() -> optparse.OptionParser:
    parser = optparse.OptionParser(prog="spec", version="spec 9.9")
    parser.add_option("--replicas", type="int", default=3)
    parser.add_option("--force", action="store_true", default=False)
    parser.add_option("--token")
    parser.add_option("--count", type="int", default=1)
    parser.add_option("--ratio", type="float", default=1.5)
    parser.add_option("--color", choices=["red", "blue"], default="blue")
    parser.add_option("--where", default="here")
    parser.add_option("--day", default="2026-01-01")
    parser.add_option("--names", action="append", default=[])
    if deeds.OWN:
        parser.add_option("--output")
    return parser


def act(argv: list[str] | None = None) -> Any:
    parser = build()
    options, arguments = parser.parse_args(argv)
    what, *rest = arguments or ["nothing"]
    if what == "deploy":
        output = options.output if deeds.OWN else None
        return deeds.deploy(rest[0], options.replicas, options.force, options.token, output)
    if what == "types":
        names = ("count", "ratio", "color", "where", "day", "names")
        return deeds.types(**{name: getattr(options, name) for name in names})
    if what == "own":
        parser.exit(int(rest[0]))
    if what not in vars(deeds):
        parser.error(f"no such thing: {what}")
    return getattr(deeds, what)(*rest)


def main(argv: list[str] | None = None) -> Any:
    return act(argv)


async def main_async() -> Any:
    await asyncio.sleep(0)
    return act()


if deeds.MODE != "bare":
    from tooltrail.integrations.optparse import instrument

    main = instrument(main, **deeds.HOW)
    main_async = instrument(main_async, **deeds.HOW)

if __name__ == "__main__":
    came = asyncio.run(main_async()) if os.environ.get("SPEC_ASYNC") else main()
    sys.exit(came if isinstance(came, int) else 0)
