"""The tool in Typer."""

import datetime
from pathlib import Path
from typing import Annotated, Any

import deeds
import typer

app = typer.Typer(pretty_exceptions_enable=False)
db = typer.Typer()
app.add_typer(db, name="db")


def show_version(wanted: bool) -> None:
    if wanted:
        print("spec, version 9.9")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=show_version)] = False,
) -> None:
    """Do things."""


@app.command()
def deploy(
    env: str,
    replicas: int = 3,
    force: Annotated[bool, typer.Option("--force")] = False,
    token: Annotated[str | None, typer.Option(hide_input=True)] = None,
) -> Any:
    return deeds.deploy(env, replicas, force, token)


@db.callback()
def nested() -> None:
    """Nested."""


@db.command()
def migrate(steps: int = 1) -> Any:
    return deeds.migrate(steps)


@app.command()
def types(
    count: int = 1,
    ratio: float = 1.5,
    color: deeds.Color = deeds.Color.blue,
    where: Path = Path("here"),
    day: datetime.datetime = datetime.datetime(2026, 1, 1),
    names: Annotated[list[str], typer.Option()] = [],  # noqa: B006
) -> None:
    deeds.types(count=count, ratio=ratio, color=color, where=where, day=day, names=names)


@app.command()
def ask(password: Annotated[str, typer.Option(prompt=True, hide_input=True)]) -> None:
    deeds.ask(password)


@app.command()
def give(what: str) -> Any:
    return deeds.give(what)


@app.command()
def leave(how: str) -> None:
    deeds.leave(how)


@app.command()
def own(code: int) -> None:
    raise typer.Exit(code)


for deed in deeds.PLAIN:
    app.command(deed.__name__)(deed)
if deeds.OWN:
    del app.registered_commands[0]

    @app.command("deploy")
    def deploy_to(env: str, output: str | None = None) -> Any:
        return deeds.deploy(env, 3, False, None, output)

    app.command("audit-log")(deeds.own_log)

if deeds.MODE != "bare":
    from tooltrail.integrations.typer import instrument

    instrument(app, **deeds.HOW)

plugins = typer.Typer()  # what is added afterwards counts, too
plugins.command("late")(__import__("late_plugin").late)
app.add_typer(plugins)

if __name__ == "__main__":
    app(prog_name="spec")
