"""The tool without any framework."""

import sys
from typing import Any

import deeds


def main() -> Any:
    what, *rest = sys.argv[1:] or ["nothing"]
    if what == "deploy":
        return deeds.deploy(rest[0], 3, "--force" in rest, None)
    if what not in vars(deeds):
        print(f"no such thing: {what}", file=sys.stderr)
        return 2
    return getattr(deeds, what)(*rest)


if deeds.MODE != "bare":
    from tooltrail.integrations.program import instrument

    main = instrument(main, **deeds.HOW)

if __name__ == "__main__":
    came = main()
    sys.exit(came if isinstance(came, int) else 0)
