"""The tool without any framework."""

import asyncio
import os
import sys
from typing import Any

import deeds


def act() -> Any:
    what, *rest = sys.argv[1:] or ["nothing"]
    if what == "deploy":
        return deeds.deploy(rest[0], 3, "--force" in rest, None)
    if what not in vars(deeds):
        print(f"no such thing: {what}", file=sys.stderr)
        return 2
    return getattr(deeds, what)(*rest)


def main() -> Any:
    return act()


async def main_async() -> Any:
    await asyncio.sleep(0)
    return act()


if deeds.MODE != "bare":
    from tooltrail.integrations.program import instrument

    main = instrument(main, **deeds.HOW)
    main_async = instrument(main_async, **deeds.HOW)

if __name__ == "__main__":
    came = asyncio.run(main_async()) if os.environ.get("SPEC_ASYNC") else main()
    sys.exit(came if isinstance(came, int) else 0)
