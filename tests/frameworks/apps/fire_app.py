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

    def types(
        self,
        count: int = 1,
        ratio: float = 1.5,
        color: str = "blue",
        where: str = "here",
        day: str = "2026-01-01",
        names: Any = (),
    ) -> None:
        deeds.types(count=count, ratio=ratio, color=color, where=where, day=day, names=names)

    def leave(self, how: Any) -> None:
        deeds.leave(str(how))

    async def wait(self, ms: int) -> Any:
        print("waited")
        return {"ms": ms}

    @property
    def late(self) -> Any:
        import late_plugin

        return late_plugin.late

    give = staticmethod(deeds.give)
    ask = staticmethod(lambda: deeds.ask())
    crash = staticmethod(deeds.crash)
    refuse = staticmethod(deeds.refuse)
    slow = staticmethod(deeds.slow)
    flood = staticmethod(deeds.flood)
    child = staticmethod(deeds.child)
    jump = staticmethod(deeds.jump)


class OwnSpec(Spec):
    """Has what we would add."""

    def deploy(self, env: str, output: Any = None) -> Any:
        return deeds.deploy(env, 3, False, None, output)

    audit_log = staticmethod(deeds.own_log)


def main(command: Any = None) -> None:
    fire.Fire(OwnSpec if deeds.OWN else Spec, command=command, name="spec")


if deeds.MODE != "bare":
    from tooltrail.integrations.fire import instrument

    main = instrument(main, **deeds.HOW)

if __name__ == "__main__":
    main()
