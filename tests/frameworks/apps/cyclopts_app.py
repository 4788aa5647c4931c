"""The tool in Cyclopts."""

from typing import Annotated, Any

import cyclopts
import deeds

app = cyclopts.App(name="spec", version="9.9")
db = cyclopts.App(name="db")
app.command(db)


@app.command
def deploy(
    env: str,
    *,
    replicas: int = 3,
    force: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    token: str | None = None,
) -> Any:
    return deeds.deploy(env, replicas, force, token)


@db.command
def migrate(*, steps: int = 1) -> Any:
    return deeds.migrate(steps)


@app.command
def leave(how: str) -> None:
    deeds.leave(how)


@app.command
async def wait(ms: int) -> Any:
    import asyncio

    await asyncio.sleep(ms / 1000)
    print("waited")
    return {"ms": ms}


for deed in (deeds.crash, deeds.refuse, deeds.slow, deeds.flood, deeds.child, deeds.jump):
    app.command(deed, name=deed.__name__)

if deeds.MODE != "bare":
    from tooltrail.integrations.cyclopts import instrument

    instrument(app, **deeds.HOW)

if __name__ == "__main__":
    app()
