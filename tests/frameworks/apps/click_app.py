"""The tool in Click, or, asked so, in rich-click."""

import os
from typing import Any

import deeds

if os.environ.get("SPEC_RICH"):
    import rich_click as click
else:
    import click


@click.group(chain=bool(os.environ.get("SPEC_CHAIN")))
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


if not os.environ.get("SPEC_CHAIN"):

    @cli.group()
    def db() -> None:
        """Nested."""

    @db.command()
    @click.option("--steps", default=1)
    def migrate(steps: int) -> Any:
        return deeds.migrate(steps)


@cli.command()
@click.argument("how")
def leave(how: str) -> None:
    deeds.leave(how)


@cli.command()
@click.argument("code", type=int)
def own(code: int) -> None:
    click.get_current_context().exit(code)


for deed in (deeds.crash, deeds.refuse, deeds.slow, deeds.flood, deeds.child, deeds.jump):
    cli.command(deed.__name__)(deed)

if deeds.MODE != "bare":
    from tooltrail.integrations.click import instrument

    instrument(cli, **deeds.HOW)

if __name__ == "__main__":
    cli(prog_name="spec")
