"""The tool in Typer."""

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
def leave(how: str) -> None:
    deeds.leave(how)


@app.command()
def own(code: int) -> None:
    raise typer.Exit(code)


for deed in (deeds.crash, deeds.refuse, deeds.slow, deeds.flood, deeds.child, deeds.jump):
    app.command(deed.__name__)(deed)

if deeds.MODE != "bare":
    from tooltrail.integrations.typer import instrument

    instrument(app, **deeds.HOW)

if __name__ == "__main__":
    app(prog_name="spec")
