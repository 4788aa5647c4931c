"""The tool with optparse, which knows no subcommands: the first argument says what to do."""

import optparse
import sys
from typing import Any

import deeds


def main(argv: list[str] | None = None) -> Any:
    parser = optparse.OptionParser(prog="spec", version="spec 9.9")
    parser.add_option("--replicas", type="int", default=3)
    parser.add_option("--force", action="store_true", default=False)
    parser.add_option("--token")
    options, arguments = parser.parse_args(argv)
    what, *rest = arguments or ["nothing"]
    if what == "deploy":
        return deeds.deploy(rest[0], options.replicas, options.force, options.token)
    if what not in vars(deeds):
        parser.error(f"no such thing: {what}")
    return getattr(deeds, what)(*rest)


if deeds.MODE != "bare":
    from tooltrail.integrations.optparse import instrument

    main = instrument(main, **deeds.HOW)

if __name__ == "__main__":
    came = main()
    sys.exit(came if isinstance(came, int) else 0)
