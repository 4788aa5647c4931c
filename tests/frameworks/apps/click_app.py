"""The tool in Click, or, asked so, in rich-click."""

import datetime
import os
from pathlib import Path
from typing import Any

import deeds

if os.environ.get("SPEC_RICH"):
    import rich_click as click

    Group = click.RichGroup
else:
    import click

    Group = click.Group
CHAIN = bool(os.environ.get("SPEC_CHAIN"))


class Plugins(Group):
    """Imports a command only when it is called."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name != "late":
            return super().get_command(ctx, cmd_name)
        import late_plugin

        return click.option("--times", default=1)(click.command("late")(late_plugin.late))


@click.group(cls=Plugins, chain=CHAIN)
@click.version_option("9.9")
def cli() -> None:
    """Do things."""


@cli.command()
@click.argument("env")
@click.option("--replicas", type=int, default=3)
@click.option("--force", is_flag=True)
@click.option("--token", hide_input=True)
def deploy(**given: Any) -> Any:
    return deeds.deploy(**given)


if not CHAIN:

    @cli.group()
    def db() -> None:
        """Nested."""

    @db.command()
    @click.option("--steps", default=1)
    def migrate(steps: int) -> Any:
        return deeds.migrate(steps)


@cli.command()
@click.option("--count", default=1)
@click.option("--ratio", default=1.5)
@click.option("--color", type=click.Choice(deeds.Color), default=deeds.Color.blue)
@click.option("--where", type=click.Path(path_type=Path), default=Path("here"))
@click.option("--day", type=click.DateTime(), default=datetime.datetime(2026, 1, 1))
@click.option("--names", multiple=True)
def types(**given: Any) -> None:
    deeds.types(**given)


@cli.command()
@click.option("--password", prompt=True, hide_input=True)
def ask(password: str) -> None:
    deeds.ask(password)


@cli.command()
@click.argument("what")
def give(what: str) -> Any:
    return deeds.give(what)


@cli.command()
@click.argument("how")
def leave(how: str) -> None:
    deeds.leave(how)


@cli.command()
@click.argument("code", type=int)
def own(code: int) -> None:
    click.get_current_context().exit(code)


for deed in deeds.PLAIN:
    cli.command(deed.__name__)(deed)
if deeds.OWN:
    click.option("--output")(deploy)
    cli.command("audit-log")(deeds.own_log)

if deeds.MODE != "bare":
    from tooltrail.integrations.click import instrument

    instrument(cli, **deeds.HOW)

if __name__ == "__main__":
    cli(prog_name="spec")
