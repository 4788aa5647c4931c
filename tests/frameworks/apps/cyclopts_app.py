"""The tool in Cyclopts."""

import datetime
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import deeds

app = cyclopts.App(name="spec", version="9.9")
db = cyclopts.App(name="db")
app.command(db)


def deploy(
    env: str,
    *,
    replicas: int = 3,
    force: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    token: str | None = None,
) -> Any:
    return deeds.deploy(env, replicas, force, token)


def deploy_to(env: str, *, output: str | None = None) -> Any:
    return deeds.deploy(env, 3, False, None, output)


app.command(deploy_to if deeds.OWN else deploy, name="deploy")


@db.command
def migrate(*, steps: int = 1) -> Any:
    return deeds.migrate(steps)


@app.command
def types(
    *,
    count: int = 1,
    ratio: float = 1.5,
    color: deeds.Color = deeds.Color.blue,
    where: Path = Path("here"),
    day: datetime.date = datetime.date(2026, 1, 1),
    names: list[str] | None = None,
) -> None:
    deeds.types(count=count, ratio=ratio, color=color, where=where, day=day, names=names or [])


@app.command
def ask() -> None:
    deeds.ask()


@app.command
def give(what: str) -> Any:
    return deeds.give(what)


@app.command
def leave(how: str) -> None:
    deeds.leave(how)


@app.command
async def wait(ms: int) -> Any:
    import asyncio

    await asyncio.sleep(ms / 1000)
    print("waited")
    return {"ms": ms}


for deed in deeds.PLAIN:
    app.command(deed, name=deed.__name__)
if deeds.OWN:
    app.command(deeds.own_log, name="audit-log")

if deeds.MODE != "bare":
    from tooltrail.integrations.cyclopts import instrument

    instrument(app, **deeds.HOW)

app.command("late_plugin:late")  # imported only when it is called

if __name__ == "__main__":
    app()
