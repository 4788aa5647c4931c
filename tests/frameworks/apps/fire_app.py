"""The tool in Fire."""

from typing import Any

import deeds
import fire


class Db:
    """Nested."""

    def migrate(self, steps: int = 1) -> Any:
        return deeds.migrate(steps)


class Spec:
    """Do things."""

    def __init__(self) -> None:
        self.db = Db()

    def deploy(self, env: str, replicas: int = 3, force: bool = False, token: Any = None) -> Any:
        return deeds.deploy(env, replicas, force, token)

    def leave(self, how: Any) -> None:
        deeds.leave(str(how))

    async def wait(self, ms: int) -> Any:
        print("waited")
        return {"ms": ms}

    crash = staticmethod(deeds.crash)
    refuse = staticmethod(deeds.refuse)
    slow = staticmethod(deeds.slow)
    flood = staticmethod(deeds.flood)
    child = staticmethod(deeds.child)
    jump = staticmethod(deeds.jump)


def main(command: Any = None) -> None:
    fire.Fire(Spec, command=command, name="spec")


if deeds.MODE != "bare":
    from tooltrail.integrations.fire import instrument

    main = instrument(main, **deeds.HOW)

if __name__ == "__main__":
    main()
